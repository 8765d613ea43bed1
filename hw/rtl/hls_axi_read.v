// Reads runs of words from an AXI4 memory ahead of their use.
//
// The words of all requests leave at dout in the order of the requests. A burst is asked for when
// the buffer has room for all of it, so the memory never waits for the reader (m_axi_rready stays 1);
// as many bursts are under way as fit. One word per cycle if the memory answers within about
// DEPTH / 2 cycles, also for requests of one word each. At least two requests are taken ahead.
//
// One ID, responses in order. idle falls in the cycle after req_write.
module hls_axi_read #(
    parameter WIDTH = 32, // data bits: 8 * 2^n up to 1024
    parameter BURST = 64, // beats of a burst at most, 1 to 256
    parameter DEPTH = 256 // words of the buffer, at least 2 * BURST
) (
    input  wire             clk,
    input  wire             rst,
    input  wire [63:0]      req_addr,      // a request: byte address, a multiple of WIDTH / 8
    input  wire [31:0]      req_beats,     //            words; 0: nothing
    input  wire             req_write,     //            take it; only while req_full_n
    output wire             req_full_n,    // there is room for a request
    output wire [WIDTH-1:0] dout,          // the next word, while empty_n
    output wire             empty_n,       // there is a word
    input  wire             read,          // take it away; only while empty_n
    output wire [63:0]      m_axi_araddr,  // AXI4 read address channel
    output wire [7:0]       m_axi_arlen,
    output wire [2:0]       m_axi_arsize,
    output wire [1:0]       m_axi_arburst,
    output wire             m_axi_arvalid,
    input  wire             m_axi_arready,
    input  wire [WIDTH-1:0] m_axi_rdata,   // AXI4 read data channel
    input  wire [1:0]       m_axi_rresp,
    /* verilator lint_off UNUSED */        // the beats are counted
    input  wire             m_axi_rlast,
    /* verilator lint_on UNUSED */
    input  wire             m_axi_rvalid,
    output wire             m_axi_rready,
    output wire             idle,          // every word asked for so far has been taken from dout
    output reg              error          // a response was not OKAY, since rst
);
    localparam SIZE  = $clog2(WIDTH / 8);
    localparam CBITS = DEPTH < 256 ? 9 : $clog2(DEPTH + 1);

    wire burst;
    wire cut;
    wire enough;
    wire asked = m_axi_arvalid && m_axi_arready;
    hls_axi_burst #(
        .WIDTH(WIDTH),
        .BURST(BURST)
    ) bursts (
        .clk       (clk),
        .rst       (rst),
        .req_addr  (req_addr),
        .req_beats (req_beats),
        .req_write (req_write),
        .req_full_n(req_full_n),
        .addr      (m_axi_araddr),
        .len       (m_axi_arlen),
        .valid     (burst),
        .ready     (asked),
        .idle      (cut)
    );
    assign m_axi_arvalid = burst && enough;
    assign m_axi_arsize  = SIZE[2:0];
    assign m_axi_arburst = 2'b01;

    hls_fifo #(
        .WIDTH(WIDTH),
        .DEPTH(DEPTH)
    ) words (
        .clk    (clk),
        .rst    (rst),
        .din    (m_axi_rdata),
        .write  (m_axi_rvalid && m_axi_rready),
        .full_n (m_axi_rready),
        .dout   (dout),
        .read   (read),
        .empty_n(empty_n)
    );

    // Words the buffer could take that no burst has been asked to bring.
    reg  [CBITS-1:0] room;
    wire [CBITS-1:0] len = {{CBITS-8{1'b0}}, m_axi_arlen};
    assign enough = room > len;
    assign idle = cut && room == DEPTH[CBITS-1:0];

    always @(posedge clk) begin
        room <= room + {{CBITS-1{1'b0}}, read} - (asked ? len + 1'b1 : {CBITS{1'b0}});
        if (m_axi_rvalid && m_axi_rresp != 2'b00)
            error <= 1'b1;
        if (rst) begin
            room  <= DEPTH[CBITS-1:0];
            error <= 1'b0;
        end
    end

`ifndef SYNTHESIS
    initial
        if (DEPTH < 2 * BURST) begin
            $display("hls_axi_read: %m: DEPTH is below 2 * BURST");
            $finish;
        end
`endif
endmodule
