// The kernel axi_copy behind AXI4-Lite, as a host sees it: arguments, start, done, return value; its words
// go through AXI4 masters.
module tb_shell;
    `include "check.vh"
    localparam [63:0] FROM  = 64'h0000_0012_3456_0f40;
    localparam [63:0] TO    = 64'h0000_0200_0000_0ffc;
    localparam [31:0] MASK  = 32'h0f0f_a5a5;
    localparam        WORDS = 300;

    wire clk;
    reg  rst = 1, done = 0;
    bench #(1, 60000) bench (clk, done);

    reg         write_go = 0, read_go = 0;
    reg  [11:0] write_addr, read_addr;
    reg  [31:0] write_data;
    wire [31:0] read_data;
    wire        write_busy, read_busy, interrupt;
    wire [11:0] l_awaddr, l_araddr;
    wire [31:0] l_wdata, l_rdata;
    wire [3:0]  l_wstrb;
    wire [1:0]  l_bresp, l_rresp;
    wire        l_awvalid, l_awready, l_wvalid, l_wready, l_bvalid, l_bready;
    wire        l_arvalid, l_arready, l_rvalid, l_rready;
    axi_lite_host #(12) host (
        clk, rst, write_go, write_addr, write_data, 4'hf, write_busy,
        read_go, read_addr, read_data, read_busy,
        l_awaddr, l_awvalid, l_awready, l_wdata, l_wstrb, l_wvalid, l_wready,
        l_bresp, l_bvalid, l_bready, l_araddr, l_arvalid, l_arready,
        l_rdata, l_rresp, l_rvalid, l_rready);

    wire [63:0] araddr, awaddr;
    wire [7:0]  arlen, awlen;
    wire [2:0]  arsize, awsize;
    wire [1:0]  arburst, awburst, rresp, bresp;
    wire        arvalid, arready, rlast, rvalid, rready;
    wire        awvalid, awready, wlast, wvalid, wready, bvalid, bready;
    wire [31:0] rdata, wdata, open;
    wire [3:0]  wstrb;
    wire        written;
    wire [63:0] addr;
    axi_memory_read #(32, 64, 20, 3) source (
        clk, rst, araddr, arlen, arsize, arburst, arvalid, arready,
        rdata, rresp, rlast, rvalid, rready);
    axi_memory_write #(32, 64, 20, 3) target (
        clk, rst, awaddr, awlen, awsize, awburst, awvalid, awready,
        wdata, wstrb, wlast, wvalid, wready, bresp, bvalid, bready, written, addr, open);

    axi_copy_axi kernel (
        .ap_clk(clk), .ap_rst_n(!rst), .interrupt(interrupt),
        .s_axi_awaddr(l_awaddr), .s_axi_awvalid(l_awvalid), .s_axi_awready(l_awready),
        .s_axi_wdata(l_wdata), .s_axi_wstrb(l_wstrb), .s_axi_wvalid(l_wvalid),
        .s_axi_wready(l_wready), .s_axi_bresp(l_bresp), .s_axi_bvalid(l_bvalid),
        .s_axi_bready(l_bready), .s_axi_araddr(l_araddr), .s_axi_arvalid(l_arvalid),
        .s_axi_arready(l_arready), .s_axi_rdata(l_rdata), .s_axi_rresp(l_rresp),
        .s_axi_rvalid(l_rvalid), .s_axi_rready(l_rready),
        .m_axi_from_araddr(araddr), .m_axi_from_arlen(arlen), .m_axi_from_arsize(arsize),
        .m_axi_from_arburst(arburst), .m_axi_from_arvalid(arvalid),
        .m_axi_from_arready(arready), .m_axi_from_rdata(rdata), .m_axi_from_rresp(rresp),
        .m_axi_from_rlast(rlast), .m_axi_from_rvalid(rvalid), .m_axi_from_rready(rready),
        .m_axi_to_awaddr(awaddr), .m_axi_to_awlen(awlen), .m_axi_to_awsize(awsize),
        .m_axi_to_awburst(awburst), .m_axi_to_awvalid(awvalid), .m_axi_to_awready(awready),
        .m_axi_to_wdata(wdata), .m_axi_to_wstrb(wstrb), .m_axi_to_wlast(wlast),
        .m_axi_to_wvalid(wvalid), .m_axi_to_wready(wready), .m_axi_to_bresp(bresp),
        .m_axi_to_bvalid(bvalid), .m_axi_to_bready(bready));

    // The word that the source holds at an address.
    function [31:0] word_at(input [63:0] at);
        word_at = scatter(at[63:32] + scatter(at[31:0]));
    endfunction

    integer    cycle = 0, step = 0, words = 0, i;
    reg        waiting = 0;
    reg [31:0] sum = 0;
    task write(input [11:0] where, input [31:0] what);
        begin
            write_go   <= 1;
            write_addr <= where;
            write_data <= what;
            step       <= step + 1;
        end
    endtask
    task read(input [11:0] where);
        begin
            read_go   <= 1;
            read_addr <= where;
            step      <= step + 1;
        end
    endtask

    initial
        for (i = 0; i < WORDS; i = i + 1)
            sum = sum + (word_at(FROM + 4 * i) ^ MASK);
    always @(posedge clk) begin
        cycle    <= cycle + 1;
        rst      <= cycle < 5;
        write_go <= 0;
        read_go  <= 0;
        waiting  <= write_go || read_go; // the host is busy from the next cycle on
        if (written) begin
            if (words < WORDS) begin
                `CHECK(addr === TO + 4 * (words + 1), "a word at a wrong address")
                `CHECK(wdata === (word_at(FROM + 4 * words) ^ MASK), "a wrong word")
            end else begin
                `CHECK(addr === TO && wdata === sum, "a wrong checksum in memory")
            end
            words = words + 1;
        end
        if (cycle > 10 && !write_go && !read_go && !waiting && !write_busy && !read_busy && !done)
            case (step)
            0: write(12'h018, FROM[31:0]);
            1: write(12'h01c, FROM[63:32]);
            2: write(12'h024, TO[31:0]);
            3: write(12'h028, TO[63:32]);
            4: write(12'h030, WORDS);
            5: write(12'h038, MASK);
            6: write(12'h000, 32'd1);
            7: read(12'h000);
            8: if (read_data[1]) read(12'h010);
               else step <= 7;
            default: begin
                `CHECK(read_data === sum, "a wrong return value")
                `CHECK(words == WORDS + 1, "done before all was written")
                if (errors == 0)
                    $display("pass tb_shell");
                done <= 1;
            end
            endcase
    end
endmodule
