// The synchronous FIFO's glue against a chip that has bytes and room when it likes, between clocks of
// several ratios; the chip's clock stops at any time, after which all begins anew.
module fifo_words_check #(
    parameter HALF  = 8, // half a period of clk; the chip's is 5
    parameter DENSE = 0, // the chip always has bytes and room
    parameter ABITS = 4
) (
    input  wire clk60_free,
    output reg  done
);
    `include "check.vh"
    reg clk = 0, running = 0;
    always #(HALF) clk = !clk;
    wire        clk60 = clk60_free && running;
    reg         rxf_n = 1, txe_n = 1;
    reg  [7:0]  data_in = 0;
    wire [7:0]  data_out;
    wire        rd_n, wr_n, oe_n, rst, in_empty_n, out_full_n;
    wire [31:0] in_dout;
    reg         in_read = 0, out_write = 0;
    reg  [31:0] out_din = 0;
    fifo_words #(ABITS) words (
        .clk60(clk60), .rxf_n(rxf_n), .txe_n(txe_n), .data_in(data_in), .data_out(data_out),
        .rd_n(rd_n), .wr_n(wr_n), .oe_n(oe_n), .clk(clk), .rst(rst),
        .in_dout(in_dout), .in_empty_n(in_empty_n), .in_read(in_read),
        .out_din(out_din), .out_full_n(out_full_n), .out_write(out_write));

    // ---- The chip. Bytes from number `sent` on; what the board writes.
    integer    base = 0, sent = 0, got = 0, most = 0, busy = 0, cycles = 0;
    reg [31:0] seed = 32'h2468ace + HALF, w;
    reg        oe_n_was = 1;
    always @(posedge clk60) begin
        seed = next_random(seed);
        cycles = cycles + 1;
        if (!rst) begin
            `CHECK(oe_n || wr_n, "both drive the data")
            `CHECK(rd_n || !oe_n, "it reads what nobody drives")
            `CHECK(rd_n || !oe_n_was, "it reads without a cycle to turn round")
        end
        oe_n_was = oe_n;
        if (!rd_n && !oe_n && !rxf_n) begin
            sent = sent + 1;
            busy = busy + 1;
        end
        if (!wr_n && !txe_n) begin
            w = scatter(base + got / 4 + 1000000);
            `CHECK(data_out === w[8*(got%4)+:8], "a byte to the host differs")
            got = got + 1;
        end
        rxf_n <= #1 !(sent < most && (DENSE || seed[9:8] != 0));
        txe_n <= #1 !(DENSE || seed[13:12] != 0);
        w = scatter(base + sent / 4);
        data_in <= #1 w[8*(sent%4)+:8];
    end

    // ---- The machine: takes words when it likes, answers every second.
    integer    taken = 0, given = 0, owed = 0;
    reg [31:0] dice = 32'h1357;
    always @(negedge clk) begin
        dice = next_random(dice);
        in_read   <= 0;
        out_write <= 0;
        if (rst) begin
            taken = 0;
            given = 0;
            owed  = 0;
        end else begin
            if (in_empty_n && !in_read && (DENSE || dice[0])) begin
                `CHECK(in_dout === scatter(base + taken), "a word differs")
                in_read <= 1;
                taken = taken + 1;
                owed  = owed + (taken % 2 == 0);
            end
            if (out_full_n && !out_write && owed > 0 && (DENSE || dice[1])) begin
                out_write <= 1;
                out_din   <= scatter(base + given + 1000000);
                given = given + 1;
                owed  = owed - 1;
            end
        end
    end

    integer life;
    initial begin
        done = 0;
        for (life = 0; life < 6; life = life + 1) begin
            // The chip's clock stands still.
            wait (!clk60_free);
            running = 0;
            #(2 * HALF * 300);
            `CHECK(rst, "no reset while the chip's clock stands still")
            base = base + 5000;
            sent = 0;
            got  = 0;
            rxf_n = 1;
            txe_n = 1;
            most = 4 * 1000 + life % 4; // a word cut off
            wait (!clk60_free);
            running = 1;
            #(2 * HALF * 40 + 1000);
            `CHECK(!rst, "the reset stays though the clock runs")
            if (life % 2 == 0) begin
                wait (sent == most);
                #20000;
                `CHECK(taken == 1000 && got == 4 * 500, "not all words have come")
            end else
                #(3000 * life); // in the middle of it
        end
        if (errors == 0)
            $display("pass %m");
        done = 1;
    end
endmodule

module tb_fifo_words;
    wire       clk;
    wire [4:0] done;
    bench #(
        .CHECKS(5)
    ) bench (
        .clk (clk),
        .done(done)
    );
    fifo_words_check #(8) usual (clk, done[0]);
    fifo_words_check #(3) faster (clk, done[1]);
    fifo_words_check #(14) slower (clk, done[2]);
    fifo_words_check #(5, 1) dense (clk, done[3]);
    fifo_words_check #(12, 1, 2) shallow (clk, done[4]);
endmodule
