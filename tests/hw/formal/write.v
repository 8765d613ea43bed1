// hls_axi_write: a burst is announced when its words are there and not before; it is followed by as
// many words, the last one told, without a pause of the process's making; idle tells that every
// response has come; what waits stays as it is. (Order is hls_fifo's, addresses are hls_axi_burst's.) As
// narrow as `small` in ../prove makes it.
module proof (
    input wire        clk, rst, req_write, write, awready, wready, bvalid, bad,
    input wire [63:0] req_addr,
    input wire [31:0] req_beats
);
    localparam BURST = 2, DEPTH = 4;
    wire        req_full_n, full_n, awvalid, wvalid, wlast, bready, idle, error;
    wire [7:0]  wdata, awlen;
    wire [63:0] awaddr;
    hls_axi_write #(
        .WIDTH(8), .BURST(BURST), .DEPTH(DEPTH)
    ) master (
        .clk(clk), .rst(rst), .req_addr(req_addr), .req_beats(req_beats), .req_write(req_write),
        .req_full_n(req_full_n), .din(8'd0), .write(write), .full_n(full_n), .m_axi_awaddr(awaddr),
        .m_axi_awlen(awlen), .m_axi_awsize(), .m_axi_awburst(), .m_axi_awvalid(awvalid),
        .m_axi_awready(awready), .m_axi_wdata(wdata), .m_axi_wstrb(), .m_axi_wlast(wlast),
        .m_axi_wvalid(wvalid), .m_axi_wready(wready), .m_axi_bresp({bad, 1'b0}), .m_axi_bvalid(bvalid),
        .m_axi_bready(bready), .idle(idle), .error(error));
    reg begun = 0;
    always @(posedge clk) begun <= 1;
    wire       asked = awvalid && awready, sent = wvalid && wready;
    reg  [5:0] due, there;         // beats requested and not announced; words put and not sent
    reg  [8:0] announced;          // words that bursts were announced for and that have not been sent
    reg  [8:0] open, ended;        // bursts announced, and those whose last word is sent; without a response
    reg        a_held, w_held, last_before, failed;
    reg  [7:0] len_before;
    always @* begin
        assume (rst == !begun);
        assume (!req_write || (req_full_n && !rst));
        assume (!write || (full_n && !rst));
        assume (!bvalid || (ended != 0 && !rst));
        assume (req_beats < 5);
    end
    always @(posedge clk)
        if (rst) begin
            due       <= 0;
            there     <= 0;
            announced <= 0;
            open      <= 0;
            ended     <= 0;
            failed    <= 0;
            a_held    <= 0;
            w_held    <= 0;
        end else begin
            due       <= due + (req_write ? req_beats : 0) - (asked ? awlen + 1 : 0);
            there     <= there + write - sent;
            announced <= announced + (asked ? awlen + 1 : 0) - sent;
            open      <= open + asked - bvalid;
            ended     <= ended + (sent && wlast) - bvalid;
            failed    <= failed || (bvalid && bad);
            a_held    <= awvalid && !awready;
            w_held    <= wvalid && !wready;
        end
    always @(posedge clk) begin
        len_before  <= awlen;
        last_before <= wlast;
    end
    always @(posedge clk)
        if (begun && !rst) begin
            assert (bready);
            assert (announced <= there);
            assert (!awvalid || (awlen < BURST && awlen < due && awlen + announced < there));
            assert (!wvalid || announced != 0);
            assert (!(sent && wlast) || ended < open);
            assert ((announced == 0) == (open == ended));
            assert (error == failed);
            if (a_held)
                assert (awvalid && awlen == len_before);
            if (w_held)
                assert (wvalid && wlast == last_before);
            if (idle)
                assert (due == 0 && announced == 0 && open == 0);
        end
endmodule
