#!/usr/bin/env python3
"""Writes an ONNX model of the size of a YOLOv8 nano at 640 px, with random weights: it costs what such a detector costs
and finds nothing.

    yolo_nano.py OUT.onnx       says how many parameters it has, and what a picture costs

The layers are those of the architecture's description (backbone of C2f blocks, SPPF, a neck of two ways, three heads with
distribution focal loss); the bytes of the file come from tests/infer/onnx_writer.py.
"""
import math
import random
import struct
import sys
from array import array
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "infer"))
from onnx_writer import TYPES, field, model, node, value  # noqa: E402

SIDE, CLASSES, BINS = 640, 80, 16
QUIET = -9.0  # bias of the classes: no cell is sure of anything


class Net:
    """Nodes and weights as they come; a tensor is a name with channels and side."""

    def __init__(self):
        self.nodes, self.weights, self.count = [], [], 0
        self.parameters, self.macs = 0, 0
        dice = random.Random(7)
        self.pool = array("f", (dice.gauss(0, 1) for _ in range(1 << 16)))
        self.dice = dice

    def name(self):
        self.count += 1
        return f"t{self.count}"

    def constant(self, shape, numbers, kind="f32"):
        name = self.name()
        form = {"f32": "f", "i64": "q"}[kind]
        self.weights.append(field(1, list(shape)) + field(2, TYPES[kind]) + field(8, name) +
                            field(9, struct.pack(f"<{len(numbers)}{form}", *numbers)))
        return name

    def noise(self, shape, deviation):
        size = math.prod(shape)
        at = self.dice.randrange(len(self.pool))
        numbers = [deviation * self.pool[(at + i) & 0xFFFF] for i in range(size)]
        self.parameters += size
        return self.constant(shape, numbers)

    def op(self, kind, *inputs, outputs=1, **attributes):
        names = [self.name() for _ in range(outputs)]
        self.nodes.append(node(kind, inputs, names, **attributes))
        return names[0] if outputs == 1 else names

    def conv(self, x, out, kernel, stride=1, act=True, bias=0.0):
        name, channels, side = x
        side //= stride
        fan = channels * kernel * kernel
        weight = self.noise((out, channels, kernel, kernel), math.sqrt(2 / fan))
        shift = self.constant((out,), [bias] * out)
        self.parameters += out
        self.macs += out * fan * side * side
        y = self.op("Conv", name, weight, shift, kernel_shape=[kernel, kernel], strides=[stride, stride],
                    pads=[kernel // 2] * 4)
        if act:
            y = self.op("Mul", y, self.op("Sigmoid", y))
        return y, out, side

    def concat(self, *parts):
        return self.op("Concat", *(p[0] for p in parts), axis=1), sum(p[1] for p in parts), parts[0][2]

    def c2f(self, x, out, depth, shortcut):
        half = out // 2
        y, _, side = self.conv(x, out, 1)
        a, b = self.op("Split", y, self.constant((2,), [half, half], "i64"), outputs=2, axis=1)
        parts = [(a, half, side), (b, half, side)]
        for _ in range(depth):
            z = self.conv(self.conv(parts[-1], half, 3), half, 3)
            parts.append((self.op("Add", parts[-1][0], z[0]), half, side) if shortcut else z)
        return self.conv(self.concat(*parts), out, 1)

    def sppf(self, x, out):
        parts = [self.conv(x, x[1] // 2, 1)]
        for _ in range(3):
            name, channels, side = parts[-1]
            parts.append((self.op("MaxPool", name, kernel_shape=[5, 5], strides=[1, 1], pads=[2] * 4), channels, side))
        return self.conv(self.concat(*parts), out, 1)

    def up(self, x):
        name, channels, side = x
        y = self.op("Resize", name, "", self.constant((4,), [1.0, 1.0, 2.0, 2.0]), mode="nearest",
                    nearest_mode="floor", coordinate_transformation_mode="asymmetric")
        return y, channels, side * 2

    def reshape(self, name, *shape):
        return self.op("Reshape", name, self.constant((len(shape),), shape, "i64"))

    def halves(self, name, a, b):
        return self.op("Split", name, self.constant((2,), [a, b], "i64"), outputs=2, axis=1)


def features(net):
    """Three maps, of 8, 16 and 32 px a cell."""
    x = net.conv(("images", 3, SIDE), 16, 3, 2)
    x = net.c2f(net.conv(x, 32, 3, 2), 32, 1, True)
    p3 = net.c2f(net.conv(x, 64, 3, 2), 64, 2, True)
    p4 = net.c2f(net.conv(p3, 128, 3, 2), 128, 2, True)
    p5 = net.sppf(net.c2f(net.conv(p4, 256, 3, 2), 256, 1, True), 256)
    n4 = net.c2f(net.concat(net.up(p5), p4), 128, 1, False)
    o3 = net.c2f(net.concat(net.up(n4), p3), 64, 1, False)
    o4 = net.c2f(net.concat(net.conv(o3, 64, 3, 2), n4), 128, 1, False)
    o5 = net.c2f(net.concat(net.conv(o4, 128, 3, 2), p5), 256, 1, False)
    return o3, o4, o5


def outputs(net, maps):
    """Boxes in px and scores, [1, 4 + classes, cells]."""
    flat = []
    for x in maps:
        box = net.conv(net.conv(net.conv(x, 4 * BINS, 3), 4 * BINS, 3), 4 * BINS, 1, act=False)
        score = net.conv(net.conv(net.conv(x, CLASSES, 3), CLASSES, 3), CLASSES, 1, act=False, bias=QUIET)
        joined = net.concat(box, score)
        flat.append(net.reshape(joined[0], 1, joined[1], joined[2] ** 2))
    cells = sum(x[2] ** 2 for x in maps)
    boxes, scores = net.halves(net.op("Concat", *flat, axis=2), 4 * BINS, CLASSES)
    bins = net.op("Softmax", net.op("Transpose", net.reshape(boxes, 1, 4, BINS, cells), perm=[0, 2, 1, 3]), axis=1)
    distance = net.op("Conv", bins, net.constant((1, BINS, 1, 1), [float(i) for i in range(BINS)]), kernel_shape=[1, 1])
    near, far = net.halves(net.reshape(distance, 1, 4, cells), 2, 2)
    grid = [(x + 0.5, y + 0.5, SIDE / m[2]) for m in maps for y in range(m[2]) for x in range(m[2])]
    anchors = net.constant((1, 2, cells), [g[0] for g in grid] + [g[1] for g in grid])
    low, high = net.op("Sub", anchors, near), net.op("Add", anchors, far)
    middle = net.op("Mul", net.op("Add", low, high), net.constant((1,), [0.5]))
    box = net.op("Concat", middle, net.op("Sub", high, low), axis=1)
    box = net.op("Mul", box, net.constant((1, 1, cells), [g[2] for g in grid]))
    net.nodes.append(node("Concat", [box, net.op("Sigmoid", scores)], ["output0"], axis=1))
    return cells


def main():
    net = Net()
    cells = outputs(net, features(net))
    Path(sys.argv[1]).write_bytes(model(
        net.nodes, [value("images", [1, 3, SIDE, SIDE])], [value("output0", [1, 4 + CLASSES, cells])], net.weights,
        metadata={"task": "detect", "stride": "32", "imgsz": f"[{SIDE}, {SIDE}]"}, producer="bench"))
    print(f"{net.parameters / 1e6:.2f} M parameters, {2 * net.macs / 1e9:.2f} GFLOPs")


if __name__ == "__main__":
    main()
