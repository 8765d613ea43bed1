#include "onnx/rewrite.h"

#include "base/error.h"
#include "onnx/quantiser.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NOWHERE = -1 };

/* A value that a quantiser made: code * scale, for codes (without their zero point) from low to
 * high. scale 0: none did. */
struct quantised {
    float scale;
    double zero;
    int low, high;
    bool coded; /* of the graph these are codes, up to a DequantizeLinear */
    bool alone; /* nobody reads it on the way */
    int input;  /* what the quantiser reads; NOWHERE: it was moved since, or pooled */
};

struct rewriting {
    struct graph *graph;
    /* [values there were] */
    bool *live, *from_relu; /* depends on an input; a ReLU makes it */
    int *relu;              /* what the ReLU reads that makes it, and nobody but one reads;
                             * NOWHERE: it is none */
    float *ceiling;         /* and cuts it */
    int *uses;              /* nodes and outputs that read it */
    struct quantised *quantised;
    int quantisers;    /* rewritten */
    struct node *node; /* what the nodes become */
    int count, room;
    const struct node *from; /* the one that is rewritten */
    int status;
};

/* ---- New nodes and values ------------------------------------------------------------------- */

static int add_value(struct rewriting *w)
{
    struct graph *g = w->graph;
    struct value *grown =
        w->status ? NULL : realloc(g->value, (size_t)(g->value_count + 1) * sizeof *grown);
    char *name = grown ? strdup(w->from->name) : NULL;
    if (grown)
        g->value = grown;
    if (!name) {
        w->status = w->status ? w->status : af_fail(AF_NO_MEMORY, "no memory for a value");
        return NOWHERE;
    }
    g->value[g->value_count] = (struct value){.name = name, .producer = -1, .rank = -1};
    return g->value_count++;
}

static int number(struct rewriting *w, float v)
{
    const int index = add_value(w);
    if (index < 0)
        return NOWHERE;
    struct value *value = &w->graph->value[index];
    value->constant = true;
    w->status = tensor_make(&value->tensor, DTYPE_F32, 0, NULL);
    if (!w->status)
        *(float *)value->tensor.data = v;
    return index;
}

static struct node *room_for_one(struct rewriting *w)
{
    if (w->count == w->room) {
        const int room = w->room ? 2 * w->room : 64;
        struct node *grown = realloc(w->node, (size_t)room * sizeof *grown);
        if (!grown) {
            w->status = af_fail(AF_NO_MEMORY, "no memory for %d nodes", room);
            return NULL;
        }
        w->node = grown;
        w->room = room;
    }
    return &w->node[w->count];
}

/* A node of one or two inputs (the second NOWHERE: one); makes value `to`, or a new one if that is
 * NOWHERE. Returns what it makes. */
static int emit(struct rewriting *w, const char *op, int a, int b, int to)
{
    to = to == NOWHERE ? add_value(w) : to;
    struct node *n = w->status ? NULL : room_for_one(w);
    if (!n)
        return NOWHERE;
    *n = (struct node){.name = strdup(w->from->name),
                       .op = strdup(op),
                       .input = calloc(3, sizeof *n->input),
                       .output = calloc(1, sizeof *n->output),
                       .attribute = calloc(1, sizeof *n->attribute),
                       .output_count = 1};
    w->count++;
    if (!n->name || !n->op || !n->input || !n->output || !n->attribute) {
        w->status = af_fail(AF_NO_MEMORY, "no memory for a node");
        return NOWHERE;
    }
    n->input[n->input_count++] = a;
    if (b != NOWHERE)
        n->input[n->input_count++] = b;
    n->output[0] = to;
    return to;
}

/* clip(x, 0, most), of any opset. */
static int emit_clip(struct rewriting *w, int x, float most, int to)
{
    static const char *const names[] = {"min", "max"};
    const bool as_inputs = w->graph->opset >= 11;
    const int low = as_inputs ? number(w, 0) : NOWHERE,
              high = as_inputs ? number(w, most) : NOWHERE;
    to = emit(w, "Clip", x, low, to);
    struct node *n = to == NOWHERE ? NULL : &w->node[w->count - 1];
    if (n && as_inputs)
        n->input[n->input_count++] = high;
    if (!n || as_inputs)
        return to;
    struct attribute *bounds = realloc(n->attribute, 2 * sizeof *bounds);
    if (!bounds) {
        w->status = af_fail(AF_NO_MEMORY, "no memory for a node");
        return NOWHERE;
    }
    n->attribute = bounds;
    for (int k = 0; k < 2; k++) {
        bounds[k] = (struct attribute){
            .name = strdup(names[k]), .type = ATTRIBUTE_FLOAT, .f = k ? most : 0};
        n->attribute_count += bounds[k].name != NULL;
    }
    if (n->attribute_count < 2)
        w->status = af_fail(AF_NO_MEMORY, "no memory for a node");
    return to;
}

static struct attribute named(const char *name, enum attribute_type type)
{
    return (struct attribute){.name = strdup(name), .type = type};
}

/* clamp(x / scale rounded, low, high) * scale */
static void emit_quantiser(struct rewriting *w, int x, float scale, int low, int high, int to)
{
    emit(w, FAKE_QUANTISE, x, NOWHERE, to);
    struct node *n = w->status ? NULL : &w->node[w->count - 1];
    struct attribute *a = n ? realloc(n->attribute, 3 * sizeof *a) : NULL;
    if (!a) {
        w->status = w->status ? w->status : af_fail(AF_NO_MEMORY, "no memory for a node");
        return;
    }
    n->attribute = a;
    a[0] = named("scale", ATTRIBUTE_FLOAT);
    a[0].f = scale;
    a[1] = named("low", ATTRIBUTE_INT);
    a[1].i = low;
    a[2] = named("high", ATTRIBUTE_INT);
    a[2].i = high;
    n->attribute_count = 3;
    for (int k = 0; k < 3; k++)
        if (!a[k].name)
            w->status = af_fail(AF_NO_MEMORY, "no memory for a node");
}

/* ---- Operators ------------------------------------------------------------------------------ */

/* The part of x above 0. Of a quantiser's codes up to `most` these are codes, too. */
static int emit_above(struct rewriting *w, int x, float scale, int most)
{
    if (scale == 0 || most < 1)
        return emit(w, "Relu", x, NOWHERE, NOWHERE);
    const int to = add_value(w);
    if (to != NOWHERE)
        emit_quantiser(w, x, scale, 0, most, to);
    return to;
}

static void leaky(struct rewriting *w, int x, int slope, const char *sum, int to)
{
    const struct quantised *q = &w->quantised[x];
    const float scale = q->coded ? 0 : q->scale;
    const int high = q->high, low = q->low;
    if (scale > 0 && low >= 0) { /* nothing is below */
        emit(w, "Identity", x, NOWHERE, to);
        w->quantised[to] = *q;
        w->quantised[to].input = NOWHERE;
        w->quantised[to].alone = false;
        return;
    }
    const int above = emit_above(w, x, scale, high);
    int below = emit_above(w, emit(w, "Neg", x, NOWHERE, NOWHERE), scale, -low);
    if (slope != NOWHERE)
        below = emit(w, "Mul", below, slope, NOWHERE);
    emit(w, sum, above, below, to);
}

static int one_of(struct rewriting *w, bool most, int x, int y, int to)
{
    const int by = most ? emit(w, "Sub", x, y, NOWHERE) : emit(w, "Sub", y, x, NOWHERE);
    return emit(w, most ? "Add" : "Sub", y, emit(w, "Relu", by, NOWHERE, NOWHERE), to);
}

static void hard_sigmoid(struct rewriting *w, const struct node *n, int to)
{
    const int steep = number(w, node_float(n, "alpha", 0.2F)),
              at = number(w, node_float(n, "beta", 0.5F));
    const int x = emit(w, "Mul", n->input[0], steep, NOWHERE);
    emit_clip(w, emit(w, "Add", x, at, NOWHERE), 1, to);
}

/* Every input after the other by `fold`, the last into the node's output. */
static void fold_inputs(struct rewriting *w, const struct node *n,
                        int (*fold)(struct rewriting *w, int x, int y, int to), int to)
{
    int made = n->input[0];
    for (int k = 1; k < n->input_count; k++)
        made = fold(w, made, n->input[k], k + 1 < n->input_count ? NOWHERE : to);
    if (n->input_count == 1)
        emit(w, "Identity", made, NOWHERE, to);
}

static int larger(struct rewriting *w, int x, int y, int to)
{
    return one_of(w, true, x, y, to);
}
static int smaller(struct rewriting *w, int x, int y, int to)
{
    return one_of(w, false, x, y, to);
}
static int sum(struct rewriting *w, int x, int y, int to)
{
    return emit(w, "Add", x, y, to);
}

static void mean(struct rewriting *w, const struct node *n, int to)
{
    const int all = add_value(w);
    fold_inputs(w, n, sum, all);
    emit(w, "Mul", all, number(w, 1 / (float)n->input_count), to);
}

/* Constant nodes are among those that stayed. */
static const struct tensor *constant(const struct rewriting *w, int value)
{
    struct graph stayed = *w->graph;
    stayed.node = w->node;
    stayed.node_count = w->count;
    return graph_constant(&stayed, value);
}

/* A bound of a Clip that is known; `otherwise` if it is left out, NAN if it is not known. */
static float bound(const struct rewriting *w, const struct node *n, int k, const char *attribute,
                   float otherwise)
{
    if (k >= n->input_count || n->input[k] < 0)
        return w->graph->opset < 11 ? node_float(n, attribute, otherwise) : otherwise;
    const struct tensor *t = constant(w, n->input[k]);
    return t && t->count == 1 ? (float)tensor_get(t, 0) : NAN;
}

/* x by a quantiser like q, to codes from low to high. With what stands before it, it is one: a
 * quantiser of the same scale, a ReLU, a Clip. */
static void quantise(struct rewriting *w, int x, const struct quantised *q, int low, int high,
                     int to)
{
    const struct quantised *before = &w->quantised[x];
    const struct quantised like = *q;
    struct quantised made = like;
    made.low = low;
    made.high = high;
    made.input = x;
    made.alone = true;
    if (before->scale == like.scale) {
        made.low = before->low > low ? before->low : low;
        made.high = before->high < high ? before->high : high;
        const bool same = made.low == before->low && made.high == before->high;
        if (same || (before->input != NOWHERE && before->alone && w->uses[x] == 1)) {
            made.input = before->input;
            made.alone = before->alone && w->uses[x] == 1;
        }
        if (same)
            emit(w, "Identity", x, NOWHERE, to);
        else
            emit_quantiser(w, made.input, like.scale, made.low, made.high, to);
        w->quantised[to] = made;
        return;
    }
    if (w->relu[x] != NOWHERE && high > 0) {
        made.low = low > 0 ? low : 0;
        const double most = rint((double)(w->ceiling[x] / like.scale));
        made.high = most < high ? (int)most : high;
        made.input = w->relu[x];
    }
    emit_quantiser(w, made.input, like.scale, made.low, made.high, to);
    w->quantised[to] = made;
}

/* A value cut to [least, most]; behind a ReLU that nobody else reads both are one. */
static void cut(struct rewriting *w, int x, float least, float most, int to)
{
    const int before = w->relu[x];
    if (before != NOWHERE && least <= 0 && most > 0 && !isinf(most)) {
        emit_clip(w, before, fminf(most, w->ceiling[x]), to);
        return;
    }
    if (least == 0 && !isinf(most)) {
        emit_clip(w, x, most, to);
        return;
    }
    if (isinf(least) && isinf(most)) {
        emit(w, "Identity", x, NOWHERE, to);
        return;
    }
    const int a = isinf(least) ? NOWHERE : number(w, least),
              b = isinf(most) ? NOWHERE : number(w, most);
    if (a == NOWHERE) {
        const int left = emit(w, "Relu", emit(w, "Sub", b, x, NOWHERE), NOWHERE, NOWHERE);
        emit(w, "Sub", b, left, to);
        return;
    }
    const int above = emit(w, "Sub", x, a, NOWHERE);
    const int kept = b == NOWHERE ? emit(w, "Relu", above, NOWHERE, NOWHERE)
                                  : emit_clip(w, above, most - least, NOWHERE);
    emit(w, "Add", kept, a, to);
}

/* Whether the node was one that is rewritten. */
static bool clip(struct rewriting *w, const struct node *n, int to)
{
    const struct quantised *q = &w->quantised[n->input[0]];
    float least = bound(w, n, 1, "min", -INFINITY), most = bound(w, n, 2, "max", INFINITY);
    if (q->scale > 0 && q->coded) {
        const double low = fmax((double)least - q->zero, q->low),
                     high = fmin((double)most - q->zero, q->high);
        if (isnan(least) || isnan(most))
            w->status = af_fail(AF_UNSUPPORTED,
                                "Clip node '%.100s': the bounds of codes are not known", n->name);
        else if (!(low < high))
            w->status =
                af_fail(AF_UNSUPPORTED, "Clip node '%.100s' leaves no more than one code", n->name);
        else
            quantise(w, n->input[0], q, (int)low, (int)high, to);
        return true;
    }
    if (isnan(least) || isnan(most))
        return false;
    least = least < -1e30F ? -INFINITY : least; /* as exporters write none */
    most = most > 1e30F ? INFINITY : most;
    const bool plain = least == 0 && most > 0 && w->relu[n->input[0]] == NOWHERE;
    if (!(least < most) || (isinf(least) && isinf(most)) || plain)
        return false;
    if (isinf(least) && w->relu[n->input[0]] == NOWHERE && w->from_relu[n->input[0]])
        return false;
    cut(w, n->input[0], least, most, to);
    return true;
}

/* One number; NAN: it is none that is known. */
static double single(const struct rewriting *w, const struct node *n, int k, double otherwise)
{
    if (k >= n->input_count || n->input[k] < 0)
        return otherwise;
    const struct tensor *t = constant(w, n->input[k]);
    return t && t->count == 1 ? tensor_get(t, 0) : (double)NAN;
}

static bool quantize(struct rewriting *w, const struct node *n, int to)
{
    const struct tensor *zero = n->input_count > 2 ? constant(w, n->input[2]) : NULL;
    const double scale = single(w, n, 1, (double)NAN), from = single(w, n, 2, 0);
    const enum dtype type = quantised_type(n, zero);
    const bool has_sign = type == DTYPE_I8;
    if (!(scale > 0) || isnan(from) || (type != DTYPE_U8 && !has_sign))
        return false;
    const struct quantised q = {.scale = (float)scale, .zero = from, .coded = true};
    w->quantisers++;
    quantise(w, n->input[0], &q, (has_sign ? INT8_MIN : 0) - (int)from,
             (has_sign ? INT8_MAX : UINT8_MAX) - (int)from, to);
    return true;
}

static bool dequantize(struct rewriting *w, const struct node *n, int to)
{
    const int x = n->input[0];
    const struct quantised *q = &w->quantised[x];
    const double scale = single(w, n, 1, (double)NAN), from = single(w, n, 2, 0);
    if (q->scale == 0 || !q->coded)
        return false;
    if ((float)scale != q->scale || from != q->zero) {
        w->status = af_fail(AF_UNSUPPORTED,
                            "DequantizeLinear node '%.100s': not the scale and zero point of the "
                            "quantiser that it reads",
                            n->name);
        return true;
    }
    emit(w, "Identity", x, NOWHERE, to);
    w->quantised[to] = *q;
    w->quantised[to].coded = false;
    w->quantised[to].alone = q->alone && w->uses[x] == 1;
    return true;
}

enum { ZERO_MOST = 1 << 16 };

/* QONNX (https://github.com/fastmachinelearning/qonnx): codes of some bits, and back. */
static bool quant(struct rewriting *w, const struct node *n, int to)
{
    const double scale = single(w, n, 1, (double)NAN), zero = single(w, n, 2, (double)NAN),
                 bits = single(w, n, 3, (double)NAN);
    int low, high;
    if (!(scale > 0) || zero != rint(zero) || fabs(zero) > ZERO_MOST ||
        quant_range(n, bits, &low, &high))
        return false;
    const struct quantised q = {.scale = (float)scale, .zero = zero};
    w->quantisers++;
    quantise(w, n->input[0], &q, low - (int)zero, high - (int)zero, to);
    return true;
}

/* What leaves the values of a quantiser among its codes. */
static bool keeps_codes(const struct node *n)
{
    static const char *const names[] = {"MaxPool", "Reshape",   "Flatten",  "Transpose", "Squeeze",
                                        "Slice",   "Unsqueeze", "Identity", "Dropout",   NULL};
    return is_op(n, names);
}

/* A ReLU of codes only leaves some of them out. */
static bool relu_of_codes(struct rewriting *w, const struct node *n, int to)
{
    const struct quantised q = w->quantised[n->input[0]];
    if (q.scale == 0 || q.coded || q.high < 1)
        return false;
    quantise(w, n->input[0], &q, q.low > 0 ? q.low : 0, q.high, to);
    return true;
}

static void note_codes(struct rewriting *w, const struct node *n)
{
    const int to = n->output_count > 0 ? n->output[0] : NOWHERE;
    if (to < 0 || n->input_count < 1 || n->input[0] < 0 || !keeps_codes(n))
        return;
    w->quantised[to] = w->quantised[n->input[0]];
    w->quantised[to].input = NOWHERE;
    w->quantised[to].alone = false;
}

/* Codes stand in the graph for numbers: who takes them for codes would find these. */
static bool takes_codes(const struct rewriting *w, const struct node *n)
{
    static const char *const know[] = {"Clip", "DequantizeLinear", NULL};
    for (int k = 0; k < n->input_count; k++)
        if (n->input[k] >= 0 && w->quantised[n->input[k]].coded &&
            (k > 0 || !(is_op(n, know) || keeps_codes(n))))
            return true;
    return false;
}

/* Whether a Cast leaves floats, which the data are here from the first pixel on; to whole numbers
 * it rounds. */
static bool casts_to_float(const struct rewriting *w, const struct node *n)
{
    const int64_t to = node_int(n, "to", 0);
    if (strcmp(n->op, "Cast") == 0)
        return to == 1 || to == 10 || to == 11 || to == 16;
    if (strcmp(n->op, "CastLike") != 0 || n->input_count != 2)
        return false;
    const struct tensor *like = constant(w, n->input[1]);
    return w->live[n->input[1]] || (like && like->type == DTYPE_F32);
}

static bool rewrite(struct rewriting *w, const struct node *n)
{
    static const char *const may_lack[] = {"Clip", "QuantizeLinear", "DequantizeLinear", NULL};
    const int to = n->output_count > 0 ? n->output[0] : -1,
              x = n->input_count > 0 ? n->input[0] : -1;
    bool whole = to >= 0 && n->input_count > 0;
    for (int k = 0; k < n->input_count; k++)
        whole = whole && (n->input[k] >= 0 || (k > 0 && is_op(n, may_lack)));
    w->from = n;
    if (takes_codes(w, n)) {
        w->status = af_fail(AF_UNSUPPORTED,
                            "%.40s node '%.100s' reads the codes of a QuantizeLinear, behind which "
                            "a DequantizeLinear is wanted first",
                            n->op, n->name);
        return false;
    }
    if (!whole)
        return false;
    if (strcmp(n->op, "LeakyRelu") == 0)
        leaky(w, x, number(w, node_float(n, "alpha", 0.01F)), "Sub", to);
    else if (strcmp(n->op, "PRelu") == 0 && n->input_count == 2)
        leaky(w, x, n->input[1], "Sub", to);
    else if (strcmp(n->op, "Abs") == 0)
        leaky(w, x, NOWHERE, "Add", to);
    else if (strcmp(n->op, "HardSigmoid") == 0)
        hard_sigmoid(w, n, to);
    else if (strcmp(n->op, "Max") == 0)
        fold_inputs(w, n, larger, to);
    else if (strcmp(n->op, "Min") == 0)
        fold_inputs(w, n, smaller, to);
    else if (strcmp(n->op, "Sum") == 0)
        fold_inputs(w, n, sum, to);
    else if (strcmp(n->op, "Mean") == 0)
        mean(w, n, to);
    else if (casts_to_float(w, n))
        emit(w, "Identity", x, NOWHERE, to);
    else if (strcmp(n->op, "Clip") == 0)
        return clip(w, n, to);
    else if (strcmp(n->op, "QuantizeLinear") == 0)
        return quantize(w, n, to);
    else if (strcmp(n->op, "Quant") == 0 && n->input_count == 4)
        return quant(w, n, to);
    else if (strcmp(n->op, "Relu") == 0)
        return relu_of_codes(w, n, to);
    else
        return strcmp(n->op, "DequantizeLinear") == 0 && dequantize(w, n, to);
    return true;
}

/* ---- The graph ------------------------------------------------------------------------------ */

static bool is_live(const struct rewriting *w, const struct node *n)
{
    bool live = false;
    for (int k = 0; k < n->input_count; k++)
        live = live || (n->input[k] >= 0 && w->live[n->input[k]]);
    return live && strcmp(n->op, "Shape") != 0 && strcmp(n->op, "Size") != 0;
}

static void note_relu(struct rewriting *w, const struct node *n)
{
    const int value = n->output_count > 0 ? n->output[0] : -1;
    if (value < 0 || n->input_count < 1)
        return;
    if (strcmp(n->op, "Relu") == 0) {
        w->from_relu[value] = true;
        w->relu[value] = w->uses[value] == 1 ? n->input[0] : NOWHERE;
    }
    const bool clips = strcmp(n->op, "Clip") == 0 && w->uses[value] == 1;
    const float most = clips ? bound(w, n, 2, "max", INFINITY) : INFINITY;
    if (clips && bound(w, n, 1, "min", -INFINITY) == 0 && most > 0) {
        w->relu[value] = n->input[0];
        w->ceiling[value] = most;
    }
}

static int begin(struct rewriting *w)
{
    const struct graph *g = w->graph;
    const size_t values = (size_t)g->value_count + 1;
    w->live = calloc(values, sizeof *w->live);
    w->from_relu = calloc(values, sizeof *w->from_relu);
    w->relu = malloc(values * sizeof *w->relu);
    w->ceiling = malloc(values * sizeof *w->ceiling);
    w->uses = calloc(values, sizeof *w->uses);
    w->quantised = calloc(values, sizeof *w->quantised);
    if (!w->live || !w->from_relu || !w->relu || !w->ceiling || !w->uses || !w->quantised)
        return af_fail(AF_NO_MEMORY, "no memory for a graph");
    for (size_t i = 0; i < values; i++) {
        w->relu[i] = NOWHERE;
        w->ceiling[i] = INFINITY;
    }
    for (int i = 0; i < g->node_count; i++)
        for (int k = 0; k < g->node[i].input_count; k++)
            if (g->node[i].input[k] >= 0)
                w->uses[g->node[i].input[k]]++;
    for (int i = 0; i < g->output_count; i++)
        w->uses[g->output[i]]++;
    return AF_OK;
}

static void end(struct rewriting *w)
{
    free(w->live);
    free(w->from_relu);
    free(w->relu);
    free(w->ceiling);
    free(w->uses);
    free(w->quantised);
}

/* An output that is codes in the graph is so here. */
static void give_codes(struct rewriting *w, int output)
{
    struct quantised *q = &w->quantised[output];
    const struct node from = {.name = w->graph->value[output].name};
    w->from = &from;
    const int numbers = add_value(w);
    for (int i = 0; numbers != NOWHERE && i < w->count; i++) {
        const struct node *n = &w->node[i];
        for (int k = 0; k < n->input_count; k++)
            n->input[k] = n->input[k] == output ? numbers : n->input[k];
        for (int k = 0; k < n->output_count; k++)
            n->output[k] = n->output[k] == output ? numbers : n->output[k];
    }
    const int codes = emit(w, "Mul", numbers, number(w, 1 / q->scale), NOWHERE);
    emit(w, "Add", codes, number(w, (float)q->zero), output);
    w->from = NULL;
    q->coded = false;
}

int graph_rewrite(struct graph *g, const char *name)
{
    struct rewriting w = {.graph = g};
    w.status = begin(&w);
    if (w.status) {
        end(&w);
        return w.status;
    }
    for (int i = 0; i < g->input_count; i++)
        w.live[g->input[i]] = true;
    for (int i = 0; !w.status && i < g->node_count; i++) {
        struct node *n = &g->node[i];
        const bool live = is_live(&w, n);
        for (int k = 0; k < n->output_count; k++)
            if (n->output[k] >= 0)
                w.live[n->output[k]] = live;
        note_relu(&w, n);
        note_codes(&w, n);
        if (live && rewrite(&w, n)) {
            node_free(n);
            *n = (struct node){0};
            continue;
        }
        struct node *to = w.status ? NULL : room_for_one(&w);
        if (to) {
            *to = *n;
            w.count++;
            *n = (struct node){0};
        }
    }
    for (int i = 0; !w.status && i < g->output_count; i++)
        if (w.quantised[g->output[i]].coded)
            give_codes(&w, g->output[i]);
    end(&w);
    /* On failure some nodes are here and some there, each once. */
    for (int i = 0; w.status && i < g->node_count; i++)
        node_free(&g->node[i]);
    free(g->node);
    g->node = w.node;
    g->node_count = w.count;
    g->quantisers = w.quantisers;
    return w.status ? w.status : graph_sort(g, name);
}
