"""Boxes, maps, values and their scores, on small networks made here."""

import json
import math

import numpy as np
import pytest

import adafire
from adafire import _onnx


def network(outputs, size=8):
    """One convolution and its ReLU, then a map of so many channels."""
    random = np.random.default_rng(outputs)
    graph = _onnx.Graph("map", ["n", 1, size, size])
    weight = random.normal(size=(6, 1, 3, 3)).astype(np.float32)
    relu = graph.node("Relu", [graph.node("Conv", ["input", graph.constant(weight)], pads=[1, 1, 1, 1])])
    head = random.normal(size=(outputs, 6, 1, 1)).astype(np.float32) * 0.3
    graph.output(graph.node("Conv", [relu, graph.constant(head)], "map"), ["n", outputs, size, size])
    return graph.bytes()


@pytest.fixture(scope="module")
def detector(calibration):
    return adafire.convert(network(6), calibration, scale="1/16", task="detect stride 1 size 3 threshold 0.5", name="d")


@pytest.fixture(scope="module")
def segmenter(calibration):
    return adafire.convert(network(4), calibration, scale="1/16", task="segment", name="s")


def test_boxes_are_the_tools(tool, detector, images, digits, tmp_path):
    result = detector.run(images[:40])
    boxes = result.boxes()
    assert detector.task().kind == "detect" and detector.task().classes == 2
    assert sum(map(len, boxes)) > 0
    detector.save(tmp_path / "d.snn")
    np.save(tmp_path / "x.npy", images[:40])
    inside = [s[(s["x1"] >= 0) & (s["y1"] >= 0) & (s["x2"] <= 8) & (s["y2"] <= 8)] for s in boxes]
    rows = [(i, b["label"], b["x1"], b["y1"], b["x2"], b["y2"]) for i, s in enumerate(inside) for b in s[::2]]
    assert rows
    np.save(tmp_path / "truth.npy", np.array(rows, np.float32))
    reference = adafire.ann(network(6), images[:40], scale="1/16")
    np.save(tmp_path / "ann.npy", reference)
    told = json.loads(tool("adafire-host", tmp_path / "d.snn", tmp_path / "x.npy", "--boxes", tmp_path / "b.json",
                           "--labels", tmp_path / "truth.npy", "--reference", tmp_path / "ann.npy",
                           "--json"))  # fmt: skip
    for mine, theirs in zip(boxes, json.loads((tmp_path / "b.json").read_text())):
        assert len(mine) == len(theirs["boxes"])
        for a, b in zip(mine, theirs["boxes"]):
            assert a["label"] == b["class"] and a["score"] == pytest.approx(b["score"], abs=6e-5)
            assert [a[n] for n in ("x1", "y1", "x2", "y2")] == pytest.approx(b["box"], abs=6e-3)
    score = result.score([s[::2] for s in inside], reference)
    assert float(f"{score.recall:.10g}") == told["box_recall"] < 1
    assert float(f"{score.precision:.10g}") == told["box_precision"]
    assert float(f"{score.ann_mean:.10g}") == told["ann_map50"]
    assert score.mean == pytest.approx(told["map50"], rel=1e-5)
    as_rows = [np.array([(b["label"], b["x1"], b["y1"], b["x2"], b["y2"]) for b in s[::2]]) for s in inside]
    assert result.score(as_rows).mean == score.mean
    assert result.score(boxes).mean == pytest.approx(1.0)
    with pytest.raises(adafire.BadArgument, match="boxes of 40 samples, and truth of 1"):
        result.score([boxes[0]])
    with pytest.raises(adafire.BadArgument, match="rows are class"):
        result.score([np.zeros((1, 4))] * 40)
    assert "mAP@0.5" in result.report(labels=boxes)


def test_maps_are_the_tools(tool, segmenter, images, tmp_path):
    result = segmenter.run(images[:40])
    maps = result.maps()
    assert maps.shape == (40, 8, 8) and maps.dtype == np.uint16
    assert np.array_equal(maps, result.outputs.reshape(40, 4, 8, 8).argmax(axis=1))
    truth = np.roll(maps, 1, axis=2).astype(np.int32)
    truth[0, 0, 0] = 255  # of no class
    segmenter.save(tmp_path / "s.snn")
    np.save(tmp_path / "x.npy", images[:40])
    np.save(tmp_path / "truth.npy", truth)
    told = json.loads(tool("adafire-host", tmp_path / "s.snn", tmp_path / "x.npy", "--labels", tmp_path / "truth.npy",
                           "--json"))  # fmt: skip
    score = result.score(truth)
    assert score.pixels == pytest.approx(told["pixel_accuracy"], rel=1e-5)
    assert score.mean == pytest.approx(told["miou"], rel=1e-5)
    assert score.ignored == pytest.approx(1 / truth.size)
    with pytest.raises(adafire.BadArgument, match="maps of shape"):
        result.score(truth[:3])
    assert "Mean IoU" in result.report(labels=truth)


def test_classes_and_probabilities(model, images):
    result = model.run(images[:20])
    task = model.task()
    for best, right, chances in zip(task.best(result, 3), result.classes, result.probabilities):
        assert len(best) == 3 and best[0][0] == right
        assert [p for _, p in best] == pytest.approx(np.sort(chances)[::-1][:3], abs=1e-9)
    with pytest.raises(adafire.BadArgument, match="the task is to classify"):
        result.boxes()
    with pytest.raises(adafire.BadArgument):
        model.task("detect")
    with pytest.raises(adafire.BadArgument, match="of another model"):
        task.best(np.zeros((1, 3), np.float32))


def test_values(tool, calibration, images, tmp_path):
    model = adafire.convert(network(1), calibration, scale="1/16", task="values", name="v")
    result = model.run(images[:40])
    wanted = adafire.ann(network(1), images[:40], scale="1/16")
    assert 0 <= result.score(wanted).error < 0.1
    noisy = wanted + np.random.default_rng(1).normal(size=wanted.shape).astype(np.float32)
    for name, array in (("labels", noisy), ("ann", wanted), ("x", images[:40])):
        np.save(tmp_path / f"{name}.npy", array)
    model.save(tmp_path / "v.snn")
    told = json.loads(tool("adafire-host", tmp_path / "v.snn", tmp_path / "x.npy", "--labels", tmp_path / "labels.npy",
                           "--reference", tmp_path / "ann.npy", "--json"))  # fmt: skip
    score = result.score(noisy, wanted)
    assert score.error == pytest.approx(told["error"], rel=1e-6)
    assert score.ann_error == pytest.approx(told["ann_error"], rel=1e-6)
    assert score.distance == pytest.approx(told["deviation"], rel=1e-6)
    assert math.isnan(result.score().error)


def test_overlap():
    assert adafire.overlap((0, 0, 2, 2), (0, 0, 2, 2)) == 1
    assert adafire.overlap((0, 0, 1, 1), (2, 2, 3, 3)) == 0
