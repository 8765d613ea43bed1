"""Conversion: a trained ReLU network becomes a spiking one; and the network as it is."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, Union

import numpy as np
import numpy.typing as npt

from . import _abi, _library
from ._export import Network, networks
from ._library import Call, Progress
from ._samples import (
    Array,
    Files,
    PathLike,
    Samples,
    as_array,
    as_values,
    camera_events,
    is_paths,
    is_recording,
    to_rows,
)
from .errors import AdafireError, BadArgument, Unsupported
from .model import Conversion, Model

#: A number, or one for each channel.
Channels = Union[float, Sequence[float], None]

_CHOICES = {"off": 0, "on": 1, "auto": 2}
_GOALS = {"latency": 1, "spikes": 2, "events": 3, "adds": 4}
_BIASES = {"off": 0, "light": 1, "advanced": 2, "currents": 3, "auto": 4}
_METRICS = {"entropy": 0, "confidence": 1}
_ROUNDINGS = {"feedback": 0, "nearest": 1}


def _choice(option: str, value: Any, names: dict[str, int]) -> int:
    if isinstance(value, (bool, np.bool_)) and "on" in names:
        value = "on" if value else "off"
    if value not in names:
        raise BadArgument(f"{option} must be one of {', '.join(names)}, not {value!r}")
    return names[value]


def _number(option: str, value: Any, low: float, high: float) -> float:
    try:
        number = float(Fraction(value)) if isinstance(value, str) else float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        raise BadArgument(f"{option} is a number, not {value!r}") from None
    if not low <= number <= high:
        raise BadArgument(f"{option} must be between {low:g} and {high:g}, not {number:g}")
    return number


def _whole(option: str, value: Any, low: int, high: int) -> int:
    number = _number(option, value, low, high)
    if number != int(number):
        raise BadArgument(f"{option} is a whole number, not {value!r}")
    return int(number)


class _Request:
    """Options for C, and what must live as long as they do."""

    def __init__(self, network: Network) -> None:
        self.library = _library.convert()
        self.c = _abi.ConvertOptions()
        self.keep: list[Any] = []
        self.library.af_convert_defaults(ctypes.byref(self.c))
        self.c.onnx = _library.encode(network.path if network.path is not None else network.name)
        if network.data is not None:
            self.c.onnx_bytes, self.c.onnx_size = network.data, len(network.data)
        self.shape: tuple[int, int, int] = (0, 0, 0)

    def find_shape(self, given: Sequence[int] | None) -> None:
        """Of a sample: the network's own, or `given` where it leaves it open."""
        shape = (ctypes.c_int * 3)()
        _library.check(self.library.af_network_shape(ctypes.byref(self.c), shape))
        if given is not None:
            dims = [*given, 1, 1][:3]
            if not 1 <= len(given) <= 3:
                raise BadArgument(f"shape is channels, height, width, not {tuple(given)}")
            self.shape = (int(dims[0]), int(dims[1]), int(dims[2]))
            self.c.shape = (ctypes.c_int * 3)(*self.shape)
        else:
            self.shape = (shape[0], shape[1], shape[2])

    def floats(self, option: str, value: Channels) -> tuple[Any, int]:
        values = [float(v) for v in np.atleast_1d(np.asarray(value, np.float64))]
        if not 1 <= len(values) <= 64:
            raise BadArgument(f"{option} has {len(values)} values; one, or one for each channel")
        array = (ctypes.c_float * len(values))(*values)
        return array, len(values)

    def normalise(self, scale: Any, mean: Channels, std: Channels, bgr: bool) -> None:
        self.c.scale = _number("scale", scale, 1e-12, 1e12)
        if mean is not None:
            self.c.mean, self.c.mean_count = self.floats("mean", mean)
        if std is not None:
            self.c.std, self.c.std_count = self.floats("std", std)
        self.c.bgr = bgr

    def take_files(self, paths: PathLike | Sequence[PathLike]) -> None:
        given = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
        self.c.calib = (ctypes.c_char_p * len(given))(*[_library.encode(p) for p in given])
        self.c.calib_count = len(given)

    def take_array(self, array: Array) -> None:
        """Samples in memory."""
        if not any(self.shape):
            dims = array.shape[1:]
            if not 1 <= len(dims) <= 3:
                raise BadArgument(
                    "the network leaves its input's shape open, and samples of shape "
                    f"{list(array.shape)} do not say it; give shape="
                )
            c, h, w = dims if len(dims) == 3 else (dims[0], 1, dims[1]) if len(dims) == 2 else (dims[0], 1, 1)
            self.shape = (c, h, w)
        if not self.c.shape[0]:
            self.c.shape = (ctypes.c_int * 3)(*self.shape)
        rows = np.ascontiguousarray(as_values(to_rows(array, self.shape)))
        if rows.dtype.kind == "f" and rows.size and not np.isfinite(rows).all():
            raise BadArgument("the samples hold values that are no numbers (NaN or infinity)")
        samples = (_abi.Sample * max(len(rows), 1))()
        kind = _abi.ARRAY_TYPES.index(rows.dtype.name)
        step = rows.strides[0] if len(rows) else 0
        for i in range(len(rows)):
            samples[i].type, samples[i].data, samples[i].length = kind, rows.ctypes.data + i * step, rows.shape[1]
        self.keep += [rows]
        self.c.samples = samples
        self.c.sample_count = len(rows)

    def take_labels(self, labels: Any) -> None:
        if labels is None:
            return
        if isinstance(labels, (str, os.PathLike)):
            if self.c.calib_count:
                self.c.labels = _library.encode(labels)
                return
            from ._samples import read_labels

            labels = read_labels(labels)
        array = as_array(labels)
        if array.ndim != 1 or array.dtype.kind not in "iu":
            raise BadArgument(f"labels are integers [N], not {array.dtype.name} {list(array.shape)}")
        if self.c.calib_count:
            raise BadArgument("labels of files are a file, too")
        if len(array) < self.c.sample_count:
            raise BadArgument(f"{len(array)} labels for {self.c.sample_count} calibration samples")
        array = np.ascontiguousarray(array[: self.c.sample_count], np.int64)
        self.keep.append(array)
        self.c.sample_labels = array.ctypes.data

    def take_recordings(self, given: Any) -> None:
        if given is None:
            return
        if isinstance(given, (str, os.PathLike)):
            self.c.exit_recordings = _library.encode(given)
            return
        events = [camera_events(r) for r in ([given] if is_recording(given) else given)]
        self.keep.append(events)
        self.c.exit_in_memory = (_abi.Recording * max(len(events), 1))(
            *[_abi.Recording(e.ctypes.data, len(e)) for e in events]
        )
        self.c.exit_in_memory_count = len(events)

    def take_classes(self, classes: PathLike | Sequence[str] | None) -> None:
        if classes is None:
            return
        if isinstance(classes, (str, os.PathLike)):
            self.c.classes = _library.encode(classes)
            return
        names = [str(name).encode() for name in classes]
        self.c.class_names = (ctypes.c_char_p * max(len(names), 1))(*names)
        self.c.class_count = len(names)

    def take_ssc(self, value: Any) -> None:
        if value is None or value is False or value == "off":
            return
        if isinstance(value, str) and value.endswith("p"):
            self.c.ssc_loss = _number("ssc", value[:-1], 0, 100) / 100
        else:
            self.c.ssc_budget = _number("ssc", value, 0, 1e6)

    def take_iat(self, value: Any) -> None:
        if (isinstance(value, str) and value in ("off", "auto")) or isinstance(value, bool):
            self.c.iat = _CHOICES["auto" if value is True else "off" if value is False else value]
        else:
            self.c.iat, self.c.iat_a = _CHOICES["on"], _number("iat", value, 0, 1)


def _is_pair(batch: Any) -> bool:
    """Samples and their labels (or None)."""
    return isinstance(batch, (tuple, list)) and len(batch) == 2 and hasattr(batch[0], "shape")


def _gather(source: Iterable[Any], limit: int) -> tuple[Array, Any]:
    """Samples, and labels if there are any, of a DataLoader or what is like one: no more than are needed.

    An item is a batch, or (batch, labels), or of a data set one sample and its label.
    """
    samples: list[Array] = []
    labels: list[Array] = []
    have = 0
    for item in source:
        if isinstance(item, dict):
            raise BadArgument("batches are dictionaries; give an iterable of arrays, or of (samples, labels)")
        pair = _is_pair(item)
        array = as_array(item[0] if pair else item)
        if array.ndim < 1:
            raise BadArgument(f"a batch of samples is needed, not {item!r:.60}")
        label = as_array(item[1]) if pair and item[1] is not None else None
        if label is not None and label.ndim == 0:
            array, label = array[None], label[None]
        samples.append(array)
        if label is not None:
            labels.append(label)
        have += array.shape[0]
        if have >= limit:
            break
    if not samples:
        raise BadArgument("there are no calibration samples")
    shapes = {a.shape[1:] for a in samples}
    if len(shapes) > 1:
        raise BadArgument(f"batches of samples of different shapes: {', '.join(str(list(s)) for s in shapes)}")
    sure = len(labels) == len(samples) and all(a.ndim == 1 and a.dtype.kind in "iu" for a in labels)
    return np.concatenate(samples)[:limit], np.concatenate(labels)[:limit] if sure else None


def _is_plain(value: Any) -> bool:
    """An array, or numbers in lists."""
    if hasattr(value, "__array__") or hasattr(value, "__dlpack__") or isinstance(value, memoryview):
        return True
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return not isinstance(value, (list, tuple)) and not hasattr(value, "__iter__") and not hasattr(value, "__getitem__")


def _calibrate(request: _Request, calibration: Any, labels: Any) -> None:
    c = request.c
    if isinstance(calibration, Files):
        labels = calibration.labels if labels is None and (calibration.labels >= 0).all() else labels
        calibration = calibration.samples
    if isinstance(calibration, Samples):
        if calibration.counts:
            raise Unsupported("recordings cannot calibrate; give frames of event counts")
        calibration = calibration.data
    if is_paths(calibration):
        request.take_files(calibration)
        request.take_labels(labels)
        return
    most = c.calib_limit + c.exit_limit
    if isinstance(calibration, tuple) and _is_pair(calibration) and as_array(calibration[0]).ndim > 1:
        calibration, given = calibration
        labels = given if labels is None else labels
    if not _is_plain(calibration):
        if not hasattr(calibration, "__iter__") and hasattr(calibration, "__len__"):  # a data set
            items = calibration
            calibration = (items[i] for i in range(len(items)))
        calibration, found = _gather(calibration, most)
        labels = found if labels is None else labels
    array = as_array(calibration)
    if array.ndim < 1 or not array.shape[0]:
        raise BadArgument("there are no calibration samples")
    request.take_array(array[:most])
    request.take_labels(labels)


def convert(
    model: Any,
    calibration: Any = None,
    *,
    example: Any = None,
    labels: Any = None,
    calib_labels: Any = None,
    calib_limit: int = 512,
    exit_limit: int = 2000,
    scale: float | str = 1,
    mean: Channels = None,
    std: Channels = None,
    bgr: bool = False,
    shape: Sequence[int] | None = None,
    resize: int = 0,
    squash: bool = False,
    events: bool = False,
    event_frames: int = 1,
    counting: str | None = None,
    exit_recordings: Any = None,
    classes: PathLike | Sequence[str] | None = None,
    task: str | None = None,
    answers: str | None = None,
    name: str | None = None,
    timesteps: int | None = None,
    fit: str | None = None,
    burst_initial: int = 63,
    burst_desired: int | None = None,
    burst_min: int = 1,
    energy_ratio: float = 1,
    initial: float = 0.5,
    effort: int = 1,
    search: bool = False,
    signed: str | bool = "auto",
    ssc: str | float = "off",
    bias_correction: str | bool = "auto",
    rounding: str = "feedback",
    prune: float = 0,
    iat: str | float | bool = "auto",
    iat_metric: str = "entropy",
    optimize: str | None = None,
    tolerance: float = 0.5,
    search_limit: int = 128,
    threads: int = 0,
    progress: bool | Progress | None = None,
) -> Model:
    """A trained ReLU network as a spiking network of burst-firing neurons, without training.

    model: an ONNX file's path, its bytes, an onnx.ModelProto, or a torch.nn.Module with `example`, an input as
    it takes it (exported in eval mode by the first exporter whose file computes what the module does).
    calibration: a few hundred samples as the network will see them, *raw* (before scale, mean and std): an array
    [N,C,H,W] or [N,H,W,C], a tensor, a DataLoader or another iterable of batches, (samples, labels), or files.
    labels (or calib_labels): of the samples, int [N] or a file; optional. The network sees
    (raw * scale - mean) / std, per channel.

    Every other option is one of `adafire-convert --help` with the same name and default: tolerance in percent,
    ssc as "0.05" or "0.5p", iat as "auto", "off" or the paper's knob, classes as names or a file,
    exit_recordings as a file or structured arrays x, y, t, p. timesteps: 4, or 8 with optimize. A network whose
    every layer is quantised (QDQ, QCDQ, QONNX) is computed to the code: no calibration, one timestep.
    progress: True (tqdm) or a function of a phase and the share of it that is done, on the thread that converts;
    False from it ends the conversion (`Cancelled`), and so does Ctrl-C.

    Returns a `Model`, whose `conversion` has the figures and `notes` what may mislead.

    >>> model = convert(digits / "model.onnx", calibration, scale="1/16", effort=0)
    >>> model
    <adafire.Model 'model': 1x8x8, 4 timesteps, 5 populations of 1034 neurons, 10 classes>
    """
    error: AdafireError | None = None
    for network in networks(model, example, name):
        request = _Request(network)
        c = request.c
        c.calib_limit = _whole("calib_limit", calib_limit, 1, 1000000)
        c.exit_limit = _whole("exit_limit", exit_limit, 0, 1000000)
        request.normalise(scale, mean, std, bgr)
        c.resize, c.squash = _whole("resize", resize, 0, 1 << 14), squash
        c.events, c.event_frames = events, _whole("event_frames", event_frames, 1, 256)
        request.take_recordings(exit_recordings)
        request.take_classes(classes)
        c.task, c.answers, c.name = _library.encode(task), _library.encode(answers), _library.encode(name)
        c.counting, c.fit = _library.encode(counting), _library.encode(fit)
        # 0: 4, or 1 for a quantised network
        c.timesteps = 0 if timesteps is None and not optimize else _whole("timesteps", timesteps or 8, 1, 256)
        c.burst_initial = _whole("burst_initial", burst_initial, 1, 255)
        c.burst_min = _whole("burst_min", burst_min, 1, 255)
        if burst_desired is None:
            burst_desired = max(min(c.burst_desired, c.burst_initial), c.burst_min)
        c.burst_desired = _whole("burst_desired", burst_desired, 1, 255)
        c.energy_ratio = _number("energy_ratio", energy_ratio, 1e-6, 1e6)
        c.initial = _number("initial", initial, 0, 1)
        c.effort, c.search = _whole("effort", effort, 0, 3), search
        c.signed_bursts = _choice("signed", signed, _CHOICES)
        request.take_ssc(ssc)
        c.bias = _choice("bias_correction", "off" if bias_correction is False else bias_correction, _BIASES)
        c.nearest = bool(_choice("rounding", rounding, _ROUNDINGS))
        c.prune = _number("prune", prune, 0, 0.99)
        if c.prune > 0 and c.nearest:
            raise BadArgument("prune needs rounding='feedback', by which other weights make up for it")
        request.take_iat(iat)
        c.iat_metric = _choice("iat_metric", iat_metric, _METRICS)
        c.optimize = 0 if optimize is None else _choice("optimize", optimize, _GOALS)
        c.tolerance = _number("tolerance", tolerance, 0, 100) / 100
        c.search_samples = _whole("search_limit", search_limit, 1, 1000000)
        c.threads = _whole("threads", threads, 0, 1024)
        request.find_shape(shape)
        if calibration is not None:
            _calibrate(request, calibration, calib_labels if labels is None else labels)
        try:
            return _run(request, progress)
        except Unsupported as refusal:  # the other exporter's file may do
            error = error or refusal
            if hasattr(calibration, "__next__"):
                break
    assert error is not None
    raise error


def _run(request: _Request, progress: bool | Progress | None) -> Model:
    def work(call: Call[tuple[int, Conversion]]) -> tuple[int, Conversion]:
        request.c.on_progress, request.c.on_note = call.on_phase(), call.on_note()
        pointer, figures = ctypes.c_void_p(), _abi.Conversion()
        _library.check(
            request.library.af_convert(ctypes.byref(request.c), ctypes.byref(pointer), ctypes.byref(figures))
        )
        try:
            return pointer.value or 0, _figures(figures)
        finally:
            request.library.af_conversion_free(ctypes.byref(figures))

    call: Call[tuple[int, Conversion]] = Call(work, _library.show_progress(progress))
    call.warns = not request.c.optimize  # each candidate of a search is a note
    pointer, conversion = call.run()
    handle = _library.Handle(pointer, _library.run.af_model_free)
    return Model(handle, conversion, tuple(call.notes))


def _figures(c: _abi.Conversion) -> Conversion:
    arrays = {"spikes", "events", "sops", "spike_sops", "adds", "sensitivity"}
    values: dict[str, Any] = {}
    for name in Conversion.__dataclass_fields__:
        value = getattr(c, name)
        values[name] = np.array(np.ctypeslib.as_array(value, (c.populations,))) if name in arrays else value
    return Conversion(**values)


def outline(
    model: Any,
    *,
    example: Any = None,
    shape: Sequence[int] | None = None,
    timesteps: int | None = None,
    fit: str | None = None,
    burst_initial: int = 63,
    signed: str | bool = "auto",
) -> Model:
    """What `convert` would make of the network, without samples: populations, projections and sizes are as they
    would be, thresholds and biases made up. Opened on a board it tells whether that can hold it; what does not
    convert raises the exception that `convert` would.

    >>> outline(digits / "model.onnx").populations[-1].shape
    (10, 1, 1)
    """
    request = _Request(next(iter(networks(model, example))))
    c = request.c
    c.timesteps = 0 if timesteps is None else _whole("timesteps", timesteps, 1, 256)
    c.fit, c.signed_bursts = _library.encode(fit), _choice("signed", signed, _CHOICES)
    c.burst_initial = _whole("burst_initial", burst_initial, 1, 255)
    c.burst_desired = min(c.burst_desired, c.burst_initial)
    request.find_shape(shape)

    def work(call: Call[int]) -> int:
        c.on_note = call.on_note()
        pointer = ctypes.c_void_p()
        _library.check(request.library.af_outline(ctypes.byref(c), ctypes.byref(pointer)))
        return pointer.value or 0

    call: Call[int] = Call(work, _library.show_progress(None))
    return Model(_library.Handle(call.run(), _library.run.af_model_free), None, tuple(call.notes))


def ann(
    model: Any,
    samples: Any,
    *,
    example: Any = None,
    scale: float | str = 1,
    mean: Channels = None,
    std: Channels = None,
    bgr: bool = False,
    shape: Sequence[int] | None = None,
    resize: int = 0,
    squash: bool = False,
    threads: int = 0,
    progress: bool | Progress | None = None,
) -> npt.NDArray[np.float32]:
    """The network as it is, before any conversion: float32 [N, values], all outputs in the graph's order.

    Arguments are those of `convert`; what it returns is a `reference` for `Result.score`.

    >>> ann(digits / "model.onnx", images[:5], scale="1/16").shape
    (5, 10)
    """
    request = _Request(next(iter(networks(model, example))))
    request.normalise(scale, mean, std, bgr)
    request.c.resize, request.c.squash = _whole("resize", resize, 0, 1 << 14), squash
    request.c.threads = _whole("threads", threads, 0, 1024)
    request.c.calib_limit, request.c.exit_limit = 1 << 40, 0
    request.find_shape(shape)
    _calibrate(request, samples, None)

    def work(call: Call[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
        request.c.on_progress, request.c.on_note = call.on_phase(), call.on_note()
        pointer, count, columns = ctypes.c_void_p(), ctypes.c_int64(), ctypes.c_int64()
        _library.check(
            request.library.af_ann_outputs(
                ctypes.byref(request.c), ctypes.byref(pointer), ctypes.byref(count), ctypes.byref(columns)
            )
        )
        try:
            text = ctypes.string_at(pointer, 4 * count.value * columns.value) if pointer.value else b""
            return np.frombuffer(bytearray(text), np.float32).reshape(count.value, columns.value)
        finally:
            request.library.af_free(pointer)

    return Call(work, _library.show_progress(progress)).run()


__all__ = ["ann", "convert", "outline"]
