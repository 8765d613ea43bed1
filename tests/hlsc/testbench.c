/* Makes a testbench of what hlsc says about a kernel's ports and what cosim.c recorded of its runs.
 *
 *     testbench TOP PORTS RECORDING DIRECTORY
 *
 * writes DIRECTORY/bench.v and the .hex files that its modules (cosim.v) read. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_PORTS = 256,
    SURPLUS = 16, /* tokens offered beyond those that a run should read */
    CYCLES_AT_LEAST = 2000,
    CYCLES_PER_BLOCK = 250, /* generous: a basic block may hold several divisions */
};

enum kind { STREAM_IN, STREAM_OUT, SCALAR, RETURN, MEMORY };

struct port {
    enum kind kind;
    char name[64];
    unsigned bits;
    char *mask; /* of a stream, as the recording spells it */
    char *
        *values; /* tokens of all runs; a scalar's value in each; a memory before and after each */
    size_t count, room;
    uint64_t *ends;     /* of a stream: tokens up to and with run r, r from 1 */
    size_t words;       /* of a memory */
    bool reads, writes; /* the kernel's half of a memory's port */
    bool recorded;
};

static struct port ports[MOST_PORTS];
static int port_count;
static uint64_t *limits;
static unsigned runs;
static const char *directory;

static void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "testbench: ");
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static void *resize(void *old, size_t bytes)
{
    void *p = realloc(old, bytes);
    if (!p)
        fail("out of memory");
    return p;
}

static FILE *open_file(const char *name, const char *suffix, const char *mode)
{
    char path[4096];
    if (*mode == 'w')
        snprintf(path, sizeof path, "%s/%s%s", directory, name, suffix);
    else
        snprintf(path, sizeof path, "%s", name);
    FILE *f = fopen(path, mode);
    if (!f)
        fail("%s: %s", path, strerror(errno));
    return f;
}

static void close_file(FILE *f)
{
    if (fflush(f) || ferror(f))
        fail("a file cannot be written");
    fclose(f);
}

/* ---- Ports ----------------------------------------------------------------------------------- */

static void add_port(enum kind kind, const char *name, unsigned bits)
{
    if (port_count == MOST_PORTS)
        fail("too many ports");
    struct port *p = &ports[port_count++];
    p->kind = kind;
    p->bits = bits;
    snprintf(p->name, sizeof p->name, "%s", name);
}

static void read_ports(const char *path)
{
    char line[256], name[64];
    unsigned bits;
    FILE *f = open_file(path, "", "r");
    while (fgets(line, sizeof line, f)) {
        if (sscanf(line, "stream in %63s %u", name, &bits) == 2)
            add_port(STREAM_IN, name, bits);
        else if (sscanf(line, "stream out %63s %u", name, &bits) == 2)
            add_port(STREAM_OUT, name, bits);
        else if (sscanf(line, "scalar %63s %u", name, &bits) == 2)
            add_port(SCALAR, name, bits);
        else if (sscanf(line, "return %u", &bits) == 1)
            add_port(RETURN, "ap_return", bits);
        else if (sscanf(line, "axi %63s %u", name, &bits) == 2) {
            add_port(MEMORY, name, bits);
            ports[port_count - 1].reads = strstr(line, " read") != NULL;
            ports[port_count - 1].writes = strstr(line, " write") != NULL;
        } else if (*line != '\n')
            fail("%s: unknown line: %s", path, line);
    }
    fclose(f);
}

static bool is_stream(const struct port *p)
{
    return p->kind == STREAM_IN || p->kind == STREAM_OUT;
}

static struct port *find_port(const char *name, bool stream)
{
    for (struct port *p = ports; p < ports + port_count; p++)
        if (!strcmp(p->name, name) && p->kind != MEMORY && stream == is_stream(p))
            return p;
    return NULL;
}

static struct port *find_memory(const char *name)
{
    for (struct port *p = ports; p < ports + port_count; p++)
        if (!strcmp(p->name, name) && p->kind == MEMORY)
            return p;
    return NULL;
}

/* ---- Recording ------------------------------------------------------------------------------- */

static char *line;
static size_t line_room;

static bool next_line(FILE *f)
{
    ssize_t length = getline(&line, &line_room, f);
    if (length > 0 && line[length - 1] == '\n')
        line[length - 1] = 0;
    return length > 0;
}

static void add_value(struct port *p, const char *digits)
{
    if (p->count == p->room) {
        p->room = p->room ? 2 * p->room : 64;
        p->values = resize(p->values, p->room * sizeof *p->values);
    }
    if (!(p->values[p->count++] = strdup(digits)))
        fail("out of memory");
}

static void read_stream(void)
{
    char direction[4], name[64];
    unsigned bits;
    int at = 0;
    if (sscanf(line, "stream %3s %63s %u %n", direction, name, &bits, &at) != 3)
        fail("bad line in the recording: %s", line);
    struct port *p = find_port(name, true);
    if (!p) /* nothing reads or writes it, or its tokens will be missed */
        return;
    if (p->kind != (strcmp(direction, "in") ? STREAM_OUT : STREAM_IN))
        fail("%s is no %sput stream of the kernel", name, direction);
    if (p->bits != bits)
        fail("%s has tokens of %u bits, recorded are %u bits", name, p->bits, bits);
    p->recorded = true;
    p->mask = strdup(line + at);
}

static void read_tokens(FILE *f)
{
    char name[64];
    size_t count;
    if (sscanf(line, "tokens %63s %zu", name, &count) != 2)
        fail("bad line in the recording: %s", line);
    struct port *p = find_port(name, true);
    if (!p && count == 0)
        return;
    if (!p)
        fail("%s has tokens in the recording and is no port of the kernel", name);
    for (size_t i = 0; i < count; i++) {
        if (!next_line(f))
            fail("the recording ends too early");
        add_value(p, line);
    }
    p->ends = resize(p->ends, (runs + 1) * sizeof *p->ends);
    p->ends[0] = 0;
    p->ends[runs] = p->count;
}

static void read_memory(void)
{
    char name[64];
    unsigned bits;
    size_t count;
    if (sscanf(line, "memory %63s %u %zu", name, &bits, &count) != 3)
        fail("bad line in the recording: %s", line);
    struct port *p = find_memory(name);
    if (!p)
        fail("%s is no pointer that the kernel uses", name);
    if (p->bits != bits)
        fail("%s has words of %u bits, recorded are %u bits", name, p->bits, bits);
    p->words = count;
    p->recorded = true;
}

static void read_contents(FILE *f)
{
    struct port *p = find_memory(strchr(line, ' ') + 1);
    if (!p)
        fail("bad line in the recording: %s", line);
    for (size_t i = 0; i < p->words; i++) {
        if (!next_line(f))
            fail("the recording ends too early");
        add_value(p, line);
    }
}

/* Scalars and the return value are recorded with 64 bits; the port may have fewer. */
static void read_value(const char *name, const char *digits)
{
    char text[20];
    struct port *p = find_port(name, false);
    if (!p)
        fail("%s is no argument of the kernel", name);
    uint64_t value = strtoull(digits, NULL, 16);
    if (p->bits < 64)
        value &= (UINT64_C(1) << p->bits) - 1;
    snprintf(text, sizeof text, "%" PRIx64, value);
    if (p->count != runs - 1)
        fail("%s is not recorded once in every run", name);
    add_value(p, text);
    p->recorded = true;
}

static void read_recording(const char *path)
{
    FILE *f = open_file(path, "", "r");
    bool finished = false;
    char name[64], digits[20];
    uint64_t work;
    while (!finished && next_line(f)) {
        if (!strncmp(line, "stream ", 7)) {
            read_stream();
        } else if (!strncmp(line, "memory ", 7)) {
            read_memory();
        } else if (!strncmp(line, "before ", 7) || !strncmp(line, "after ", 6)) {
            read_contents(f);
        } else if (!strcmp(line, "run")) {
            runs++;
        } else if (!strncmp(line, "tokens ", 7)) {
            read_tokens(f);
        } else if (sscanf(line, "scalar %63s %19s", name, digits) == 2) {
            read_value(name, digits);
        } else if (sscanf(line, "return %19s", digits) == 1) {
            if (find_port("ap_return", false))
                read_value("ap_return", digits);
        } else if (sscanf(line, "work %" SCNu64, &work) == 1) {
            limits = resize(limits, (runs + 1) * sizeof *limits);
            limits[0] = 0;
            limits[runs] = CYCLES_AT_LEAST + CYCLES_PER_BLOCK * work;
            if (limits[runs] > UINT32_MAX)
                limits[runs] = UINT32_MAX;
        } else if (!strcmp(line, "finish")) {
            finished = true;
        } else {
            fail("bad line in the recording: %s", line);
        }
    }
    if (!finished || !runs)
        fail("the recording is not finished");
    free(line);
    fclose(f);
    for (const struct port *p = ports; p < ports + port_count; p++)
        if (!p->recorded || (p->values && !p->ends && p->kind != MEMORY && p->count != runs))
            fail("%s is not recorded in every run", p->name);
}

/* ---- What the modules read ------------------------------------------------------------------- */

/* Surplus tokens look like none that a test would write. */
static void put_surplus(FILE *f, unsigned bits, unsigned number)
{
    for (unsigned digit = 0; digit < (bits + 3) / 4; digit++)
        fputc("5a3c"[(digit + number) % 4], f);
    fputc('\n', f);
}

static void write_ends(const char *name, const char *suffix, const uint64_t *ends)
{
    FILE *f = open_file(name, suffix, "w");
    for (unsigned r = 0; r <= runs; r++)
        fprintf(f, "%" PRIx64 "\n", ends[r]);
    close_file(f);
}

static size_t words(const struct port *p)
{
    return p->kind == STREAM_IN ? p->count + SURPLUS : p->count ? p->count : 1;
}

static void write_values(const struct port *p)
{
    FILE *f = open_file(p->name, ".hex", "w");
    if (p->kind == SCALAR || p->kind == RETURN)
        fprintf(f, "0\n"); /* runs count from 1 */
    for (size_t i = 0; i < p->count; i++)
        fprintf(f, "%s\n", p->values[i]);
    for (size_t i = p->count; is_stream(p) && i < words(p); i++)
        put_surplus(f, p->bits, (unsigned)i);
    close_file(f);
    if (is_stream(p))
        write_ends(p->name, ".ends", p->ends);
}

/* ---- The testbench --------------------------------------------------------------------------- */

/* The channels of AXI4 that are used: which half, width (0: data, -1: a bit for each byte of data),
 * and whether the kernel drives it. */
static const struct axi_signal {
    char half;
    const char *name;
    int bits;
    bool driven;
} axi_signals[] = {{'r', "araddr", 64, true},  {'r', "arlen", 8, true},
                   {'r', "arsize", 3, true},   {'r', "arburst", 2, true},
                   {'r', "arvalid", 1, true},  {'r', "arready", 1, false},
                   {'r', "rdata", 0, false},   {'r', "rresp", 2, false},
                   {'r', "rlast", 1, false},   {'r', "rvalid", 1, false},
                   {'r', "rready", 1, true},   {'w', "awaddr", 64, true},
                   {'w', "awlen", 8, true},    {'w', "awsize", 3, true},
                   {'w', "awburst", 2, true},  {'w', "awvalid", 1, true},
                   {'w', "awready", 1, false}, {'w', "wdata", 0, true},
                   {'w', "wstrb", -1, true},   {'w', "wlast", 1, true},
                   {'w', "wvalid", 1, true},   {'w', "wready", 1, false},
                   {'w', "bresp", 2, false},   {'w', "bvalid", 1, false},
                   {'w', "bready", 1, true},   {0}};

static bool used(const struct port *p, const struct axi_signal *s)
{
    return s->half == 'r' ? p->reads : p->writes;
}

static void put_memory_wires(FILE *f, const struct port *p)
{
    fprintf(f, "    wire [63:0] p_%s;\n", p->name);
    for (const struct axi_signal *s = axi_signals; s->half; s++) {
        unsigned bits = s->bits > 0 ? (unsigned)s->bits : s->bits ? p->bits / 8 : p->bits;
        fprintf(f, "    wire [%u:0] p_%s_%s;\n", bits - 1, p->name, s->name);
        if (!used(p, s) && s->driven)
            fprintf(f, "    assign p_%s_%s = 0;\n", p->name, s->name);
    }
}

static void put_memory_model(FILE *f, const struct port *p, int number)
{
    fprintf(f,
            "    cosim_memory #(.BITS(%u), .WORDS(%zu), .RUNS(%u), .NUMBER(%d), .NAME(\"%s\"),\n"
            "        .HEX(\"%s.hex\"))\n"
            "    model_%s (.clk(clk), .rst(rst), .seed(seed), .stall(stall), .run(run),\n"
            "        .active(active), .check(check), .base(p_%s), .failed(failed[%d])",
            p->bits, p->words, runs, number, p->name, p->name, p->name, p->name, number);
    for (const struct axi_signal *s = axi_signals; s->half; s++)
        fprintf(f, ",\n        .%s(p_%s_%s)", s->name, p->name, s->name);
    fprintf(f, ");\n");
}

static void put_wires(FILE *f, const struct port *p, int number)
{
    const char *n = p->name;
    const unsigned high = p->bits - 1;
    switch (p->kind) {
    case STREAM_IN:
        fprintf(f, "    wire [%u:0] p_%s_dout;\n    wire p_%s_empty_n, p_%s_read;\n", high, n, n,
                n);
        break;
    case STREAM_OUT:
        fprintf(f, "    wire [%u:0] p_%s_din;\n    wire p_%s_full_n, p_%s_write;\n", high, n, n, n);
        break;
    case MEMORY: put_memory_wires(f, p); break;
    default: fprintf(f, "    wire [%u:0] p_%s;\n", high, n);
    }
    if (p->kind == SCALAR)
        fprintf(f, "    assign failed[%d] = 1'b0;\n", number);
}

static void put_model(FILE *f, const struct port *p, int number)
{
    const char *n = p->name;
    switch (p->kind) {
    case STREAM_IN:
    case STREAM_OUT:
        fprintf(f,
                "    cosim_%s #(.BITS(%u), .TOKENS(%zu), .RUNS(%u), .NUMBER(%d), .NAME(\"%s\"),\n",
                p->kind == STREAM_IN ? "source" : "sink", p->bits, words(p), runs, number, n);
        fprintf(f, "        .HEX(\"%s.hex\"), .ENDS(\"%s.ends\")", n, n);
        if (p->kind == STREAM_OUT)
            fprintf(f, ", .MASK(%u'h%s)", p->bits, p->mask);
        fprintf(f, ")\n    model_%s (.clk(clk), .rst(rst), .seed(seed), .stall(stall),\n", n);
        fprintf(f, "        .run(run), .active(active), .check(check), .failed(failed[%d]),\n",
                number);
        if (p->kind == STREAM_IN)
            fprintf(f,
                    "        .hold(hold), .dout(p_%s_dout), .empty_n(p_%s_empty_n), "
                    ".read(p_%s_read));\n",
                    n, n, n);
        else
            fprintf(f, "        .din(p_%s_din), .full_n(p_%s_full_n), .write(p_%s_write));\n", n, n,
                    n);
        break;
    case SCALAR:
        fprintf(f, "    cosim_scalar #(.BITS(%u), .RUNS(%u), .HEX(\"%s.hex\"))\n", p->bits, runs,
                n);
        fprintf(f, "    model_%s (.run(run), .active(active), .value(p_%s));\n", n, n);
        break;
    case RETURN:
        fprintf(f, "    cosim_return #(.BITS(%u), .RUNS(%u), .HEX(\"%s.hex\"))\n", p->bits, runs,
                n);
        fprintf(f,
                "    model_%s (.clk(clk), .rst(rst), .run(run), .valid(returned), .value(p_%s),\n",
                n, n);
        fprintf(f, "        .failed(failed[%d]));\n", number);
        break;
    case MEMORY: put_memory_model(f, p, number); break;
    }
}

static void put_connection(FILE *f, const struct port *p)
{
    static const char *const suffixes[2][4] = {{"_dout", "_empty_n", "_read", NULL},
                                               {"_din", "_full_n", "_write", NULL}};
    if (!is_stream(p))
        fprintf(f, ",\n        .%s(p_%s)", p->name, p->name);
    for (const struct axi_signal *s = axi_signals; p->kind == MEMORY && s->half; s++)
        if (used(p, s))
            fprintf(f, ",\n        .m_axi_%s_%s(p_%s_%s)", p->name, s->name, p->name, s->name);
    if (is_stream(p))
        for (const char *const *s = suffixes[p->kind == STREAM_OUT]; *s; s++)
            fprintf(f, ",\n        .%s%s(p_%s%s)", p->name, *s, p->name, *s);
}

static void write_bench(const char *top)
{
    FILE *f = open_file("bench", ".v", "w");
    fprintf(f,
            "module cosim_bench (input clk);\n"
            "    wire rst, ap_start, ap_done, ap_idle, hold, active, check, returned;\n"
            "    wire [31:0] seed, stall, run;\n"
            "    wire [%d:0] failed;\n"
            "    assign failed[%d] = 1'b0;\n",
            port_count, port_count);
    for (int i = 0; i < port_count; i++)
        put_wires(f, &ports[i], i);
    fprintf(f,
            "    cosim_control #(.RUNS(%u), .LIMITS(\"limits\")) control (\n"
            "        .clk(clk), .failed(failed != 0), .rst(rst), .seed(seed), .stall(stall),\n"
            "        .hold(hold), .ap_start(ap_start), .ap_done(ap_done), .ap_idle(ap_idle),\n"
            "        .run(run), .active(active), .check(check), .returned(returned));\n",
            runs);
    for (int i = 0; i < port_count; i++)
        put_model(f, &ports[i], i);
    fprintf(f,
            "    %s kernel (\n"
            "        .clk(clk),\n        .rst(rst),\n        .ap_start(ap_start),\n"
            "        .ap_done(ap_done),\n        .ap_idle(ap_idle)",
            top);
    for (int i = 0; i < port_count; i++)
        put_connection(f, &ports[i]);
    fprintf(f, ");\nendmodule\n");
    close_file(f);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "Usage: testbench TOP PORTS RECORDING DIRECTORY\n");
        return 1;
    }
    directory = argv[4];
    read_ports(argv[2]);
    read_recording(argv[3]);
    write_ends("limits", "", limits);
    for (const struct port *p = ports; p < ports + port_count; p++)
        write_values(p);
    write_bench(argv[1]);
    return 0;
}
