// What icestorm reads back from a placed and routed design, for simulation: its clock is the machine's,
// the PLL is passed by.
module gates_board (
    input  wire clk,
    input  wire rx,
    output wire tx
);
    gates gates (.clk_12(clk), .rx(rx), .tx(tx));
endmodule
