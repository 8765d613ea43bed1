// The machine's clock of a crystal's, by a PLL of an ECP5, of which 720 MHz come in between: MHZ divides
// them, CRYSTAL is 25 or 100.
module ecp5_clock #(
    parameter CRYSTAL = 25,
    parameter MHZ     = 48
) (
    input  wire crystal,
    output wire clk
);
    wire loop;
    (* ICP_CURRENT = "12" *) (* LPF_RESISTOR = "8" *)
    EHXPLLL #(
        .CLKI_DIV     (CRYSTAL / 5), // 5 MHz
        .CLKFB_DIV    (9),           // 45 MHz
        .CLKOP_DIV    (16),          // 720 MHz
        .CLKOP_ENABLE ("ENABLED"),
        .CLKOP_CPHASE (9),
        .CLKOS_DIV    (720 / MHZ),
        .CLKOS_ENABLE ("ENABLED"),
        .CLKOS_CPHASE (0),
        .FEEDBK_PATH  ("CLKOP")
    ) pll (
        .CLKI        (crystal),
        .CLKFB       (loop),
        .CLKOP       (loop),
        .CLKOS       (clk),
        .RST         (1'b0),
        .STDBY       (1'b0),
        .PHASESEL0   (1'b0),
        .PHASESEL1   (1'b0),
        .PHASEDIR    (1'b1),
        .PHASESTEP   (1'b1),
        .PHASELOADREG(1'b1),
        .PLLWAKESYNC (1'b0),
        .ENCLKOP     (1'b0)
    );
endmodule
