// Words over a serial line: 8 data bits, no parity, one stop bit, lowest bit and byte first. How the
// host uses it stands in hw/boards/README.md.
//
// To the machine: four bytes are a word. Bytes wait in a queue of 2^ABITS in block RAM; what comes
// when it is full is lost, so the host sends no more than it was told that there is room for.
// From the machine: TAG_WORD and the four bytes of a word; up to 112 words wait in a block RAM of their
// own, so that the machine goes on while its answer leaves. TAG_ROOM alone: room for 128 bytes more.
// After a reset TAG_HELLO stands for the first TAG_ROOM.
// A break (a frame whose stop bit is low) asserts rst until the line is high again: a word cut off
// is forgotten, the queue is empty. rst also begins asserted.
//
// At the edge of clk, in_read takes in_dout (only while in_empty_n) and out_write gives out_din
// (only while out_full_n).
module uart_words #(
    parameter CYCLES = 12, // of clk for a bit, 4 or more
    parameter ABITS  = 9   // 8 or more
) (
    input  wire        clk,
    input  wire        rx,
    output reg         tx,
    output wire        rst,
    output wire [31:0] in_dout,
    output wire        in_empty_n,
    input  wire        in_read,
    input  wire [31:0] out_din,
    output wire        out_full_n,
    input  wire        out_write
);
    localparam TBITS = $clog2(CYCLES);
    localparam [TBITS-1:0] BIT = CYCLES[TBITS-1:0] - 1'b1, HALF = CYCLES[TBITS:1] - 1'b1;

    // ---- Bits to bytes. The start bit is the first zero shifted in: when it comes out, the byte
    // is whole and the bit on the line is the stop bit.
    reg  [1:0]       line; // taken over from outside of this clock
    reg              busy;
    reg  [TBITS-1:0] rx_timer;
    reg  [8:0]       bits;
    reg              broken;
    wire             sample = busy && rx_timer == 0;
    wire             stop   = sample && !bits[0];
    wire             write  = stop && line[0];
    initial begin
        line   = 2'b00;
        broken = 1'b1;
        busy   = 1'b0;
    end
    always @(posedge clk) begin
        line     <= {rx, line[1]};
        busy     <= busy ? !stop : !line[0] && !broken;
        rx_timer <= !busy ? HALF : sample ? BIT : rx_timer - 1'b1;
        broken   <= !line[0] && (broken || stop);
        if (sample)
            bits <= {line[0], bits[8:1]};
        if (!busy)
            bits <= 9'h1ff;
    end
    assign rst = broken;

    // ---- Bytes to words: the queue gives out halves of words, the first is kept until the second
    // is there.
    (* no_rw_check *)
    reg  [15:0]      queue [0:(1<<(ABITS-1))-1];
    reg  [15:0]      half;   // read last
    reg  [ABITS:0]   tail;   // of bytes, and a bit for the round
    reg  [ABITS-1:0] head;   // of halves, likewise
    reg              fetched;
    reg  [15:0]      low;
    reg              low_there;
    wire             fetch = !fetched && head != tail[ABITS:1];
    wire [ABITS-2:0] place = tail[ABITS-1:1];
    assign in_dout    = {half, low};
    assign in_empty_n = fetched && low_there;
    always @(posedge clk) begin
        if (write && !tail[0])
            queue[place][7:0] <= bits[8:1];
        if (write && tail[0])
            queue[place][15:8] <= bits[8:1];
        if (fetch)
            half <= queue[head[ABITS-2:0]];
        if (!low_there)
            low <= half;
        if (write)
            tail <= tail + 1'b1;
        if (fetch)
            head <= head + 1'b1;
        fetched <= fetch || (fetched && low_there && !in_read);
        if (fetched)
            low_there <= !low_there || !in_read;
        if (rst) begin
            tail      <= 0;
            head      <= 0;
            fetched   <= 1'b0;
            low_there <= 1'b0;
        end
    end

    // ---- Room: `told` runs ahead of the blocks of 128 bytes that have been read, by as many as
    // the queue has.
    reg  [ABITS-7:0] told;
    wire             room = told != {!head[ABITS-1], head[ABITS-2:6]};

    // ---- Words from the machine wait in halves. Room is counted in blocks of 32 of them.
    (* no_rw_check *)
    reg  [15:0]      answers [0:255];
    reg  [15:0]      answer;  // the half that leaves next
    reg  [15:0]      high;
    reg  [8:0]       put, got; // halves, and a bit for the round
    wire             store  = out_write || put[0];
    wire             answers_there = put[8:1] != got[8:1];
    wire             load;
    assign out_full_n = !put[0] && put[8:5] != {!got[8], got[7:5]};
    always @(posedge clk) begin
        if (store)
            answers[put[7:0]] <= put[0] ? high : out_din[15:0];
        answer <= answers[got[7:0]];
        high   <= out_din[31:16];
        if (store)
            put <= put + 1'b1;
        if (load)
            got <= got + 1'b1;
        if (rst) begin
            put <= 9'd0;
            got <= 9'd0;
        end
    end

    // ---- Words to bits.
    reg              sending;
    reg              hello;    // nothing has been sent since the reset
    reg              tag;      // this byte is one
    reg              is_word;  // this frame
    reg  [TBITS-1:0] tx_timer;
    reg  [3:0]       at;       // bit of the byte: 0 is the start bit, 9 the stop bit
    reg  [1:0]       lane;    // byte of the word
    reg  [15:0]      bits_out;
    wire             next  = tx_timer == 0;
    wire             ends  = next && at == 9;
    wire             begins = !sending && (answers_there || room);
    wire             data_bit = at != 0 && at != 9;
    assign load = ends && (tag ? is_word : lane == 1);
    always @(posedge clk) begin
        tx_timer <= !sending || next ? BIT : tx_timer - 1'b1;
        if (begins) begin
            sending <= 1'b1;
            is_word <= !room;
            tag     <= 1'b1;
        end
        if (begins && room)
            told <= told + 1'b1;
        if (ends) begin
            tag  <= 1'b0;
            if (!tag)
                lane <= lane + 1'b1;
            if (tag ? !is_word : lane == 3)
                sending <= 1'b0;
            hello <= 1'b0;
        end
        if (next)
            at <= ends ? 4'd0 : at + 1'b1;
        if (load)
            bits_out <= answer;
        else if (next && data_bit && !tag)
            bits_out <= bits_out >> 1;
        tx <= !sending || (data_bit ? (tag ? is_word || (hello && at[2]) : bits_out[0]) : at[0]);
        if (!sending)
            at <= 4'd0;
        if (rst) begin
            told    <= 0;
            sending <= 1'b0;
            hello   <= 1'b1;
            lane    <= 2'd0;
            tx      <= 1'b1;
        end
    end
endmodule
