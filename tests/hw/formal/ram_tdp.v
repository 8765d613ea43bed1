// hls_ram_tdp, and with LANES hls_ram_tdp_lanes: each port reads what either has written, lane by lane, as long as they do not meet.
module proof #(
    parameter WIDTH = 2,
    parameter LANES =
`ifdef LANES
        `LANES
`else
        1
`endif

) (
    input wire                   clk,
    input wire [1:0]             a_addr, b_addr,
    input wire                   a_en, b_en,
    input wire [LANES-1:0]       a_we, b_we,
    input wire [LANES*WIDTH-1:0] a_wd, b_wd
);
    wire [LANES*WIDTH-1:0] a_q, b_q;
`ifdef LANES
    hls_ram_tdp_lanes #(
        .WIDTH(WIDTH), .DEPTH(4), .AWIDTH(2), .LANES(LANES)
    ) ram (
`else
    hls_ram_tdp #(
        .WIDTH(WIDTH), .DEPTH(4), .AWIDTH(2)
    ) ram (
`endif
        .clk(clk), .a_addr(a_addr), .a_en(a_en), .a_we(a_we), .a_wd(a_wd), .a_q(a_q), .b_addr(b_addr),
        .b_en(b_en), .b_we(b_we), .b_wd(b_wd), .b_q(b_q));
    (* anyconst *) wire [1:0] at;
    (* anyconst *) wire       any;
    wire lane = LANES > 1 && any;
    always @* assume (!(a_en && b_en && (|a_we || |b_we) && a_addr == b_addr));
    wire a_hit = a_en && a_we[lane] && a_addr == at, b_hit = b_en && b_we[lane] && b_addr == at;
    reg  known = 0, a_read = 0, b_read = 0;
    reg  [WIDTH-1:0] value, a_expected, b_expected;
    always @(posedge clk) begin
        if (a_hit || b_hit) begin
            known <= 1;
            value <= a_hit ? a_wd[WIDTH*lane+:WIDTH] : b_wd[WIDTH*lane+:WIDTH];
        end
        if (a_en && a_we == 0) begin
            a_read     <= known && a_addr == at;
            a_expected <= value;
        end
        if (b_en && b_we == 0) begin
            b_read     <= known && b_addr == at;
            b_expected <= value;
        end
    end
    always @(posedge clk) begin
        if (a_read) assert (a_q[WIDTH*lane+:WIDTH] == a_expected);
        if (b_read) assert (b_q[WIDTH*lane+:WIDTH] == b_expected);
    end
endmodule
