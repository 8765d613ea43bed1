// The large RAMs of an iCE40 UP as one memory, against an array: what was read holds through writes and
// idle cycles. Words are written before they are read.
module spram_check #(
    parameter WIDTH  = 32,
    parameter AWIDTH = 6
) (
    input  wire clk,
    output reg  done
);
    `include "check.vh"
    localparam DEPTH = 1 << AWIDTH;
    reg  [AWIDTH-1:0] a;
    reg               re, we;
    reg  [WIDTH-1:0]  wd;
    wire [WIDTH-1:0]  q;
    ice40_spram #(
        .WIDTH (WIDTH),
        .AWIDTH(AWIDTH)
    ) ram (
        .clk(clk),
        .a  (a),
        .re (re),
        .q  (q),
        .we (we),
        .wd (wd)
    );

    reg [WIDTH-1:0] model [0:DEPTH-1];
    reg [WIDTH-1:0] expected;
    reg             known = 0; // something has been read
    reg [31:0]      seed = 32'h7654321 + WIDTH + DEPTH;
    integer         cycle = 0;
    integer         held = 0; // cycles since the last read
    integer         longest = 0;
    initial begin
        re   = 0;
        we   = 0;
        done = 0;
    end

    always @(posedge clk) begin
        held <= re ? 0 : held + 1;
        if (known && held > longest)
            longest <= held;
        if (re) begin
            expected = model[a];
            known    = 1;
        end
        if (we)
            model[a] = wd;
    end

    always @(negedge clk) begin
        `CHECK(!known || q === expected, "q is not the word last read")
        cycle <= cycle + 1;
        seed = next_random(seed);
        wd <= {(WIDTH + 31) / 32{scatter(seed)}};
        if (cycle < DEPTH) begin
            we <= 1;
            a  <= cycle;
        end else begin
            re <= seed[1:0] == 0;
            we <= seed[1:0] == 1;
            a  <= seed[31:8];
        end
        if (cycle == DEPTH + 4000 && !done) begin
            `CHECK(longest > 5, "q has to hold for hardly any time")
            done <= 1;
            if (errors == 0)
                $display("pass %m");
        end
    end
endmodule

module tb_ice40_spram;
    wire       clk;
    wire [4:0] done;
    bench #(5, 30000) bench (clk, done);
    spram_check #(32, 10) w32 (clk, done[0]);
    spram_check #(8, 13)  w8  (clk, done[1]);
    spram_check #(16, 14) w16 (clk, done[2]);
    spram_check #(24, 3)  w24 (clk, done[3]);
    spram_check #(1, 1)   w1  (clk, done[4]);
endmodule
