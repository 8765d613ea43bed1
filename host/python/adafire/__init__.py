"""AdaFire: trained ReLU networks as spiking networks of burst-firing neurons, on a CPU or on an
accelerator for FPGAs.

    model = adafire.convert("resnet20.onnx", images, scale="1/255", mean=..., std=...)
    result = model.run(test_images)
    print(result.classes, result.timesteps.mean(), result.energy)

A thin layer over the C library: results are those of the tools to the bit, and the work runs outside
Python's lock. numpy is all that it needs; torch, onnx, nir and tqdm are used where they are.
"""

from ._convert import ann, convert, outline
from ._export import to_onnx
from ._library import version
from ._samples import EVENT_DTYPE, Files, read, read_labels
from .device import Board, Device, attached, boards
from .errors import (
    AdafireError,
    AdafireWarning,
    BadArgument,
    BadFile,
    Cancelled,
    Closed,
    DeviceTimeout,
    FileError,
    NoDevice,
    NoMemory,
    Unsupported,
)
from .model import Conversion, Model, Population, Projection, load
from .recordings import read_events
from .result import EVENTS, Energy, Profile, Result, Score
from .task import BOX_DTYPE, Task, overlap

__version__ = version()

__all__ = [
    "BOX_DTYPE",
    "EVENTS",
    "EVENT_DTYPE",
    "AdafireError",
    "AdafireWarning",
    "BadArgument",
    "BadFile",
    "Board",
    "Cancelled",
    "Closed",
    "Conversion",
    "Device",
    "DeviceTimeout",
    "Energy",
    "FileError",
    "Files",
    "Model",
    "NoDevice",
    "NoMemory",
    "Population",
    "Profile",
    "Projection",
    "Result",
    "Score",
    "Task",
    "Unsupported",
    "ann",
    "attached",
    "boards",
    "convert",
    "load",
    "outline",
    "overlap",
    "read",
    "read_events",
    "read_labels",
    "to_onnx",
    "version",
]
