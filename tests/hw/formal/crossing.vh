// Inside of word_crossing: what either side has seen of the other's pointer lies between where that was
// and where it is, and a word stays in the ring until it is read. Words are numbered as the pointers
// count; the last one of a number, whichever the prover likes, is followed.
    function [ABITS:0] count(input [ABITS:0] g);
        integer i;
        begin
            count = g;
            for (i = 1; i <= ABITS; i = i + 1)
                count = count ^ (g >> i);
        end
    endfunction
    localparam [ABITS:0] MOST = 1 << ABITS;
    wire [ABITS:0] there = tail - head;
    wire [ABITS:0] t0 = count(tail_seen[0]) - head, t1 = count(tail_seen[1]) - head;
    wire [ABITS:0] h0 = tail - count(head_seen[0]), h1 = tail - count(head_seen[1]);
    (* anyconst *) wire [ABITS:0] number;
    wire [ABITS:0] ahead = number - head;
    reg  [31:0]    value;
    always @(posedge wclk)
        if (write && tail == number)
            value <= din;
    wire [ABITS:0] tail_change = tail_gray ^ gray(tail_next), head_change = head_gray ^ gray(head_next);
    always @*
        if (!wrst) begin
            assert (tail_gray == gray(tail) && head_gray == gray(head));
            assert ((tail_change & (tail_change - 1'b1)) == 0 && (head_change & (head_change - 1'b1)) == 0);
            assert (there <= MOST && t0 <= there && t1 <= t0 && there <= h0 && h0 <= h1 && h1 <= MOST);
            assert (!full_n || there != MOST);
            assert (!room || there < MOST - 1'b1);
            assert (!empty_n || there != 0);
            if (ahead < there)
                assert (ring[number[ABITS-1:0]] == value);
            if (empty_n && ahead == 0)
                assert (dout == value);
        end
