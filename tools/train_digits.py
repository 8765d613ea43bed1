#!/usr/bin/python3
"""Trains the small digits network of tests/data/digits and writes that folder.

    tools/train_digits.py [--out tests/data/digits] [--seed 1] [--epochs 120] [--validate]

Offline: the data come with python3-sklearn. Needs python3-numpy, -sklearn, -torch and -onnx. The
files it makes are in the repository, so that nobody needs to run this to build or test. --validate
holds 300 of the training images back, reports the accuracy on them and writes nothing: choices about
the network are made on those, never on the held-out part."""
import argparse
import hashlib
import io
import os
import warnings

import numpy as np
import onnx
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional as F

HELD_OUT = 500
CALIBRATION = 256
SCALE = 1 / 16


class Digits(nn.Module):
    """Stem, one residual block with a strided 1x1 shortcut, 2x2 average pooling, classifier."""

    def __init__(self, narrow=8, wide=16):
        super().__init__()
        self.stem = nn.Conv2d(1, narrow, 3, padding=1, bias=False)
        self.stem_bn = nn.BatchNorm2d(narrow)
        self.conv1 = nn.Conv2d(narrow, wide, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(wide)
        self.conv2 = nn.Conv2d(wide, wide, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(wide)
        self.shortcut = nn.Conv2d(narrow, wide, 1, stride=2, bias=False)
        self.shortcut_bn = nn.BatchNorm2d(wide)
        self.pool = nn.AvgPool2d(2, count_include_pad=False)  # or the exporter adds an empty Pad
        self.classify = nn.Linear(wide * 4, 10)

    def forward(self, x):
        x = F.relu(self.stem_bn(self.stem(x)))
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        x = F.relu(y + self.shortcut_bn(self.shortcut(x)))
        return self.classify(torch.flatten(self.pool(x), 1))


def as_input(images):
    return torch.from_numpy(images.astype(np.float32) * np.float32(SCALE))


def shifted(x, generator):
    """Every image moved by -1, 0 or 1 pixel in each direction, blank pixels moving in."""
    padded = F.pad(x, (1, 1, 1, 1))
    dy, dx = torch.randint(0, 3, (2, len(x), 1, 1), generator=generator)
    rows, columns = dy + torch.arange(8).view(1, 8, 1), dx + torch.arange(8).view(1, 1, 8)
    return padded[torch.arange(len(x)).view(-1, 1, 1), 0, rows, columns].unsqueeze(1)


def train(model, images, labels, epochs, batch, seed):
    generator = torch.Generator().manual_seed(seed)
    x, y = as_input(images), torch.from_numpy(labels)
    steps = epochs * (len(x) // batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=steps)
    model.train()
    for _ in range(epochs):
        order = torch.randperm(len(x), generator=generator)
        for start in range(0, len(x) - batch + 1, batch):
            pick = order[start:start + batch]
            loss = F.cross_entropy(model(shifted(x[pick], generator)), y[pick],
                                   label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    model.eval()


def logits_of(model, images):
    with torch.no_grad():
        return model(as_input(images)).numpy()


def name_every_initializer(graph):
    """The exporter merges parameters of equal value (the two biases that are added to each other
    stay equal) and reads the second one through an Identity; here each has its own again."""
    values = {tensor.name: tensor for tensor in graph.initializer}
    for node in [n for n in graph.node if n.op_type == "Identity" and n.input[0] in values]:
        copy = graph.initializer.add()
        copy.CopyFrom(values[node.input[0]])
        copy.name = node.output[0]
        graph.node.remove(node)


def export(model, path):
    """ONNX with its BatchNormalization nodes, and nothing in it about where it was made."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, torch.zeros(1, 1, 8, 8), buffer, opset_version=13,
                          training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=True,
                          input_names=["image"], output_names=["logits"],
                          dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}})
    proto = onnx.load_from_string(buffer.getvalue())
    name_every_initializer(proto.graph)
    proto.graph.name = "digits"
    proto.doc_string = proto.graph.doc_string = ""
    for node in proto.graph.node:
        node.doc_string = ""
    onnx.checker.check_model(proto, full_check=True)
    kinds = [node.op_type for node in proto.graph.node]
    if kinds.count("BatchNormalization") != 4:
        raise SystemExit(f"the exporter fused BatchNormalization: {kinds}")
    onnx.save(proto, path)
    return kinds


README = """# Handwritten digits, the embedded example

A trained network, held-out images and calibration images, small enough to live in the repository.

| file | content |
|---|---|
| `model.onnx` | the network, opset {opset}, BatchNormalization kept, dynamic batch axis `batch` |
| `test_images.npy` | {test} held-out images, uint8 {test} x 1 x 8 x 8, values 0..16 |
| `test_labels.npy` | their digits, int64 |
| `calib_images.npy` | {calib} of the training images, uint8 {calib} x 1 x 8 x 8 |
| `calib_labels.npy` | their digits, int64 |
| `ann_logits.npy` | the network's outputs for `test_images.npy`, float32 {test} x 10, from PyTorch |

## Source, licence, attribution

The images are the 1,797 of `sklearn.datasets.load_digits`, which are the test part of

> E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
> Repository, 1998, https://doi.org/10.24432/C50P49

licensed under the Creative Commons Attribution 4.0 International licence (CC BY 4.0,
https://creativecommons.org/licenses/by/4.0/). Changed: split in two parts, stored as uint8 `.npy`.

The split is random, stratified by digit (seed {seed}): {train:,} images to train, {test} held out.
The data do not say who wrote which digit, so one writer's digits may be in both parts.

## Preprocessing

    x = pixel * {scale}        (scale 1/16, mean 0, std 1)

## Network

{nodes} nodes, {parameters:,} parameters (BatchNormalization statistics not counted), {macs:,}
multiply-accumulates for one image:

    conv 3x3, 1 -> 8, 8x8      bn  relu
    conv 3x3, 8 -> 16, /2, 4x4 bn  relu        shortcut: conv 1x1, 8 -> 16, /2, 4x4  bn
    conv 3x3, 16 -> 16, 4x4    bn  + shortcut  relu
    average pooling 2x2, 16 x 2 x 2
    linear, 64 -> 10

## Measured

{right} of {test} held-out images right: **{accuracy:.2f} %** ({train_accuracy:.2f} % of the training
images). Trained for {epochs} epochs with shifts of up to one pixel. The held-out part chose
nothing, neither the network nor when to stop.

## Made by

    /usr/bin/python3 tools/train_digits.py --seed {seed} --epochs {epochs}

with PyTorch {torch}, scikit-learn {sklearn}, onnx {onnx}, numpy {numpy} on one thread.
`model.onnx` then has SHA-256
`{digest}`;
other versions may round differently.
"""


def macs_of(narrow=8, wide=16):
    return (64 * 9 * narrow + 16 * 9 * narrow * wide + 16 * 9 * wide * wide + 16 * narrow * wide
            + 4 * wide * 10)


def write(model, folder, data, options):
    train_x, train_y, test_x, test_y = data
    calib_x, _, calib_y, _ = train_test_split(train_x, train_y, train_size=CALIBRATION,
                                              stratify=train_y, random_state=options.seed)
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "model.onnx")
    kinds = export(model, path)
    logits = logits_of(model, test_x)
    arrays = {"test_images": test_x, "test_labels": test_y, "calib_images": calib_x,
              "calib_labels": calib_y, "ann_logits": logits}
    for name, array in arrays.items():
        np.save(os.path.join(folder, name + ".npy"), np.ascontiguousarray(array))

    import sklearn
    right = int((logits.argmax(1) == test_y).sum())
    with open(path, "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    text = README.format(
        opset=13, test=len(test_x), calib=CALIBRATION, train=len(train_x), seed=options.seed,
        epochs=options.epochs, scale=SCALE, nodes=len(kinds), macs=macs_of(),
        parameters=sum(p.numel() for p in model.parameters()), right=right,
        accuracy=100 * right / len(test_x),
        train_accuracy=100 * float((logits_of(model, train_x).argmax(1) == train_y).mean()),
        torch=torch.__version__, sklearn=sklearn.__version__, onnx=onnx.__version__,
        numpy=np.__version__, digest=digest)
    with open(os.path.join(folder, "README.md"), "w", encoding="utf-8") as f:
        f.write(text)
    print(f"{folder}: {right} of {len(test_x)} held-out images right, nodes {' '.join(kinds)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", default="tests/data/digits")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=120)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--validate", action="store_true",
                        help="report accuracy on 300 training images held back; write nothing")
    options = parser.parse_args()

    # One thread and deterministic kernels: the same file again from the same versions.
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(options.seed)

    digits = load_digits()
    images, labels = digits.images.astype(np.uint8)[:, None], digits.target.astype(np.int64)
    train_x, test_x, train_y, test_y = train_test_split(
        images, labels, test_size=HELD_OUT, stratify=labels, random_state=options.seed)
    model = Digits()
    if options.validate:
        fit_x, check_x, fit_y, check_y = train_test_split(
            train_x, train_y, test_size=300, stratify=train_y, random_state=options.seed)
        train(model, fit_x, fit_y, options.epochs, options.batch, options.seed)
        right = int((logits_of(model, check_x).argmax(1) == check_y).sum())
        print(f"validation: {right} of {len(check_x)} right")
        return
    train(model, train_x, train_y, options.epochs, options.batch, options.seed)
    write(model, options.out, (train_x, train_y, test_x, test_y), options)


if __name__ == "__main__":
    main()
