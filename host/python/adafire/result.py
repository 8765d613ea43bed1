"""What a run gave: arrays, what they cost, how good they are, and the report."""

from __future__ import annotations

import ctypes
import math
import operator
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, SupportsIndex

import numpy as np
import numpy.typing as npt

from . import _abi, _library
from ._samples import Array, Files, PathLike, Samples, as_array
from .errors import BadArgument
from .model import Model

if TYPE_CHECKING:
    from .task import Task

#: One row for each event: a burst that a neuron sent, negative where it took back.
EVENTS = np.dtype([("sample", "<i8"), ("timestep", "<i4"), ("population", "<i4"), ("neuron", "<i4"), ("burst", "<i4")])


@dataclass(frozen=True)
class Energy:
    """Microjoules of a sample on average, 45 nm (Horowitz, ISSCC 2014): 0.9 pJ an accumulate, 4.6 pJ a
    multiply-accumulate; and in integers, where `bits` are those of an ANN's activations that is as fine."""

    ann: float
    event: float  #: an event counted once
    spike: float  #: every spike of a burst counted
    add: float  #: a burst as the shifted additions that it is; NaN: the board does not count them
    integer: float
    integer_ann: float
    integer_memory: float  #: with operands from memory
    integer_memory_ann: float
    bits: int


@dataclass(frozen=True, eq=False)
class Profile:
    """What an accelerator's cycles went to, for one sample."""

    SPANS: ClassVar[np.dtype[Any]] = np.dtype(
        [("core", "<i4"), ("timestep", "<i4"), ("population", "<i4")]
        + [(n, "<i8") for n in ("begin", "fired", "end", "starved", "blocked")]
    )
    WAITS: ClassVar[np.dtype[Any]] = np.dtype(
        [("process", "U40"), ("before", "?"), ("core", "<i4"), ("starved", "<i8"), ("blocked", "<i8")]
    )
    cores: int
    lanes: int  #: synaptic operations that a core can do in a cycle
    cycles: int
    spans: Array  #: by core and time: a population fires (begin..fired) and its events are added (..end)
    waits: Array  #: how long each process waited for something to do (starved) or for room (blocked)
    _handle: Any = field(default=None, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return Profile, (self.cores, self.lanes, self.cycles, self.spans, self.waits)


@dataclass(frozen=True)
class Score:
    """How good answers were: shares 0..1, NaN where there is nothing to tell."""

    accuracy: float = math.nan  #: of classes
    top5: float = math.nan
    agreement: float = math.nan  #: with the ANN
    ann_accuracy: float = math.nan
    mean: float = math.nan  #: mAP at an overlap of 0.5 (boxes), mean IoU (maps)
    pixels: float = math.nan  #: right pixels of maps
    ann_mean: float = math.nan
    ann_pixels: float = math.nan
    each: tuple[float, ...] = ()  #: average precision or IoU of each class
    ignored: float = math.nan  #: share of labels that were not counted
    error: float = math.nan  #: of values: squared, over the labels' variance
    ann_error: float = math.nan
    recall: float = math.nan  #: of the ANN's boxes those that were found
    precision: float = math.nan  #: of the boxes found those that are the ANN's
    distance: float = math.nan  #: of values from the ANN's: squared, over their variance


@dataclass(eq=False)
class Result:
    """What samples answered and cost: arrays of N samples and P populations.

    >>> result = digits_model.run(images[:100])
    >>> result.outputs.shape, result.classes.shape, result.spikes.shape == (100, len(digits_model.populations))
    ((100, 10), (100,), True)
    >>> bool(result.energy.event < result.energy.ann)
    True
    """

    model: Model
    board: str
    iat: bool  #: early exit was on
    keep_state: bool  #: neurons kept their potentials from sample to sample
    most: int  #: timesteps that a sample could take
    seconds: float  #: of the whole run
    megahertz: float  #: of the clock that cycles are counted in; 0: none
    outputs: npt.NDArray[np.float32]  #: [N, values] means over the timesteps taken, in the ANN's units
    timesteps: npt.NDArray[np.int32]  #: [N] that were taken, from 1
    cycles: npt.NDArray[np.int64]  #: [N] of the accelerator; 0 where it does not apply
    spikes: npt.NDArray[np.int64]  #: [N, P] sums of bursts
    events: npt.NDArray[np.int64]  #: [N, P]
    sops: npt.NDArray[np.int64]  #: [N, P] synaptic operations, an event counted once
    spike_sops: npt.NDArray[np.int64]  #: [N, P] every spike of a burst counted
    adds: npt.NDArray[np.int64] | None  #: [N, P] bursts as shifted additions; None: not counted
    history: npt.NDArray[np.float32] | None = None  #: [N, T, values] after each timestep; NaN when it had ended
    event_array: Array | None = None  #: every event (sample, timestep, population, neuron, burst), if asked
    profiles: list[Profile | None] | None = None  #: [N], if asked
    labels: Any = None  #: that were given
    samples: Samples | None = field(default=None, repr=False)  #: what was run, for the report

    def __len__(self) -> int:
        return len(self.timesteps)

    def __getitem__(self, key: SupportsIndex | slice) -> Result:
        """Some of the samples; the seconds are shared out."""
        if not isinstance(key, slice):
            i = operator.index(key)
            i += len(self) if i < 0 else 0
            if not 0 <= i < len(self):
                raise IndexError(f"sample {key} of {len(self)}")
            key = slice(i, i + 1)
        rows = np.arange(len(self))[key]
        events = self.event_array
        if events is not None:
            parts = [events[events["sample"] == row] for row in rows]
            for i, part in enumerate(parts):
                part["sample"] = i
            events = np.concatenate(parts) if parts else events[:0]
        samples, labels = self.samples, self.labels
        return replace(
            self,
            seconds=self.seconds * len(rows) / max(len(self), 1),
            outputs=self.outputs[key],
            timesteps=self.timesteps[key],
            cycles=self.cycles[key],
            spikes=self.spikes[key],
            events=self.events[key],
            sops=self.sops[key],
            spike_sops=self.spike_sops[key],
            adds=None if self.adds is None else self.adds[key],
            history=None if self.history is None else self.history[key],
            event_array=events,
            profiles=None if self.profiles is None else self.profiles[key],
            labels=None if labels is None else labels[key],
            samples=None if samples is None else Samples(samples.data[key], samples.counts),
        )

    def __iter__(self) -> Iterator[Result]:
        return (self[i] for i in range(len(self)))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "samples": None}

    # ---- Answers

    def output(self, name: str) -> npt.NDArray[np.float32]:
        """[N, values] of one output, by its name in `Model.outputs`."""
        places = self.model.outputs
        if name not in places:
            raise KeyError(f"no output {name!r}; there are {', '.join(places)}")
        return self.outputs[:, places[name]]

    @property
    def classes(self) -> npt.NDArray[np.int64]:
        """[N] the class with the largest output; of a single output, 1 where it is above 0."""
        return _classes(self.outputs[:, self.model._answer])

    @property
    def probabilities(self) -> npt.NDArray[np.float64]:
        """[N, classes] softmax over the output that answers."""
        values = self.outputs[:, self.model._answer].astype(np.float64)
        if values.shape[1] == 1:
            values = np.concatenate([np.zeros_like(values), values], axis=1)
        values = np.exp(values - values.max(axis=1, keepdims=True))
        return np.asarray(values / values.sum(axis=1, keepdims=True))

    def boxes(self, task: Task | str | None = None) -> list[Array]:
        """Of a detector: one structured array a sample (x1, y1, x2, y2, score, label)."""
        return self._task(task).boxes(self)

    def maps(self, task: Task | str | None = None) -> npt.NDArray[np.uint16]:
        """Of a segmentation: the class of every pixel, [N, height, width]."""
        return self._task(task).maps(self)

    def _task(self, task: Task | str | None) -> Task:
        return self.model.task(task) if task is None or isinstance(task, str) else task

    # ---- Figures

    @property
    def energy(self) -> Energy:
        """Of a sample, on average."""
        if not len(self):
            raise BadArgument("no samples, no energy")
        sums = [np.ascontiguousarray(a.sum(axis=0), np.float64) for a in (self.events, self.sops, self.spike_sops)]
        adds = None if self.adds is None else self.adds.sum(axis=0).astype(np.float64)
        pointers = [a.ctypes.data for a in sums] + [None if adds is None else adds.ctypes.data]
        energy = _abi.Energy()
        _library.check(
            _library.run.af_energy_of(self.model._pointer, float(len(self)), *pointers, ctypes.byref(energy))
        )
        return Energy(**{name: getattr(energy, name) for name in Energy.__dataclass_fields__})

    @property
    def latency_us(self) -> float:
        """Microseconds of a sample by its cycles, on average; NaN where there are none."""
        mean = float(self.cycles.mean()) if len(self) else 0.0
        return mean / self.megahertz if mean > 0 and self.megahertz > 0 else math.nan

    def score(self, labels: Any = None, reference: Any = None, task: Task | str | None = None) -> Score:
        """How good the answers are, by labels, and by the ANN's outputs (`adafire.ann`).

        labels: classes [N]; of a detector one array a sample with rows class, x1, y1, x2, y2 (or what `boxes`
        gives); maps [N,H,W], of which classes the network lacks are not counted; values [N, values].
        reference: float [N, values], all outputs or the one that answers.
        """
        labels = self.labels if labels is None else labels
        opened = self._task(task)
        if opened.kind in ("detect", "segment"):
            return opened.score(self, labels, reference)
        values = self.outputs[:, self.model._answer]
        truth = None if labels is None else _rows("labels", _read_labels(labels), len(self))
        ann = None if reference is None else self._reference(reference)
        if opened.kind == "values":
            return Score(
                error=math.nan if truth is None else _relative_error(values, truth),
                ann_error=math.nan if truth is None or ann is None else _relative_error(ann, truth),
                distance=math.nan if ann is None else _relative_error(values, ann),
            )
        if truth is None and ann is None:
            return Score()
        mine = _classes(values)
        agreement = math.nan if ann is None else float((mine == _classes(ann)).mean())
        if truth is None:
            return Score(agreement=agreement)
        if truth.ndim != 1 or truth.dtype.kind not in "iu":
            raise BadArgument(f"labels are integers [N], not {truth.dtype.name} {list(truth.shape)}")
        classes = max(values.shape[1], 2)
        if truth.size and truth.max() >= classes:
            raise BadArgument(f"label {truth.max()}, but the network has {classes} classes")
        known = truth >= 0
        if not known.any():
            return Score(agreement=agreement, ignored=1.0)
        right = float((mine == truth)[known].sum()) / float(known.sum())
        return Score(
            accuracy=right,
            top5=_among_best(values[known], truth[known], 5) if values.shape[1] > 5 else math.nan,
            agreement=agreement,
            ann_accuracy=math.nan if ann is None else float((_classes(ann) == truth)[known].sum() / known.sum()),
            ignored=1 - float(known.mean()),
        )

    def _reference(self, reference: Any) -> Array:
        rows = _rows("reference", np.load(reference) if isinstance(reference, (str, os.PathLike)) else reference, -1)
        rows = rows.reshape(rows.shape[0], -1)
        if rows.shape[0] != len(self):
            raise BadArgument(f"a reference of {rows.shape[0]} rows for {len(self)} samples; is it of others?")
        answer = self.model._answer
        if rows.shape[1] == self.model.output_size:
            return rows[:, answer]
        if rows.shape[1] != answer.stop - answer.start:
            raise BadArgument(f"a reference of {rows.shape[1]} values a sample; the network has {self.model.classes}")
        return rows

    @property
    def accuracy(self) -> float:
        """By the labels that `run` was given; NaN without them."""
        return self.score().accuracy if self.labels is not None else math.nan

    def __repr__(self) -> str:
        n = len(self)
        mean = f"{self.timesteps.mean():.2f}" if n else "no"
        return (
            f"<adafire.Result on {self.board}: {n} samples, {mean} timesteps of {self.most}, "
            f"{self.events.sum(axis=1).mean() if n else 0:.0f} events a sample>"
        )

    # ---- Report

    def report(
        self,
        path: PathLike | None = None,
        *,
        labels: Any = None,
        reference: Any = None,
        names: Sequence[str] | None = None,
        curves: bool = True,
        task: Task | str | None = None,
    ) -> str:
        """The page of `adafire-host --report`: written to `path`, and returned as text (HTML).

        labels, reference: as in `score`. names: of samples. curves: runs the samples once more on the CPU, for
        what they answer after each timestep and the events of the first.
        """
        page, keep = self._page(labels, reference, names, curves, task)
        library, pointer = _library.convert(), ctypes.c_void_p()
        if path is not None:
            _library.check(library.af_report_write(self.model._pointer, ctypes.byref(page), _library.encode(path)))
        _library.check(library.af_report_text(self.model._pointer, ctypes.byref(page), ctypes.byref(pointer)))
        del keep
        try:
            return ctypes.string_at(pointer).decode("utf-8", "replace")
        finally:
            library.af_free(pointer)

    def _page(
        self, labels: Any, reference: Any, names: Sequence[str] | None, curves: bool, task: Task | str | None
    ) -> tuple[_abi.Report, list[Any]]:
        if not len(self):
            raise BadArgument("no samples, no report")
        keep: list[Any] = []
        page = _abi.Report()
        _library.convert().af_report_defaults(ctypes.byref(page))
        opened = self._task(task)
        score = self.score(labels, reference, opened)
        labels = self.labels if labels is None else labels
        page.board, page.samples, page.timesteps = self.board.encode(), len(self), self.most
        page.iat, page.seconds = self.iat, self.seconds
        page.task = _abi.TASKS.index(opened.kind)
        for name in ("accuracy top5 agreement ignored mean pixels ann_mean ann_pixels error ann_error recall precision "
                     "distance").split():  # fmt: skip
            setattr(page, name, getattr(score, name))

        def put(name: str, array: Array) -> None:
            keep.append(array)
            setattr(page, name, array.ctypes.data)

        put("exits", np.bincount(self.timesteps - 1, minlength=self.most)[: self.most].astype(np.int64))
        for name in ("spikes", "events", "sops", "spike_sops", "adds"):
            counts = getattr(self, name)
            if counts is not None:
                put(name, counts.sum(axis=0).astype(np.float64))
        if curves and self.samples is not None:
            self._add_curves(page, put, labels, reference, opened.kind)
            page.raster_name = (names[0] if names else "sample 0").encode()
        profile = next((p for p in self.profiles or [] if p is not None and p._handle), None)
        if profile is not None:
            keep.append(profile)
            page.profile = ctypes.cast(profile._handle.pointer, type(page.profile))
        return page, keep

    def _add_curves(self, page: _abi.Report, put: Any, labels: Any, reference: Any, kind: str) -> None:
        assert self.samples is not None
        with self.model.open() as exact:
            first = Samples(self.samples.data[:1], self.samples.counts)
            raster = exact.run(first, timesteps=self.most, iat=self.iat, events=True).event_array
            if raster is not None and raster.size:
                put("raster", raster)
                page.raster_count = len(raster)
            if kind != "classify" or (labels is None and reference is None):
                return
            if self.keep_state:
                return  # what other samples left behind is not known after each timestep
            full = exact.run(self.samples, timesteps=self.most, iat=False, history=True)
        assert full.history is not None
        at = [_classes(full.history[:, t, self.model._answer]) for t in range(self.most)]
        if labels is not None:
            truth = _rows("labels", _read_labels(labels), len(self))
            known = truth >= 0
            if known.any():
                put("accuracy_at", np.array([(a == truth)[known].sum() / known.sum() for a in at]))
        if reference is not None:
            ann = _classes(self._reference(reference))
            put("agreement_at", np.array([(a == ann).sum() / len(self) for a in at]))

    def _repr_html_(self) -> str:
        """The report, shown in a notebook."""
        from html import escape

        page = escape(self.report(), quote=True)
        return f'<iframe srcdoc="{page}" style="width:100%;height:920px;border:0" title="AdaFire"></iframe>'


def _classes(values: Array) -> npt.NDArray[np.int64]:
    if values.shape[1] == 1:
        return np.asarray(values[:, 0] > 0, np.int64)
    return np.asarray(values.argmax(axis=1), np.int64)


def _among_best(values: Array, labels: Array, k: int) -> float:
    own = np.take_along_axis(values, labels[:, None].astype(np.int64), axis=1)
    earlier = np.arange(values.shape[1])[None, :] < labels[:, None]
    better = ((values > own) | ((values == own) & earlier)).sum(axis=1)
    return float((better < k).mean())


def _relative_error(values: Array, truth: Array) -> float:
    wanted = truth.reshape(values.shape[0], -1).astype(np.float64)
    if wanted.shape != values.shape:
        raise BadArgument(f"labels of {wanted.shape[1]} values a sample; the output has {values.shape[1]}")
    variance = float(((wanted - wanted.mean(axis=0)) ** 2).sum())
    return float(((values - wanted) ** 2).sum()) / variance if variance > 0 else math.nan


def _read_labels(labels: Any) -> Any:
    if isinstance(labels, (str, os.PathLike)):
        from ._samples import read_labels

        return read_labels(labels)
    return labels.labels if isinstance(labels, Files) else labels


def _rows(what: str, value: Any, count: int) -> Array:
    array = as_array(value)
    if array.ndim < 1 or (count >= 0 and array.shape[0] != count):
        given = array.shape[0] if array.ndim else "no"
        raise BadArgument(f"{given} {what} for {count} samples; are they of others?")
    return array


__all__ = ["EVENTS", "Energy", "Profile", "Result", "Score"]
