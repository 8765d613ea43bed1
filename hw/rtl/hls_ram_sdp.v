// A RAM with one port to read and one to write.
//
// q is the word at ra one cycle after re and holds until the next re. When one cycle reads and
// writes the same address, q is the old word with BYPASS 0 and the new word with BYPASS 1. With
// MEETS 0 it promises never to do that, which saves FPGAs whose RAM cannot tell some logic.
// The contents start as zero: in simulation by the loop below (which synthesis would take minutes
// over), in an FPGA because its tools fill with zeros what a design leaves open.
//
// TURNS 1 promises that no cycle both reads and writes. With `define SPRAM such a memory, if it is
// larger than a block RAM of 4 kbit, lies in the large RAMs of an iCE40 UP, and its contents start as
// anything: the design has to write what it reads.
//
// Addresses are below DEPTH; what one beyond reads is not defined.
module hls_ram_sdp #(
    parameter WIDTH  = 32,   // bits of a word
    parameter DEPTH  = 1024, // words
    parameter AWIDTH = 10,   // bits of DEPTH - 1, at least 1
    parameter BYPASS = 0,    // 1: reading sees the write of the same cycle
    parameter MEETS  = 1,    // 0: no cycle reads and writes the same address
    parameter TURNS  = 0     // 1: no cycle both reads and writes
) (
    input  wire              clk,
    input  wire [AWIDTH-1:0] ra, // address to read
    input  wire              re, // read it
    output wire [WIDTH-1:0]  q,  // the word last read
    input  wire [AWIDTH-1:0] wa, // address to write
    input  wire              we, // write it
    input  wire [WIDTH-1:0]  wd  // the word to write
);
    // Behind a bypass nobody sees what the RAM itself reads in a collision.
    localparam UNSEEN = BYPASS != 0 || MEETS == 0;
`ifdef SPRAM
    localparam LARGE = TURNS != 0 && WIDTH * DEPTH > 4096 && AWIDTH <= 14; // and nobody sees mem
`else
    localparam LARGE = 0;
`endif
    (* no_rw_check = UNSEEN *)
    reg [WIDTH-1:0] mem [0:DEPTH-1];
    reg [WIDTH-1:0] word;

    always @(posedge clk) begin
        if (we) begin
            mem[wa] <= wd;
`ifndef SYNTHESIS
            if (UNSEEN && BYPASS == 0 && re && ra == wa) begin
                $display("hls_ram_sdp: %m: address %0d is read and written at once", ra);
                $finish;
            end
            if (TURNS != 0 && re) begin
                $display("hls_ram_sdp: %m: reads and writes at once");
                $finish;
            end
`endif
        end
        if (re)
            word <= mem[ra];
    end

    generate
        if (LARGE != 0) begin : spram
            ice40_spram #(
                .WIDTH (WIDTH),
                .AWIDTH(AWIDTH)
            ) ram (
                .clk(clk),
                .a  (we ? wa : ra),
                .re (re),
                .q  (q),
                .we (we),
                .wd (wd)
            );
        end else if (BYPASS != 0) begin : bypass
            reg [WIDTH-1:0] written;
            reg             hit;
            always @(posedge clk)
                if (re) begin
                    written <= wd;
                    hit     <= we && wa == ra;
                end
            assign q = hit ? written : word;
        end else begin : plain
            assign q = word;
        end
    endgenerate

`ifndef SYNTHESIS
    integer i;
    initial
        for (i = 0; i < DEPTH; i = i + 1)
            mem[i] = {WIDTH{1'b0}};
`endif
endmodule
