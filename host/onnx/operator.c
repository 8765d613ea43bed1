#include "onnx/operator.h"

#include <stdlib.h>

double execute_max_macs = 1e12;

const struct tensor *call_input(const struct call *c, int k)
{
    return k < c->node->input_count ? c->in[k] : NULL;
}

int call_ints(const struct call *c, int k, const char *name, int64_t *ints, int most)
{
    const struct tensor *t = k > 0 ? call_input(c, k) : NULL;
    if (t) {
        if (t->count > most)
            return af_fail(AF_UNSUPPORTED, "%s of %lld values", name, (long long)t->count);
        for (int64_t i = 0; i < t->count; i++) {
            double v = tensor_get(t, i);
            ints[i] = v >= 9e18 ? INT64_MAX : v <= -9e18 ? INT64_MIN : (int64_t)v;
        }
        return (int)t->count;
    }
    int n = node_ints(c->node, name, ints, most);
    return n > most ? af_fail(AF_UNSUPPORTED, "%s of %d values", name, n) : n;
}

int call_output(const struct call *c, int k, enum dtype type, int rank, const int64_t *dim)
{
    return tensor_make(&c->out[k], type, rank, dim);
}

int need_float(const struct tensor *t)
{
    return t->type == DTYPE_F32
               ? AF_OK
               : af_fail(AF_UNSUPPORTED, "works on float32, not on %s", dtype_name(t->type));
}

int normal_axis(int64_t axis, int rank)
{
    if (axis < -rank || axis >= rank)
        return af_fail(AF_BAD_FILE, "axis %lld is out of range for rank %d", (long long)axis, rank);
    return (int)(axis < 0 ? axis + rank : axis);
}

void tensor_strides(const struct tensor *t, int64_t *stride)
{
    int64_t step = 1;
    for (int i = t->rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= t->dim[i];
    }
}
