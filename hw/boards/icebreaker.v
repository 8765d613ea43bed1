// iCEBreaker: iCE40 UP5K, crystal of 12 MHz, channel B of an FT2232H.
module icebreaker #(
    parameter CYCLES = 6
) (
    input  wire clk_12,
    input  wire rx,
    output wire tx
);
    uart_board #(.CYCLES(CYCLES)) board (.clk(clk_12), .rx(rx), .tx(tx));
endmodule
