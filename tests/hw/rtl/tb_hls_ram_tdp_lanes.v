// One RAM against an array; with +collide the ports meet.
module tdp_lanes_check #(
    parameter WIDTH  = 32,
    parameter DEPTH  = 64,
    parameter AWIDTH = 6,
    parameter LANES  = 1
) (
    input  wire clk,
    output reg  done
);
    `include "check.vh"
    reg  [AWIDTH-1:0] a_addr, b_addr;
    reg               a_en, b_en;
    reg  [LANES-1:0]  a_we, b_we;
    reg  [LANES*WIDTH-1:0] a_wd, b_wd;
    wire [LANES*WIDTH-1:0] a_q, b_q;
    hls_ram_tdp_lanes #(
        .WIDTH (WIDTH),
        .DEPTH (DEPTH),
        .AWIDTH(AWIDTH),
        .LANES (LANES)
    ) ram (
        .clk   (clk),
        .a_addr(a_addr),
        .a_en  (a_en),
        .a_we  (a_we),
        .a_wd  (a_wd),
        .a_q   (a_q),
        .b_addr(b_addr),
        .b_en  (b_en),
        .b_we  (b_we),
        .b_wd  (b_wd),
        .b_q   (b_q)
    );

    reg [LANES*WIDTH-1:0] model [0:DEPTH-1];
    reg [LANES*WIDTH-1:0] a_expected, b_expected;
    reg             a_known = 0, b_known = 0; // the port has read something
    reg [31:0]      seed = 32'h2468ace + WIDTH + DEPTH;
    wire            collide = $test$plusargs("collide");
    integer         cycle = 0;
    integer         i, base, a, b;
    initial begin
        for (i = 0; i < DEPTH; i = i + 1)
            model[i] = 0;
        a_en = 0;
        b_en = 0;
        a_we = 0;
        b_we = 0;
        done = 0;
    end

    always @(posedge clk) begin
        if (a_en && a_we == 0) begin
            a_expected = model[a_addr];
            a_known    = 1;
        end
        if (b_en && b_we == 0) begin
            b_expected = model[b_addr];
            b_known    = 1;
        end
        for (i = 0; i < LANES; i = i + 1) begin
            if (a_en && a_we[i])
                model[a_addr][WIDTH*i+:WIDTH] = a_wd[WIDTH*i+:WIDTH];
            if (b_en && b_we[i])
                model[b_addr][WIDTH*i+:WIDTH] = b_wd[WIDTH*i+:WIDTH];
        end
    end

    always @(negedge clk) begin
        `CHECK(!a_known || a_q === a_expected, "a_q is not the word last read")
        `CHECK(!b_known || b_q === b_expected, "b_q is not the word last read")
        cycle <= cycle + 1;
        seed = next_random(seed);
        if (cycle % 16 == 0)
            base = scatter(cycle);
        a = (base + seed[9:8]) % DEPTH;
        b = (base + seed[13:12]) % DEPTH;
        if (cycle < DEPTH) begin // zero at first
            a = cycle;
            b = DEPTH - 1 - cycle;
        end
        a_addr <= a;
        b_addr <= b;
        a_en   <= seed[0] || cycle < DEPTH;
        a_we   <= seed[2] && cycle >= DEPTH ? {LANES{1'b1}} & ~scatter(seed ^ 1) | 1'b1 : 0;
        b_we   <= seed[3] && cycle >= DEPTH ? {LANES{1'b1}} & ~scatter(seed ^ 2) | 1'b1 : 0;
        b_en   <= (seed[1] || cycle < DEPTH) && (a != b || collide || cycle < DEPTH ||
                  !(seed[0] && (seed[2] || seed[3])));
        a_wd   <= {(LANES * WIDTH + 31) / 32{scatter(seed)}};
        b_wd   <= {(LANES * WIDTH + 31) / 32{scatter(~seed)}};
        if (cycle == 4 * DEPTH + 2000 && !done) begin
            done <= 1;
            if (errors == 0)
                $display("pass %m");
        end
    end
endmodule

module tb_hls_ram_tdp_lanes;
    wire       clk;
    wire [4:0] done;
    bench #(5, 20000) bench (clk, done);
    tdp_lanes_check #(32, 64, 6)    w32_d64   (clk, done[0]);
    tdp_lanes_check #(1, 2, 1)      w1_d2     (clk, done[1]);
    tdp_lanes_check #(24, 1000, 10) w24_d1000 (clk, done[2]);
    tdp_lanes_check #(128, 17, 5)   w128_d17  (clk, done[3]);
    tdp_lanes_check #(8, 100, 7, 16) w8_d100_l16  (clk, done[4]);
endmodule
