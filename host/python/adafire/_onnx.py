"""ONNX files written without the onnx package: as much of onnx.proto as plain networks need."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from ._samples import Array

#: Numbers of AttributeProto.AttributeType and TensorProto.DataType (onnx.proto).
_FLOAT, _INT, _FLOATS, _INTS = 1, 2, 6, 7
_TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7}


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, data: bytes | str) -> bytes:
    data = data.encode() if isinstance(data, str) else data
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _attribute(name: str, value: Any) -> bytes:
    out = _bytes(1, name)
    if isinstance(value, float):
        return out + _varint(2 << 3 | 5) + struct.pack("<f", value) + _number(20, _FLOAT)
    if isinstance(value, int):
        return out + _number(3, value) + _number(20, _INT)
    values = list(value)
    if values and isinstance(values[0], float):
        return out + b"".join(_varint(7 << 3 | 5) + struct.pack("<f", v) for v in values) + _number(20, _FLOATS)
    return out + b"".join(_number(8, int(v)) for v in values) + _number(20, _INTS)


def _tensor(name: str, array: Array) -> bytes:
    data = np.ascontiguousarray(array, np.float32 if array.dtype == np.float64 else None)
    dims = b"".join(_number(1, d) for d in array.shape)
    return dims + _number(2, _TYPES[data.dtype.name]) + _bytes(8, name) + _bytes(9, data.tobytes())


def _value(name: str, shape: Sequence[int | str]) -> bytes:
    dims = b"".join(_bytes(1, _bytes(2, d) if isinstance(d, str) else _number(1, d)) for d in shape)
    return _bytes(1, name) + _bytes(2, _bytes(1, _number(1, 1) + _bytes(2, dims)))


class Graph:
    """Nodes, constants, one input, outputs; `bytes()` is the file.

    >>> graph = Graph("tiny", ["batch", 4])
    >>> graph.output(graph.node("Relu", ["input"]), ["batch", 4])
    >>> graph.bytes()[:2].hex()
    '0808'
    """

    def __init__(self, name: str, shape: Sequence[int | str], opset: int = 13) -> None:
        self.name, self.opset = name, opset
        self.nodes: list[bytes] = []
        self.constants: list[bytes] = []
        self.outputs: list[bytes] = []
        self.input = _value("input", shape)
        self.count = 0

    def constant(self, array: Array, name: str | None = None) -> str:
        name = name or f"constant_{len(self.constants)}"
        self.constants.append(_tensor(name, array))
        return name

    def node(self, kind: str, inputs: Sequence[str], name: str | None = None, **attributes: Any) -> str:
        """The name of its output."""
        name = name or f"{kind}_{self.count}"
        self.count += 1
        body = b"".join(_bytes(1, i) for i in inputs) + _bytes(2, name) + _bytes(3, name) + _bytes(4, kind)
        self.nodes.append(body + b"".join(_bytes(5, _attribute(k, v)) for k, v in attributes.items()))
        return name

    def output(self, name: str, shape: Sequence[int | str]) -> None:
        self.outputs.append(_value(name, shape))

    def bytes(self) -> bytes:
        graph = b"".join(_bytes(1, n) for n in self.nodes) + _bytes(2, self.name)
        graph += b"".join(_bytes(5, c) for c in self.constants) + _bytes(11, self.input)
        graph += b"".join(_bytes(12, o) for o in self.outputs)
        return _number(1, 8) + _bytes(2, "adafire") + _bytes(7, graph) + _bytes(8, _number(2, self.opset))
