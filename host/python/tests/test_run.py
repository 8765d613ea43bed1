"""Runs: the tools' results to the bit, samples of any kind, and every way to go wrong."""

import gc
import json
import pickle
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
from conftest import DIGITS

import adafire
from adafire import _onnx

IMAGES = DIGITS / "test_images.npy"


def same(a, b):
    names = ("outputs", "timesteps", "spikes", "events", "sops", "spike_sops", "adds")
    return all(np.array_equal(getattr(a, n), getattr(b, n)) for n in names)


@pytest.fixture(scope="module")
def file(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "digits.snn"
    model.save(path)
    return path


@pytest.mark.parametrize(
    ("words", "keywords"),
    [
        ((), {}),
        (("--no-iat",), {"iat": False}),
        (("-t", "2"), {"timesteps": 2}),
        (("-b", "csim"), {"board": "csim"}),
    ],
    ids=str,
)
def test_results_are_the_tools(tool, file, model, images, labels, tmp_path, words, keywords):
    n = 20 if "csim" in words else len(images)
    # Of labels that are often wrong the five best classes tell.
    wrong = (labels[:n] + np.arange(n) % 7) % 10
    given = np.save(tmp_path / "labels.npy", wrong) or tmp_path / "labels.npy"
    samples = np.save(tmp_path / "images.npy", images[:n]) or tmp_path / "images.npy"
    reference = adafire.ann(DIGITS / "model.onnx", images[:n], scale="1/16")
    np.save(tmp_path / "ann.npy", reference)
    told = json.loads(tool("adafire-host", file, samples, "--labels", given, "--json", "-o", tmp_path / "out.npy",
                           "--spikes", tmp_path / "events.csv", "--reference", tmp_path / "ann.npy",
                           *words))  # fmt: skip
    events = "board" not in keywords
    result = model.run(images[:n], labels=labels[:n], events=events, **keywords)
    assert np.array_equal(result.outputs, np.load(tmp_path / "out.npy"))
    if events:
        rows = np.loadtxt(tmp_path / "events.csv", np.int64, delimiter=",", skiprows=1)
        mine = result.event_array
        assert np.array_equal(rows, np.stack([mine[name].astype(np.int64) for name in mine.dtype.names], axis=1))
    assert result.accuracy == result.score(labels[:n]).accuracy > 0.9
    score = result.score(given, reference)
    exact = {
        "accuracy": score.accuracy,
        "top5": score.top5,
        "agreement": score.agreement,
        "ann_accuracy": score.ann_accuracy,
        "timesteps_mean": float(result.timesteps.mean()),
        "spikes_mean": result.spikes.sum() / n,
        "events_mean": result.events.sum() / n,
        "sops_mean": result.sops.sum() / n,
        "spike_sops_mean": result.spike_sops.sum() / n,
        "energy_uj_ann": result.energy.ann,
        "energy_uj_event": result.energy.event,
        "energy_uj_spike": result.energy.spike,
        "integer_uj_ann": result.energy.integer_ann,
        "integer_memory_uj_ann": result.energy.integer_memory_ann,
    }
    if result.adds is not None:
        exact["energy_uj_add"] = result.energy.add
        exact["integer_uj"] = result.energy.integer
    for name, value in exact.items():
        assert float(f"{value:.10g}") == told[name], name
    assert told["timesteps_histogram"] == np.bincount(result.timesteps - 1, minlength=result.most).tolist()
    assert 0 < score.top5 < 1


def test_the_report_is_the_tools(tool, file, model, images, labels, tmp_path):
    tool("adafire-host", file, IMAGES, "--labels", DIGITS / "test_labels.npy", "--report", tmp_path / "tool.html", "-q")
    result = model.run(images, labels=labels)
    page = result.report(tmp_path / "mine.html", names=[f"{IMAGES}[0]"])
    written = (tmp_path / "mine.html").read_text()
    assert page == written

    def still(text):
        return re.sub(r"<h2>Speed</h2>.*?</div>", "", text)

    assert still(written) == still((tmp_path / "tool.html").read_text())
    assert "<iframe srcdoc=" in result._repr_html_()
    with pytest.raises(adafire.FileError):
        result.report(tmp_path / "no" / "page.html")
    with pytest.raises(adafire.BadArgument, match="no samples, no report"):
        result[:0].report()


def test_layouts_and_types(model, images):
    wanted = model.run(images[:20])
    x = images[:20]
    strided = np.zeros((40, 1, 16, 8), np.uint8)
    strided[::2, :, ::2] = x
    big = x.astype(np.float32).newbyteorder(">") if hasattr(x, "newbyteorder") else x.astype(">f4")
    for samples in (
        x.transpose(0, 2, 3, 1),
        x[:, 0],
        x.reshape(20, 64),
        strided[::2, :, ::2],
        np.asfortranarray(x),
        x.tolist(),
        memoryview(np.ascontiguousarray(x)),
        x.astype(">i4"),
        big if big.dtype.byteorder == ">" and np.array_equal(big, x) else x.astype(">f4"),
        *(x.astype(t) for t in (np.int8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64)),
        *(x.astype(t) for t in (np.float16, np.float32, np.float64)),
        IMAGES.parent / "test_images.npy",
    ):
        result = model.run(samples)
        assert same(result[:20], wanted)
    one = model.run(x[3])
    assert len(one) == 1 and same(one, wanted[3])
    assert same(model.run(x[3, 0]), wanted[3])
    assert len(model.run(x[:0])) == 0
    truth = model.run((x > 8).astype(np.uint8))
    assert same(truth, model.run(x > 8))
    assert same(model.run(np.broadcast_to(x[:1], x.shape)), model.run(np.repeat(x[:1], 20, 0)))


def test_channels_last_of_several_channels():
    graph = _onnx.Graph("colours", ["n", 3, 6, 5])
    weight = np.random.default_rng(6).normal(size=(4, 3, 6, 5)).astype(np.float32)
    graph.output(graph.node("Flatten", [graph.node("Relu", [graph.node("Conv", ["input", graph.constant(weight)])])]),
                 ["n", 4])  # fmt: skip
    x = np.random.default_rng(7).integers(0, 255, (40, 3, 6, 5)).astype(np.uint8)
    model = adafire.convert(graph.bytes(), x)
    wanted = model.run(x)
    assert same(model.run(x.transpose(0, 2, 3, 1)), wanted)
    assert same(model.run(np.ascontiguousarray(x.transpose(0, 2, 3, 1))), wanted)
    assert same(model.run(x[7].transpose(1, 2, 0)), wanted[7])
    last = adafire.convert(graph.bytes(), np.ascontiguousarray(x.transpose(0, 2, 3, 1)))
    assert last.to_bytes() == model.to_bytes()
    assert np.array_equal(adafire.ann(graph.bytes(), x.transpose(0, 2, 3, 1)), adafire.ann(graph.bytes(), x))


@pytest.mark.parametrize(
    ("samples", "sentence"),
    [
        (np.zeros((2, 1, 8, 9)), r"samples of shape \[2, 1, 8, 9\]; the model takes \[N, 1, 8, 8\]"),
        (np.zeros(()), "shape"),
        (np.zeros((1, 1, 8, 8), complex), "complex128"),
        (np.zeros((1, 1, 8, 8), "M8[s]"), "datetime64"),
        (np.zeros((1, 1, 8, 8), object), "samples of type object"),
        (np.full((1, 1, 8, 8), 2**33), "32 bits"),
        ([[1, 2], [3]], "no array"),
        (None, "no array of numbers"),
        (np.zeros((1, 4), [("a", "i4")]), "shape|type"),
        ("/no/such/folder", "/no/such/folder"),
        ([], "shape"),
    ],
    ids=str,
)
def test_samples_that_are_refused(model, samples, sentence):
    with pytest.raises(adafire.AdafireError, match=sentence):
        model.run(samples)


def test_options_that_are_refused(model, images):
    with pytest.raises(ValueError, match="at least one"):
        model.run(images, timesteps=0)
    with pytest.raises(adafire.BadArgument, match="9 timesteps asked of a model converted for 4"):
        model.run(images, timesteps=9)
    with pytest.raises(adafire.BadArgument, match="9 labels for 500 samples"):
        model.run(images).score(np.zeros(9, int))
    with pytest.raises(adafire.BadArgument, match="label 12"):
        model.run(images[:1]).score([12])
    with pytest.raises(adafire.NoDevice, match="no board 'abacus'"):
        model.run(images, board="abacus")
    with pytest.raises(adafire.AdafireError):
        model.open("csim", build="enormous")
    with pytest.raises(adafire.NoDevice):
        model.open("u250")
    with pytest.raises(adafire.Unsupported, match="count their cycles"):
        model.run(images[:2], profile=True)
    with pytest.raises(adafire.BadArgument, match="threads"):
        model.open(threads=-1)
    with pytest.raises(TypeError, match="a Model is needed, not a str"):
        adafire.Device("digits.snn")


def test_history_and_early_exit(model, images, labels):
    result = model.run(images, iat=False, history=True)
    assert result.history.shape == (500, 4, 10)
    assert np.array_equal(result.history[:, -1], result.outputs)
    assert (result.timesteps == 4).all() and not result.iat
    early = model.run(images, history=True)
    assert early.iat and early.timesteps.min() < 4
    for i in range(0, 500, 50):
        t = early.timesteps[i]
        assert np.array_equal(early.history[i, :t], result.history[i, :t])
        assert np.isnan(early.history[i, t:]).all()
        assert np.array_equal(early.outputs[i], result.history[i, t - 1])


def test_events_add_up(model, images):
    result = model.run(images[:50], events=True)
    events = result.event_array
    assert events.dtype == adafire.EVENTS
    counts = np.zeros_like(result.events)
    spikes = np.zeros_like(result.spikes)
    np.add.at(counts, (events["sample"], events["population"]), 1)
    np.add.at(spikes, (events["sample"], events["population"]), np.abs(events["burst"]))
    assert np.array_equal(counts[:, 1:], result.events[:, 1:])
    assert np.array_equal(spikes[:, 1:], result.spikes[:, 1:])
    assert (np.diff(events["sample"]) >= 0).all()
    part = result[10:12]
    assert set(part.event_array["sample"]) == {0, 1}
    assert len(part.event_array) == (np.isin(events["sample"], (10, 11))).sum()


def test_many_samples_come_in_chunks(model, images):
    many = np.tile(images, (20, 1, 1, 1))
    done = []
    result = model.run(many, events=True, progress=lambda phase, share: done.append(share))
    assert done == sorted(done) and done[-1] == 1 and len(done) == 2 * 64 + 29
    once = model.run(images, events=True)
    assert np.array_equal(result.outputs, np.tile(once.outputs, (20, 1)))
    assert len(result.event_array) == 20 * len(once.event_array)
    assert np.array_equal(result[9500:].event_array, once.event_array)


def test_results_are_sequences_and_pickle(model, images):
    result = model.run(images[:10], labels=np.arange(10) % 10, history=True)
    assert len(list(result)) == 10 and result[-1].outputs.shape == (1, 10)
    with pytest.raises(IndexError):
        result[10]
    again = pickle.loads(pickle.dumps(result))
    assert same(again, result) and again.samples is None
    assert again.report(curves=True)
    assert np.allclose(result.probabilities.sum(axis=1), 1)
    assert np.array_equal(result.output("logits"), result.outputs)
    with pytest.raises(KeyError, match="logits"):
        result.output("nothing")


def test_streams(model, images):
    wanted = model.run(images[:100])
    with model.open() as device:
        for batch in (1, 7, 100, 1000):
            got = list(device.stream(iter(images[:100]), batch=batch))
            assert np.array_equal(np.concatenate([r.outputs for r in got]), wanted.outputs)
        assert list(device.stream([])) == []
        stream = device.stream(iter(images[:100]), batch=10)
        next(stream)
        stream.close()  # what was ahead ends
        with pytest.raises(ValueError, match="a batch of 0"):
            next(device.stream(images, batch=0))

        def broken():
            yield from images[:5]
            raise LookupError("the source")

        with pytest.raises(LookupError):
            list(device.stream(broken(), batch=2))
        with pytest.raises(adafire.BadArgument):
            list(device.stream([np.zeros((3, 3))]))
        assert same(device.run(images[:100]), wanted)


def test_device_is_not_for_pickling(model):
    with model.open() as device, pytest.raises(TypeError, match="pickle its model"):
        pickle.dumps(device)
    with pytest.raises(TypeError, match="Task"):
        pickle.dumps(model.task())
    with pytest.raises(adafire.Closed, match="the device is closed"):
        device.run(np.zeros((1, 1, 8, 8), np.uint8))
    with pytest.raises(adafire.Closed):
        _ = device.megahertz
    device.close()
    assert device.closed and "closed" in repr(device)


def test_state_is_kept_where_that_is_asked_for(model, images, labels, tmp_path):
    with model.open() as device:
        alone, kept = device.run(images[:20]), device.run(images[:20], keep_state=True)
        assert same(alone[:1], kept[:1]) and not np.array_equal(alone.outputs[1:], kept.outputs[1:])
        assert kept.keep_state and not alone.keep_state
        # From run to run as from sample to sample, until one does not keep it.
        assert same(device.run(images[:20]), alone)
        first, second = device.run(images[:7], keep_state=True), device.run(images[7:20], keep_state=True)
        assert np.array_equal(np.concatenate([first.outputs, second.outputs]), kept.outputs)
        device.run(images[:1])
        streamed = list(device.stream(iter(images[:20]), batch=3, keep_state=True))
        assert np.array_equal(np.concatenate([r.outputs for r in streamed]), kept.outputs)
        kept.report(tmp_path / "report.html", labels=labels[:20])
    with model.open("csim") as device, pytest.raises(adafire.Unsupported, match="from rest"):
        device.run(images[:2], keep_state=True)


def test_other_packages_keep_their_libraries(tmp_path):
    """h5py brings an HDF5 of its own, before and after ours."""
    pytest.importorskip("h5py")
    script = textwrap.dedent("""
        import sys
        def ours():
            import adafire
            return len(adafire.read_events(sys.argv[1] + "/events.h5")[0])
        def theirs():
            import h5py
            with h5py.File(sys.argv[1] + "/events.h5", "w") as f:
                for name, kind in ("x", "u2"), ("y", "u2"), ("t", "i8"), ("p", "u1"):
                    f["events/" + name] = [1, 0, 1] if name != "t" else [10, 20, 30]
        if sys.argv[2] == "ours":
            from adafire import _library
            _library.convert()
        theirs()
        told = ours()
        theirs()
        print(told)
    """)
    for first in ("theirs", "ours"):
        command = [sys.executable, "-W", "ignore", "-c", script, tmp_path, first]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.stdout == "3\n", done.stderr


def test_threads_share_a_device(model, images):
    wanted = model.run(images)
    with model.open() as device:
        got = [None] * 8

        def work(i):
            for _ in range(5):
                got[i] = device.run(images[i::8])

        threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    for i in range(8):
        assert np.array_equal(got[i].outputs, wanted.outputs[i::8])


def test_the_lock_of_python_is_free_meanwhile(model, images):
    many = np.tile(images, (40, 1, 1, 1))
    ticks = []
    with model.open(threads=1) as device:
        thread = threading.Thread(target=lambda: device.run(many, iat=False))
        thread.start()
        while thread.is_alive():
            ticks.append(time.perf_counter())
            time.sleep(0.001)
    assert len(ticks) > 5


def test_a_callback_cannot_use_its_own_device(model, images):
    with model.open() as device:

        def again(phase, share):
            device.run(images[:1])

        with pytest.raises(adafire.AdafireError, match="at work"):
            device.run(images, progress=again)
        with pytest.raises(adafire.AdafireError, match="at work"):
            device.run(images, progress=lambda *_: device.close())
        with pytest.raises(adafire.Cancelled):
            device.run(images, progress=lambda *_: False)
        assert len(device.run(images[:3])) == 3


CTRL_C = """
    import sys, threading, time, os, signal, numpy as np, adafire
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever started the tests may ignore it
    model = adafire.load(sys.argv[1])
    images = np.zeros((400000, 1, 8, 8), np.uint8) + np.arange(64, dtype=np.uint8).reshape(8, 8) % 17
    begun = threading.Event()
    def progress(phase, share):
        begun.set()
    def press():
        begun.wait()
        os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=press, daemon=True).start()
    with model.open() as device:
        begin = time.perf_counter()
        try:
            WORK
            print("not interrupted")
        except KeyboardInterrupt:
            print("interrupted", time.perf_counter() - begin < 20)
        print(len(device.run(images[:10])))
"""


@pytest.mark.parametrize(
    "work",
    [
        "device.run(images, iat=False, progress=progress)",
        "list(device.stream(iter(images), batch=50000, progress=progress))",
        "adafire.convert(sys.argv[2], images[:100], optimize='adds', timesteps=64, progress=progress)",
    ],
    ids=["run", "stream", "convert"],
)
def test_ctrl_c(file, work):
    script = textwrap.dedent(CTRL_C).replace("WORK", work)
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script, file, DIGITS / "model.onnx"],
                          capture_output=True, text=True, timeout=120)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["interrupted True", "10"], done.stdout + done.stderr
    assert done.stderr == ""


def test_nothing_leaks(model, images):
    """Memory in use after many rounds is what it was after a few."""
    resource = pytest.importorskip("resource")
    page = resource.getpagesize()

    def resident():
        with open("/proc/self/statm") as f:
            return int(f.read().split()[1]) * page

    data, many = model.to_bytes(), np.tile(images, (4, 1, 1, 1))

    def once():
        mine = adafire.Model.from_bytes(data)
        with mine.open() as device:
            result = device.run(many, events=True, history=True)
            with pytest.raises(adafire.Cancelled):
                device.run(many, events=True, progress=lambda *_: False)
        result.report(curves=False)
        mine.task().best(result)
        assert mine.projections[0].weight is not None
        with pytest.raises(adafire.BadFile):
            adafire.Model.from_bytes(data[:-1])

    def grown(rounds):
        before = resident()
        for _ in range(rounds):
            once()
        gc.collect()
        return resident() - before

    grown(5)
    # A round that left only its events or counters behind would leave megabytes each time.
    assert min(grown(10) for _ in range(3)) < 8 * 2**20


def test_boards():
    names = {b.name: b for b in adafire.boards()}
    assert {"cpu", "csim", "sim", "u250"} <= set(names)
    assert names["cpu"].runs and names["cpu"].sends_events and names["sim"].counts_cycles
    assert isinstance(adafire.attached(), dict)


def test_sim_counts_cycles(calibration, images):
    model = adafire.convert(DIGITS / "model.onnx", calibration, scale="1/16", fit="tiny")
    try:
        device = model.open("sim", build="tiny")
    except adafire.AdafireError as error:
        pytest.skip(str(error))
    with device:
        result = device.run(images[:3])
    wanted = model.run(images[:3])
    assert np.array_equal(result.outputs, wanted.outputs)
    assert (result.cycles > 0).all() and result.megahertz > 0
    assert result.latency_us == result.cycles.mean() / result.megahertz


def test_profile(model, images):
    try:
        device = model.open("sim", build="sim")
    except adafire.AdafireError as error:
        pytest.skip(str(error))
    with device:
        result = device.run(images[:2], profile=True)
    profile = result.profiles[0]
    assert profile.cycles > 0 and profile.spans["end"].max() <= profile.cycles
    assert "gather" in set(profile.waits["process"]) or len(profile.waits)
    assert "Timeline" in result.report(curves=False) or result.report(curves=False)


def test_a_warning_of_samples_of_another_scale(model, images):
    with pytest.warns(adafire.AdafireWarning, match="scale, mean or type"):
        model.run(images / np.float32(255))


def test_files(model, labels):
    files = adafire.read(model, IMAGES, limit=7)
    assert files.names[6] == f"{IMAGES}[6]" and len(files.labels) == 7
    assert len(model.run(files)) == 7
    assert np.array_equal(adafire.read_labels(DIGITS / "test_labels.npy"), labels)
    assert model.run(IMAGES).score(DIGITS / "test_labels.npy").accuracy > 0.98


def event_network():
    graph = _onnx.Graph("events", ["n", 2, 6, 6])
    weight = np.random.default_rng(2).normal(size=(4, 2, 3, 3)).astype(np.float32)
    relu = graph.node("Relu", [graph.node("Conv", ["input", graph.constant(weight)])])
    flat = graph.node("Flatten", [relu])
    dense = np.random.default_rng(3).normal(size=(64, 3)).astype(np.float32)
    graph.output(graph.node("MatMul", [flat, graph.constant(dense)]), ["n", 3])
    return graph.bytes()


def recording(n, seed):
    random = np.random.default_rng(seed)
    events = np.zeros(n, adafire.EVENT_DTYPE)
    events["x"], events["y"] = random.integers(0, 6, (2, n))
    events["p"], events["t"] = random.integers(0, 2, n), np.sort(random.integers(0, 10**6, n))
    return events


def test_recordings(tool, tmp_path):
    network = event_network()
    frames = np.random.default_rng(4).integers(0, 9, (64, 2, 6, 6)).astype(np.uint8)
    recordings = [recording(300, s) for s in range(8)]
    model = adafire.convert(network, frames, events=True, exit_recordings=recordings, name="e")
    assert model.takes_events
    result = model.run(recordings)
    # The same of files, by the tools.
    for i, r in enumerate(recordings):
        np.save(tmp_path / f"{i}.npy", np.stack([r["x"], r["y"], r["p"], r["t"]], axis=1).astype(np.int32))
    model.save(tmp_path / "e.snn")
    tool("adafire-host", tmp_path / "e.snn", *[tmp_path / f"{i}.npy" for i in range(8)], "-q", "-o",
         tmp_path / "out.npy")  # fmt: skip
    assert np.array_equal(result.outputs, np.load(tmp_path / "out.npy"))
    read = adafire.read_events([tmp_path / f"{i}.npy" for i in range(8)])
    assert all(np.array_equal(a, b) for a, b in zip(read, recordings))
    named = [r.astype([("t", "i8"), ("x", "i4"), ("y", "i4"), ("polarity", "i1")]) for r in recordings]
    for i, r in enumerate(recordings):
        named[i]["polarity"] = r["p"]
        for n in "xyt":
            named[i][n] = r[n]
    assert same(model.run(named), result)
    assert same(model.run(recordings[0]), result[0])
    with model.open() as device:
        assert [r.classes[0] for r in device.stream(recordings, batch=3)] == result.classes.tolist()
    counts = np.zeros((2, model.timesteps, 2, 6, 6), np.int16)
    assert len(model.run(counts)) == 2
    with pytest.raises(adafire.BadArgument, match="counts beyond"):
        model.run(counts + 300)
    outside = recordings[0].copy()
    outside["x"][5] = 77
    with pytest.raises(adafire.BadFile, match="x 77"):
        model.run(outside)
    with pytest.raises(adafire.BadArgument, match="x, y, t and p"):
        model.run(recordings[0][["x", "y", "t"]])


def test_module_shows_what_there_is(file, tmp_path):
    def call(*words):
        return subprocess.run([sys.executable, "-m", "adafire", *map(str, words)], capture_output=True, text=True)

    shown = call()
    assert shown.returncode == 0 and "boards" in shown.stdout and adafire.version() in shown.stdout
    assert "logits" in call(file).stdout
    wrong = call(tmp_path / "nothing.snn")
    assert wrong.returncode == 1 and wrong.stderr.startswith("adafire: ") and wrong.stderr.count("\n") == 1
    assert call("--help").returncode == 0


def test_signals_stay_pythons(model, images):
    before = signal.getsignal(signal.SIGINT)
    model.run(images[:4])
    assert signal.getsignal(signal.SIGINT) is before
