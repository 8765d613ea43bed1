"""The operators of graphs.py in torch: an opinion that shares no code with ONNX's programs.

Where torch means something else by a name (asymmetric pads, windows that are rounded up) the values
are padded and cut by hand; a graph that would need more raises NotImplementedError.
"""
import functools

import numpy as np
import torch
import torch.nn.functional as F
from onnx import helper, numpy_helper

TYPES = {1: torch.float32, 6: torch.int32, 7: torch.int64, 9: torch.bool, 11: torch.float64}


def integers(t):
    return [int(v) for v in t.reshape(-1)]


def spread(pads):
    """ONNX's begins and ends, as torch wants them: the last axis first, in pairs."""
    n = len(pads) // 2
    return [p for axis in reversed(range(n)) for p in (pads[axis], pads[n + axis])]


class Node:
    def __init__(self, node, opset):
        self.op, self.inputs, self.outputs, self.opset = node.op_type, node.input, node.output, opset
        self.attribute = {a.name: helper.get_attribute_value(a) for a in node.attribute}

    def get(self, name, otherwise=None):
        value = self.attribute.get(name, otherwise)
        return value.decode() if isinstance(value, bytes) else value


def window_pads(n, size, kernel, strides, dilations):
    """Pads before and after each axis."""
    rank, auto = len(kernel), n.get("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        begins, ends = [], []
        for i in range(rank):
            out = -(-size[i] // strides[i])
            total = max((out - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 - size[i], 0)
            less, more = total // 2, total - total // 2
            begins.append(less if auto == "SAME_UPPER" else more)
            ends.append(more if auto == "SAME_UPPER" else less)
        return begins + ends
    return list(n.get("pads", [0] * (2 * rank))) if auto == "NOTSET" else [0] * (2 * rank)


def conv(n, x, w, b=None):
    rank = w.dim() - 2
    strides, dilations = n.get("strides", [1] * rank), n.get("dilations", [1] * rank)
    pads = window_pads(n, x.shape[2:], w.shape[2:], strides, dilations)
    f = (F.conv1d, F.conv2d, F.conv3d)[rank - 1]
    return f(F.pad(x, spread(pads)), w, b, stride=strides, dilation=dilations, groups=n.get("group", 1))


def windows(n, x, fill):
    """Every window of a pooling as [batch, channels, positions..., elements]: `fill` outside."""
    kernel = n.get("kernel_shape")
    rank = len(kernel)
    strides, dilations = n.get("strides", [1] * rank), n.get("dilations", [1] * rank)
    pads = window_pads(n, x.shape[2:], kernel, strides, dilations)
    x = F.pad(x, spread(pads), value=fill)
    for i in range(rank):
        reach = (kernel[i] - 1) * dilations[i] + 1
        over = x.shape[2 + i] - reach
        count = (-(-over // strides[i]) if n.get("ceil_mode", 0) else over // strides[i]) + 1
        if n.get("ceil_mode", 0) and (count - 1) * strides[i] >= x.shape[2 + i] - pads[rank + i]:
            count -= 1  # a window may not begin in the padding behind (onnx/onnx#5741)
        more = (count - 1) * strides[i] + reach - x.shape[2 + i]
        if more > 0:
            x = F.pad(x, [0, 0] * (rank - 1 - i) + [0, more], value=float("nan"))
        at = torch.arange(count)[:, None] * strides[i] + torch.arange(kernel[i])[None] * dilations[i]
        x = x.index_select(2 + i, at.reshape(-1)).unflatten(2 + i, (count, kernel[i]))
        x = x.movedim(3 + i, -1)
    return x.flatten(-rank)


def max_pool(n, x):
    w = windows(n, x, float("-inf"))
    return torch.where(w.isnan(), torch.tensor(float("-inf")), w).amax(-1)


def average_pool(n, x):
    outside = float("nan") if not n.get("count_include_pad", 0) else 0.0
    w = windows(n, x, outside)
    return torch.nan_to_num(w).sum(-1) / (~w.isnan()).sum(-1)


def pad(n, x, pads=None, fill=None, axes=None):
    pads = integers(pads) if pads is not None else list(n.get("pads", n.get("paddings")))
    fill = float(fill) if fill is not None else n.get("value", 0.0)
    if axes is not None:
        whole, k = [0] * (2 * x.dim()), len(pads) // 2
        for i, a in enumerate(integers(axes)):
            whole[a], whole[x.dim() + a] = pads[i], pads[k + i]
        pads = whole
    if n.get("mode", "constant") != "constant":
        raise NotImplementedError("Pad by other values than a constant")
    return F.pad(x, spread(pads), value=fill)


def slices(n, x, starts=None, ends=None, axes=None, steps=None):
    starts = integers(starts) if starts is not None else n.get("starts")
    ends = integers(ends) if ends is not None else n.get("ends")
    axes = integers(axes) if axes is not None else n.get("axes", range(len(starts)))
    steps = integers(steps) if steps is not None else [1] * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps):
        at = torch.from_numpy(np.arange(x.shape[axis])[slice(start, end if end >= -x.shape[axis] else None, step)].copy())
        x = x.index_select(axis % x.dim(), at)
    return x


def source_of(n, then, now, factor):
    """Which of `now` elements each of `then` is, by the operator's formulas."""
    at = np.arange(then)
    mode = n.get("coordinate_transformation_mode", "half_pixel") if n.op == "Resize" and n.opset > 10 else "asymmetric"
    if mode == "asymmetric":
        x = at / factor
    elif mode == "align_corners":
        x = at * (now - 1) / (then - 1) if then > 1 else at * 0.0
    else:
        x = (at + 0.5) / factor - 0.5
        x = x * 0 if mode == "pytorch_half_pixel" and then == 1 else x
    rounding = n.get("nearest_mode", "round_prefer_floor") if n.op == "Resize" and n.opset > 10 else "floor"
    x = {"floor": np.floor, "ceil": np.ceil, "round_prefer_floor": lambda v: np.ceil(v - 0.5),
         "round_prefer_ceil": lambda v: np.floor(v + 0.5)}[rounding](x)
    return torch.from_numpy(np.clip(x, 0, now - 1).astype(np.int64))


def resize(n, x, *rest):
    if n.get("mode", "nearest") != "nearest":
        raise NotImplementedError("Resize between elements")
    if len(rest) > 2 and rest[2] is not None:
        factors = [s / now for s, now in zip(integers(rest[2]), x.shape)]
        size = integers(rest[2])
    else:
        given = n.get("scales") if not rest else rest[0 if n.opset < 11 else 1].tolist()
        factors = [float(f) for f in given]
        size = [int(np.floor(now * f)) for now, f in zip(x.shape, factors)]
    for axis, (then, factor) in enumerate(zip(size, factors)):
        if factor != 1:
            x = x.index_select(axis, source_of(n, then, x.shape[axis], factor))
    return x


def axes_of(n, given):
    return integers(given) if given is not None else n.get("axes")


def squeeze(n, x, axes=None):
    axes = axes_of(n, axes)
    keep = [s for i, s in enumerate(x.shape) if not (i in [a % x.dim() for a in axes] if axes else s == 1)]
    return x.reshape(keep)


def unsqueeze(n, x, axes=None):
    axes = axes_of(n, axes)
    for a in sorted(a % (x.dim() + len(axes)) for a in axes):
        x = x.unsqueeze(a)
    return x


def split(n, x, sizes=None):
    sizes = integers(sizes) if sizes is not None else n.get("split")
    axis = n.get("axis", 0)
    return torch.split(x, sizes or x.shape[axis] // len(n.outputs), axis)


def reshape(n, x, shape=None):
    shape = integers(shape) if shape is not None else n.get("shape")
    return x.reshape([x.shape[i] if s == 0 else s for i, s in enumerate(shape)])


def clip(n, x, low=None, high=None):
    low = low if low is not None else n.get("min")
    high = high if high is not None else n.get("max")
    x = x if low is None else torch.maximum(x, torch.as_tensor(low, dtype=x.dtype))
    return x if high is None else torch.minimum(x, torch.as_tensor(high, dtype=x.dtype))


def gemm(n, a, b, c=None):
    a, b = (a.T if n.get("transA", 0) else a), (b.T if n.get("transB", 0) else b)
    y = n.get("alpha", 1.0) * (a @ b)
    return y if c is None else y + n.get("beta", 1.0) * c


def normalise(n, x, scale, bias, mean, variance):
    return F.batch_norm(x, mean, variance, scale, bias, False, 0.0, n.get("epsilon", 1e-5))


def gather(n, x, at):
    axis = n.get("axis", 0) % x.dim()
    flat = torch.where(at < 0, at + x.shape[axis], at).reshape(-1)
    return x.index_select(axis, flat).reshape(x.shape[:axis] + at.shape + x.shape[axis + 1:])


def reduce_mean(n, x, axes=None):
    axes = axes_of(n, axes)
    return x.mean(tuple(axes) if axes else tuple(range(x.dim())), keepdim=bool(n.get("keepdims", 1)))


def reduced(n, x, axes):
    axes = axes_of(n, axes)
    return int(np.prod([x.shape[a] for a in axes])) if axes else x.numel()


def flatten(n, x):
    axis = n.get("axis", 1)
    return x.reshape(int(np.prod(x.shape[:axis])), -1)


def constant(n):
    (name, value), = n.attribute.items()  # value, value_float, value_ints and the like
    if name == "value":
        value = numpy_helper.to_array(value)
    return torch.from_numpy(np.array(value, dtype=np.float32 if "float" in name else None))


def spatial(x):
    return tuple(range(2, x.dim()))


OPERATORS = {
    "Add": lambda n, a, b: a + b, "Sub": lambda n, a, b: a - b, "Mul": lambda n, a, b: a * b,
    "Div": lambda n, a, b: torch.div(a, b, rounding_mode=None if a.is_floating_point() else "trunc"),
    "Neg": lambda n, x: -x, "Relu": lambda n, x: torch.relu(x), "MatMul": lambda n, a, b: a @ b,
    "Identity": lambda n, x: x, "Dropout": lambda n, x, *_: x, "Clip": clip, "Gemm": gemm, "Conv": conv,
    "MaxPool": max_pool, "AveragePool": average_pool, "BatchNormalization": normalise,
    "GlobalAveragePool": lambda n, x: x.mean(spatial(x), keepdim=True),
    "GlobalMaxPool": lambda n, x: x.amax(spatial(x), keepdim=True), "Pad": pad, "Slice": slices,
    "Resize": resize, "Upsample": resize, "Squeeze": squeeze, "Unsqueeze": unsqueeze, "Split": split,
    "Reshape": reshape, "Flatten": flatten, "Gather": gather, "ReduceMean": reduce_mean,
    "Transpose": lambda n, x: x.permute(n.get("perm", list(reversed(range(x.dim()))))),
    "Concat": lambda n, *xs: torch.cat(xs, n.get("axis")),
    "Expand": lambda n, x, shape: x + torch.zeros(integers(shape), dtype=x.dtype),
    "Shape": lambda n, x: torch.tensor(list(x.shape)), "Cast": lambda n, x: x.to(TYPES[n.get("to")]),
    "Constant": constant, "Abs": lambda n, x: x.abs(), "Sum": lambda n, *xs: sum(xs[1:], xs[0]),
    "LeakyRelu": lambda n, x: F.leaky_relu(x, n.get("alpha", 0.01)),
    "PRelu": lambda n, x, slope: torch.where(x < 0, x * slope, x),
    "HardSigmoid": lambda n, x: (n.get("alpha", 0.2) * x + n.get("beta", 0.5)).clamp(0, 1),
    "Max": lambda n, *xs: functools.reduce(torch.maximum, xs),
    "Min": lambda n, *xs: functools.reduce(torch.minimum, xs),
    "Mean": lambda n, *xs: sum(xs[1:], xs[0]) / len(xs), "CastLike": lambda n, x, like: x.to(like.dtype),
    "ReduceSum": lambda n, x, axes=None: reduce_mean(n, x, axes) * reduced(n, x, axes),
}


def evaluate(model, x):
    """The outputs for one sample, as numpy arrays."""
    value = {i.name: torch.from_numpy(np.array(numpy_helper.to_array(i))) for i in model.graph.initializer}
    value[model.graph.input[0].name] = torch.from_numpy(np.asarray(x, dtype=np.float32))
    opset = model.opset_import[0].version
    for node in model.graph.node:
        n = Node(node, opset)
        if n.op not in OPERATORS:
            raise NotImplementedError(n.op)
        out = OPERATORS[n.op](n, *[value[i] if i else None for i in n.inputs])
        for name, one in zip(n.outputs, out if isinstance(out, (tuple, list)) else [out]):
            value[name] = one
    return [value[o.name].numpy() for o in model.graph.output]
