// ECPIX-5: ECP5, oscillator of 100 MHz; channel B of an FT2232H.
module ecpix5 #(
    parameter CYCLES = 16,
    parameter MHZ    = 48
) (
    input  wire clk_100,
    input  wire rx,
    output wire tx
);
    wire clk;
    ecp5_clock #(.CRYSTAL(100), .MHZ(MHZ)) clock (.crystal(clk_100), .clk(clk));
    uart_board #(.CYCLES(CYCLES)) board (.clk(clk), .rx(rx), .tx(tx));
endmodule
