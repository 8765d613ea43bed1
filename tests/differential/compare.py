#!/usr/bin/env python3
"""Random ONNX graphs through AdaFire and through independent references.

    compare.py run    --first 0 --count 20000 --json summary.json --keep found/
    compare.py record --count 300 --output recorded/corpus.bin
    compare.py keep   MODEL.onnx NAME
    compare.py show   SEED

`run` compares what `adafire-convert --ann` makes of each graph with onnxruntime's outputs, and every
--spiking'th agreed one's integer network at many timesteps as well; what differs is made smaller and
written to --keep. `record` writes graphs with onnxruntime's outputs for test_differential.c, and
`keep` a graph as a regression. README.md has the rest.
"""
import argparse
import collections
import json
import multiprocessing
import os
import re
import struct
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import numpy_helper
import onnxruntime

import graphs
import shrink

HERE = os.path.dirname(os.path.abspath(__file__))
TOLERANCE = 1e-4  # of the largest output
SPIKING_TOLERANCE = 0.25  # root mean square error of the integer network, of the outputs' spread
TIMEOUT = 60

onnxruntime.set_default_logger_severity(4)


# ---- References --------------------------------------------------------------------------------

def without_ends(model):
    """The same graph as the converter leaves it: Softmax and the like at the end pass values on."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for n in copy.graph.node:
        if n.op_type in graphs.ENDS:
            n.op_type = "Identity"
            del n.attribute[:]
    for o in copy.graph.output:
        o.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    return copy


def rows(run, samples):
    """[samples][all outputs one after the other]"""
    return np.stack([np.concatenate([np.ravel(o) for o in run(s[None])]) for s in samples])


def by_onnxruntime(model, samples):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        without_ends(model).SerializeToString(), options, providers=["CPUExecutionProvider"])
    return rows(lambda x: session.run(None, {"x": x}), samples)


def by_numpy(model, samples):
    """The ONNX project's own evaluator."""
    from onnx.reference import ReferenceEvaluator
    evaluator = ReferenceEvaluator(without_ends(model))
    return rows(lambda x: evaluator.run(None, {"x": x}), samples)


def by_torch(model, samples):
    import by_torch as torch_operators  # torch need not be there
    network = without_ends(model)
    return rows(lambda x: torch_operators.evaluate(network, x), samples)


def seconded(got, model, samples):
    """Who else computes this, where onnxruntime does not: the name, or None."""
    for opinion in (by_torch, by_numpy):
        try:
            if difference(got, opinion(model, samples)) <= TOLERANCE:
                return opinion.__name__[3:]
        except Exception:  # no opinion, then
            pass
    return None


# ---- AdaFire -----------------------------------------------------------------------------------

class Refused(Exception):
    pass


class Crashed(Exception):
    pass


def command(arguments):
    environment = dict(os.environ, OPENBLAS_NUM_THREADS="1")
    try:
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=TIMEOUT, env=environment)
    except subprocess.TimeoutExpired:
        raise Crashed(f"{os.path.basename(arguments[0])}: no answer within {TIMEOUT} s") from None
    if done.returncode < 0 or "Sanitizer" in done.stderr or "runtime error" in done.stderr:
        raise Crashed(f"{os.path.basename(arguments[0])}: ended by {done.returncode}: {done.stderr[-600:]}")
    if done.returncode:
        raise Refused(done.stderr.strip().split("\n")[-1])


def is_open(model):
    """Whether the network leaves its input's height and width to the samples."""
    return any(d.dim_param for d in model.graph.input[0].type.tensor_type.shape.dim[1:])


class AdaFire:
    """The commands of one build, with files in a folder of its own."""

    def __init__(self, build):
        self.build = build
        self.temporary = tempfile.TemporaryDirectory(prefix="differential-")
        self.folder = self.temporary.name

    def write(self, model, samples, norm):
        """Writes the files; returns the options of the normalisation."""
        onnx.save(model, self.path("model.onnx"))
        np.save(self.path("samples.npy"), samples)
        options = ["-q", "-j", "1"] + (["--bgr"] if norm.get("bgr") else [])
        if is_open(model):
            options.append("--shape=" + ",".join(str(d) for d in samples.shape[1:]))
        for key in ("scale", "mean", "std"):
            if key in norm:
                options.append(f"--{key}=" + ",".join(str(v) for v in np.atleast_1d(norm[key])))
        return options

    def path(self, name):
        return os.path.join(self.folder, name)

    def ann(self, model, samples, norm):
        """The float network after lowering."""
        options = self.write(model, samples, norm)
        command([os.path.join(self.build, "adafire-convert"), self.path("model.onnx"), "--ann",
                 self.path("samples.npy"), "-o", self.path("out.npy")] + options)
        return np.load(self.path("out.npy"))

    def spiking(self, model, samples, norm, timesteps):
        """The integer network, calibrated on the very samples."""
        options = self.write(model, samples, norm)
        command([os.path.join(self.build, "adafire-convert"), self.path("model.onnx"), "--calib",
                 self.path("samples.npy"), "-t", str(timesteps), "--burst-initial", "15", "--effort", "0",
                 "--ssc", "off", "--iat", "off", "--rounding", "nearest", "--bias-correction", "off",
                 "--signed", "on", "-o", self.path("model.snn")] + options)
        command([os.path.join(self.build, "adafire-host"), self.path("model.snn"), self.path("samples.npy"),
                 "-q", "-j", "1", "-o", self.path("out.npy")])
        return np.load(self.path("out.npy"))


# ---- One graph ---------------------------------------------------------------------------------

def difference(got, want):
    """The largest difference, of the largest output; infinite if the shapes differ."""
    if got.shape != want.shape or not np.isfinite(got).all():
        return float("inf")
    return float(np.abs(got - want).max() / max(np.abs(want).max(), 1e-2))


def spiking_error(got, want):
    """Root mean square error, of the outputs' spread around nothing."""
    if got.shape != want.shape or not np.isfinite(got).all():
        return float("inf")
    return float(np.sqrt(np.mean((got - want) ** 2)) / max(np.sqrt(np.mean(want ** 2)), 5e-2))


def reference(model, samples):
    """onnxruntime's outputs, or None and why not."""
    try:
        want = by_onnxruntime(model, samples)
    except Exception as e:  # a graph that the reference does not take
        return None, str(e)
    if not want.size or not np.isfinite(want).all() or np.abs(want).max() > 1e6:
        return None, "outputs out of range"
    return want, ""


def judge(adafire, model, samples, norm, timesteps=0):
    """(verdict, detail) of one graph."""
    seen = graphs.normalised(samples, norm)
    want, why = reference(model, seen)
    if want is None:
        return "reference refused", why
    try:
        got = adafire.ann(model, samples, norm)
    except Refused as e:
        return "refused", str(e).replace(adafire.folder + "/", "")
    except Crashed as e:
        return "crashed", str(e)
    error = difference(got, want)
    if error > TOLERANCE:
        who = seconded(got, model, seen)
        return ("references disagree" if who else "differed"), f"{error:.3g}" + (f", {who} agrees" if who else "")
    if timesteps:
        try:
            error = spiking_error(adafire.spiking(model, samples, norm, timesteps), want)
        except Refused as e:
            return "spiking refused", str(e).replace(adafire.folder + "/", "")
        except Crashed as e:
            return "crashed", str(e)
        return ("agreed" if error <= SPIKING_TOLERANCE else "spiking differed"), f"spiking {error:.3g}"
    return "agreed", f"{error:.3g}"


# ---- Many graphs -------------------------------------------------------------------------------

worker = None


def begin_worker(build, spiking, timesteps):
    global worker
    worker = (AdaFire(build), spiking, timesteps)


def run_seed(seed):
    adafire, spiking, timesteps = worker
    try:
        model, samples, norm = graphs.make(seed)
    except Exception as e:
        return seed, "generator failed", repr(e), []
    every = spiking and seed % spiking == 0
    verdict, detail = judge(adafire, model, samples, norm, timesteps if every else 0)
    return seed, verdict, detail, [n.op_type for n in model.graph.node]


def without_numbers(sentence):
    """A refusal as a kind: without the names and numbers of its graph."""
    sentence = re.sub(r"^.*?model\.onnx: ", "", sentence)
    sentence = re.sub(r"'[^']*'", "'...'", sentence)
    return re.sub(r"-?\d+(\.\d+)?(e[+-]?\d+)?", "N", sentence)


def run(o):
    counts, refusals, examples, operators = (collections.Counter() for _ in range(4))
    agreed, found, spiking = collections.Counter(), [], []
    seeds = range(o.first, o.first + o.count)
    with multiprocessing.Pool(o.jobs, begin_worker, (o.build, o.spiking, o.timesteps)) as pool:
        for seed, verdict, detail, ops in pool.imap_unordered(run_seed, seeds, chunksize=8):
            counts[verdict] += 1
            operators.update(ops)
            if verdict == "agreed":
                agreed.update(set(ops))
                if detail.startswith("spiking"):
                    spiking.append(float(detail.split()[1]))
            elif "refused" in verdict:
                kind = verdict + ": " + without_numbers(detail)
                refusals[kind] += 1
                if kind not in examples:
                    examples[kind] = seed
            else:
                found.append((seed, verdict, detail))
                print(f"seed {seed}: {verdict}: {detail}", flush=True)
                if o.stop:
                    pool.terminate()
                    break
    done = sum(counts.values())
    print(f"{done} graphs: " + ", ".join(f"{n} {v}" for v, n in counts.most_common()))
    for kind, n in refusals.most_common():
        print(f"{n:6} {kind} (seed {examples[kind]})")
    for op in sorted(operators):
        print(f"{op}: {operators[op]} nodes, in {agreed[op]} agreed graphs")
    if spiking:
        print("spiking errors, quantiles: " + ", ".join(
            f"{q}: {np.quantile(spiking, q):.3g}" for q in (0.5, 0.9, 0.99, 0.999, 1)))
    summary = {
        "first": o.first, "graphs": done, "verdicts": dict(counts), "refusals": dict(refusals),
        "examples": dict(examples), "nodes": dict(operators), "agreed graphs with": dict(agreed),
        "found": found, "onnxruntime": onnxruntime.__version__, "onnx": onnx.__version__,
        "numpy": np.__version__}
    if o.json:
        with open(o.json, "w") as f:
            json.dump(summary, f, indent=1, sort_keys=True)
    if o.keep and found:
        shrink_found(o, found)
    return 1 if found else 0


def shrink_found(o, found):
    os.makedirs(o.keep, exist_ok=True)
    adafire = AdaFire(o.build)
    for seed, verdict, _ in sorted(found)[:o.shrink_most]:
        model, samples, norm = graphs.make(seed)
        timesteps = o.timesteps if verdict.startswith("spiking") else 0

        def still(m, s, norm, verdict=verdict, timesteps=timesteps):
            return judge(adafire, m, s, norm, timesteps)[0] == verdict

        if norm and still(model, graphs.normalised(samples, norm), {}):
            samples, norm = graphs.normalised(samples, norm), {}
        def smaller(m, s, norm=norm):
            channels = len(norm.get("mean", [0]))
            return channels in (1, s.shape[1]) and still(m, s, norm)

        if verdict in ("differed", "crashed", "spiking differed"):
            model, samples = shrink.shrink(model, samples, smaller)
        keep_files(model, samples, os.path.join(o.keep, f"{verdict.replace(' ', '_')}_{seed}"))
        print(f"seed {seed}: " + "; ".join(shrink.describe(model)) + f" {norm or ''}", flush=True)


def keep_files(model, samples, stem):
    want, _ = reference(model, samples)
    onnx.save(model, stem + ".onnx")
    np.save(stem + ".samples.npy", samples)
    if want is not None:
        np.save(stem + ".outputs.npy", want.astype(np.float32))


# ---- Recorded graphs ---------------------------------------------------------------------------

def blob(data):
    return struct.pack("<I", len(data)) + data


def agrees(adafire, model, samples):
    verdict, detail = judge(adafire, model, samples, {}, 64)
    return verdict == "agreed" and float(detail.split()[1]) < SPIKING_TOLERANCE / 2


def record(o):
    """The format stands in test_differential.c."""
    adafire = AdaFire(o.build)
    kept, seen, seed, size = [], collections.Counter(), o.first, 0
    while len(kept) < o.count:
        model, samples, norm = graphs.make(seed)
        samples = graphs.normalised(samples, norm)[:2]
        ops = set(n.op_type for n in model.graph.node)
        data = model.SerializeToString()
        rare = any(seen[op] < o.count // 12 for op in ops)
        want, _ = reference(model, samples)
        small = len(data) < 5000 and want is not None and want.size < 600 and not is_open(model)
        if small and (rare or len(ops) > 4) and agrees(adafire, model, samples):
            seen.update(ops)
            kept.append(struct.pack("<4I", seed, len(samples), samples[0].size, want[0].size)
                        + blob(data) + samples.astype("<f4").tobytes() + want.astype("<f4").tobytes())
        seed += 1
    with open(o.output, "wb") as f:
        f.write(b"AFDIFF1\n" + struct.pack("<I", len(kept)) + b"".join(kept))
    size = os.path.getsize(o.output)
    print(f"{len(kept)} graphs of seeds {o.first}..{seed - 1}, {size} bytes")
    print(", ".join(f"{op} {n}" for op, n in sorted(seen.items())))
    return 0


def keep(o):
    model = onnx.load(o.model)
    samples = np.load(o.model.replace(".onnx", ".samples.npy"))
    keep_files(model, samples, os.path.join(HERE, "regressions", o.name))
    return 0


def show(o):
    model, samples, norm = graphs.make(o.seed)
    print(f"opset {model.opset_import[0].version}, samples {samples.shape}")
    print("\n".join(shrink.describe(model)))
    print(norm)
    print(judge(AdaFire(o.build), model, samples, norm, o.timesteps if o.spiking else 0))
    return 0


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", default=os.path.join(HERE, "../../build/release"), help="folder of the commands")
    commands = p.add_subparsers(dest="command", required=True)
    q = commands.add_parser("run")
    q.add_argument("--first", type=int, default=0)
    q.add_argument("--count", type=int, default=1000)
    q.add_argument("--jobs", type=int, default=2)
    q.add_argument("--spiking", type=int, default=0, help="every how many graphs as integers; 0: none")
    q.add_argument("--timesteps", type=int, default=128)
    q.add_argument("--json", help="write the figures there")
    q.add_argument("--keep", help="folder for what differs, made smaller")
    q.add_argument("--shrink-most", type=int, default=20)
    q.add_argument("--stop", action="store_true", help="at the first that is found")
    q.set_defaults(do=run)
    q = commands.add_parser("record")
    q.add_argument("--first", type=int, default=1000000)
    q.add_argument("--count", type=int, default=300)
    q.add_argument("--output", default=os.path.join(HERE, "recorded/corpus.bin"))
    q.set_defaults(do=record)
    q = commands.add_parser("keep")
    q.add_argument("model")
    q.add_argument("name")
    q.set_defaults(do=keep)
    q = commands.add_parser("show")
    q.add_argument("seed", type=int)
    q.add_argument("--spiking", action="store_true")
    q.add_argument("--timesteps", type=int, default=128)
    q.set_defaults(do=show)
    o = p.parse_args()
    return o.do(o)


if __name__ == "__main__":
    sys.exit(main())
