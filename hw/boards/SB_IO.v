// A pin of an iCE40 that is driven while OUTPUT_ENABLE, for simulation.
module SB_IO #(
    parameter [5:0] PIN_TYPE = 6'b1010_01 // the only one there is here
) (
    inout  wire PACKAGE_PIN,
    input  wire OUTPUT_ENABLE,
    input  wire D_OUT_0,
    output wire D_IN_0
);
    assign PACKAGE_PIN = OUTPUT_ENABLE ? D_OUT_0 : 1'bz;
    assign D_IN_0      = PACKAGE_PIN;
    wire unused = &{1'b0, PIN_TYPE};
endmodule
