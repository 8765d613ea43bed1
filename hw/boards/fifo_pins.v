// A board with a synchronous 245 FIFO, for simulation: the chip's end of its pins. The chip drives the
// data while oe_n is low; out is what is on those lines.
module fifo_pins (
    input  wire       clk_12,
    input  wire       clk60,
    input  wire       rxf_n,
    input  wire       txe_n,
    input  wire [7:0] in,
    output wire [7:0] out,
    output wire       rd_n,
    output wire       wr_n,
    output wire       oe_n,
    output wire       siwu_n
);
    wire [7:0] data;
    assign data = oe_n ? 8'bz : in;
    assign out  = data;
`ifdef GATES
    gates board (
`else
    hx8k_fifo board (
`endif
        .clk_12(clk_12),
        .clk60 (clk60),
        .rxf_n (rxf_n),
        .txe_n (txe_n),
        .data  (data),
        .rd_n  (rd_n),
        .wr_n  (wr_n),
        .oe_n  (oe_n),
        .siwu_n(siwu_n)
    );
endmodule
