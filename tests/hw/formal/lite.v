// hls_axi_lite: AXI's handshakes, an answer to each access in time, and a core that is started once and
// never while it runs. A byte of an argument is followed from its write to where the core sees it.
module proof (
    input wire        clk, rst,
    input wire [11:0] awaddr, araddr,
    input wire        awvalid, wvalid, bready, arvalid, rready,
    input wire [31:0] wdata,
    input wire [3:0]  wstrb,
    input wire        ap_done, ap_idle, moves,
    input wire [33:0] waits,
    input wire [1:0]  errors
);
    localparam WORDS = 3;
    wire              awready, wready, bvalid, arready, rvalid, interrupt, ap_start;
    wire [31:0]       rdata;
    wire [1:0]        bresp, rresp;
    wire [32*WORDS-1:0] args;
    hls_axi_lite #(
        .ARG_WORDS(WORDS), .AWIDTH(12), .WAITS(34), .ERRORS(2)
    ) lite (
        .clk(clk), .rst(rst), .s_axi_awaddr(awaddr), .s_axi_awvalid(awvalid), .s_axi_awready(awready),
        .s_axi_wdata(wdata), .s_axi_wstrb(wstrb), .s_axi_wvalid(wvalid), .s_axi_wready(wready),
        .s_axi_bresp(bresp), .s_axi_bvalid(bvalid), .s_axi_bready(bready), .s_axi_araddr(araddr),
        .s_axi_arvalid(arvalid), .s_axi_arready(arready), .s_axi_rdata(rdata), .s_axi_rresp(rresp),
        .s_axi_rvalid(rvalid), .s_axi_rready(rready), .interrupt(interrupt), .ap_start(ap_start),
        .ap_done(ap_done), .ap_idle(ap_idle), .ret(1'b0), .args(args), .moves(moves), .waits(waits),
        .errors(errors));

    reg begun = 0;
    always @(posedge clk) begun <= 1;
    always @* assume (rst == !begun);

    // A master holds what has not been taken; so does the slave with what it answers.
    reg         aw_held, w_held, ar_held, b_held, r_held, start_before, done_before;
    reg  [11:0] awaddr_before, araddr_before;
    reg  [31:0] wdata_before, rdata_before;
    reg  [3:0]  wstrb_before;
    reg         addressed, worded, asked, going; // a write's address, its word, a read, a run
    always @(posedge clk) begin
        aw_held       <= awvalid && !awready && !rst;
        w_held        <= wvalid && !wready && !rst;
        ar_held       <= arvalid && !arready && !rst;
        b_held        <= bvalid && !bready && !rst;
        r_held        <= rvalid && !rready && !rst;
        awaddr_before <= awaddr;
        araddr_before <= araddr;
        wdata_before  <= wdata;
        wstrb_before  <= wstrb;
        rdata_before  <= rdata;
        start_before  <= ap_start && !rst;
        done_before   <= ap_done;
        going         <= !rst && (ap_start || going) && !ap_done;
    end
    always @* begin
        assume (!aw_held || (awvalid && awaddr == awaddr_before));
        assume (!w_held || (wvalid && wdata == wdata_before && wstrb == wstrb_before));
        assume (!ar_held || (arvalid && araddr == araddr_before));
        assume (!ap_done || going || ap_start);
    end
    reg [1:0] addresses, words, reads; // that have come and have not been answered
    reg [1:0] late;                    // cycles for which a write is whole and not answered
    always @(posedge clk) begin
        addresses <= rst ? 2'd0 : addresses + (awvalid && awready) - (bvalid && bready);
        words     <= rst ? 2'd0 : words + (wvalid && wready) - (bvalid && bready);
        reads     <= rst ? 2'd0 : reads + (arvalid && arready) - (rvalid && rready);
        late      <= rst || addresses == 0 || words == 0 || bvalid ? 2'd0 : late + 2'd1;
    end

    // A byte of an argument.
    (* anyconst *) wire [1:0] word;
    (* anyconst *) wire [1:0] byte_of;
    always @* assume (word < WORDS);
    reg         a_there, w_there, strobed; // a write's halves have come
    reg  [11:0] a_kept;
    reg  [31:0] w_kept;
    reg  [7:0]  written;
    wire [1:0]  b = byte_of;
    always @(posedge clk)
        if (rst) begin
            a_there <= 0;
            w_there <= 0;
            written <= 0;
        end else begin
            if (awvalid && awready) begin
                a_there <= 1;
                a_kept  <= awaddr;
            end
            if (wvalid && wready) begin
                w_there <= 1;
                w_kept  <= wdata;
                strobed <= wstrb[b];
            end
            if (a_there && w_there && !bvalid) begin
                a_there <= awvalid && awready;
                w_there <= wvalid && wready;
                if (a_kept[11:2] == 4 + word && strobed)
                    written <= w_kept[8*b+:8];
            end
        end
    always @(posedge clk)
        if (begun && !rst) begin
            assert (!b_held || bvalid);
            assert (!r_held || (rvalid && rdata == rdata_before));
            assert (bresp == 0 && rresp == 0);
            assert (!bvalid || (addresses != 0 && words != 0));
            assert (rvalid == (reads != 0) && reads <= 1);
            assert (addresses <= 2 && words <= 2 && late <= 1);
            assert (!(ap_start && start_before && !done_before));
            assert (!(ap_start && going && !ap_done));
            assert (args[32*word+8*b+:8] == written);
        end
endmodule
