// A RAM with one port, made of the large RAMs of an iCE40 UP side by side.
//
// q is the word at a one cycle after re and holds until the next re; the RAMs themselves keep their
// output through neither a write nor a cycle in which they are not chosen. A cycle reads or writes.
// The contents start as anything.
module ice40_spram #(
    parameter WIDTH  = 32,
    parameter AWIDTH = 10 // at most 14
) (
    input  wire              clk,
    input  wire [AWIDTH-1:0] a,
    input  wire              re,
    output wire [WIDTH-1:0]  q,
    input  wire              we,
    input  wire [WIDTH-1:0]  wd
);
    localparam RAMS = (WIDTH + 15) / 16;
    wire [13:0]        address;
    wire [16*RAMS-1:0] in, out;
    reg  [WIDTH-1:0]   kept;
    reg                fresh; // read a cycle ago
    genvar i;
    generate
        for (i = 0; i < 14; i = i + 1) begin : of_address
            assign address[i] = i < AWIDTH ? a[i%AWIDTH] : 1'b0;
        end
        for (i = 0; i < 16 * RAMS; i = i + 1) begin : of_data
            assign in[i] = i < WIDTH ? wd[i%WIDTH] : 1'b0;
        end
        for (i = 0; i < RAMS; i = i + 1) begin : side
            SB_SPRAM256KA ram (
                .ADDRESS   (address),
                .DATAIN    (in[16*i+:16]),
                .MASKWREN  (4'b1111),
                .WREN      (we),
                .CHIPSELECT(re || we),
                .CLOCK     (clk),
                .STANDBY   (1'b0),
                .SLEEP     (1'b0),
                .POWEROFF  (1'b1), // low: off
                .DATAOUT   (out[16*i+:16])
            );
        end
    endgenerate
    assign q = fresh ? out[WIDTH-1:0] : kept;
    always @(posedge clk) begin
        fresh <= re;
        kept  <= q;
    end
    wire unused = &{1'b0, out};
endmodule
