// One RAM of lanes against an array. Addresses stay close to each other for a while, so that reading and
// writing meet often.
module lanes_check #(
    parameter WIDTH  = 32,
    parameter DEPTH  = 64,
    parameter AWIDTH = 6,
    parameter BYPASS = 0,
    parameter MEETS  = 1,
    parameter LANES  = 1
) (
    input  wire clk,
    output reg  done
);
    `include "check.vh"
    reg  [AWIDTH-1:0] ra, wa;
    reg               re;
    reg  [LANES-1:0]  we;
    reg  [LANES*WIDTH-1:0] wd;
    wire [LANES*WIDTH-1:0] q;
    hls_ram_lanes #(
        .WIDTH (WIDTH),
        .DEPTH (DEPTH),
        .AWIDTH(AWIDTH),
        .BYPASS(BYPASS),
        .MEETS (MEETS),
        .LANES (LANES)
    ) ram (
        .clk(clk),
        .ra (ra),
        .re (re),
        .q  (q),
        .wa (wa),
        .we (we),
        .wd (wd)
    );

    reg [LANES*WIDTH-1:0] model [0:DEPTH-1];
    reg [LANES*WIDTH-1:0] expected;
    reg             known = 0; // something has been read
    reg [31:0]      seed = 32'h7654321 + WIDTH + DEPTH + BYPASS;
    integer         cycle = 0;
    integer         meetings = 0;
    integer         i, base;
    initial begin
        for (i = 0; i < DEPTH; i = i + 1)
            model[i] = 0;
        re   = 0;
        we   = 0;
        done = 0;
    end

    always @(posedge clk) begin
        if (re && BYPASS == 0)
            expected = model[ra];
        if (re && we != 0 && wa == ra)
            meetings = meetings + 1;
        for (i = 0; i < LANES; i = i + 1)
            if (we[i])
                model[wa][WIDTH*i+:WIDTH] = wd[WIDTH*i+:WIDTH];
        if (re && BYPASS != 0)
            expected = model[ra];
        if (re)
            known = 1;
    end

    always @(negedge clk) begin
        `CHECK(!known || q === expected, "q is not the word last read")
        cycle <= cycle + 1;
        seed = next_random(seed);
        if (cycle % 16 == 0)
            base = scatter(cycle);
        if (cycle < DEPTH) begin // zero at first
            re <= 1;
            ra <= cycle;
        end else begin
            re <= seed[0];
            ra <= (base + seed[5:4]) % DEPTH;
            we <= (seed[1] || seed[2]) && (MEETS != 0 || !seed[0] || seed[5:4] != seed[9:8]) ?
                  {LANES{1'b1}} & ~scatter(seed ^ 1) | 1'b1 : 0;
            wa <= (base + seed[9:8]) % DEPTH;
            wd <= {(LANES * WIDTH + 31) / 32{scatter(seed)}};
        end
        if (cycle == 4 * DEPTH + 2000 && !done) begin
            `CHECK(MEETS != 0 ? meetings > 50 : meetings == 0, "reading and writing meet too often or hardly")
            done <= 1;
            if (errors == 0)
                $display("pass %m");
        end
    end
endmodule

module tb_hls_ram_lanes;
    wire       clk;
    wire [5:0] done;
    bench #(6, 20000) bench (clk, done);
    lanes_check #(32, 64, 6, 0, 1, 1)    w32_d64_l1   (clk, done[0]);
    lanes_check #(24, 64, 6, 0, 1, 4)    w24_d64_l4   (clk, done[1]);
    lanes_check #(24, 64, 6, 1, 1, 4)    w24_d64_l4_b (clk, done[2]);
    lanes_check #(1, 17, 5, 1, 1, 3)     w1_d17_l3_b  (clk, done[3]);
    lanes_check #(24, 1000, 10, 0, 1, 8) w24_d1000_l8 (clk, done[4]);
    lanes_check #(24, 100, 7, 0, 0, 8)   w24_apart_l8 (clk, done[5]);
endmodule
