// An ECP5's PLL passed by, for simulation: the clock at the pin is the machine's.
module EHXPLLL #(
    parameter CLKI_DIV = 1,
    parameter CLKFB_DIV = 1,
    parameter CLKOP_DIV = 8,
    parameter CLKOP_ENABLE = "ENABLED",
    parameter CLKOP_CPHASE = 0,
    parameter CLKOS_DIV = 8,
    parameter CLKOS_ENABLE = "DISABLED",
    parameter CLKOS_CPHASE = 0,
    parameter FEEDBK_PATH = "CLKOP"
) (
    input  wire CLKI,
    input  wire CLKFB,
    output wire CLKOP,
    output wire CLKOS,
    input  wire RST,
    input  wire STDBY,
    input  wire PHASESEL0,
    input  wire PHASESEL1,
    input  wire PHASEDIR,
    input  wire PHASESTEP,
    input  wire PHASELOADREG,
    input  wire PLLWAKESYNC,
    input  wire ENCLKOP
);
    assign CLKOP = CLKI;
    assign CLKOS = CLKI;
    wire unused = &{CLKFB, RST, STDBY, PHASESEL0, PHASESEL1, PHASEDIR, PHASESTEP, PHASELOADREG, PLLWAKESYNC, ENCLKOP};
endmodule
