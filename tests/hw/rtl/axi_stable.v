// A valid once given stays, with the same payload, until ready; there is none in reset.
module axi_stable #(
    parameter BITS = 32
) (
    input  wire            clk,
    input  wire            rst,
    input  wire            valid,
    input  wire            ready,
    input  wire [BITS-1:0] payload
);
    `include "check.vh"
    reg            waiting = 0;
    reg [BITS-1:0] offered;

    always @(posedge clk) begin
        waiting <= !rst && valid && !ready;
        offered <= payload;
        if (waiting) begin
            `CHECK(valid, "valid falls before ready")
            `CHECK(payload === offered, "the payload changes before ready")
        end
        if (!rst) begin
            `CHECK(valid === 1'b0 || valid === 1'b1, "valid is not a bit")
        end
    end
endmodule
