"""Random ONNX graphs of what AdaFire converts: make(seed) is the same graph for ever.

A graph grows by steps. Each takes a value that is there and puts an operator of a random kind
behind it, with random attributes, in the writing of a random opset (9..23). What a step makes is
valid ONNX, but not always convertible: refusals are tested as well. Values keep to a sane range
because weights are scaled by their fan-in.
"""
import random

import numpy as np
from onnx import TensorProto, helper, numpy_helper

STEPS_MOST = 15
ELEMENTS_MOST = 500
SAMPLES = 4
ENDS = ("Softmax", "LogSoftmax", "Sigmoid", "ArgMax")


class Value:
    def __init__(self, name, shape):
        self.name = name
        self.shape = tuple(int(d) for d in shape)
        self.reads = 0

    @property
    def rank(self):
        return len(self.shape)

    @property
    def count(self):
        return int(np.prod(self.shape))

    @property
    def is_map(self):
        return self.rank in (3, 4) and self.shape[0] == 1


class Skip(Exception):
    """The step does not fit the value; another one is tried."""


class Graph:
    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.opset = self.dice.randint(9, 23)
        self.nodes, self.initializers, self.values = [], [], []
        self.names = 0

    # ---- Dice ----------------------------------------------------------------------------------

    def chance(self, p):
        return self.dice.random() < p

    def pick(self, choices):
        return choices[self.dice.randrange(len(choices))]

    def roll(self, least, most):
        return self.dice.randint(least, most)

    def array(self, shape, middle=0.0, spread=1.0):
        count = int(np.prod(shape))
        numbers = [self.dice.randint(-64, 64) / 64 for _ in range(count)]
        return (np.array(numbers, np.float32) * np.float32(spread) + np.float32(middle)).reshape(shape)

    # ---- Building ------------------------------------------------------------------------------

    def name(self, kind):
        self.names += 1
        return f"{kind}{self.names}"

    def add(self, op, inputs, shape, outputs=1, **attributes):
        """Adds a node; returns its output, a Value, or a list of them if `shape` is one of shapes."""
        several = bool(shape) and isinstance(shape[0], (list, tuple))
        shapes = shape if several else [shape]
        made = [Value(self.name("v"), s) for s in shapes]
        names = []
        for v in inputs:
            names.append(v.name if isinstance(v, Value) else v)
            if isinstance(v, Value):
                v.reads += 1
        label = f"my_{op}_{len(self.nodes)}" if self.chance(0.8) else ""
        self.nodes.append(helper.make_node(op, names, [m.name for m in made], name=label, **attributes))
        return made if several else made[0]

    def keep(self, value):
        """The value may be read by later steps."""
        if value.count > ELEMENTS_MOST or value.rank > 5 or value.count < 1:
            raise Skip
        self.values.append(value)
        return value

    def constant(self, array):
        """The name of a constant: an initializer, a Constant, or something that folds to one."""
        array = np.asarray(array)
        name = self.name("c")
        how = self.dice.random()
        if how < 0.15:
            self.nodes.append(helper.make_node("Constant", [], [name], **self.constant_attribute(array)))
            return name
        if how > 0.97:  # one number after the other, not as bytes
            kind = TensorProto.FLOAT if array.dtype == np.float32 else TensorProto.INT64
            if kind == TensorProto.FLOAT or array.dtype == np.int64:
                self.initializers.append(helper.make_tensor(name, kind, array.shape, array.ravel().tolist()))
                return name
        self.initializers.append(numpy_helper.from_array(array, name))
        if how < 0.2:
            self.nodes.append(helper.make_node("Identity", [name], [name + "i"]))
            return name + "i"
        if how < 0.23 and array.dtype == np.float32 and array.ndim > 1:
            perm = list(range(array.ndim))[::-1]
            self.initializers[-1] = numpy_helper.from_array(np.ascontiguousarray(array.T), name)
            self.nodes.append(helper.make_node("Transpose", [name], [name + "t"], perm=perm))
            return name + "t"
        return name

    def constant_attribute(self, array):
        """A Constant's value, from opset 12 on at times as plain numbers."""
        plain = self.opset >= 12 and array.ndim < 2 and self.chance(0.5)
        if plain and array.dtype == np.float32 and array.size:
            return {"value_floats": array.tolist()} if array.ndim else {"value_float": float(array)}
        if plain and array.dtype == np.int64 and array.size:
            return {"value_ints": array.tolist()} if array.ndim else {"value_int": int(array)}
        return {"value": numpy_helper.from_array(array)}

    def axis(self, a, rank):
        """At times counted from the end, which old opsets do not know."""
        return a - rank if self.opset >= 11 and self.chance(0.2) else a

    def ints(self, values):
        return self.constant(np.array(values, np.int64))

    def choose(self, fits=lambda v: True):
        """A value to go on from: mostly the last one."""
        if self.chance(0.6) and fits(self.values[-1]):
            return self.values[-1]
        those = [v for v in self.values if fits(v)]
        if not those:
            raise Skip
        return self.pick(those)


# ---- Windows -----------------------------------------------------------------------------------

def window(g, size, kernel_most, dilations, ceil, pads_below_kernel):
    """Attributes of a window over the axes `size`, and what it leaves of them."""
    axes = len(size)
    kernel = [g.roll(1, kernel_most) for _ in size]
    dilation = [g.pick([1, 1, 1, 2, 3]) if dilations else 1 for _ in size]
    if not dilations or g.chance(0.7):
        dilation = [1] * axes
    stride = [g.pick([1, 1, 1, 2, 2, 3]) for _ in size]
    if g.chance(0.4):
        stride = [1] * axes
    attributes = {"kernel_shape": kernel}
    if stride != [1] * axes or g.chance(0.3):
        attributes["strides"] = stride
    if dilation != [1] * axes or (dilations and g.chance(0.2)):
        attributes["dilations"] = dilation
    extent = [(k - 1) * d + 1 for k, d in zip(kernel, dilation)]
    auto = g.pick(["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]) if g.chance(0.25) else None
    if auto and auto != "NOTSET":
        attributes["auto_pad"] = auto
        if auto != "VALID" and dilation != [1] * axes:
            raise Skip  # the reference does not do it
        if auto == "VALID":
            if any(e > s for e, s in zip(extent, size)):
                raise Skip
            return attributes, [(s - e) // t + 1 for s, e, t in zip(size, extent, stride)]
        return attributes, [-(-s // t) for s, t in zip(size, stride)]
    if auto:
        attributes["auto_pad"] = auto
    most = [min(2, k - 1) if pads_below_kernel else 2 for k in kernel]
    before = [g.roll(0, m) if g.chance(0.5) else 0 for m in most]
    after = [g.roll(0, m) if g.chance(0.4) else b if b <= m else 0 for m, b in zip(most, before)]
    if any(before) or any(after) or g.chance(0.2):
        attributes["pads"] = before + after
    if ceil and g.chance(0.4):
        attributes["ceil_mode"] = 1
    out = []
    for i in range(axes):
        span = size[i] + before[i] + after[i] - extent[i]
        if span < 0:
            raise Skip
        n = span // stride[i] + 1
        if attributes.get("ceil_mode"):
            n = -(-span // stride[i]) + 1
            if (n - 1) * stride[i] >= size[i] + before[i]:
                n -= 1
        out.append(n)
    return attributes, out


# ---- Linear operators --------------------------------------------------------------------------

def conv(g, v=None, channels=None):
    v = v or g.choose(lambda v: v.is_map)
    size = list(v.shape[2:])
    attributes, out = window(g, size, 4, True, False, False)
    c = v.shape[1]
    groups = g.pick([d for d in range(1, c + 1) if c % d == 0]) if g.chance(0.4) else 1
    channels = channels or groups * g.roll(1, max(1, 6 // groups))
    if channels % groups:
        groups = 1
    kernel = attributes["kernel_shape"]
    fan_in = c // groups * int(np.prod(kernel))
    weight = g.array([channels, c // groups] + kernel, spread=1.7 / fan_in ** 0.5)
    if g.chance(0.1):
        weight[g.roll(0, channels - 1)] = 0
    inputs = [v, g.constant(weight)]
    if g.chance(0.7):
        inputs.append(g.constant(g.array([channels], spread=0.5)))
    if g.chance(0.3):
        del attributes["kernel_shape"]
    if groups > 1 or g.chance(0.2):
        attributes["group"] = groups
    return g.keep(g.add("Conv", inputs, [1, channels] + out, **attributes))


def conv_transpose(g):
    v = g.choose(lambda v: v.is_map)
    size, axes, c = list(v.shape[2:]), v.rank - 2, v.shape[1]
    groups = g.pick([d for d in range(1, c + 1) if c % d == 0]) if g.chance(0.4) else 1
    per = g.roll(1, max(1, 5 // groups))
    kernel, strides = [g.roll(1, 4) for _ in size], [g.roll(1, 3) for _ in size]
    dilations = [g.roll(1, 2) if g.chance(0.2) else 1 for _ in size]
    more = [g.roll(0, s - 1) if g.chance(0.3) else 0 for s in strides]
    full = [(n - 1) * s + (k - 1) * d + 1 + m
            for n, s, k, d, m in zip(size, strides, kernel, dilations, more)]
    before, after = [g.roll(0, k // 2) for k in kernel], [g.roll(0, k // 2) for k in kernel]
    out = [f - b - a for f, b, a in zip(full, before, after)]
    if min(out) < 1 or np.prod(out) * groups * per > ELEMENTS_MOST:
        raise Skip
    weight = g.array([c, per] + kernel, spread=1.7 / (c // groups * int(np.prod(kernel))) ** 0.5)
    inputs = [v, g.constant(weight)] + ([g.constant(g.array([groups * per], spread=0.5))] if g.chance(0.6) else [])
    attributes = {"strides": strides, "pads": before + after}
    if any(more):
        attributes["output_padding"] = more
    if max(dilations) > 1 or g.chance(0.2):
        attributes["dilations"] = dilations
    if groups > 1:
        attributes["group"] = groups
    return g.keep(g.add("ConvTranspose", inputs, [1, groups * per] + out, **attributes))


def pixel_shuffle(g):
    """Channels to positions, or back, as an operator."""
    block = g.pick([2, 2, 3])
    if g.chance(0.5):
        v = g.choose(lambda v: v.rank == 4 and v.is_map and v.shape[1] % (block * block) == 0)
        shape = [1, v.shape[1] // block ** 2, v.shape[2] * block, v.shape[3] * block]
        attributes = {"mode": g.pick(["DCR", "CRD"])} if g.opset >= 11 and g.chance(0.7) else {}
        return g.keep(g.add("DepthToSpace", [v], shape, blocksize=block, **attributes))
    v = g.choose(lambda v: v.rank == 4 and v.is_map and v.shape[2] % block == 0 and v.shape[3] % block == 0)
    shape = [1, v.shape[1] * block ** 2, v.shape[2] // block, v.shape[3] // block]
    return g.keep(g.add("SpaceToDepth", [v], shape, blocksize=block))


def pointwise(g, v=None, channels=None):
    """A convolution that keeps the map's size."""
    v = v or g.choose(lambda v: v.is_map)
    c = v.shape[1]
    channels = channels or g.roll(1, 6)
    k = g.pick([1, 1, 3])
    axes = v.rank - 2
    weight = g.array([channels, c] + [k] * axes, spread=1.7 / (c * k ** axes) ** 0.5)
    inputs = [v, g.constant(weight)] + ([g.constant(g.array([channels], spread=0.5))] if g.chance(0.6) else [])
    return g.keep(g.add("Conv", inputs, [1, channels] + list(v.shape[2:]), pads=[k // 2] * 2 * axes))


def gemm(g, v=None):
    v = v or g.choose()
    transposed = v.rank == 2 and v.shape[1] == 1 and v.shape[0] > 1
    if v.rank != 2 or (v.shape[0] != 1 and not transposed):
        v = flatten(g, v, 1)
    if v.shape[0] != 1 and not transposed:
        raise Skip
    n, out = v.count, g.roll(1, 6)
    attributes = {"transA": 1} if transposed else {"transA": 0} if g.chance(0.1) else {}
    weight = g.array([n, out], spread=1.7 / n ** 0.5)
    if g.chance(0.5):
        weight, attributes["transB"] = np.ascontiguousarray(weight.T), 1
    inputs = [v, g.constant(weight)]
    if g.opset < 11 or g.chance(0.7):
        shape = g.pick([[out], [out], [1, out], [1], [], [1, 1]])
        inputs.append(g.constant(g.array(shape, spread=0.5)))
    if g.chance(0.3):
        attributes["alpha"] = g.pick([0.5, 2.0, -1.5, 1.0])
    if g.chance(0.3):
        attributes["beta"] = g.pick([0.5, 2.0, -1.0, 0.0])
    return g.keep(g.add("Gemm", inputs, [1, out], **attributes))


def matmul(g):
    v = g.choose()
    if g.chance(0.6) and not (v.rank == 2 and v.shape[0] == 1):
        v = flatten(g, v, 1)
    if v.rank < 1:
        raise Skip
    out = g.roll(1, 6)
    if g.chance(0.06) and v.rank == 2:
        weight = g.array([out, v.shape[0]], spread=1.7 / v.shape[0] ** 0.5)
        return g.keep(g.add("MatMul", [g.constant(weight), v], [out, v.shape[1]]))
    n = v.shape[-1]
    vector = g.chance(0.05) and v.rank > 1
    weight = g.array([n] if vector else [n, out], spread=1.7 / n ** 0.5)
    return g.keep(g.add("MatMul", [v, g.constant(weight)], list(v.shape[:-1]) + ([] if vector else [out])))


def batch_norm(g, v=None):
    v = v or g.choose(lambda v: v.rank in (2, 3, 4) and v.shape[0] == 1)
    c = v.shape[1]
    parameters = [g.array([c], g.pick([1, 1, 0, -1]), 0.5), g.array([c], 0, 0.5), g.array([c], 0, 0.5), g.array([c], 1.5)]
    attributes = {"epsilon": g.pick([1e-3, 1e-5, 0.1])} if g.chance(0.4) else {}
    if g.chance(0.2):
        attributes["momentum"] = 0.9
    return g.keep(g.add("BatchNormalization", [v] + [g.constant(p) for p in parameters], v.shape, **attributes))


def piecewise(g):
    """What becomes a sum of ReLUs."""
    v = g.choose(lambda v: v.rank > 0 and v.shape[0] == 1)
    op = g.pick(["LeakyRelu", "PRelu", "Abs", "HardSigmoid", "Max", "Min", "Sum", "Mean"])
    if op == "PRelu" and v.rank > 1:
        slope = g.array([v.shape[1]] + [1] * (v.rank - 2), 0.1, 0.3)
        return g.keep(g.add(op, [v, g.constant(slope)], v.shape))
    if op in ("Max", "Min", "Sum", "Mean"):
        others = [w for w in g.values if w.shape == v.shape and w is not v]
        inputs = [v] + ([g.pick(others)] if others and g.chance(0.7) else []) \
            + ([g.constant(np.float32(g.pick([0.25, -0.5])))] if g.chance(0.4) else [])
        g.dice.shuffle(inputs)
        return g.keep(g.add(op, inputs, v.shape))
    attributes = {"alpha": g.pick([0.1, 0.3, 0.01])} if op in ("LeakyRelu", "HardSigmoid") and g.chance(0.7) else {}
    if op == "HardSigmoid" and g.chance(0.5):
        attributes["beta"] = g.pick([0.2, 0.6])
    if op == "PRelu":
        raise Skip
    return g.keep(g.add(op, [v], v.shape, **attributes))


def average_pool(g):
    v = g.choose(lambda v: v.is_map)
    attributes, out = window(g, list(v.shape[2:]), 4, g.opset >= 19, g.opset >= 10, True)
    if g.chance(0.4):
        attributes["count_include_pad"] = g.pick([0, 1, 1])
    return g.keep(g.add("AveragePool", [v], list(v.shape[:2]) + out, **attributes))


def max_pool(g, v=None):
    v = v or g.choose(lambda v: v.is_map)
    attributes, out = window(g, list(v.shape[2:]), 4, g.opset >= 10, g.opset >= 10, True)
    shape = list(v.shape[:2]) + out
    if g.chance(0.05):
        return g.keep(g.add("MaxPool", [v], [shape, shape], **attributes)[0])
    return g.keep(g.add("MaxPool", [v], shape, **attributes))


def global_pool(g):
    v = g.choose(lambda v: v.is_map)
    op = g.pick(["GlobalAveragePool", "GlobalMaxPool"])
    return g.keep(g.add(op, [v], list(v.shape[:2]) + [1] * (v.rank - 2)))


def reduce_mean(g):
    v = g.choose(lambda v: v.rank >= 2)
    axes = list(range(2, v.rank)) if g.chance(0.85) else [g.roll(1, v.rank - 1)]
    if not axes:
        raise Skip
    op = g.pick(["ReduceMean", "ReduceMean", "ReduceSum"])
    written = [g.axis(a, v.rank) for a in axes]
    as_input = g.opset >= (13 if op == "ReduceSum" else 18)
    attributes = {} if as_input else {"axes": written}
    keep = g.chance(0.5)
    if not keep or g.chance(0.3):
        attributes["keepdims"] = int(keep)
    if as_input and g.chance(0.2):
        attributes["noop_with_empty_axes"] = g.pick([0, 1])
    shape = [1 if i in axes else d for i, d in enumerate(v.shape) if keep or i not in axes]
    return g.keep(g.add(op, [v, g.ints(written)] if as_input else [v], shape, **attributes))


# ---- Elementwise operators ---------------------------------------------------------------------

def relu(g, v=None):
    v = v or g.choose()
    return g.keep(g.add("Relu", [v], v.shape))


def clip(g):
    v = g.choose()
    low, high = 0.0, g.pick([6.0, 1.0, 0.5, 2.0])
    if g.chance(0.3):  # as ReLU6 is exported at times
        v, low = g.add("Relu", [v], v.shape), None
    elif g.chance(0.1):
        high = None
    if g.chance(0.3) and high != 0.5:
        low = g.pick([-1.0, 0.5])
    if g.opset < 11:
        attributes = {k: x for k, x in (("min", low), ("max", high)) if x is not None}
        return g.keep(g.add("Clip", [v], v.shape, **attributes))
    bounds = ["" if x is None else g.constant(np.float32(x)) for x in (low, high)]
    return g.keep(g.add("Clip", [v] + (bounds[:1] if high is None else bounds), v.shape))


def constant_operand(g, v, middle=0.0, spread=1.0):
    """A constant that broadcasts to the value: one number, one per channel, a row, or all."""
    shapes = [[], [1], [1] * v.rank]
    if v.rank >= 2:
        shapes += 3 * [[v.shape[1]] + [1] * (v.rank - 2)] + 2 * [[1, v.shape[1]] + [1] * (v.rank - 2)]
        shapes += [list(v.shape), list(v.shape[1:]), [v.shape[-1]]]
    return g.constant(g.array(g.pick(shapes), middle, spread))


def add_constant(g):
    v = g.choose()
    operands = [v, constant_operand(g, v)]
    if g.chance(0.3):
        operands.reverse()
    return g.keep(g.add(g.pick(["Add", "Add", "Sub"]), operands, v.shape))


def widened_sum(g):
    """A sum in which a constant or another value is larger than the value."""
    v = g.choose(lambda v: v.is_map)
    if g.chance(0.5):
        pooled = g.add("GlobalAveragePool", [v], list(v.shape[:2]) + [1] * (v.rank - 2))
        return g.keep(g.add("Add", [v, pooled], v.shape))
    ones = g.add("GlobalMaxPool", [v], list(v.shape[:2]) + [1] * (v.rank - 2))
    return g.keep(g.add("Add", [ones, g.constant(g.array(v.shape))], v.shape))


def scale(g):
    v = g.choose()
    shapes = [[], [1], [1] * v.rank]
    if v.rank >= 2:
        shapes += 3 * [[v.shape[1]] + [1] * (v.rank - 2)] + 2 * [[1, v.shape[1]] + [1] * (v.rank - 2)]
        if g.chance(0.1):
            shapes = [list(v.shape), [v.shape[-1]]]
    factor = g.array(g.pick(shapes), g.pick([1.25, 1.25, -1.25]), 0.5)
    op = g.pick(["Mul", "Mul", "Div"])
    operands = [v, g.constant(factor)]
    if op == "Mul" and g.chance(0.3):
        operands.reverse()
    return g.keep(g.add(op, operands, v.shape))


def negate(g):
    v = g.choose()
    return g.keep(g.add("Neg", [v], v.shape))


def partner(g, v):
    """Another value of the same shape: one that is there, or one that is made of it."""
    others = [o for o in g.values if o.shape == v.shape and o is not v]
    if others and g.chance(0.6):
        return g.pick(others)
    if g.chance(0.2):
        return relu(g, v)
    if v.is_map and g.chance(0.9):
        made = pointwise(g, v, v.shape[1])
        return relu(g, made) if g.chance(0.5) else made
    return v


def add_values(g):
    v = g.choose()
    pair = [v, partner(g, v)]
    g.dice.shuffle(pair)
    return g.keep(g.add(g.pick(["Add", "Add", "Sub"]), pair, v.shape))


# ---- Movements ---------------------------------------------------------------------------------

def concat(g):
    v = g.choose(lambda v: v.rank >= 2)
    axis = 1 if g.chance(0.6) else g.roll(1, v.rank - 1)

    def rest(o):
        return o.rank == v.rank and all(o.shape[a] == v.shape[a] for a in range(v.rank) if a != axis)

    others = [o for o in g.values if rest(o)]
    parts = [v]
    for _ in range(g.pick([1] * 12 + [2] * 5 + [0, 3])):
        if g.chance(0.12):
            shape = list(v.shape)
            shape[axis] = g.roll(1, 2)
            parts.append(g.constant(g.array(shape)))
        elif g.chance(0.5):
            parts.append(g.pick(others))
        else:
            parts.append(pointwise(g, v) if axis == 1 and v.is_map else relu(g, v))
    g.dice.shuffle(parts)
    shape = list(v.shape)
    shape[axis] = 0
    for p in parts:
        shape[axis] += p.shape[axis] if isinstance(p, Value) else constant_shape(g, p)[axis]
    return g.keep(g.add("Concat", parts, shape, axis=g.axis(axis, v.rank)))


def constant_shape(g, name):
    for t in g.initializers:
        if t.name == name or t.name + "i" == name:
            return list(t.dims)
        if t.name + "t" == name:
            return list(t.dims)[::-1]
    node = next(n for n in g.nodes if name in n.output)
    return list(helper.get_attribute_value(node.attribute[0]).dims)


def resize(g, v=None):
    v = v or g.choose(lambda v: v.is_map)
    scales = [1.0, 1.0] + [float(g.pick([1, 2, 2, 3])) for _ in v.shape[2:]]
    if g.opset >= 11 and g.chance(0.2):
        scales[g.roll(2, v.rank - 1)] = g.pick([1.5, 0.5, 2.5])
    shape = [int(np.floor(d * s)) for d, s in zip(v.shape, scales)]
    if min(shape) < 1 or np.prod(shape) > ELEMENTS_MOST:
        raise Skip
    ratios = g.constant(np.array(scales, np.float32))
    if g.opset == 9:
        return g.keep(g.add("Upsample", [v, ratios], shape, mode="nearest"))
    if g.opset == 10:
        return g.keep(g.add("Resize", [v, ratios], shape, mode="nearest"))
    attributes = {"mode": g.pick(["nearest", "nearest", "linear", "cubic"])}
    if attributes["mode"] == "cubic" and v.rank == 3:  # which onnxruntime has for maps alone
        raise Skip
    if g.chance(0.7):
        attributes["coordinate_transformation_mode"] = g.pick(
            ["asymmetric", "asymmetric", "half_pixel", "pytorch_half_pixel", "align_corners"])
    if attributes["mode"] == "nearest" and g.chance(0.7):
        attributes["nearest_mode"] = g.pick(["floor", "floor", "round_prefer_floor", "round_prefer_ceil", "ceil"])
    empty = "" if g.opset >= 13 else g.constant(np.zeros(0, np.float32))
    if g.opset >= 18 and g.chance(0.3):  # of the axes behind the first two alone
        attributes["axes"] = list(range(2, v.rank))
        if g.chance(0.5):
            return g.keep(g.add("Resize", [v, "", "", g.ints(shape[2:])], shape, **attributes))
        ratios = g.constant(np.array(scales[2:], np.float32))
        return g.keep(g.add("Resize", [v, "", ratios], shape, **attributes))
    if g.chance(0.5):
        return g.keep(g.add("Resize", [v, empty, empty, g.ints(shape)], shape, **attributes))
    return g.keep(g.add("Resize", [v, empty, ratios], shape, **attributes))


def pad(g, v=None):
    v = v or g.choose(lambda v: v.rank >= 2)
    before, after = [0] * v.rank, [0] * v.rank
    first = 1 if g.chance(0.3) or v.rank == 2 else 2
    for a in range(first, v.rank):
        before[a], after[a] = g.pick([0, 0, 1, 2]), g.pick([0, 1, 1, 2])
    mode = g.pick(["reflect", "edge"]) if g.chance(0.3) else "constant"
    if g.chance(0.1) and v.shape[-1] > 2:
        before[-1] = -1
    if mode == "reflect" and any(max(b, a) >= d for b, a, d in zip(before, after, v.shape)):
        raise Skip
    shape = [d + b + a for d, b, a in zip(v.shape, before, after)]
    fill = g.pick([0.0, 0.75, -0.5, 1.5])
    attributes = {"mode": mode} if mode != "constant" or g.chance(0.3) else {}
    if g.opset < 11:
        if fill:
            attributes["value"] = fill
        return g.keep(g.add("Pad", [v], shape, pads=before + after, **attributes))
    inputs = [v, g.ints(before + after)]
    if mode == "constant" and (fill or g.chance(0.3)):
        inputs.append(g.constant(np.float32(fill)))
    if g.opset >= 18 and g.chance(0.3):  # of these axes alone, in any order
        axes = list(range(first, v.rank))
        g.dice.shuffle(axes)
        inputs[1] = g.ints([before[a] for a in axes] + [after[a] for a in axes])
        inputs += [""] * (3 - len(inputs)) + [g.ints([g.axis(a, v.rank) for a in axes])]
    return g.keep(g.add("Pad", inputs, shape, **attributes))


def cut(g):
    """Slice."""
    v = g.choose(lambda v: v.rank >= 2)
    axes = g.dice.sample(range(1, v.rank), g.roll(1, min(2, v.rank - 1)))
    starts, ends, steps = [], [], []
    for a in axes:
        d = v.shape[a]
        step = g.pick([1, 1, 1, 2, 3]) if g.opset >= 10 else 1
        if g.opset >= 10 and g.chance(0.06):
            step = -1
        start = g.roll(0, max(0, d // 2))
        end = g.pick([d, d - 1 if d - 1 > start else d, 1000, 2 ** 63 - 1])
        if step < 0:
            start, end = d - 1, -d - 1
        elif g.chance(0.3):
            start -= d
        starts.append(start)
        ends.append(end)
        steps.append(step)
    index = [slice(None)] * v.rank
    for a, s, e, t in zip(axes, starts, ends, steps):
        index[a] = slice(s, None if t < 0 else e, t)
    shape = np.empty(v.shape, np.int8)[tuple(index)].shape
    if 0 in shape:
        raise Skip
    written = [g.axis(a, v.rank) for a in axes]
    if g.opset < 10:
        return g.keep(g.add("Slice", [v], shape, starts=starts, ends=ends, axes=written))
    inputs = [v, g.ints(starts), g.ints(ends), g.ints(written)]
    if any(t != 1 for t in steps) or g.chance(0.2):
        inputs.append(g.ints(steps))
    return g.keep(g.add("Slice", inputs, shape))


def split(g):
    v = g.choose(lambda v: v.rank >= 2 and max(v.shape[1:]) > 1)
    axis = g.pick([a for a in range(1, v.rank) if v.shape[a] > 1])
    d = v.shape[axis]
    first = -(-d // 2) if g.opset >= 18 and g.chance(0.4) else g.roll(1, d - 1)
    sizes = [first, d - first]
    shapes = [[s if a == axis else n for a, n in enumerate(v.shape)] for s in sizes]
    attributes = {"axis": g.axis(axis, v.rank)}
    inputs = [v]
    if g.opset >= 18 and first == -(-d // 2) and g.chance(0.7):
        attributes["num_outputs"] = 2
    elif sizes[0] != sizes[1] or g.opset >= 18 or g.chance(0.5):
        if g.opset < 13:
            attributes["split"] = sizes
        else:
            inputs.append(g.ints(sizes))
    parts = g.add("Split", inputs, shapes, **attributes)
    g.dice.shuffle(parts)
    g.keep(parts[0])
    return g.keep(parts[1])


def flatten(g, v=None, axis=None):
    v = v or g.choose()
    if axis is None:
        axis = 1 if g.chance(0.8) else g.roll(0, v.rank)
    shape = [int(np.prod(v.shape[:axis])), int(np.prod(v.shape[axis:]))]
    attributes = {} if axis == 1 and g.chance(0.5) else {"axis": axis}
    return g.keep(g.add("Flatten", [v], shape, **attributes))


def target_shape(g, v, shape):
    """A Reshape's second input, at times computed from the value's own shape."""
    written = list(shape)
    if g.chance(0.5):
        written[g.roll(1, len(shape) - 1) if len(shape) > 1 else 0] = -1
    if g.chance(0.3) and v.shape[0] == shape[0] and written[0] != -1:
        written[0] = 0
    if g.chance(0.75) or v.shape[0] != shape[0] or len(shape) < 2:
        return g.ints(written)
    whole = g.add("Shape", [v], [v.rank])
    v.reads -= 1
    how = g.roll(0, 2)
    if how == 0:  # as PyTorch writes x.size(0)
        first = g.add("Gather", [whole, g.constant(np.array(0, np.int64))], [], axis=0)
        if g.opset < 13:
            first = g.add("Unsqueeze", [first], [1], axes=[0])
        else:
            first = g.add("Unsqueeze", [first, g.ints([0])], [1])
    elif g.opset < 10:
        first = g.add("Slice", [whole], [1], starts=[0], ends=[1])
    else:
        first = g.add("Slice", [whole, g.ints([0]), g.ints([1])], [1])
    if how == 2:
        first = g.add("Cast", [first], [1], to=TensorProto.INT64)
    rest = [shape[i] if written[i] == 0 else written[i] for i in range(1, len(shape))]
    return g.add("Concat", [first, g.ints(rest)], [len(shape)], axis=0)


def reshape(g, v=None, shape=None):
    v = v or g.choose()
    if shape is None:
        n = v.count
        divisors = [d for d in range(1, n + 1) if n % d == 0]
        c = g.pick(divisors)
        h = g.pick([d for d in divisors if (n // c) % d == 0])
        shapes = [[1, n], [1, c, n // c], [1, c, h, n // c // h]]
        if v.rank == 4:
            shapes += 3 * [[1, v.shape[1], v.shape[2] * v.shape[3]]]
        if v.rank == 3:
            shapes += 2 * [list(v.shape) + [1], [1, v.shape[1], 1, v.shape[2]]]
        if v.rank == 2:
            shapes += 3 * [[1, n, 1, 1]]
        shape = g.pick(shapes)
    return g.keep(g.add("Reshape", [v, target_shape(g, v, shape)], shape))


def squeeze(g):
    v = g.choose(lambda v: 1 in v.shape[1:])
    axes = [a for a in range(1, v.rank) if v.shape[a] == 1]
    if g.chance(0.06):
        return g.keep(g.add("Squeeze", [v], [d for d in v.shape if d != 1]))
    axes = sorted(g.dice.sample(axes, g.roll(1, len(axes))))
    shape = [d for a, d in enumerate(v.shape) if a not in axes]
    written = [g.axis(a, v.rank) for a in axes]
    if g.opset < 13:
        return g.keep(g.add("Squeeze", [v], shape, axes=written))
    return g.keep(g.add("Squeeze", [v, g.ints(written)], shape))


def unsqueeze(g):
    v = g.choose(lambda v: v.rank <= 3)
    rank = v.rank + g.roll(1, 4 - v.rank)
    axes = sorted(g.dice.sample(range(1 if v.rank else 0, rank), rank - v.rank))
    rest = list(v.shape)
    shape = [1 if a in axes else rest.pop(0) for a in range(rank)]
    written = [g.axis(a, rank) for a in axes]
    if g.opset < 13:
        return g.keep(g.add("Unsqueeze", [v], shape, axes=written))
    return g.keep(g.add("Unsqueeze", [v, g.ints(written)], shape))


def transpose(g):
    v = g.choose(lambda v: v.rank >= 2)
    perm = list(range(1, v.rank))
    g.dice.shuffle(perm)
    perm = [0] + perm
    if g.chance(0.05):
        g.dice.shuffle(perm)
    if g.chance(0.05):
        return g.keep(g.add("Transpose", [v], v.shape[::-1]))
    return g.keep(g.add("Transpose", [v], [v.shape[a] for a in perm], perm=perm))


def gather(g):
    v = g.choose(lambda v: v.rank >= 2)
    axis = 1 if g.chance(0.6) else g.roll(1, v.rank - 1)
    d = v.shape[axis]
    written = g.axis(axis, v.rank)
    if g.chance(0.1):
        index = np.array(g.roll(-d, d - 1), np.int64)
    elif g.chance(0.4):
        index = np.array(g.dice.sample(range(d), d), np.int64)
    elif g.chance(0.5):
        first = g.roll(0, d - 1)
        index = np.arange(first, d, g.pick([1, 2]), dtype=np.int64)
    else:
        index = np.array([g.roll(-d, d - 1) for _ in range(g.roll(1, d))], np.int64)
    if g.chance(0.05) and index.ndim and index.size % 2 == 0:
        index = index.reshape(2, -1)
    if g.chance(0.3):
        index = index.astype(np.int32)
    shape = list(v.shape[:axis]) + list(index.shape) + list(v.shape[axis + 1:])
    return g.keep(g.add("Gather", [v, g.constant(index)], shape, axis=written))


def expand(g):
    v = g.choose(lambda v: 1 in v.shape[1:])
    shape = [g.roll(1, 3) if a and d == 1 else d for a, d in enumerate(v.shape)]
    return g.keep(g.add("Expand", [v, g.ints(shape)], shape))


def identity(g):
    v = g.choose()
    if g.chance(0.5):
        return g.keep(g.add("Identity", [v], v.shape))
    if g.opset < 12:
        return g.keep(g.add("Dropout", [v], v.shape, ratio=0.5))
    return g.keep(g.add("Dropout", [v] + ([g.constant(np.float32(0.5))] if g.chance(0.5) else []), v.shape))


# ---- Compositions that networks have -----------------------------------------------------------

def shuffle(g):
    """A channel shuffle."""
    v = g.choose(lambda v: v.is_map and v.shape[1] % 2 == 0)
    c, size = v.shape[1], list(v.shape[2:])
    groups = g.pick([d for d in range(2, c + 1) if c % d == 0])
    a = g.add("Reshape", [v, target_shape(g, v, [1, groups, c // groups] + size)], [1, groups, c // groups] + size)
    perm = [0, 2, 1] + list(range(3, 3 + len(size)))
    b = g.add("Transpose", [a], [1, c // groups, groups] + size, perm=perm)
    return g.keep(g.add("Reshape", [b, target_shape(g, b, [1, c] + size)], [1, c] + size))


def residual(g):
    v = g.choose(lambda v: v.is_map)
    made = pointwise(g, v)
    if g.chance(0.5):
        made = batch_norm(g, made)
    made = pointwise(g, relu(g, made), v.shape[1])
    summed = g.keep(g.add("Add", [made, v] if g.chance(0.5) else [v, made], v.shape))
    return relu(g, summed) if g.chance(0.7) else summed


def space_to_depth(g):
    """Focus of a detector: four strided slices beside each other."""
    v = g.choose(lambda v: v.rank == 4 and v.is_map and v.shape[2] % 2 == 0 and v.shape[3] % 2 == 0)
    if g.opset < 10:
        raise Skip
    half = [1, v.shape[1], v.shape[2] // 2, v.shape[3] // 2]
    parts = []
    for y in (0, 1):
        for x in (0, 1):
            inputs = [v, g.ints([y, x]), g.ints([2 ** 31 - 1] * 2), g.ints([2, 3]), g.ints([2, 2])]
            parts.append(g.add("Slice", inputs, half))
    g.dice.shuffle(parts)
    return g.keep(g.add("Concat", parts, [1, 4 * v.shape[1]] + half[2:], axis=1))


def dense_relu(g):
    made = gemm(g) if g.chance(0.7) else matmul(g)
    return relu(g, made)


def conv_relu(g):
    made = conv(g)
    if g.chance(0.3):
        made = batch_norm(g, made)
    return relu(g, made)


def pixels(g):
    """Channels become rows and columns, as a pixel shuffle does, or the reverse."""
    v = g.choose(lambda v: v.rank == 4 and v.is_map)
    _, c, h, w = v.shape
    if c % 4 == 0 and g.chance(0.7):
        inner, perm, shape = [1, c // 4, 2, 2, h, w], [0, 1, 4, 2, 5, 3], [1, c // 4, 2 * h, 2 * w]
    elif h % 2 == 0 and w % 2 == 0:
        inner, perm, shape = [1, c, h // 2, 2, w // 2, 2], [0, 1, 3, 5, 2, 4], [1, 4 * c, h // 2, w // 2]
    else:
        raise Skip
    a = g.add("Reshape", [v, g.ints(inner)], inner)
    b = g.add("Transpose", [a], [inner[i] for i in perm], perm=perm)
    return g.keep(g.add("Reshape", [b, g.ints(shape)], shape))


def early_maximum(g):
    """A MaxPool in front of its ReLU, and at times another reader of what it reads."""
    v = pointwise(g)
    made = relu(g, max_pool(g, v))
    if g.chance(0.5):
        pointwise(g, v)
    return made


def mosaic(g):
    """Copies of one value that a constant tells apart, in a frame."""
    v = resize(g, pointwise(g) if g.chance(0.7) else None)
    v = g.keep(g.add("Add", [v, g.constant(g.array(v.shape))], v.shape))
    v = pad(g, v) if g.chance(0.5) else v
    return gemm(g, flatten(g, v, 1)) if g.chance(0.5) else v


def channels_last(g):
    """Elementwise operators on a map whose channels stand last, as TensorFlow has them."""
    v = g.choose(lambda v: v.is_map)
    there = [0] + list(range(2, v.rank)) + [1]
    back = [0, v.rank - 1] + list(range(1, v.rank - 1))
    made = g.add("Transpose", [v], [v.shape[a] for a in there], perm=there)
    if g.chance(0.5):
        made = g.add("Mul", [made, g.constant(g.array([v.shape[1]], 1.25, 0.5))], made.shape)
    if g.chance(0.6):
        made = g.add("Add", [made, g.constant(g.array([v.shape[1]]))], made.shape)
    if g.chance(0.3):
        before = [0] + [1] * (v.rank - 2) + [0]
        shape = [d + 2 * b for d, b in zip(made.shape, before)]
        if g.opset < 11:
            made = g.add("Pad", [made], shape, pads=2 * before)
        else:
            made = g.add("Pad", [made, g.ints(2 * before)], shape)
    if g.chance(0.7):
        made = g.add("Relu", [made], made.shape)
    if g.chance(0.1):
        return g.keep(made)
    return g.keep(g.add("Transpose", [made], [made.shape[a] for a in back], perm=back))


STEPS = [
    (6, conv), (8, conv_relu), (3, pointwise), (3, gemm), (2, dense_relu), (2, matmul), (4, batch_norm),
    (5, average_pool), (5, max_pool), (2, global_pool), (2, reduce_mean), (3, piecewise), (6, relu), (3, clip),
    (4, add_constant), (0.3, widened_sum), (4, scale), (1.5, negate), (5, add_values), (5, concat),
    (3, resize), (5, pad), (4, cut), (3, split), (2.5, flatten), (3, reshape), (2, squeeze),
    (2, unsqueeze), (2, transpose), (3, gather), (0.5, expand), (1.5, identity), (2, shuffle),
    (3, residual), (3, conv_transpose), (1.5, pixel_shuffle), (0.7, space_to_depth), (0.7, pixels), (0.7, mosaic), (1, early_maximum), (1.5, channels_last),
]


# ---- Ends --------------------------------------------------------------------------------------

def head(g):
    """Rows of a detector: maps of two sizes as lists, joined."""
    maps = [v for v in g.values if v.is_map and v.rank == 4]
    if not maps:
        raise Skip
    each = g.roll(2, 4)
    rows = []
    for v in (g.pick(maps), g.pick(maps)):
        made = pointwise(g, v, each * g.roll(1, 2))
        g.values.remove(made)
        turned = g.add("Transpose", [made], [1, v.shape[2], v.shape[3], made.shape[1]], perm=[0, 2, 3, 1])
        shape = [1, made.count // each, each]
        rows.append(g.add("Reshape", [turned, g.ints([1, -1, each])], shape))
        if g.chance(0.2):
            rows[-1] = g.add("Softmax", [rows[-1]], shape, axis=2)
    return g.add("Concat", rows, [1, rows[0].shape[1] + rows[1].shape[1], each], axis=1)


def end(g, v):
    """What ends a network: dropped by the converter with a note."""
    op = g.pick(ENDS)
    if v.rank < 2:
        raise Skip
    if op == "Sigmoid":
        return g.add(op, [v], v.shape)
    axis = g.roll(1, v.rank - 1)
    if op == "ArgMax":
        return g.add(op, [v], [1 if a == axis else d for a, d in enumerate(v.shape)], axis=axis)
    made = g.add(op, [v], v.shape, axis=axis)
    if g.chance(0.3):
        perm = [0] + g.dice.sample(range(1, v.rank), v.rank - 1)
        made = g.add("Transpose", [made], [v.shape[a] for a in perm], perm=perm)
    return made


def choose_outputs(g, first):
    last = g.values[-1]
    leaves = [v for v in g.values if v.reads == 0 and v is not last and v is not first]
    inner = [v for v in g.values if v.reads and v is not first]
    outputs = [last] if last is not first else []
    outputs += [v for v in leaves if g.chance(0.5)][:3]
    outputs += [v for v in inner if g.chance(0.04)][:2]
    if not outputs:
        raise Skip
    outputs = [v for i, v in enumerate(outputs) if v not in outputs[:i]]
    if g.chance(0.08):
        try:
            outputs.append(head(g))
        except Skip:
            pass
    for i, v in enumerate(outputs):
        if g.chance(0.08):
            try:
                outputs[i] = end(g, v)
            except Skip:
                pass
    g.dice.shuffle(outputs)
    return outputs


def begin(g):
    kind = g.dice.random()
    if kind < 0.75:
        shape = [1, g.roll(1, 4), g.roll(1, 9), g.roll(1, 9)]
    elif kind < 0.88:
        shape = [1, g.roll(1, 5), g.roll(2, 12)]
    else:
        shape = [1, g.roll(1, 24)]
    first = Value("x", shape)
    g.values.append(first)
    return first


def step(g, steps):
    """Takes back what a step began that does not fit."""
    nodes, initializers, values = len(g.nodes), len(g.initializers), len(g.values)
    reads = [v.reads for v in g.values]
    try:
        steps(g)
    except Skip:
        del g.nodes[nodes:], g.initializers[initializers:], g.values[values:]
        for v, n in zip(g.values, reads):
            v.reads = n


def make(seed):
    """(model, samples, normalisation): an ONNX model, [SAMPLES, ...] float32 samples, and what the
    converter is told to do with them first."""
    g = Graph(seed)
    first = begin(g)
    kinds, shares = [s for _, s in STEPS], [w for w, _ in STEPS]
    most = g.roll(1, STEPS_MOST)
    while True:
        for _ in range(3 * most):
            if len(g.nodes) >= most and len(g.values) > 1:
                break
            step(g, g.dice.choices(kinds, shares)[0])
        try:
            outputs = choose_outputs(g, first)
            break
        except Skip:
            most += 1
    declared = list(first.shape)
    if g.chance(0.2):
        declared[0] = "N"
    if g.chance(0.05) and len(declared) == 4:
        declared[2:] = ["H", "W"]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, declared)]
    if g.chance(0.05):  # as old exporters list weights
        inputs += [helper.make_tensor_value_info(t.name, t.data_type, list(t.dims)) for t in g.initializers]
    numbers = {n.output[0] for n in g.nodes if n.op_type == "ArgMax"}
    typed = [TensorProto.INT64 if v.name in numbers else TensorProto.FLOAT for v in outputs]
    infos = [helper.make_tensor_value_info(v.name, t, None) for v, t in zip(outputs, typed)]
    graph = helper.make_graph(g.nodes, f"seed {seed}", inputs, infos, g.initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", g.opset)], ir_version=8)
    samples = np.stack([g.array(first.shape[1:], spread=2.0) for _ in range(SAMPLES)])
    return model, samples, normalisation(g, first.shape[1])


def normalisation(g, channels):
    """{}, or what the converter does with a sample before the network: scale, mean, std, bgr."""
    if g.chance(0.75):
        return {}
    n = channels if g.chance(0.7) else 1
    made = {"scale": g.pick([0.5, 1.0, 2.0]), "mean": g.array([n]).tolist(), "std": g.array([n], 1.25, 0.5).tolist()}
    if channels == 3 and g.chance(0.4):
        made["bgr"] = True
    return made


def normalised(samples, norm):
    """What the network sees of them."""
    if not norm:
        return samples
    shape = [-1] + [1] * (samples.ndim - 2)
    mean, std = (np.array(norm[k], np.float32).reshape(shape) for k in ("mean", "std"))
    seen = ((samples * np.float32(norm["scale"]) - mean) / std).astype(np.float32)
    return np.ascontiguousarray(seen[:, ::-1]) if norm.get("bgr") else seen
