// The control registers between a host, played by the tasks, and a core that is done LATENCY cycles
// after it was started.
module lite_check #(
    parameter ARG_WORDS    = 4,
    parameter RETURN_WORDS = 0,
    parameter AWIDTH       = 12
) (
    input  wire clk,
    output reg  done
);
    `include "check.vh"
    localparam ARGS    = 16 + (RETURN_WORDS > 0 ? 4 * (RETURN_WORDS + 1) : 0); // their address
    localparam CONTROL = 0, ENABLE = 4, WANTED = 8, PENDING = 12;

    reg               rst;
    wire [AWIDTH-1:0] awaddr, araddr;
    wire              awvalid, wvalid, bready, arvalid, rready;
    wire [31:0]       wdata;
    wire [3:0]        wstrb;
    wire              awready, wready, bvalid, arready, rvalid;
    wire [1:0]        bresp, rresp;
    wire [31:0]       rdata;
    wire              interrupt;
    wire              ap_start;
    wire              ap_done;
    reg               ap_idle;
    wire [(ARG_WORDS > 0 ? 32 * ARG_WORDS : 32)-1:0] args;
    reg  [(RETURN_WORDS > 0 ? 32 * RETURN_WORDS : 1)-1:0] ret;
    localparam WAITS = 40, ERRORS = 32'h7fc, WATCHDOG = 32'h800;
    reg             moves;
    reg [WAITS-1:0] waits;
    reg [1:0]       failed;
    hls_axi_lite #(
        .ARG_WORDS   (ARG_WORDS),
        .RETURN_WORDS(RETURN_WORDS),
        .AWIDTH      (AWIDTH),
        .WAITS       (WAITS),
        .ERRORS      (2)
    ) lite (
        .clk          (clk),
        .rst          (rst),
        .s_axi_awaddr (awaddr),
        .s_axi_awvalid(awvalid),
        .s_axi_awready(awready),
        .s_axi_wdata  (wdata),
        .s_axi_wstrb  (wstrb),
        .s_axi_wvalid (wvalid),
        .s_axi_wready (wready),
        .s_axi_bresp  (bresp),
        .s_axi_bvalid (bvalid),
        .s_axi_bready (bready),
        .s_axi_araddr (araddr),
        .s_axi_arvalid(arvalid),
        .s_axi_arready(arready),
        .s_axi_rdata  (rdata),
        .s_axi_rresp  (rresp),
        .s_axi_rvalid (rvalid),
        .s_axi_rready (rready),
        .interrupt    (interrupt),
        .ap_start     (ap_start),
        .ap_done      (ap_done),
        .ap_idle      (ap_idle),
        .ret          (ret),
        .args         (args),
        .moves        (moves),
        .waits        (waits),
        .errors       (failed)
    );
    integer         still = 0; // cycles since it moved
    always @(posedge clk)
        still <= moves ? 0 : still + 1;

    // ---- The core. ret is what it should be at ap_done only.
    integer    latency = 3;
    integer    countdown = 0;
    integer    starts = 0, finished = 0;
    reg [(RETURN_WORDS > 0 ? 32 * RETURN_WORDS : 32)-1:0] result = 0; // of the last run
    reg [31:0] noise = 32'h777;
    assign ap_done = countdown == 1 || (ap_start && latency == 0);
    always @(posedge clk) begin
        noise = next_random(noise);
        ret  <= {(RETURN_WORDS > 0 ? RETURN_WORDS : 1){noise}};
        if (!rst) begin
            `CHECK(!ap_start || countdown == 0, "started while it runs")
            starts    <= starts + ap_start;
            finished  <= finished + ap_done;
            countdown <= ap_start ? latency : countdown > 0 ? countdown - 1 : 0;
            if (ap_done)
                result <= ret;
        end
    end

    // ---- The host; the commands to it change at the falling edge
    reg [31:0]  write_addr, write_data, read_addr;
    reg [3:0]   write_strb;
    reg         write_go, read_go;
    wire        write_busy, read_busy;
    wire [31:0] value; // last read
    axi_lite_host #(AWIDTH) host (
        clk, rst, write_go, write_addr[AWIDTH-1:0], write_data, write_strb, write_busy,
        read_go, read_addr[AWIDTH-1:0], value, read_busy,
        awaddr, awvalid, awready, wdata, wstrb, wvalid, wready, bresp, bvalid, bready,
        araddr, arvalid, arready, rdata, rresp, rvalid, rready);

    task put(input [31:0] addr, input [31:0] data, input [3:0] strb);
        begin
            write_addr = addr;
            write_data = data;
            write_strb = strb;
            write_go   = 1;
        end
    endtask

    task get(input [31:0] addr);
        begin
            read_addr = addr;
            read_go   = 1;
        end
    endtask

    reg [31:0] expected; // of the read under way
    reg        expecting = 0;
    task get_expected(input [31:0] addr, input [31:0] word);
        begin
            expected  = word;
            expecting = 1;
            get(addr);
        end
    endtask

    // One step when the one before is answered: step n of a phase, in round i of it.
    integer    phase = 0, i = 0, n = 0;
    integer    pause = 4; // cycles until the next step
    integer    j, k, base;
    reg [31:0] seed = 32'h4321 + ARG_WORDS + 10 * RETURN_WORDS;
    reg [31:0] model [0:255]; // what was written to the arguments
    initial begin
        for (k = 0; k < 256; k = k + 1)
            model[k] = 0;
        done     = 0;
        rst      = 1;
        write_go = 0;
        read_go  = 0;
        ap_idle  = 1;
        moves    = 0;
        waits    = 40'hb6_1234_5678;
        failed   = 2'd0;
    end

    always @(negedge clk) begin
        write_go = 0;
        read_go  = 0;
        moves    = 0;
        if (pause > 0) begin
            pause = pause - 1;
        end else if (!write_busy && !read_busy && !done) begin
            if (expecting && value !== expected) begin
                `CHECK(0, "a register does not read what it should")
                if (errors <= 3)
                    $display("    %h reads %h, not %h", read_addr, value, expected);
            end
            expecting = 0;
            rst = 0;
            n = n + 1;
            case (phase)
                0: // after reset: idle, all else 0
                    if (i == 0)
                        get_expected(CONTROL, 32'h4);
                    else
                        get_expected(12 + 4 * i, 0);
                1: // arguments, with words that are none before and behind them
                    if (n == 1) begin
                        j = scatter(seed) % (ARG_WORDS + 8) - 4; // argument word
                        if (ARGS + 4 * j >= 16)
                            put(ARGS + 4 * j, scatter(seed + 1), seed[23:20]);
                        if (seed[0])
                            get_expected(PENDING, 0); // meanwhile
                    end else begin
                        if (j >= 0 && j < ARG_WORDS)
                            for (k = 0; k < 4; k = k + 1)
                                if (write_strb[k])
                                    model[j][8 * k +: 8] = write_data >> 8 * k;
                        j = scatter(seed + 2) % (ARG_WORDS + 4);
                        get_expected(ARGS + 4 * j, model[j]);
                    end
                2: // the argument outputs; a write far away starts nothing
                    if (n == 1) begin
                        for (k = 0; k < ARG_WORDS; k = k + 1)
                            `CHECK(args[32 * k +: 32] === model[k], "args are not what was written")
                        `CHECK(ARG_WORDS > 0 || args === 0, "args without arguments are not 0")
                        put(1 << (AWIDTH - 1), 32'hffffffff, 4'hf);
                    end else begin
                        get_expected(CONTROL, 32'h4);
                        `CHECK(starts == 0 && !interrupt, "started by an argument")
                    end
                3: // runs of every length, from one that is done at once
                    if (n == 1) begin
                        latency = i % 30;
                        base    = starts;
                        put(CONTROL, 32'h1, 4'he); // not the byte of ap_start
                    end else if (n == 2) begin
                        `CHECK(starts == base, "started by another byte")
                        put(CONTROL, 32'h1, 4'h1);
                    end else if (n == 3) begin
                        get(CONTROL);
                    end else if (n == 4 && value == 32'h1) begin
                        n = 3;
                        get(CONTROL);
                    end else if (n == 4) begin
                        `CHECK(value == 32'he, "the core does not end with done, ready, idle")
                        `CHECK(starts == base + 1, "not one start")
                        get_expected(CONTROL, 32'h4);
                    end else begin
                        get_expected(4 * n - 4, result[32 * (n - 5) +: 32]);
                    end
                4: // a long one: what a running core looks like; a second start is ignored
                    case (n)
                        1: begin
                            latency = 600;
                            base    = starts;
                            put(CONTROL, 32'h1, 4'hf);
                        end
                        2, 4: get_expected(CONTROL, 32'h1);
                        3: put(CONTROL, 32'h1, 4'hf);
                        5: begin
                            moves = 1;
                            pause = 100;
                        end
                        6: if (AWIDTH >= 12) get(WATCHDOG);
                        7: if (AWIDTH >= 12) begin
                            `CHECK(value <= still && value + 20 > still && value >= 100,
                                   "the watchdog does not count since the last move")
                            get_expected(WATCHDOG + 4, waits[31:0]);
                        end
                        8: if (AWIDTH >= 12) get_expected(WATCHDOG + 8, waits[39:32]);
                        9: begin
                            ap_idle = 0;
                            pause   = 650;
                        end
                        10: get_expected(CONTROL, 32'ha);
                        11: begin
                            ap_idle = 1;
                            `CHECK(starts == base + 1, "a start while it runs is not ignored")
                            if (AWIDTH >= 12) get_expected(WATCHDOG, 0);
                        end
                        12: begin
                            if (AWIDTH >= 12) get_expected(ERRORS, 0);
                        end
                        13: begin
                            failed = 2'b10;
                            if (AWIDTH >= 12) get_expected(ERRORS, 2);
                        end
                    endcase
                5: // interrupts by done, by ready, by both; disabled; cleared by toggling
                    case (n)
                        1: put(ENABLE, i[2], 4'hf);
                        2: put(WANTED, i[1:0], 4'hf);
                        3: get_expected(ENABLE, i[2]);
                        4: get_expected(WANTED, i[1:0]);
                        5: begin
                            latency = 5;
                            put(CONTROL, 32'h1, 4'hf);
                        end
                        6: pause = 20;
                        7: begin
                            `CHECK(interrupt === (i[2] && i[1:0] != 0), "interrupt is wrong")
                            get_expected(PENDING, i[1:0]);
                        end
                        8: put(PENDING, i[1:0], 4'he);
                        9: get_expected(PENDING, i[1:0]);
                        10: put(PENDING, i[1:0], 4'h1);
                        11: begin
                            `CHECK(!interrupt, "an interrupt is not cleared")
                            get_expected(PENDING, 0);
                        end
                    endcase
                6: // restart without being told, and an end to it
                    case (n)
                        1: begin
                            base = starts;
                            put(CONTROL, 32'h81, 4'hf);
                        end
                        2: pause = 60;
                        3: get(CONTROL);
                        4: begin
                            `CHECK(starts >= base + 5, "no restart")
                            `CHECK(value[7] && value[0], "auto_restart does not read 1")
                            put(CONTROL, 32'h00, 4'hf);
                        end
                        5: pause = 20;
                        6: begin
                            base  = starts;
                            pause = 50;
                        end
                        7: begin
                            `CHECK(starts == base && finished == starts, "it does not stop")
                            get_expected(CONTROL, 32'he);
                        end
                        8: begin
                            done = 1;
                            if (errors == 0)
                                $display("pass %m");
                        end
                    endcase
            endcase

            // The next round or phase.
            if (n == steps(phase)) begin
                n    = 0;
                i    = i + 1;
                seed = next_random(seed);
                if (i == rounds(phase)) begin
                    i     = 0;
                    phase = phase + 1;
                end
            end
        end
    end

    function integer rounds(input integer phase);
        case (phase)
            0: rounds = (ARGS - 12) / 4 + ARG_WORDS + 4;
            1: rounds = 300;
            3: rounds = 60;
            5: rounds = 8;
            default: rounds = 1;
        endcase
    endfunction

    function integer steps(input integer phase);
        case (phase)
            0: steps = 1;
            1, 2: steps = 2;
            3: steps = 4 + RETURN_WORDS;
            4: steps = 13;
            5: steps = 11;
            default: steps = 8;
        endcase
    endfunction
endmodule

module tb_hls_axi_lite;
    wire       clk;
    wire [4:0] done;
    bench #(5, 100000) bench (clk, done);
    lite_check #(4, 0, 12) a4_r0 (clk, done[0]);
    lite_check #(0, 0, 6)  a0_r0 (clk, done[1]);
    lite_check #(1, 1, 8)  a1_r1 (clk, done[2]);
    lite_check #(0, 1, 32) a0_r1 (clk, done[3]);
    lite_check #(33, 2, 9) a33_r2 (clk, done[4]);
endmodule
