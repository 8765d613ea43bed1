// hls_axi_read: never more beats are asked for than there is room for, so that the memory does not wait;
// all of them leave; idle tells that nothing is under way; a request that waits stays as it is. (That
// words leave as they came is hls_fifo's, and what is asked for hls_axi_burst's.) As narrow as `small`
// in ../prove makes it.
module proof (
    input wire        clk, rst, req_write, read, arready, rvalid, bad,
    input wire [63:0] req_addr,
    input wire [31:0] req_beats
);
    localparam BURST = 2, DEPTH = 4;
    wire        req_full_n, empty_n, arvalid, rready, idle, error;
    wire [7:0]  dout, arlen;
    wire [63:0] araddr;
    hls_axi_read #(
        .WIDTH(8), .BURST(BURST), .DEPTH(DEPTH)
    ) master (
        .clk(clk), .rst(rst), .req_addr(req_addr), .req_beats(req_beats), .req_write(req_write),
        .req_full_n(req_full_n), .dout(dout), .empty_n(empty_n), .read(read), .m_axi_araddr(araddr),
        .m_axi_arlen(arlen), .m_axi_arsize(), .m_axi_arburst(), .m_axi_arvalid(arvalid),
        .m_axi_arready(arready), .m_axi_rdata(8'd0), .m_axi_rresp({bad, 1'b0}), .m_axi_rlast(1'b0),
        .m_axi_rvalid(rvalid), .m_axi_rready(rready), .idle(idle), .error(error));
    reg begun = 0;
    always @(posedge clk) begun <= 1;
    wire       asked = arvalid && arready;
    reg  [5:0] due, coming, there; // beats requested, asked for, in the buffer
    reg        held, failed;
    reg [63:0] addr_before;
    reg  [7:0] len_before;
    always @* begin
        assume (rst == !begun);
        assume (!req_write || (req_full_n && !rst));
        assume (!read || empty_n);
        assume (!rvalid || (coming != 0 && !rst));
        assume (req_beats < 5);
    end
    always @(posedge clk)
        if (rst) begin
            due    <= 0;
            coming <= 0;
            there  <= 0;
            failed <= 0;
            held   <= 0;
        end else begin
            due    <= due + (req_write ? req_beats : 0) - (asked ? arlen + 1 : 0);
            coming <= coming + (asked ? arlen + 1 : 0) - rvalid;
            there  <= there + rvalid - read;
            failed <= failed || (rvalid && bad);
            held   <= arvalid && !arready;
        end
    always @(posedge clk) begin
        addr_before <= araddr;
        len_before  <= arlen;
    end
    always @(posedge clk)
        if (begun && !rst) begin
            assert (!rvalid || rready);
            assert (coming + there <= DEPTH);
            assert (!asked || (arlen < BURST && arlen < due));
            assert (!empty_n || there != 0);
            assert (error == failed);
            if (held)
                assert (arvalid && araddr == addr_before && arlen == len_before);
            if (idle)
                assert (due == 0 && coming == 0 && there == 0);
        end
endmodule
