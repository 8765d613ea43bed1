// ECPIX-5: ECP5, oscillator of 100 MHz, a quarter of which the machine gets; channel B of an FT2232H.
module ecpix5 #(
    parameter CYCLES = 25
) (
    input  wire clk_100,
    input  wire rx,
    output wire tx
);
    reg [1:0] divider = 2'd0;
    always @(posedge clk_100)
        divider <= divider + 1'b1;
    uart_board #(.CYCLES(CYCLES)) board (.clk(divider[1]), .rx(rx), .tx(tx));
endmodule
