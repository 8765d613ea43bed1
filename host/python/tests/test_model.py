"""Models: what they show, bytes, pickles, an end that leaves nothing dangling."""

import copy
import gc
import pickle

import numpy as np
import pytest

import adafire
from adafire import _library


def test_bytes_files_and_pickles(model, tmp_path):
    model.save(tmp_path / "a.snn")
    data = model.to_bytes()
    assert (tmp_path / "a.snn").read_bytes() == data
    for again in (
        adafire.load(tmp_path / "a.snn"),
        adafire.Model.from_bytes(data),
        adafire.Model.from_bytes(memoryview(data)),
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
    ):
        assert again.to_bytes() == data
    kept = pickle.loads(pickle.dumps(model))
    assert kept.conversion.agreement == model.conversion.agreement
    with pytest.raises(adafire.BadFile, match="somewhere: "):
        adafire.Model.from_bytes(data[:-1], "somewhere")
    with pytest.raises(adafire.FileError):
        model.save(tmp_path / "no" / "such" / "folder.snn")
    assert list(tmp_path.iterdir()) == [tmp_path / "a.snn"]


def test_what_it_shows_is_what_the_tool_prints(model, tool, tmp_path):
    import json

    model.save(tmp_path / "a.snn")
    told = json.loads(tool("adafire-info", "--json", tmp_path / "a.snn"))
    assert told["name"] == model.name
    assert tuple(told["input"]) == model.input_shape
    assert told["synapses"] == model.synapses and told["zeros"] == model.zeros
    assert told["neurons"] == model.neurons and told["ann_macs"] == model.ann_macs
    assert told["iat"] == model.early_exit
    assert told["facts"] == model.facts
    for p, t in zip(model.populations, told["populations"]):
        assert (p.name, p.kind, list(p.shape), p.burst) == (t["name"], t["kind"], t["shape"], t["burst"])
        if p.thresholds.size:
            assert p.thresholds.min() == pytest.approx(t["threshold_min"], rel=1e-5)
            assert p.thresholds.max() == pytest.approx(t["threshold_max"], rel=1e-5)


def test_views_are_a_network(model, images):
    """The integer semantics of host/model/model.h by the views alone: the first population, one timestep."""
    projection = model.projections[0]
    p = model.populations[projection.destination]
    source = model.populations[0]
    counts = np.rint((images[:4].astype(float) - source.zero[:, None, None]) / source.unit).astype(np.int64)
    padded = np.pad(counts, ((0, 0), (0, 0), (1, 1), (1, 1)))
    weight = projection.weight.astype(np.int64) << projection.shift
    height, width = p.shape[1:]
    current = np.zeros((4, *p.shape), np.int64)
    for y in range(height):
        for x in range(width):
            ky, kx = projection.kernel
            current[:, :, y, x] = np.einsum("ncij,ocij->no", padded[:, :, y : y + ky, x : x + kx], weight)
    bias = p.bias.reshape((-1, 1, 1)) if len(p.bias) == p.shape[0] else p.bias.reshape(p.shape)
    initial = p.initial.reshape((-1, 1, 1)) if len(p.initial) == p.shape[0] else p.initial.reshape(p.shape)
    v = initial + current + bias
    bursts = np.clip(v // p.threshold[:, None, None], 0, p.burst)
    told = model.run(images[:4], timesteps=1, iat=False, events=True).event_array
    mine = told[told["population"] == p.index]
    dense = np.zeros((4, p.neurons), np.int64)
    dense[mine["sample"], mine["neuron"]] = mine["burst"]
    assert np.array_equal(dense.reshape(bursts.shape), bursts)


def test_views_cannot_be_written(model):
    weight = model.projections[0].weight
    assert weight.dtype == np.int8 and weight.base is not None
    with pytest.raises(ValueError):
        weight[0] = 1


def test_a_closed_model(model):
    mine = adafire.Model.from_bytes(model.to_bytes())
    weight, total = mine.projections[0].weight, int(model.projections[0].weight.astype(int).sum())
    device = mine.open()
    task = mine.task()
    mine.close()
    for use in (
        lambda: mine.name,
        lambda: mine.populations,
        lambda: mine.projections,
        lambda: mine.outputs,
        mine.to_bytes,
        mine.open,
        lambda: mine.save("/nowhere"),
        lambda: pickle.dumps(mine),
        lambda: mine.run(np.zeros((1, 1, 8, 8), np.uint8)),
    ):
        with pytest.raises(adafire.Closed, match="the model is closed"):
            use()
    assert "closed" in repr(mine)
    mine.close()
    gc.collect()
    assert int(weight.astype(int).sum()) == total  # the memory is still there
    base = weight
    while isinstance(base, np.ndarray):
        base = base.base
    assert isinstance(base.owner, _library.Handle)
    assert task.kind == "classify"
    with pytest.raises(adafire.Closed):
        device.run(np.zeros((1, 1, 8, 8), np.uint8))
    device.close()
    with adafire.Model.from_bytes(model.to_bytes()) as other:
        assert other.name
    with pytest.raises(adafire.Closed):
        _ = other.name


def test_check(model, images):
    assert model.check(images) == []
    notes = model.check(images.astype(np.float32) / 255)
    assert len(notes) == 1 and "scale, mean or type" in notes[0]
    with pytest.raises(adafire.NoDevice):
        model.check(board="u250")
    with pytest.raises(adafire.NoDevice, match="nonsense"):
        model.check(board="nonsense")


def test_html(model):
    assert "<table>" in model._repr_html_() and "&phi;" in model._repr_html_()
