// word_crossing (crossing.vh is in it) with the edges of its two clocks in any order and at any distance.
// Each side gives and takes as its own clock has it.
module proof (
    input wire       clk, // of time: no clock has an edge but at one of these
    input wire       wgo, rgo, want_write, want_read,
    input wire [31:0] word
);
    localparam ABITS = 2;
    reg wclk = 0, rclk = 0, rst = 1;
    reg [1:0] age = 0;
    always @(posedge clk) begin
        age <= age + !(&age);
        rst <= age < 2;
        if (wgo && !rst) wclk <= !wclk;
        if (rgo && !rst) rclk <= !rclk;
    end
    wire        full_n, room, empty_n;
    wire [31:0] dout;
    reg         give = 0, take = 0;
    reg  [31:0] din = 0;
    wire        write = give && full_n && !rst, read = take && empty_n && !rst;
    always @(posedge wclk) begin
        give <= want_write;
        din  <= word;
    end
    always @(posedge rclk) take <= want_read;
    word_crossing #(.ABITS(ABITS)) crossing (
        .wclk(wclk), .wrst(rst), .din(din), .write(write), .full_n(full_n), .room(room),
        .rclk(rclk), .rrst(rst), .dout(dout), .read(read), .empty_n(empty_n));
endmodule
