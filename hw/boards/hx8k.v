// iCE40-HX8K breakout board: crystal of 12 MHz, of which a PLL makes 24; channel B of an FT2232H.
module hx8k #(
    parameter CYCLES = 8
) (
    input  wire clk_12,
    input  wire rx,
    output wire tx
);
    wire clk;
    SB_PLL40_CORE #(
        .FEEDBACK_PATH("SIMPLE"),
        .DIVR         (4'd0),
        .DIVF         (7'd63), // 12 MHz * 64
        .DIVQ         (3'd5),  // / 32
        .FILTER_RANGE (3'd1)
    ) pll (
        .REFERENCECLK(clk_12),
        .PLLOUTGLOBAL(clk),
        .RESETB      (1'b1),
        .BYPASS      (1'b0)
    );
    uart_board #(.CYCLES(CYCLES)) board (.clk(clk), .rx(rx), .tx(tx));
endmodule
