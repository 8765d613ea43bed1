// A host on an AXI4-Lite bus: one write and one read at a time, every channel after a delay of its
// own. write_go and read_go start them; write_busy and read_busy are 1 until they are answered.
module axi_lite_host #(
    parameter AWIDTH = 12
) (
    input  wire              clk,
    input  wire              rst,
    input  wire              write_go,
    input  wire [AWIDTH-1:0] write_addr,
    input  wire [31:0]       write_data,
    input  wire [3:0]        write_strb,
    output reg               write_busy,
    input  wire              read_go,
    input  wire [AWIDTH-1:0] read_addr,
    output reg  [31:0]       read_data,
    output reg               read_busy,
    output reg  [AWIDTH-1:0] awaddr,
    output reg               awvalid,
    input  wire              awready,
    output reg  [31:0]       wdata,
    output reg  [3:0]        wstrb,
    output reg               wvalid,
    input  wire              wready,
    input  wire [1:0]        bresp,
    input  wire              bvalid,
    output reg               bready,
    output reg  [AWIDTH-1:0] araddr,
    output reg               arvalid,
    input  wire              arready,
    input  wire [31:0]       rdata,
    input  wire [1:0]        rresp,
    input  wire              rvalid,
    output reg               rready
);
    `include "check.vh"
    axi_stable #(2) stable_b (clk, rst, bvalid, bready, bresp);
    axi_stable #(34) stable_r (clk, rst, rvalid, rready, {rdata, rresp});

    reg [31:0] seed = 32'h8765;
    reg [3:0]  aw_wait, w_wait, ar_wait;
    reg        aw_todo, w_todo, ar_todo;
    always @(posedge clk) begin
        seed = next_random(seed);
        if (write_go) begin
            {aw_todo, w_todo} <= 2'b11;
            aw_wait    <= seed[3] ? seed[2:0] : 0;
            w_wait     <= seed[7] ? seed[6:4] : 0;
            write_busy <= 1;
        end
        if (awvalid && awready) begin
            awvalid <= 0;
            awaddr  <= ~awaddr;
        end else if (aw_todo && aw_wait != 0) begin
            aw_wait <= aw_wait - 1;
        end else if (aw_todo) begin
            aw_todo <= 0;
            awvalid <= 1;
            awaddr  <= write_addr;
        end
        if (wvalid && wready) begin
            wvalid <= 0;
            wdata  <= ~wdata;
            wstrb  <= ~wstrb;
        end else if (w_todo && w_wait != 0) begin
            w_wait <= w_wait - 1;
        end else if (w_todo) begin
            w_todo <= 0;
            wvalid <= 1;
            wdata  <= write_data;
            wstrb  <= write_strb;
        end
        bready <= seed[9:8] == 0;
        if (bvalid && bready)
            write_busy <= 0;

        if (read_go) begin
            ar_todo   <= 1;
            ar_wait   <= seed[13] ? seed[12:10] : 0;
            read_busy <= 1;
        end
        if (arvalid && arready) begin
            arvalid <= 0;
            araddr  <= ~araddr;
        end else if (ar_todo && ar_wait != 0) begin
            ar_wait <= ar_wait - 1;
        end else if (ar_todo) begin
            ar_todo <= 0;
            arvalid <= 1;
            araddr  <= read_addr;
        end
        rready <= seed[15:14] == 0;
        if (rvalid && rready) begin
            read_busy <= 0;
            read_data <= rdata;
        end

        if (rst)
            {aw_todo, w_todo, ar_todo, awvalid, wvalid, bready, arvalid, rready, write_busy,
             read_busy} <= 0;
        else begin
            `CHECK(!bvalid || (write_busy && !aw_todo && !w_todo && !awvalid && !wvalid),
                   "an answer before address and data, or without a write")
            `CHECK(!rvalid || (read_busy && !ar_todo && !arvalid), "an answer without a read")
            `CHECK(!bvalid || bresp == 2'b00, "a write is not answered with OKAY")
            `CHECK(!rvalid || rresp == 2'b00, "a read is not answered with OKAY")
        end
    end
endmodule
