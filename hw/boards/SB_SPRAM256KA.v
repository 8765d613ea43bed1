// The large RAM of an iCE40 UP, for simulation, as unkind as it may be: its contents start as
// anything, and only a cycle after it was read its output is what was read.
module SB_SPRAM256KA (
    input  wire [13:0] ADDRESS,
    input  wire [15:0] DATAIN,
    input  wire [3:0]  MASKWREN,   // of four bits each
    input  wire        WREN,
    input  wire        CHIPSELECT,
    input  wire        CLOCK,
    input  wire        STANDBY,
    input  wire        SLEEP,
    input  wire        POWEROFF,   // low: off
    output reg  [15:0] DATAOUT
);
    reg  [15:0] mem [0:16383];
    wire [15:0] mask = {{4{MASKWREN[3]}}, {4{MASKWREN[2]}}, {4{MASKWREN[1]}}, {4{MASKWREN[0]}}};
    wire        on   = CHIPSELECT && !STANDBY && !SLEEP && POWEROFF;
    reg  [15:0] noise = 16'hace1;
    always @(posedge CLOCK) begin
        noise <= {noise[14:0], noise[15] ^ noise[13] ^ noise[12] ^ noise[10]};
        if (on && WREN)
            mem[ADDRESS] <= (DATAIN & mask) | (mem[ADDRESS] & ~mask);
        DATAOUT <= on && !WREN ? mem[ADDRESS] : noise;
    end
    integer i;
    initial
        for (i = 0; i < 16384; i = i + 1)
            mem[i] = i[15:0] * 16'd40503 ^ 16'h5a5a;
endmodule
