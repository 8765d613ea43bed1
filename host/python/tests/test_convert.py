"""Conversion: the tools' models to the bit, from whatever a user has; refusals; progress and its end."""

import numpy as np
import pytest
from conftest import DIGITS

import adafire
from adafire import _onnx

NETWORK = DIGITS / "model.onnx"


def same(a, b):
    return a.to_bytes() == b.to_bytes()


def by_tool(tool, path, *options):
    tool("adafire-convert", NETWORK, "--calib", DIGITS / "calib_images.npy", "-q", "-o", path, *options)
    return adafire.load(path)


OPTIONS = [
    ((), {}),
    (("--timesteps", "2", "--effort", "0"), {"timesteps": 2, "effort": 0}),
    (("--mean", "2", "--std", "3", "--iat", "off"), {"mean": 2, "std": [3.0], "iat": "off"}),
    (("--signed", "on", "--burst-initial", "3", "--effort", "0"), {"signed": True, "burst_initial": 3, "effort": 0}),
    (("--search", "--ssc", "0.05", "--effort", "0"), {"search": True, "ssc": 0.05, "effort": 0}),
    (("--prune", "0.1", "--iat", "0.3", "--effort", "0"), {"prune": 0.1, "iat": 0.3, "effort": 0}),
    (
        ("--rounding", "nearest", "--bias-correction", "advanced", "--iat-metric", "confidence", "--tolerance", "2"),
        {"rounding": "nearest", "bias_correction": "advanced", "iat_metric": "confidence", "tolerance": 2},
    ),
    (
        ("--optimize", "spikes", "--search-limit", "32", "--calib-limit", "64", "-t", "2"),
        {"optimize": "spikes", "search_limit": 32, "calib_limit": 64, "timesteps": 2},
    ),
    (("--task", "classify", "--initial", "0.4", "--effort", "0"), {"task": "classify", "initial": 0.4, "effort": 0}),
]


@pytest.mark.parametrize(("words", "keywords"), OPTIONS, ids=lambda o: " ".join(o) if isinstance(o, tuple) else "")
def test_options_are_the_tools(tool, tmp_path, calibration, words, keywords):
    wanted = by_tool(tool, tmp_path / "model.snn", "--scale", "1/16", *words)
    assert same(wanted, adafire.convert(NETWORK, calibration, scale="1/16", **keywords))


def test_samples_from_files_and_memory_are_the_same(calibration):
    options = {"scale": 0.0625, "effort": 0}
    model = adafire.convert(NETWORK, calibration, **options)
    assert same(model, adafire.convert(str(NETWORK), DIGITS / "calib_images.npy", **options))
    files = adafire.read(model, DIGITS / "calib_images.npy")
    assert same(model, adafire.convert(NETWORK, files, **options))


def test_layouts_and_types_of_samples(calibration):
    options = {"scale": 1 / 16, "effort": 0, "calib_limit": 100}
    model = adafire.convert(NETWORK, calibration, **options)
    whole = calibration.astype(np.int64)
    for samples in (
        whole.transpose(0, 2, 3, 1),  # channels last
        whole.reshape(len(whole), -1),
        whole[:, 0],
        np.asfortranarray(calibration),
        calibration.astype(">i4"),
        calibration.astype(np.float64),
        [calibration[:60], calibration[60:]],
        ((batch, None) for batch in np.array_split(calibration, 7)),
        calibration.tolist(),
    ):
        assert same(model, adafire.convert(NETWORK, samples, **options)), type(samples)


def test_labels_are_used(tool, tmp_path, calibration):
    given = np.load(DIGITS / "calib_labels.npy") if (DIGITS / "calib_labels.npy").exists() else None
    if given is None:
        given = np.argmax(adafire.ann(NETWORK, calibration, scale="1/16"), axis=1)
        np.save(tmp_path / "labels.npy", given)
    options = {"scale": "1/16", "effort": 0}
    model = adafire.convert(NETWORK, calibration, labels=given, **options)
    assert model.conversion.accuracy > 0.95
    assert same(model, adafire.convert(NETWORK, (calibration, given), **options))
    loader = [(calibration[i : i + 50], given[i : i + 50]) for i in range(0, len(given), 50)]
    assert same(model, adafire.convert(NETWORK, loader, **options))
    dataset = list(zip(calibration, given.tolist()))
    assert same(model, adafire.convert(NETWORK, iter(dataset), **options))
    assert same(model, adafire.convert(NETWORK, dataset, **options))
    with pytest.raises(adafire.BadArgument, match="labels for 256 calibration samples"):
        adafire.convert(NETWORK, calibration, labels=given[:9], **options)


def test_classes_in_memory_and_in_a_file(tmp_path, calibration):
    names = [f"digit {i}" for i in range(10)]
    (tmp_path / "names").write_text("\n".join(names))
    options = {"scale": "1/16", "effort": 0}
    model = adafire.convert(NETWORK, calibration, classes=names, **options)
    assert model.class_names == names
    assert same(model, adafire.convert(NETWORK, calibration, classes=tmp_path / "names", **options))
    with pytest.raises(adafire.BadFile, match="9 names, but the network has 10"):
        adafire.convert(NETWORK, calibration, classes=names[:9], **options)


def test_ann_is_the_tools(tool, tmp_path, images):
    tool("adafire-convert", NETWORK, "--ann", DIGITS / "test_images.npy", "--scale", "1/16", "-q",
         "-o", tmp_path / "ann.npy")  # fmt: skip
    outputs = adafire.ann(NETWORK, images, scale="1/16")
    assert np.array_equal(outputs, np.load(tmp_path / "ann.npy"))
    assert np.array_equal(outputs, adafire.ann(NETWORK, DIGITS / "test_images.npy", scale="1/16"))
    assert np.array_equal(outputs, adafire.ann(NETWORK.read_bytes(), images, scale="1/16"))
    with pytest.raises(adafire.BadArgument, match="samples of shape"):
        adafire.ann(NETWORK, images[:, :, :7])


def test_bytes_and_names(calibration):
    model = adafire.convert(NETWORK.read_bytes(), calibration, scale="1/16", effort=0, name="seven.onnx")
    assert model.name == "seven"
    assert model.facts["source"] == "seven.onnx"
    other = adafire.convert(NETWORK, calibration, scale="1/16", effort=0)
    assert model.facts["source sha-256"] == other.facts["source sha-256"]


def test_a_network_of_an_open_shape(calibration):
    graph = _onnx.Graph("open", ["n", 1, "h", "w"])
    weight = np.random.default_rng(1).normal(size=(4, 1, 3, 3)).astype(np.float32)
    relu = graph.node("Relu", [graph.node("Conv", ["input", graph.constant(weight)])])
    graph.output(graph.node("GlobalAveragePool", [relu]), ["n", 4, 1, 1])
    data = graph.bytes()
    model = adafire.convert(data, calibration, effort=0)
    assert model.input_shape == (1, 8, 8)
    assert adafire.convert(data, calibration.reshape(-1, 64), shape=(1, 8, 8), effort=0).input_shape == (1, 8, 8)


def test_progress_is_told_and_may_end_it(calibration):
    told = []
    adafire.convert(NETWORK, calibration, scale="1/16", effort=0, progress=lambda *p: told.append(p))
    assert told and all(0 <= fraction <= 1 for _, fraction in told)
    assert len({phase for phase, _ in told}) > 1
    with pytest.raises(adafire.Cancelled):
        adafire.convert(NETWORK, calibration, scale="1/16", progress=lambda *_: False)

    def fails(phase, fraction):
        raise LookupError(phase)

    with pytest.raises(LookupError):
        adafire.convert(NETWORK, calibration, scale="1/16", progress=fails)


REFUSALS = [
    ({"timesteps": 0.5}, "timesteps"),
    ({"timesteps": 300}, "timesteps must be between 1 and 256"),
    ({"burst_initial": 256}, "burst_initial must be between 1 and 255"),
    ({"effort": 4}, "effort must be between 0 and 3"),
    ({"signed": "maybe"}, "signed must be one of off, on, auto, not 'maybe'"),
    ({"optimize": "speed"}, "optimize must be one of latency"),
    ({"rounding": "up"}, "rounding must be one of"),
    ({"scale": "1/0"}, "scale is a number"),
    ({"scale": -1}, "scale must be between"),
    ({"std": 0}, "standard deviation"),
    ({"mean": [1, 2]}, "mean and std have 2 values for 1 channels"),
    ({"prune": 0.5, "rounding": "nearest"}, "prune needs rounding"),
    ({"task": "juggle"}, "juggle"),
    ({"task": "detect"}, "detect"),
    ({"ssc": "p"}, "ssc is a number"),
    ({"iat": 7}, "iat must be between"),
    ({"tolerance": 101}, "tolerance must be between 0 and 100"),
    ({"shape": (1, 2, 3, 4)}, "shape is channels, height, width"),
    ({"bgr": True}, "bgr needs 3 channels"),
    ({"exit_recordings": "nothing"}, "exit recordings are for networks of events"),
    ({"classes": "/no/such/file"}, "/no/such/file"),
    ({"threads": 5000}, "threads must be between 0 and 1024"),
]


@pytest.mark.parametrize(("keywords", "sentence"), REFUSALS, ids=str)
def test_options_that_are_refused(calibration, keywords, sentence):
    with pytest.raises(adafire.AdafireError, match=sentence):
        adafire.convert(NETWORK, calibration, **{"scale": "1/16", "effort": 0, **keywords})


@pytest.mark.parametrize(
    ("samples", "kind", "sentence"),
    [
        (np.zeros((4, 3, 8, 8)), adafire.BadArgument, r"samples of shape \[4, 3, 8, 8\]"),
        (np.zeros((0, 1, 8, 8)), adafire.BadArgument, "samples are needed|no calibration samples"),
        (np.zeros((4, 1, 8, 8), complex), adafire.BadArgument, "complex128"),
        (np.full((4, 1, 8, 8), np.nan), adafire.BadArgument, "no numbers"),
        (np.full((4, 1, 8, 8), 2**40), adafire.BadArgument, "32 bits"),
        (np.ma.masked_array(np.zeros((4, 1, 8, 8)), True), adafire.BadArgument, "masked"),
        (np.array([["a"]]), adafire.BadArgument, "samples of"),
        ([], adafire.BadArgument, "samples"),
        ([{"image": 1}], adafire.BadArgument, "dictionaries"),
        ("/no/such/file.npy", adafire.AdafireError, "/no/such/file.npy"),
        (7, adafire.BadArgument, "there are no calibration samples"),
        (object(), adafire.BadArgument, "object"),
    ],
    ids=str,
)
def test_samples_that_are_refused(samples, kind, sentence):
    with pytest.raises(kind, match=sentence):
        adafire.convert(NETWORK, samples, scale="1/16")


def test_networks_that_are_refused(calibration, tmp_path):
    with pytest.raises(adafire.FileError, match=r"nowhere\.onnx"):
        adafire.convert("nowhere.onnx", calibration)
    with pytest.raises(adafire.BadFile):
        adafire.convert(b"\x08\x08 no network", calibration)
    with pytest.raises(TypeError, match="a dict is no network"):
        adafire.convert({}, calibration)
    with pytest.raises(ValueError, match="zero character"):
        adafire.convert("a\0b", calibration)
    graph = _onnx.Graph("sine", ["n", 1, 8, 8])
    graph.output(graph.node("Sin", ["input"]), ["n", 1, 8, 8])
    with pytest.raises(NotImplementedError, match="Sin"):
        adafire.convert(graph.bytes(), calibration)


def test_notes(calibration):
    with pytest.warns(adafire.AdafireWarning):
        model = adafire.convert(NETWORK, calibration, scale=100, effort=0, labels=np.zeros(256, int))
    assert model.notes


def test_outline():
    """Without samples: the same populations, which boards may refuse."""
    model = adafire.outline(DIGITS / "model.onnx")
    assert model.populations[0].shape == (1, 8, 8)
    assert model.conversion is None
    with pytest.raises(adafire.Unsupported, match="--fit tiny"):
        model.open("csim", build="tiny")
    small = adafire.outline(DIGITS / "model.onnx", fit="tiny")
    assert max(small.bursts) == 15
    with small.open("csim", build="tiny"):
        pass
    with pytest.raises(adafire.BadArgument, match="no build to fit"):
        adafire.outline(DIGITS / "model.onnx", fit="huge")
