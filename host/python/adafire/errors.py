"""What can go wrong: one exception for each status of the C library, with the library's sentence."""

from __future__ import annotations


class AdafireError(Exception):
    """Any failure that the library reports; `status` is its number in adafire.h."""

    status = 0


class BadArgument(AdafireError, ValueError):
    """The caller's: an option out of range, samples of another shape."""

    status = -1


class BadFile(AdafireError, ValueError):
    """A file's content: truncated, corrupt, the wrong shape."""

    status = -2


class Unsupported(AdafireError, NotImplementedError):
    """Well-formed, but this cannot be converted or run here."""

    status = -3


class NoMemory(AdafireError, MemoryError):
    """There is no memory for it."""

    status = -4


class FileError(AdafireError, OSError):
    """The operating system refused to read or write, or a board answered what it should not."""

    status = -5


class NoDevice(AdafireError, OSError):
    """No such board, or it does not answer."""

    status = -6


class DeviceTimeout(AdafireError, TimeoutError):
    """A device missed its deadline."""

    status = -7


class Cancelled(AdafireError):
    """A progress callback returned False."""

    status = -8


class Closed(AdafireError, ValueError):
    """A model, device or task was used after it was closed."""


class AdafireWarning(UserWarning):
    """What may mislead: the notes of the tools."""


BY_STATUS = {kind.status: kind for kind in AdafireError.__subclasses__() if kind.status}
