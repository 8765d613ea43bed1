// Of the breakout board's 12 MHz, the machine's 24.
module hx8k_clock (
    input  wire clk_12,
    output wire clk
);
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
endmodule
