"""Modules and tensors of PyTorch: exported by whichever exporter works, and left as they were."""

import numpy as np
import pytest

import adafire
from adafire import _export

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402


def module():
    torch.manual_seed(3)
    net = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.5), nn.AvgPool2d(2),
                        nn.Flatten(), nn.Linear(128, 10))  # fmt: skip
    net(torch.rand(32, 1, 8, 8))  # BatchNorm has something to remember
    return net


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.end = nn.Linear(4, 10)

    def forward(self, x):
        x = torch.relu(self.a(x))
        x = torch.relu(self.b(x) + x)
        return self.end(x.mean(dim=(2, 3)).view(x.size(0), -1))


def exporters():
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    return [_export._by_dynamo, _export._by_torchscript]


def outputs(net, x):
    modes = [m.training for m in net.modules()]
    net.eval()
    with torch.no_grad():
        y = net(x).numpy()
    for m, training in zip(net.modules(), modes):
        m.training = training
    return y


@pytest.mark.parametrize("make", [module, Residual], ids=["sequential", "residual"])
def test_a_module_is_converted_and_left_as_it_was(make, images):
    net = make().train()
    net[3].eval() if make is module else None
    modes = [m.training for m in net.modules()]
    before = {k: v.clone() for k, v in net.state_dict().items()}
    x = torch.from_numpy(images).float() / 16
    model = adafire.convert(net, images[:256], example=x[:1], scale="1/16", timesteps=8)
    assert modes == [m.training for m in net.modules()]
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    wanted = outputs(net, x)
    assert np.allclose(adafire.ann(net, x, example=x[:1]), wanted, rtol=1e-3, atol=1e-4)
    assert (model.run(images).classes == wanted.argmax(axis=1)).mean() > 0.9
    assert model.name == type(net).__name__


@pytest.mark.parametrize("which", [0, 1], ids=["dynamo", "torchscript"])
def test_each_exporter(which, images):
    export = exporters()[which]
    net = module().eval()
    x = torch.from_numpy(images).float() / 16
    with torch.no_grad():
        data = export(torch, net, x[:2])
    assert np.allclose(adafire.ann(data, x[:9]), outputs(net, x[:9]), rtol=1e-3, atol=1e-4)


def test_an_exporter_that_fails_or_lies_is_passed_over(images, monkeypatch):
    net = module()
    x = torch.from_numpy(images).float() / 16

    def fails(*_):
        raise RuntimeError("no such luck\nand more")

    good = _export._by_torchscript

    def lies(torch, net, example):
        other = module()
        with torch.no_grad():
            other[0].weight += 1
        return good(torch, other.eval(), example)

    for broken in (fails, lies):
        monkeypatch.setattr(_export, "_by_dynamo", broken)
        monkeypatch.setattr(_export, "_by_torchscript", good)
        assert np.allclose(adafire.ann(adafire.to_onnx(net, x[:1]), x[:9]), outputs(net, x[:9]), rtol=1e-3, atol=1e-4)
        monkeypatch.setattr(_export, "_by_torchscript", broken)
        with pytest.raises(adafire.Unsupported, match="cannot be exported to ONNX"):
            adafire.to_onnx(net, x[:1])


def test_examples_that_are_refused(images):
    net = module()
    with pytest.raises(adafire.BadArgument, match="example="):
        adafire.convert(net, images)
    with pytest.raises(adafire.BadArgument, match="the first axis is the batch"):
        adafire.convert(net, images, example=torch.zeros(8))
    with pytest.raises(adafire.Unsupported, match="2 inputs"):
        adafire.convert(net, images, example=(torch.zeros(1, 1, 8, 8),) * 2)
    with pytest.raises(adafire.Unsupported, match="cannot be exported"):
        adafire.convert(net, images, example=torch.zeros(1, 5, 8, 8))
    assert net.training


def test_what_is_not_supported_says_so(images):
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.GELU(), nn.Flatten(), nn.Linear(144, 10))
    with pytest.raises(adafire.Unsupported, match=r"Erf|Gelu|GELU|ReLU|Tanh"):
        adafire.convert(net, images[:64], example=torch.zeros(1, 1, 8, 8))


def test_an_onnx_message(model, images, digits, calibration):
    onnx = pytest.importorskip("onnx")
    message = onnx.load(digits / "model.onnx")
    again = adafire.convert(message, calibration, scale="1/16", effort=0)
    assert np.array_equal(again.run(images).outputs, model.run(images).outputs)


def test_a_data_loader_calibrates(images, labels, calibration, digits):
    from torch.utils.data import DataLoader, TensorDataset

    x, y = torch.from_numpy(images), torch.from_numpy(labels.astype(np.int64))
    options = {"scale": "1/16", "effort": 0}
    model = adafire.convert(digits / "model.onnx", (images, labels), **options)
    loader = DataLoader(TensorDataset(x, y), batch_size=64)
    assert adafire.convert(digits / "model.onnx", loader, **options).to_bytes() == model.to_bytes()
    dataset = TensorDataset(x, y)
    assert adafire.convert(digits / "model.onnx", dataset, **options).to_bytes() == model.to_bytes()
    assert model.conversion.accuracy > 0.9


def test_tensors_are_samples(model, images):
    wanted = model.run(images).outputs
    x = torch.from_numpy(images)
    strided = torch.zeros(500, 1, 16, 16, dtype=torch.uint8)[:, :, ::2, ::2].copy_(x)
    needs = x.float().requires_grad_()
    for samples in (x, x.float(), x.half(), x.bfloat16(), x.double(), x.to(torch.int64), strided, needs,
                    x.permute(0, 2, 3, 1), list(x), needs * 1, nn.Parameter(x.float())):  # fmt: skip
        assert np.array_equal(model.run(samples).outputs, wanted)
    assert len(model.run(x[0])) == 1
    with pytest.raises(adafire.BadArgument, match="on meta"):
        model.run(torch.zeros(1, 1, 8, 8, device="meta"))
    with pytest.raises(adafire.BadArgument, match="complex64"):
        model.run(torch.zeros(1, 1, 8, 8, dtype=torch.complex64))
    with pytest.raises(adafire.BadArgument):
        model.run(x.to_sparse())
    assert np.array_equal(model.run(x).classes, torch.from_numpy(wanted).argmax(dim=1).numpy())
