"""A detector: its boxes, how good they are, and drawn into a picture (found.png)."""

import pathlib
import struct
import zlib

import numpy as np

import adafire
from adafire._onnx import Graph


def network():
    """Finds bright squares of 4 x 4: one map of their middles, offsets and sizes, as centre heads have."""
    graph = Graph("squares", ["n", 1, 32, 32])
    square = np.full((1, 1, 4, 4), 1 / 16, np.float32)
    near = graph.node("Conv", ["input", graph.constant(square), graph.constant(np.float32([-0.8]))], pads=[1, 1, 2, 2])
    bright = graph.node("Relu", [near])
    head = np.zeros((5, 1, 1, 1), np.float32)
    head[0] = 60  # a score, of which a sigmoid is taken
    bias = np.float32([-6, 0, 0, 0, 0])
    graph.output(graph.node("Conv", [bright, graph.constant(head), graph.constant(bias)]), ["n", 5, 32, 32])
    return graph.bytes()


def pictures(n, random):
    """Noise with bright squares, and where they are: class, x1, y1, x2, y2."""
    images, truth = random.integers(0, 60, (n, 1, 32, 32)).astype(np.uint8), []
    for image in images:
        boxes = []
        for qy in (0, 16):
            for qx in (0, 16):
                x, y = qx + random.integers(2, 10), qy + random.integers(2, 10)
                image[0, y : y + 4, x : x + 4] = 255
                boxes.append((0, x, y, x + 4, y + 4))
        truth.append(np.array(boxes, np.float32))
    return images, truth


def write_png(path, pixels):
    """uint8 [H,W,3]; http://www.libpng.org/pub/png/spec/1.2/ """

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    pathlib.Path(path).write_bytes(png)


images, truth = pictures(40, np.random.default_rng(0))
model = adafire.convert(network(), images[:32], scale="1/255", task="detect stride 1 size 4 threshold 0.5")
result = model.run(images[32:])
found = result.boxes()
print(f"{sum(map(len, found))} boxes in {len(found)} pictures, mAP@0.5 {result.score(truth[32:]).mean:.3f}")

zoom = 8
canvas = np.repeat(np.repeat(images[32, 0], zoom, 0), zoom, 1)
canvas = np.stack([canvas] * 3, axis=2)
for box in found[0]:
    x1, y1, x2, y2 = (int(np.clip(box[n] * zoom, 0, 32 * zoom - 1)) for n in ("x1", "y1", "x2", "y2"))
    canvas[[y1, y2], x1:x2] = (217, 72, 15)
    canvas[y1:y2, [x1, x2]] = (217, 72, 15)
write_png("found.png", canvas)
