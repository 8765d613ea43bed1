/* Operators that move data without computing on it; they work on every element type. */
#include "onnx/operator.h"
#include "onnx/resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The same data under another shape. */
static int reshaped(const struct call *c, int rank, const int64_t *dim)
{
    const struct tensor *x = c->in[0];
    int status = call_output(c, 0, x->type, rank, dim);
    if (status)
        return status;
    if (c->out[0].count != x->count)
        return af_fail(AF_BAD_FILE, "%lld elements do not fit the new shape of %lld",
                       (long long)x->count, (long long)c->out[0].count);
    memcpy(c->out[0].data, x->data, (size_t)x->count * dtype_size(x->type));
    return AF_OK;
}

static int run_identity(const struct call *c)
{
    int status = reshaped(c, c->in[0]->rank, c->in[0]->dim);
    if (!status && c->node->output_count > 1 && c->node->output[1] >= 0) { /* Dropout's mask */
        status = call_output(c, 1, DTYPE_BOOL, c->in[0]->rank, c->in[0]->dim);
        if (!status)
            memset(c->out[1].data, 1, (size_t)c->out[1].count);
    }
    return status;
}

static int run_dropout(const struct call *c)
{
    const struct tensor *training = call_input(c, 2);
    if (training && training->count && tensor_get(training, 0) != 0.0)
        return af_fail(AF_UNSUPPORTED, "is in training mode; export the model for inference");
    return run_identity(c);
}

static int run_reshape(const struct call *c)
{
    const struct tensor *x = c->in[0];
    int64_t want[TENSOR_MAX_RANK];
    int rank = call_ints(c, 1, "shape", want, TENSOR_MAX_RANK), free_axis = -1;
    if (rank < 0)
        return rank;
    bool zero_is_zero = node_int(c->node, "allowzero", 0) != 0;
    int64_t product = 1;
    for (int i = 0; i < rank; i++) {
        if (want[i] == 0 && !zero_is_zero) {
            if (i >= x->rank)
                return af_fail(AF_BAD_FILE, "shape copies axis %d, which the input lacks", i);
            want[i] = x->dim[i];
        }
        if (want[i] == -1) {
            if (free_axis >= 0)
                return af_fail(AF_BAD_FILE, "shape leaves two axes open");
            free_axis = i;
        } else if (want[i] < 0 || __builtin_mul_overflow(product, want[i], &product)) {
            return af_fail(AF_BAD_FILE, "shape has dimension %lld", (long long)want[i]);
        }
    }
    if (free_axis >= 0)
        want[free_axis] = product ? x->count / product : 0;
    return reshaped(c, rank, want);
}

static int run_flatten(const struct call *c)
{
    const struct tensor *x = c->in[0];
    int64_t axis = node_int(c->node, "axis", 1), dim[2] = {1, 1};
    if (axis < -x->rank || axis > x->rank)
        return af_fail(AF_BAD_FILE, "axis %lld is out of range", (long long)axis);
    if (axis < 0)
        axis += x->rank;
    for (int i = 0; i < x->rank; i++)
        dim[i >= axis] *= x->dim[i];
    return reshaped(c, 2, dim);
}

static int run_squeeze(const struct call *c)
{
    const struct tensor *x = c->in[0];
    int64_t axes[TENSOR_MAX_RANK], dim[TENSOR_MAX_RANK];
    int n = call_ints(c, 1, "axes", axes, TENSOR_MAX_RANK), rank = 0;
    if (n < 0)
        return n;
    bool drop[TENSOR_MAX_RANK] = {false};
    for (int i = 0; i < n; i++) {
        int axis = normal_axis(axes[i], x->rank);
        if (axis < 0)
            return axis;
        if (x->dim[axis] != 1)
            return af_fail(AF_BAD_FILE, "axis %d is %lld wide", axis, (long long)x->dim[axis]);
        drop[axis] = true;
    }
    for (int i = 0; i < x->rank; i++)
        if (!(n ? drop[i] : x->dim[i] == 1))
            dim[rank++] = x->dim[i];
    return reshaped(c, rank, dim);
}

static int run_unsqueeze(const struct call *c)
{
    const struct tensor *x = c->in[0];
    int64_t axes[TENSOR_MAX_RANK], dim[TENSOR_MAX_RANK];
    int n = call_ints(c, 1, "axes", axes, TENSOR_MAX_RANK);
    if (n < 0)
        return n;
    int rank = x->rank + n, at = 0;
    if (rank > TENSOR_MAX_RANK)
        return af_fail(AF_UNSUPPORTED, "rank %d", rank);
    bool is_new[TENSOR_MAX_RANK] = {false};
    for (int i = 0; i < n; i++) {
        int axis = normal_axis(axes[i], rank);
        if (axis < 0)
            return axis;
        if (is_new[axis])
            return af_fail(AF_BAD_FILE, "axis %d is given twice", axis);
        is_new[axis] = true;
    }
    for (int i = 0; i < rank; i++)
        dim[i] = is_new[i] ? 1 : x->dim[at++];
    return reshaped(c, rank, dim);
}

/* Fills out[0] so that element (i0, i1, ...) is the input's at sum of start + i * step; outside the
 * bounds of axis positions (from, to) it stays as it was. */
static void gather_affine(const struct tensor *x, struct tensor *y, int64_t origin,
                          const int64_t *step)
{
    size_t size = dtype_size(x->type);
    int64_t index[TENSOR_MAX_RANK] = {0};
    int64_t at = origin;
    for (int64_t i = 0; i < y->count; i++) {
        memcpy((char *)y->data + (size_t)i * size, (const char *)x->data + (size_t)at * size, size);
        for (int a = y->rank - 1; a >= 0; a--) {
            at += step[a];
            if (++index[a] < y->dim[a])
                break;
            at -= step[a] * y->dim[a];
            index[a] = 0;
        }
    }
}

static int run_transpose(const struct call *c)
{
    const struct tensor *x = c->in[0];
    int64_t perm[TENSOR_MAX_RANK], dim[TENSOR_MAX_RANK], stride[TENSOR_MAX_RANK],
        step[TENSOR_MAX_RANK];
    int n = node_ints(c->node, "perm", perm, TENSOR_MAX_RANK);
    if (n != 0 && n != x->rank)
        return af_fail(AF_BAD_FILE, "perm has %d axes, the input %d", n, x->rank);
    tensor_strides(x, stride);
    unsigned seen = 0;
    for (int i = 0; i < x->rank; i++) {
        int axis = n ? normal_axis(perm[i], x->rank) : x->rank - 1 - i;
        if (axis < 0)
            return axis;
        seen |= 1u << axis;
        dim[i] = x->dim[axis];
        step[i] = stride[axis];
    }
    if (seen != (1u << x->rank) - 1)
        return af_fail(AF_BAD_FILE, "perm names an axis twice");
    int status = call_output(c, 0, x->type, x->rank, dim);
    if (!status)
        gather_affine(x, &c->out[0], 0, step);
    return status;
}

static int64_t clamp64(int64_t v, int64_t least, int64_t most)
{
    return v < least ? least : v > most ? most : v;
}

static int run_slice(const struct call *c)
{
    const struct tensor *x = c->in[0];
    int64_t starts[TENSOR_MAX_RANK], ends[TENSOR_MAX_RANK], axes[TENSOR_MAX_RANK],
        steps[TENSOR_MAX_RANK], dim[TENSOR_MAX_RANK], step[TENSOR_MAX_RANK];
    int n = call_ints(c, 1, "starts", starts, TENSOR_MAX_RANK);
    int ne = call_ints(c, 2, "ends", ends, TENSOR_MAX_RANK);
    int na = call_ints(c, 3, "axes", axes, TENSOR_MAX_RANK);
    int ns = call_ints(c, 4, "steps", steps, TENSOR_MAX_RANK);
    if (n < 0 || ne < 0 || na < 0 || ns < 0)
        return AF_UNSUPPORTED;
    if (ne != n || (na && na != n) || (ns && ns != n) || n > x->rank)
        return af_fail(AF_BAD_FILE, "starts, ends, axes and steps differ in length");
    tensor_strides(x, step);
    memcpy(dim, x->dim, sizeof dim);
    int64_t origin = 0;
    unsigned seen = 0;
    for (int i = 0; i < n; i++) {
        int a = normal_axis(na ? axes[i] : i, x->rank);
        if (a < 0)
            return a;
        if (seen >> a & 1)
            return af_fail(AF_BAD_FILE, "axis %d is given twice", a);
        seen |= 1u << a;
        int64_t d = x->dim[a], by = ns ? steps[i] : 1;
        if (by == 0 || by == INT64_MIN)
            return af_fail(AF_BAD_FILE, "step 0");
        int64_t s = starts[i] < 0 ? clamp64(starts[i], -d, 0) + d : starts[i];
        int64_t e = ends[i] < 0 ? clamp64(ends[i], -d - 1, 0) + d : ends[i];
        s = by > 0 ? clamp64(s, 0, d) : clamp64(s, 0, d - 1);
        e = by > 0 ? clamp64(e, 0, d) : clamp64(e, -1, d - 1);
        int64_t span = by > 0 ? e - s : s - e, pace = by > 0 ? by : -by;
        dim[a] = span > 0 ? (span - 1) / pace + 1 : 0;
        origin += s * step[a];
        step[a] = dim[a] > 1 ? step[a] * by : 0;
    }
    int status = call_output(c, 0, x->type, x->rank, dim);
    if (!status && c->out[0].count)
        gather_affine(x, &c->out[0], origin, step);
    return status;
}

/* Copies x into y at `origin` elements, y's strides given: for Pad and Concat. */
static void scatter_affine(const struct tensor *x, struct tensor *y, int64_t origin,
                           const int64_t *stride)
{
    size_t size = dtype_size(x->type);
    int64_t index[TENSOR_MAX_RANK] = {0};
    int64_t at = origin, run = x->rank ? x->dim[x->rank - 1] : 1;
    for (int64_t i = 0; i < x->count; i += run) {
        memcpy((char *)y->data + (size_t)at * size, (const char *)x->data + (size_t)i * size,
               (size_t)run * size);
        for (int a = x->rank - 2; a >= 0; a--) {
            at += stride[a];
            if (++index[a] < x->dim[a])
                break;
            at -= stride[a] * x->dim[a];
            index[a] = 0;
        }
    }
}

static int pad_by_itself(const struct tensor *x, struct tensor *y, const int64_t *before,
                         const char *mode)
{
    const bool reflect = strcmp(mode, "reflect") == 0, wrap = strcmp(mode, "wrap") == 0;
    size_t size = dtype_size(x->type);
    int64_t xs[TENSOR_MAX_RANK], index[TENSOR_MAX_RANK] = {0};
    tensor_strides(x, xs);
    for (int64_t i = 0; i < y->count; i++) {
        int64_t at = 0;
        for (int a = 0; a < x->rank; a++) {
            int64_t p = index[a] - before[a], last = x->dim[a] - 1;
            if (reflect && last > 0) {
                p = llabs(p) % (2 * last);
                p = p > last ? 2 * last - p : p;
            }
            if (wrap)
                p = (p % x->dim[a] + x->dim[a]) % x->dim[a];
            at += clamp64(p, 0, last) * xs[a];
        }
        memcpy((char *)y->data + (size_t)i * size, (const char *)x->data + (size_t)at * size, size);
        for (int a = y->rank - 1; a >= 0 && ++index[a] == y->dim[a]; a--)
            index[a] = 0;
    }
    return AF_OK;
}

/* Begins and ends of all axes, or from opset 18 on of those that input 3 names. */
static int read_pads(const struct call *c, int rank, int64_t pads[2 * TENSOR_MAX_RANK])
{
    int64_t given[2 * TENSOR_MAX_RANK], axes[TENSOR_MAX_RANK];
    const int n = call_ints(c, 1, "pads", given, 2 * TENSOR_MAX_RANK);
    const int named = call_input(c, 3) ? call_ints(c, 3, "axes", axes, TENSOR_MAX_RANK) : 0;
    if (n < 0 || named < 0)
        return n < 0 ? n : named;
    if (n != 2 * (named ? named : rank))
        return af_fail(AF_BAD_FILE, "pads has %d values for %d axes", n, named ? named : rank);
    memset(pads, 0, 2 * (size_t)rank * sizeof *pads);
    for (int i = 0; i < n / 2; i++) {
        const int axis = named ? normal_axis(axes[i], rank) : i;
        if (axis < 0)
            return axis;
        pads[axis] = given[i];
        pads[rank + axis] = given[n / 2 + i];
    }
    return AF_OK;
}

/* Element by element, those that are left where pads are negative. */
static void copy_inside(const struct tensor *x, struct tensor *y, const int64_t *before)
{
    const size_t size = dtype_size(x->type);
    int64_t index[TENSOR_MAX_RANK] = {0};
    for (int64_t i = 0; i < y->count; i++) {
        int64_t at = 0;
        bool inside = true;
        for (int a = 0; a < x->rank; a++) {
            const int64_t p = index[a] - before[a];
            inside = inside && p >= 0 && p < x->dim[a];
            at = at * x->dim[a] + p;
        }
        if (inside)
            memcpy((char *)y->data + (size_t)i * size, (const char *)x->data + (size_t)at * size,
                   size);
        for (int a = y->rank - 1; a >= 0 && ++index[a] == y->dim[a]; a--)
            index[a] = 0;
    }
}

static int run_pad(const struct call *c)
{
    const struct tensor *x = c->in[0];
    int64_t pads[2 * TENSOR_MAX_RANK], dim[TENSOR_MAX_RANK], stride[TENSOR_MAX_RANK];
    int status = read_pads(c, x->rank, pads);
    if (status)
        return status;
    const char *mode = node_string(c->node, "mode", "constant");
    const struct tensor *constant = call_input(c, 2);
    double fill = constant && constant->count ? tensor_get(constant, 0)
                                              : (double)node_float(c->node, "value", 0);
    bool crops = false;
    for (int i = 0; i < x->rank; i++) {
        if (llabs(pads[i]) > (1 << 24) || llabs(pads[x->rank + i]) > (1 << 24))
            return af_fail(AF_BAD_FILE, "pads are out of range");
        crops = crops || pads[i] < 0 || pads[x->rank + i] < 0;
        dim[i] = x->dim[i] + pads[i] + pads[x->rank + i];
        if (dim[i] < 0)
            return af_fail(AF_BAD_FILE, "pads crop more than there is");
    }
    status = call_output(c, 0, x->type, x->rank, dim);
    if (status)
        return status;
    struct tensor *y = &c->out[0];
    if (strcmp(mode, "constant") != 0) {
        if (x->count == 0)
            return af_fail(AF_BAD_FILE, "pads an empty tensor by its own values");
        return pad_by_itself(x, y, pads, mode);
    }
    if (fill != 0.0) {
        struct tensor one = {DTYPE_F64, 0, {0}, 1, &fill}, typed;
        status = tensor_convert(&typed, &one, x->type);
        if (status)
            return status;
        size_t size = dtype_size(x->type);
        for (int64_t i = 0; i < y->count; i++)
            memcpy((char *)y->data + (size_t)i * size, typed.data, size);
        tensor_free(&typed);
    }
    if (crops) {
        copy_inside(x, y, pads);
        return AF_OK;
    }
    int64_t origin = 0;
    tensor_strides(y, stride);
    for (int i = 0; i < x->rank; i++)
        origin += pads[i] * stride[i];
    scatter_affine(x, y, origin, stride);
    return AF_OK;
}

static int run_concat(const struct call *c)
{
    const struct tensor *first = c->in[0];
    int axis = normal_axis(node_int(c->node, "axis", 1), first->rank);
    if (axis < 0)
        return axis;
    int64_t dim[TENSOR_MAX_RANK], stride[TENSOR_MAX_RANK], at = 0;
    memcpy(dim, first->dim, sizeof dim);
    dim[axis] = 0;
    for (int k = 0; k < c->node->input_count; k++) {
        const struct tensor *x = c->in[k];
        if (!x || x->rank != first->rank || x->type != first->type)
            return af_fail(AF_BAD_FILE, "inputs differ in rank or type");
        for (int i = 0; i < x->rank; i++)
            if (i != axis && x->dim[i] != first->dim[i])
                return af_fail(AF_BAD_FILE, "inputs differ in axis %d", i);
        dim[axis] += x->dim[axis];
    }
    int status = call_output(c, 0, first->type, first->rank, dim);
    if (status)
        return status;
    tensor_strides(&c->out[0], stride);
    for (int k = 0; k < c->node->input_count; k++) {
        scatter_affine(c->in[k], &c->out[0], at * stride[axis], stride);
        at += c->in[k]->dim[axis];
    }
    return AF_OK;
}

static int run_split(const struct call *c)
{
    const struct tensor *x = c->in[0];
    int axis = normal_axis(node_int(c->node, "axis", 0), x->rank);
    if (axis < 0)
        return axis;
    int64_t sizes[256], stride[TENSOR_MAX_RANK], dim[TENSOR_MAX_RANK], at = 0;
    int parts = c->node->output_count, n = call_ints(c, 1, "split", sizes, 256);
    if (n < 0)
        return n;
    if (parts > 256 || (n && n != parts))
        return af_fail(AF_BAD_FILE, "split has %d sizes for %d outputs", n, parts);
    /* From opset 18 on the last part is what is left, and may be smaller. */
    const int64_t each = c->opset >= 18 ? (x->dim[axis] + parts - 1) / parts : x->dim[axis] / parts;
    tensor_strides(x, stride);
    memcpy(dim, x->dim, sizeof dim);
    for (int k = 0; k < parts; k++) {
        dim[axis] = n ? sizes[k] : k + 1 < parts || c->opset < 18 ? each : x->dim[axis] - at;
        if (dim[axis] < 0 || dim[axis] > x->dim[axis] - at)
            return af_fail(AF_BAD_FILE, "split sizes do not add up to the axis");
        int status = call_output(c, k, x->type, x->rank, dim);
        if (status)
            return status;
        if (c->out[k].count)
            gather_affine(x, &c->out[k], at * stride[axis], stride);
        at += dim[axis];
    }
    return AF_OK;
}

static int run_gather(const struct call *c)
{
    const struct tensor *x = c->in[0], *indices = c->in[1];
    int axis = normal_axis(node_int(c->node, "axis", 0), x->rank);
    if (axis < 0)
        return axis;
    int rank = x->rank - 1 + indices->rank, at = 0;
    if (rank > TENSOR_MAX_RANK)
        return af_fail(AF_UNSUPPORTED, "rank %d", rank);
    int64_t dim[TENSOR_MAX_RANK], outer = 1, inner = 1;
    for (int i = 0; i < axis; i++)
        outer *= dim[at++] = x->dim[i];
    for (int i = 0; i < indices->rank; i++)
        dim[at++] = indices->dim[i];
    for (int i = axis + 1; i < x->rank; i++)
        inner *= dim[at++] = x->dim[i];
    int status = call_output(c, 0, x->type, rank, dim);
    size_t size = dtype_size(x->type) * (size_t)inner;
    char *to = c->out[0].data;
    for (int64_t o = 0; !status && o < outer; o++)
        for (int64_t i = 0; i < indices->count; i++, to += size) {
            int from = normal_axis((int64_t)tensor_get(indices, i), (int)x->dim[axis]);
            if (from < 0)
                return af_fail(AF_BAD_FILE, "index %g is out of range", tensor_get(indices, i));
            memcpy(to, (const char *)x->data + (size_t)(o * x->dim[axis] + from) * size, size);
        }
    return status;
}

static int run_expand(const struct call *c)
{
    const struct tensor *x = c->in[0];
    int64_t want[TENSOR_MAX_RANK], dim[TENSOR_MAX_RANK], stride[TENSOR_MAX_RANK],
        step[TENSOR_MAX_RANK];
    int n = call_ints(c, 1, "shape", want, TENSOR_MAX_RANK);
    if (n < 0)
        return n;
    int rank = n > x->rank ? n : x->rank;
    tensor_strides(x, stride);
    for (int i = 0; i < rank; i++) {
        int a = i - (rank - x->rank), b = i - (rank - n);
        int64_t have = a >= 0 ? x->dim[a] : 1, asked = b >= 0 ? want[b] : 1;
        if (have != asked && have != 1 && asked != 1)
            return af_fail(AF_BAD_FILE, "axis of %lld cannot become %lld", (long long)have,
                           (long long)asked);
        dim[i] = have == 1 ? asked : have;
        step[i] = have == 1 ? 0 : stride[a];
    }
    int status = call_output(c, 0, x->type, rank, dim);
    if (!status && c->out[0].count)
        gather_affine(x, &c->out[0], 0, step);
    return status;
}

static int run_constant(const struct call *c)
{
    const struct attribute *a = node_attribute(c->node, "value");
    if (a && a->type == ATTRIBUTE_TENSOR)
        return tensor_copy(&c->out[0], &a->tensor);
    int64_t n;
    int status;
    if ((a = node_attribute(c->node, "value_int")) || (a = node_attribute(c->node, "value_ints"))) {
        n = a->type == ATTRIBUTE_INTS ? a->count : 1;
        status = call_output(c, 0, DTYPE_I64, a->type == ATTRIBUTE_INTS, &n);
        if (!status)
            memcpy(c->out[0].data, a->type == ATTRIBUTE_INTS ? a->ints : &a->i, (size_t)n * 8);
        return status;
    }
    if ((a = node_attribute(c->node, "value_float")) ||
        (a = node_attribute(c->node, "value_floats"))) {
        n = a->type == ATTRIBUTE_FLOATS ? a->count : 1;
        status = call_output(c, 0, DTYPE_F32, a->type == ATTRIBUTE_FLOATS, &n);
        if (!status)
            memcpy(c->out[0].data, a->type == ATTRIBUTE_FLOATS ? a->floats : &a->f, (size_t)n * 4);
        return status;
    }
    return af_fail(AF_UNSUPPORTED, "holds a value that is neither a tensor nor a number");
}

static int run_constant_of_shape(const struct call *c)
{
    int64_t dim[TENSOR_MAX_RANK];
    const struct tensor *shape = c->in[0];
    int rank = (int)shape->count;
    if (shape->count > TENSOR_MAX_RANK)
        return af_fail(AF_UNSUPPORTED, "rank %lld", (long long)shape->count);
    for (int i = 0; i < rank; i++)
        dim[i] = (int64_t)tensor_get(shape, i);
    const struct attribute *a = node_attribute(c->node, "value");
    bool given = a && a->type == ATTRIBUTE_TENSOR && a->tensor.count == 1;
    int status = call_output(c, 0, given ? a->tensor.type : DTYPE_F32, rank, dim);
    size_t size = given ? dtype_size(a->tensor.type) : 0;
    for (int64_t i = 0; !status && given && i < c->out[0].count; i++)
        memcpy((char *)c->out[0].data + (size_t)i * size, a->tensor.data, size);
    return status;
}

static int run_shape(const struct call *c)
{
    const struct tensor *x = c->in[0];
    int64_t from = node_int(c->node, "start", 0), to = node_int(c->node, "end", x->rank);
    from = clamp64(from < 0 ? from + x->rank : from, 0, x->rank);
    to = clamp64(to < 0 ? to + x->rank : to, from, x->rank);
    int64_t n = to - from;
    int status = call_output(c, 0, DTYPE_I64, 1, &n);
    if (!status)
        memcpy(c->out[0].data, x->dim + from, (size_t)n * sizeof *x->dim);
    return status;
}

static int run_size(const struct call *c)
{
    int status = call_output(c, 0, DTYPE_I64, 0, NULL);
    if (!status)
        *(int64_t *)c->out[0].data = c->in[0]->count;
    return status;
}

/* As the taps say, each alone; of any type. */
static int pick_elements(const struct resize *r, const struct tensor *x, struct tensor *y)
{
    const size_t size = dtype_size(x->type);
    int64_t stride[TENSOR_MAX_RANK], *from[TENSOR_MAX_RANK] = {NULL}, index[TENSOR_MAX_RANK] = {0};
    int status = AF_OK;
    tensor_strides(x, stride);
    for (int a = 0; a < x->rank && !status; a++) {
        from[a] = malloc((size_t)r->out[a] * sizeof *from[a]);
        if (!from[a])
            status = af_fail(AF_NO_MEMORY, "no memory");
        for (int64_t p = 0; !status && p < r->out[a]; p++)
            from[a][p] = stride[a] * resize_taps(r, a, p).from[0];
    }
    for (int64_t i = 0; !status && i < y->count; i++) {
        int64_t at = 0;
        for (int a = 0; a < x->rank; a++)
            at += from[a][index[a]];
        memcpy((char *)y->data + (size_t)i * size, (const char *)x->data + (size_t)at * size, size);
        for (int a = y->rank - 1; a >= 0 && ++index[a] == y->dim[a]; a--)
            index[a] = 0;
    }
    for (int a = 0; a < x->rank; a++)
        free(from[a]);
    return status;
}

/* Axis a of x, whose other axes stay. */
static int weigh_axis(const struct resize *r, int a, const struct tensor *x, struct tensor *y)
{
    int64_t dim[TENSOR_MAX_RANK], inner = 1;
    memcpy(dim, x->dim, sizeof dim);
    dim[a] = r->out[a];
    for (int i = a + 1; i < x->rank; i++)
        inner *= x->dim[i];
    int status = tensor_make(y, DTYPE_F32, x->rank, dim);
    const float *in = x->data;
    float *out = y->data;
    for (int64_t i = 0; !status && i < y->count / inner; i++) {
        const struct taps t = resize_taps(r, a, i % dim[a]);
        const float *line = in + i / dim[a] * x->dim[a] * inner;
        for (int64_t k = 0; k < inner; k++) {
            double sum = 0;
            for (int j = 0; j < t.count; j++)
                sum += t.weight[j] * (double)line[t.from[j] * inner + k];
            out[i * inner + k] = (float)sum;
        }
    }
    return status;
}

static int weigh_elements(const struct resize *r, const struct tensor *x, struct tensor *y)
{
    struct tensor at;
    int status = need_float(x);
    if (!status)
        status = tensor_copy(&at, x);
    for (int a = 0; !status && a < x->rank; a++) {
        struct tensor next = {0};
        if (r->in[a] == r->out[a] && r->scale[a] == 1)
            continue;
        status = weigh_axis(r, a, &at, &next);
        tensor_free(&at);
        at = next;
    }
    if (!status)
        memcpy(y->data, at.data, (size_t)y->count * sizeof(float));
    if (!need_float(x))
        tensor_free(&at);
    return status;
}

static int run_resize(const struct call *c)
{
    const struct tensor *x = c->in[0];
    struct resize r;
    int status = resize_of(c->node, c->opset, c->in, &r);
    if (!status)
        status = call_output(c, 0, x->type, x->rank, r.out);
    struct tensor *y = &c->out[0];
    if (status || !y->count)
        return status;
    if (!x->count)
        return af_fail(AF_BAD_FILE, "resizes an empty tensor");
    return r.mode == RESIZE_NEAREST ? pick_elements(&r, x, y) : weigh_elements(&r, x, y);
}

/* Channels to positions within a block (DepthToSpace), or back. */
static int shuffle(const struct call *c, bool to_space)
{
    const struct tensor *x = c->in[0];
    const int64_t block = node_int(c->node, "blocksize", 0), n = block * block;
    const bool columns_first = strcmp(node_string(c->node, "mode", "DCR"), "CRD") == 0;
    if (x->rank != 4 || block < 1 || block > 1 << 10 || (to_space && x->dim[1] % n) ||
        (!to_space && (x->dim[2] % block || x->dim[3] % block)))
        return af_fail(AF_BAD_FILE, "blocks of %lld do not fit its input", (long long)block);
    const int64_t channels = to_space ? x->dim[1] / n : x->dim[1]; /* of the larger map */
    const int64_t height = to_space ? x->dim[2] : x->dim[2] / block,
                  width = to_space ? x->dim[3] : x->dim[3] / block; /* of the smaller one */
    const int64_t small[4] = {x->dim[0], channels * n, height, width},
                  large[4] = {x->dim[0], channels, height * block, width * block};
    int status = call_output(c, 0, x->type, 4, to_space ? large : small);
    const size_t size = dtype_size(x->type);
    for (int64_t i = 0; !status && i < x->count; i++) { /* of the smaller map */
        const int64_t col = i % width, row = i / width % height,
                      deep = i / width / height % (channels * n),
                      sample = i / width / height / (channels * n);
        const int64_t channel = columns_first ? deep / n : deep % channels,
                      at = columns_first ? deep % n : deep / channels;
        const int64_t other =
            ((sample * channels + channel) * height * block + row * block + at / block) * width *
                block +
            col * block + at % block;
        memcpy((char *)c->out[0].data + (size_t)(to_space ? other : i) * size,
               (const char *)x->data + (size_t)(to_space ? i : other) * size, size);
    }
    return status;
}

static int run_depth_to_space(const struct call *c)
{
    return shuffle(c, true);
}

static int run_space_to_depth(const struct call *c)
{
    return shuffle(c, false);
}

const struct operator operators_move[] = {
    {"Concat", 1, run_concat},
    {"Constant", 0, run_constant},
    {"ConstantOfShape", 1, run_constant_of_shape},
    {"Dropout", 1, run_dropout},
    {"Expand", 2, run_expand},
    {"Flatten", 1, run_flatten},
    {"Gather", 2, run_gather},
    {"Identity", 1, run_identity},
    {"DepthToSpace", 1, run_depth_to_space},
    {"Pad", 1, run_pad},
    {"Reshape", 1, run_reshape},
    {"Resize", 1, run_resize},
    {"Shape", 1, run_shape},
    {"Size", 1, run_size},
    {"Slice", 1, run_slice},
    {"SpaceToDepth", 1, run_space_to_depth},
    {"Split", 1, run_split},
    {"Squeeze", 1, run_squeeze},
    {"Transpose", 1, run_transpose},
    {"Unsqueeze", 1, run_unsqueeze},
    {"Upsample", 1, run_resize},
    {NULL, 0, NULL},
};
