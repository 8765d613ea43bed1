// ULX3S: ECP5, crystal of 25 MHz, an FT231X. wifi_gpio0 keeps the board from being taken over by its
// ESP32.
module ulx3s #(
    parameter CYCLES = 16,
    parameter MHZ    = 48
) (
    input  wire clk_25,
    input  wire rx,
    output wire tx,
    output wire wifi_gpio0
);
    wire clk;
    assign wifi_gpio0 = 1'b1;
    ecp5_clock #(.CRYSTAL(25), .MHZ(MHZ)) clock (.crystal(clk_25), .clk(clk));
    uart_board #(.CYCLES(CYCLES)) board (.clk(clk), .rx(rx), .tx(tx));
endmodule
