// A block RAM of an ECP5, as hw/boards/gates_ecp5 has it, for simulation: two ports of 1, 2, 4, 9 or 18
// bits to one memory of 18 kbit. Two ports at one word in one cycle, one of which writes, get what
// comes of it: the other one's output is inverted, so that a design which looks at it fails.
module DP16KD #(
    parameter [18431:0] CONTENTS = 18432'd0,
    parameter WIDTH_A = 18,
    parameter WIDTH_B = 18,
    parameter MODE_A  = "NORMAL", // the output of a port that writes: stays, the new word, or the old one
    parameter MODE_B  = "NORMAL",
    parameter REG_A   = 0,        // a register more at the output
    parameter REG_B   = 0
) (
    input  wire        clk_A, ce_A, oce_A, rst_A, we_A, cs_A,
    input  wire [13:0] ad_A,
    input  wire [17:0] di_A,
    output wire [17:0] do_A,
    input  wire        clk_B, ce_B, oce_B, rst_B, we_B, cs_B,
    input  wire [13:0] ad_B,
    input  wire [17:0] di_B,
    output wire [17:0] do_B
);
    // Narrow words lie in the lower eight bits of each nine.
    function [17:0] lanes(input integer width, input [13:0] ad); // which bits of the word of 18
        case (width)
            18: lanes = {{9{ad[1]}}, {9{ad[0]}}}; // for writing; a read takes all of them
            9: lanes = ad[3] ? 18'h3fe00 : 18'h001ff;
            4: lanes = 18'h0000f << (9 * ad[3] + 4 * ad[2]);
            2: lanes = 18'h00003 << (9 * ad[3] + 2 * ad[2:1]);
            default: lanes = 18'h00001 << (9 * ad[3] + ad[2:0]);
        endcase
    endfunction
    function [4:0] place(input integer width, input [13:0] ad);
        case (width)
            18: place = 5'd0;
            9: place = ad[3] ? 5'd9 : 5'd0;
            4: place = 9 * ad[3] + 4 * ad[2];
            2: place = 9 * ad[3] + 2 * ad[2:1];
            default: place = 9 * ad[3] + ad[2:0];
        endcase
    endfunction
    function [17:0] low(input integer width, input [17:0] word);
        low = width == 18 ? word : word & ((18'd1 << width) - 18'd1);
    endfunction
    reg  [17:0] memory [0:1023];
    integer i;
    initial
        for (i = 0; i < 1024; i = i + 1)
            memory[i] = CONTENTS[18*i+:18];

    wire        on_A = ce_A && cs_A, on_B = ce_B && cs_B;
    wire [17:0] mask_A = lanes(WIDTH_A, ad_A), mask_B = lanes(WIDTH_B, ad_B);
    wire [17:0] in_A = low(WIDTH_A, di_A) << place(WIDTH_A, ad_A), in_B = low(WIDTH_B, di_B) << place(WIDTH_B, ad_B);
    wire [17:0] old_A = memory[ad_A[13:4]], old_B = memory[ad_B[13:4]];
    wire [17:0] new_A = (old_A & ~mask_A) | (in_A & mask_A), new_B = (old_B & ~mask_B) | (in_B & mask_B);
    // What a read of one port and a write of the other have in common.
    wire        meet = on_A && on_B && ad_A[13:4] == ad_B[13:4];
    reg  [17:0] q_A = 18'd0, q_B = 18'd0, r_A = 18'd0, r_B = 18'd0;
    always @(posedge clk_A) begin
        if (on_A && we_A)
            memory[ad_A[13:4]] <= new_A;
        if (rst_A)
            q_A <= 18'd0;
        else if (on_A && (!we_A || MODE_A != "NORMAL"))
            q_A <= low(WIDTH_A, (we_A && MODE_A == "WRITETHROUGH" ? new_A : old_A ^ (meet && we_B ? mask_B : 18'd0))
                                >> place(WIDTH_A, ad_A));
        if (oce_A)
            r_A <= q_A;
    end
    always @(posedge clk_B) begin
        if (on_B && we_B)
            memory[ad_B[13:4]] <= new_B;
        if (rst_B)
            q_B <= 18'd0;
        else if (on_B && (!we_B || MODE_B != "NORMAL"))
            q_B <= low(WIDTH_B, (we_B && MODE_B == "WRITETHROUGH" ? new_B : old_B ^ (meet && we_A ? mask_A : 18'd0))
                                >> place(WIDTH_B, ad_B));
        if (oce_B)
            r_B <= q_B;
    end
    assign do_A = REG_A != 0 ? r_A : q_A;
    assign do_B = REG_B != 0 ? r_B : q_B;
endmodule
