// iCE40-HX8K breakout board with a UM232H (FT232H) or an FT2232H Mini Module at its header J2, in
// the mode of a synchronous 245 FIFO (hw/boards/README.md has the wires).
module hx8k_fifo (
    input  wire       clk_12,
    input  wire       clk60,   // CLKOUT
    input  wire       rxf_n,
    input  wire       txe_n,
    inout  wire [7:0] data,
    output wire       rd_n,
    output wire       wr_n,
    output wire       oe_n,
    output wire       siwu_n   // what waits in the chip leaves with its latency timer
);
    wire       clk;
    wire [7:0] data_in, data_out;
    assign siwu_n = 1'b1;
    hx8k_clock clock (.clk_12(clk_12), .clk(clk));
    fifo_board board (
        .clk     (clk),
        .clk60   (clk60),
        .rxf_n   (rxf_n),
        .txe_n   (txe_n),
        .data_in (data_in),
        .data_out(data_out),
        .rd_n    (rd_n),
        .wr_n    (wr_n),
        .oe_n    (oe_n)
    );
    genvar i;
    generate
        for (i = 0; i < 8; i = i + 1) begin : pin
            SB_IO #(
                .PIN_TYPE(6'b1010_01) // driven while OUTPUT_ENABLE; neither way through a register
            ) io (
                .PACKAGE_PIN  (data[i]),
                .OUTPUT_ENABLE(!wr_n),
                .D_OUT_0      (data_out[i]),
                .D_IN_0       (data_in[i])
            );
        end
    endgenerate
endmodule
