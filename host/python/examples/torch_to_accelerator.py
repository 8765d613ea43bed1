"""From a network of PyTorch to a simulated accelerator, in 20 lines."""

import pathlib
import sys

import numpy as np

try:
    import torch
    from torch import nn
except ImportError:
    print("skip: torch is not installed")
    sys.exit(77)

import adafire

digits = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/data/digits")
images = torch.from_numpy(np.load(digits / "test_images.npy")).float()
labels = torch.from_numpy(np.load(digits / "test_labels.npy")).long()

torch.manual_seed(0)
first = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.AvgPool2d(2))
second = nn.Sequential(nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.Flatten())
net = nn.Sequential(first, second, nn.Linear(512, 10))
optimizer = torch.optim.Adam(net.parameters(), 0.01)
for _ in range(60):
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(images[:400] / 16), labels[:400]).backward()
    optimizer.step()

model = adafire.convert(net, images[:256], example=images[:1] / 16, scale="1/16", timesteps=4, signed="off")
with adafire.Device(model, "csim") as device:  # "sim" where `make sim-sim` made it, "u250" with a card
    result = device.run(images[400:], labels=labels[400:])
print(f"{result.accuracy:.1%} after {result.timesteps.mean():.2f} timesteps on {result.board}")
assert np.array_equal(result.outputs, model.run(images[400:]).outputs)  # the same on every board
