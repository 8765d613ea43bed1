// A queue of words from one clock to another: a ring of 2^ABITS words whose pointers cross as Gray
// codes. Each side has its reset, which must be asserted together with the other's and before either
// is used. write only while full_n, read only while empty_n; room: two words or more fit.
module word_crossing #(
    parameter ABITS = 4
) (
    input  wire        wclk,
    input  wire        wrst,
    input  wire [31:0] din,
    input  wire        write,
    output wire        full_n,
    output wire        room,
    input  wire        rclk,
    input  wire        rrst,
    output wire [31:0] dout,
    input  wire        read,
    output wire        empty_n
);
    function [ABITS:0] gray(input [ABITS:0] n);
        gray = n ^ (n >> 1);
    endfunction

    reg [31:0]    ring [0:(1<<ABITS)-1];
    reg [ABITS:0] tail, head, tail_gray, head_gray;
    reg [ABITS:0] tail_seen [0:1], head_seen [0:1]; // by the other side, the second one steadily
    wire [ABITS:0] tail_next = tail + {{ABITS{1'b0}}, write},
                   head_next = head + {{ABITS{1'b0}}, read};
    // Full: the tail is a whole round ahead, which inverts a Gray code's two highest bits.
    wire [ABITS:0] around = head_seen[1] ^ {2'b11, {ABITS - 1{1'b0}}};
    assign full_n  = tail_gray != around;
    assign room    = full_n && gray(tail + 1'b1) != around;
    assign empty_n = head_gray != tail_seen[1];
    assign dout    = ring[head[ABITS-1:0]];

    always @(posedge wclk)
        if (write)
            ring[tail[ABITS-1:0]] <= din;
    always @(posedge wclk or posedge wrst)
        if (wrst) begin
            tail         <= 0;
            tail_gray    <= 0;
            head_seen[0] <= 0;
            head_seen[1] <= 0;
        end else begin
            tail         <= tail_next;
            tail_gray    <= gray(tail_next);
            head_seen[0] <= head_gray;
            head_seen[1] <= head_seen[0];
        end
    always @(posedge rclk or posedge rrst)
        if (rrst) begin
            head         <= 0;
            head_gray    <= 0;
            tail_seen[0] <= 0;
            tail_seen[1] <= 0;
        end else begin
            head         <= head_next;
            head_gray    <= gray(head_next);
            tail_seen[0] <= tail_gray;
            tail_seen[1] <= tail_seen[0];
        end
endmodule
