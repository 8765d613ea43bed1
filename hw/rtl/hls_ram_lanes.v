// A RAM with one port to read and one to write, whose words are lanes side by side, each written or
// not: so that an FPGA may put many narrow memories that are addressed alike into few wide ones.
//
// q is the word at ra one cycle after re and holds until the next re. When one cycle reads and
// writes the same address, of the lanes that are written q is the old word with BYPASS 0 and the new
// one with BYPASS 1. With MEETS 0 it promises never to do that.
// The contents start as zero: in simulation by the loop below (which synthesis would take minutes
// over), in an FPGA because its tools fill with zeros what a design leaves open.
//
// Addresses are below DEPTH; what one beyond reads is not defined.
module hls_ram_lanes #(
    parameter WIDTH  = 24,    // bits of a lane
    parameter LANES  = 16,
    parameter DEPTH  = 1024,  // words
    parameter AWIDTH = 10,    // bits of DEPTH - 1, at least 1
    parameter BYPASS = 0,     // 1: reading sees the write of the same cycle
    parameter MEETS  = 1,     // 0: no cycle reads and writes the same address
    /* verilator lint_off UNUSED */ // but by synthesis
    parameter STYLE  = "auto" // ram_style: "ultra", "block", "distributed"
    /* verilator lint_on UNUSED */
) (
    input  wire                   clk,
    input  wire [AWIDTH-1:0]      ra, // address to read
    input  wire                   re, // read it
    output wire [LANES*WIDTH-1:0] q,  // the word last read
    input  wire [AWIDTH-1:0]      wa, // address to write
    input  wire [LANES-1:0]       we, // lanes to write
    input  wire [LANES*WIDTH-1:0] wd  // the word to write
);
    // Behind a bypass nobody sees what the RAM itself reads in a collision.
    localparam UNSEEN = BYPASS != 0 || MEETS == 0;
    (* no_rw_check = UNSEEN, ram_style = STYLE *)
    reg [LANES*WIDTH-1:0] mem [0:DEPTH-1];
    reg [LANES*WIDTH-1:0] word;

    integer k;
    always @(posedge clk) begin
        for (k = 0; k < LANES; k = k + 1)
            if (we[k])
                mem[wa][WIDTH*k+:WIDTH] <= wd[WIDTH*k+:WIDTH];
        if (re)
            word <= mem[ra];
    end

    generate
        if (BYPASS != 0) begin : bypass
            reg [LANES*WIDTH-1:0] written;
            reg [LANES-1:0]       hit;
            always @(posedge clk)
                if (re) begin
                    written <= wd;
                    hit     <= wa == ra ? we : {LANES{1'b0}};
                end
            genvar i;
            for (i = 0; i < LANES; i = i + 1) begin : lane
                assign q[WIDTH*i+:WIDTH] = hit[i] ? written[WIDTH*i+:WIDTH] : word[WIDTH*i+:WIDTH];
            end
        end else begin : plain
            assign q = word;
        end
    endgenerate

`ifndef SYNTHESIS
    integer i;
    initial
        for (i = 0; i < DEPTH; i = i + 1)
            mem[i] = {LANES*WIDTH{1'b0}};
    always @(posedge clk)
        if (UNSEEN && BYPASS == 0 && re && |we && ra == wa) begin
            $display("hls_ram_lanes: %m: address %0d is read and written at once", ra);
            $finish;
        end
`endif
endmodule
