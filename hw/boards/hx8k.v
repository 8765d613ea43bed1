// iCE40-HX8K breakout board: crystal of 12 MHz, of which a PLL makes 24; channel B of an FT2232H.
module hx8k #(
    parameter CYCLES = 8
) (
    input  wire clk_12,
    input  wire rx,
    output wire tx
);
    wire clk;
    hx8k_clock clock (.clk_12(clk_12), .clk(clk));
    uart_board #(.CYCLES(CYCLES)) board (.clk(clk), .rx(rx), .tx(tx));
endmodule
