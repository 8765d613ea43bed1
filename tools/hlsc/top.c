#include "top.h"

#include "emit.h"
#include "verilog.h"
#include "build.h"
#include "ir.h"
#include "origin.h"
#include "schedule.h"
#include "widths.h"
#include <string.h>

/* ---- from the dataflow function to instances and channels ------------------------------------ */

static const char *name_of(LLVMValueRef v)
{
    size_t n;
    return text("%s", LLVMGetValueName2(v, &n));
}

static struct channel *find_channel(struct design *d, LLVMValueRef value)
{
    for (int i = 0; i < d->channels; i++)
        if (d->channel[i].value == value)
            return &d->channel[i];
    return NULL;
}

static const struct stream *stream_of(const struct process *p, int parameter)
{
    for (int i = 0; i < p->streams; i++)
        if (p->stream[i].parameter == parameter)
            return &p->stream[i];
    return NULL;
}

static const struct axi *axi_of(const struct process *p, int parameter)
{
    for (int i = 0; i < p->axis; i++)
        if (p->axi[i].parameter == parameter)
            return &p->axi[i];
    return NULL;
}

/* What a call's argument is: a channel, a parameter of the top, or a constant. */
static LLVMValueRef argument(const struct instance *i, int parameter)
{
    return i->call ? LLVMGetOperand(i->call, (unsigned)parameter)
                   : LLVMGetParam(i->process->function, (unsigned)parameter);
}

static int stream_depth(const struct design *d, const char *name, int otherwise,
                        struct place *where)
{
    const struct pragmas *all = &d->source->pragmas;
    for (int i = 0; i < all->count; i++) {
        const struct pragma *p = &all->pragma[i];
        const char *variable = p->kind == PRAGMA_STREAM ? pragma_value(p, "variable") : NULL,
                   *depth = pragma_value(p, "depth");
        if (variable && depth && !strcmp(variable, name) && pragma_in_function(p, d->source->top)) {
            int n = 0;
            sscanf(depth, "%d", &n);
            *where = p->where;
            return n;
        }
    }
    return otherwise;
}

static void open_channel(struct design *d, LLVMValueRef call)
{
    struct channel c = {.value = call, .where = place_of(call), .writer = NONE, .reader = NONE};
    LLVMValueRef depth = LLVMGetOperand(call, 2), bytes = LLVMGetOperand(call, 1);
    size_t n;
    LLVMValueRef string = LLVMGetOperand(call, 0);
    const char *s = LLVMIsAGlobalVariable(string) && LLVMGetInitializer(string) &&
                            LLVMIsConstantString(LLVMGetInitializer(string))
                        ? LLVMGetAsString(LLVMGetInitializer(string), &n)
                        : NULL;
    c.name = s ? text("%s", s) : name_of(call);
    if (!LLVMIsAConstantInt(depth) || !LLVMIsAConstantInt(bytes))
        fail(c.where, "the depth of stream `%s` is not constant", c.name);
    long wanted = (long)LLVMConstIntGetSExtValue(depth);
    c.depth = stream_depth(d, c.name, wanted > 1 << 20 ? 1 << 21 : (int)wanted, &c.where);
    if (c.depth < 1 || c.depth > 1 << 20)
        fail(c.where, "stream `%s` has a depth of %ld: 1 to %d are possible", c.name, wanted,
             1 << 20);
    c.width = 8 * (int)LLVMConstIntGetZExtValue(bytes);
    for (int i = 0; i < d->channels; i++)
        if (!strcmp(d->channel[i].name, c.name))
            fail(c.where, "there are two streams `%s`", c.name);
    APPEND(d->channel, d->channels, d->channel_capacity, c);
}

static void check_scalar(const struct instance *i, int parameter)
{
    LLVMValueRef a = argument(i, parameter);
    if (!LLVMIsAConstantInt(a) && !LLVMIsAArgument(a))
        fail(i->where,
             "a dataflow function computes nothing: parameter %d of %s must be one of its own "
             "parameters or a constant",
             parameter + 1, i->process->name);
}

/* A pointer is one AXI master, and that belongs to one process. */
static void check_pointer(const struct design *d, int instance, LLVMValueRef pointer)
{
    for (int i = 0; i < instance; i++)
        for (int k = 0; k < d->instance[i].process->axis; k++)
            if (argument(&d->instance[i], d->instance[i].process->axi[k].parameter) == pointer)
                fail(d->instance[instance].where,
                     "pointer `%s` is used by %s and %s; give each a pointer of its own",
                     name_of(pointer), d->instance[i].name, d->instance[instance].name);
}

static void connect(struct design *d, int instance)
{
    struct instance *i = &d->instance[instance];
    struct process *p = i->process;
    for (int k = 0; k < (int)LLVMCountParams(p->function); k++) {
        LLVMValueRef a = argument(i, k);
        const struct stream *s = stream_of(p, k);
        if (!s) {
            if (axi_of(p, k) ? !LLVMIsAArgument(a)
                             : LLVMGetTypeKind(LLVMTypeOf(a)) == LLVMPointerTypeKind &&
                                   !LLVMIsAArgument(a) && !find_channel(d, a))
                fail(i->where, "parameter %d of %s must be a stream or one of the top's pointers",
                     k + 1, p->name);
            if (LLVMGetTypeKind(LLVMTypeOf(a)) != LLVMPointerTypeKind)
                check_scalar(i, k);
            if (axi_of(p, k))
                check_pointer(d, instance, a);
            continue;
        }
        struct channel *c = find_channel(d, a);
        if (!c && LLVMIsAArgument(a)) {
            struct channel outside = {.value = a,
                                      .name = name_of(a),
                                      .where = i->where,
                                      .outside = true,
                                      .in = s->in,
                                      .writer = NONE,
                                      .reader = NONE,
                                      .width = s->width};
            APPEND(d->channel, d->channels, d->channel_capacity, outside);
            c = &d->channel[d->channels - 1];
        }
        if (!c)
            fail(i->where, "parameter %d of %s must be a stream", k + 1, p->name);
        if (s->width && c->width && s->width != c->width)
            fail(i->where, "stream `%s` has tokens of %d bits, %s uses %d", c->name, c->width,
                 p->name, s->width);
        int *end = s->in ? &c->reader : &c->writer;
        if (*end != NONE)
            fail(i->where, "stream `%s` has two %s: %s and %s", c->name,
                 s->in ? "readers" : "writers", d->instance[*end].name, i->name);
        if (c->outside && c->in != s->in)
            fail(i->where, "stream `%s` is a port and both read and written", c->name);
        *end = instance;
    }
}

static void check_channels(const struct design *d)
{
    for (int i = 0; i < d->channels; i++) {
        const struct channel *c = &d->channel[i];
        if (!c->outside && (c->reader == NONE || c->writer == NONE))
            fail(c->where, "stream `%s` has no %s", c->name,
                 c->reader == NONE ? "reader" : "writer");
    }
}

/* Processes share streams only; an array that two of them see would be two memories. */
static void check_shared(const struct design *d)
{
    for (int i = 0; i < d->instances; i++)
        for (int j = i + 1; j < d->instances; j++)
            for (int a = 0; a < d->instance[i].process->memories; a++)
                for (int b = 0; b < d->instance[j].process->memories; b++) {
                    const struct memory *x = &d->instance[i].process->memory[a],
                                        *y = &d->instance[j].process->memory[b];
                    if (x->array == y->array && !x->constant && LLVMIsAGlobalVariable(x->array))
                        fail(x->where,
                             "`%s` is used by the processes %s and %s; join them by a stream",
                             x->name, d->instance[i].name, d->instance[j].name);
                }
}

static void add_instance(struct design *d, LLVMValueRef call, LLVMValueRef function)
{
    struct instance x = {.call = call, .where = call ? place_of(call) : place_of(function)};
    int same = 0;
    for (int k = 0; k < d->processes; k++)
        if (d->process[k]->function == function)
            x.process = d->process[k];
    if (!x.process)
        fail(x.where, "internal: an unknown process is called");
    for (int k = 0; k < d->instances; k++)
        same += d->instance[k].process == x.process;
    x.name = same ? text("%s_%d", x.process->name, same + 1) : x.process->name;
    APPEND(d->instance, d->instances, d->instance_capacity, x);
}

static void read_top(struct design *d)
{
    const struct source *s = d->source;
    if (LLVMGetTypeKind(LLVMGetReturnType(LLVMGlobalGetValueType(s->top))) != LLVMVoidTypeKind)
        fail(place_of(s->top), "a dataflow function returns nothing");
    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(s->top); b; b = LLVMGetNextBasicBlock(b))
        for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i)) {
            LLVMValueRef f = LLVMIsACallInst(i) ? LLVMGetCalledValue(i) : NULL;
            if (f && is_stream_open(i))
                open_channel(d, i);
            else if (f && !LLVMIsDeclaration(f))
                add_instance(d, i, f);
            else if (!LLVMIsAReturnInst(i))
                fail(place_of(i), "a function with #pragma HLS dataflow declares streams and calls "
                                  "processes, nothing else");
        }
}

static bool wants_shell(const struct source *s)
{
    return pragmas_ask(&s->pragmas, PRAGMA_INTERFACE, s->top, "s_axilite");
}

struct design design_make(struct source *s)
{
    struct design d = {.source = s, .name = name_of(s->top), .shell = wants_shell(s)};
    d.process = take((size_t)s->processes * sizeof *d.process);
    for (int i = 0; i < s->processes; i++) {
        struct process *p = d.process[d.processes++] = build(s, s->process[i]);
        widths(p);
        schedule(p);
    }
    if (s->dataflow)
        read_top(&d);
    else
        add_instance(&d, NULL, s->top);
    for (int i = 0; i < d.instances; i++)
        connect(&d, i);
    check_channels(&d);
    check_shared(&d);
    return d;
}

/* ---- Verilog --------------------------------------------------------------------------------- */

static bool is_port(const struct design *d, const struct channel *c)
{
    (void)d;
    return c->outside;
}

static const char *const read_channels[][3] = {
    {"output", "63", "araddr"}, {"output", "7", "arlen"},  {"output", "2", "arsize"},
    {"output", "1", "arburst"}, {"output", "", "arvalid"}, {"input ", "", "arready"},
    {"input ", "D", "rdata"},   {"input ", "1", "rresp"},  {"input ", "", "rlast"},
    {"input ", "", "rvalid"},   {"output", "", "rready"},  {NULL, NULL, NULL}};
static const char *const write_channels[][3] = {
    {"output", "63", "awaddr"}, {"output", "7", "awlen"},  {"output", "2", "awsize"},
    {"output", "1", "awburst"}, {"output", "", "awvalid"}, {"input ", "", "awready"},
    {"output", "D", "wdata"},   {"output", "S", "wstrb"},  {"output", "", "wlast"},
    {"output", "", "wvalid"},   {"input ", "", "wready"},  {"input ", "1", "bresp"},
    {"input ", "", "bvalid"},   {"output", "", "bready"},  {NULL, NULL, NULL}};

static const char *range(const char *high, int width)
{
    if (!*high)
        return "";
    if (*high == 'D')
        return text("[%d:0] ", width - 1);
    if (*high == 'S')
        return text("[%d:0] ", width / 8 - 1);
    return text("[%s:0] ", high);
}

/* The AXI ports of all instances, as declarations (separated by ",\n  ") or as connections. */
static void emit_axi_ports(const struct design *d, FILE *f, bool connect_them)
{
    for (int i = 0; i < d->instances; i++) {
        const struct process *p = d->instance[i].process;
        for (int k = 0; k < p->axis; k++) {
            const struct axi *a = &p->axi[k];
            const char *name = name_of(argument(&d->instance[i], a->parameter));
            for (int half = 0; half < 2; half++) {
                const char *const(*c)[3] = half ? write_channels : read_channels;
                for (; (half ? a->stores : a->loads) && (*c)[0]; c++)
                    if (connect_them)
                        fprintf(f, ",\n    .m_axi_%s_%s(m_axi_%s_%s)", name, (*c)[2], name,
                                (*c)[2]);
                    else
                        fprintf(f, ",\n  %s wire %sm_axi_%s_%s", (*c)[0], range((*c)[1], a->width),
                                name, (*c)[2]);
            }
        }
    }
}

/* Every scalar parameter of the top that some process uses; width and name. */
static int scalar_width(const struct design *d, int parameter)
{
    LLVMValueRef v = LLVMGetParam(d->source->top, (unsigned)parameter);
    if (LLVMGetTypeKind(LLVMTypeOf(v)) == LLVMIntegerTypeKind)
        return type_width(LLVMTypeOf(v), place_of(d->source->top));
    for (int i = 0; i < d->instances; i++)
        for (int k = 0; k < d->instance[i].process->axis; k++)
            if (argument(&d->instance[i], d->instance[i].process->axi[k].parameter) == v)
                return 64;
    return 0;
}

static int wait_count(const struct design *d)
{
    int count = 0;
    for (int i = 0; i < d->instances; i++)
        count += d->instance[i].process->streams;
    return count;
}

/* Calls each for every end of a stream that an instance may wait at, in the order of the bits of
 * `waits`: as the source has them, AXI ports last, whatever order optimisation has found them in.
 */
static void each_wait(const struct design *d,
                      void (*each)(const struct design *d, const struct instance *i,
                                   const struct stream *s, int bit, FILE *f),
                      FILE *f)
{
    int bit = 0;
    for (int i = 0; i < d->instances; i++) {
        const struct process *p = d->instance[i].process;
        const int parameters = (int)LLVMCountParams(p->function);
        for (int place = 0; place <= parameters; place++)
            for (int k = 0; k < p->streams; k++)
                if (place == (p->stream[k].axi ? parameters : p->stream[k].parameter))
                    each(d, &d->instance[i], &p->stream[k], bit++, f);
    }
}

/* The stream as the outside of the process knows it. */
static const char *outer_name(const struct design *d, const struct instance *i,
                              const struct stream *s)
{
    for (int k = 0; !s->axi && k < d->channels; k++)
        if (d->channel[k].value == argument(i, s->parameter))
            return d->channel[k].name;
    return text("%s_%s", i->name, s->name);
}

static void put_wait(const struct design *d, const struct instance *i, const struct stream *s,
                     int bit, FILE *f)
{
    fprintf(f, "  assign waits[%d] = %s_%s_wait;\n", bit, i->name, s->name);
    (void)d;
}

static void put_move(const struct design *d, const struct instance *i, const struct stream *s,
                     int bit, FILE *f)
{
    fprintf(f, "%s%s_%s", bit % 4 ? " | " : " |\n    ", outer_name(d, i, s),
            s->in ? "read" : "write");
}

static void list_wait(const struct design *d, const struct instance *i, const struct stream *s,
                      int bit, FILE *f)
{
    fprintf(f, "wait %d %s %s %s\n", bit, i->name, s->in ? "token" : "room", outer_name(d, i, s));
}

/* For the watchdog (hls_axi_lite.v). */
static void emit_watch(const struct design *d, FILE *f)
{
    each_wait(d, put_wait, f);
    fprintf(f, "  assign moves = ~busy");
    each_wait(d, put_move, f);
    fprintf(f, ";\n");
}

static void emit_top_ports(const struct design *d, FILE *f)
{
    fprintf(
        f,
        "  input  wire clk,\n  input  wire rst,\n  input  wire ap_start,\n  output reg  ap_done,\n"
        "  output wire ap_idle");
    if (d->instance[0].process->result_width && !d->source->dataflow)
        fprintf(f, ",\n  output wire [%d:0] ap_return", d->instance[0].process->result_width - 1);
    for (int k = 0; k < (int)LLVMCountParams(d->source->top); k++) {
        int w = scalar_width(d, k);
        if (w)
            fprintf(f, ",\n  input  wire [%d:0] %s", w - 1,
                    port_name(name_of(LLVMGetParam(d->source->top, (unsigned)k)),
                              place_of(d->source->top)));
    }
    for (int i = 0; i < d->channels; i++) {
        const struct channel *c = &d->channel[i];
        if (!is_port(d, c))
            continue;
        if (c->in)
            fprintf(f,
                    ",\n  input  wire [%d:0] %s_dout,\n  input  wire %s_empty_n,\n  output wire "
                    "%s_read",
                    c->width - 1, c->name, c->name, c->name);
        else
            fprintf(
                f,
                ",\n  output wire [%d:0] %s_din,\n  input  wire %s_full_n,\n  output wire %s_write",
                c->width - 1, c->name, c->name, c->name);
    }
    if (d->shell)
        fprintf(f, ",\n  output wire moves,\n  output wire [%d:0] waits", wait_count(d) - 1);
    emit_axi_ports(d, f, false);
}

static void emit_channels(const struct design *d, FILE *f)
{
    for (int i = 0; i < d->channels; i++) {
        const struct channel *c = &d->channel[i];
        if (is_port(d, c))
            continue;
        fprintf(f,
                "  wire [%d:0] %s_din, %s_dout;\n"
                "  wire %s_full_n, %s_write, %s_empty_n, %s_read;\n"
                "  hls_fifo #(.WIDTH(%d), .DEPTH(%d)) f_%s (.clk(clk), .rst(rst), .din(%s_din),\n"
                "    .write(%s_write), .full_n(%s_full_n), .dout(%s_dout), .read(%s_read), "
                ".empty_n(%s_empty_n));\n",
                c->width - 1, c->name, c->name, c->name, c->name, c->name, c->name, c->width,
                c->depth, c->name, c->name, c->name, c->name, c->name, c->name, c->name);
    }
}

static void emit_masters(const struct instance *i, FILE *f)
{
    const struct process *p = i->process;
    for (int k = 0; k < p->axis; k++) {
        const struct axi *a = &p->axi[k];
        const char *name = name_of(argument(i, a->parameter)), *u = text("%s_%s", i->name, a->name);
        for (int half = 0; half < 2; half++) {
            if (!(half ? a->stores : a->loads))
                continue;
            const char *request = half ? "aw" : "ar", *data = half ? "w" : "r";
            fprintf(f, "  wire [95:0] %s_%s_din;\n  wire %s_%s_full_n, %s_%s_write;\n", u, request,
                    u, request, u, request);
            if (half)
                fprintf(f, "  wire [%d:0] %s_w_din;\n  wire %s_w_full_n, %s_w_write, %s_idle;\n",
                        a->width - 1, u, u, u, u);
            else
                fprintf(f, "  wire [%d:0] %s_r_dout;\n  wire %s_r_empty_n, %s_r_read;\n",
                        a->width - 1, u, u, u);
            fprintf(f,
                    "  hls_axi_%s #(.WIDTH(%d)) %s_%s (.clk(clk), .rst(rst),\n"
                    "    .req_addr(%s_%s_din[63:0]), .req_beats(%s_%s_din[95:64]), "
                    ".req_write(%s_%s_write), .req_full_n(%s_%s_full_n)",
                    half ? "write" : "read", a->width, u, data, u, request, u, request, u, request,
                    u, request);
            fprintf(f,
                    half ? ",\n    .din(%s_w_din), .write(%s_w_write), .full_n(%s_w_full_n)"
                         : ",\n    .dout(%s_r_dout), .read(%s_r_read), .empty_n(%s_r_empty_n)",
                    u, u, u);
            fprintf(f, half ? ",\n    .idle(%s_idle), .error()" : ",\n    .idle(), .error()", u);
            const char *const(*c)[3] = half ? write_channels : read_channels;
            for (; (*c)[0]; c++)
                fprintf(f, ",\n    .m_axi_%s(m_axi_%s_%s)", (*c)[2], name, (*c)[2]);
            fprintf(f, ");\n");
        }
    }
}

static void emit_stream_connection(const struct design *d, const struct instance *i,
                                   const struct stream *s, FILE *f)
{
    const char *outer = outer_name(d, i, s);
    if (s->in)
        fprintf(f, ",\n    .%s_dout(%s_dout), .%s_empty_n(%s_empty_n), .%s_read(%s_read)", s->name,
                outer, s->name, outer, s->name, outer);
    else
        fprintf(f, ",\n    .%s_din(%s_din), .%s_full_n(%s_full_n), .%s_write(%s_write)", s->name,
                outer, s->name, outer, s->name, outer);
    fprintf(f, ", .%s_wait(%s_%s_wait)", s->name, i->name, s->name);
}

static void emit_instance(const struct design *d, const struct instance *i, FILE *f)
{
    const struct process *p = i->process;
    fprintf(f, "\n  wire %s_done;\n", i->name);
    for (int k = 0; k < p->streams; k++)
        fprintf(f, "  wire %s_%s_wait;\n", i->name, p->stream[k].name);
    emit_masters(i, f);
    fprintf(f,
            "  %s%s u_%s (.clk(clk), .rst(rst), .ap_start(ap_start), .ap_done(%s_done), .ap_idle()",
            p->name, d->source->dataflow ? "" : "_process", i->name, i->name);
    if (p->result_width)
        fprintf(f, d->source->dataflow ? ", .ap_return()" : ", .ap_return(ap_return)");
    for (int k = 0; k < (int)LLVMCountParams(p->function); k++) {
        LLVMValueRef a = argument(i, k);
        if (LLVMGetTypeKind(LLVMTypeOf(a)) != LLVMPointerTypeKind) {
            const char *port = name_of(LLVMGetParam(p->function, (unsigned)k));
            if (LLVMIsAConstantInt(a))
                fprintf(f, ",\n    .%s(%u'h%llx)", port, LLVMGetIntTypeWidth(LLVMTypeOf(a)),
                        LLVMConstIntGetZExtValue(a));
            else
                fprintf(f, ",\n    .%s(%s)", port, name_of(a));
        }
    }
    for (int k = 0; k < p->axis; k++) {
        const struct axi *a = &p->axi[k];
        fprintf(f, ",\n    .%s(%s)", a->name, name_of(argument(i, a->parameter)));
        if (a->stores)
            fprintf(f, ", .%s_idle(%s_%s_idle)", a->name, i->name, a->name);
    }
    for (int k = 0; k < p->streams; k++)
        emit_stream_connection(d, i, &p->stream[k], f);
    fprintf(f, ");\n");
}

/* In simulation: nobody moves and nobody waits for the outside. */
static void emit_deadlock(const struct design *d, FILE *f)
{
    fprintf(f, "\n`ifndef SYNTHESIS\n  reg [9:0] stuck;\n  always @(posedge clk) begin\n"
               "    if (rst | ~busy");
    for (int i = 0; i < d->instances; i++) {
        const struct instance *x = &d->instance[i];
        char *waits = NULL;
        for (int k = 0; k < x->process->streams; k++) {
            const struct stream *s = &x->process->stream[k];
            bool outside = s->axi;
            for (int c = 0; !outside && c < d->channels; c++)
                outside = d->channel[c].outside && d->channel[c].value == argument(x, s->parameter);
            if (outside)
                fprintf(f, " | %s_%s_wait", x->name, s->name);
            or_into(&waits, text("%s_%s_wait", x->name, s->name));
        }
        fprintf(f, " | ~(%s_ended%s%s)", x->name, waits ? " | " : "", waits ? waits : "");
    }
    fprintf(f,
            ")\n      stuck <= 10'd0;\n    else begin\n      stuck <= stuck + 10'd1;\n"
            "      if (stuck == 10'd1000) begin\n        $display(\"hlsc: %s: deadlock\");\n",
            d->name);
    for (int i = 0; i < d->instances; i++) {
        const struct instance *x = &d->instance[i];
        for (int k = 0; k < x->process->streams; k++) {
            const struct stream *s = &x->process->stream[k];
            for (int c = 0; c < d->channels; c++)
                if (!s->axi && d->channel[c].value == argument(x, s->parameter))
                    fprintf(f,
                            "        if (%s_%s_wait) $display(\"hlsc:   %s waits for %s `%s' "
                            "(depth %d, "
                            "%s:%d)\");\n",
                            x->name, s->name, x->name, s->in ? "a token of" : "room in",
                            d->channel[c].name, d->channel[c].depth, d->channel[c].where.file,
                            d->channel[c].where.line);
        }
    }
    fprintf(f, "        $finish;\n      end\n    end\n  end\n`endif\n");
}

static void emit_top(const struct design *d, FILE *f)
{
    fprintf(f, "// %s, line %d: the whole\nmodule %s (\n", d->name, place_of(d->source->top).line,
            d->name);
    emit_top_ports(d, f);
    fprintf(f, "\n);\n  reg busy;\n  assign ap_idle = ~busy;\n");
    emit_channels(d, f);
    for (int i = 0; i < d->instances; i++)
        emit_instance(d, &d->instance[i], f);
    char *all = NULL;
    fprintf(f, "\n");
    for (int i = 0; i < d->instances; i++)
        fprintf(f, "  reg %s_ended;\n", d->instance[i].name);
    fprintf(f, "  always @(posedge clk) begin\n");
    for (int i = 0; i < d->instances; i++) {
        const struct instance *x = &d->instance[i];
        fprintf(
            f,
            "    if (rst | ap_start) %s_ended <= 1'b0;\n    else if (%s_done) %s_ended <= 1'b1;\n",
            x->name, x->name, x->name);
        if (x->process->returns) /* one that runs for ever is not waited for */
            all = and_text(text("(%s_ended | %s_done)", x->name, x->name), all);
    }
    fprintf(f,
            "    ap_done <= busy & %s;\n    if (rst) busy <= 1'b0;\n    else if (ap_start) busy <= "
            "1'b1;\n"
            "    else if (%s) busy <= 1'b0;\n  end\n",
            all ? all : "1'b0", all ? all : "1'b0");
    if (d->source->dataflow)
        emit_deadlock(d, f);
    if (d->shell)
        emit_watch(d, f);
    fprintf(f, "endmodule\n\n");
}

/* ---- AXI4-Lite: Vitis HLS's register layout -------------------------------------------------- */

static int result_bits(const struct design *d)
{
    return d->source->dataflow ? 0 : d->instance[0].process->result_width;
}

/* A line for each argument's register; returns their words. */
static int list_registers(const struct design *d, FILE *f, const char *format)
{
    const int result = result_bits(d);
    int words = 0;
    const int offset = 0x10 + (result > 32 ? 12 : result ? 8 : 0);
    for (int k = 0; k < (int)LLVMCountParams(d->source->top); k++) {
        int w = scalar_width(d, k);
        if (!w)
            continue;
        fprintf(f, format, name_of(LLVMGetParam(d->source->top, (unsigned)k)), offset + 4 * words,
                w);
        words += w > 32 ? 3 : 2;
    }
    return words;
}

static void emit_shell(const struct design *d, FILE *f)
{
    const int result = result_bits(d), result_words = result > 32 ? 2 : result > 0,
              waits = wait_count(d);
    fprintf(
        f,
        "// %s behind AXI4-Lite control (ap_ctrl_hs); registers:\n//   0x00 control, 0x04 global "
        "interrupt enable, 0x08 interrupt enable, 0x0c interrupt status\n",
        d->name);
    if (result)
        fprintf(f, "//   0x10 return value\n");
    const int words = list_registers(d, f, "//   %s: 0x%02x, %d bits\n");
    fprintf(
        f,
        "module %s_axi (\n  input  wire ap_clk,\n  input  wire ap_rst_n,\n  output wire interrupt",
        d->name);
    static const char *const lite[][2] = {
        {"input  wire [11:0]", "awaddr"}, {"input  wire", "awvalid"},
        {"output wire", "awready"},       {"input  wire [31:0]", "wdata"},
        {"input  wire [3:0]", "wstrb"},   {"input  wire", "wvalid"},
        {"output wire", "wready"},        {"output wire [1:0]", "bresp"},
        {"output wire", "bvalid"},        {"input  wire", "bready"},
        {"input  wire [11:0]", "araddr"}, {"input  wire", "arvalid"},
        {"output wire", "arready"},       {"output wire [31:0]", "rdata"},
        {"output wire [1:0]", "rresp"},   {"output wire", "rvalid"},
        {"input  wire", "rready"}};
    for (size_t i = 0; i < sizeof lite / sizeof *lite; i++)
        fprintf(f, ",\n  %s s_axi_%s", lite[i][0], lite[i][1]);
    for (int i = 0; i < d->channels; i++) {
        const struct channel *c = &d->channel[i];
        if (!is_port(d, c))
            continue;
        fprintf(f,
                c->in ? ",\n  input  wire [%d:0] %s_dout,\n  input  wire %s_empty_n,\n  output "
                        "wire %s_read"
                      : ",\n  output wire [%d:0] %s_din,\n  input  wire %s_full_n,\n  output wire "
                        "%s_write",
                c->width - 1, c->name, c->name, c->name);
    }
    emit_axi_ports(d, f, false);
    fprintf(f,
            "\n);\n  wire clk = ap_clk, rst = ~ap_rst_n;\n  wire ap_start, ap_done, ap_idle;\n"
            "  wire [%d:0] args;\n  wire [%d:0] ret;\n",
            max_int(32 * words, 32) - 1, max_int(32 * result_words, 1) - 1);
    if (result)
        fprintf(f,
                result < 32 * result_words
                    ? "  wire [%d:0] ap_return;\n  assign ret = {%d'd0, ap_return};\n"
                    : "  wire [%d:0] ap_return;\n  assign ret = ap_return;\n",
                result - 1, 32 * result_words - result);
    else
        fprintf(f, "  assign ret = 1'b0;\n");
    fprintf(f,
            "  wire moves;\n  wire [%d:0] waits;\n"
            "  hls_axi_lite #(.ARG_WORDS(%d), .RETURN_WORDS(%d), .WAITS(%d)) lite (.clk(clk), "
            ".rst(rst),\n    .moves(moves), .waits(waits), .interrupt(interrupt), "
            ".ap_start(ap_start), .ap_done(ap_done), .ap_idle(ap_idle), "
            ".args(args), .ret(ret)",
            waits - 1, words, result_words, waits);
    for (size_t i = 0; i < sizeof lite / sizeof *lite; i++)
        fprintf(f, ",\n    .s_axi_%s(s_axi_%s)", lite[i][1], lite[i][1]);
    fprintf(f,
            ");\n  %s core (.clk(clk), .rst(rst), .ap_start(ap_start), .ap_done(ap_done), "
            ".ap_idle(ap_idle),\n    .moves(moves), .waits(waits)",
            d->name);
    if (result)
        fprintf(f, ", .ap_return(ap_return)");
    int at = 0;
    for (int k = 0; k < (int)LLVMCountParams(d->source->top); k++) {
        int w = scalar_width(d, k);
        if (!w)
            continue;
        fprintf(f, ",\n    .%s(args[%d:%d])", name_of(LLVMGetParam(d->source->top, (unsigned)k)),
                32 * at + w - 1, 32 * at);
        at += w > 32 ? 3 : 2;
    }
    for (int i = 0; i < d->channels; i++) {
        const struct channel *c = &d->channel[i];
        const char *n = c->name;
        if (is_port(d, c))
            fprintf(f,
                    c->in ? ",\n    .%s_dout(%s_dout), .%s_empty_n(%s_empty_n), .%s_read(%s_read)"
                          : ",\n    .%s_din(%s_din), .%s_full_n(%s_full_n), .%s_write(%s_write)",
                    n, n, n, n, n, n);
    }
    emit_axi_ports(d, f, true);
    fprintf(f, ");\nendmodule\n");
}

void design_emit(struct design *d, FILE *out)
{
    fprintf(out,
            "// Made by hlsc of %s for a clock of %g ns (%s).\n"
            "/* verilator lint_off DECLFILENAME */\n/* verilator lint_off UNUSED */\n"
            "/* verilator lint_off PINCONNECTEMPTY */\n\n",
            d->source->options.source, d->source->options.clock_ns,
            d->source->options.target->name);
    for (int i = 0; i < d->processes; i++) {
        if (!d->source->dataflow)
            d->process[i]->name = text("%s_process", d->process[i]->name);
        emit(d->process[i], out);
        if (!d->source->dataflow)
            d->process[i]->name = d->name;
    }
    emit_top(d, out);
    if (d->shell)
        emit_shell(d, out);
}

void design_ports(const struct design *d, FILE *out)
{
    if (d->shell) {
        list_registers(d, out, "register %s 0x%02x %d\n");
        each_wait(d, list_wait, out);
    }
    for (int i = 0; i < d->channels; i++)
        if (d->channel[i].outside)
            fprintf(out, "stream %s %s %d\n", d->channel[i].in ? "in" : "out", d->channel[i].name,
                    d->channel[i].width);
    for (int k = 0; k < (int)LLVMCountParams(d->source->top); k++) {
        LLVMValueRef v = LLVMGetParam(d->source->top, (unsigned)k);
        if (LLVMGetTypeKind(LLVMTypeOf(v)) == LLVMIntegerTypeKind)
            fprintf(out, "scalar %s %d\n", name_of(v), scalar_width(d, k));
    }
    if (!d->source->dataflow && d->instance[0].process->result_width)
        fprintf(out, "return %d\n", d->instance[0].process->result_width);
    for (int i = 0; i < d->instances; i++)
        for (int k = 0; k < d->instance[i].process->axis; k++) {
            const struct axi *a = &d->instance[i].process->axi[k];
            fprintf(out, "axi %s %d%s%s\n", name_of(argument(&d->instance[i], a->parameter)),
                    a->width, a->loads ? " read" : "", a->stores ? " write" : "");
        }
}
