/* Quantisers: numbers to codes and back, and both at once. */
#include "onnx/operator.h"
#include "onnx/quantiser.h"

#include <math.h>
#include <string.h>

enum { CODE_MOST = 255 };

/* ---- ONNX ----------------------------------------------------------------------------------- */

/* The scale and zero point of an element; AF_BAD_FILE if they fit neither the tensor nor an axis.
 */
static int quantiser(const struct call *c, int64_t *each, int64_t *channels)
{
    const struct tensor *x = c->in[0], *scale = c->in[1], *zero = call_input(c, 2);
    *each = x->count;
    *channels = 1;
    if (node_int(c->node, "block_size", 0))
        return af_fail(AF_UNSUPPORTED, "scales of blocks");
    if (scale->count != 1) {
        const int axis = normal_axis(node_int(c->node, "axis", 1), x->rank);
        if (axis < 0)
            return axis;
        *channels = x->dim[axis];
        *each = 1;
        for (int a = axis + 1; a < x->rank; a++)
            *each *= x->dim[a];
    }
    if (scale->count != *channels || (zero && zero->count != *channels) || *each < 1)
        return af_fail(AF_BAD_FILE, "scales or zero points do not fit the axis");
    return AF_OK;
}

enum dtype quantised_type(const struct node *n, const struct tensor *zero)
{
    enum { TYPE_NONE, TYPE_U8 = 2, TYPE_I8 = 3 /* of ONNX */ };
    const int64_t type = node_int(n, "output_dtype", TYPE_NONE);
    if (zero)
        return zero->type;
    return type == TYPE_NONE || type == TYPE_U8 ? DTYPE_U8 : type == TYPE_I8 ? DTYPE_I8 : DTYPE_F32;
}

static int run_dequantize(const struct call *c)
{
    const struct tensor *x = c->in[0], *zero = call_input(c, 2);
    int64_t each, channels;
    int status = quantiser(c, &each, &channels);
    if (!status)
        status = call_output(c, 0, DTYPE_F32, x->rank, x->dim);
    for (int64_t i = 0; !status && i < x->count; i++) {
        const int64_t k = i / each % channels;
        const double from = zero ? tensor_get(zero, k) : 0;
        ((float *)c->out[0].data)[i] =
            (float)(tensor_get(x, i) - from) * (float)tensor_get(c->in[1], k);
    }
    return status;
}

static int run_quantize(const struct call *c)
{
    const struct tensor *x = c->in[0], *zero = call_input(c, 2);
    const enum dtype type = quantised_type(c->node, zero);
    int64_t each, channels;
    int status = quantiser(c, &each, &channels);
    if (!status && type != DTYPE_U8 && type != DTYPE_I8)
        status = af_fail(AF_UNSUPPORTED, "to other codes than int8 and uint8");
    if (!status)
        status = call_output(c, 0, type, x->rank, x->dim);
    const double low = type == DTYPE_U8 ? 0 : INT8_MIN,
                 high = type == DTYPE_U8 ? UINT8_MAX : INT8_MAX;
    for (int64_t i = 0; !status && i < x->count; i++) {
        const int64_t k = i / each % channels;
        const float steps = (float)tensor_get(x, i) / (float)tensor_get(c->in[1], k);
        const double code = rint((double)steps) + (zero ? tensor_get(zero, k) : 0);
        ((uint8_t *)c->out[0].data)[i] = (uint8_t)(int)fmin(fmax(code, low), high);
    }
    return status;
}

/* ---- Both at once --------------------------------------------------------------------------- */

static int run_fake_quantise(const struct call *c)
{
    const struct tensor *x = c->in[0];
    const float scale = node_float(c->node, "scale", 1);
    const double low = (double)node_int(c->node, "low", 0),
                 high = (double)node_int(c->node, "high", 0);
    int status = need_float(x);
    if (!status)
        status = call_output(c, 0, DTYPE_F32, x->rank, x->dim);
    for (int64_t i = 0; !status && i < x->count; i++)
        ((float *)c->out[0].data)[i] = fake_quantise(((const float *)x->data)[i], scale, low, high);
    return status;
}

int quantiser_codes(const struct node *n, struct codes *c)
{
    const int64_t low = node_int(n, "low", 1), high = node_int(n, "high", 0);
    c->step = node_float(n, "scale", 0);
    if (!(c->step > 0) || !isfinite(c->step) || low > 0 || high < 1 || low < -CODE_MOST ||
        high > CODE_MOST)
        return af_fail(AF_UNSUPPORTED, "codes from %lld to %lld of %g each; 0 has to be among them",
                       (long long)low, (long long)high, (double)c->step);
    c->low = (int)low;
    c->high = (int)high;
    return AF_OK;
}

bool quantiser_of_input(const struct graph *g, struct codes *codes)
{
    const int input = graph_input(g);
    const struct node *reader = NULL;
    int readers = 0;
    for (int i = 0; i < g->node_count; i++)
        for (int k = 0; k < g->node[i].input_count; k++)
            if (input >= 0 && g->node[i].input[k] == input) {
                reader = &g->node[i];
                readers++;
            }
    return readers == 1 && strcmp(reader->op, FAKE_QUANTISE) == 0 &&
           quantiser_codes(reader, codes) == AF_OK;
}

/* ---- QONNX: https://github.com/fastmachinelearning/qonnx/tree/main/docs/qonnx-custom-ops ------
 */

int quant_range(const struct node *n, double bits, int *low, int *high)
{
    enum { BITS_MOST = 8 };
    const bool has_sign = node_int(n, "signed", 1) != 0, narrow = node_int(n, "narrow", 0) != 0;
    if (strcmp(node_string(n, "rounding_mode", "ROUND"), "ROUND") != 0)
        return af_fail(AF_UNSUPPORTED, "rounding_mode %.40s; ROUND is to even",
                       node_string(n, "rounding_mode", ""));
    if (!(bits >= (has_sign && narrow ? 2 : 1) && bits <= BITS_MOST && bits == rint(bits)))
        return af_fail(AF_UNSUPPORTED, "codes of %g bits; at most %d", bits, BITS_MOST);
    const int all = 1 << (int)bits;
    *low = has_sign ? -all / 2 + narrow : 0;
    *high = has_sign ? all / 2 - 1 : all - 1 - narrow;
    return AF_OK;
}

/* Where element i of x is in t, which is spread over it as numpy does. */
static int64_t spread_index(const struct tensor *x, const struct tensor *t, int64_t i)
{
    int64_t at = 0, step = 1;
    for (int a = x->rank - 1, b = t->rank - 1; b >= 0; a--, b--) {
        const int64_t k = i % x->dim[a];
        i /= x->dim[a];
        at += t->dim[b] == 1 ? 0 : k * step;
        step *= t->dim[b];
    }
    return at;
}

static bool spreads(const struct tensor *x, const struct tensor *t)
{
    bool good = t->rank <= x->rank && t->count > 0;
    for (int a = x->rank - 1, b = t->rank - 1; good && b >= 0; a--, b--)
        good = t->dim[b] == 1 || t->dim[b] == x->dim[a];
    return good;
}

static int run_quant(const struct call *c)
{
    const struct tensor *x = c->in[0];
    const struct tensor *scale = c->in[1], *zero = c->in[2], *bits = c->in[3];
    int status = need_float(x), low = 0, high = 0;
    if (!status && (!spreads(x, scale) || !spreads(x, zero) || bits->count != 1))
        status = af_fail(AF_UNSUPPORTED, "scale, zero point or bit width do not fit the values");
    if (!status)
        status = quant_range(c->node, tensor_get(bits, 0), &low, &high);
    if (!status)
        status = call_output(c, 0, DTYPE_F32, x->rank, x->dim);
    for (int64_t i = 0; !status && i < x->count; i++) {
        const double from = tensor_get(zero, spread_index(x, zero, i));
        ((float *)c->out[0].data)[i] = fake_quantise(
            ((const float *)x->data)[i], (float)tensor_get(scale, spread_index(x, scale, i)),
            low - from, high - from);
    }
    return status;
}

static int run_bipolar_quant(const struct call *c)
{
    const struct tensor *x = c->in[0], *scale = c->in[1];
    int status = need_float(x);
    if (!status && !spreads(x, scale))
        status = af_fail(AF_UNSUPPORTED, "its scale does not fit the values");
    if (!status)
        status = call_output(c, 0, DTYPE_F32, x->rank, x->dim);
    for (int64_t i = 0; !status && i < x->count; i++) {
        const float s = (float)tensor_get(scale, spread_index(x, scale, i));
        ((float *)c->out[0].data)[i] = ((const float *)x->data)[i] < 0 ? -s : s;
    }
    return status;
}

const struct operator operators_quantise[] = {
    {"BipolarQuant", 2, run_bipolar_quant},
    {"DequantizeLinear", 2, run_dequantize},
    {FAKE_QUANTISE, 1, run_fake_quantise},
    {"Quant", 4, run_quant},
    {"QuantizeLinear", 2, run_quantize},
    {NULL, 0, NULL},
};
