#include "onnx/resize.h"

#include "base/error.h"
#include "onnx/operator.h"

#include <math.h>
#include <string.h>

/* Scales or sizes of all axes, where those of some are given (axes, from opset 18 on). Returns
 * what to use: `given` itself, or *all, whose data is `room`. */
static const struct tensor *of_all_axes(const struct node *n, const struct tensor *x,
                                        const struct tensor *given, bool sizes,
                                        double room[TENSOR_MAX_RANK], struct tensor *all)
{
    int64_t axes[TENSOR_MAX_RANK];
    const int count = node_ints(n, "axes", axes, TENSOR_MAX_RANK);
    if (!count || !given || given->count != count || count > x->rank)
        return given;
    for (int a = 0; a < x->rank; a++)
        room[a] = sizes ? (double)x->dim[a] : 1;
    for (int i = 0; i < count; i++) {
        const int axis = normal_axis(axes[i], x->rank);
        if (axis < 0)
            return given;
        room[axis] = tensor_get(given, i);
    }
    *all = (struct tensor){DTYPE_F64, 1, {x->rank}, x->rank, room};
    return all;
}

/* keep_aspect_ratio_policy: the axes that are resized share one scale. */
static void keep_aspect(const struct node *node, struct resize *r)
{
    const char *policy = node_string(node, "keep_aspect_ratio_policy", "stretch");
    const bool larger = strcmp(policy, "not_smaller") == 0;
    int64_t axes[TENSOR_MAX_RANK];
    const int n = node_ints(node, "axes", axes, TENSOR_MAX_RANK);
    bool resized[TENSOR_MAX_RANK] = {false};
    double one = larger ? 0 : INFINITY;
    if (!larger && strcmp(policy, "not_larger") != 0)
        return;
    for (int i = 0; i < (n ? n : r->rank) && i < TENSOR_MAX_RANK; i++) {
        const int a = n ? normal_axis(axes[i], r->rank) : i;
        if (a < 0)
            continue;
        resized[a] = true;
        one = larger ? fmax(one, r->scale[a]) : fmin(one, r->scale[a]);
    }
    for (int a = 0; a < r->rank; a++)
        if (resized[a]) {
            r->scale[a] = one;
            r->out[a] = (int64_t)floor(one * (double)r->in[a] + 0.5);
        }
}

static int scale_by(const struct tensor *scales, struct resize *r)
{
    if (scales->count != r->rank)
        return af_fail(AF_BAD_FILE, "%lld scales for rank %d", (long long)scales->count, r->rank);
    for (int a = 0; a < r->rank; a++) {
        r->scale[a] = tensor_get(scales, a);
        const double want = floor((double)r->in[a] * r->scale[a]);
        if (!(r->scale[a] > 0) || want > 1e9)
            return af_fail(AF_BAD_FILE, "scale %g is out of range", r->scale[a]);
        r->out[a] = (int64_t)want;
    }
    return AF_OK;
}

static int size_to(const struct node *n, const struct tensor *sizes, struct resize *r)
{
    if (sizes->count != r->rank)
        return af_fail(AF_BAD_FILE, "sizes do not fit the rank");
    for (int a = 0; a < r->rank; a++) {
        const double want = tensor_get(sizes, a);
        if (!(want >= 0 && want <= 1e9) || r->in[a] < 1)
            return af_fail(AF_BAD_FILE, "resizes %lld elements to %g", (long long)r->in[a], want);
        r->out[a] = (int64_t)want;
        r->scale[a] = (double)r->out[a] / (double)r->in[a];
    }
    keep_aspect(n, r);
    return AF_OK;
}

static int read_modes(const struct node *n, int opset, struct resize *r)
{
    const bool old = strcmp(n->op, "Upsample") == 0 || opset < 11;
    const char *mode = node_string(n, "mode", "nearest");
    r->mode = strcmp(mode, "nearest") == 0 ? RESIZE_NEAREST
              : strcmp(mode, "cubic") == 0 ? RESIZE_CUBIC
                                           : RESIZE_LINEAR;
    if (r->mode == RESIZE_LINEAR && strcmp(mode, "linear") != 0 && strcmp(mode, "bilinear") != 0)
        return af_fail(AF_UNSUPPORTED, "mode '%.20s'", mode);
    r->how = node_string(n, "coordinate_transformation_mode", old ? "asymmetric" : "half_pixel");
    r->round_mode = node_string(n, "nearest_mode", old ? "floor" : "round_prefer_floor");
    r->cubic = (double)node_float(n, "cubic_coeff_a", -0.75f);
    r->exclude_outside = node_int(n, "exclude_outside", 0) != 0;
    if (strcmp(r->how, "tf_crop_and_resize") == 0)
        return af_fail(AF_UNSUPPORTED, "coordinate transformation tf_crop_and_resize");
    if (node_int(n, "antialias", 0))
        return af_fail(AF_UNSUPPORTED, "antialias");
    return AF_OK;
}

int resize_of(const struct node *n, int opset, const struct tensor *const *input, struct resize *r)
{
    const struct call c = {n, opset, input, NULL};
    const struct tensor *x = input[0];
    const bool late = strcmp(n->op, "Resize") == 0 && opset >= 11;
    const struct tensor *scales = call_input(&c, late ? 2 : 1),
                        *sizes = late ? call_input(&c, 3) : NULL;
    const struct attribute *own = node_attribute(n, "scales"); /* of Upsample 7 */
    struct tensor of_node = {
        DTYPE_F32, 1, {own ? own->count : 0}, own ? own->count : 0, own ? own->floats : NULL};
    double room[TENSOR_MAX_RANK];
    struct tensor all;
    *r = (struct resize){.rank = x->rank};
    memcpy(r->in, x->dim, sizeof r->in);
    if (!scales && own && own->type == ATTRIBUTE_FLOATS)
        scales = &of_node;
    int status = read_modes(n, opset, r);
    if (status)
        return status;
    if (sizes && sizes->count)
        return size_to(n, of_all_axes(n, x, sizes, true, room, &all), r);
    if (scales && scales->count)
        return scale_by(of_all_axes(n, x, scales, false, room, &all), r);
    return af_fail(AF_BAD_FILE, "has neither scales nor sizes");
}

/* Where output position p is along the input's axis. */
static double position_of(const struct resize *r, int axis, int64_t p)
{
    const double in = (double)r->in[axis], out = (double)r->out[axis], scale = r->scale[axis];
    if (strcmp(r->how, "half_pixel") == 0 || (strcmp(r->how, "pytorch_half_pixel") == 0 && out > 1))
        return ((double)p + 0.5) / scale - 0.5;
    if (strcmp(r->how, "pytorch_half_pixel") == 0)
        return 0;
    if (strcmp(r->how, "half_pixel_symmetric") == 0) {
        const double adjust = out / (scale * in);
        return in / 2 * (1 - adjust) + ((double)p + 0.5) / scale - 0.5;
    }
    if (strcmp(r->how, "align_corners") == 0) /* of the size before it was rounded down */
        return scale * in > 1 ? (double)p * (in - 1) / (scale * in - 1) : 0;
    if (strcmp(r->how, "tf_half_pixel_for_nn") == 0)
        return ((double)p + 0.5) / scale;
    return (double)p / scale;
}

static double round_as(double at, const char *mode)
{
    if (strcmp(mode, "ceil") == 0)
        return ceil(at);
    if (strcmp(mode, "round_prefer_ceil") == 0)
        return floor(at + 0.5);
    if (strcmp(mode, "round_prefer_floor") == 0)
        return ceil(at - 0.5);
    return floor(at);
}

static int64_t within(double at, int64_t size)
{
    return at<0 ? 0 : at>(double)(size - 1) ? size - 1 : (int64_t)at;
}

/* Cubic convolution (Keys, IEEE Trans. ASSP 29 (1981) 1153-1160) at a distance. */
static double keys(double d, double a)
{
    d = fabs(d);
    return d <= 1  ? ((a + 2) * d - (a + 3)) * d * d + 1
           : d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
                   : 0;
}

/* Beyond the end the last element counts, or, with exclude_outside, nothing. */
static void add_tap(const struct resize *r, int axis, double at, double weight, struct taps *t)
{
    const int64_t from = within(at, r->in[axis]);
    if (weight == 0 || (r->exclude_outside && (at < 0 || at > (double)(r->in[axis] - 1))))
        return;
    for (int k = 0; k < t->count; k++)
        if (t->from[k] == from) {
            t->weight[k] += weight;
            return;
        }
    t->from[t->count] = from;
    t->weight[t->count++] = weight;
}

struct taps resize_taps(const struct resize *r, int axis, int64_t position)
{
    struct taps t = {0};
    const double at = position_of(r, axis, position), whole = floor(at);
    if (r->mode == RESIZE_NEAREST) {
        t = (struct taps){1, {within(round_as(at, r->round_mode), r->in[axis])}, {1}};
        return t;
    }
    const int side = r->mode == RESIZE_LINEAR ? 0 : 1;
    for (int k = -side; k <= side + 1; k++) {
        const double d = at - (whole + k);
        add_tap(r, axis, whole + k, side ? keys(d, r->cubic) : 1 - fabs(d), &t);
    }
    double sum = 0;
    for (int k = 0; k < t.count; k++)
        sum += t.weight[k];
    for (int k = 0; r->exclude_outside && k < t.count; k++)
        t.weight[k] /= sum;
    return t;
}
