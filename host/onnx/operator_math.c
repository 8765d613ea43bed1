/* Elementwise operators, reductions and the functions that end a network. */
#include "onnx/operator.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* ---- Two operands, broadcast --------------------------------------------------------------- */

static int broadcast_shape(const struct tensor *a, const struct tensor *b, int *rank, int64_t *dim,
                           int64_t *step_a, int64_t *step_b)
{
    int64_t sa[TENSOR_MAX_RANK], sb[TENSOR_MAX_RANK];
    tensor_strides(a, sa);
    tensor_strides(b, sb);
    *rank = a->rank > b->rank ? a->rank : b->rank;
    for (int i = 0; i < *rank; i++) {
        int ia = i - (*rank - a->rank), ib = i - (*rank - b->rank);
        int64_t da = ia >= 0 ? a->dim[ia] : 1, db = ib >= 0 ? b->dim[ib] : 1;
        if (da != db && da != 1 && db != 1)
            return af_fail(AF_BAD_FILE, "shapes do not broadcast: %lld against %lld", (long long)da,
                           (long long)db);
        dim[i] = da == 1 ? db : da;
        step_a[i] = da == 1 ? 0 : sa[ia];
        step_b[i] = db == 1 ? 0 : sb[ib];
    }
    return AF_OK;
}

enum binary { ADD, SUB, MUL, DIV, EQUAL };

static float apply_float(enum binary op, float a, float b)
{
    switch (op) {
    case ADD: return a + b;
    case SUB: return a - b;
    case MUL: return a * b;
    case DIV: return a / b;
    default: return a == b ? 1.0f : 0.0f;
    }
}

static int64_t apply_int(enum binary op, int64_t a, int64_t b)
{
    switch (op) {
    case ADD: return (int64_t)((uint64_t)a + (uint64_t)b);
    case SUB: return (int64_t)((uint64_t)a - (uint64_t)b);
    case MUL: return (int64_t)((uint64_t)a * (uint64_t)b);
    case DIV: return b == 0 || (a == INT64_MIN && b == -1) ? 0 : a / b;
    default: return a == b;
    }
}

static int run_binary(const struct call *c, enum binary op)
{
    const struct tensor *a = c->in[0], *b = c->in[1];
    int64_t dim[TENSOR_MAX_RANK], sa[TENSOR_MAX_RANK], sb[TENSOR_MAX_RANK],
        index[TENSOR_MAX_RANK] = {0};
    int rank, status = broadcast_shape(a, b, &rank, dim, sa, sb);
    if (!status && a->type != b->type)
        status = af_fail(AF_BAD_FILE, "operands differ in type: %s and %s", dtype_name(a->type),
                         dtype_name(b->type));
    if (!status)
        status = call_output(c, 0, op == EQUAL ? DTYPE_BOOL : a->type, rank, dim);
    if (status)
        return status;
    struct tensor *y = &c->out[0];
    bool real = a->type == DTYPE_F32;
    int64_t ia = 0, ib = 0;
    for (int64_t i = 0; i < y->count; i++) {
        if (real && op != EQUAL) {
            ((float *)y->data)[i] =
                apply_float(op, ((const float *)a->data)[ia], ((const float *)b->data)[ib]);
        } else {
            int64_t va =
                a->type == DTYPE_I64 ? ((const int64_t *)a->data)[ia] : (int64_t)tensor_get(a, ia);
            int64_t vb =
                b->type == DTYPE_I64 ? ((const int64_t *)b->data)[ib] : (int64_t)tensor_get(b, ib);
            int64_t v = op == EQUAL && real ? tensor_get(a, ia) == tensor_get(b, ib)
                                            : apply_int(op, va, vb);
            memcpy((char *)y->data + (size_t)i * dtype_size(y->type), &v, dtype_size(y->type));
        }
        for (int d = rank - 1; d >= 0; d--) {
            ia += sa[d];
            ib += sb[d];
            if (++index[d] < dim[d])
                break;
            ia -= sa[d] * dim[d];
            ib -= sb[d] * dim[d];
            index[d] = 0;
        }
    }
    return AF_OK;
}

static int run_add(const struct call *c)
{
    return run_binary(c, ADD);
}
static int run_sub(const struct call *c)
{
    return run_binary(c, SUB);
}
static int run_mul(const struct call *c)
{
    return run_binary(c, MUL);
}
static int run_div(const struct call *c)
{
    return run_binary(c, DIV);
}
static int run_equal(const struct call *c)
{
    return run_binary(c, EQUAL);
}

static int run_where(const struct call *c)
{
    const struct tensor *cond = c->in[0], *a = c->in[1], *b = c->in[2];
    if (cond->count != a->count || a->count != b->count || a->type != b->type)
        return af_fail(AF_UNSUPPORTED, "broadcasting");
    int status = call_output(c, 0, a->type, a->rank, a->dim);
    size_t size = dtype_size(a->type);
    for (int64_t i = 0; !status && i < a->count; i++)
        memcpy((char *)c->out[0].data + (size_t)i * size,
               (const char *)(tensor_get(cond, i) != 0.0 ? a : b)->data + (size_t)i * size, size);
    return status;
}

/* ---- One operand --------------------------------------------------------------------------- */

static int run_unary(const struct call *c, float (*f)(float))
{
    const struct tensor *x = c->in[0];
    int status = need_float(x);
    if (!status)
        status = call_output(c, 0, DTYPE_F32, x->rank, x->dim);
    for (int64_t i = 0; !status && i < x->count; i++)
        ((float *)c->out[0].data)[i] = f(((const float *)x->data)[i]);
    return status;
}

static float relu(float v)
{
    return v > 0 ? v : 0;
}
static float sigmoid(float v)
{
    return 1.0f / (1.0f + expf(-v));
}
static float negate(float v)
{
    return -v;
}
static int run_relu(const struct call *c)
{
    return run_unary(c, relu);
}
static int run_sigmoid(const struct call *c)
{
    return run_unary(c, sigmoid);
}
static int run_floor(const struct call *c)
{
    return run_unary(c, floorf);
}
static int run_ceil(const struct call *c)
{
    return run_unary(c, ceilf);
}
static int run_sqrt(const struct call *c)
{
    return run_unary(c, sqrtf);
}
static int run_neg(const struct call *c)
{
    return run_unary(c, negate);
}

static int run_clip(const struct call *c)
{
    const struct tensor *x = c->in[0], *low = call_input(c, 1), *high = call_input(c, 2);
    double least = (double)node_float(c->node, "min", -FLT_MAX),
           most = (double)node_float(c->node, "max", FLT_MAX);
    if (low && low->count)
        least = tensor_get(low, 0);
    if (high && high->count)
        most = tensor_get(high, 0);
    struct tensor cut;
    int status = tensor_convert(&cut, x, DTYPE_F64);
    for (int64_t i = 0; !status && i < x->count; i++) {
        double *v = &((double *)cut.data)[i];
        *v = fmin(fmax(*v, least), most);
    }
    if (!status)
        status = tensor_convert(&c->out[0], &cut, x->type);
    tensor_free(&cut);
    return status;
}

/* Halves (float16, bfloat16) are kept as float32. */
static int run_cast(const struct call *c)
{
    static const enum dtype types[] = {
        [1] = DTYPE_F32, [2] = DTYPE_U8,   [3] = DTYPE_I8,   [5] = DTYPE_I16,  [6] = DTYPE_I32,
        [7] = DTYPE_I64, [9] = DTYPE_BOOL, [10] = DTYPE_F32, [11] = DTYPE_F64, [16] = DTYPE_F32};
    static const bool there[17] = {[1] = 1, [2] = 1, [3] = 1,  [5] = 1,  [6] = 1,
                                   [7] = 1, [9] = 1, [10] = 1, [11] = 1, [16] = 1};
    int64_t to = node_int(c->node, "to", 0);
    if (to < 0 || to > 16 || !there[to])
        return af_fail(AF_UNSUPPORTED, "to element type %lld", (long long)to);
    return tensor_convert(&c->out[0], c->in[0], types[to]);
}

static int run_cast_like(const struct call *c)
{
    return tensor_convert(&c->out[0], c->in[0], c->in[1]->type);
}

/* ---- Along axes ---------------------------------------------------------------------------- */

enum reduction { MEAN, SUM, PRODUCT, MAXIMUM };

static int reduce(const struct call *c, enum reduction what)
{
    const struct tensor *x = c->in[0];
    const bool product = what == PRODUCT;
    int64_t axes[TENSOR_MAX_RANK], dim[TENSOR_MAX_RANK], step[TENSOR_MAX_RANK],
        kept[TENSOR_MAX_RANK], index[TENSOR_MAX_RANK] = {0};
    int n = call_ints(c, 1, "axes", axes, TENSOR_MAX_RANK);
    if (n < 0)
        return n;
    if (!n && node_int(c->node, "noop_with_empty_axes", 0))
        return tensor_copy(&c->out[0], x);
    bool keep = node_int(c->node, "keepdims", 1) != 0, gone[TENSOR_MAX_RANK] = {false};
    for (int i = 0; i < (n ? n : x->rank); i++) {
        int a = n ? normal_axis(axes[i], x->rank) : i;
        if (a < 0)
            return a;
        gone[a] = true;
    }
    struct tensor full = {.rank = x->rank};
    int rank = 0;
    for (int i = 0; i < x->rank; i++) {
        full.dim[i] = gone[i] ? 1 : x->dim[i];
        if (keep || !gone[i])
            kept[rank++] = full.dim[i];
    }
    tensor_strides(&full, dim);
    for (int i = 0; i < x->rank; i++)
        step[i] = gone[i] ? 0 : dim[i];
    int status = call_output(c, 0, x->type, rank, kept);
    if (status)
        return status;
    struct tensor *y = &c->out[0];
    if (x->type != DTYPE_F32 && !(product && x->type == DTYPE_I64))
        return need_float(x);
    float *yf = y->data;
    int64_t *yi = y->data, at = 0;
    for (int64_t i = 0; product && i < y->count; i++) {
        if (x->type == DTYPE_F32)
            yf[i] = 1;
        else
            yi[i] = 1;
    }
    for (int64_t i = 0; what == MAXIMUM && i < y->count; i++)
        yf[i] = -INFINITY;
    for (int64_t i = 0; i < x->count; i++) {
        if (what == MAXIMUM)
            yf[at] = fmaxf(yf[at], ((const float *)x->data)[i]);
        else if (!product)
            yf[at] += ((const float *)x->data)[i];
        else if (x->type == DTYPE_F32)
            yf[at] *= ((const float *)x->data)[i];
        else
            yi[at] = (int64_t)((uint64_t)yi[at] * (uint64_t)((const int64_t *)x->data)[i]);
        for (int a = x->rank - 1; a >= 0; a--) {
            at += step[a];
            if (++index[a] < x->dim[a])
                break;
            at -= step[a] * x->dim[a];
            index[a] = 0;
        }
    }
    for (int64_t i = 0; what == MEAN && y->count && i < y->count; i++)
        yf[i] /= (float)(x->count / y->count);
    return AF_OK;
}

static int run_reduce_mean(const struct call *c)
{
    return reduce(c, MEAN);
}
static int run_reduce_sum(const struct call *c)
{
    return reduce(c, SUM);
}
static int run_reduce_max(const struct call *c)
{
    return reduce(c, MAXIMUM);
}
static int run_reduce_prod(const struct call *c)
{
    return reduce(c, PRODUCT);
}

/* Softmax over one axis (from opset 13) or over all axes from one on (before). */
static int softmax(const struct call *c, bool logarithm)
{
    const struct tensor *x = c->in[0];
    int axis = normal_axis(node_int(c->node, "axis", c->opset >= 13 ? -1 : 1), x->rank);
    int status = axis < 0 ? axis : need_float(x);
    if (!status)
        status = call_output(c, 0, DTYPE_F32, x->rank, x->dim);
    if (status || !x->count)
        return status;
    int64_t inner = 1, n = x->dim[axis];
    for (int i = axis + 1; i < x->rank; i++)
        inner *= x->dim[i];
    if (c->opset < 13) {
        n *= inner;
        inner = 1;
    }
    const float *xs = x->data;
    float *ys = c->out[0].data;
    for (int64_t group = 0; group < x->count / n; group++) {
        int64_t base = group / inner * n * inner + group % inner;
        float most = xs[base];
        double sum = 0;
        for (int64_t i = 1; i < n; i++)
            most = fmaxf(most, xs[base + i * inner]);
        for (int64_t i = 0; i < n; i++)
            sum += exp((double)(xs[base + i * inner] - most));
        for (int64_t i = 0; i < n; i++) {
            double d = (double)(xs[base + i * inner] - most);
            ys[base + i * inner] = (float)(logarithm ? d - log(sum) : exp(d) / sum);
        }
    }
    return AF_OK;
}

static int run_softmax(const struct call *c)
{
    return softmax(c, false);
}
static int run_log_softmax(const struct call *c)
{
    return softmax(c, true);
}

static int run_argmax(const struct call *c)
{
    const struct tensor *x = c->in[0];
    int axis = normal_axis(node_int(c->node, "axis", 0), x->rank);
    int status = axis < 0 ? axis : need_float(x);
    if (status)
        return status;
    bool keep = node_int(c->node, "keepdims", 1) != 0,
         last = node_int(c->node, "select_last_index", 0);
    int64_t dim[TENSOR_MAX_RANK], inner = 1, n = x->dim[axis];
    int rank = 0;
    for (int i = 0; i < x->rank; i++) {
        if (i > axis)
            inner *= x->dim[i];
        if (i != axis || keep)
            dim[rank++] = i == axis ? 1 : x->dim[i];
    }
    status = call_output(c, 0, DTYPE_I64, rank, dim);
    if (!status && n == 0)
        status = af_fail(AF_BAD_FILE, "axis %d is empty", axis);
    for (int64_t g = 0; !status && g < c->out[0].count; g++) {
        const float *p = (const float *)x->data + g / inner * n * inner + g % inner;
        int64_t best = 0;
        for (int64_t i = 1; i < n; i++)
            if (p[i * inner] > p[best * inner] || (last && p[i * inner] == p[best * inner]))
                best = i;
        ((int64_t *)c->out[0].data)[g] = best;
    }
    return status;
}

const struct operator operators_math[] = {
    {"Add", 2, run_add},
    {"ArgMax", 1, run_argmax},
    {"Cast", 1, run_cast},
    {"CastLike", 2, run_cast_like},
    {"Ceil", 1, run_ceil},
    {"Clip", 1, run_clip},
    {"Div", 2, run_div},
    {"Equal", 2, run_equal},
    {"Floor", 1, run_floor},
    {"LogSoftmax", 1, run_log_softmax},
    {"Mul", 2, run_mul},
    {"Neg", 1, run_neg},
    {"ReduceMax", 1, run_reduce_max},
    {"ReduceMean", 1, run_reduce_mean},
    {"ReduceProd", 1, run_reduce_prod},
    {"ReduceSum", 1, run_reduce_sum},
    {"Relu", 1, run_relu},
    {"Sigmoid", 1, run_sigmoid},
    {"Softmax", 1, run_softmax},
    {"Sqrt", 1, run_sqrt},
    {"Sub", 2, run_sub},
    {"Where", 3, run_where},
    {NULL, 0, NULL},
};
