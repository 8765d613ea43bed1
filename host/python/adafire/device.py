"""Boards, and models on them."""

from __future__ import annotations

import collections
import ctypes
import itertools
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _abi, _library
from ._library import Call, Progress
from ._samples import Array, PathLike, Samples, as_array, as_samples, is_recording
from .errors import AdafireError, Closed, Unsupported
from .model import Model
from .result import EVENTS, Profile, Result


@dataclass(frozen=True)
class Board:
    """A kind of board, as `adafire-host --board list` names it."""

    name: str
    summary: str
    link: str  #: "none", "process", "xrt", "uart" or "fifo"
    runs: bool  #: models; else it can only be flashed
    flashable: bool
    counts_cycles: bool
    sends_events: bool
    profiles: bool
    waveforms: bool
    builds: bool
    megahertz: float  #: 0: it has no clock, or that is known when it is open


def boards() -> list[Board]:
    """All kinds of boards that the library knows.

    >>> [board.name for board in boards()][:3]
    ['cpu', 'csim', 'sim']
    """
    found = []
    for i in range(_library.run.af_board_count()):
        info = _abi.BoardInfo()
        _library.check(_library.run.af_board_info(i, ctypes.byref(info)))
        flags = {n: bool(getattr(info, n)) for n in Board.__dataclass_fields__ if n not in _OTHERS}
        found.append(
            Board(info.name.decode(), info.summary.decode(), _abi.LINKS[info.link], megahertz=info.megahertz, **flags)
        )
    return found


_OTHERS = ("name", "summary", "link", "megahertz")


def attached() -> dict[str, str]:
    """Boards at this computer: the name for `Device`, and that it can be opened or what is missing."""
    found: dict[str, str] = {}

    def each(_: Any, name: bytes, text: bytes) -> None:
        found[name.decode("utf-8", "replace")] = text.decode("utf-8", "replace")

    callback = _abi.OnBoard(each)
    _library.check(_library.run.af_boards_attached(callback, None))
    return found


def arrays_of(samples: Samples) -> _abi.Arrays:
    """Samples for C; the array must be kept meanwhile."""
    arrays = _abi.Arrays(type=samples.type, length=samples.data.shape[1], count=samples.data.shape[0])
    if samples.counts:
        arrays.counts = samples.data.ctypes.data
    else:
        arrays.data = samples.data.ctypes.data
    return arrays


class Device:
    """A model on a board, to run many samples on. Close it, or use it in a `with`.

    board: "cpu", "csim", "sim", "u250", "icebreaker" ... (`boards()`). threads: 0 for all cores.
    build: of the accelerator, for "csim" and "sim": "sim", "tiny" ... waves: FILE.fst[:FROM-TO] for "sim".
    device: which of several cards or USB boards. bitstream: of a card. timeout: seconds that a card may take.

    Threads may share it: their runs follow each other.

    >>> with Device(digits_model, "cpu") as device:
    ...     device.run(images[:2]).timesteps.shape
    (2,)
    """

    def __init__(
        self,
        model: Model,
        board: str = "cpu",
        *,
        build: str | None = None,
        threads: int = 0,
        waves: PathLike | None = None,
        device: str | None = None,
        bitstream: PathLike | None = None,
        timeout: float = 0,
    ) -> None:
        if not isinstance(model, Model):
            raise TypeError(f"a Model is needed, not a {type(model).__name__}; convert() makes one")
        self.model, self.board = model, board
        self._handle: _library.Handle | None = None
        self._lock = threading.Lock()
        self._runner: int | None = None
        name = _library.encode(board)
        texts = [_library.encode(t) for t in (build, waves, device, bitstream)]
        owner = model._owner
        self._build = build

        def open_it(call: Call[int]) -> int:
            note = call.on_note()
            options = _abi.DeviceOptions(threads, *texts, timeout, None, None, note, None)
            pointer = ctypes.c_void_p()
            _library.check(
                _library.run.af_device_open(name, ctypes.byref(options), owner.pointer, ctypes.byref(pointer))
            )
            self._note = note  # the device calls it as long as it lives
            self._notes = call.notes
            # Here, so that an interrupted opening is closed again.
            self._handle = _library.Handle(pointer.value or 0, _library.run.af_device_close, owner, note)
            return 0

        try:
            Call(open_it).run()
        except BaseException:
            self._handle = None
            raise

    @property
    def notes(self) -> list[str]:
        """What the board had to say, a sentence each."""
        return list(self._notes)

    def close(self) -> None:
        """Waits for a run that is under way."""
        self._enter()
        try:
            self._handle = None
        finally:
            self._leave()

    @property
    def closed(self) -> bool:
        return self._handle is None

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a Device is a board that is open and cannot be pickled; pickle its model instead")

    def __repr__(self) -> str:
        return f"<adafire.Device {self.board!r}{', closed' if self.closed else ''}: {self.model!r}>"

    @property
    def megahertz(self) -> float:
        """Of the clock that `Result.cycles` are counted in; 0 where there is none."""
        return float(_library.run.af_device_megahertz(self._open().pointer))

    def _open(self) -> _library.Handle:
        if self._handle is None:
            raise Closed("the device is closed")
        return self._handle

    def _enter(self) -> None:
        """One run at a time; what a progress callback asks of its own device can never be."""
        if self._runner == threading.get_ident():
            raise AdafireError("the device is at work: it cannot be used by its own run's callback")
        self._lock.acquire()

    def _leave(self) -> None:
        self._lock.release()

    def run(
        self,
        samples: Any,
        *,
        timesteps: int | None = None,
        iat: bool = True,
        history: bool = False,
        events: bool = False,
        profile: bool = False,
        keep_state: bool = False,
        labels: Any = None,
        progress: bool | Progress | None = None,
    ) -> Result:
        """Runs samples and tells what they answered and cost.

        samples: an array of raw values as the model takes them (pixels 0..255 of an image model), [N,C,H,W] or
        [N,H,W,C] or one sample, of any dtype and layout; a tensor; recordings as structured arrays (x, y, t, p)
        or counts [N,timesteps,C,H,W]; files, or what `read` gave.
        timesteps: at most so many. iat: False runs them all, without early exit.
        history: keeps outputs after every timestep. events: keeps every event. profile: what cycles went to.
        keep_state: neurons begin each sample with the potentials that they have from the one before, also of the
        device's last run if that kept them, too (board cpu; samples then go one by one).
        labels: what is right, for `Result.accuracy` and the report. progress: True or a function (phase, share
        done) that may return False to end the run, called on the thread that runs it.
        """
        handle = self._open()
        if timesteps is not None and timesteps < 1:
            raise ValueError(f"{timesteps} timesteps; at least one is needed")
        taken = as_samples(self.model, samples, timesteps or 0)
        return self._run(handle, taken, timesteps or 0, iat, history, events, profile, keep_state, labels, progress)

    def _run(
        self,
        handle: _library.Handle,
        taken: Samples,
        timesteps: int,
        iat: bool,
        history: bool,
        events: bool,
        profile: bool,
        keep_state: bool,
        labels: Any,
        progress: bool | Progress | None,
    ) -> Result:
        if events or profile:
            self._check_abilities(events, profile)
        model, n = self.model, taken.data.shape[0]
        most = timesteps or model.timesteps
        populations = model._info.populations
        arrays = arrays_of(taken)
        kept: dict[str, Array] = {
            "timesteps": np.zeros(n, np.int32),
            "output": np.zeros((n, model.output_size), np.float32),
            "cycles": np.zeros(n, np.int64),
        }
        for name in ("spikes", "events", "sops", "spike_sops", "adds"):
            kept[name] = np.zeros((n, populations), np.int64)
        if history:
            kept["history"] = np.zeros((n, most, model.output_size), np.float32)
        for name, array in kept.items():
            setattr(arrays, name, array.ctypes.data)
        profiles = (ctypes.POINTER(_abi.Profile) * n)() if profile else None
        if profiles is not None:
            arrays.profile = ctypes.cast(profiles, type(arrays.profile))
        arrays.keep_events = events
        memory = (taken, kept, profiles)

        def work(call: Call[float]) -> float:
            assert memory  # what C writes into lives as long as it does, whatever becomes of the caller
            self._enter()
            try:
                self._runner = threading.get_ident()
                self._open()
                told = call.on_note()
                _library.check(_library.run.af_arrays_check(model._pointer, ctypes.byref(arrays), told, None))
                on_progress = call.on_run()
                options = _abi.RunOptions(
                    timesteps=timesteps, no_iat=not iat, keep_state=keep_state, on_progress=on_progress
                )
                begin = time.perf_counter()
                _library.check(_library.run.af_run_arrays(handle.pointer, ctypes.byref(arrays), ctypes.byref(options)))
                return time.perf_counter() - begin
            finally:
                self._runner = None
                self._leave()

        seconds = Call(work, _library.show_progress(progress)).run()
        return Result(
            model=model,
            board=self.board,
            iat=iat and model.early_exit,
            keep_state=keep_state,
            most=most,
            seconds=seconds,
            megahertz=self.megahertz,
            outputs=kept["output"],
            timesteps=kept["timesteps"],
            cycles=kept["cycles"],
            spikes=kept["spikes"],
            events=kept["events"],
            sops=kept["sops"],
            spike_sops=kept["spike_sops"],
            adds=None if n and kept["adds"].min() < 0 else kept["adds"],
            history=kept.get("history"),
            event_array=_take_events(arrays) if events else None,
            profiles=None if profiles is None else [_take_profile(p) for p in profiles],
            labels=labels,
            samples=taken,
        )

    def _check_abilities(self, events: bool, profile: bool) -> None:
        kind = next((b for b in boards() if b.name == self.board.split(":")[0]), None)
        if events and kind is not None and not kind.sends_events:
            raise Unsupported("this board does not send the events that are asked for")
        if profile and kind is not None and not kind.profiles:
            raise Unsupported("a profile is of a board and a build that count their cycles (sim, u250)")

    def stream(
        self, samples: Iterable[Any], *, batch: int = 64, progress: bool | Progress | None = None, **options: Any
    ) -> Iterator[Result]:
        """Results of samples that come one by one, each of one sample, in order.

        The board works on a batch while the next one is gathered; batch=1 answers soonest, more are faster.
        Options are those of `run`.
        """
        if batch < 1:
            raise ValueError(f"a batch of {batch}")
        source, show = iter(samples), _library.show_progress(progress)
        ahead: collections.deque[Call[Result]] = collections.deque()
        group: list[Any] = [None]
        try:
            while group or ahead:
                group = list(itertools.islice(source, batch)) if group else []
                if group:
                    ahead.append(self._start(self._group(group, options), show, options))
                if ahead and (len(ahead) > 1 or len(group) < batch):
                    yield from ahead.popleft().result()
        finally:
            for call in ahead:
                call.end()

    def _start(self, taken: Samples, show: Progress | None, options: dict[str, Any]) -> Call[Result]:
        """A run behind the one that is under way, which ends with its call."""

        def work(call: Call[Result]) -> Result:
            def progress(phase: str, done: float) -> bool | None:
                return False if call.cancelled else show(phase, done) if show else None

            return self.run(taken, progress=progress, **options)

        return Call(work).start()

    def _group(self, group: list[Any], options: dict[str, Any]) -> Samples:
        steps = options.get("timesteps") or 0
        if is_recording(group[0]):
            return as_samples(self.model, group, steps)
        parts = [as_samples(self.model, as_array(s)[None] if _is_one(self.model, s) else s, steps) for s in group]
        return Samples(np.concatenate([p.data for p in parts]), parts[0].counts)


def _is_one(model: Model, sample: Any) -> bool:
    return as_array(sample).ndim == 3 and tuple(as_array(sample).shape) == model.input_shape


def _take_events(arrays: _abi.Arrays) -> Array:
    """The events where C put them, freed with the array."""
    size = arrays.event_count * EVENTS.itemsize
    handle = _library.Handle(arrays.event or 0, _library.run.af_free)
    if not size:
        return np.zeros(0, EVENTS)
    memory: Any = (ctypes.c_char * size).from_address(handle.pointer)
    memory.handle = handle
    return np.frombuffer(memory, EVENTS)


def _take_profile(pointer: Any) -> Profile | None:
    if not pointer:
        return None
    p = pointer.contents

    def free(address: int) -> None:
        _library.run.af_profile_free(ctypes.cast(address, ctypes.POINTER(_abi.Profile)))

    # The memory itself stays with C's structure, which reports draw from.
    handle = _library.Handle(ctypes.cast(pointer, ctypes.c_void_p).value or 0, free)
    spans = [tuple(getattr(p.span[i], n) for n in Profile.SPANS.names or ()) for i in range(p.span_count)]
    waits = [
        (p.waits[i].process.decode(), p.waits[i].before, p.waits[i].core, p.waits[i].starved, p.waits[i].blocked)
        for i in range(p.waits_count)
    ]
    return Profile(p.cores, p.lanes, p.cycles, np.array(spans, Profile.SPANS), np.array(waits, Profile.WAITS), handle)
