// Writes runs of words to an AXI4 memory.
//
// The words of din go to the addresses of the requests, in order; either may come first. A burst is
// announced when all its words are in the buffer, so a slow process never keeps others from the
// memory. One word per cycle if the memory takes one, also for requests of one word each. At least
// two requests are taken ahead; up to 16 bursts are announced ahead of their words, and up to 256
// wait for their response.
//
// One ID, responses in order. idle falls in the cycle after req_write.
module hls_axi_write #(
    parameter WIDTH = 32, // data bits: 8 * 2^n up to 1024
    parameter BURST = 64, // beats of a burst at most, 1 to 256
    parameter DEPTH = 256 // words of the buffer, at least 2 * BURST
) (
    input  wire               clk,
    input  wire               rst,
    input  wire [63:0]        req_addr,      // a request: byte address, a multiple of WIDTH / 8
    input  wire [31:0]        req_beats,     //            words; 0: nothing
    input  wire               req_write,     //            take it; only while req_full_n
    output wire               req_full_n,    // there is room for a request
    input  wire [WIDTH-1:0]   din,           // the next word
    input  wire               write,         // take it; only while full_n
    output wire               full_n,        // there is room for a word
    output wire [63:0]        m_axi_awaddr,  // AXI4 write address channel
    output wire [7:0]         m_axi_awlen,
    output wire [2:0]         m_axi_awsize,
    output wire [1:0]         m_axi_awburst,
    output wire               m_axi_awvalid,
    input  wire               m_axi_awready,
    output wire [WIDTH-1:0]   m_axi_wdata,   // AXI4 write data channel
    output wire [WIDTH/8-1:0] m_axi_wstrb,
    output wire               m_axi_wlast,
    output wire               m_axi_wvalid,
    input  wire               m_axi_wready,
    input  wire [1:0]         m_axi_bresp,   // AXI4 write response channel
    input  wire               m_axi_bvalid,
    output wire               m_axi_bready,
    output wire               idle,          // every request accepted so far has its responses
    output reg                error          // a response was not OKAY, since rst
);
    localparam SIZE  = $clog2(WIDTH / 8);
    localparam CBITS = DEPTH < 255 ? 9 : $clog2(DEPTH + 2); // hls_fifo may hold one word more

    wire burst;
    wire cut;
    wire allowed;
    wire asked = m_axi_awvalid && m_axi_awready;
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
        .addr      (m_axi_awaddr),
        .len       (m_axi_awlen),
        .valid     (burst),
        .ready     (asked),
        .idle      (cut)
    );
    assign m_axi_awvalid = burst && allowed;
    assign m_axi_awsize  = SIZE[2:0];
    assign m_axi_awburst = 2'b01;

    wire sent = m_axi_wvalid && m_axi_wready;
    wire word;
    hls_fifo #(
        .WIDTH(WIDTH),
        .DEPTH(DEPTH)
    ) words (
        .clk    (clk),
        .rst    (rst),
        .din    (din),
        .write  (write),
        .full_n (full_n),
        .dout   (m_axi_wdata),
        .read   (sent),
        .empty_n(word)
    );

    // The bursts whose words are to be sent.
    wire [7:0] last;
    wire       started;
    wire       lengths_full_n;
    hls_fifo #(
        .WIDTH(8),
        .DEPTH(16)
    ) lengths (
        .clk    (clk),
        .rst    (rst),
        .din    (m_axi_awlen),
        .write  (asked),
        .full_n (lengths_full_n),
        .dout   (last),
        .read   (sent && m_axi_wlast),
        .empty_n(started)
    );
    reg [7:0] beat;
    assign m_axi_wvalid = started && word;
    assign m_axi_wlast  = beat == last;
    assign m_axi_wstrb  = {WIDTH/8{1'b1}};
    assign m_axi_bready = 1'b1;

    // Words in the buffer that no burst has been announced for; bursts without a response.
    reg  [CBITS-1:0] stock;
    reg  [8:0]       open;
    wire [CBITS-1:0] len = {{CBITS-8{1'b0}}, m_axi_awlen};
    assign allowed = stock > len && lengths_full_n && !open[8];
    assign idle = cut && open == 9'd0;

    always @(posedge clk) begin
        stock <= stock + {{CBITS-1{1'b0}}, write} - (asked ? len + 1'b1 : {CBITS{1'b0}});
        open  <= open + {8'd0, asked} - {8'd0, m_axi_bvalid};
        if (sent)
            beat <= m_axi_wlast ? 8'd0 : beat + 8'd1;
        if (m_axi_bvalid && m_axi_bresp != 2'b00)
            error <= 1'b1;
        if (rst) begin
            stock <= {CBITS{1'b0}};
            open  <= 9'd0;
            beat  <= 8'd0;
            error <= 1'b0;
        end
    end

`ifndef SYNTHESIS
    initial
        if (DEPTH < 2 * BURST) begin
            $display("hls_axi_write: %m: DEPTH is below 2 * BURST");
            $finish;
        end
`endif
endmodule
