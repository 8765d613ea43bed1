#!/usr/bin/python3
"""Baseline of `make bench`: a ReLU network's spiking version in float, run by PyTorch.

    tools/bench_float.py MODEL.onnx IMAGES.npy [--timesteps 8] [--burst 4] [--threads 2]
                         [--images 256] [--batch 64] [--labels LABELS.npy] [--plain] [--json]
                         [--scale 0.00392156862745098] [--mean R,G,B] [--std R,G,B]

Every Relu becomes burst neurons, v += x; r = clamp(floor(v / theta), 0, phi); v -= r theta, that
send r theta; v starts at theta / 2; theta is a channel's largest activation over a few images,
divided by phi. This is the usual dense simulation: every layer computes in full in every timestep.
It is meant to be a fair one: BatchNormalization is folded into its convolution, what depends on the
image alone (the first layer) is computed once, updates are in place, memory is kept, and of
contiguous and channels-last layout the faster one is used. With --plain it is what one writes first
instead: every layer in every timestep, new tensors for every result. Needs python3-numpy, -torch and -onnx."""
import argparse
import ctypes
import json
import sys
import time

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch.nn import functional as F


def attributes_of(node):
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def padded(x, pads, value=0.0):
    """The input and the padding that is left to the operator: 2-d, and symmetric or done here."""
    top, left, bottom, right = pads
    if (top, left) == (bottom, right):
        return x, (top, left)
    return F.pad(x, (left, right, top, bottom), value=value), (0, 0)


def conv(x, weight, bias=None, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1), group=1):
    x, padding = padded(x, pads)
    return F.conv2d(x, weight, bias, tuple(strides), padding, tuple(dilations), group)


def average_pool(x, kernel_shape, strides=(1, 1), pads=(0, 0, 0, 0), ceil_mode=0,
                 count_include_pad=0):
    if pads[0] != pads[2] or pads[1] != pads[3]:
        raise SystemExit("AveragePool: padding that differs between the sides is not supported")
    return F.avg_pool2d(x, tuple(kernel_shape), tuple(strides), tuple(pads[:2]), bool(ceil_mode),
                        bool(count_include_pad))


def max_pool(x, kernel_shape, strides=(1, 1), pads=(0, 0, 0, 0), ceil_mode=0, dilations=(1, 1)):
    x, padding = padded(x, pads, -float("inf"))
    return F.max_pool2d(x, tuple(kernel_shape), tuple(strides), padding, tuple(dilations),
                        bool(ceil_mode))


def gemm(a, b, c=None, alpha=1.0, beta=1.0, transA=0, transB=0):
    a, b = a.t() if transA else a, b.t() if transB else b
    if c is None:
        return torch.mm(a, b) * alpha
    return torch.addmm(c, a, b, beta=beta, alpha=alpha)


def batch_norm(x, scale, bias, mean, variance, epsilon=1e-5):
    return F.batch_norm(x, mean, variance, scale, bias, eps=epsilon)


OPERATORS = {
    "Conv": (conv, ("strides", "pads", "dilations", "group")),
    "AveragePool": (average_pool, ("kernel_shape", "strides", "pads", "ceil_mode",
                                   "count_include_pad")),
    "MaxPool": (max_pool, ("kernel_shape", "strides", "pads", "ceil_mode", "dilations")),
    "GlobalAveragePool": (lambda x: x.mean((2, 3), keepdim=True), ()),
    "BatchNormalization": (batch_norm, ("epsilon",)),
    "Gemm": (gemm, ("alpha", "beta", "transA", "transB")),
    "MatMul": (torch.matmul, ()),
    "Add": (torch.add, ()),
    "Flatten": (lambda x, axis=1: torch.flatten(x, axis) if axis else x.reshape(1, -1), ("axis",)),
    "Identity": (lambda x: x, ()),
}


class Network:
    """The nodes of an ONNX graph in order, as functions on named values."""

    def __init__(self, path):
        graph = onnx.load(path).graph
        self.constants = {t.name: torch.from_numpy(np.array(numpy_helper.to_array(t)))
                          for t in graph.initializer}
        inputs = [i.name for i in graph.input if i.name not in self.constants]
        if len(inputs) != 1:
            raise SystemExit(f"{path}: needs exactly one input, has {len(inputs)}")
        self.input, self.output = inputs[0], graph.output[0].name
        self.steps = []  # (kind, function, inputs, output)
        for node in fold_batch_norms(graph, self.constants):
            self.steps.append(self.step_of(node))
        self.split()

    @staticmethod
    def step_of(node):
        if node.op_type == "Relu":
            return "Relu", None, tuple(node.input), node.output[0]
        if node.op_type not in OPERATORS:
            raise SystemExit(f"operator {node.op_type} is not supported")
        function, known = OPERATORS[node.op_type]
        given = attributes_of(node)
        if given.get("auto_pad", b"NOTSET") != b"NOTSET":
            raise SystemExit(f"{node.op_type}: auto_pad is not supported")
        options = {name: given[name] for name in known if name in given}
        run = (lambda *x: function(*x, **options)) if options else function
        return node.op_type, run, tuple(name for name in node.input if name), node.output[0]

    def split(self):
        """First what the image alone decides, then what every timestep computes anew."""
        still, self.once, self.every = {self.input, *self.constants}, [], []
        for step in self.steps:
            if step[0] != "Relu" and still.issuperset(step[2]):
                still.add(step[3])
                self.once.append(step)
            else:
                self.every.append(step)

    def to(self, layout):
        for name, value in self.constants.items():
            if value.dim() == 4:
                self.constants[name] = value.contiguous(memory_format=layout)

    def run(self, steps, values, neurons):
        for kind, function, names, output in steps:
            if kind == "Relu":
                values[output] = neurons(output, values[names[0]])
            else:
                values[output] = function(*[values[name] for name in names])
        return values


def fold_batch_norms(graph, constants):
    """The nodes without those BatchNormalizations that only scale a convolution."""
    users, producers, nodes = {}, {}, []
    for node in graph.node:
        for name in node.input:
            users[name] = users.get(name, 0) + 1
    for node in graph.node:
        source = producers.get(node.input[0]) if node.op_type == "BatchNormalization" else None
        foldable = (source is not None and source.op_type == "Conv" and users[node.input[0]] == 1
                    and all(name in constants for name in [*source.input[1:], *node.input[1:]]))
        if not foldable:
            nodes.append(node)
            producers[node.output[0]] = node
            continue
        scale, shift, mean, variance = (constants[name] for name in node.input[1:5])
        scale = scale / torch.sqrt(variance + attributes_of(node).get("epsilon", 1e-5))
        weight, bias = node.output[0] + ".weight", node.output[0] + ".bias"
        constants[weight] = constants[source.input[1]] * scale.view(-1, 1, 1, 1)
        before = constants[source.input[2]] if len(source.input) > 2 else 0
        constants[bias] = (before - mean) * scale + shift
        merged = onnx.NodeProto()
        merged.CopyFrom(source)
        del merged.input[1:]
        merged.input.extend([weight, bias])
        merged.output[0] = node.output[0]
        nodes[nodes.index(source)] = merged
        producers[merged.output[0]] = merged
    return nodes


class Thresholds:
    """Runs as the ANN and keeps each Relu's largest activation per channel, divided by phi."""

    def __init__(self, burst):
        self.burst, self.theta = burst, {}

    def __call__(self, name, x):
        y = torch.relu(x)
        over = [d for d in range(y.dim()) if d != 1]
        largest = y.amax(over, keepdim=True)
        self.theta[name] = torch.where(largest > 0, largest, torch.ones_like(largest)) / self.burst
        return y


class Neurons:
    """The membranes of one batch."""

    def __init__(self, theta, inverse, burst):
        self.theta, self.inverse, self.burst, self.state = theta, inverse, burst, {}

    def __call__(self, name, x):
        theta = self.theta[name]
        if name not in self.state:
            v = torch.empty_like(x).copy_((theta / 2).expand_as(x))
            self.state[name] = v, torch.empty_like(v)
        v, sent = self.state[name]
        v.add_(x)
        torch.mul(v, self.inverse[name], out=sent)
        sent.floor_().clamp_(0, self.burst).mul_(theta)
        v.sub_(sent)
        return sent


class PlainNeurons:
    """The same as the formula reads."""

    def __init__(self, theta, burst):
        self.theta, self.burst, self.state = theta, burst, {}

    def __call__(self, name, x):
        theta = self.theta[name]
        v = self.state.get(name, theta / 2) + x
        sent = torch.clamp(torch.floor(v / theta), 0, self.burst) * theta
        self.state[name] = v - sent
        return sent


def simulate_plainly(network, theta, x, options):
    neurons, total = PlainNeurons(theta, options.burst), 0
    for _ in range(options.timesteps):
        values = {network.input: x, **network.constants}
        total = total + network.run(network.steps, values, neurons)[network.output]
    return total / options.timesteps


def simulate(network, theta, inverse, x, options):
    if options.plain:
        return simulate_plainly(network, theta, x, options)
    neurons = Neurons(theta, inverse, options.burst)
    fixed = network.run(network.once, {network.input: x, **network.constants}, None)
    total = None
    for _ in range(options.timesteps):
        y = network.run(network.every, dict(fixed), neurons)[network.output]
        total = y.clone() if total is None else total.add_(y)
    return total / options.timesteps


def floats(text):
    return [float(part) for part in text.split(",")]


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("images", help=".npy, images x channels x height x width")
    parser.add_argument("--timesteps", type=int, default=8)
    parser.add_argument("--burst", type=int, default=4, help="phi")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--images", dest="count", type=int, default=256)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--scale", type=float, default=1 / 255)
    parser.add_argument("--mean", type=floats, default=[0.0], help="of the scaled image, a,b,c")
    parser.add_argument("--std", type=floats, default=[1.0], help="of the scaled image, a,b,c")
    parser.add_argument("--labels", help=".npy; the accuracy is then reported")
    parser.add_argument("--plain", action="store_true", help="as one writes it first")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for name in ("timesteps", "burst", "threads", "count", "batch"):
        if getattr(options, name) < 1:
            parser.error(f"--{'images' if name == 'count' else name} must be at least 1")
    return options


def main():
    options = parse()
    if not options.plain:
        keep_memory()
    torch.set_num_threads(options.threads)
    torch.set_grad_enabled(False)
    images = np.load(options.images)[:options.count]
    if images.ndim != 4 or len(images) == 0:
        raise SystemExit(f"{options.images}: not images x channels x height x width")
    network = Network(options.model)
    mean = torch.tensor(options.mean).view(1, -1, 1, 1)
    std = torch.tensor(options.std).view(1, -1, 1, 1)

    def batch(start, layout):
        part = torch.from_numpy(np.ascontiguousarray(images[start:start + options.batch]))
        return ((part.float() * options.scale - mean) / std).contiguous(memory_format=layout)

    calibrate = Thresholds(options.burst)
    x = batch(0, torch.contiguous_format)
    network.run(network.steps, {network.input: x, **network.constants}, calibrate)
    theta = calibrate.theta
    inverse = {name: 1 / value for name, value in theta.items()}

    layouts = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last}
    if options.plain:
        del layouts["channels last"]
    seconds = {}
    for attempt in range(4):  # in turns, so that a busy moment does not decide; the first warms up
        for name, layout in layouts.items():
            network.to(layout)
            x = batch(0, layout)
            took = timed(lambda: simulate(network, theta, inverse, x, options))
            if attempt:
                seconds[name] = min(took, seconds.get(name, took))
    layout = min(seconds, key=seconds.get)
    network.to(layouts[layout])
    simulate(network, theta, inverse, batch(0, layouts[layout]), options)

    outputs = []
    start = time.perf_counter()
    for first in range(0, len(images), options.batch):
        x = batch(first, layouts[layout])
        outputs.append(simulate(network, theta, inverse, x, options))
    elapsed = time.perf_counter() - start
    result = {"images_per_second": round(len(images) / elapsed, 2), "images": len(images),
              "timesteps": options.timesteps, "burst": options.burst, "threads": options.threads,
              "batch": options.batch, "layout": layout, "plain": options.plain, "torch": torch.__version__}
    if options.labels:
        labels = torch.from_numpy(np.load(options.labels)[:len(images)].astype(np.int64))
        right = (torch.cat(outputs).argmax(1) == labels).float().mean()
        result["accuracy"] = round(float(right), 4)
    report(result, options.json)


def keep_memory():
    """Lets malloc keep freed activations; otherwise Linux maps, clears and unmaps each of them."""
    try:
        libc = ctypes.CDLL(None)
        libc.mallopt(-3, 1 << 30)  # M_MMAP_THRESHOLD
        libc.mallopt(-1, 0x7fffffff)  # M_TRIM_THRESHOLD
    except (OSError, AttributeError):
        pass  # not glibc


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def report(result, as_json):
    if as_json:
        json.dump(result, sys.stdout)
        print()
        return
    print(f"{result['images_per_second']:.1f} images/s, PyTorch {result['torch']}, float, "
          f"{result['timesteps']} timesteps, {result['threads']} threads, "
          f"batch {result['batch']}, {result['layout']}")
    if "accuracy" in result:
        print(f"accuracy {100 * result['accuracy']:.2f} % of {result['images']} images")


if __name__ == "__main__":
    main()
