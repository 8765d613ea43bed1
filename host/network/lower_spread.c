#include "network/lower_spread.h"

#include "base/error.h"
#include "network/lower_linear.h"
#include "onnx/resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A convolution whose results become rows first, first + step .. of the output, and columns. */
struct placed {
    struct conv conv;
    int first[2], step[2];
};

static int place_conv(struct lowering *l, struct affine *in, const char *name,
                      const struct placed *p, struct affine *out)
{
    struct affine part = {0};
    int status = compose_conv_terms(l, in, name, &p->conv, &part);
    for (int i = 0; !status && i < part.term_count; i++) {
        struct wiring *w = &part.term[i].wiring;
        for (int a = 0; a < 2; a++) {
            w->at[a + 1] = p->first[a] + w->at[a + 1] * p->step[a];
            w->spread[a] = w->block[a + 1] > 1 ? w->spread[a] * p->step[a] : 1;
        }
        status = affine_add(out, &part.term[i]);
    }
    affine_free(&part);
    return status;
}

/* Appends one of the parts that make the output together. */
typedef int part_fn(struct lowering *l, const struct node *n, struct affine *in,
                    const void *context, int part, struct affine *out);

/* All of them. Where a part makes the input a population, those before it are made anew of that:
 * what the input was before is no longer in its offset. */
static int append_parts(struct lowering *l, const struct node *n, struct affine *in, int parts,
                        part_fn *append, const void *context, struct affine *out)
{
    int status = AF_OK, populations = -1;
    while (!status && populations != l->network->population_count) {
        populations = l->network->population_count;
        affine_drop_terms(out);
        for (int i = 0; !status && i < parts; i++)
            status = append(l, n, in, context, i, out);
    }
    return status;
}

/* ---- Transposed convolution ---------------------------------------------------------------- */

/* Of the outputs at a residue of the stride along one axis: which taps of the kernel reach them, as
 * a window over the input. */
struct residue {
    int count, first, step; /* taps, the last of them first: their input lies furthest left */
    int before, dilation, out;
};

static int divisor(int a, int b)
{
    return b ? divisor(b, a % b) : a;
}

/* Output y = s q + p takes x[i] times tap k where y + before = s i + d k. */
static struct residue residue_of(const struct window *w, int a, int p)
{
    const int s = w->stride[a], d = w->dilation[a], common = divisor(s, d), apart = s / common;
    struct residue r = {.step = apart, .dilation = d / common, .out = (w->out[a] - p + s - 1) / s};
    const int most = apart < w->kernel[a] ? apart : w->kernel[a];
    int least = 0;
    while (least < most && (p + w->before[a] - d * least) % s)
        least++;
    if (least == most)
        return r;
    r.count = (w->kernel[a] - least - 1) / apart + 1;
    r.first = least + (r.count - 1) * apart;
    r.before = -((p + w->before[a] - d * r.first) / s);
    return r;
}

/* The taps of both residues, turned round, as [outputs][inputs of a group][rows][columns]. */
static void turn_kernel(const float *from, const struct window *w, const struct residue r[2],
                        int groups, int each, int per, float *to)
{
    for (int o = 0; o < groups * per; o++)
        for (int j = 0; j < each; j++)
            for (int y = 0; y < r[0].count; y++)
                for (int x = 0; x < r[1].count; x++) {
                    const int channel = o / per * each + j;
                    const int ky = r[0].first - y * r[0].step, kx = r[1].first - x * r[1].step;
                    *to++ = from[(((int64_t)channel * per + o % per) * w->kernel[0] + ky) *
                                     w->kernel[1] +
                                 kx];
                }
}

struct transposed {
    struct window window;
    const struct tensor *kernel;
    int residues[2]; /* that have outputs, of rows and columns */
};
enum { RESIDUES_MOST = 4096 };

/* Residue i of rows and columns. */
static int append_residue(struct lowering *l, const struct node *n, struct affine *in,
                          const void *context, int i, struct affine *out)
{
    const struct transposed *t = context;
    const struct window *w = &t->window;
    const struct tensor *kernel = t->kernel;
    const int p[2] = {i / t->residues[1], i % t->residues[1]};
    const struct residue r[2] = {residue_of(w, 0, p[0]), residue_of(w, 1, p[1])};
    const int groups = (int)node_int(n, "group", 1), each = (int)kernel->dim[0] / groups,
              per = (int)kernel->dim[1];
    if (!r[0].count || !r[1].count || r[0].out < 1 || r[1].out < 1)
        return AF_OK;
    float *turned = malloc((size_t)kernel->count * sizeof *turned);
    if (!turned)
        return af_fail(AF_NO_MEMORY, "no memory for weights");
    turn_kernel(kernel->data, w, r, groups, each, per, turned);
    const struct placed placed = {.conv = {.kernel = turned,
                                           .channels = groups * per,
                                           .groups = groups,
                                           .window = {{r[0].count, r[1].count},
                                                      {1, 1},
                                                      {r[0].dilation, r[1].dilation},
                                                      {r[0].before, r[1].before},
                                                      {0, 0},
                                                      {r[0].out, r[1].out}}},
                                  .first = {p[0], p[1]},
                                  .step = {w->stride[0], w->stride[1]}};
    int status = place_conv(l, in, n->name, &placed, out);
    free(turned);
    return status;
}

int lower_conv_transpose(struct lowering *l, const struct node *n, struct affine *in,
                         struct affine *out)
{
    const struct affine *kernel = input_of(l, n, 1);
    struct transposed t;
    if (!kernel || is_live(kernel) || is_live(input_of(l, n, 2)))
        return af_fail(AF_UNSUPPORTED, "its weights are not constant");
    int status = settle(l, in, n->name);
    if (!status)
        status = transposed_window_of(n, &in->offset, kernel->offset.dim + 2, &t.window);
    if (status)
        return status;
    t.kernel = &kernel->offset;
    for (int a = 0; a < 2; a++)
        t.residues[a] = t.window.stride[a] < t.window.out[a] ? t.window.stride[a] : t.window.out[a];
    if ((int64_t)t.residues[0] * t.residues[1] > RESIDUES_MOST)
        return af_fail(AF_UNSUPPORTED, "its strides of %dx%d are too large", t.window.stride[0],
                       t.window.stride[1]);
    return append_parts(l, n, in, t.residues[0] * t.residues[1], append_residue, &t, out);
}

/* ---- Resize -------------------------------------------------------------------------------- */

bool resizes_by_weights(const struct node *n)
{
    return (strcmp(n->op, "Resize") == 0 || strcmp(n->op, "Upsample") == 0) &&
           strcmp(node_string(n, "mode", "nearest"), "nearest") != 0;
}

/* Positions along an axis that take neighbours by the same weights, from places a stride apart. */
struct group {
    int first, step, count, from, stride, width;
    double weight[4];
};
enum { GROUPS_MOST = 32, DIRECT_MOST = 64 };

/* The taps as neighbours from the least on; false if they are none. */
static bool neighbours(const struct taps *t, struct group *g)
{
    int64_t least = t->from[0];
    for (int k = 1; k < t->count; k++)
        least = t->from[k] < least ? t->from[k] : least;
    g->from = (int)least;
    for (int k = 0; k < t->count; k++) {
        const int64_t past = t->from[k] - least;
        if (past >= 4)
            return false;
        g->weight[past] = t->weight[k];
        g->width = past + 1 > g->width ? (int)past + 1 : g->width;
    }
    return t->count > 0;
}

static bool same_weights(const struct group *a, const struct group *b)
{
    bool same = a->width == b->width;
    for (int k = 0; k < a->width; k++)
        same = same && fabs(a->weight[k] - b->weight[k]) < 1e-5;
    return same;
}

/* Puts the position into a group that it goes on with. */
static bool goes_on(struct group *g, const struct group *p)
{
    const int step = p->first - g->first, stride = p->from - g->from;
    if (!same_weights(g, p) || stride < 1)
        return false;
    if (g->count == 1) {
        g->step = step;
        g->stride = stride;
    } else if (step != g->count * g->step || stride != g->count * g->stride) {
        return false;
    }
    g->count++;
    return true;
}

/* How many groups an axis has, -1 if more than GROUPS_MOST. */
static int find_groups(const struct resize *r, int axis, struct group group[GROUPS_MOST])
{
    int n = 0;
    for (int64_t p = 0; p < r->out[axis]; p++) {
        const struct taps t = resize_taps(r, axis, p);
        struct group here = {.first = (int)p, .step = 1, .count = 1, .stride = 1};
        int i = 0;
        if (!neighbours(&t, &here))
            return -1;
        while (i < n && !goes_on(&group[i], &here))
            i++;
        if (i == n && n == GROUPS_MOST)
            return -1;
        if (i == n)
            group[n++] = here;
    }
    return n;
}

struct groups {
    const struct group *rows, *columns;
    int height, width; /* how many */
};

/* One group of rows and one of columns, each channel by itself. */
static int append_group(struct lowering *l, const struct node *n, struct affine *in,
                        const void *context, int i, struct affine *out)
{
    const struct groups *g = context;
    const struct group *rows = &g->rows[i / g->width], *columns = &g->columns[i % g->width];
    const int channels = in->shape[0], taps = rows->width * columns->width;
    float *kernel = malloc((size_t)channels * (size_t)taps * sizeof *kernel);
    if (!kernel)
        return af_fail(AF_NO_MEMORY, "no memory for weights");
    for (int k = 0; k < channels * taps; k++)
        kernel[k] =
            (float)(rows->weight[k % taps / columns->width] * columns->weight[k % columns->width]);
    const struct placed placed = {.conv = {.kernel = kernel,
                                           .channels = channels,
                                           .groups = channels,
                                           .window = {{rows->width, columns->width},
                                                      {rows->stride, columns->stride},
                                                      {1, 1},
                                                      {-rows->from, -columns->from},
                                                      {0, 0},
                                                      {rows->count, columns->count}}},
                                  .first = {rows->first, columns->first},
                                  .step = {rows->step, columns->step}};
    int status = place_conv(l, in, n->name, &placed, out);
    free(kernel);
    return status;
}

/* Rows first, as a population of its own: fewer projections where both axes have many groups. */
static int lower_rows(struct lowering *l, const struct node *n, struct affine *in,
                      const struct group *rows, int count, struct affine *mid)
{
    const struct group all = {
        .step = 1, .count = in->shape[2], .stride = 1, .width = 1, .weight = {1}};
    int height = 0;
    for (int i = 0; i < count; i++)
        height += rows[i].count;
    const int64_t dim[4] = {1, in->shape[0], height, in->shape[2]};
    *mid = (struct affine){.shape = {in->shape[0], height, in->shape[2]}};
    int status = tensor_make(&mid->offset, DTYPE_F32, 4, dim);
    const struct groups g = {rows, &all, count, 1};
    if (!status)
        status = append_parts(l, n, in, count, append_group, &g, mid);
    return status ? status : populate_linear(l, mid, n->name);
}

int lower_resize(struct lowering *l, const struct node *n, struct affine *in, struct affine *out)
{
    const struct tensor *args[4] = {NULL};
    struct group rows[GROUPS_MOST] = {
        {.step = 1, .count = 1, .stride = 1, .width = 1, .weight = {1}}};
    struct group columns[GROUPS_MOST];
    struct affine mid = {0};
    struct resize r;
    for (int k = 1; k < 4; k++) {
        const struct affine *s = input_of(l, n, k);
        if (is_live(s))
            return af_fail(AF_UNSUPPORTED, "its size depends on the data");
        args[k] = s ? &s->offset : NULL;
    }
    int status = settle(l, in, n->name);
    args[0] = &in->offset;
    if (!status)
        status = resize_of(n, l->graph->opset, args, &r);
    if (!status && (r.rank < 3 || r.rank > 4 || r.out[0] != r.in[0] || r.out[1] != r.in[1]))
        status = af_fail(AF_UNSUPPORTED, "resizes other axes than those of a map");
    if (status)
        return status;
    int height = r.rank == 4 ? find_groups(&r, 2, rows) : 1;
    const int width = find_groups(&r, r.rank - 1, columns);
    if (height < 0 || width < 0)
        return af_fail(AF_UNSUPPORTED,
                       "mode '%.20s' with weights that hardly repeat; resize by a whole factor",
                       node_string(n, "mode", ""));
    if (height > 1 && height * width > DIRECT_MOST) {
        status = lower_rows(l, n, in, rows, height, &mid);
        rows[0] = (struct group){
            .step = 1, .count = (int)r.out[2], .stride = 1, .width = 1, .weight = {1}};
        height = 1;
    }
    const struct groups g = {rows, columns, height, width};
    if (!status)
        status =
            append_parts(l, n, mid.term_count ? &mid : in, height * width, append_group, &g, out);
    affine_free(&mid);
    return status;
}
