// A queue between two processes.
//
// The first word falls through: while empty_n is 1, dout is the oldest token, and read takes it at
// the clock edge. One token may enter and one may leave in every cycle, also the same cycle.
// full_n and empty_n are registers; neither depends on read or write of the same cycle.
//
// DEPTH up to 32, or 512 bits altogether: registers or LUT RAM. A token is at dout one cycle after
// its write. DEPTH 1 is one register, which a token enters every other cycle at most.
//
// Deeper: block RAM, whose output register is dout and holds one token more. A token is at dout two
// cycles after its write.
module hls_fifo #(
    parameter WIDTH = 32, // bits of a token
    parameter DEPTH = 16  // tokens it holds at least, 1 or more
) (
    input  wire             clk,
    input  wire             rst,
    input  wire [WIDTH-1:0] din,     // the token to append
    input  wire             write,   // append it; only while full_n
    output reg              full_n,  // there is room
    output wire [WIDTH-1:0] dout,    // the oldest token, while empty_n
    input  wire             read,    // take it away; only while empty_n
    output wire             empty_n  // there is a token
);
    localparam ABITS = DEPTH > 1 ? $clog2(DEPTH) : 1;
    localparam [ABITS-1:0] LAST = DEPTH[ABITS-1:0] - 1'b1;
    localparam DEEP = DEPTH > 32 && WIDTH * DEPTH > 512;

    // A ring. A deep one never pops the word that it writes, so what a collision reads does not
    // matter.
    (* no_rw_check = DEEP *)
    reg  [WIDTH-1:0] ring [0:DEPTH-1];
    reg  [ABITS-1:0] head;   // the oldest token
    reg  [ABITS-1:0] tail;   // where the next one goes
    reg              filled; // the ring holds a token
    wire             pop;    // it leaves the ring
    wire [ABITS-1:0] head_next = DEPTH == 1 || head == LAST ? {ABITS{1'b0}} : head + 1'b1;
    wire [ABITS-1:0] tail_next = DEPTH == 1 || tail == LAST ? {ABITS{1'b0}} : tail + 1'b1;

    always @(posedge clk) begin
        if (write) begin
            ring[tail] <= din;
            tail       <= tail_next;
        end
        if (pop)
            head <= head_next;
        if (write && !pop) begin
            filled <= 1'b1;
            full_n <= tail_next != head;
        end
        if (pop && !write) begin
            filled <= head_next != tail;
            full_n <= 1'b1;
        end
        if (rst) begin
            head   <= {ABITS{1'b0}};
            tail   <= {ABITS{1'b0}};
            filled <= 1'b0;
            full_n <= 1'b1;
        end
    end

    generate
        if (DEEP) begin : deep
            reg [WIDTH-1:0] oldest;
            reg             valid;
            assign pop     = filled && (read || !valid);
            assign empty_n = valid;
            assign dout    = oldest;
            always @(posedge clk) begin
                if (pop)
                    oldest <= ring[head];
                valid <= !rst && (filled || (valid && !read));
            end
        end else begin : shallow
            assign pop     = read;
            assign empty_n = filled;
            assign dout    = ring[head];
        end
    endgenerate

`ifndef SYNTHESIS
    always @(posedge clk)
        if (!rst && ((write && !full_n) || (read && !empty_n))) begin
            $display("hls_fifo: %m: %0s", write && !full_n ? "write to a full queue"
                                                            : "read from an empty queue");
            $finish;
        end
`endif
endmodule
