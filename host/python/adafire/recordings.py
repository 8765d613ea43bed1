"""Recordings of event cameras, as the structured arrays that tonic and others use."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence

import numpy as np

from . import _abi, _library
from ._samples import CAMERA_DTYPE, EVENT_DTYPE, Array, PathLike


def read_events(paths: PathLike | Sequence[PathLike], *, limit: int | None = None) -> list[Array]:
    """Recordings of files: .npy rows x, y, polarity, t (EVENTS.npy@OFFSETS.npy), N-MNIST .bin, folders of these.

    Each is a structured array (EVENT_DTYPE): x, y in pixels, t in microseconds, p the polarity from 0; what
    `Device.run` and `convert(exit_recordings=)` take. limit: the first so many.
    """
    library = _library.convert()
    given = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    names = (ctypes.c_char_p * len(given))(*[_library.encode(p) for p in given])
    options = _abi.SamplesOptions(channels=2, height=1, width=1, events=True, uncounted=True)
    pointer = ctypes.c_void_p()
    _library.check(library.af_samples_open(names, len(given), ctypes.byref(options), ctypes.byref(pointer)))
    handle = _library.Handle(pointer.value or 0, library.af_samples_close)
    found: list[Array] = []
    sample, recording = _abi.Sample(), _abi.Recording()
    while limit is None or len(found) < limit:
        if not _library.check(library.af_samples_next(handle.pointer, ctypes.byref(sample), None)):
            break
        _library.check(library.af_samples_recording(handle.pointer, ctypes.byref(recording)))
        text = ctypes.string_at(recording.events, 16 * recording.count) if recording.count else b""
        raw = np.frombuffer(text, CAMERA_DTYPE)
        events = np.empty(len(raw), EVENT_DTYPE)
        for name in "xytp":
            events[name] = raw[name]
        found.append(events)
    return found
