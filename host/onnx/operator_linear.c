/* Convolution, dense layers, normalisation and pooling. */
#include "onnx/matrix.h"
#include "onnx/operator.h"
#include "onnx/window.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int window_output(const struct call *c, int k, const struct tensor *x, int64_t channels,
                         const struct window *w)
{
    int64_t dim[4] = {x->dim[0], channels, w->out[0], w->out[1]};
    if (x->rank == 3)
        dim[2] = w->out[1];
    return call_output(c, k, DTYPE_F32, x->rank, dim);
}

/* ---- Convolution --------------------------------------------------------------------------- */

/* Lays the windows of `channels` maps out as columns: column[k][position]. */
static void im2col(const float *x, int64_t channels, int64_t height, int64_t width,
                   const struct window *w, float *column)
{
    for (int64_t c = 0; c < channels; c++, x += height * width)
        for (int ky = 0; ky < w->kernel[0]; ky++)
            for (int kx = 0; kx < w->kernel[1]; kx++)
                for (int oy = 0; oy < w->out[0]; oy++) {
                    int64_t y = (int64_t)oy * w->stride[0] - w->before[0] + ky * w->dilation[0];
                    for (int ox = 0; ox < w->out[1]; ox++) {
                        int64_t px =
                            (int64_t)ox * w->stride[1] - w->before[1] + kx * w->dilation[1];
                        bool inside = y >= 0 && y < height && px >= 0 && px < width;
                        *column++ = inside ? x[y * width + px] : 0;
                    }
                }
}

static int run_conv(const struct call *c)
{
    const struct tensor *x = c->in[0], *k = c->in[1], *bias = call_input(c, 2);
    struct window w;
    int status = need_float(x);
    if (!status)
        status = need_float(k);
    if (!status && k->rank != x->rank)
        status =
            af_fail(AF_BAD_FILE, "weights of rank %d for an input of rank %d", k->rank, x->rank);
    if (!status)
        status = window_of(c->node, x, k->dim + 2, &w);
    if (status)
        return status;
    int64_t groups = node_int(c->node, "group", 1), height, width;
    map_size(x, &height, &width);
    int64_t in = k->dim[1], taps = (int64_t)w.kernel[0] * w.kernel[1];
    if (groups < 1 || in * groups != x->dim[1] || k->dim[0] % groups || in < 1 ||
        k->count != k->dim[0] * in * taps)
        return af_fail(AF_BAD_FILE, "weights do not fit %lld input channels in %lld groups",
                       (long long)x->dim[1], (long long)groups);
    if (bias && (bias->count != k->dim[0] || bias->type != DTYPE_F32))
        return af_fail(AF_BAD_FILE, "bias does not fit %lld output channels", (long long)k->dim[0]);
    int64_t out = k->dim[0] / groups, area = (int64_t)w.out[0] * w.out[1];
    if ((double)k->count * (double)area * (double)x->dim[0] > execute_max_macs)
        return af_fail(AF_UNSUPPORTED, "is larger than any network that can be run here");
    status = window_output(c, 0, x, k->dim[0], &w);
    int64_t column_dim = in * taps * area;
    struct tensor column = {0};
    if (!status)
        status = tensor_make(&column, DTYPE_F32, 1, &column_dim);
    const float *xs = x->data;
    float *y = c->out[0].data;
    for (int64_t n = 0; !status && n < x->dim[0] * groups; n++) {
        int64_t g = n % groups;
        im2col(xs + n * in * height * width, in, height, width, &w, column.data);
        for (int64_t o = 0; o < out; o++)
            for (int64_t i = 0; i < area; i++)
                y[(n * out + o) * area + i] = bias ? ((const float *)bias->data)[g * out + o] : 0;
        matrix_multiply(out, area, in * taps, (const float *)k->data + g * out * in * taps,
                        column.data, true, y + n * out * area);
    }
    tensor_free(&column);
    return status;
}

/* Adds the kernel at each position of a map, `stride` apart, within the output. */
static void scatter(const float *x, const int64_t in[2], const float *kernel,
                    const struct window *w, float *y)
{
    for (int64_t row = 0; row < in[0]; row++)
        for (int64_t col = 0; col < in[1]; col++, x++)
            for (int ky = 0; *x != 0 && ky < w->kernel[0]; ky++)
                for (int kx = 0; kx < w->kernel[1]; kx++) {
                    const int64_t oy = row * w->stride[0] + ky * w->dilation[0] - w->before[0],
                                  ox = col * w->stride[1] + kx * w->dilation[1] - w->before[1];
                    if (oy >= 0 && oy < w->out[0] && ox >= 0 && ox < w->out[1])
                        y[oy * w->out[1] + ox] += *x * kernel[ky * w->kernel[1] + kx];
                }
}

static int run_conv_transpose(const struct call *c)
{
    const struct tensor *x = c->in[0], *k = c->in[1], *bias = call_input(c, 2);
    const int64_t groups = node_int(c->node, "group", 1);
    struct window w;
    int64_t in[2];
    int status = need_float(x);
    if (!status)
        status = need_float(k);
    if (!status &&
        (k->rank != x->rank || groups < 1 || k->dim[0] != x->dim[1] || k->dim[0] % groups))
        status =
            af_fail(AF_BAD_FILE, "weights do not fit its input in %lld groups", (long long)groups);
    if (!status)
        status = transposed_window_of(c->node, x, k->dim + 2, &w);
    if (status)
        return status;
    const int64_t each = k->dim[0] / groups, per = k->dim[1],
                  taps = (int64_t)w.kernel[0] * w.kernel[1], area = (int64_t)w.out[0] * w.out[1];
    map_size(x, &in[0], &in[1]);
    if (k->count != k->dim[0] * per * taps ||
        (bias && (bias->count != per * groups || bias->type != DTYPE_F32)))
        return af_fail(AF_BAD_FILE, "weights or bias do not fit its channels");
    if ((double)k->count * (double)(in[0] * in[1]) * (double)x->dim[0] > execute_max_macs)
        return af_fail(AF_UNSUPPORTED, "is larger than any network that can be run here");
    status = window_output(c, 0, x, per * groups, &w);
    float *y = c->out[0].data;
    for (int64_t i = 0; !status && bias && i < c->out[0].count; i++)
        y[i] = ((const float *)bias->data)[i / area % bias->count];
    for (int64_t i = 0; !status && i < x->dim[0] * x->dim[1]; i++) { /* sample and channel */
        const int64_t sample = i / x->dim[1], channel = i % x->dim[1];
        for (int64_t o = 0; o < per; o++)
            scatter((const float *)x->data + i * in[0] * in[1], in,
                    (const float *)k->data + (channel * per + o) * taps, &w,
                    y + (sample * per * groups + channel / each * per + o) * area);
    }
    return status;
}

/* ---- Dense --------------------------------------------------------------------------------- */

static int transposed(const struct tensor *t, bool transpose, struct tensor *to)
{
    int64_t dim[2] = {t->dim[transpose], t->dim[!transpose]};
    int status = tensor_make(to, DTYPE_F32, 2, dim);
    for (int64_t i = 0; !status && i < dim[0]; i++)
        for (int64_t j = 0; j < dim[1]; j++)
            ((float *)to->data)[i * dim[1] + j] =
                ((const float *)t->data)[transpose ? j * dim[0] + i : i * dim[1] + j];
    return status;
}

static int run_gemm(const struct call *c)
{
    const struct tensor *ta = c->in[0], *tb = c->in[1], *tc = call_input(c, 2);
    float alpha = node_float(c->node, "alpha", 1), beta = node_float(c->node, "beta", 1);
    struct tensor a = {0}, b = {0};
    int status = need_float(ta);
    if (!status)
        status = need_float(tb);
    if (!status && (ta->rank != 2 || tb->rank != 2))
        status = af_fail(AF_BAD_FILE, "operands of rank %d and %d", ta->rank, tb->rank);
    if (!status)
        status = transposed(ta, node_int(c->node, "transA", 0) != 0, &a);
    if (!status)
        status = transposed(tb, node_int(c->node, "transB", 0) != 0, &b);
    if (!status && a.dim[1] != b.dim[0])
        status = af_fail(AF_BAD_FILE, "inner dimensions %lld and %lld differ", (long long)a.dim[1],
                         (long long)b.dim[0]);
    int64_t dim[2] = {a.dim[0], b.dim[1]};
    if (!status)
        status = call_output(c, 0, DTYPE_F32, 2, dim);
    if (!status) {
        matrix_multiply(dim[0], dim[1], a.dim[1], a.data, b.data, false, c->out[0].data);
        float *y = c->out[0].data;
        int64_t rows = !tc ? 1 : tc->rank == 2 ? tc->dim[0] : 1;
        int64_t cols = !tc || tc->rank == 0 ? 1 : tc->dim[tc->rank - 1];
        if (tc && (tc->type != DTYPE_F32 || tc->rank > 2 || (rows != 1 && rows != dim[0]) ||
                   (cols != 1 && cols != dim[1])))
            status = af_fail(AF_BAD_FILE, "C does not fit the product");
        for (int64_t i = 0; !status && i < dim[0] * dim[1]; i++) {
            int64_t row = rows == 1 ? 0 : i / dim[1], col = cols == 1 ? 0 : i % dim[1];
            y[i] = alpha * y[i] + (tc ? beta * ((const float *)tc->data)[row * cols + col] : 0);
        }
    }
    tensor_free(&a);
    tensor_free(&b);
    return status;
}

static int run_matmul(const struct call *c)
{
    const struct tensor *a = c->in[0], *b = c->in[1];
    int status = need_float(a);
    if (!status)
        status = need_float(b);
    if (status)
        return status;
    int64_t m = a->rank > 1 ? a->dim[a->rank - 2] : 1, k = a->rank ? a->dim[a->rank - 1] : 0;
    int64_t n = b->rank > 1 ? b->dim[b->rank - 1] : 1;
    if (!a->rank || !b->rank || k != b->dim[b->rank > 1 ? b->rank - 2 : 0])
        return af_fail(AF_BAD_FILE, "inner dimensions differ");
    int64_t dim[TENSOR_MAX_RANK];
    int rank = 0, batch_rank = (a->rank > b->rank ? a->rank : b->rank) - 2;
    int64_t batches = 1;
    for (int i = 0; i < batch_rank; i++) {
        int ia = i - batch_rank + a->rank - 2, ib = i - batch_rank + b->rank - 2;
        int64_t da = ia >= 0 ? a->dim[ia] : 1, db = ib >= 0 ? b->dim[ib] : 1;
        if (da != db && db != 1 && da != 1)
            return af_fail(AF_BAD_FILE, "batches do not broadcast");
        dim[rank++] = da == 1 ? db : da;
        batches *= dim[i];
    }
    if (a->rank > 1)
        dim[rank++] = m;
    if (b->rank > 1)
        dim[rank++] = n;
    status = call_output(c, 0, DTYPE_F32, rank, dim);
    for (int64_t at = 0; !status && at < batches; at++) {
        int64_t rest = at, pa = 0, pb = 0, sa = 1, sb = 1;
        for (int i = batch_rank - 1; i >= 0; i--) {
            int ia = i - batch_rank + a->rank - 2, ib = i - batch_rank + b->rank - 2;
            int64_t index = rest % dim[i];
            rest /= dim[i];
            if (ia >= 0) {
                pa += a->dim[ia] == 1 ? 0 : index * sa;
                sa *= a->dim[ia];
            }
            if (ib >= 0) {
                pb += b->dim[ib] == 1 ? 0 : index * sb;
                sb *= b->dim[ib];
            }
        }
        matrix_multiply(m, n, k, (const float *)a->data + pa * m * k,
                        (const float *)b->data + pb * k * n, false,
                        (float *)c->out[0].data + at * m * n);
    }
    return status;
}

/* ---- Normalisation ------------------------------------------------------------------------- */

static int run_batch_normalization(const struct call *c)
{
    const struct tensor *x = c->in[0];
    if (node_int(c->node, "training_mode", 0))
        return af_fail(AF_UNSUPPORTED, "is in training mode; export the model for inference");
    if (x->rank < 2)
        return af_fail(AF_BAD_FILE, "input of rank %d", x->rank);
    for (int k = 0; k < 5; k++)
        if (need_float(c->in[k]))
            return AF_UNSUPPORTED;
        else if (k && c->in[k]->count != x->dim[1])
            return af_fail(AF_BAD_FILE, "parameters do not fit %lld channels",
                           (long long)x->dim[1]);
    const float *scale = c->in[1]->data, *shift = c->in[2]->data, *mean = c->in[3]->data;
    const float *variance = c->in[4]->data;
    float epsilon = node_float(c->node, "epsilon", 1e-5f);
    int status = call_output(c, 0, DTYPE_F32, x->rank, x->dim);
    int64_t area = x->dim[0] && x->dim[1] ? x->count / x->dim[0] / x->dim[1] : 0;
    for (int64_t i = 0; !status && i < x->count; i++) {
        int64_t ch = i / area % x->dim[1];
        float factor = scale[ch] / sqrtf(variance[ch] + epsilon);
        ((float *)c->out[0].data)[i] =
            (((const float *)x->data)[i] - mean[ch]) * factor + shift[ch];
    }
    return status;
}

/* ---- Pooling ------------------------------------------------------------------------------- */

static int pool(const struct call *c, bool maximum)
{
    const struct tensor *x = c->in[0];
    struct window w;
    int status = need_float(x);
    if (!status)
        status = window_of(c->node, x, NULL, &w);
    if (!status)
        status = window_output(c, 0, x, x->dim[1], &w);
    bool indices = !status && maximum && c->node->output_count > 1 && c->node->output[1] >= 0;
    if (indices) {
        if (node_int(c->node, "storage_order", 0))
            return af_fail(AF_UNSUPPORTED, "column-major indices");
        status = call_output(c, 1, DTYPE_I64, c->out[0].rank, c->out[0].dim);
    }
    if (status)
        return status;
    int64_t height, width, planes = x->dim[0] * x->dim[1];
    map_size(x, &height, &width);
    bool include_pad = node_int(c->node, "count_include_pad", 0) != 0;
    const float *xs = x->data;
    float *y = c->out[0].data;
    for (int64_t p = 0; p < planes; p++)
        for (int oy = 0; oy < w.out[0]; oy++)
            for (int ox = 0; ox < w.out[1]; ox++) {
                float most = -INFINITY;
                double sum = 0;
                int64_t best = 0;
                int inside = 0, counted = 0;
                for (int ky = 0; ky < w.kernel[0]; ky++)
                    for (int kx = 0; kx < w.kernel[1]; kx++) {
                        int64_t iy = (int64_t)oy * w.stride[0] - w.before[0] + ky * w.dilation[0];
                        int64_t ix = (int64_t)ox * w.stride[1] - w.before[1] + kx * w.dilation[1];
                        /* Padding counts for the mean, what ceil_mode adds beyond it does not. */
                        counted += iy < height + w.after[0] && ix < width + w.after[1];
                        if (iy < 0 || iy >= height || ix < 0 || ix >= width)
                            continue;
                        float v = xs[(p * height + iy) * width + ix];
                        inside++;
                        sum += (double)v;
                        if (v > most) {
                            most = v;
                            best = (p * height + iy) * width + ix;
                        }
                    }
                int64_t at = (p * w.out[0] + oy) * w.out[1] + ox;
                int divisor = include_pad ? counted : inside;
                y[at] = maximum ? most : divisor ? (float)(sum / divisor) : 0;
                if (indices)
                    ((int64_t *)c->out[1].data)[at] = best;
            }
    return AF_OK;
}

static int run_max_pool(const struct call *c)
{
    return pool(c, true);
}
static int run_average_pool(const struct call *c)
{
    return pool(c, false);
}

static int global_pool(const struct call *c, bool maximum)
{
    const struct tensor *x = c->in[0];
    if (x->rank < 3)
        return af_fail(AF_BAD_FILE, "input of rank %d", x->rank);
    int64_t dim[TENSOR_MAX_RANK], planes = x->dim[0] * x->dim[1];
    for (int i = 0; i < x->rank; i++)
        dim[i] = i < 2 ? x->dim[i] : 1;
    int status = need_float(x);
    if (!status)
        status = call_output(c, 0, DTYPE_F32, x->rank, dim);
    int64_t area = planes ? x->count / planes : 0;
    for (int64_t p = 0; !status && p < planes; p++) {
        const float *v = (const float *)x->data + p * area;
        float most = -INFINITY;
        double sum = 0;
        for (int64_t i = 0; i < area; i++) {
            most = fmaxf(most, v[i]);
            sum += (double)v[i];
        }
        ((float *)c->out[0].data)[p] = maximum ? most : (float)(sum / (double)area);
    }
    return status;
}

static int run_global_average_pool(const struct call *c)
{
    return global_pool(c, false);
}
static int run_global_max_pool(const struct call *c)
{
    return global_pool(c, true);
}

const struct operator operators_linear[] = {
    {"AveragePool", 1, run_average_pool},
    {"BatchNormalization", 5, run_batch_normalization},
    {"Conv", 2, run_conv},
    {"ConvTranspose", 2, run_conv_transpose},
    {"Gemm", 2, run_gemm},
    {"GlobalAveragePool", 1, run_global_average_pool},
    {"GlobalMaxPool", 1, run_global_max_pool},
    {"MatMul", 2, run_matmul},
    {"MaxPool", 1, run_max_pool},
    {NULL, 0, NULL},
};
