// A whole design: the accelerator (hlsc's `accelerator`), or with `define LOOPBACK its stand-in,
// behind a serial line. One exchange follows the other.
module uart_board #(
    parameter CYCLES = 12, // of clk for a bit
    parameter ABITS  = 9   // 2^ABITS bytes may wait for the machine
) (
    input  wire clk,
    input  wire rx,
    output wire tx
);
    wire        rst, idle, in_empty_n, in_read, out_full_n, out_write;
    wire [31:0] in_dout, out_din;

    uart_words #(
        .CYCLES(CYCLES),
        .ABITS (ABITS)
    ) words (
        .clk       (clk),
        .rx        (rx),
        .tx        (tx),
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
