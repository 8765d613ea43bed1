// Words through the synchronous 245 FIFO of an FT2232H or FT232H: four bytes are a word, lowest first,
// both ways; the chip says when it has bytes and when it has room. How the host uses it stands in
// hw/boards/README.md.
//
// The chip's clock stands still outside of that mode. When clk, which must have 20 MHz or more, has
// seen nothing of clk60 for 256 cycles, rst is asserted until it runs again: words cut off are
// forgotten, the queues are empty. rst also begins asserted.
//
// At the edge of clk, in_read takes in_dout (only while in_empty_n) and out_write gives out_din
// (only while out_full_n).
module fifo_words #(
    parameter ABITS = 4 // 2^ABITS words wait between the clocks, either way; 2 or more
) (
    input  wire        clk60,
    input  wire        rxf_n,    // the chip has no byte
    input  wire        txe_n,    // the chip has no room
    input  wire [7:0]  data_in,
    output reg  [7:0]  data_out, // to be driven while wr_n is low
    output reg         rd_n,
    output reg         wr_n,
    output reg         oe_n,     // low: the chip drives the data
    input  wire        clk,
    output reg         rst,
    output wire [31:0] in_dout,
    output wire        in_empty_n,
    input  wire        in_read,
    input  wire [31:0] out_din,
    output wire        out_full_n,
    input  wire        out_write
);
    // ---- Does the chip's clock run?
    reg [3:0] beat = 4'd0; // of clk60
    reg [2:0] heard = 3'd0;
    reg [7:0] quiet = 8'hff;
    always @(posedge clk60)
        beat <= beat + 1'b1;
    always @(posedge clk) begin
        heard <= {beat[3], heard[2:1]};
        if (heard[1] != heard[0])
            quiet <= 8'd0;
        else if (!(&quiet))
            quiet <= quiet + 1'b1;
        rst <= &quiet;
    end
    initial rst = 1'b1;
    reg [1:0] rst60_shift = 2'b11;
    always @(posedge clk60 or posedge rst)
        if (rst)
            rst60_shift <= 2'b11;
        else
            rst60_shift <= {1'b0, rst60_shift[1]};
    wire rst60 = rst60_shift[0];

    // ---- Between the clocks.
    reg         take;       // a word is whole
    reg  [31:0] word_in;
    wire        in_room, out_empty_n, in_full_n, out_room;
    wire [31:0] word_out;
    wire        word_sent;
    wire        unused = &{in_full_n, out_room};
    word_crossing #(.ABITS(ABITS)) to_machine (
        .wclk(clk60), .wrst(rst60), .din(word_in), .write(take), .full_n(in_full_n), .room(in_room),
        .rclk(clk), .rrst(rst), .dout(in_dout), .read(in_read), .empty_n(in_empty_n));
    word_crossing #(.ABITS(ABITS)) to_host (
        .wclk(clk), .wrst(rst), .din(out_din), .write(out_write), .full_n(out_full_n), .room(out_room),
        .rclk(clk60), .rrst(rst60), .dout(word_out), .read(word_sent), .empty_n(out_empty_n));

    // ---- The chip's side: sends when it can, else reads; oe_n goes low a cycle before rd_n.
    localparam [1:0] REST = 2'd0, TURN = 2'd1, READ = 2'd2, WRITE = 2'd3;
    reg [1:0] state;
    reg [1:0] lane_in, lane_out; // byte of the word that comes next
    wire      given  = state == WRITE && !txe_n;
    wire      whole  = state == READ && !rxf_n && lane_in == 3;
    wire [1:0] lane_next = lane_out + given;
    assign word_sent = given && lane_out == 3;
    always @(posedge clk60 or posedge rst60)
        if (rst60) begin
            state    <= REST;
            lane_in  <= 2'd0;
            lane_out <= 2'd0;
            take     <= 1'b0;
            rd_n     <= 1'b1;
            wr_n     <= 1'b1;
            oe_n     <= 1'b1;
        end else begin
            take <= whole;
            case (state)
                REST:
                    if (out_empty_n && !txe_n) begin
                        state <= WRITE;
                        wr_n  <= 1'b0;
                    end else if (!rxf_n && in_room) begin
                        state <= TURN;
                        oe_n  <= 1'b0;
                    end
                TURN: begin
                    state <= READ;
                    rd_n  <= 1'b0;
                end
                READ: begin
                    if (!rxf_n)
                        lane_in <= lane_in + 1'b1;
                    if (rxf_n || (whole && (!in_room || out_empty_n))) begin
                        state <= REST;
                        rd_n  <= 1'b1;
                        oe_n  <= 1'b1;
                    end
                end
                WRITE: begin
                    lane_out <= lane_next;
                    if (txe_n || word_sent) begin
                        state <= REST;
                        wr_n  <= 1'b1;
                    end
                end
            endcase
        end
    always @(posedge clk60) begin
        if (state == READ && !rxf_n)
            word_in[8*lane_in+:8] <= data_in;
        data_out <= word_out[8*lane_next+:8];
    end
endmodule
