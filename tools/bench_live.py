#!/usr/bin/env python3
"""What the live path takes on one core, and how long answers take at 1 M and 10 M events a second.

    tools/bench_live.py BUILD_DIRECTORY DATA_DIRECTORY [SECONDS]

Makes a second of EVT3 of a sensor of 640x480 at each rate (a bar that turns, and noise), and a model of DATA's gesture network
(128x128, windows of 50 ms). Then, as tables: the stream as fast as it goes, all of the program on one core; in its own time,
again and again for SECONDS (10), as a replay and through TCP from another process; windows on the simulated accelerator."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np

WIDTH, HEIGHT = 640, 480


def make_evt3(path, rate, seconds=1.0):
    """Events in order of time: an upper and a lower half of it where these change, then y and x."""
    rng = np.random.default_rng(7)
    n = int(rate * seconds)
    t = np.sort(rng.integers(0, int(1e6 * seconds), n))
    angle, along = 2 * np.pi * t / 5e5, rng.uniform(-200, 200, n)
    x = WIDTH / 2 + along * np.cos(angle) + rng.normal(0, 4, n)
    y = HEIGHT / 2 + along * np.sin(angle) + rng.normal(0, 4, n)
    noise = rng.random(n) < 0.1
    x[noise], y[noise] = rng.uniform(0, WIDTH, noise.sum()), rng.uniform(0, HEIGHT, noise.sum())
    x, y = np.clip(x, 0, WIDTH - 1).astype(np.uint16), np.clip(y, 0, HEIGHT - 1).astype(np.uint16)
    p = (rng.random(n) < 0.5).astype(np.uint16)
    new = np.r_[True, t[1:] != t[:-1]]
    high = np.r_[True, (t[1:] >> 12) != (t[:-1] >> 12)]
    words = np.zeros((n, 4), "<u2")
    words[:, 0] = 0x8000 | (t >> 12)
    words[:, 1] = 0x6000 | (t & 0xFFF)
    words[:, 2] = y
    words[:, 3] = 0x2000 | p << 11 | x
    keep = np.stack([high, new, np.ones(n, bool), np.ones(n, bool)], 1)
    with open(path, "wb") as f:
        f.write(b"% evt 3.0\n% geometry 640x480\n% end\n")
        words[keep].tofile(f)
    return n


def serve(listener, path, seconds, size):
    """The file again and again, a millisecond's share at a time, each turn as a stream of its own time: EVT3 runs over."""
    data = open(path, "rb").read()
    connection, _ = listener.accept()
    begin, sent = time.monotonic(), 0
    try:
        while time.monotonic() - begin < seconds:
            due = min(int((time.monotonic() - begin) * size), len(data))
            if due > sent:
                connection.sendall(data[sent:due])
                sent = due
            if sent == len(data):
                break
            time.sleep(0.001)
    except OSError:
        pass
    connection.close()


def run(arguments, core=None, **how):
    command = (["taskset", "-c", core] if core else []) + arguments
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, **how)
    return json.loads(done.stdout.splitlines()[-1])["summary"]


def row(*cells):
    print("| " + " | ".join(str(c) for c in cells) + " |", flush=True)


def times(s, key):
    return " / ".join("%.2f" % s["%s_ms_%s" % (key, k)] for k in ("median", "99", "999", "most"))


def main():
    build, data = sys.argv[1:3]
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 10
    host = os.path.join(build, "adafire-host")
    gestures = os.path.join(data, "dvs_gesture")
    with tempfile.TemporaryDirectory() as folder:
        model = os.path.join(folder, "gestures.snn")
        subprocess.run([os.path.join(build, "adafire-convert"), gestures + "/model.onnx", "--events", "--counting",
                        "sensor 640x480 fit window 50", "--calib", gestures + "/calib_images.npy", "-t", "4", "-q",
                        "-o", model], check=True)
        files = {}
        for rate in 1_000_000, 10_000_000:
            files[rate] = os.path.join(folder, "%d.raw" % rate)
            make_evt3(files[rate], rate, 4.0 if rate < 5_000_000 else 1.0)
        base = [host, model, "-q", "--json", "--live"]
        print("As fast as it goes, one core:")
        row("stream", "M events/s", "windows/s", "of a window the board, ms")
        row(*["---"] * 4)
        for rate, path in files.items():
            best = max((run(base + [path, "--threads", "1", "--window", "50ms"], core="0") for _ in range(3)),
                       key=lambda s: s["events_per_second"])
            row("%d M events/s, windows of 50 ms" % (rate // 1_000_000), "%.1f" % (best["events_per_second"] / 1e6),
                "%.0f" % (best["decisions"] / best["seconds"]), "%.2f" % best["run_ms_median"])
        print("\nIn its own time (median / 99 % / 99.9 % / most, ms):")
        row("stream", "windows", "dropped", "from the last event to the answer", "after the window was over",
            "of it the board, median")
        row(*["---"] * 6)
        for rate, path in files.items():
            name = "%d M events/s" % (rate // 1_000_000)
            limit = str(int(seconds * 20))
            s = run(base + [path, "--replay", "1", "--loop", "--limit", limit])
            row(name + ", replay", s["decisions"], s["dropped_windows"], times(s, "latency"), times(s, "after"),
                "%.2f" % s["run_ms_median"])
            # A second, or four: what a connection sends has times of its own.
            listener = socket.create_server(("127.0.0.1", 0))
            span = 4.0 if rate < 5_000_000 else 1.0
            thread = threading.Thread(target=serve, args=(listener, path, 60, os.path.getsize(path) / span))
            thread.start()
            s = run(base + ["tcp://127.0.0.1:%d" % listener.getsockname()[1], "--limit", str(int(span * 20) - 1)])
            thread.join()
            listener.close()
            row(name + ", TCP", s["decisions"], s["dropped_windows"], times(s, "latency"), times(s, "after"),
                "%.2f" % s["run_ms_median"])
        if os.path.exists(os.path.join(build, "adafire-sim-sim.so")):
            print("\nOn the simulated accelerator (build sim, 200 MHz):")
            row("stream", "windows", "timesteps", "cycles a window", "ms at 200 MHz")
            row(*["---"] * 5)
            for rate, path in files.items():
                s = run(base + [path, "--board", "sim", "--limit", "3"], env=dict(os.environ, ADAFIRE_SIM=build))
                row("%d M events/s" % (rate // 1_000_000), s["decisions"], s["timesteps_mean"], "%.0f" % s["cycles_mean"],
                    "%.2f" % (s["cycles_mean"] / s["megahertz"] / 1e3))


if __name__ == "__main__":
    main()
