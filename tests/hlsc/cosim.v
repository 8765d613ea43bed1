// What surrounds a kernel in co-simulation: sources and sinks of tokens that stall at random, the run
// control, and the checks. Two-valued simulators lack the checks for X and lose nothing else.
//
// run counts the runs begun; a run is active from the cycle of ap_start to that of ap_done; check is
// high for one cycle after it. Whatever is wrong raises failed, with a line beginning "cosim:".

// go: may a token pass in the next cycle? Either a coin for every cycle, or open and closed phases of
// 1 to 32 cycles, as the seed has it.
module cosim_pace #(parameter NUMBER = 0) (
    input clk,
    input rst,
    input [31:0] seed,
    input [31:0] stall, // percent
    output go,
    output [31:0] random
);
    reg [31:0] state, phase;
    reg open, bursts;
    wire [31:0] a = state ^ (state << 13);
    wire [31:0] b = a ^ (a >> 17);
    wire [31:0] next = b ^ (b << 5);
    wire coin = next[22:0] % 100 >= stall;

    always @(posedge clk)
        if (rst) begin
            state <= (seed + 1) * 32'h9e3779b1 + NUMBER * 32'h85ebca6b + 32'h1234567;
            bursts <= ((seed + NUMBER) * 32'h9e3779b1) >> 31;
            phase <= 0;
            open <= 1;
        end else begin
            state <= next == 0 ? 32'h2545f491 : next;
            phase <= phase == 0 ? next[31:27] : phase - 1;
            if (phase == 0)
                open <= coin;
        end
    assign go = stall == 0 || (bursts ? open : coin);
    assign random = next;
endmodule

// Offers the recorded tokens and 16 more, which nobody should want. A token once offered stays. With
// hold, a run is offered no more than it needs.
module cosim_source #(
    parameter BITS = 8,
    parameter TOKENS = 1, // with the 16
    parameter RUNS = 1,
    parameter NUMBER = 0,
    parameter NAME = "",
    parameter HEX = "",
    parameter ENDS = ""
) (
    input clk,
    input rst,
    input [31:0] seed,
    input [31:0] stall,
    input hold,
    input [31:0] run,
    input active,
    input check,
    output [BITS-1:0] dout,
    output reg empty_n,
    input read,
    output reg failed
);
    reg [BITS-1:0] tokens[0:TOKENS-1];
    reg [31:0] ends[0:RUNS];
    reg [31:0] position;
    wire go;
    wire [31:0] unused;
    wire [31:0] next = position + (read === 1'b1 && empty_n);
    wire [31:0] limit = hold ? ends[run] : TOKENS;

    initial begin
        $readmemh(HEX, tokens);
        $readmemh(ENDS, ends);
    end
    cosim_pace #(.NUMBER(NUMBER)) pace (
        .clk(clk), .rst(rst), .seed(seed), .stall(stall), .go(go), .random(unused));
    assign dout = empty_n ? tokens[position] : {BITS{1'bx}};

    always @(posedge clk)
        if (rst) begin
            position <= 0;
            empty_n <= 0;
            failed <= 0;
        end else begin
            position <= next;
            empty_n <= (empty_n && !read) || (next < limit && go);
            if ((^read) === 1'bx) begin
                $display("cosim: %0s_read is X in run %0d", NAME, run);
                failed <= 1;
            end else if (read && !empty_n) begin
                $display("cosim: %0s is read while empty in run %0d", NAME, run);
                failed <= 1;
            end else if (read && !active) begin
                $display("cosim: %0s is read outside of a run, after run %0d", NAME, run);
                failed <= 1;
            end
            if (check && position != ends[run]) begin
                $display("cosim: %0s: run %0d read %0d tokens, expected %0d", NAME, run,
                         position - ends[run-1], ends[run] - ends[run-1]);
                failed <= 1;
            end
        end
endmodule

// Compares what is written with the recording. Room once offered stays.
module cosim_sink #(
    parameter BITS = 8,
    parameter TOKENS = 1,
    parameter RUNS = 1,
    parameter NUMBER = 0,
    parameter NAME = "",
    parameter HEX = "",
    parameter ENDS = "",
    parameter [BITS-1:0] MASK = {BITS{1'b1}} // bits of the token that are not padding
) (
    input clk,
    input rst,
    input [31:0] seed,
    input [31:0] stall,
    input [31:0] run,
    input active,
    input check,
    input [BITS-1:0] din,
    output reg full_n,
    input write,
    output reg failed
);
    reg [BITS-1:0] tokens[0:TOKENS-1];
    reg [31:0] ends[0:RUNS];
    reg [31:0] position;
    wire go;
    wire [31:0] unused;
    wire [BITS-1:0] expected = tokens[position];

    initial begin
        $readmemh(HEX, tokens);
        $readmemh(ENDS, ends);
    end
    cosim_pace #(.NUMBER(NUMBER)) pace (
        .clk(clk), .rst(rst), .seed(seed), .stall(stall), .go(go), .random(unused));

    always @(posedge clk)
        if (rst) begin
            position <= 0;
            full_n <= 0;
            failed <= 0;
        end else begin
            full_n <= (full_n && !write) || go;
            if ((^write) === 1'bx) begin
                $display("cosim: %0s_write is X in run %0d", NAME, run);
                failed <= 1;
            end else if (write && !full_n) begin
                $display("cosim: %0s is written while full in run %0d", NAME, run);
                failed <= 1;
            end else if (write && !active) begin
                $display("cosim: %0s is written outside of a run, after run %0d", NAME, run);
                failed <= 1;
            end else if (write && position >= ends[run]) begin
                $display("cosim: %0s: run %0d writes %h after its last token, number %0d", NAME,
                         run, din & MASK, ends[run] - ends[run-1] - 1);
                failed <= 1;
            end else if (write) begin
                position <= position + 1;
                if (((din ^ expected) & MASK) !== {BITS{1'b0}}) begin
                    $display("cosim: %0s: token %0d of run %0d is %h, expected %h", NAME,
                             position - ends[run-1], run, din & MASK, expected & MASK);
                    failed <= 1;
                end
            end
            if (check && position != ends[run]) begin
                $display("cosim: %0s: run %0d wrote %0d tokens, expected %0d", NAME, run,
                         position - ends[run-1], ends[run] - ends[run-1]);
                failed <= 1;
            end
        end
endmodule

// An argument: steady from the cycle of ap_start to that of ap_done, unknown otherwise.
module cosim_scalar #(parameter BITS = 8, parameter RUNS = 1, parameter HEX = "") (
    input [31:0] run,
    input active,
    output [BITS-1:0] value
);
    reg [BITS-1:0] values[0:RUNS];
    initial $readmemh(HEX, values);
    assign value = active ? values[run] : {BITS{1'bx}};
endmodule

// Steady from the cycle of ap_done to the next ap_start.
module cosim_return #(parameter BITS = 8, parameter RUNS = 1, parameter HEX = "") (
    input clk,
    input rst,
    input [31:0] run,
    input valid,
    input [BITS-1:0] value,
    output reg failed
);
    reg [BITS-1:0] values[0:RUNS];
    initial $readmemh(HEX, values);
    always @(posedge clk)
        if (rst)
            failed <= 0;
        else if (valid && value !== values[run]) begin
            $display("cosim: run %0d returned %h, expected %h", run, value, values[run]);
            failed <= 1;
        end
endmodule

// What a pointer points to: an AXI4 memory that holds the recorded words when a run begins and is
// compared with the recording when it has ended. Reads and responses take LATENCY cycles, and every
// channel stalls.
module cosim_memory #(
    parameter BITS = 32,
    parameter WORDS = 1,
    parameter RUNS = 1,
    parameter NUMBER = 0,
    parameter NAME = "",
    parameter HEX = "", // for each run the words before it and the words after it
    parameter LATENCY = 20
) (
    input clk,
    input rst,
    input [31:0] seed,
    input [31:0] stall,
    input [31:0] run,
    input active,
    input check,
    output [63:0] base, // the argument
    input [63:0] araddr,
    input [7:0] arlen,
    input [2:0] arsize,
    input [1:0] arburst,
    input arvalid,
    output reg arready,
    output reg [BITS-1:0] rdata,
    output [1:0] rresp,
    output reg rlast,
    output reg rvalid,
    input rready,
    input [63:0] awaddr,
    input [7:0] awlen,
    input [2:0] awsize,
    input [1:0] awburst,
    input awvalid,
    output reg awready,
    input [BITS-1:0] wdata,
    input [BITS/8-1:0] wstrb,
    input wlast,
    input wvalid,
    output wready,
    output [1:0] bresp,
    output reg bvalid,
    input bready,
    output reg failed
);
    // Close to a 4 KB boundary, which no burst may cross.
    localparam [63:0] BASE = 64'h200000f80 + (NUMBER << 24);
    localparam BYTES = BITS / 8;
    localparam OPEN = 64; // bursts under way at most

    reg [BITS-1:0] contents[0:2*RUNS*WORDS-1];
    reg [BITS-1:0] memory[0:WORDS-1];
    reg [31:0] loaded, now;
    reg [63:0] read_at[0:OPEN-1], write_at[0:OPEN-1], from, to;
    reg [31:0] read_due[0:OPEN-1], answer_due[0:OPEN-1];
    reg [7:0] read_len[0:OPEN-1], write_len[0:OPEN-1];
    reg [31:0] asked, served, announced, written, answered, beat, write_beat;
    reg willing;
    wire [3:0] go;
    wire [31:0] unused[0:3];
    integer i;
    genvar k;

    initial $readmemh(HEX, contents);
    generate
        for (k = 0; k < 4; k = k + 1) begin : channel
            cosim_pace #(.NUMBER(NUMBER + 100 * k)) pace (
                .clk(clk), .rst(rst), .seed(seed), .stall(stall), .go(go[k]), .random(unused[k]));
        end
    endgenerate
    assign base = active ? BASE : {64{1'bx}};
    assign rresp = 2'b00;
    assign bresp = 2'b00;
    assign wready = willing && announced != written;

    task burst_is(input [63:0] addr, input [7:0] len, input [2:0] size, input [1:0] burst);
        begin
            if ((1 << size) != BYTES || burst != 2'b01 || addr % BYTES != 0 ||
                addr[63:12] != ((addr + len * BYTES) >> 12)) begin
                $display("cosim: %0s: a burst that AXI4 forbids in run %0d: address %h, length %0d",
                         NAME, run, addr, len);
                failed <= 1;
            end
            if (addr < BASE || addr + (len + 1) * BYTES > BASE + WORDS * BYTES) begin
                $display("cosim: %0s: run %0d accesses words %0d to %0d of %0d", NAME, run,
                         $signed(addr - BASE) / BYTES, $signed(addr - BASE) / BYTES + len, WORDS);
                failed <= 1;
            end
        end
    endtask

    always @(posedge clk)
        if (rst) begin
            arready <= 0;
            rvalid <= 0;
            awready <= 0;
            bvalid <= 0;
            failed <= 0;
            willing <= 0;
            loaded = 0;
            now = 0;
            asked = 0;
            served = 0;
            announced = 0;
            written = 0;
            answered = 0;
            beat = 0;
            write_beat = 0;
        end else begin
            now = now + 1;
            if (run != loaded) begin
                for (i = 0; i < WORDS; i = i + 1)
                    memory[i] = contents[2*(run-1)*WORDS+i];
                loaded = run;
            end
            if ((^{arvalid, awvalid, wvalid}) === 1'bx) begin
                $display("cosim: %0s: a valid is X in run %0d", NAME, run);
                failed <= 1;
            end else if ((arvalid || awvalid || wvalid) && !active) begin
                $display("cosim: %0s is accessed outside of a run, after run %0d", NAME, run);
                failed <= 1;
            end

            if (arvalid && arready) begin
                burst_is(araddr, arlen, arsize, arburst);
                read_at[asked%OPEN] = araddr;
                read_len[asked%OPEN] = arlen;
                read_due[asked%OPEN] = now + LATENCY;
                asked = asked + 1;
            end
            arready <= asked - served < OPEN - 1 && go[0];
            if (!rvalid || rready) begin
                rvalid <= 0;
                if (served != asked && now >= read_due[served%OPEN] && go[1]) begin
                    from = (read_at[served%OPEN] - BASE) / BYTES + beat;
                    rvalid <= 1;
                    rdata <= from < WORDS ? memory[from] : {BITS{1'bx}};
                    rlast <= beat == read_len[served%OPEN];
                    if (beat == read_len[served%OPEN]) begin
                        beat = 0;
                        served = served + 1;
                    end else
                        beat = beat + 1;
                end
            end

            if (wvalid && wready) begin
                to = (write_at[written%OPEN] - BASE) / BYTES + write_beat;
                for (i = 0; i < BYTES; i = i + 1)
                    if (wstrb[i] && to < WORDS)
                        memory[to][8*i+:8] = wdata[8*i+:8];
                if (wlast !== (write_beat == write_len[written%OPEN])) begin
                    $display("cosim: %0s: wlast is not at the last beat in run %0d", NAME, run);
                    failed <= 1;
                end
                if (write_beat == write_len[written%OPEN]) begin
                    answer_due[written%OPEN] = now + LATENCY;
                    write_beat = 0;
                    written = written + 1;
                end else
                    write_beat = write_beat + 1;
            end
            if (awvalid && awready) begin
                burst_is(awaddr, awlen, awsize, awburst);
                write_at[announced%OPEN] = awaddr;
                write_len[announced%OPEN] = awlen;
                announced = announced + 1;
            end
            awready <= announced - answered < OPEN - 1 && go[2];
            willing <= go[3];
            if (!bvalid || bready) begin
                bvalid <= 0;
                if (answered != written && now >= answer_due[answered%OPEN]) begin
                    bvalid <= 1;
                    answered = answered + 1;
                end
            end

            if (check && (served != asked || answered != announced)) begin
                $display("cosim: %0s: run %0d ends before its memory accesses do", NAME, run);
                failed <= 1;
            end
            if (check)
                for (i = 0; i < WORDS; i = i + 1)
                    if (memory[i] !== contents[(2*run-1)*WORDS+i]) begin
                        $display("cosim: %0s: word %0d after run %0d is %h, expected %h", NAME, i,
                                 run, memory[i], contents[(2*run-1)*WORDS+i]);
                        failed <= 1;
                    end
        end
endmodule

// Starts one run after the other and ends the simulation.
module cosim_control #(parameter RUNS = 1, parameter LIMITS = "") (
    input clk,
    input failed, // of any other module
    output reg rst,
    output reg [31:0] seed,
    output reg [31:0] stall,
    output reg hold,
    output reg ap_start,
    input ap_done,
    input ap_idle,
    output reg [31:0] run,
    output active,
    output check,
    output returned
);
    localparam RESET = 0, GAP = 1, START = 2, RUN = 3;
    reg [31:0] limits[0:RUNS]; // cycles that are too many, if nothing stalls
    reg [31:0] cycle, began, gap, patience;
    reg [1:0] state;
    reg first, trouble;
    wire go;
    wire [31:0] random;
    wire done = active && ap_done === 1'b1;

    initial begin
        $readmemh(LIMITS, limits);
        if (!$value$plusargs("seed=%d", seed))
            seed = 1;
        if (!$value$plusargs("stall=%d", stall))
            stall = 0;
        if ($test$plusargs("dump")) begin
            $dumpfile("bench.vcd");
            $dumpvars;
        end
        cycle = 0;
        state = RESET;
        rst = 1;
        ap_start = 0;
        run = 0;
        hold = 0;
        gap = 0;
        first = 0;
        trouble = 0;
        patience = 0;
    end
    cosim_pace #(.NUMBER(99)) pace (
        .clk(clk), .rst(rst), .seed(seed), .stall(stall), .go(go), .random(random));
    assign active = state == START || state == RUN;
    assign check = first;
    assign returned = run != 0 && (done || state == GAP);

    always @(posedge clk) begin
        cycle <= cycle + 1;
        first <= 0;
        ap_start <= 0;
        case (state)
        RESET:
            if (cycle == 4) begin
                rst <= 0;
                state <= GAP;
                gap <= 1;
            end
        GAP: begin
            gap <= gap == 0 ? 0 : gap - 1;
            if (ap_idle !== 1'b1) begin
                patience <= patience + 1;
                if (patience == 200) begin
                    $display("cosim: ap_idle stays %b after run %0d", ap_idle, run);
                    trouble <= 1;
                end
            end else if (gap == 0 && run == RUNS) begin
                if (!failed && !trouble)
                    $display("cosim: passed");
                $finish;
            end else if (gap == 0) begin
                run <= run + 1;
                ap_start <= 1;
                hold <= stall != 0 && random[31];
                patience <= 0;
                state <= START;
            end
        end
        START: begin
            began <= cycle;
            state <= RUN;
        end
        RUN: begin
            if (ap_idle !== 1'b0 && !done) begin
                $display("cosim: ap_idle is %b in the middle of run %0d", ap_idle, run);
                trouble <= 1;
            end
            if ((cycle - began) / 4 * (100 - stall) / 25 > limits[run]) begin
                $display("cosim: run %0d does not end, %0d cycles so far", run, cycle - began);
                trouble <= 1;
            end
        end
        endcase
        if (done) begin
            $display("cosim: run %0d took %0d cycles", run,
                     cycle - (state == START ? cycle : began));
            state <= GAP;
            first <= 1;
            gap <= run == RUNS ? 20 : stall == 0 ? run[1:0] : random[2:0];
        end
        if (!rst && (^ap_done) === 1'bx) begin
            $display("cosim: ap_done is X in run %0d", run);
            trouble <= 1;
        end
        if (!rst && !active && ap_done === 1'b1) begin
            $display("cosim: ap_done outside of a run, after run %0d", run);
            trouble <= 1;
        end
        if (!rst && (failed || trouble))
            $finish;
    end
endmodule
