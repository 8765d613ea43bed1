"""What Python adds to a run: 10,000 digits by adafire-host and by Device.run, the best of so many turns.

    python host/python/tests/measure_overhead.py [TURNS]"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

import adafire

ROOT = pathlib.Path(__file__).resolve().parents[3]
DIGITS, TOOL = ROOT / "tests/data/digits", ROOT / "build/release/adafire-host"


def main(turns):
    images = np.tile(np.load(DIGITS / "test_images.npy"), (20, 1, 1, 1))
    model = adafire.convert(DIGITS / "model.onnx", np.load(DIGITS / "calib_images.npy"), scale="1/16")
    whole, inside, python = [], [], []
    with tempfile.TemporaryDirectory() as folder, model.open() as device:
        file, samples = pathlib.Path(folder) / "digits.snn", pathlib.Path(folder) / "images.npy"
        model.save(file)
        np.save(samples, images)
        for _ in range(turns):
            begin = time.perf_counter()
            told = subprocess.run([TOOL, file, samples, "--json", "-q"], check=True, capture_output=True).stdout
            whole.append(time.perf_counter() - begin)
            inside.append(len(images) / json.loads(told)["images_per_second"])
            begin = time.perf_counter()
            device.run(images)
            python.append(time.perf_counter() - begin)
    print(f"adafire-host {1e3 * min(whole):.1f} ms, {1e3 * min(inside):.1f} ms of them in the device; "
          f"Device.run {1e3 * min(python):.1f} ms")  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
