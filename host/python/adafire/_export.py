"""ONNX of whatever a user calls a network: files, bytes, protobuf messages, modules of PyTorch."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ._samples import Array, as_array
from .errors import AdafireError, BadArgument, Unsupported


class Network(NamedTuple):
    """An ONNX file, or its bytes and a name for messages."""

    path: str | None
    data: bytes | None
    name: str


def is_module(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.nn.Module)


def networks(value: Any, example: Any = None, name: str | None = None) -> Iterator[Network]:
    """What may be converted for `value`, the likeliest first."""
    if isinstance(value, (str, os.PathLike)):
        yield Network(os.fspath(value), None, os.fspath(value))
    elif isinstance(value, (bytes, bytearray, memoryview)):
        yield Network(None, bytes(value), name or "the network")
    elif hasattr(value, "SerializeToString") and hasattr(value, "graph"):
        yield Network(None, value.SerializeToString(), name or value.graph.name or "the network")
    elif hasattr(value, "model_proto"):  # torch.onnx.ONNXProgram
        yield Network(None, value.model_proto.SerializeToString(), name or "the network")
    elif type(value).__name__ == "NIRGraph":
        from .nir import read

        yield Network(None, read(value), name or "the graph")
    elif is_module(value):
        yield from _exported(value, example, name or type(value).__name__)
    else:
        raise TypeError(
            f"a {type(value).__name__} is no network: a path, ONNX bytes, an onnx.ModelProto or a torch.nn.Module are"
        )


def _two_of(torch: Any, example: Any, module: Any) -> Any:
    """The example as a batch of two, where the module is: of one, exporters take the 1 for a constant."""
    if example is None:
        raise BadArgument("a torch module needs example=: an input as it takes it, with a batch")
    if isinstance(example, (tuple, list)):
        if len(example) != 1:
            raise Unsupported(f"an example of {len(example)} inputs; AdaFire takes networks of one")
        example = example[0]
    tensor = example if isinstance(example, torch.Tensor) else torch.as_tensor(np.array(as_array(example)))
    parameter = next(iter(module.parameters()), None)
    if parameter is not None:
        tensor = tensor.to(device=parameter.device, dtype=parameter.dtype)
    elif not tensor.is_floating_point():
        tensor = tensor.float()
    if tensor.ndim < 2:
        raise BadArgument(f"an example of shape {list(tensor.shape)}; the first axis is the batch")
    return torch.cat([tensor[:1], tensor[-1:]]).detach().contiguous()


def _by_dynamo(torch: Any, module: Any, example: Any) -> bytes:
    batch = torch.export.Dim("batch", min=1)
    program = torch.onnx.export(
        module, (example,), dynamo=True, dynamic_shapes=({0: batch},), verbose=False, external_data=False
    )
    return bytes(program.model_proto.SerializeToString())


def _by_torchscript(torch: Any, module: Any, example: Any) -> bytes:
    out = io.BytesIO()
    more: dict[str, Any] = {"dynamo": False} if "dynamo" in torch.onnx.export.__code__.co_varnames else {}
    torch.onnx.export(
        module,
        (example,),
        out,
        input_names=["input"],
        output_names=["output"],
        dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}},
        opset_version=17,
        **more,
    )
    return out.getvalue()


def _reason(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200]


def _outputs(torch: Any, value: Any) -> Array:
    """[2, values]: all that the module answered, one after the other."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (tuple, list)) else [value]
    tensors = [p for p in parts if isinstance(p, torch.Tensor)]
    if not tensors:
        raise Unsupported(f"the module answers with a {type(value).__name__}, not with tensors")
    return np.concatenate([t.detach().cpu().float().reshape(2, -1).numpy() for t in tensors], axis=1)


def _agrees(data: bytes, example: Any, wanted: Array) -> str | None:
    """Why a file does not compute what the module does; None: it does, or it cannot be told."""
    from ._convert import ann

    try:
        told = ann(data, example.detach().cpu().float().numpy())
    except AdafireError:
        return None  # converting says better what is not supported
    if told.shape != wanted.shape:
        return None  # outputs that the converter leaves out
    scale = float(np.abs(wanted).max()) or 1.0
    off = float(np.abs(told - wanted).max()) / scale
    return None if off < 1e-3 else f"its file computes something else (off by {100 * off:.2g} %)"


def _exported(module: Any, example: Any, name: str) -> Iterator[Network]:
    import torch

    pair = _two_of(torch, example, module)
    modes = [(m, m.training) for m in module.modules()]
    reasons: list[str] = []
    found = False
    for how, export in (("dynamo", _by_dynamo), ("TorchScript", _by_torchscript)):
        try:
            module.eval()
            with torch.no_grad(), warnings.catch_warnings(), _quiet():
                warnings.simplefilter("ignore")
                wanted = _outputs(torch, module(pair))
                data = export(torch, module, pair)
        except (KeyboardInterrupt, AdafireError):
            raise
        except Exception as error:
            reasons.append(f"{how}: {_reason(error)}")
            continue
        finally:
            for part, training in modes:
                part.training = training
        wrong = _agrees(data, pair, wanted)
        if wrong:
            reasons.append(f"{how}: {wrong}")
            continue
        found = True
        yield Network(None, data, name)
    if not found:
        raise Unsupported(f"{name} cannot be exported to ONNX ({'; '.join(reasons)})")


class _quiet:
    """Exporters print and log what they do; what goes wrong they raise."""

    def __enter__(self) -> None:
        import logging

        self._out, sys.stdout = sys.stdout, io.StringIO()
        self._level = logging.root.manager.disable
        logging.disable(logging.WARNING)

    def __exit__(self, *_: object) -> None:
        import logging

        sys.stdout = self._out
        logging.disable(self._level)


def to_onnx(module: Any, example: Any, name: str | None = None) -> bytes:
    """ONNX bytes of a torch.nn.Module: in eval mode, with a dynamic batch, by the first exporter (dynamo, then
    TorchScript) whose file computes what the module does. The module's own modes stay as they were."""
    for network in networks(module, example, name):
        if network.data is not None:
            return network.data
    raise TypeError("a torch.nn.Module is needed")
