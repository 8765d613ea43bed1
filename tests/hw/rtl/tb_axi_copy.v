// hls_axi_read feeds hls_axi_write: WORDS words from one place to another. CYCLES limits the time
// from the request to the last response, 0: no limit.
module copy_check #(
    parameter WIDTH   = 32,
    parameter BURST   = 64,
    parameter DEPTH   = 256,
    parameter WORDS   = 4096,
    parameter LATENCY = 1,
    parameter STALL   = 0,
    parameter CYCLES  = 0
) (
    input  wire clk,
    output reg  done
);
    `include "check.vh"
    localparam        BYTES = WIDTH / 8;
    localparam [63:0] FROM  = 64'h0000_0012_3456_0000 + 5 * BYTES;
    localparam [63:0] TO    = 64'hfedc_0000_0000_0000 + 77 * BYTES;

    reg                rst = 1;
    reg                request = 0;
    wire [WIDTH-1:0]   word;
    wire               empty_n, full_n;
    wire               move = empty_n && full_n;
    wire [63:0]        araddr, awaddr;
    wire [7:0]         arlen, awlen;
    wire [2:0]         arsize, awsize;
    wire [1:0]         arburst, awburst, rresp, bresp;
    wire               arvalid, arready, rlast, rvalid, rready;
    wire               awvalid, awready, wlast, wvalid, wready, bvalid, bready;
    wire [WIDTH-1:0]   rdata, wdata;
    wire [WIDTH/8-1:0] wstrb;
    wire               read_room, write_room, read_idle, write_idle, read_error, write_error;
    hls_axi_read #(WIDTH, BURST, DEPTH) reader (
        clk, rst, FROM, WORDS, request, read_room, word, empty_n, move,
        araddr, arlen, arsize, arburst, arvalid, arready,
        rdata, rresp, rlast, rvalid, rready, read_idle, read_error);
    hls_axi_write #(WIDTH, BURST, DEPTH) writer (
        clk, rst, TO, WORDS, request, write_room, word, move, full_n,
        awaddr, awlen, awsize, awburst, awvalid, awready,
        wdata, wstrb, wlast, wvalid, wready, bresp, bvalid, bready, write_idle, write_error);
    axi_memory_read #(WIDTH, BURST, LATENCY, STALL) source (
        clk, rst, araddr, arlen, arsize, arburst, arvalid, arready,
        rdata, rresp, rlast, rvalid, rready);
    wire        written;
    wire [63:0] addr;
    wire [31:0] open;
    axi_memory_write #(WIDTH, BURST, LATENCY, STALL) target (
        clk, rst, awaddr, awlen, awsize, awburst, awvalid, awready,
        wdata, wstrb, wlast, wvalid, wready, bresp, bvalid, bready, written, addr, open);

    reg [63:0] from;
    integer    cycle = 0, words = 0;
    initial done = 0;
    always @(posedge clk) begin
        cycle   <= cycle + 1;
        rst     <= cycle < 3;
        request <= cycle == 10;
        if (written) begin
            from = FROM + words * BYTES;
            `CHECK(addr === TO + words * BYTES, "a word at a wrong address")
            `CHECK(wdata === {(WIDTH + 31) / 32{scatter(from[63:32] + scatter(from[31:0]))}},
                   "a wrong word")
            words = words + 1;
        end
        if (cycle > 20 && read_idle && write_idle && !done) begin
            done <= 1;
            `CHECK(words == WORDS, "idle too early")
            `CHECK(CYCLES == 0 || cycle - 11 <= CYCLES, "too slow")
            `CHECK(!read_error && !write_error, "error without a fault")
            if (errors == 0)
                $display("pass %m: %0d words in %0d cycles", words, cycle - 11);
        end
    end
endmodule

module tb_axi_copy;
    wire       clk;
    wire [3:0] done;
    bench #(4, 30000) bench (clk, done);
    // WIDTH BURST DEPTH WORDS LATENCY STALL CYCLES
    copy_check #(32, 16, 64, 4096, 20, 0, 4300)   w32       (clk, done[0]);
    copy_check #(128, 32, 128, 4096, 60, 0, 4300) w128      (clk, done[1]);
    copy_check #(512, 64, 256, 2001, 30, 4, 0)    w512      (clk, done[2]);
    copy_check #(64, 16, 33, 2000, 3, 9, 0)       w64_stall (clk, done[3]);
endmodule
