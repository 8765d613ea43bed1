// A whole design: the accelerator (hlsc's `accelerator`), or with `define LOOPBACK its stand-in,
// behind a synchronous 245 FIFO. A board's top makes the chip's eight
// data lines of data_in, data_out and wr_n. One exchange follows the other.
module fifo_board #(
    parameter ABITS = 2 // an iCE40 has no small RAMs
) (
    input  wire       clk,
    input  wire       clk60,
    input  wire       rxf_n,
    input  wire       txe_n,
    input  wire [7:0] data_in,
    output wire [7:0] data_out,
    output wire       rd_n,
    output wire       wr_n,
    output wire       oe_n
);
    wire        rst, idle, in_empty_n, in_read, out_full_n, out_write;
    wire [31:0] in_dout, out_din;

    fifo_words #(
        .ABITS(ABITS)
    ) words (
        .clk60     (clk60),
        .rxf_n     (rxf_n),
        .txe_n     (txe_n),
        .data_in   (data_in),
        .data_out  (data_out),
        .rd_n      (rd_n),
        .wr_n      (wr_n),
        .oe_n      (oe_n),
        .clk       (clk),
        .rst       (rst),
        .in_dout   (in_dout),
        .in_empty_n(in_empty_n),
        .in_read   (in_read),
        .out_din   (out_din),
        .out_full_n(out_full_n),
        .out_write (out_write)
    );

`ifdef LOOPBACK
    loopback machine (
`else
    accelerator machine (
`endif
        .clk       (clk),
        .rst       (rst),
        .ap_start  (idle),
        .ap_done   (),
        .ap_idle   (idle),
        .in_dout   (in_dout),
        .in_empty_n(in_empty_n),
        .in_read   (in_read),
        .out_din   (out_din),
        .out_full_n(out_full_n),
        .out_write (out_write)
    );
endmodule
