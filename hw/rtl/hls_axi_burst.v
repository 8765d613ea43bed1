// Cuts requests of many beats into AXI bursts, for hls_axi_read and hls_axi_write.
//
// A burst is as long as BURST, the next 4 KB boundary and the request allow. One burst per cycle, the
// first one three cycles after its request. A request of 0 beats makes none and costs one cycle.
module hls_axi_burst #(
    parameter WIDTH = 32, // bits of a beat
    parameter BURST = 64  // beats of a burst at most
) (
    input  wire        clk,
    input  wire        rst,
    input  wire [63:0] req_addr,   // a request: byte address, a multiple of WIDTH / 8
    input  wire [31:0] req_beats,  //            beats
    input  wire        req_write,  //            take it; only while req_full_n
    output wire        req_full_n, // there is room for a request
    output reg  [63:0] addr,       // the burst: byte address
    output reg  [7:0]  len,        //            beats, less one
    output reg         valid,      // there is a burst
    input  wire        ready,      // it is taken, if valid
    output wire        idle        // every request accepted so far is cut and taken
);
    localparam LOG = $clog2(WIDTH / 8);
    localparam [31:0] MOST = BURST - 1;

    wire [63:0] next_addr;
    wire [31:0] next_beats;
    wire        next;
    wire        load;
    hls_fifo #(
        .WIDTH(96),
        .DEPTH(2)
    ) requests (
        .clk    (clk),
        .rst    (rst),
        .din    ({req_addr, req_beats}),
        .write  (req_write),
        .full_n (req_full_n),
        .dout   ({next_addr, next_beats}),
        .read   (load),
        .empty_n(next)
    );

    // The request that is being cut. As in AXI, numbers of beats are kept less one.
    reg  [63:0] from;
    reg  [31:0] left;
    reg         busy;
    wire [31:0] page = {20'd0, ~from[11:0]} >> LOG; // beats to the 4 KB boundary
    wire [31:0] most = MOST < page ? MOST : page;
    wire        last = left <= most;
    wire [31:0] beats = last ? left : most;
    wire        cut = busy && (ready || !valid);
    assign load = next && (!busy || (cut && last));
    assign idle = !next && !busy && !valid;

    always @(posedge clk) begin
        if (ready)
            valid <= 1'b0;
        if (cut) begin
            addr  <= from;
            len   <= beats[7:0];
            valid <= 1'b1;
            from  <= from + (({32'd0, beats} + 64'd1) << LOG);
            left  <= left - beats - 32'd1;
            busy  <= !last;
        end
        if (load) begin
            from <= next_addr;
            left <= next_beats - 32'd1;
            busy <= next_beats != 32'd0;
        end
        if (rst) begin
            valid <= 1'b0;
            busy  <= 1'b0;
        end
    end
endmodule
