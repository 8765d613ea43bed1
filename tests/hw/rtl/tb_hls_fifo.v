// One queue under traffic of every density. Stimuli change at the falling edge, so that an output
// that depends on read or write of the same cycle is noticed.
module fifo_check #(
    parameter WIDTH = 8,
    parameter DEPTH = 4
) (
    input  wire clk,
    output reg  done
);
    `include "check.vh"
    localparam PHASE = 2 * DEPTH + 300; // cycles
    localparam MOST  = DEPTH + 1;

    reg              rst;
    reg  [WIDTH-1:0] din;
    reg              write;
    wire             full_n;
    wire [WIDTH-1:0] dout;
    reg              read;
    wire             empty_n;
    hls_fifo #(
        .WIDTH(WIDTH),
        .DEPTH(DEPTH)
    ) fifo (
        .clk    (clk),
        .rst    (rst),
        .din    (din),
        .write  (write),
        .full_n (full_n),
        .dout   (dout),
        .read   (read),
        .empty_n(empty_n)
    );

    function [WIDTH-1:0] token(input integer n);
        token = {(WIDTH + 31) / 32{scatter(n)}};
    endfunction

    // Of 16 cycles, how many write and read in a phase; full_n and empty_n permitting.
    function [9:0] density(input integer phase);
        case (phase)
            0: density = {5'd16, 5'd0};
            1: density = {5'd0, 5'd16};
            2: density = {5'd16, 5'd16};
            3: density = {5'd16, 5'd4};
            4: density = {5'd16, 5'd16};
            5: density = {5'd4, 5'd16};
            6: density = {5'd8, 5'd8};
            7: density = {5'd15, 5'd15};
            8: density = {5'd8, 5'd3}; // something for the reset to drop
            default: density = {5'd12, 5'd12};
        endcase
    endfunction

    reg [4:0]  writes, reads;
    integer    phase   = 0;
    integer    cycle   = 0;
    integer    written = 0; // tokens
    integer    taken   = 0;
    integer    base    = 0; // taken before this phase
    reg [31:0] seed    = 32'h1234567 + WIDTH + 1000 * DEPTH;
    reg        want_write, want_read, full_n_was, empty_n_was;
    wire       overflow  = $test$plusargs("overflow");
    wire       underflow = $test$plusargs("underflow");

    initial begin
        rst   = 1;
        write = 0;
        read  = 0;
        done  = 0;
    end

    always @(negedge clk) begin
        cycle <= cycle + 1;
        full_n_was  <= full_n;
        empty_n_was <= empty_n;
        if (cycle == 3)
            rst <= 0;
        if (cycle >= 4 && !done) begin
            `CHECK(full_n === 1'b0 || full_n === 1'b1, "full_n is not a bit")
            `CHECK(empty_n === 1'b0 || empty_n === 1'b1, "empty_n is not a bit")
            `CHECK(!empty_n || dout === token(taken), "dout is not the oldest token")
            `CHECK(!empty_n || taken != written, "empty_n without a token")
            `CHECK(full_n || written - taken >= DEPTH, "full below DEPTH")
            `CHECK(written - taken <= MOST, "more tokens than there is room for")

            if (cycle % PHASE == 0) begin
                if (phase == 0) begin
                    `CHECK(!full_n && written >= DEPTH, "phase 0 does not fill it")
                end
                if (phase == 1) begin
                    `CHECK(!empty_n && taken == written, "phase 1 does not empty it")
                end
                if (phase == 2 || phase == 4) begin
                    `CHECK(taken - base >= (DEPTH > 1 ? PHASE : PHASE / 2) - 4, "too few tokens per cycle")
                end
                phase  = phase + 1;
                base  = taken;
            end

            seed       = next_random(seed);
            {writes, reads} = density(phase);
            want_write = seed[11:8] < writes;
            want_read  = seed[19:16] < reads;
            write <= want_write && (full_n || overflow);
            din   <= token(written);
            read  <= want_read && (empty_n || underflow);
            if (want_write && full_n)
                written = written + 1;
            if (want_read && empty_n)
                taken = taken + 1;

            // A reset in between empties it.
            rst <= phase == 9;
            if (phase == 9) begin
                write <= 0;
                read  <= 0;
                taken = written;
                phase = 10;
            end
            if (phase == 12) begin
                done <= 1;
                write <= 0;
                read <= 0;
                if (errors == 0)
                    $display("pass %m");
            end
        end
    end

    always @(posedge clk)
        if (cycle > 5 && !done && !rst)
            `CHECK(full_n === full_n_was && empty_n === empty_n_was,
                   "full_n or empty_n changes within a cycle")
endmodule

module tb_hls_fifo;
    wire        clk;
    wire [11:0] done;
    bench #(12, 40000) bench (clk, done);
    fifo_check #(32, 1)   w32_d1   (clk, done[0]);
    fifo_check #(1, 2)    w1_d2    (clk, done[1]);
    fifo_check #(8, 3)    w8_d3    (clk, done[2]);
    fifo_check #(96, 4)   w96_d4   (clk, done[3]);
    fifo_check #(32, 16)  w32_d16  (clk, done[4]);
    fifo_check #(24, 31)  w24_d31  (clk, done[5]);
    fifo_check #(32, 32)  w32_d32  (clk, done[6]);
    fifo_check #(16, 33)  w16_d33  (clk, done[7]);
    fifo_check #(2, 200)  w2_d200  (clk, done[8]);
    fifo_check #(32, 256) w32_d256 (clk, done[9]);
    fifo_check #(9, 1000) w9_d1000 (clk, done[10]);
    fifo_check #(256, 64) w256_d64 (clk, done[11]);
endmodule
