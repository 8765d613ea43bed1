"""The two shared libraries, calls into them that Ctrl-C can end, and statuses as exceptions."""

from __future__ import annotations

import ctypes
import os
import pathlib
import sys
import threading
import warnings
from typing import Any, Callable, Generic, Optional, TypeVar

from . import _abi
from .errors import BY_STATUS, AdafireError, AdafireWarning

T = TypeVar("T")
#: Called with a phase ("running", "thresholds" ...) and how much of it is done, 0..1; False ends the work.
Progress = Callable[[str, float], Optional[bool]]

FOLDER = pathlib.Path(__file__).parent / "lib"


def _load(name: str, functions: dict[str, tuple[Any, list[Any]]]) -> ctypes.CDLL:
    """The library that came with this package, or the system's."""
    here = sorted(FOLDER.glob(f"{name}*"))  # with the version that others ask for it by
    try:
        # What it brings (HDF5, BLAS) stays its own: other packages bring others of the same names.
        library = ctypes.CDLL(str(here[-1]) if here else name, mode=ctypes.RTLD_LOCAL)
    except OSError as error:
        raise ImportError(
            f"{name} cannot be loaded ({error}); `pip install host/python` from a clone builds and brings it"
        ) from None
    for function, (returns, takes) in functions.items():
        try:
            f = getattr(library, function)
        except AttributeError:
            raise ImportError(f"{name} has no {function}: it is older than this package") from None
        f.restype, f.argtypes = returns, takes
    return library


run = _load("libadafire.so", _abi.RUN_FUNCTIONS)
_convert: ctypes.CDLL | None = None
_convert_lock = threading.Lock()


def convert() -> ctypes.CDLL:
    """libadafire-convert, which brings BLAS with it, when it is first needed."""
    global _convert
    with _convert_lock:
        if _convert is None:
            _convert = _load("libadafire-convert.so", _abi.CONVERT_FUNCTIONS)
    return _convert


def version() -> str:
    """Of the C library: "0.2.0"."""
    return str(run.af_version().decode())


def check(status: int) -> int:
    """The status, if it is none of a failure; else the exception, with this thread's sentence."""
    if status >= 0:
        return status
    sentence = run.af_error().decode("utf-8", "replace") or f"status {status}"
    raise BY_STATUS.get(status, AdafireError)(sentence)


def encode(text: str | os.PathLike[str] | None) -> bytes | None:
    """A path or text for C."""
    if text is None:
        return None
    data = os.fsencode(text)
    if b"\0" in data:
        raise ValueError("a text with a zero character in it")
    return data


def warn(note: str) -> None:
    """Where the caller's own code asked for it."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and pathlib.Path(frame.f_code.co_filename).parent == FOLDER.parent:
        frame, level = frame.f_back, level + 1
    warnings.warn(note, AdafireWarning, stacklevel=level)


class Call(Generic[T]):
    """Work in C on a thread of its own, so that the main thread hears Ctrl-C.

    `work` is called with this call, whose `cancelled` its callbacks look at. What they raise ends the work
    and is raised by `result`.
    """

    def __init__(self, work: Callable[[Call[T]], T], progress: Progress | None = None) -> None:
        self._work, self._progress = work, progress
        self._value: list[T] = []
        self._error: BaseException | None = None
        self._callback_error: BaseException | None = None
        self.cancelled = False
        self.warns = True  # of its notes
        self.notes: list[str] = []

    def _body(self) -> None:
        try:
            self._value.append(self._work(self))
        except BaseException as error:  # noqa: BLE001 (handed over to the caller's thread)
            self._error = error

    def start(self) -> Call[T]:
        self._thread = threading.Thread(target=self._body, name="adafire", daemon=True)
        self._thread.start()
        return self

    def result(self) -> T:
        """Waits. Ctrl-C cancels the work and waits for its end, for it uses the caller's memory."""
        interrupt: BaseException | None = None
        while self._thread.is_alive():
            try:
                self._thread.join()
            except BaseException as error:  # noqa: BLE001
                interrupt, self.cancelled = error, True
        try:
            return self._finish(interrupt)
        finally:
            del interrupt

    def end(self) -> None:
        """Cancels it and waits, whatever comes of it."""
        self.cancelled = True
        self._thread.join()

    def run(self) -> T:
        """`start` and `result`; on another than the main thread, which Ctrl-C never reaches, at once."""
        if threading.current_thread() is threading.main_thread():
            try:
                self.start()
            except BaseException:  # Ctrl-C as soon as this
                self.cancelled = True
                raise
            return self.result()
        self._body()
        return self._finish(None)

    def _finish(self, interrupt: BaseException | None) -> T:
        error = interrupt or self._callback_error or self._error
        self._error = self._callback_error = interrupt = None
        self._work = self._progress = None  # type: ignore[assignment]
        if error is not None:
            try:
                raise error
            finally:
                del error  # whose traceback has this frame, and all that the work had
        for note in self.notes if self.warns else []:
            warn(note)
        return self._value[0]

    def report(self, phase: str, fraction: float) -> int:
        """For callbacks from C: 0, or 1 to end the work."""
        if self.cancelled:
            return 1
        if self._progress is None:
            return 0
        try:
            stop = self._progress(phase, fraction) is False
        except BaseException as error:  # noqa: BLE001 (C cannot pass it on)
            self._callback_error, stop = error, True
        self.cancelled = stop
        return int(stop)

    def on_run(self) -> Any:
        return _abi.OnProgress(lambda _, done, of: self.report("running", done / of if of > 0 else 0.0))

    def on_phase(self) -> Any:
        return _abi.OnPhase(lambda _, phase, fraction: self.report(phase.decode(), fraction))

    def on_note(self) -> Any:
        return _abi.OnNote(lambda _, note: self.notes.append(note.decode("utf-8", "replace")))


def show_progress(progress: bool | Progress | None) -> Progress | None:
    """True: a bar of tqdm, where that is installed, else nothing is shown."""
    if progress is None or callable(progress):
        return progress or None
    if not progress:
        return None
    try:
        from tqdm.auto import tqdm
    except ImportError:
        warn("progress=True needs tqdm; give a function instead")
        return None
    bars: list[Any] = []

    def show(phase: str, fraction: float) -> None:
        if not bars or bars[-1].desc != phase + ": ":
            bars.append(tqdm(total=100, desc=phase, bar_format="{desc} {percentage:3.0f} %|{bar}|"))
        bars[-1].n = round(100 * min(fraction, 1.0))
        bars[-1].refresh()

    return show


class Handle:
    """A C object, freed when the last one that needs it is gone."""

    def __init__(self, pointer: int, free: Callable[[int], None], *needs: object) -> None:
        self.pointer, self._free, self._needs = pointer, free, needs

    def __del__(self) -> None:
        free = getattr(self, "_free", None)
        if free is not None:
            free(self.pointer)
