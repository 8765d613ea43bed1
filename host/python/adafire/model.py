"""Models: what a conversion makes and every board runs."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import _abi, _library
from ._samples import Array, PathLike
from .errors import Closed

if TYPE_CHECKING:
    from .device import Device
    from .result import Result
    from .task import Task


class _Memory:
    """Memory of a model's as numpy takes it, which keeps the model alive."""

    def __init__(self, address: int, shape: tuple[int, ...], dtype: str, owner: object) -> None:
        self.owner = owner
        self.__array_interface__ = {"version": 3, "data": (address, True), "shape": shape, "typestr": dtype}


def _view(pointer: Any, shape: tuple[int, ...], dtype: str, owner: object) -> Array | None:
    """A read-only view, or None of a null pointer."""
    address = ctypes.cast(pointer, ctypes.c_void_p).value
    return None if not address else np.asarray(_Memory(address, shape, dtype, owner))


@dataclass(frozen=True, eq=False)
class Population:
    """Neurons of one shape that fire together. Arrays are read-only views of the model's memory."""

    index: int
    name: str
    kind: str  #: "input", "relu", "linear", "maxpool" or "output"
    shape: tuple[int, int, int]  #: channels, height, width
    burst: int  #: phi, the largest burst of one timestep; 0 of inputs and outputs
    signed_bursts: bool  #: may take back what it sent too early
    ratio: float  #: the threshold ratio rho of Sensitivity Spike Compression; 1 without it
    fanout: int  #: synaptic operations that one of its events causes, on average
    thresholds: npt.NDArray[np.float64]  #: [channels] in the ANN's units; empty where nothing fires
    threshold: Array | None  #: int32 [channels], in integers of the machine
    scale: Array | None  #: float32 [channels], the ANN's units of one such integer
    bias: Array | None  #: int32 [channels] or [neurons], added in every timestep
    initial: Array | None  #: int32 [channels] or [neurons], potentials to begin with
    unit: float  #: of the input: a value is count * unit + zero[channel]
    zero: Array | None  #: float32 [channels], of the input

    @property
    def neurons(self) -> int:
        return self.shape[0] * self.shape[1] * self.shape[2]


@dataclass(frozen=True, eq=False)
class Projection:
    """A linear map into a population; adafire.h (struct af_projection_info) says what each number is."""

    index: int
    source: int
    destination: int
    weight: Array | None  #: int8 [out, channels / groups, rows, columns], a view; None: a relay
    shift: int  #: a weight counts weight << shift
    groups: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    before: tuple[int, int]  #: padding above and left
    map: npt.NDArray[np.int32]  #: [channels] of the source that it sees
    up: tuple[int, int]
    pool: tuple[int, int]
    pool_stride: tuple[int, int]
    pool_before: tuple[int, int]
    view: tuple[int, int]
    block: tuple[int, int, int]
    at: tuple[int, int, int]
    spread: tuple[int, int]


@dataclass(frozen=True)
class Conversion:
    """How good a model was on its calibration samples; NaN where that is not known."""

    samples: int
    agreement: float  #: with the ANN, 0..1
    accuracy: float  #: 0..1, with labels
    ann_accuracy: float
    timesteps_mean: float  #: with early exit
    expected_loss: float  #: of accuracy, 0..1
    exit_sops: float  #: synaptic operations of a sample until it stops, an event counted once
    exit_spike_sops: float  #: every spike counted
    exit_adds: float  #: bursts as shifted additions
    judges: int  #: samples that refined thresholds were judged by
    plain_divergence: float
    divergence: float
    #: float64 [populations], means of a sample over all timesteps
    spikes: npt.NDArray[np.float64] = field(repr=False)
    events: npt.NDArray[np.float64] = field(repr=False)
    sops: npt.NDArray[np.float64] = field(repr=False)
    spike_sops: npt.NDArray[np.float64] = field(repr=False)
    adds: npt.NDArray[np.float64] = field(repr=False)
    sensitivity: npt.NDArray[np.float64] = field(repr=False)


class Model:
    """A spiking network. Made by `convert`, `Model.load` or `Model.from_bytes`; read-only, and safe to
    share between threads and devices. It pickles by its bytes.

    >>> model = Model.load(digits_file)
    >>> model.input_shape, model.classes, model.timesteps
    ((1, 8, 8), 10, 4)
    """

    def __init__(self, handle: _library.Handle, conversion: Conversion | None = None, notes: tuple[str, ...] = ()):
        self._handle: _library.Handle | None = handle
        self.conversion = conversion  #: figures of the conversion that made it here; None of a loaded one
        self.notes = notes  #: what that conversion had to say, a sentence each

    # ---- Made, kept, ended

    @staticmethod
    def _own(pointer: ctypes.c_void_p) -> _library.Handle:
        return _library.Handle(pointer.value or 0, _library.run.af_model_free)

    @classmethod
    def load(cls, path: PathLike) -> Model:
        """From an .snn file."""
        pointer = ctypes.c_void_p()
        _library.check(_library.run.af_model_load(_library.encode(path), ctypes.byref(pointer)))
        return cls(cls._own(pointer))

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview, name: str = "the model") -> Model:
        """From what `to_bytes` gave or an .snn file holds; `name` stands in messages."""
        content = bytes(data)
        pointer = ctypes.c_void_p()
        _library.check(_library.run.af_model_parse(_library.encode(name), content, len(content), ctypes.byref(pointer)))
        return cls(cls._own(pointer))

    def to_bytes(self) -> bytes:
        """What `save` writes."""
        data, size = ctypes.c_void_p(), ctypes.c_size_t()
        _library.check(_library.run.af_model_bytes(self._pointer, ctypes.byref(data), ctypes.byref(size)))
        try:
            return ctypes.string_at(data, size.value)
        finally:
            _library.run.af_free(data)

    def save(self, path: PathLike) -> None:
        """Writes an .snn file: under a temporary name, then renamed."""
        _library.check(_library.run.af_model_save(self._pointer, _library.encode(path)))

    def close(self) -> None:
        """Lets go of it now. Devices and arrays that came from it live on; itself it can do no more."""
        self._handle = None

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickle, (self.to_bytes(), self.conversion, self.notes)

    @property
    def _owner(self) -> _library.Handle:
        if self._handle is None:
            raise Closed("the model is closed")
        return self._handle

    @property
    def _pointer(self) -> int:
        return self._owner.pointer

    # ---- What it is

    @cached_property
    def _cached_info(self) -> _abi.ModelInfo:
        info = _abi.ModelInfo()
        _library.check(_library.run.af_model_info(self._pointer, ctypes.byref(info)))
        return info

    @property
    def _info(self) -> _abi.ModelInfo:
        self._owner  # noqa: B018 (an open one)
        return self._cached_info

    @property
    def name(self) -> str:
        return str(self._info.name.decode("utf-8", "replace"))

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height, width of a sample."""
        return self._info.channels, self._info.height, self._info.width

    @property
    def takes_events(self) -> bool:
        """Made for event recordings."""
        return bool(self._info.events)

    @property
    def early_exit(self) -> bool:
        """Holds limits for ending an inference early (Input-aware Adaptive Timesteps)."""
        return bool(self._info.iat)

    @property
    def timesteps(self) -> int:
        """T, the most that an inference takes."""
        return int(self._info.timesteps)

    @property
    def classes(self) -> int:
        """Values of the output that answers."""
        return int(self._info.classes)

    @property
    def neurons(self) -> int:
        return int(self._info.neurons)

    @property
    def synapses(self) -> int:
        """Weights; `zeros` of them are 0."""
        return int(self._info.synapses)

    @property
    def zeros(self) -> int:
        return int(self._info.zeros)

    @property
    def ann_macs(self) -> int:
        """Multiply-accumulates of the ANN for one sample."""
        return int(self._info.ann_macs)

    @property
    def first_macs(self) -> int:
        """Those of them on the constant analog input, which are done once."""
        return int(self._info.first_macs)

    @property
    def output_size(self) -> int:
        """Values of all outputs together."""
        return int(self._info.output_size)

    @cached_property
    def _outputs(self) -> list[tuple[str, slice, tuple[int, ...]]]:
        """Name, place among all values, and shape of each output."""
        outputs: list[tuple[str, slice, tuple[int, ...]]] = []
        at = 0
        kinds = [p for p in self.populations if p.kind == "output"]
        for p in kinds:
            count = p.neurons
            if p.index == self._info.answer:
                count = self.classes
            outputs.append((p.name, slice(at, at + count), p.shape))
            at += count
        if at != self.output_size:  # a single value of two neurons, not the one that answers
            return [(kinds[0].name, slice(0, self.output_size), (self.output_size, 1, 1))]
        return outputs

    @property
    def outputs(self) -> dict[str, slice]:
        """Where each output's values stand in `Result.outputs`."""
        self._owner  # noqa: B018
        return {name: place for name, place, _ in self._outputs}

    @property
    def _answer(self) -> slice:
        """Of the values that answer, among all."""
        answer = self._info.answer
        name = self.populations[answer].name
        return self.outputs.get(name, slice(0, self.output_size))

    @property
    def class_names(self) -> list[str]:
        """Empty where the model has none."""
        names = [_library.run.af_class_name(self._pointer, i) for i in range(self.classes)]
        return [n.decode("utf-8", "replace") for n in names if n is not None]

    @property
    def facts(self) -> dict[str, str]:
        """What it knows of where it came from."""
        key, value, facts = ctypes.c_char_p(), ctypes.c_char_p(), {}
        for i in range(self._info.facts):
            _library.check(_library.run.af_model_fact(self._pointer, i, ctypes.byref(key), ctypes.byref(value)))
            facts[(key.value or b"").decode()] = (value.value or b"").decode("utf-8", "replace")
        return facts

    @cached_property
    def _populations(self) -> tuple[Population, ...]:
        return tuple(self._population(i) for i in range(self._info.populations))

    @property
    def populations(self) -> tuple[Population, ...]:
        """In the order in which they fire; the first is the input, outputs are last."""
        self._owner  # noqa: B018
        return self._populations

    def _population(self, i: int) -> Population:
        info, values = _abi.PopulationInfo(), _abi.PopulationValues()
        _library.check(_library.run.af_population_info(self._pointer, i, ctypes.byref(info)))
        _library.check(_library.run.af_population_values(self._pointer, i, ctypes.byref(values)))
        owner, c = self._owner, (info.channels,)
        threshold = _view(values.threshold, c, "<i4", owner)
        scale = _view(values.scale, c, "<f4", owner)
        real: npt.NDArray[np.float64] = np.zeros(0, np.float64)
        if threshold is not None and scale is not None:
            real = np.asarray(threshold * scale.astype(np.float64), np.float64)
        return Population(
            index=i,
            name=info.name.decode("utf-8", "replace"),
            kind=_abi.KINDS[info.kind],
            shape=(info.channels, info.height, info.width),
            burst=info.burst,
            signed_bursts=info.signed_bursts,
            ratio=info.ratio,
            fanout=info.fanout_mean,
            thresholds=real,
            threshold=threshold,
            scale=scale,
            bias=_view(values.bias, (values.bias_count,), "<i4", owner),
            initial=_view(values.initial, (values.initial_count,), "<i4", owner),
            unit=values.unit,
            zero=_view(values.zero, c, "<f4", owner),
        )

    @cached_property
    def _projections(self) -> tuple[Projection, ...]:
        return tuple(self._projection(i) for i in range(self._info.projections))

    @property
    def projections(self) -> tuple[Projection, ...]:
        """In the order of the populations that they lead into."""
        self._owner  # noqa: B018
        return self._projections

    def _projection(self, i: int) -> Projection:
        info = _abi.ProjectionInfo()
        _library.check(_library.run.af_projection_info(self._pointer, i, ctypes.byref(info)))
        shape = (info.block[0], info.channels // info.groups, *info.kernel)
        channels = _view(info.map, (info.channels,), "<i4", self._owner)
        pairs: dict[str, Any] = {
            name: tuple(getattr(info, name))
            for name in "kernel stride dilation before up pool pool_stride pool_before view block at spread".split()
        }
        return Projection(
            index=i,
            source=info.source,
            destination=info.destination,
            weight=_view(info.weight, shape, "|i1", self._owner),
            shift=info.shift,
            groups=info.groups,
            map=np.empty(0, np.int32) if channels is None else channels,
            **pairs,
        )

    @property
    def bursts(self) -> npt.NDArray[np.int64]:
        """int64 [populations]: phi of each, 0 of inputs and outputs."""
        return np.array([p.burst for p in self.populations])

    @property
    def thresholds(self) -> dict[str, npt.NDArray[np.float64]]:
        """float64 [channels] of each population that fires by thresholds, in the ANN's units."""
        return {p.name: p.thresholds for p in self.populations if p.thresholds.size}

    def __repr__(self) -> str:
        if self._handle is None:
            return "<adafire.Model, closed>"
        shape = "x".join(map(str, self.input_shape))
        return (
            f"<adafire.Model {self.name!r}: {shape}, {self.timesteps} timesteps, "
            f"{len(self.populations)} populations of {self.neurons} neurons, {self.classes} classes>"
        )

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(
            f"<tr><td>{p.index}</td><td style='text-align:left'>{escape(p.name)}</td><td>{p.kind}</td>"
            f"<td>{'x'.join(map(str, p.shape))}</td><td>{p.burst or ''}</td>"
            f"<td>{'' if not p.thresholds.size else f'{p.thresholds.min():.3g} .. {p.thresholds.max():.3g}'}</td></tr>"
            for p in self.populations
        )
        head = "<tr><th>#</th><th>population</th><th>kind</th><th>shape</th><th>&phi;</th><th>thresholds</th></tr>"
        return f"<p>{escape(repr(self)[1:-1])}</p><table>{head}{rows}</table>"

    # ---- What it does

    def open(self, board: str = "cpu", **options: Any) -> Device:
        """The model on a board: `Device(model, board, ...)`."""
        from .device import Device

        return Device(self, board, **options)

    def run(
        self,
        samples: Any,
        board: str = "cpu",
        *,
        build: str | None = None,
        threads: int = 0,
        **options: Any,
    ) -> Result:
        """Opens a board, runs the samples on it and closes it; options are those of `Device.run`.

        >>> result = digits_model.run(images)
        >>> result.classes[:5].tolist() == labels[:5].tolist()
        True
        """
        with self.open(board, build=build, threads=threads) as device:
            return device.run(samples, **options)

    def task(self, words: str | None = None) -> Task:
        """What the outputs mean: by `words` (adafire-host --help has them), or the model's own."""
        from .task import Task

        return Task(self, words)

    def check(self, samples: Any = None, board: str | None = None, **options: Any) -> list[str]:
        """What may mislead, a sentence each: whether `samples` look like those it was made with, and what
        `board` has to say of the model. An exception where that board cannot run it."""
        from ._samples import as_samples
        from .device import Device, arrays_of

        notes: list[str] = []
        if samples is not None:
            arrays = arrays_of(as_samples(self, samples))
            told = _abi.OnNote(lambda _, note: notes.append(note.decode("utf-8", "replace")))
            _library.check(_library.run.af_arrays_check(self._pointer, ctypes.byref(arrays), told, None))
        if board is not None:
            with Device(self, board, **options) as device:
                notes += device.notes
        return notes


def _unpickle(data: bytes, conversion: Conversion | None, notes: tuple[str, ...]) -> Model:
    model = Model.from_bytes(data)
    model.conversion, model.notes = conversion, notes
    return model


def load(path: PathLike) -> Model:
    """`Model.load`."""
    return Model.load(os.fspath(path))
