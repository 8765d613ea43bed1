// hls_axi_burst: the bursts are the requests, in order, in one piece after the other; no burst crosses a
// page or is longer than BURST, and one that waits stays as it is. A request is followed from when it
// is taken, whichever the prover likes. Addresses and numbers of beats are as narrow as `small` in
// ../prove makes them.
module proof (
    input wire        clk, rst, req_write, ready, mark,
    input wire [63:0] req_addr,
    input wire [31:0] req_beats
);
    localparam BURST = 3, LOG = 1, PAGE = 12;
    wire        req_full_n, valid, idle;
    wire [63:0] addr;
    wire [7:0]  len;
    hls_axi_burst #(
        .WIDTH(8 << LOG), .BURST(BURST)
    ) bursts (
        .clk(clk), .rst(rst), .req_addr(req_addr), .req_beats(req_beats), .req_write(req_write),
        .req_full_n(req_full_n), .addr(addr), .len(len), .valid(valid), .ready(ready), .idle(idle));

    reg begun = 0;
    always @(posedge clk) begun <= 1;
    always @* begin
        assume (rst == !begun);
        assume (!req_write || (req_full_n && !rst));
        assume (req_addr[LOG-1:0] == 0);
    end
    // Beats asked for and not yet in a burst that was taken; of them those before the followed request,
    // and its own.
    wire [7:0]  taken = valid && ready ? len + 8'd1 : 8'd0;
    reg  [7:0]  owed, before, left;
    reg         followed;
    reg  [63:0] next;
    always @(posedge clk)
        if (rst) begin
            owed     <= 0;
            followed <= 0;
        end else begin
            owed <= owed + (req_write ? req_beats : 0) - taken;
            if (!followed && mark && req_write && req_beats != 0) begin
                followed <= 1;
                before   <= owed - taken;
                left     <= req_beats;
                next     <= req_addr;
            end else if (followed && before != 0)
                before <= before - taken;
            else if (followed && taken != 0) begin
                left <= left - taken;
                next <= next + (taken << LOG);
                if (left == taken)
                    followed <= 0;
            end
        end
    reg         held;
    reg  [63:0] addr_before;
    reg  [7:0]  len_before;
    always @(posedge clk) begin
        held        <= valid && !ready && !rst;
        addr_before <= addr;
        len_before  <= len;
    end
    always @(posedge clk)
        if (begun && !rst) begin
            if (held)
                assert (valid && addr == addr_before && len == len_before);
            if (valid) begin
                assert (len < BURST);
                assert (addr[LOG-1:0] == 0);
                assert ({8'd0, addr[11:0]} + ((len + 12'd1) << LOG) <= 1 << PAGE);
`ifdef ORDER
                if (followed && before != 0)
                    assert (len < before);
                if (followed && before == 0)
                    assert (addr == next && len < left);
`endif
            end
`ifdef COUNT
            assert (!valid || len < owed);
            assert (!idle || owed == 0);
`endif
        end
endmodule
