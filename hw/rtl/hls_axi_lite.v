// The control registers of an accelerator: an AXI4-Lite slave with the layout of Vitis HLS
// (ap_ctrl_hs), at 32-bit words:
//
//   0x00  control  bit 0 ap_start: write 1 to start; reads 1 until the core is done
//                  bit 1 ap_done and bit 3 ap_ready: the core was done; cleared by reading
//                  bit 2 ap_idle
//                  bit 7 auto_restart: start again whenever done
//   0x04  bit 0: interrupts are enabled
//   0x08  which ones: bit 0 done, bit 1 ready (the same here)
//   0x0c  which ones are pending; write 1 to clear (toggles)
//   0x10  with RETURN_WORDS: the return value, captured at ap_done, and one reserved word
//   then  ARG_WORDS argument words
//   0x7fc ports of the core that memory has answered with an error since rst, a bit each
//   0x800 cycles since something moved, at most 2^32 - 1; 0 while the core is idle
//   0x804 with WAITS: who waits, 32 a word
//
// Anything else reads 0 and ignores writes, with OKAY. One write and one read at a time, each
// channel by itself; the address and the data of a write come in any order.
//
// ap_start is a pulse of one cycle, also on restart; so is ap_done, any cycle from that one on.
// Starting a core that is not done is ignored. Arguments and return value are 0 after rst.
module hls_axi_lite #(
    parameter ARG_WORDS    = 4,  // 32-bit words of arguments
    parameter RETURN_WORDS = 0,  // 32-bit words of the return value
    parameter AWIDTH       = 12, // address bits, 5 to 32; 12 to read errors and the watchdog
    parameter WAITS        = 0,  // bits that tell who waits
    parameter ERRORS       = 1   // bits that tell which port has seen an error, 1 to 32
) (
    input  wire              clk,
    input  wire              rst,
    /* verilator lint_off UNUSED */ // bits 1 and 0: registers are whole words
    input  wire [AWIDTH-1:0] s_axi_awaddr, // AXI4-Lite write
    /* verilator lint_on UNUSED */
    input  wire              s_axi_awvalid,
    output wire              s_axi_awready,
    input  wire [31:0]       s_axi_wdata,
    input  wire [3:0]        s_axi_wstrb,
    input  wire              s_axi_wvalid,
    output wire              s_axi_wready,
    output wire [1:0]        s_axi_bresp,
    output reg               s_axi_bvalid,
    input  wire              s_axi_bready,
    /* verilator lint_off UNUSED */
    input  wire [AWIDTH-1:0] s_axi_araddr, // AXI4-Lite read
    /* verilator lint_on UNUSED */
    input  wire              s_axi_arvalid,
    output wire              s_axi_arready,
    output reg  [31:0]       s_axi_rdata,
    output wire [1:0]        s_axi_rresp,
    output reg               s_axi_rvalid,
    input  wire              s_axi_rready,
    /* verilator lint_off SYMRSVDWORD */ // Vitis HLS calls it so
    output wire              interrupt,    // to the host
    /* verilator lint_on SYMRSVDWORD */
    output reg               ap_start,     // to the core: start, one cycle
    input  wire              ap_done,      // from the core: it is done, one cycle
    input  wire              ap_idle,      // from the core: it does nothing
    /* verilator lint_off UNUSED */ // without RETURN_WORDS
    input  wire [(RETURN_WORDS > 0 ? 32 * RETURN_WORDS : 1)-1:0] ret, // the return value, at ap_done
    /* verilator lint_on UNUSED */
    output reg  [(ARG_WORDS > 0 ? 32 * ARG_WORDS : 32)-1:0] args,     // the argument words
    input  wire              moves,        // from the core: something moves in this cycle
    /* verilator lint_off UNUSED */ // without WAITS
    input  wire [(WAITS > 0 ? WAITS : 1)-1:0] waits,                  // who waits
    /* verilator lint_on UNUSED */
    input  wire [ERRORS-1:0] errors                                   // which ports had one
);
    localparam FIRST = RETURN_WORDS > 0 ? 5 + RETURN_WORDS : 4; // word number of the arguments
    localparam WORDS = FIRST + (ARG_WORDS > 0 ? ARG_WORDS : 1);

    reg        running;
    localparam WATCHDOG = 32'h800 / 4;
    localparam WAIT_WORDS = (WAITS + 31) / 32;

    // ---- Errors
    wire [31:0] failed;
    generate
        if (ERRORS < 32) begin : some
            assign failed = {{32-ERRORS{1'b0}}, errors};
        end else begin : all
            assign failed = errors;
        end
    endgenerate

    // ---- Watchdog
    reg  [31:0] quiet;
    wire [32*(WAIT_WORDS+1)-1:0] waiting;
    generate
        if (WAITS > 0) begin : who
            assign waiting = {{32*(WAIT_WORDS+1)-WAITS{1'b0}}, waits};
        end else begin : nobody
            assign waiting = 32'd0;
        end
    endgenerate
    always @(posedge clk)
        if (rst || moves || !running)
            quiet <= 32'd0;
        else if (~&quiet)
            quiet <= quiet + 32'd1;

    // ---- Write: address and data are kept until both are there
    reg  [AWIDTH-3:0] waddr;
    reg  [31:0]       wdata;
    reg  [3:0]        wstrb;
    reg               have_waddr;
    reg               have_wdata;
    wire              commit = have_waddr && have_wdata && !s_axi_bvalid;
    assign s_axi_awready = !have_waddr;
    assign s_axi_wready  = !have_wdata;
    assign s_axi_bresp   = 2'b00;

    always @(posedge clk) begin
        if (s_axi_awready)
            waddr <= s_axi_awaddr[AWIDTH-1:2];
        if (s_axi_wready) begin
            wdata <= s_axi_wdata;
            wstrb <= s_axi_wstrb;
        end
        have_waddr   <= !rst && !commit && (have_waddr || s_axi_awvalid);
        have_wdata   <= !rst && !commit && (have_wdata || s_axi_wvalid);
        s_axi_bvalid <= !rst && (commit || (s_axi_bvalid && !s_axi_bready));
    end

    // ---- Read
    wire [31:0]         control;
    wire [32*WORDS-1:0] words;
    wire [31:0]         raddr = {{34-AWIDTH{1'b0}}, s_axi_araddr[AWIDTH-1:2]};
    wire                fetch = s_axi_arvalid && s_axi_arready;
    assign s_axi_arready = !s_axi_rvalid;
    assign s_axi_rresp   = 2'b00;

    always @(posedge clk) begin
        if (fetch)
            s_axi_rdata <= raddr < WORDS ? words[32 * raddr +: 32]
                         : raddr == WATCHDOG - 1 ? failed
                         : raddr == WATCHDOG ? quiet
                         : raddr > WATCHDOG && raddr <= WATCHDOG + WAIT_WORDS
                             ? waiting[32 * (raddr - WATCHDOG - 1) +: 32] : 32'd0;
        s_axi_rvalid <= !rst && (fetch || (s_axi_rvalid && !s_axi_rready));
    end

    // ---- Registers
    reg        done;
    reg        restart;
    reg        enabled;
    reg  [1:0] wanted;
    reg  [1:0] pending;
    wire [31:0] at = {{34-AWIDTH{1'b0}}, waddr};
    wire low = commit && wstrb[0]; // a write to the bits of the control registers
    wire start = (low && at == 32'd0 && wdata[0] && (!running || ap_done)) ||
                 (running && ap_done && restart);
    assign interrupt = enabled && pending != 2'b00;
    assign control = {24'd0, restart, 3'd0, done, ap_idle && !running, done, running};

    always @(posedge clk) begin
        ap_start <= start;
        running  <= start || (running && !ap_done);
        done     <= ap_done || (done && !(fetch && raddr == 32'd0));
        pending  <= (pending ^ (low && at == 32'd3 ? wdata[1:0] : 2'b00)) | ({2{ap_done}} & wanted);
        if (low && at == 32'd0)
            restart <= wdata[7];
        if (low && at == 32'd1)
            enabled <= wdata[0];
        if (low && at == 32'd2)
            wanted <= wdata[1:0];
        if (rst) begin
            ap_start <= 1'b0;
            running  <= 1'b0;
            done     <= 1'b0;
            pending  <= 2'b00;
            restart  <= 1'b0;
            enabled  <= 1'b0;
            wanted   <= 2'b00;
        end
    end

    integer i;
    always @(posedge clk) begin
        for (i = 0; i < 4 * ARG_WORDS; i = i + 1) // each byte
            if (commit && wstrb[i % 4] && at == FIRST + i / 4)
                args[8 * i +: 8] <= wdata[8 * (i % 4) +: 8];
        if (rst)
            args <= 0;
    end

    wire [127:0] head = {30'd0, pending, 30'd0, wanted, 31'd0, enabled, control};
    generate
        if (RETURN_WORDS > 0) begin : returns
            reg [32*RETURN_WORDS-1:0] value;
            always @(posedge clk)
                if (rst)
                    value <= 0;
                else if (ap_done)
                    value <= ret;
            assign words = {args, 32'd0, value, head};
        end else begin : no_return
            assign words = {args, head};
        end
    endgenerate
endmodule
