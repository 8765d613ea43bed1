// ULX3S: ECP5, crystal of 25 MHz, an FT231X. wifi_gpio0 keeps the board from being taken over by its
// ESP32.
module ulx3s #(
    parameter CYCLES = 25
) (
    input  wire clk_25,
    input  wire rx,
    output wire tx,
    output wire wifi_gpio0
);
    assign wifi_gpio0 = 1'b1;
    uart_board #(.CYCLES(CYCLES)) board (.clk(clk_25), .rx(rx), .tx(tx));
endmodule
