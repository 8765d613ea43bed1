"""NIR, the Neuromorphic Intermediate Representation (Pedersen et al., Nature Communications 15:8122, 2024).

Reading, a graph becomes the ReLU network whose rates its neurons have: an integrate-and-fire neuron that
is reset by subtraction, as NIR defines IF, sends r * current / v_threshold spikes a timestep on average,
and none where that is negative. What leaks is refused by name.

Writing says what NIR can, and in `notes` what it cannot: bursts have no limit there, nothing is taken back,
neurons begin at 0, and there are no maximum relays.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import _onnx
from ._samples import Array, PathLike
from .errors import BadFile, Unsupported
from .model import Model, Population, Projection


def _nir() -> Any:
    try:
        import nir
    except ImportError:
        raise ImportError("NIR needs the package nir: pip install nir") from None
    return nir


# ---- Reading


def _shape_of(node: Any) -> tuple[int, ...]:
    types = node.input_type or {}
    value = types.get("input")
    if value is None:
        raise BadFile("the graph's input has no shape")
    return tuple(int(d) for d in np.asarray(value).reshape(-1))


def _order(graph: Any) -> list[str]:
    """Nodes with what feeds them before them."""
    before: dict[str, list[str]] = {name: [] for name in graph.nodes}
    for a, b in graph.edges:
        if a not in before or b not in before:
            raise BadFile(f"the graph has an edge from '{a}' to '{b}', of which one is no node")
        before[b].append(a)
    order: list[str] = []
    while len(order) < len(before):
        ready = [n for n in before if n not in order and all(p in order for p in before[n])]
        if not ready:
            raise Unsupported("the graph has a loop: AdaFire takes networks without recurrence")
        order += ready
    return order


class _Reader:
    def __init__(self, graph: Any, saturate: bool) -> None:
        self.graph, self.saturate = graph, saturate
        self.notes: list[str] = []
        self.value: dict[str, str] = {}
        self.shape: dict[str, tuple[int, ...]] = {}
        inputs = [n for n, node in graph.nodes.items() if type(node).__name__ == "Input"]
        if len(inputs) != 1:
            raise Unsupported(f"the graph has {len(inputs)} inputs; AdaFire takes one")
        shape = _shape_of(graph.nodes[inputs[0]])
        self.onnx = _onnx.Graph("nir", ["batch", *shape])
        self.value[inputs[0]], self.shape[inputs[0]] = "input", shape

    def run(self) -> bytes:
        outputs = 0
        for name in _order(self.graph):
            if name in self.value:
                continue
            node, kind = self.graph.nodes[name], type(self.graph.nodes[name]).__name__
            sources = [a for a, b in self.graph.edges if b == name]
            if not sources:
                raise BadFile(f"the node '{name}' has nothing that feeds it")
            shapes = {self.shape[s] for s in sources}
            if len(shapes) > 1:
                raise BadFile(f"the node '{name}' is fed by different shapes: {sorted(shapes)}")
            value = self.value[sources[0]]
            for other in sources[1:]:
                value = self.onnx.node("Add", [value, self.value[other]])
            make = getattr(self, "_" + kind.lower(), None)
            if make is None:
                raise Unsupported(_refusal(name, kind))
            self.value[name], self.shape[name] = make(name, node, value, self.shape[sources[0]])
            if kind == "Output":
                self.onnx.output(self.value[name], ["batch", *self.shape[name]])
                outputs += 1
        if not outputs:
            raise BadFile("the graph has no output")
        return self.onnx.bytes()

    def _output(self, name: str, node: Any, value: str, shape: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
        return self.onnx.node("Identity", [value], name), shape

    def _spatial(self, name: str, shape: tuple[int, ...]) -> tuple[int, int, int]:
        if len(shape) != 3:
            raise BadFile(f"the node '{name}' wants channels, height and width, and is fed {list(shape)}")
        return shape[0], shape[1], shape[2]

    def _conv2d(self, name: str, node: Any, value: str, shape: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
        _, h, w = self._spatial(name, shape)
        weight = np.asarray(node.weight, np.float32)
        stride, dilation = _pair(node.stride), _pair(node.dilation)
        reach = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:])]
        if isinstance(node.padding, str):
            same = node.padding == "same"
            begin = [r // 2 if same else 0 for r in reach]
            end = [r - b if same else 0 for r, b in zip(reach, begin)]
        else:
            begin = end = list(_pair(node.padding))
        inputs = [value, self.onnx.constant(weight)]
        if node.bias is not None:
            inputs.append(self.onnx.constant(np.broadcast_to(np.asarray(node.bias, np.float32), weight.shape[:1])))
        out = [(n + b + e - r - 1) // s + 1 for n, b, e, r, s in zip((h, w), begin, end, reach, stride)]
        made = self.onnx.node(
            "Conv", inputs, name, strides=stride, dilations=dilation, pads=[*begin, *end], group=int(node.groups)
        )
        return made, (weight.shape[0], *out)

    def _dense(
        self, name: str, weight: Any, bias: Any, value: str, shape: tuple[int, ...]
    ) -> tuple[str, tuple[int, ...]]:
        matrix = np.asarray(weight, np.float32)
        if len(shape) != 1 or matrix.ndim != 2 or matrix.shape[1] != shape[0]:
            raise BadFile(f"the node '{name}' has weights {list(matrix.shape)} for an input of {list(shape)}")
        inputs = [value, self.onnx.constant(matrix)]
        if bias is not None:
            inputs.append(self.onnx.constant(np.asarray(bias, np.float32).reshape(-1)))
        return self.onnx.node("Gemm", inputs, name, transB=1), (matrix.shape[0],)

    def _affine(self, name: str, node: Any, value: str, shape: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
        return self._dense(name, node.weight, node.bias, value, shape)

    def _linear(self, name: str, node: Any, value: str, shape: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
        return self._dense(name, node.weight, None, value, shape)

    def _times(self, name: str, factor: Any, value: str, shape: tuple[int, ...]) -> str:
        array = np.asarray(factor, np.float32)
        if array.size == 1 or (array == array.flat[0]).all():
            if array.flat[0] == 1:
                return value
            array = array.reshape(-1)[:1].reshape((1,) * (1 + len(shape)))
        elif array.ndim == 1 and len(shape) == 3 and array.size == shape[0]:
            array = array.reshape(1, -1, 1, 1)
        elif tuple(array.shape) == shape:
            array = array[None]
        else:
            raise BadFile(f"the node '{name}' has {list(array.shape)} parameters for {list(shape)} neurons")
        return self.onnx.node("Mul", [value, self.onnx.constant(array)])

    def _scale(self, name: str, node: Any, value: str, shape: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
        return self._times(name, node.scale, value, shape), shape

    def _flatten(self, name: str, node: Any, value: str, shape: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
        begin = int(node.start_dim) % len(shape) if int(node.start_dim) < 0 else int(node.start_dim)
        end = int(node.end_dim) % len(shape) if int(node.end_dim) < 0 else int(node.end_dim)
        # Some count the batch and some do not: all but one axis of a sample is never what is meant.
        if begin == 1 and end == len(shape) - 1 and int(node.end_dim) < 0:
            begin = 0
        end = min(end, len(shape) - 1)
        flat = (*shape[:begin], int(np.prod(shape[begin : end + 1])), *shape[end + 1 :])
        dims = self.onnx.constant(np.array([0, *flat], np.int64))
        return self.onnx.node("Reshape", [value, dims], name), flat

    def _pool(
        self, name: str, node: Any, value: str, shape: tuple[int, ...], total: bool
    ) -> tuple[str, tuple[int, ...]]:
        c, h, w = self._spatial(name, shape)
        kernel, stride, pad = _pair(node.kernel_size), _pair(node.stride), _pair(node.padding)
        out = [(n + 2 * p - k) // s + 1 for n, p, k, s in zip((h, w), pad, kernel, stride)]
        made = self.onnx.node(
            "AveragePool",
            [value],
            name,
            kernel_shape=kernel,
            strides=stride,
            pads=[*pad, *pad],
            count_include_pad=1,
        )
        if total:
            made = self._times(name, float(kernel[0] * kernel[1]), made, (c, *out))
        return made, (c, *out)

    def _sumpool2d(self, name: str, node: Any, value: str, shape: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
        return self._pool(name, node, value, shape, True)

    def _avgpool2d(self, name: str, node: Any, value: str, shape: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
        return self._pool(name, node, value, shape, False)

    def _neuron(self, name: str, factor: Array, value: str, shape: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
        if not (np.isfinite(factor).all() and (factor > 0).all()):
            raise BadFile(f"the neurons of '{name}' have thresholds or resistances that are not above 0")
        made = self.onnx.node("Relu", [self._times(name, factor, value, shape)], name)
        if self.saturate:
            low, high = (self.onnx.constant(np.array(v, np.float32)) for v in (0, 1))
            made = self.onnx.node("Clip", [made, low, high])
        return made, shape

    def _if(self, name: str, node: Any, value: str, shape: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
        reset = getattr(node, "v_reset", None)
        if reset is not None and np.any(np.asarray(reset) != 0):
            self.notes.append(f"'{name}' is reset to a value of its own; it is taken as reset by subtraction")
        factor = np.asarray(node.r, np.float64) / np.asarray(node.v_threshold, np.float64)
        return self._neuron(name, factor, value, shape)

    def _lif(self, name: str, node: Any, value: str, shape: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
        if not np.isinf(np.asarray(node.tau, np.float64)).all():
            raise Unsupported(_refusal(name, "LIF"))
        self.notes.append(f"'{name}' is a LIF without a leak, reset to 0; it is taken as reset by subtraction")
        return self._neuron(name, 1 / np.asarray(node.v_threshold, np.float64), value, shape)


def _refusal(name: str, kind: str) -> str:
    leaks = {"LIF", "CubaLIF", "LI", "CubaLI"}
    why = "it leaks, and AdaFire's neurons keep what they have" if kind in leaks else "AdaFire has nothing like it"
    return f"the node '{name}' is a {kind}: {why}; Conv2d, Linear, Affine, IF, Flatten, pools and Scale can be read"


def _pair(value: Any) -> tuple[int, int]:
    values = [int(v) for v in np.atleast_1d(np.asarray(value))]
    return (values[0], values[0]) if len(values) == 1 else (values[0], values[1])


def is_graph(value: Any) -> bool:
    """A nir.NIRGraph."""
    return type(value).__name__ == "NIRGraph" and hasattr(value, "nodes") and hasattr(value, "edges")


def read(graph: Any, *, saturate: bool = False, notes: list[str] | None = None) -> bytes:
    """A NIR graph, or its file, as the ReLU network (ONNX bytes) that `adafire.convert` takes.

    saturate: a neuron sends one spike a timestep at the most, as clocked simulators without bursts do; rates end
    at 1. notes: gets a sentence for whatever is read as something else than it is.
    """
    if isinstance(graph, (str, os.PathLike)):
        path = os.fspath(graph)
        try:
            graph = _nir().read(path)
        except FileNotFoundError:
            raise
        except Exception as error:
            raise BadFile(f"{path}: not a NIR file ({type(error).__name__}: {error})") from None
    if not is_graph(graph):
        raise TypeError(f"a NIRGraph or its file is needed, not a {type(graph).__name__}")
    reader = _Reader(graph, saturate)
    data = reader.run()
    if notes is not None:
        notes += reader.notes
    return data


# ---- Writing


@dataclass
class Written:
    """A graph (nir.NIRGraph), and what of the model NIR cannot say."""

    graph: Any
    notes: list[str] = field(default_factory=list)


class _Writer:
    def __init__(self, model: Model) -> None:
        self.model, self.nir = model, _nir()
        self.nodes: dict[str, Any] = {}
        self.edges: list[tuple[str, str]] = []
        self.notes: list[str] = []
        self.name: dict[int, str] = {}

    def add(self, name: str, node: Any, source: str | None) -> str:
        name = name.strip("/").replace("/", "_").replace(".", "_") or "node"
        while name in self.nodes:
            name += "_"
        self.nodes[name] = node
        if source is not None:
            self.edges.append((source, name))
        return name

    def run(self) -> Written:
        m, nir = self.model, self.nir
        if m.takes_events:
            self.notes.append("the input takes counts of events, timestep by timestep")
        source = m.populations[0]
        raw = self.add("input", nir.Input({"input": np.array(source.shape)}), None)
        self.name[0] = self.add("scale", nir.Scale(np.full(source.shape, 1 / source.unit, np.float32)), raw)
        if source.zero is not None and np.any(source.zero != 0):
            self.notes.append("the input is to be given minus " + ", ".join(f"{z:g}" for z in source.zero))
        signed = [p.name for p in m.populations if p.kind == "relu" and p.signed_bursts]
        for p in m.populations[1:]:
            self.population(p)
        if signed:
            self.notes.append(f"neurons that take back what they sent too early do not here: {', '.join(signed)}")
        if m.bursts.max() > 0:
            self.notes.append("the limits of bursts (" + ", ".join(str(b) for b in m.bursts if b) + ") are lost")
        if any(p.initial is not None and np.any(p.initial) for p in m.populations):
            self.notes.append("neurons begin at 0 instead of the potentials of the model")
        if m.early_exit:
            self.notes.append("early exit is lost")
        graph = nir.NIRGraph(nodes=self.nodes, edges=self.edges)
        return Written(graph, self.notes)

    def population(self, p: Population) -> None:
        if p.kind in ("linear", "maxpool"):
            what = "negative bursts" if p.kind == "linear" else "running maxima"
            raise Unsupported(f"the population '{p.name}' sends {what}, for which NIR has no neuron")
        unit = self.units(p)
        bias = self.bias(p)
        ends = []
        for i, projection in enumerate(q for q in self.model.projections if q.destination == p.index):
            ends.append(self.projection(p, projection, unit, bias if i == 0 else np.zeros_like(bias)))
        if p.kind == "output":
            # A dense layer's output has one axis; so has the one of a convolution with a single pixel.
            name = self.add(p.name or "output", self.nir.Output({"output": np.array(self.out_shape(p, ends))}), None)
        else:
            threshold = np.broadcast_to(np.asarray(p.threshold, np.float32)[:, None, None], p.shape)
            shape = self.out_shape(p, ends)
            neurons = self.nir.IF(
                r=np.ones(shape, np.float32), v_threshold=np.ascontiguousarray(threshold.reshape(shape))
            )
            name = self.add(p.name, neurons, None)
        self.edges += [(end, name) for end, _ in ends]
        self.name[p.index] = name

    def out_shape(self, p: Population, ends: Sequence[tuple[str, bool]]) -> tuple[int, ...]:
        dense = {d for _, d in ends}
        if len(dense) != 1:
            raise Unsupported(f"the population '{p.name}' is fed by dense and other maps together")
        return (p.neurons,) if dense == {True} else p.shape

    def units(self, p: Population) -> Array:
        """What one integer of the machine is written as: of outputs, the ANN's units."""
        if p.kind == "output" and p.scale is not None:
            return np.asarray(p.scale, np.float32)
        return np.ones(p.shape[0], np.float32)

    def bias(self, p: Population) -> Array:
        if p.bias is None:
            return np.zeros(p.shape[0], np.float32)
        bias = np.asarray(p.bias, np.float64)
        if bias.size != p.shape[0]:
            each = bias.reshape(p.shape[0], -1)
            if np.any(each != each[:, :1]) and p.shape[1:] != (1, 1):
                self.notes.append(f"biases of '{p.name}' differ within its channels; their means are written")
            bias = each.mean(axis=1)
        return bias.astype(np.float32)

    def projection(self, p: Population, q: Projection, unit: Array, bias: Array) -> tuple[str, bool]:
        """The name of its last node, and whether that is dense."""
        nir, source = self.nir, self.model.populations[q.source]
        where = f"the projection from '{source.name}' to '{p.name}'"
        if q.up != (1, 1) or q.spread != (1, 1) or q.at != (0, 0, 0) or q.block != p.shape or q.weight is None:
            raise Unsupported(f"{where} upsamples, spreads or fills a part, which NIR has no node for")
        weight = q.weight.astype(np.float32) * 2.0**q.shift * unit[:, None, None, None]
        bias = bias * unit
        node = self.name[q.source]
        channels, view = source.shape[0], q.view
        identity = len(q.map) == channels and np.array_equal(q.map, np.arange(channels))
        groups = q.groups
        if not identity:
            weight, groups = _spread_channels(weight, groups, q.map, channels), 1
        if q.pool != (1, 1):
            if q.pool_before != (0, 0):
                raise Unsupported(f"{where} pools with padding")
            pool = nir.SumPool2d(np.array(q.pool), np.array(q.pool_stride), np.array((0, 0)))
            node = self.add(f"{p.name}_pool", pool, node)
        if p.shape[1:] == (1, 1) and q.kernel == view and q.before == (0, 0) and groups == 1:
            flat_source = len(self.flat(source)) == 1
            if not flat_source:
                shape = np.array([channels, *view])
                node = self.add(f"{p.name}_flatten", nir.Flatten({"input": shape}, 0, -1), node)
            return self.add(f"{p.name}_weights", nir.Affine(weight.reshape(p.shape[0], -1), bias), node), True
        reach = [d * (k - 1) for d, k in zip(q.dilation, q.kernel)]
        out = [(n + 2 * b - r - 1) // s + 1 for n, b, r, s in zip(view, q.before, reach, q.stride)]
        if tuple(out) != p.shape[1:] or min(q.before) < 0:
            raise Unsupported(f"{where} pads one side more than the other")
        conv = nir.Conv2d(view, weight, q.stride, q.before, q.dilation, groups, bias)
        return self.add(f"{p.name}_weights", conv, node), False

    def flat(self, source: Population) -> tuple[int, ...]:
        node = self.nodes[self.name[source.index]]
        return tuple(np.shape(getattr(node, "v_threshold", getattr(node, "scale", np.zeros((1, 1, 1))))))


def _spread_channels(weight: Array, groups: int, channels: Array, all_channels: int) -> Array:
    """Weights over all channels of the source, 0 for those that the projection does not see."""
    out, each = weight.shape[:2]
    full = np.zeros((out, all_channels, *weight.shape[2:]), np.float32)
    for o in range(out):
        first = o // (out // groups) * each
        np.add.at(full[o], np.asarray(channels[first : first + each]), weight[o])
    return full


def write(model: Model, path: PathLike | None = None) -> Written:
    """A model as a NIR graph, in integers of the machine (outputs in the ANN's units), written to `path` if that is
    given; its `notes` say what is lost. Populations that NIR has no neuron for are refused by name."""
    written = _Writer(model).run()
    if path is not None:
        target = os.fspath(path)
        temporary = f"{target}.part"
        try:
            _nir().write(temporary, written.graph)
            os.replace(temporary, target)
        except BaseException:
            if os.path.exists(temporary):
                os.unlink(temporary)
            raise
    return written


def convert(graph: Any, calibration: Any, *, saturate: bool = False, **options: Any) -> Model:
    """`adafire.convert` of a NIR graph or file: rates of its neurons become AdaFire's."""
    from ._convert import convert as convert_network

    notes: list[str] = []
    model = convert_network(read(graph, saturate=saturate, notes=notes), calibration, **options)
    model.notes = (*notes, *model.notes)
    return model
