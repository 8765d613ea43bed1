// The serial line's glue at several speeds: bytes at random distances and clocks that differ by one
// in a hundred; rooms told; answers that wait; breaks at any time, after which all begins anew.
module uart_check #(
    parameter CYCLES = 12,
    parameter ABITS  = 9,
    parameter SKEW   = 0 // of the host's bit, in hundredths
) (
    input  wire clk,
    output reg  done
);
    `include "check.vh"
    // In clock periods of 10 units.
    localparam HOST_BIT = CYCLES * (100 + SKEW) / 10;
    localparam ROOMS    = 1 << (ABITS - 7);

    reg         rx = 1;
    wire        tx, rst, in_empty_n, out_full_n;
    wire [31:0] in_dout;
    reg         in_read = 0, out_write = 0;
    reg  [31:0] out_din = 0;
    uart_words #(CYCLES, ABITS) words (
        .clk(clk), .rx(rx), .tx(tx), .rst(rst),
        .in_dout(in_dout), .in_empty_n(in_empty_n), .in_read(in_read),
        .out_din(out_din), .out_full_n(out_full_n), .out_write(out_write));

    // ---- The host's end of the lines.
    reg [31:0] seed = 32'h1234567 + CYCLES;
    integer    sent = 0, rooms = 0, hellos = 0, answers = 0, answer_bytes = 0, strange = 0;
    integer    base = 0; // of the words of this life
    reg        is_word = 0;
    integer    left = 0;
    reg [31:0] answer;
    task send_byte(input [7:0] b);
        integer i;
        begin
            rx = 0;
            #(HOST_BIT);
            for (i = 0; i < 8; i = i + 1) begin
                rx = b[i];
                #(HOST_BIT);
            end
            rx = 1;
            #(HOST_BIT);
        end
    endtask
    task send_word(input integer n);
        integer i;
        reg [31:0] w;
        begin
            w = scatter(n);
            for (i = 0; i < 4; i = i + 1) begin
                send_byte(w[8*i+:8]);
                seed = next_random(seed);
                if (seed[3:0] == 0)
                    #(seed[10:4] * 7);
            end
        end
    endtask
    function [31:0] reply(input integer n);
        reply = scatter(n + 1000000);
    endfunction

    reg [7:0] b;
    integer   i;
    always begin
        @(negedge tx);
        #(CYCLES * 5);
        for (i = 0; i < 8; i = i + 1) begin
            #(CYCLES * 10);
            b[i] = tx;
        end
        #(CYCLES * 10);
        if (!rst) begin
            `CHECK(tx, "no stop bit")
            if (left > 0) begin
                answer = {b, answer[31:8]};
                left   = left - 1;
                if (left == 0) begin
                    `CHECK(answer === reply(answers), "an answer differs")
                    answers = answers + 1;
                end
            end else if (b == 8'hff) left = 4;
            else if (b == 8'h00) rooms = rooms + 1;
            else if (b == 8'h78) begin
                `CHECK(rooms == 0, "not the first to be sent")
                hellos = hellos + 1;
                rooms  = rooms + 1;
            end else strange = strange + 1;
        end
    end

    // ---- The machine's end: takes words when it likes, answers every third, and `extra` at once.
    localparam WAITING = 112; // answers, at the most
    integer    taken = 0, given = 0, owed = 0, extra;
    reg        slow = 0, lost = 0;
    reg [31:0] dice = 32'h7654321;
    always @(negedge clk) begin
        dice = next_random(dice);
        in_read <= 0;
        out_write <= 0;
        if (rst) begin
            taken = 0;
            given = 0;
            owed  = 0;
        end else begin
            if (in_empty_n && !in_read && (slow ? dice % (64 * CYCLES) == 0 : dice[1:0] == 0)) begin
                `CHECK(lost || in_dout === scatter(base + taken), "a word differs")
                in_read <= 1;
                taken = taken + 1;
                if (taken % 3 == 0)
                    owed = owed + 1;
            end
            if (out_full_n && !out_write && owed > 0 && dice[12:10] == 0) begin
                out_write <= 1;
                out_din   <= reply(given);
                given = given + 1;
                owed  = owed - 1;
            end
        end
    end

    task break_line(input integer bits);
        begin
            rx = 0;
            #(HOST_BIT * bits);
            `CHECK(rst, "a break is no reset")
            answers = 0;
            rooms   = 0;
            hellos  = 0;
            left    = 0;
            base    = base + 5000;
            lost    = 0;
            #(CYCLES * 10 * 12); // what was on the line
            rooms   = 0;
            left    = 0;
            rx = 1;
            #(CYCLES * 10 * 10 * (ROOMS + 2));
            `CHECK(!rst && hellos == 1 && rooms == ROOMS, "no room is told after a break")
        end
    endtask
    // As many words as the machine is known to have room for, and more when it says so.
    task send_words(input integer count);
        integer n;
        begin
            for (n = 0; n < count; n = n + 1) begin
                while (4 * n + 4 > 128 * rooms) #(CYCLES * 10);
                send_word(base + n);
            end
        end
    endtask

    integer life, cut;
    initial begin
        done = 0;
        #100;
        for (life = 0; life < 3; life = life + 1) begin
            break_line(11 + life);
            slow = life == 1;
            send_words(life == 1 ? 170 : 220);
            #(CYCLES * 10 * (300 + slow * 64 * 200));
            `CHECK(taken == (life == 1 ? 170 : 220), "not all words have come")
            `CHECK(answers == taken / 3, "not all answers have come")
            `CHECK(strange == 0, "strange tags")
            `CHECK(rooms == ROOMS + taken / 32, "rooms do not follow the words taken")
            // More answers than may wait: the machine soon has given those that may.
            extra = 2 * WAITING + 6;
            owed  = owed + extra;
            #(CYCLES * 10 * 60 + 10 * 8 * WAITING * 3 / 2);
            `CHECK(given - answers >= WAITING && given < taken / 3 + extra, "answers do not wait")
            if (life == 0) begin
                #(CYCLES * 10 * 50 * (extra + 2));
                `CHECK(answers == taken / 3 + extra, "not all answers that waited have come")
            end
            // A word cut off, and a machine in the middle of something.
            lost = 1;
            for (cut = 0; cut < life; cut = cut + 1) send_byte(8'h55);
            if (life == 2)
                send_words(20);
        end
        // What is known to be lost: more than there is room for. A break repairs it.
        slow = 1;
        lost = 1;
        for (life = 0; life < (9 << ABITS) / 8; life = life + 1) send_byte(8'h00);
        break_line(40);
        slow = 0;
        send_words(50);
        #(CYCLES * 10 * 300);
        `CHECK(taken == 50 && answers == 16, "not as before after a break")
        if (errors == 0)
            $display("pass %m");
        done = 1;
    end
endmodule

module tb_uart_words;
    wire       clk;
    wire [4:0] done;
    bench #(
        .CHECKS(5),
        .CYCLES(2000000)
    ) bench (
        .clk (clk),
        .done(done)
    );
    uart_check #(12, 9, 2) slow_host (clk, done[0]);
    uart_check #(12, 9, -2) fast_host (clk, done[1]);
    uart_check #(4, 9) fast (clk, done[2]);
    uart_check #(9, 8) little (clk, done[3]);
    uart_check #(5, 11) deep (clk, done[4]);
endmodule
