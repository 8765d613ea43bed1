// Makes requests for hls_axi_read and hls_axi_write and says which bursts and words must follow.
//   KIND 0: COUNT random ones, of which many are empty, short, or near a 4 KB boundary
//   KIND 1: COUNT of 4096 words each, one after the other in memory
//   KIND 2: COUNT of one word each, one after the other in memory
module axi_requests #(
    parameter WIDTH = 32,
    parameter BURST = 64,
    parameter COUNT = 100,
    parameter KIND  = 0
) (
    input  wire        clk,
    input  wire        rst,
    output wire [63:0] req_addr,
    output wire [31:0] req_beats,
    output wire        req_write,
    input  wire        req_full_n,
    input  wire        burst,      // a burst is taken
    input  wire [63:0] burst_addr,
    input  wire [7:0]  burst_len,
    input  wire        word,       // a word is taken
    output reg  [63:0] word_addr,  // its address
    output reg  [31:0] owed,       // words requested and not taken yet
    output wire        done        // every word of every request is taken
);
    `include "check.vh"
    localparam BYTES = WIDTH / 8;
    localparam PAGE  = 4096 / BYTES; // words

    reg [63:0] addr [0:COUNT];
    reg [31:0] beats [0:COUNT];
    reg [31:0] seed = 32'h9abcdef + WIDTH + BURST;
    integer    i, offset;
    initial begin
        for (i = 0; i <= COUNT; i = i + 1) begin
            seed     = next_random(seed);
            offset   = (seed[4] ? PAGE - 1 - scatter(seed) % PAGE % (2 * BURST) : scatter(seed) % PAGE);
            addr[i]  = {scatter(seed + 1) >> 1, scatter(seed + 2) & 32'hfffff000} + offset * BYTES;
            case (seed[2:0])
                0: beats[i] = 0;
                1: beats[i] = 1;
                2: beats[i] = BURST;
                3: beats[i] = BURST + 1;
                4: beats[i] = 1 + scatter(seed + 3) % (3 * BURST);
                5: beats[i] = PAGE < 300 ? PAGE + 1 : 2;
                default: beats[i] = 1 + scatter(seed + 3) % BURST;
            endcase
            if (KIND == 1) begin
                addr[i]  = 64'h1234_0000_0000 + 4096 * BYTES * i;
                beats[i] = 4096;
            end
            if (KIND == 2) begin
                addr[i]  = 64'h1234_0000_0000 + BYTES * i;
                beats[i] = 1;
            end
            if (i == COUNT)
                beats[i] = 0;
        end
    end

    integer    offered = 0;      // requests
    reg        want = 0;
    integer    cut = 0, sent = 0; // the request of the next burst; its words that have bursts
    integer    at = 0, taken = 0; // the request of the next word; its words that are taken
    integer    most;
    assign req_addr  = addr[offered];
    assign req_beats = beats[offered];
    assign req_write = want && req_full_n;
    assign done      = offered == COUNT && owed == 0;

    always @(posedge clk) begin
        seed = next_random(seed);
        owed <= rst ? 0 : owed + (req_write ? req_beats : 0) - word;
        if (req_write)
            offered <= offered + 1;
        want <= !rst && offered + req_write < COUNT && (KIND != 0 || seed[8]);

        if (burst) begin
            while (beats[cut] == sent && cut < COUNT) begin
                cut  = cut + 1;
                sent = 0;
            end
            most = PAGE - burst_addr[11:0] / BYTES;
            most = most < BURST ? most : BURST;
            most = most < beats[cut] - sent ? most : beats[cut] - sent;
            `CHECK(cut < offered, "a burst of no request")
            `CHECK(burst_addr === addr[cut] + sent * BYTES, "a burst at a wrong address")
            `CHECK(burst_len + 1 == most, "a burst of a wrong length")
            sent = sent + burst_len + 1;
        end

        if (word) begin
            `CHECK(at < offered, "a word of no request")
            taken = taken + 1;
        end
        while (beats[at] == taken && at < COUNT) begin
            at    = at + 1;
            taken = 0;
        end
        word_addr <= addr[at] + taken * BYTES;
    end
endmodule
