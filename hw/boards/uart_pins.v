// A board with a serial line at its pins, for simulation: the module TOP, whose clock comes in at CLOCK.
`ifndef PARAMETERS
`define PARAMETERS
`endif
module uart_pins (
    input  wire clk,
    input  wire rx,
    output wire tx
);
    `TOP `PARAMETERS board (.`CLOCK(clk), .rx(rx), .tx(tx));
endmodule
