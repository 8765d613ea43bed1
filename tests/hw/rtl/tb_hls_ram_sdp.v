// One RAM against an array. Addresses stay close to each other for a while, so that reading and
// writing meet often.
module sdp_check #(
    parameter WIDTH  = 32,
    parameter DEPTH  = 64,
    parameter AWIDTH = 6,
    parameter BYPASS = 0,
    parameter MEETS  = 1,
    parameter TURNS  = 0
) (
    input  wire clk,
    output reg  done
);
    `include "check.vh"
    reg  [AWIDTH-1:0] ra, wa;
    reg               re, we;
    reg  [WIDTH-1:0]  wd;
    wire [WIDTH-1:0]  q;
    hls_ram_sdp #(
        .WIDTH (WIDTH),
        .DEPTH (DEPTH),
        .AWIDTH(AWIDTH),
        .BYPASS(BYPASS),
        .MEETS (MEETS),
        .TURNS (TURNS)
    ) ram (
        .clk(clk),
        .ra (ra),
        .re (re),
        .q  (q),
        .wa (wa),
        .we (we),
        .wd (wd)
    );

    reg [WIDTH-1:0] model [0:DEPTH-1];
    reg [WIDTH-1:0] expected;
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
        if (re) begin
            expected = BYPASS != 0 && we && wa == ra ? wd : model[ra];
            known    = 1;
            if (we && wa == ra)
                meetings = meetings + 1;
        end
        if (we)
            model[wa] = wd;
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
            we <= (seed[1] || seed[2]) && (MEETS != 0 || !seed[0] || seed[5:4] != seed[9:8]) &&
                  (TURNS == 0 || !seed[0] || $test$plusargs("both"));
            wa <= (base + seed[9:8]) % DEPTH;
            wd <= {(WIDTH + 31) / 32{scatter(seed)}};
        end
        if (cycle == 4 * DEPTH + 2000 && !done) begin
            `CHECK(MEETS != 0 ? meetings > 50 : meetings == 0, "reading and writing meet too often or hardly")
            done <= 1;
            if (errors == 0)
                $display("pass %m");
        end
    end
endmodule

module tb_hls_ram_sdp;
    wire       clk;
    wire [9:0] done;
    bench #(10, 20000) bench (clk, done);
    sdp_check #(32, 64, 6, 0)    w32_d64    (clk, done[0]);
    sdp_check #(32, 64, 6, 1)    w32_d64_b  (clk, done[1]);
    sdp_check #(1, 1, 1, 0)      w1_d1      (clk, done[2]);
    sdp_check #(1, 1, 1, 1)      w1_d1_b    (clk, done[3]);
    sdp_check #(24, 1000, 10, 0) w24_d1000  (clk, done[4]);
    sdp_check #(24, 1000, 10, 1) w24_d1000b (clk, done[5]);
    sdp_check #(128, 17, 5, 0)   w128_d17   (clk, done[6]);
    sdp_check #(128, 17, 5, 1)   w128_d17_b (clk, done[7]);
    sdp_check #(24, 100, 7, 0, 0) w24_apart (clk, done[8]);
    sdp_check #(32, 200, 8, 0, 0, 1) w32_turns (clk, done[9]);
endmodule
