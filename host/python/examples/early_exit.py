"""Early exit and energy: what each timestep brings, and what it costs."""

import pathlib
import sys

import numpy as np

import adafire

digits = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/data/digits")
images, labels = np.load(digits / "test_images.npy"), np.load(digits / "test_labels.npy")
calibration = np.load(digits / "calib_images.npy")

print("tolerance  timesteps  accuracy  energy, event once  every spike (of the ANN's)")
for tolerance in (0, 0.5, 2, 5):
    model = adafire.convert(digits / "model.onnx", calibration, scale="1/16", timesteps=8, burst_initial=4,
                            tolerance=tolerance)  # fmt: skip
    result = model.run(images, labels=labels)
    e = result.energy
    print(f"{tolerance:7} %  {result.timesteps.mean():9.2f}  {result.accuracy:8.1%}"
          f"  {e.event / e.ann:18.3f}  {e.spike / e.ann:11.3f}")  # fmt: skip

full = model.run(images, iat=False, history=True)
accuracy = (full.history.argmax(axis=2) == labels[:, None]).mean(axis=0)
print("accuracy after each timestep:", " ".join(f"{a:.1%}" for a in accuracy))
