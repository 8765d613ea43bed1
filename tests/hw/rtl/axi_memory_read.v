// The half of an AXI4 memory that is read. It checks the protocol and answers after LATENCY cycles;
// of 16 cycles STALL are idle on every channel. Beat number FAULT gets an error response (-1: none).
// The word at byte address A is a function of A. rready must be there for every beat.
module axi_memory_read #(
    parameter WIDTH   = 32,
    parameter BURST   = 64,
    parameter LATENCY = 1,
    parameter STALL   = 0,
    parameter FAULT   = -1
) (
    input  wire             clk,
    input  wire             rst,
    input  wire [63:0]      araddr,
    input  wire [7:0]       arlen,
    input  wire [2:0]       arsize,
    input  wire [1:0]       arburst,
    input  wire             arvalid,
    output reg              arready,
    output reg  [WIDTH-1:0] rdata,
    output reg  [1:0]       rresp,
    output reg              rlast,
    output reg              rvalid,
    input  wire             rready
);
    `include "check.vh"
    axi_stable #(77) stable (clk, rst, arvalid, arready, {araddr, arlen, arsize, arburst});
    axi_burst_rules #(WIDTH, BURST) rules (clk, arvalid && arready, araddr, arlen, arsize, arburst);

    reg [63:0] addr [0:511]; // bursts under way
    reg [7:0]  len [0:511];
    integer    due [0:511];
    integer    head = 0, tail = 0, beat = 0, beats = 0, now = 0;
    reg [31:0] seed = 32'h1357 + STALL;
    reg [63:0] at;

    always @(posedge clk) begin
        now  = now + 1;
        seed = next_random(seed);
        if (arvalid && arready) begin
            addr[tail % 512] = araddr;
            len[tail % 512]  = arlen;
            due[tail % 512]  = now + LATENCY - 1;
            tail = tail + 1;
        end
        arready <= !rst && tail - head < 500 && seed[11:8] >= STALL;
        if (rvalid) begin
            `CHECK(rready, "no room for a word that was asked for")
        end
        if (!rvalid || rready) begin
            rvalid <= 0;
            if (tail != head && now >= due[head % 512] && seed[19:16] >= STALL) begin
                at = addr[head % 512] + beat * (WIDTH / 8);
                rvalid <= 1;
                rdata  <= {(WIDTH + 31) / 32{scatter(at[63:32] + scatter(at[31:0]))}};
                rresp  <= beats == FAULT ? 2'b10 : 2'b00;
                rlast  <= beat == len[head % 512];
                beats  = beats + 1;
                if (beat == len[head % 512]) begin
                    beat = 0;
                    head = head + 1;
                end else begin
                    beat = beat + 1;
                end
            end
        end
        if (rst)
            rvalid <= 0;
    end
endmodule
