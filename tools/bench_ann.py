#!/usr/bin/env python3
"""The CPU engine beside onnxruntime, in float and in int8, on the same networks and images, in turns in one run.

    tools/bench_ann.py BUILD_DIRECTORY DATA_DIRECTORY [NETWORK...] [--threads 2] [--turns 3] [--seconds 0.5]
                       [--table FILE.md] [--json FILE] [--curve]

Networks: digits (embedded), mnist, fashion_mnist, cifar10, cifar100, bccd, camvid, modelnet10, squeezenet, nmnist;
what is not in DATA_DIRECTORY is left out by name. Models are converted without searches (adafire-convert --effort 0)
at T = 1 and T = 4 and kept in BUILD_DIRECTORY/bench. onnxruntime runs the same ONNX file, and the same quantised by its
quantize_static (QDQ, uint8 activations, int8 weights per channel) on the calibration samples; its samples are
preprocessed beforehand, the engine's are raw. Each contender has the batch that it likes best; images/s is the best
turn. `1 at a time` is the median of single samples in a row, in microseconds; `load` opens model and device.
--curve measures time against events instead: of N-MNIST's frames ever less is left, from below.
Needs numpy, onnx and onnxruntime (tools/bench makes a virtual environment of them)."""

import argparse
import ctypes
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

import numpy as np

BATCHES = (1, 8, 32, 128, 512)
SAMPLES = 4096  # of a run, at most
CALL = 0.02  # seconds of a call of the engine, about, so that other work meets all contenders' calls alike


def network(folder, title, scale=1.0, mean=(0,), std=(1,), **more):
    return {"folder": folder, "title": title, "scale": scale, "mean": mean, "std": std, **more}


NETWORKS = {
    "digits": network(None, "digits, embedded CNN", 1 / 16),
    "mnist": network("mnist", "MNIST, LeNet-5", 1 / 255, (0.1307,), (0.3081,)),
    "fashion_mnist": network("fashion_mnist", "Fashion-MNIST, small VGG", 1 / 255, (0.2860,), (0.3530,)),
    "nmnist": network("nmnist", "N-MNIST frames, CNN"),
    "cifar10": network("cifar10", "CIFAR-10, ResNet-20", 1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "cifar100": network("cifar100", "CIFAR-100, ResNet-32", 1 / 255, (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2761)),
    "modelnet10": network("modelnet10_pointnet", "ModelNet10, PointNet", points=True),
    "bccd": network("detect_bccd", "BCCD, detector", 1.0, (127.5,), (64,), task="detect size 32"),
    "camvid": network("segment_camvid", "CamVid, U-Net", 1.0, (104, 106, 107), (75,), task="segment"),
    "squeezenet": network("imagenet_squeezenet", "ImageNet, SqueezeNet", 1.0, (123, 117, 104), bgr=True),
}


# ---- The engine ------------------------------------------------------------------------------------


def load_package(build):
    """The package of this clone over the libraries of this build."""
    root = pathlib.Path(__file__).resolve().parent.parent
    os.environ["LD_LIBRARY_PATH"] = str(build)
    if os.environ.get("ADAFIRE_BENCH") != str(build):  # the loader reads it when a process begins
        os.environ["ADAFIRE_BENCH"] = str(build)
        os.execv(sys.executable, [sys.executable, *sys.argv])
    sys.path.insert(0, str(root / "host/python"))
    import adafire
    from adafire import _abi, _library

    return adafire, _abi, _library


class Engine:
    """A model on the board cpu, run without anything asked but its outputs, or with all counters."""

    def __init__(self, package, path, threads, samples):
        self.adafire, self.abi, self.library = package
        begin = time.perf_counter()
        self.model = self.adafire.load(path)
        self.device = self.adafire.Device(self.model, "cpu", threads=threads)
        self.load = time.perf_counter() - begin
        self.samples = np.ascontiguousarray(samples)
        self.outputs = np.zeros((len(samples), self.model.output_size), np.float32)
        self.steps = np.zeros(len(samples), np.int32)
        shape = (5, len(samples), self.model._info.populations)
        self.counters = np.zeros(shape, np.int64)

    def run(self, count=None, counting=False, iat=True):
        """Seconds for the first `count` samples."""
        count = count or len(self.samples)
        arrays = self.abi.Arrays(
            type=self.abi.ARRAY_TYPES.index(self.samples.dtype.name),
            length=int(np.prod(self.samples.shape[1:])),
            count=count,
        )
        arrays.data = self.samples.ctypes.data
        arrays.output, arrays.timesteps = self.outputs.ctypes.data, self.steps.ctypes.data
        if counting:
            for name, counter in zip(("spikes", "events", "sops", "spike_sops", "adds"), self.counters):
                setattr(arrays, name, counter.ctypes.data)
        options = self.abi.RunOptions(no_iat=not iat)
        begin = time.perf_counter()
        self.library.check(
            self.library.run.af_run_arrays(self.device._handle.pointer, ctypes.byref(arrays), ctypes.byref(options))
        )
        return time.perf_counter() - begin


def convert(build, folder, n, steps, to):
    tool = build / "adafire-convert"
    if to.exists() and to.stat().st_mtime > tool.stat().st_mtime:
        return
    print(f"converting {folder} at T = {steps}", file=sys.stderr)
    words = [str(tool), "-q", str(folder / "model.onnx"), "--calib", str(folder / "calib_images.npy")]
    words += ["--effort", "0", "-t", str(steps), "--scale", repr(n["scale"]), "-o", str(to)]
    words += ["--mean", ",".join(map(str, n["mean"])), "--std", ",".join(map(str, n["std"]))]
    if n.get("bgr"):
        words += ["--bgr"]
    if n.get("task"):
        words += ["--task", n["task"]]
    subprocess.run(words, check=True)


# ---- onnxruntime -----------------------------------------------------------------------------------


def preprocessed(samples, n):
    x = samples.astype(np.float32)
    x = x[:, ::-1] if n.get("bgr") else x
    shape = (1, -1) + (1,) * (x.ndim - 2)
    x = (x * np.float32(n["scale"]) - np.reshape(n["mean"], shape)) / np.reshape(n["std"], shape)
    return np.ascontiguousarray((x[..., None] if n.get("points") else x).astype(np.float32))


def quantised(folder, n, to):
    """The network by quantize_static, kept; None where onnxruntime cannot."""
    import logging

    from onnxruntime import quantization

    if to.exists():
        return to
    logging.disable(logging.WARNING)
    calib = preprocessed(np.load(folder / "calib_images.npy")[:64], n)

    class Reader(quantization.CalibrationDataReader):
        def __init__(self, name):
            self.rows = iter([{name: calib[i : i + 1]} for i in range(len(calib))])

        def get_next(self):
            return next(self.rows, None)

    import onnx
    import onnxruntime
    from onnx import version_converter

    model = onnx.load(str(folder / "model.onnx"))
    source, part = to.with_suffix(".float.onnx"), to.with_suffix(".part.onnx")
    try:
        if model.opset_import[0].version < 13:  # which knows no scales per channel
            model = version_converter.convert_version(model, 13)
        onnx.save(model, str(source))
        quantization.quantize_static(
            str(source), str(part), Reader(model.graph.input[0].name), quant_format=quantization.QuantFormat.QDQ,
            per_channel=True, activation_type=quantization.QuantType.QUInt8, weight_type=quantization.QuantType.QInt8,
        )
        onnxruntime.InferenceSession(str(part), providers=["CPUExecutionProvider"])
    except Exception as error:  # of any kind: it is their tool
        print(f"onnxruntime cannot quantise {folder}: {error}", file=sys.stderr)
        return None
    part.rename(to)
    return to


class Runtime:
    """A session, at the batch that it likes best."""

    def __init__(self, path, threads, samples):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        begin = time.perf_counter()
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.load = time.perf_counter() - begin
        given = self.session.get_inputs()[0]
        self.name, self.samples = given.name, samples
        fixed = given.shape[0] if isinstance(given.shape[0], int) else None
        batches = [fixed] if fixed else [b for b in BATCHES if b <= len(samples)]
        self.batch = max(batches, key=lambda b: b / min(self.run(b) for _ in range(5)))

    def run(self, batch):
        """Seconds for a batch."""
        x = self.samples[:batch]
        begin = time.perf_counter()
        self.session.run(None, {self.name: x})
        return time.perf_counter() - begin


# ---- Measuring -------------------------------------------------------------------------------------


def repeat(seconds, run):
    """What `run` took, as often as it fits, twice at least."""
    taken, end = [], time.perf_counter() + seconds
    while len(taken) < 2 or time.perf_counter() < end:
        taken.append(run())
    return taken


def measure(name, args, package):
    n = NETWORKS[name]
    folder = pathlib.Path("tests/data/digits") if n["folder"] is None else args.data / n["folder"]
    if not (folder / "model.onnx").exists():
        print(f"skip: {folder} is not here", file=sys.stderr)
        return None
    kept = args.build / "bench"
    kept.mkdir(exist_ok=True)
    raw = np.load(folder / "test_images.npy")[:SAMPLES]
    contenders, latency, result = {}, {}, {"network": name, "title": n["title"]}
    for steps in (1, 4):
        path = kept / f"{name}-{steps}.snn"
        convert(args.build, folder, n, steps, path)
        engine = Engine(package, str(path), args.threads, raw)
        each = min(engine.run(min(len(raw), 8)) for _ in range(5)) / min(len(raw), 8)
        batch = max(1, min(len(raw), round(CALL / each)))
        contenders[f"t{steps}"] = lambda e=engine, b=batch: b / e.run(b)
        if steps == 1:
            contenders["counting"] = lambda e=engine, b=batch: b / e.run(b, counting=True)
            latency["t1"] = lambda e=engine: e.run(1)
            result["load_t1"] = engine.load
            result["macs"] = engine.model._info.ann_macs
    x = preprocessed(raw, n)
    int8 = quantised(folder, n, kept / f"{name}.int8.onnx")
    for key, path in (("float", folder / "model.onnx"), ("int8", int8)):
        if path:
            session = Runtime(path, args.threads, x)
            contenders[key] = lambda s=session: s.batch / s.run(s.batch)
            latency[key] = lambda s=session: s.run(1)
            result[f"load_{key}"] = session.load
            result[f"batch_{key}"] = session.batch
    for key in contenders:
        result[key] = 0.0
    for key in latency:
        result[f"single_{key}"] = float("inf")
    for _ in range(args.turns):
        for key, run in contenders.items():
            result[key] = max(result[key], *repeat(args.seconds, run))
        for key, run in latency.items():
            result[f"single_{key}"] = min(result[f"single_{key}"], statistics.median(repeat(args.seconds / 2, run)))
    return result


def row(r):
    def number(x):
        return f"{x:,.0f}" if x >= 1000 else f"{x:.3g}"

    def ratio(a, b):
        return f"{a / b:.2f}" if b else "-"

    single = [number(r[k] * 1e6) if k in r else "-" for k in ("single_t1", "single_float", "single_int8")]
    cells = [r["title"], number(r["t1"]), number(r["counting"]), number(r["t4"])]
    cells += [number(r["float"]), number(r["int8"]) if "int8" in r else "-"]
    cells += [ratio(r["t1"], r["float"]), ratio(r["t1"], r.get("int8")), ratio(r["t4"], r["float"])]
    cells += [" / ".join(single), " / ".join(f"{r[k] * 1e3:.0f}" if k in r else "-" for k in ("load_t1", "load_float"))]
    cells += [f"{r['t1'] * r['macs'] / 1e9:.0f}"]
    return "| " + " | ".join(cells) + " |"


HEAD = """| network | T = 1 | the same, counting | T = 4, early exit | onnxruntime float | int8 | T = 1 / float | T = 1 / int8 | \
T = 4 / float | 1 at a time, us (engine / float / int8) | load, ms (engine / float) | G MACs/s |
|---|---|---|---|---|---|---|---|---|---|---|---|"""


def curve(args, package):
    """Time against events at a fixed network, one thread: the lower part of each frame is made silent."""
    n = NETWORKS["nmnist"]
    folder = args.data / n["folder"]
    path = args.build / "bench" / "nmnist-1.snn"
    path.parent.mkdir(exist_ok=True)
    convert(args.build, folder, n, 1, path)
    frames = np.load(folder / "test_images.npy")
    height = frames.shape[2]
    print("| of each frame | events | synaptic operations | us a frame |\n|---|---|---|---|")
    for share in (1, 0.75, 0.5, 0.25, 0.1, 0):
        part = frames.copy()
        part[:, :, round(height * share):] = 0
        engine = Engine(package, str(path), 1, part)
        seconds = min(repeat(args.seconds, lambda e=engine: e.run()))
        engine.run(counting=True)
        events, operations = engine.counters[1].sum(1).mean(), engine.counters[2].sum(1).mean()
        print(f"| {share:.0%} | {events:,.0f} | {operations:,.0f} | {seconds / len(frames) * 1e6:.1f} |")


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=lambda p: pathlib.Path(p).resolve())
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("networks", nargs="*")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.5, help="for each contender in each turn")
    parser.add_argument("--table", type=pathlib.Path, help="the Markdown table goes here, too")
    parser.add_argument("--curve", action="store_true", help="time against events")
    parser.add_argument("--json", type=pathlib.Path, help="all that was measured")
    args = parser.parse_args()
    unknown = [n for n in args.networks if n not in NETWORKS]
    if unknown:
        parser.error(f"no network '{unknown[0]}'; there are {' '.join(NETWORKS)}")
    try:
        import onnx  # noqa: F401
        import onnxruntime
    except ImportError as error:
        raise SystemExit(f"bench_ann: {error.name} is not installed for {sys.executable}")
    package = load_package(args.build)
    if args.curve:
        curve(args, package)
        return
    lines = [f"Measured {time.strftime('%Y-%m-%d')} on {processor()}, {args.threads} threads, "
             f"onnxruntime {onnxruntime.__version__}, images/s:", "", HEAD]
    print("\n".join(lines), flush=True)
    results = []
    for name in args.networks or NETWORKS:
        r = measure(name, args, package)
        if r:
            results.append(r)
            lines.append(row(r))
            print(lines[-1], flush=True)
    for path, text in ((args.table, "\n".join(lines) + "\n"), (args.json, json.dumps(results, indent=1) + "\n")):
        if path:
            part = path.with_name(path.name + ".new")
            part.write_text(text)
            part.rename(path)


if __name__ == "__main__":
    main()
