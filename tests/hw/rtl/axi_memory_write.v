// The half of an AXI4 memory that is written. It checks the protocol and answers LATENCY cycles after
// a burst's last word; of 16 cycles STALL are idle on every channel. Burst number FAULT gets an error
// response (-1: none). Every word comes out with its address.
module axi_memory_write #(
    parameter WIDTH   = 32,
    parameter BURST   = 64,
    parameter LATENCY = 1,
    parameter STALL   = 0,
    parameter FAULT   = -1
) (
    input  wire               clk,
    input  wire               rst,
    input  wire [63:0]        awaddr,
    input  wire [7:0]         awlen,
    input  wire [2:0]         awsize,
    input  wire [1:0]         awburst,
    input  wire               awvalid,
    output reg                awready,
    input  wire [WIDTH-1:0]   wdata,
    input  wire [WIDTH/8-1:0] wstrb,
    input  wire               wlast,
    input  wire               wvalid,
    output wire               wready,
    output reg  [1:0]         bresp,
    output reg                bvalid,
    input  wire               bready,
    output wire               word,      // a word is written
    output wire [63:0]        word_addr, // there
    output reg  [31:0]        open       // bursts announced and without response
);
    `include "check.vh"
    axi_stable #(77) stable_aw (clk, rst, awvalid, awready, {awaddr, awlen, awsize, awburst});
    axi_stable #(WIDTH + WIDTH / 8 + 1) stable_w (clk, rst, wvalid, wready, {wdata, wstrb, wlast});
    axi_burst_rules #(WIDTH, BURST) rules (clk, awvalid && awready, awaddr, awlen, awsize, awburst);

    reg [63:0] addr [0:511]; // bursts announced
    reg [7:0]  len [0:511];
    integer    due [0:511];  // responses
    integer    head = 0, tail = 0, beat = 0, written = 0, answered = 0, now = 0;
    reg        willing = 0, announced = 0;
    reg [63:0] at;
    reg [31:0] seed = 32'h2468 + STALL;
    assign wready    = willing && announced;
    assign word      = wvalid && wready;
    assign word_addr = at;

    always @(posedge clk) begin
        now  = now + 1;
        seed = next_random(seed);
        if (bvalid && bready)
            bvalid <= 0;
        if ((!bvalid || bready) && answered != written && now >= due[answered % 512] &&
            seed[27:24] >= STALL) begin
            bvalid   <= 1;
            bresp    <= answered == FAULT ? 2'b11 : 2'b00;
            answered = answered + 1;
        end
        if (word) begin
            `CHECK(wlast == (beat == len[head % 512]), "wlast is not at the last beat")
            `CHECK(&wstrb, "wstrb leaves out bytes")
            if (beat == len[head % 512]) begin
                beat = 0;
                head = head + 1;
                due[written % 512] = now + LATENCY;
                written = written + 1;
            end else begin
                beat = beat + 1;
            end
        end
        if (awvalid && awready) begin
            addr[tail % 512] = awaddr;
            len[tail % 512]  = awlen;
            tail = tail + 1;
        end
        awready   <= !rst && tail - answered < 500 && seed[11:8] >= STALL;
        willing   <= seed[19:16] >= STALL;
        announced <= tail != head;
        at        <= addr[head % 512] + beat * (WIDTH / 8);
        open      <= rst ? 0 : open + (awvalid && awready) - (bvalid && bready);
        if (rst)
            bvalid <= 0;
    end
endmodule
