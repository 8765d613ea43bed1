"""What Python adds to a run: 10,000 digits by adafire-host, by Device.run and by Model.run, in turns.

    python host/python/tests/measure_overhead.py [TURNS]

Least and median of wall-clock and CPU time, in ms. The tool is timed as a whole program; `of it the device` is what
it says of its run."""

import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np

import adafire

ROOT = pathlib.Path(__file__).resolve().parents[3]
DIGITS, TOOL = ROOT / "tests/data/digits", ROOT / "build/release/adafire-host"


def timed(work, who):
    used = resource.getrusage(who)
    begin = time.perf_counter()
    value = work()
    wall, now = time.perf_counter() - begin, resource.getrusage(who)
    return value, 1e3 * wall, 1e3 * (now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime)


def main(turns):
    images = np.tile(np.load(DIGITS / "test_images.npy"), (20, 1, 1, 1))
    model = adafire.convert(DIGITS / "model.onnx", np.load(DIGITS / "calib_images.npy"), scale="1/16")
    rows = []
    with tempfile.TemporaryDirectory() as folder, model.open() as device:
        file, samples = pathlib.Path(folder) / "digits.snn", pathlib.Path(folder) / "images.npy"
        model.save(file)
        np.save(samples, images)
        command = [TOOL, file, samples, "--json", "-q"]
        device.run(images)
        for _ in range(turns):
            done, *tool = timed(
                lambda: subprocess.run(command, check=True, capture_output=True), resource.RUSAGE_CHILDREN
            )
            inside = 1e3 * len(images) / json.loads(done.stdout)["images_per_second"]
            lasting = timed(lambda: device.run(images), resource.RUSAGE_SELF)[1:]
            quick = timed(lambda: model.run(images), resource.RUSAGE_SELF)[1:]
            rows.append([*tool, inside, *lasting, *quick])
    print("| | adafire-host, wall | CPU | of it the device, wall | Device.run, wall | CPU | Model.run, wall | CPU |")
    print("|---|---|---|---|---|---|---|---|")
    for name, line in (("least", np.min(rows, 0)), ("median", np.median(rows, 0))):
        print(f"| {name} | " + " | ".join(f"{v:.1f}" for v in line) + " |")
    print(f"{turns} turns, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
