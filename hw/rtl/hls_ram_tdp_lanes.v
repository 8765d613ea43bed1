// A RAM with two ports, each of which reads a word or writes lanes of it per cycle: hls_ram_tdp, wide.
//
// A port's q is the word at its address one cycle after en without we, and holds until the next such
// cycle. A word may be several lanes side by side, of which a port writes those that a_we or b_we
// says, and none to read. The two ports may not meet: both writing one address in one cycle, or one writing what the
// other reads, ends a simulation with a message and is undefined in an FPGA.
// The contents start as zero: in simulation by the loop below (which synthesis would take minutes
// over), in an FPGA because its tools fill with zeros what a design leaves open.
//
// Addresses are below DEPTH; what one beyond reads is not defined. An FPGA without true dual port
// block RAM (iCE40) makes registers of it, WIDTH * DEPTH of them.
module hls_ram_tdp_lanes #(
    parameter WIDTH  = 32,    // bits of a lane
    parameter DEPTH  = 1024,  // words
    parameter AWIDTH = 10,    // bits of DEPTH - 1, at least 1
    parameter LANES  = 1,     // of a word
    /* verilator lint_off UNUSED */ // but by synthesis
    parameter STYLE  = "auto" // ram_style: "ultra", "block", "distributed"
    /* verilator lint_on UNUSED */
) (
    input  wire                   clk,
    input  wire [AWIDTH-1:0]      a_addr, // port a: address
    input  wire                   a_en,   //         read or write it
    input  wire [LANES-1:0]       a_we,   //         write these lanes
    input  wire [LANES*WIDTH-1:0] a_wd,   //         the word to write
    output reg  [LANES*WIDTH-1:0] a_q,    //         the word last read
    input  wire [AWIDTH-1:0]      b_addr, // port b: address
    input  wire                   b_en,   //         read or write it
    input  wire [LANES-1:0]       b_we,   //         write these lanes
    input  wire [LANES*WIDTH-1:0] b_wd,   //         the word to write
    output reg  [LANES*WIDTH-1:0] b_q     //         the word last read
);
    (* no_rw_check, ram_style = STYLE *) // the ports never meet
    reg [LANES*WIDTH-1:0] mem [0:DEPTH-1];

    integer a_k, b_k;
    always @(posedge clk)
        if (a_en) begin
            for (a_k = 0; a_k < LANES; a_k = a_k + 1)
                if (a_we[a_k])
                    mem[a_addr][WIDTH*a_k+:WIDTH] <= a_wd[WIDTH*a_k+:WIDTH];
            if (!(|a_we))
                a_q <= mem[a_addr];
        end

    always @(posedge clk)
        if (b_en) begin
            for (b_k = 0; b_k < LANES; b_k = b_k + 1)
                if (b_we[b_k])
                    mem[b_addr][WIDTH*b_k+:WIDTH] <= b_wd[WIDTH*b_k+:WIDTH];
            if (!(|b_we))
                b_q <= mem[b_addr];
        end

`ifndef SYNTHESIS
    integer i;
    initial
        for (i = 0; i < DEPTH; i = i + 1)
            mem[i] = {LANES*WIDTH{1'b0}};

    always @(posedge clk)
        if (a_en && b_en && (|a_we || |b_we) && a_addr == b_addr) begin
            $display("hls_ram_tdp_lanes: %m: both ports use address %0d and %0s", a_addr,
                     |a_we && |b_we ? "both write" : "one writes");
            $finish;
        end
`endif
endmodule
