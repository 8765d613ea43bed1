"""NIR: graphs become the network of their rates, models are written with what is lost said, and back."""

import numpy as np
import pytest

import adafire
from adafire import _onnx

nir = pytest.importorskip("nir")
from adafire import nir as af_nir  # noqa: E402

RANDOM = np.random.default_rng(5)


def small_graph(if_=None):
    w1 = RANDOM.normal(size=(4, 1, 3, 3)).astype(np.float32)
    w2 = RANDOM.normal(size=(10, 64)).astype(np.float32)
    neurons = if_ or nir.IF(r=np.full((4, 8, 8), 2.0, np.float32), v_threshold=np.full((4, 8, 8), 0.5, np.float32))
    nodes = {
        "input": nir.Input({"input": np.array([1, 8, 8])}),
        "scale": nir.Scale(np.full((1, 8, 8), 1 / 16, np.float32)),
        "conv": nir.Conv2d((8, 8), w1, 1, 1, 1, 1, np.full(4, 0.1, np.float32)),
        "if": neurons,
        "pool": nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        "flatten": nir.Flatten({"input": np.array([4, 4, 4])}, 0, -1),
        "dense": nir.Affine(w2, np.arange(10, dtype=np.float32)),
        "output": nir.Output({"output": np.array([10])}),
    }
    names = list(nodes)
    return nir.NIRGraph(nodes, list(zip(names, names[1:]))), w1, w2


def rates(images, w1, w2, most=None):
    x = np.pad(images / 16, ((0, 0), (0, 0), (1, 1), (1, 1)))
    current = np.zeros((len(x), 4, 8, 8)) + 0.1
    for y in range(3):
        for z in range(3):
            current += x[:, :, y : y + 8, z : z + 8] * w1[None, :, 0, y, z, None, None]
    spikes = np.clip(current * 4, 0, most)
    pooled = spikes.reshape(len(x), 4, 4, 2, 4, 2).sum(axis=(3, 5)).reshape(len(x), -1)
    return pooled @ w2.T + np.arange(10)


def test_a_graph_is_the_network_of_its_rates(images, tmp_path):
    graph, w1, w2 = small_graph()
    told = adafire.ann(af_nir.read(graph), images[:20])
    assert np.allclose(told, rates(images[:20], w1, w2), rtol=1e-4, atol=1e-3)
    limited = adafire.ann(af_nir.read(graph, saturate=True), images[:20])
    assert np.allclose(limited, rates(images[:20], w1, w2, 1), rtol=1e-4, atol=1e-3)
    nir.write(tmp_path / "a.nir", graph)
    assert af_nir.read(tmp_path / "a.nir") == af_nir.read(graph)
    model = adafire.convert(graph, images[:256], timesteps=8)
    assert model.conversion.agreement > 0.9
    again = af_nir.convert(tmp_path / "a.nir", images[:256], timesteps=8, name="the graph")
    assert np.array_equal(again.run(images).outputs, model.run(images).outputs)


def test_what_cannot_be_read(tmp_path):
    leaky = nir.LIF(tau=np.full((4, 8, 8), 1.0), r=np.ones((4, 8, 8)), v_leak=np.zeros((4, 8, 8)),
                    v_threshold=np.ones((4, 8, 8)))  # fmt: skip
    with pytest.raises(adafire.Unsupported, match="'if' is a LIF: it leaks"):
        af_nir.read(small_graph(leaky)[0])
    wrong = nir.IF(r=np.ones((4, 8, 8)), v_threshold=np.zeros((4, 8, 8)))
    with pytest.raises(adafire.BadFile, match="not above 0"):
        af_nir.read(small_graph(wrong)[0])
    graph = small_graph()[0]
    graph.edges.append(("dense", "conv"))
    with pytest.raises((adafire.Unsupported, adafire.BadFile), match="loop"):
        af_nir.read(graph)
    (tmp_path / "no.nir").write_bytes(b"nothing of the kind")
    with pytest.raises(adafire.BadFile, match="not a NIR file"):
        af_nir.read(tmp_path / "no.nir")
    with pytest.raises(TypeError, match="NIRGraph"):
        af_nir.read(7)


def cnn():
    """Conv, ReLU, average pooling, conv, ReLU, dense: all that NIR can say."""
    graph = _onnx.Graph("cnn", ["n", 1, 8, 8])
    random = np.random.default_rng(11)

    def conv(x, shape):
        w = random.normal(size=shape).astype(np.float32) / np.sqrt(np.prod(shape[1:]))
        b = random.normal(size=shape[0]).astype(np.float32) * 0.1
        return graph.node("Relu", [graph.node("Conv", [x, graph.constant(w), graph.constant(b)], pads=[1, 1, 1, 1])])

    x = graph.node("AveragePool", [conv("input", (8, 1, 3, 3))], kernel_shape=[2, 2], strides=[2, 2])
    x = graph.node("Flatten", [conv(x, (16, 8, 3, 3))])
    w = random.normal(size=(10, 256)).astype(np.float32) / 16
    graph.output(graph.node("Gemm", [x, graph.constant(w)], "logits", transB=1), ["n", 10])
    return graph.bytes()


@pytest.fixture(scope="module")
def written(calibration, tmp_path_factory):
    model = adafire.convert(cnn(), calibration, scale="1/16", timesteps=8, signed="off", iat="off")
    path = tmp_path_factory.mktemp("nir") / "cnn.nir"
    return model, af_nir.write(model, path), path


def test_what_is_lost_is_said(written, model, calibration):
    _, graph, path = written
    assert path.exists() and not list(path.parent.glob("*.part"))
    text = " ".join(graph.notes)
    assert "bursts" in text and "begin at 0" in text and "take back" not in text
    signed = adafire.convert(cnn(), calibration, scale="1/16", timesteps=8, signed="on")
    assert "take back" in " ".join(af_nir.write(signed).notes)


def test_a_model_written_and_read_is_the_network(written, images):
    _, _, path = written
    wanted = adafire.ann(cnn(), images, scale="1/16")
    got = adafire.ann(af_nir.read(path), images)
    assert np.abs(got - wanted).max() < 0.1 * np.abs(wanted).max()  # 8-bit weights, corrected biases
    assert (got.argmax(axis=1) == wanted.argmax(axis=1)).mean() > 0.95


def test_maximum_relays_are_refused(calibration):
    graph = _onnx.Graph("max", ["n", 1, 8, 8])
    w = RANDOM.normal(size=(4, 1, 3, 3)).astype(np.float32)
    relu = graph.node("Relu", [graph.node("Conv", ["input", graph.constant(w)])])
    graph.output(graph.node("MaxPool", [relu], kernel_shape=[2, 2]), ["n", 4, 5, 5])
    model = adafire.convert(graph.bytes(), calibration)
    with pytest.raises(adafire.Unsupported, match=r"maxima|part"):
        af_nir.write(model)


def test_round_trip_through_sinabs(written, images):
    sinabs = pytest.importorskip("sinabs")
    torch = pytest.importorskip("torch")
    from sinabs.nir import from_nir, to_nir

    model, graph, _ = written
    steps, n = 16, 100
    net = from_nir(graph.graph, batch_size=n, num_timesteps=steps)
    x = torch.from_numpy(np.repeat(images[:n].astype(np.float32), steps, axis=0))
    with torch.no_grad():
        out = net(x)
    out = out[0] if isinstance(out, tuple) else out
    theirs = out.reshape(n, steps, 10).mean(dim=1).numpy()
    ours = model.run(images[:n]).outputs
    assert (theirs.argmax(axis=1) == ours.argmax(axis=1)).mean() > 0.9
    # And a network of theirs, to here.
    torch.manual_seed(0)
    ann = torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(512, 10),
    )
    spiking = sinabs.from_torch.from_model(ann, input_shape=(1, 8, 8), batch_size=1).spiking_model
    with torch.no_grad():
        spiking(torch.rand(1, 1, 8, 8))
    theirs_graph = to_nir(spiking, torch.rand(1, 1, 8, 8))
    with torch.no_grad():
        wanted = ann(torch.from_numpy(images[:50].astype(np.float32))).numpy()
    got = adafire.ann(af_nir.read(theirs_graph), images[:50])
    assert np.allclose(got, wanted, rtol=1e-3, atol=1e-3)


def test_round_trip_through_snntorch(written, images):
    snntorch = pytest.importorskip("snntorch")
    torch = pytest.importorskip("torch")
    pytest.importorskip("nirtorch")
    from snntorch.import_nir import import_from_nir

    model, graph, _ = written
    steps, n = 16, 100
    try:  # 1.0.0 knows no Scale and no SumPool2d, and makes leaky neurons (0.9) of IF
        net = import_from_nir(graph.graph)
    except ValueError as error:
        pytest.skip(f"snnTorch {snntorch.__version__} cannot read it: {error}".split(", mapping")[0])
    x, state, total = torch.from_numpy(images[:n].astype(np.float32)), None, 0
    with torch.no_grad():
        for _ in range(steps):
            out, state = net(x, state)
            total = total + out
    theirs = total.reshape(n, 10).numpy()
    ours = model.run(images[:n]).outputs
    assert (theirs.argmax(axis=1) == ours.argmax(axis=1)).mean() > 0.9
