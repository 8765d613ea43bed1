// A RAM with two ports, each of which reads or writes one word per cycle.
//
// A port's q is the word at its address one cycle after en without we, and holds until the next such
// cycle. The two ports may not meet: both writing one address in one cycle, or one writing what the
// other reads, ends a simulation with a message and is undefined in an FPGA.
// The contents start as zero: in simulation by the loop below (which synthesis would take minutes
// over), in an FPGA because its tools fill with zeros what a design leaves open.
//
// Addresses are below DEPTH; what one beyond reads is not defined. An FPGA without true dual port
// block RAM (iCE40) makes registers of it, WIDTH * DEPTH of them.
module hls_ram_tdp #(
    parameter WIDTH  = 32,   // bits of a word
    parameter DEPTH  = 1024, // words
    parameter AWIDTH = 10    // bits of DEPTH - 1, at least 1
) (
    input  wire              clk,
    input  wire [AWIDTH-1:0] a_addr, // port a: address
    input  wire              a_en,   //         read or write it
    input  wire              a_we,   //         write it
    input  wire [WIDTH-1:0]  a_wd,   //         the word to write
    output reg  [WIDTH-1:0]  a_q,    //         the word last read
    input  wire [AWIDTH-1:0] b_addr, // port b: address
    input  wire              b_en,   //         read or write it
    input  wire              b_we,   //         write it
    input  wire [WIDTH-1:0]  b_wd,   //         the word to write
    output reg  [WIDTH-1:0]  b_q     //         the word last read
);
    (* no_rw_check *) // the ports never meet
    reg [WIDTH-1:0] mem [0:DEPTH-1];

    always @(posedge clk)
        if (a_en) begin
            if (a_we)
                mem[a_addr] <= a_wd;
            else
                a_q <= mem[a_addr];
        end

    always @(posedge clk)
        if (b_en) begin
            if (b_we)
                mem[b_addr] <= b_wd;
            else
                b_q <= mem[b_addr];
        end

`ifndef SYNTHESIS
    integer i;
    initial
        for (i = 0; i < DEPTH; i = i + 1)
            mem[i] = {WIDTH{1'b0}};

    always @(posedge clk)
        if (a_en && b_en && (a_we || b_we) && a_addr == b_addr) begin
            $display("hls_ram_tdp: %m: both ports use address %0d and %0s", a_addr,
                     a_we && b_we ? "both write" : "one writes");
            $finish;
        end
`endif
endmodule
