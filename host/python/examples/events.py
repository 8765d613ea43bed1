"""Events: of a camera into a network, and of the network's own neurons, streamed."""

import pathlib
import sys

import numpy as np

import adafire

digits = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/data/digits")
images = np.load(digits / "test_images.npy")
model = adafire.convert(digits / "model.onnx", np.load(digits / "calib_images.npy"), scale="1/16", signed="off")

with adafire.Device(model) as device:
    for i, answer in enumerate(device.stream(iter(images[:5]), batch=1, events=True)):
        bursts = answer.event_array
        print(f"image {i}: class {answer.classes[0]}, {len(bursts)} events, largest burst {bursts['burst'].max()}")

# A camera's recording is a structured array of x, y, t (microseconds) and p; tonic's are such arrays.
recording = np.zeros(1000, adafire.EVENT_DTYPE)
random = np.random.default_rng(0)
recording["x"], recording["y"] = random.integers(0, 8, (2, 1000))
recording["t"] = np.sort(random.integers(0, 100000, 1000))
as_events = adafire.convert(digits / "model.onnx", random.integers(0, 16, (64, 1, 8, 8)).astype(np.uint8),
                            events=True, iat="off")  # fmt: skip
result = as_events.run(recording)
print(f"a recording of {len(recording)} events: class {result.classes[0]} in {result.timesteps[0]} timesteps")
