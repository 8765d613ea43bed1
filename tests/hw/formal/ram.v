// hls_ram_sdp and hls_ram_lanes: a port's output is what its address held, or what is being written
// there, lane by lane. One lane of one address is followed, whichever the prover likes.
// LANES, BYPASS and MEETS are of the RAM; without LANES it is hls_ram_sdp.
`ifdef LANES
    `define RAM hls_ram_lanes
    `define OF_LANES .LANES(`LANES),
`else
    `define RAM hls_ram_sdp
    `define OF_LANES
    `define LANES 1
`endif
module proof #(
    parameter WIDTH  = 2,
    parameter LANES  = `LANES,
    parameter BYPASS = `BYPASS
) (
    input wire                   clk,
    input wire [1:0]             ra,
    input wire                   re,
    input wire [1:0]             wa,
    input wire [LANES-1:0]       we,
    input wire [LANES*WIDTH-1:0] wd
);
    wire [LANES*WIDTH-1:0] q;
    `RAM #(
        .WIDTH(WIDTH), `OF_LANES .DEPTH(4), .AWIDTH(2), .BYPASS(BYPASS), .MEETS(`MEETS)
    ) ram (.clk(clk), .ra(ra), .re(re), .q(q), .wa(wa), .we(we), .wd(wd));
    (* anyconst *) wire [1:0] at;
    (* anyconst *) wire [1:0] lane_any;
    wire [1:0] lane = lane_any < LANES ? lane_any : 2'd0;
    wire             hit = we[lane] && wa == at;
    wire [WIDTH-1:0] new_value = wd[WIDTH*lane+:WIDTH], seen = q[WIDTH*lane+:WIDTH];
    reg              known = 0, read = 0; // it has been written; q is of it
    reg  [WIDTH-1:0] value, expected;
    always @(posedge clk) begin
        if (hit) begin
            known <= 1;
            value <= new_value;
        end
        if (re) begin
            read     <= ra == at && (known || (BYPASS && hit));
            expected <= BYPASS && hit ? new_value : value;
        end
    end
    always @(posedge clk) if (read) assert (seen == expected);
    always @* if (`MEETS == 0) assume (!(re && |we && ra == wa));
endmodule
