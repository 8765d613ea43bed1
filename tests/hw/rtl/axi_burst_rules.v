// The rules for a burst: within a 4 KB page, no longer than BURST, incrementing, of whole words.
module axi_burst_rules #(
    parameter WIDTH = 32,
    parameter BURST = 64
) (
    input wire        clk,
    input wire        taken,
    input wire [63:0] addr,
    input wire [7:0]  len,
    input wire [2:0]  size,
    input wire [1:0]  burst
);
    `include "check.vh"
    always @(posedge clk)
        if (taken) begin
            `CHECK(addr[11:0] + (len + 1) * (WIDTH / 8) <= 4096, "a burst crosses 4 KB")
            `CHECK(len < BURST, "a burst is too long")
            `CHECK(8 << size == WIDTH, "a beat is not a word")
            `CHECK(burst == 2'b01, "a burst does not increment")
            `CHECK(addr % (WIDTH / 8) == 0, "a burst is not aligned")
        end
endmodule
