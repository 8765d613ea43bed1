// One reader at a memory. CYCLES limits the time from the first request to the last word, 0: no
// limit; READ of 16 cycles take a word.
module read_check #(
    parameter WIDTH   = 32,
    parameter BURST   = 64,
    parameter DEPTH   = 256,
    parameter COUNT   = 100,
    parameter KIND    = 0,
    parameter LATENCY = 1,
    parameter STALL   = 0,
    parameter READ    = 16,
    parameter CYCLES  = 0,
    parameter FAULT   = -1
) (
    input  wire clk,
    output reg  done
);
    `include "check.vh"
    reg              rst;
    wire [63:0]      req_addr;
    wire [31:0]      req_beats;
    wire             req_write;
    wire             req_full_n;
    wire [WIDTH-1:0] dout;
    wire             empty_n;
    reg              want;
    wire             read = want && empty_n;
    wire [63:0]      araddr;
    wire [7:0]       arlen;
    wire [2:0]       arsize;
    wire [1:0]       arburst;
    wire             arvalid;
    wire             arready;
    wire [WIDTH-1:0] rdata;
    wire [1:0]       rresp;
    wire             rlast;
    wire             rvalid;
    wire             rready;
    wire             idle;
    wire             error;
    hls_axi_read #(
        .WIDTH(WIDTH),
        .BURST(BURST),
        .DEPTH(DEPTH)
    ) reader (
        .clk          (clk),
        .rst          (rst),
        .req_addr     (req_addr),
        .req_beats    (req_beats),
        .req_write    (req_write),
        .req_full_n   (req_full_n),
        .dout         (dout),
        .empty_n      (empty_n),
        .read         (read),
        .m_axi_araddr (araddr),
        .m_axi_arlen  (arlen),
        .m_axi_arsize (arsize),
        .m_axi_arburst(arburst),
        .m_axi_arvalid(arvalid),
        .m_axi_arready(arready),
        .m_axi_rdata  (rdata),
        .m_axi_rresp  (rresp),
        .m_axi_rlast  (rlast),
        .m_axi_rvalid (rvalid),
        .m_axi_rready (rready),
        .idle         (idle),
        .error        (error)
    );
    axi_memory_read #(WIDTH, BURST, LATENCY, STALL, FAULT) memory (
        clk, rst, araddr, arlen, arsize, arburst, arvalid, arready,
        rdata, rresp, rlast, rvalid, rready);

    wire [63:0] word_addr;
    wire [31:0] owed;
    wire        all;
    axi_requests #(WIDTH, BURST, COUNT, KIND) requests (
        clk, rst, req_addr, req_beats, req_write, req_full_n,
        arvalid && arready, araddr, arlen, read, word_addr, owed, all);

    reg [31:0]      seed = 32'h5555 + WIDTH + READ;
    reg [WIDTH-1:0] expected;
    integer         cycle = 0, first = 0, last = 0, words = 0, accepted = 0;
    initial begin
        rst  = 1;
        want = 0;
        done = 0;
    end

    always @(posedge clk) begin
        cycle <= cycle + 1;
        rst   <= cycle < 3;
        seed  <= next_random(seed);
        want  <= seed[11:8] < READ;
        if (req_write && first == 0)
            first = cycle;
        if (req_write && words == 0)
            accepted = accepted + 1;
        if (read) begin
            expected = {(WIDTH + 31) / 32{scatter(word_addr[63:32] + scatter(word_addr[31:0]))}};
            `CHECK(dout === expected, "a wrong word")
            last  = cycle;
            words = words + 1;
        end
        if (!rst && cycle > 5) begin
            `CHECK(!idle || owed == 0, "idle with words to come")
            `CHECK(FAULT >= 0 || error === 1'b0, "error without a fault")
        end
        if (!done && all && cycle > last + 50 + LATENCY) begin // time for what must not come
            done <= 1;
            `CHECK(idle === 1'b1, "not idle at the end")
            `CHECK(error === (FAULT >= 0), "error does not tell of a fault")
            `CHECK(CYCLES == 0 || last - first <= CYCLES, "too slow")
            `CHECK(LATENCY < 30 || COUNT < 3 || accepted >= 2, "no request is taken ahead")
            if (errors == 0)
                $display("pass %m: %0d words in %0d cycles", words, last - first);
        end
    end
endmodule

module tb_hls_axi_read;
    wire        clk;
    wire [13:0] done;
    bench #(14, 100000) bench (clk, done);
    // WIDTH BURST DEPTH COUNT KIND LATENCY STALL READ CYCLES FAULT
    read_check #(32, 16, 64, 200, 0, 5, 0, 16)            w32          (clk, done[0]);
    read_check #(32, 16, 64, 200, 0, 20, 8, 8)            w32_stall    (clk, done[1]);
    read_check #(32, 16, 32, 200, 0, 1, 3, 2)             w32_slow     (clk, done[2]);
    read_check #(8, 256, 512, 60, 0, 9, 2, 14)            w8_b256      (clk, done[3]);
    read_check #(16, 1, 2, 200, 0, 3, 4, 12)              w16_b1       (clk, done[4]);
    read_check #(64, 100, 300, 100, 0, 40, 1, 15)         w64_b100     (clk, done[5]);
    read_check #(128, 64, 255, 60, 0, 7, 5, 13)           w128_d255    (clk, done[6]);
    read_check #(512, 256, 512, 40, 0, 7, 2, 14)          w512_b256    (clk, done[7]);
    read_check #(1024, 8, 16, 60, 0, 7, 5, 13)            w1024        (clk, done[8]);
    read_check #(32, 64, 256, 1, 1, 128, 0, 16, 4300)     far          (clk, done[9]);
    read_check #(32, 16, 32, 1, 1, 10, 0, 16, 4300)       near         (clk, done[10]);
    read_check #(64, 16, 256, 4096, 2, 100, 0, 16, 4300)  single       (clk, done[11]);
    read_check #(32, 16, 64, 3, 1, 10, 2, 16, 0, 5000)    fault        (clk, done[12]);
    read_check #(32, 16, 64, 40, 0, 60, 0, 16)            ahead        (clk, done[13]);
endmodule
