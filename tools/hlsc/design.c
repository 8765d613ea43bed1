#include "design.h"

#include "build.h"
#include "calls.h"
#include "ir.h"
#include "memory.h"
#include "origin.h"
#include "pragmas.h"
#include "schedule.h"
#include "widths.h"

#include <stdio.h>
#include <string.h>

struct channel *channel_of(const struct design *d, LLVMValueRef value)
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

LLVMValueRef argument(const struct instance *i, int parameter)
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
    c.name = s ? text("%s", s) : value_name(call);
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
                     value_name(pointer), d->instance[i].name, d->instance[instance].name);
}

/* A stream that is a parameter of the top. */
static struct channel *outside_channel(struct design *d, const struct instance *i,
                                       LLVMValueRef value, const struct stream *s)
{
    const struct channel outside = {.value = value,
                                    .name = value_name(value),
                                    .where = i->where,
                                    .outside = true,
                                    .in = s->in,
                                    .writer = NONE,
                                    .reader = NONE,
                                    .width = s->width};
    APPEND(d->channel, d->channels, d->channel_capacity, outside);
    return &d->channel[d->channels - 1];
}

/* A parameter that the process uses as no stream. */
static void check_parameter(const struct design *d, int instance, int parameter)
{
    const struct instance *i = &d->instance[instance];
    LLVMValueRef a = argument(i, parameter);
    const bool pointer = LLVMGetTypeKind(LLVMTypeOf(a)) == LLVMPointerTypeKind,
               axi = axi_of(i->process, parameter) != NULL;
    if (axi ? !LLVMIsAArgument(a) : pointer && !LLVMIsAArgument(a) && !channel_of(d, a))
        fail(i->where, "parameter %d of %s must be a stream or one of the top's pointers",
             parameter + 1, i->process->name);
    if (!pointer)
        check_scalar(i, parameter);
    if (axi)
        check_pointer(d, instance, a);
}

static void connect_stream(struct design *d, int instance, int parameter, const struct stream *s)
{
    const struct instance *i = &d->instance[instance];
    const struct process *p = i->process;
    LLVMValueRef a = argument(i, parameter);
    struct channel *c = channel_of(d, a);
    if (!c && LLVMIsAArgument(a))
        c = outside_channel(d, i, a, s);
    if (!c)
        fail(i->where, "parameter %d of %s must be a stream", parameter + 1, p->name);
    if (s->width && c->width && s->width != c->width)
        fail(i->where, "stream `%s` has tokens of %d bits, %s uses %d", c->name, c->width, p->name,
             s->width);
    int *end = s->in ? &c->reader : &c->writer;
    if (*end != NONE)
        fail(i->where, "stream `%s` has two %s: %s and %s", c->name, s->in ? "readers" : "writers",
             d->instance[*end].name, i->name);
    if (c->outside && c->in != s->in)
        fail(i->where, "stream `%s` is a port and both read and written", c->name);
    *end = instance;
}

static void connect(struct design *d, int instance)
{
    const struct process *p = d->instance[instance].process;
    for (int k = 0; k < (int)LLVMCountParams(p->function); k++) {
        const struct stream *s = stream_of(p, k);
        if (s)
            connect_stream(d, instance, k, s);
        else
            check_parameter(d, instance, k);
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
static void check_pair(const struct instance *i, const struct instance *j)
{
    for (int a = 0; a < i->process->memories; a++)
        for (int b = 0; b < j->process->memories; b++) {
            const struct memory *x = &i->process->memory[a], *y = &j->process->memory[b];
            if (x->array == y->array && !x->constant && LLVMIsAGlobalVariable(x->array))
                fail(x->where, "`%s` is used by the processes %s and %s; join them by a stream",
                     x->name, i->name, j->name);
        }
}

static void check_shared(const struct design *d)
{
    for (int i = 0; i < d->instances; i++)
        for (int j = i + 1; j < d->instances; j++)
            check_pair(&d->instance[i], &d->instance[j]);
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
    struct design d = {.source = s, .name = value_name(s->top), .shell = wants_shell(s)};
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

int scalar_width(const struct design *d, int parameter)
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

int parameter_count(const struct design *d)
{
    return (int)LLVMCountParams(d->source->top);
}

const char *parameter_name(const struct design *d, int parameter)
{
    return value_name(LLVMGetParam(d->source->top, (unsigned)parameter));
}

int result_width(const struct design *d)
{
    return d->source->dataflow ? 0 : d->instance[0].process->result_width;
}
