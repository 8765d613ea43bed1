"""What outputs mean: classes, boxes, maps, values; and how good they are."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import _abi, _library
from ._samples import Array, as_array
from .errors import BadArgument
from .model import Model

if TYPE_CHECKING:
    from .result import Result, Score

#: A box in pixels of the model's input, its score 0..1 and its class from 0.
BOX_DTYPE = np.dtype([("x1", "<f4"), ("y1", "<f4"), ("x2", "<f4"), ("y2", "<f4"), ("score", "<f4"), ("label", "<i4")])


def as_boxes(value: Any) -> Array:
    """Boxes of one sample: as `Task.boxes` gives them, or rows class, x1, y1, x2, y2."""
    array = as_array(value)
    if array.dtype.names:
        if not set(BOX_DTYPE.names or ()) - {"score"} <= set(array.dtype.names):
            raise BadArgument(f"boxes have x1, y1, x2, y2 and label, not {', '.join(array.dtype.names)}")
        boxes: Array = np.zeros(array.shape, BOX_DTYPE)
        for name in set(array.dtype.names) & set(BOX_DTYPE.names or ()):
            boxes[name] = array[name]
        return boxes
    boxes = np.zeros(array.shape[0], BOX_DTYPE)
    if array.size:
        if array.ndim != 2 or array.shape[1] != 5:
            raise BadArgument(f"boxes of shape {list(array.shape)}; rows are class, x1, y1, x2, y2")
        boxes["label"] = array[:, 0]
        for i, name in enumerate(("x1", "y1", "x2", "y2"), 1):
            boxes[name] = array[:, i]
    return boxes


def overlap(a: Any, b: Any) -> float:
    """Intersection over union of two boxes (x1, y1, x2, y2, and more); 0 for boxes without area.

    >>> round(overlap((0, 0, 2, 2), (1, 0, 3, 2)), 4)
    0.3333
    """
    first, second = (_abi.Box(*[float(v) for v in list(box)[:4]]) for box in (a, b))
    return float(_library.run.af_overlap(ctypes.byref(first), ctypes.byref(second)))


def _likeness(found: Sequence[Array], truth: Sequence[Array]) -> tuple[float, float]:
    """Of the true boxes the share that was found, and of those found the share that is true."""
    matched = 0
    for a, b in zip(found, truth):
        matched += _library.check(_library.run.af_boxes_matched(a.ctypes.data, len(a), b.ctypes.data, len(b)))
    total, mine = sum(map(len, truth)), sum(map(len, found))
    return matched / total if total else math.nan, matched / mine if mine else math.nan


class Task:
    """What a model's outputs mean; `Model.task` makes one.

    >>> task = digits_model.task()
    >>> task.kind, task.classes
    ('classify', 10)
    """

    def __init__(self, model: Model, words: str | None = None) -> None:
        pointer = ctypes.c_void_p()
        owner = model._owner
        _library.check(_library.run.af_task_open(owner.pointer, _library.encode(words), ctypes.byref(pointer)))
        self.model = model
        self._handle = _library.Handle(pointer.value or 0, _library.run.af_task_close, owner)

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a Task cannot be pickled; pickle its model, which has it")

    @property
    def kind(self) -> str:
        """ "classify", "detect", "segment" or "values"."""
        return _abi.TASKS[_library.run.af_task_kind(self._handle.pointer)]

    @property
    def classes(self) -> int:
        return int(_library.run.af_task_classes(self._handle.pointer))

    def _results(self, outputs: Any) -> tuple[Array, list[_abi.Result]]:
        values = np.ascontiguousarray(as_array(getattr(outputs, "outputs", outputs)), np.float32)
        if values.ndim != 2:
            raise BadArgument(f"outputs of shape {list(values.shape)}; [N, values] are needed")
        size = values.shape[1]
        rows = [_abi.Result(timesteps=1, output_size=size, output=row.ctypes.data) for row in values]
        return values, rows

    def best(self, outputs: Result | Array, most: int = 5) -> list[list[tuple[int, float]]]:
        """Of a classification: the `most` best classes of each sample with their probabilities."""
        values, rows = self._results(outputs)
        answers = (_abi.Answer * max(most, 1))()
        found = []
        for row in rows:
            n = _library.check(_library.run.af_answers(self._handle.pointer, ctypes.byref(row), most, answers))
            found.append([(answers[i].label, answers[i].probability) for i in range(n)])
        del values
        return found

    def boxes(self, outputs: Result | Array) -> list[Array]:
        """Of a detector: boxes of each sample, the best first (BOX_DTYPE)."""
        values, rows = self._results(outputs)
        pointer = ctypes.POINTER(_abi.Box)()
        found = []
        for row in rows:
            n = _library.check(_library.run.af_boxes(self._handle.pointer, ctypes.byref(row), ctypes.byref(pointer)))
            text = ctypes.string_at(pointer, n * BOX_DTYPE.itemsize) if n else b""
            found.append(np.frombuffer(bytearray(text), BOX_DTYPE))
        del values
        return found

    def maps(self, outputs: Result | Array) -> npt.NDArray[np.uint16]:
        """Of a segmentation: the class of every pixel, [N, height, width]."""
        values, rows = self._results(outputs)
        pointer = ctypes.POINTER(ctypes.c_uint16)()
        height, width = ctypes.c_int(), ctypes.c_int()
        found = []
        for row in rows:
            _library.check(
                _library.run.af_class_map(
                    self._handle.pointer,
                    ctypes.byref(row),
                    ctypes.byref(pointer),
                    ctypes.byref(height),
                    ctypes.byref(width),
                )
            )
            found.append(np.array(np.ctypeslib.as_array(pointer, (height.value, width.value))))
        del values
        return np.stack(found) if found else np.zeros((0, 0, 0), np.uint16)

    def score_boxes(self, found: Sequence[Any], truth: Sequence[Any]) -> tuple[float, npt.NDArray[np.float64]]:
        """mAP at an overlap of 0.5, and the average precision of each class (NaN: there never was one)."""
        if len(found) != len(truth):
            raise BadArgument(f"boxes of {len(found)} samples, and truth of {len(truth)}")

        def add(score: int) -> None:
            for mine, right in zip(found, truth):
                a, b = np.ascontiguousarray(as_boxes(mine)), np.ascontiguousarray(as_boxes(right))
                _library.check(_library.run.af_score_boxes(score, a.ctypes.data, len(a), b.ctypes.data, len(b)))

        mean, _, each = self._score(add)
        return mean, each

    def score_maps(self, maps: Any, labels: Any) -> tuple[float, float, npt.NDArray[np.float64]]:
        """Mean IoU, share of right pixels, IoU of each class; labels of classes the network lacks count not."""
        mine, right = as_array(maps), as_array(labels)
        if mine.shape != right.shape or mine.ndim != 3:
            raise BadArgument(f"maps of shape {list(mine.shape)}, and labels of {list(right.shape)}; both [N,H,W]")
        a, b = np.ascontiguousarray(mine, np.uint16), np.ascontiguousarray(right, np.int32)

        def add(score: int) -> None:
            for i in range(len(a)):
                _library.check(
                    _library.run.af_score_map(score, a[i].ctypes.data, b[i].ctypes.data, a.shape[1], a.shape[2])
                )

        return self._score(add)

    def _score(self, add: Any) -> tuple[float, float, npt.NDArray[np.float64]]:
        pointer = ctypes.c_void_p()
        _library.check(_library.run.af_score_open(self._handle.pointer, ctypes.byref(pointer)))
        score = _library.Handle(pointer.value or 0, _library.run.af_score_close)
        add(score.pointer)
        mean, pixels, each = ctypes.c_double(), ctypes.c_double(), np.zeros(self.classes)
        _library.check(
            _library.run.af_score_finish(score.pointer, ctypes.byref(mean), ctypes.byref(pixels), each.ctypes.data)
        )
        return mean.value, pixels.value, each

    def score(self, result: Result, labels: Any, reference: Any = None) -> Score:
        """Of boxes or maps, and those that the ANN's outputs make; see `Result.score`."""
        from .result import Score

        ann = None if reference is None else as_array(reference)
        if self.kind == "detect":
            found = self.boxes(result)
            theirs = None if ann is None else self.boxes(ann)
            recall, precision = (math.nan, math.nan) if theirs is None else _likeness(found, theirs)
            if labels is None:
                return Score(recall=recall, precision=precision)
            mean, each = self.score_boxes(found, labels)
            ann_mean = math.nan if theirs is None else self.score_boxes(theirs, labels)[0]
            return Score(mean=mean, each=tuple(each), ann_mean=ann_mean, recall=recall, precision=precision)
        maps = self.maps(result)
        likeness = math.nan
        if ann is not None:
            likeness = float((maps == self.maps(ann)).mean())
        if labels is None:
            return Score(agreement=likeness)
        truth = as_array(labels)
        mean, pixels, each = self.score_maps(maps, truth)
        known = (truth >= 0) & (truth < self.classes)
        ann_mean, ann_pixels = (math.nan, math.nan) if ann is None else self.score_maps(self.maps(ann), truth)[:2]
        return Score(
            mean=mean,
            pixels=pixels,
            each=tuple(each),
            ann_mean=ann_mean,
            ann_pixels=ann_pixels,
            agreement=likeness,
            ignored=1 - float(known.mean()),
        )
