"""Samples of any kind as the C library takes them: arrays, tensors, recordings, files."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Union

import numpy as np
import numpy.typing as npt

from . import _abi, _library
from .errors import BadArgument

if TYPE_CHECKING:
    from .model import Model

Array = npt.NDArray[Any]
PathLike = Union[str, "os.PathLike[str]"]
#: Events of a camera: x, y in pixels, t in microseconds, p the polarity from 0.
EVENT_DTYPE = np.dtype([("x", np.uint16), ("y", np.uint16), ("t", np.int64), ("p", np.uint16)])
CAMERA_DTYPE = np.dtype(
    {"names": ["x", "y", "p", "t"], "formats": ["<u2", "<u2", "<u2", "<i8"], "offsets": [0, 2, 4, 8], "itemsize": 16}
)
_CPU = 1  # kDLCPU of dlpack.h


class Samples(NamedTuple):
    """Samples in C's layout: `data` is [count][length] and contiguous; `counts`: of recordings."""

    data: Array
    counts: bool

    @property
    def type(self) -> int:
        return 0 if self.counts else _abi.ARRAY_TYPES.index(self.data.dtype.name)


def _from_tensor(value: Any) -> Array:
    """What speaks DLPack and is no numpy array: tensors of torch, jax, cupy."""
    name = type(value).__name__
    try:
        kind = int(value.__dlpack_device__()[0])
    except (BufferError, RuntimeError, ValueError, TypeError):
        kind = -1  # none that DLPack has a number for
    if kind != _CPU:
        where = getattr(value, "device", "another device")
        raise BadArgument(f"the {name} is on {where}; move it to the CPU first (.cpu())")
    if getattr(value, "requires_grad", False):
        value = value.detach()
    if str(getattr(value, "dtype", "")) == "torch.bfloat16":  # numpy has none
        value = value.float()
    for resolve in ("resolve_conj", "resolve_neg"):
        value = getattr(value, resolve, lambda v=value: v)()
    try:
        return np.from_dlpack(value)
    except (BufferError, RuntimeError, TypeError, ValueError, AttributeError) as error:
        try:
            return np.asarray(value)
        except Exception:
            raise BadArgument(f"the {name} cannot be read as an array: {error}") from None


def as_array(value: Any) -> Array:
    """An array without a copy where that can be: of arrays, tensors (DLPack), buffers, nested lists."""
    if isinstance(value, np.ma.MaskedArray):
        raise BadArgument("a masked array: fill what is masked first (.filled())")
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "__dlpack__") and hasattr(value, "__dlpack_device__"):
        return _from_tensor(value)
    if isinstance(value, (list, tuple)) and value and hasattr(value[0], "__dlpack__"):
        value = [as_array(v) for v in value]
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise BadArgument(f"the samples are no array: {error}") from None
    if array.dtype == object:
        raise BadArgument(f"a {type(value).__name__} is no array of numbers")
    return array


def as_values(array: Array) -> Array:
    """In one of the five types that C takes, with the same values."""
    kind = array.dtype
    if kind.name in _abi.ARRAY_TYPES and kind.isnative:
        return array
    if kind == np.bool_:
        return array.astype(np.uint8)
    if kind.kind == "f":
        return array.astype(np.float32)
    if kind.kind in "iu":
        narrow = {"uint16": np.int32, "int16": np.int16, "int32": np.int32, "int8": np.int8, "uint8": np.uint8}
        to: Any = narrow.get(kind.newbyteorder("=").name)
        if to is None:
            low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
            if low < -(2**31) or high >= 2**31:
                raise BadArgument(f"{kind.name} values from {low} to {high} are more than 32 bits hold")
            to = np.int32
        return array.astype(to)
    raise BadArgument(f"samples of type {kind.name}; numbers are needed: floats, or integers up to 32 bits")


def to_rows(array: Array, shape: Sequence[int]) -> Array:
    """[count][channels x height x width], contiguous: of a batch or one sample, channels first or last.

    Accepted for a sample of C, H, W: [N,C,H,W], [N,H,W,C]; [N,H,W] of one channel; [N,C,W] of height 1;
    [N,C*H*W]; and each of these without N.
    """
    c, h, w = shape
    size = c * h * w
    first: set[tuple[int, ...]] = {(c, h, w), (size,)}
    if c == 1:
        first.add((h, w))
    if h == 1:
        first.add((c, w))
    if w == 1:
        first.add((c, h))
    dims = tuple(array.shape)
    if dims[1:] in first:
        rows = array.reshape(dims[0], size)
    elif len(dims) == 4 and dims[1:] == (h, w, c):
        rows = array.transpose(0, 3, 1, 2).reshape(dims[0], size)
    elif dims in first:
        rows = array.reshape(1, size)
    elif dims == (h, w, c):
        rows = array.transpose(2, 0, 1).reshape(1, size)
    else:
        raise BadArgument(f"samples of shape {list(dims)}; the model takes [N, {c}, {h}, {w}]")
    return np.ascontiguousarray(rows)


def is_recording(value: Any) -> bool:
    """Events of a camera: a structured array with fields x, y, t and p (or polarity)."""
    names = getattr(getattr(value, "dtype", None), "names", None) or ()
    return {"x", "y", "t"} <= set(names)


def camera_events(value: Array) -> Array:
    """A recording's events in C's layout; fields x, y, t and p (or polarity), of any integer type."""
    names = value.dtype.names or ()
    polarity = next((n for n in ("p", "polarity", "pol") if n in names), None)
    if polarity is None or value.ndim != 1:
        raise BadArgument("a recording is a one-dimensional structured array of x, y, t and p")
    events = np.zeros(len(value), CAMERA_DTYPE)
    for name, source in (("x", "x"), ("y", "y"), ("p", polarity)):
        field = value[source]
        if field.size and (field.min() < 0 or field.max() > 65535):
            raise BadArgument(f"the recording has events whose {source} is below 0 or above 65535")
        events[name] = field
    events["t"] = value["t"]
    return events


def _options(model: Model, timesteps: int) -> _abi.SamplesOptions:
    options = _abi.SamplesOptions()
    _library.check(_library.convert().af_samples_of(model._pointer, ctypes.byref(options)))
    if timesteps:
        options.timesteps = timesteps
    return options


def recordings(model: Model, values: Iterable[Any], timesteps: int) -> Samples:
    options = _options(model, timesteps)
    size = options.timesteps * options.channels * options.height * options.width
    given = list(values)
    counts = np.zeros((len(given), size), np.int16)
    for i, value in enumerate(given):
        events = camera_events(value)
        recording = _abi.Recording(events.ctypes.data, len(events))
        _library.check(
            _library.convert().af_recording_counts(
                ctypes.byref(options), ctypes.byref(recording), counts[i].ctypes.data
            )
        )
    return Samples(counts, True)


def is_paths(value: Any) -> bool:
    if isinstance(value, (str, os.PathLike)):
        return True
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(v, (str, os.PathLike)) for v in value)


class Files(NamedTuple):
    """What files hold: `samples` for `run`, their labels (-1: the file says none) and names."""

    samples: Samples
    labels: npt.NDArray[np.int64]
    names: list[str]


def read(
    model: Model, paths: PathLike | Sequence[PathLike], *, limit: int | None = None, timesteps: int | None = None
) -> Files:
    """Samples from files of any format that adafire-host takes (.npy, idx, PNG, JPEG, folders ...).

    `limit`: the first so many. Recordings become counts of `timesteps` (None: the model's).

    >>> images = read(digits_model, digits / "test_images.npy", limit=3)
    >>> images.names[0].endswith('test_images.npy[0]')
    True
    """
    library = _library.convert()
    options = _options(model, timesteps or 0)
    given = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    names = (ctypes.c_char_p * len(given))(*[_library.encode(p) for p in given])
    pointer = ctypes.c_void_p()
    _library.check(library.af_samples_open(names, len(given), ctypes.byref(options), ctypes.byref(pointer)))
    handle = _library.Handle(pointer.value or 0, library.af_samples_close)
    rows: list[Array] = []
    labels: list[int] = []
    found: list[str] = []
    sample, info = _abi.Sample(), _abi.SampleInfo()
    while limit is None or len(rows) < limit:
        if not _library.check(library.af_samples_next(handle.pointer, ctypes.byref(sample), ctypes.byref(info))):
            break
        counts = bool(sample.counts)
        dtype = np.dtype(np.int16) if counts else np.dtype(_abi.ARRAY_TYPES[sample.type])
        text = ctypes.string_at(sample.counts if counts else sample.data, sample.length * dtype.itemsize)
        rows.append(np.frombuffer(text, dtype))
        labels.append(info.label)
        found.append((info.name or b"").decode("utf-8", "replace"))
        if rows[-1].dtype != rows[0].dtype or counts != bool(sample.counts):
            raise BadArgument(f"{found[-1]}: of another type than the samples before it")
    if not rows:
        raise BadArgument(f"{os.fspath(given[0])}: no samples")
    return Files(Samples(np.stack(rows), counts), np.asarray(labels, np.int64), found)


def read_labels(path: PathLike) -> npt.NDArray[np.int64]:
    """Class labels of a file, .npy or idx(.gz): int64 [N]."""
    library = _library.convert()
    labels, count = ctypes.POINTER(ctypes.c_int64)(), ctypes.c_int64()
    _library.check(library.af_labels_read(_library.encode(path), ctypes.byref(labels), ctypes.byref(count)))
    try:
        return np.array(np.ctypeslib.as_array(labels, (max(count.value, 1),))[: count.value])
    finally:
        library.af_free(labels)


def as_samples(model: Model, value: Any, timesteps: int = 0) -> Samples:
    """Whatever was given to `run`."""
    if isinstance(value, Samples):
        return value
    if isinstance(value, Files):
        return value.samples
    if is_paths(value):
        return read(model, value, timesteps=timesteps).samples
    if is_recording(value):
        return recordings(model, [value], timesteps)
    if isinstance(value, (list, tuple)) and value and is_recording(value[0]):
        return recordings(model, value, timesteps)
    array = as_array(value)
    shape = model.input_shape
    if model.takes_events and array.ndim == 5 and array.shape[2:] == shape:
        if array.dtype.kind not in "iu":
            raise BadArgument(f"counts of type {array.dtype.name}; [N, timesteps, C, H, W] are integers")
        if array.size and (array.min() < -255 or array.max() > 255):
            raise BadArgument("counts beyond -255..255")
        counts = np.ascontiguousarray(array.astype(np.int16).reshape(array.shape[0], -1))
        return Samples(counts, True)
    rows = to_rows(array, shape)
    return Samples(np.ascontiguousarray(as_values(rows)), False)
