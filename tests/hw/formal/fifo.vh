// Inside of hls_fifo: what goes in comes out, in that order, and room and tokens are told as they are.
// A token is followed from its write, at whatever moment the prover likes, to its read.
    (* anyseq *) wire mark;
    reg begun = 0;
    always @(posedge clk) begun <= 1;
    always @* begin
        if (!begun) assume (rst);
        assume (!write || (full_n && !rst));
        assume (!read || (empty_n && !rst));
    end

    reg  [15:0] held; // in the ring
    wire [15:0] all = held + (DEEP && empty_n);
    always @(posedge clk) held <= rst ? 16'd0 : held + write - pop;

    reg             followed = 0;
    reg [15:0]      ahead; // tokens before it
    reg [WIDTH-1:0] value;
    always @(posedge clk)
        if (rst)
            followed <= 0;
        else if (!followed && mark && write) begin
            followed <= 1;
            value    <= din;
            ahead    <= all - read;
        end else if (followed && read) begin
            if (ahead == 0)
                followed <= 0;
            ahead <= ahead - 16'd1;
        end
    wire [15:0] beyond = head + ahead - (DEEP && empty_n), place = beyond >= DEPTH ? beyond - DEPTH : beyond;
    wire [15:0] end_beyond = head + held, end_place = end_beyond >= DEPTH ? end_beyond - DEPTH : end_beyond;
    wire        first = followed && ahead == 0 && empty_n;
    reg  [1:0]  late = 0; // a token is there and not told
    always @(posedge clk) late <= rst || all == 0 || empty_n ? 2'd0 : late + 2'd1;
    always @(posedge clk)
        if (begun && !rst) begin
            assert (held <= DEPTH && full_n == (held != DEPTH) && filled == (held != 0));
            assert (head < DEPTH && tail < DEPTH && tail == end_place);
            assert (DEEP || empty_n == (held != 0));
            assert (late == 0 || (DEEP && late == 1));
            if (followed) begin
                assert (ahead < all);
                if (!(DEEP && first))
                    assert (ring[place[ABITS-1:0]] == value);
                if (first)
                    assert (dout == value);
            end
        end
