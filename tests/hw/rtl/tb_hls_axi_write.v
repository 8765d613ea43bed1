// One writer at a memory. CYCLES limits the time from the first word to idle, 0: no limit; WRITE of
// 16 cycles bring a word; OPEN bursts must have been without response at once.
module write_check #(
    parameter WIDTH   = 32,
    parameter BURST   = 64,
    parameter DEPTH   = 256,
    parameter COUNT   = 100,
    parameter KIND    = 0,
    parameter LATENCY = 1,
    parameter STALL   = 0,
    parameter WRITE   = 16,
    parameter CYCLES  = 0,
    parameter FAULT   = -1,
    parameter OPEN    = 0
) (
    input  wire clk,
    output reg  done
);
    `include "check.vh"
    reg                rst;
    wire [63:0]        req_addr;
    wire [31:0]        req_beats;
    wire               req_write;
    wire               req_full_n;
    reg  [WIDTH-1:0]   din;
    reg                want;
    wire               full_n;
    wire               write = want && full_n;
    wire [63:0]        awaddr;
    wire [7:0]         awlen;
    wire [2:0]         awsize;
    wire [1:0]         awburst;
    wire               awvalid;
    wire               awready;
    wire [WIDTH-1:0]   wdata;
    wire [WIDTH/8-1:0] wstrb;
    wire               wlast;
    wire               wvalid;
    wire               wready;
    wire [1:0]         bresp;
    wire               bvalid;
    wire               bready;
    wire               idle;
    wire               error;
    hls_axi_write #(
        .WIDTH(WIDTH),
        .BURST(BURST),
        .DEPTH(DEPTH)
    ) writer (
        .clk          (clk),
        .rst          (rst),
        .req_addr     (req_addr),
        .req_beats    (req_beats),
        .req_write    (req_write),
        .req_full_n   (req_full_n),
        .din          (din),
        .write        (write),
        .full_n       (full_n),
        .m_axi_awaddr (awaddr),
        .m_axi_awlen  (awlen),
        .m_axi_awsize (awsize),
        .m_axi_awburst(awburst),
        .m_axi_awvalid(awvalid),
        .m_axi_awready(awready),
        .m_axi_wdata  (wdata),
        .m_axi_wstrb  (wstrb),
        .m_axi_wlast  (wlast),
        .m_axi_wvalid (wvalid),
        .m_axi_wready (wready),
        .m_axi_bresp  (bresp),
        .m_axi_bvalid (bvalid),
        .m_axi_bready (bready),
        .idle         (idle),
        .error        (error)
    );
    wire        word;
    wire [63:0] addr;
    wire [31:0] open;
    axi_memory_write #(WIDTH, BURST, LATENCY, STALL, FAULT) memory (
        clk, rst, awaddr, awlen, awsize, awburst, awvalid, awready,
        wdata, wstrb, wlast, wvalid, wready, bresp, bvalid, bready, word, addr, open);

    wire [63:0] word_addr;
    wire [31:0] owed;
    wire        all;
    axi_requests #(WIDTH, BURST, COUNT, KIND) requests (
        clk, rst, req_addr, req_beats, req_write, req_full_n,
        awvalid && awready, awaddr, awlen, word, word_addr, owed, all);

    reg [31:0]      seed = 32'h6666 + WIDTH + WRITE;
    reg [WIDTH-1:0] expected;
    integer         cycle = 0, first = 0, last = 0;
    integer         words = 0, written = 0, claimed = 0; // into it, out of it, of announced bursts
    integer         peak = 0;
    initial begin
        rst  = 1;
        want = 0;
        done = 0;
    end

    always @(posedge clk) begin
        cycle <= cycle + 1;
        rst   <= cycle < 3;
        seed  <= next_random(seed);
        if (write && words == 0)
            first = cycle;
        if (write)
            words = words + 1;
        want <= !rst && seed[11:8] < WRITE;
        din  <= {(WIDTH + 31) / 32{scatter(words)}};
        if (word) begin
            expected = {(WIDTH + 31) / 32{scatter(written)}};
            `CHECK(wdata === expected, "a wrong word")
            `CHECK(addr === word_addr, "a word at a wrong address")
            written = written + 1;
        end
        if (awvalid && awready) begin
            claimed = claimed + awlen + 1;
            `CHECK(claimed <= words, "a burst is announced before its words are there")
        end
        if (bvalid && bready)
            last = cycle;
        if (open > peak && !rst)
            peak = open;
        if (!rst && cycle > 5) begin
            `CHECK(!idle || (owed == 0 && open == 0), "idle with responses to come")
            `CHECK(FAULT >= 0 || error === 1'b0, "error without a fault")
        end
        if (!done && all && open == 0 && cycle > last + 50 + LATENCY) begin
            done <= 1;
            `CHECK(idle === 1'b1, "not idle at the end")
            `CHECK(error === (FAULT >= 0), "error does not tell of a fault")
            `CHECK(CYCLES == 0 || last - first <= CYCLES, "too slow")
            `CHECK(peak <= 256 && peak >= OPEN, "too few or too many bursts without response")
            if (errors == 0)
                $display("pass %m: %0d words in %0d cycles", written, last - first);
        end
    end
endmodule

module tb_hls_axi_write;
    wire        clk;
    wire [13:0] done;
    bench #(14, 100000) bench (clk, done);
    // WIDTH BURST DEPTH COUNT KIND LATENCY STALL WRITE CYCLES FAULT OPEN
    write_check #(32, 16, 64, 200, 0, 5, 0, 16)                 w32       (clk, done[0]);
    write_check #(32, 16, 64, 200, 0, 20, 8, 8)                 w32_stall (clk, done[1]);
    write_check #(32, 16, 32, 200, 0, 1, 3, 2)                  w32_slow  (clk, done[2]);
    write_check #(8, 256, 512, 60, 0, 9, 2, 14)                 w8_b256   (clk, done[3]);
    write_check #(16, 1, 2, 200, 0, 3, 4, 12)                   w16_b1    (clk, done[4]);
    write_check #(64, 100, 254, 100, 0, 40, 1, 15)              w64_b100  (clk, done[5]);
    write_check #(128, 64, 255, 60, 0, 7, 5, 13)                w128_d255 (clk, done[6]);
    write_check #(512, 256, 512, 40, 0, 7, 2, 14)               w512_b256 (clk, done[7]);
    write_check #(1024, 8, 16, 60, 0, 7, 5, 13)                 w1024     (clk, done[8]);
    write_check #(32, 64, 256, 1, 1, 100, 0, 16, 4300)          far       (clk, done[9]);
    write_check #(32, 16, 32, 1, 1, 10, 0, 16, 4300)            near      (clk, done[10]);
    write_check #(64, 16, 256, 4096, 2, 100, 0, 16, 4300)       single    (clk, done[11]);
    write_check #(32, 16, 64, 3, 1, 10, 2, 16, 0, 100)          fault     (clk, done[12]);
    write_check #(32, 16, 64, 1000, 2, 800, 0, 16, 0, -1, 256)  patient   (clk, done[13]);
endmodule
