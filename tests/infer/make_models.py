#!/usr/bin/env python3
"""Writes small ONNX models for the tests of the backends, byte by byte: no package is needed.

    make_models.py FOLDER

The convolution of most of them is conv3x3 in tests/infer/backend_test.h, where it is computed again without any
runtime. Field numbers are those of onnx.proto.
"""
import struct
import sys
from pathlib import Path

from onnx_writer import field

FLOAT, UINT8, INT8, INT32, INT64, BOOL, FLOAT16, DOUBLE = 1, 2, 3, 6, 7, 9, 10, 11
OPSET = 13


def port(name, kind, shape):
    """ValueInfoProto; a dimension is a number, a name, or None for one that is open and has no name."""
    dims = [b"" if d is None else field(1, d) if isinstance(d, int) else field(2, d) for d in shape]
    tensor = field(1, kind) + field(2, b"".join(field(1, d) for d in dims))
    return field(1, name) + field(2, field(1, tensor))


def ints(name, values):
    return field(1, name) + b"".join(field(8, v) for v in values) + field(20, 7)


def integer(name, value):
    return field(1, name) + field(3, value) + field(20, 2)


def node(op, inputs, outputs, attributes=(), domain=None):
    return (b"".join(field(1, i) for i in inputs) + b"".join(field(2, o) for o in outputs) + field(4, op)
            + b"".join(field(5, a) for a in attributes) + (field(7, domain) if domain else b""))


def weights(name, shape, values):
    return b"".join(field(1, d) for d in shape) + field(2, FLOAT) + field(8, name) + field(
        9, struct.pack(f"<{len(values)}f", *values))


def outside(name, shape, location):
    """Weights that lie in another file."""
    entry = field(1, "location") + field(2, location)
    return b"".join(field(1, d) for d in shape) + field(2, FLOAT) + field(8, name) + field(13, entry) + field(14, 1)


def model(nodes, inputs, outputs, initializers=(), ir=8, domains=()):
    graph = (b"".join(field(1, n) for n in nodes) + field(2, "test") + b"".join(field(5, i) for i in initializers)
             + b"".join(field(11, p) for p in inputs) + b"".join(field(12, p) for p in outputs))
    opsets = [field(2, OPSET)] + [field(1, d) + field(2, 1) for d in domains]
    return field(1, ir) + field(7, graph) + b"".join(field(8, o) for o in opsets)


def kernel():
    """4 filters of 3 channels and 3x3."""
    return [(i * 5 % 7 - 3) / 4 for i in range(4 * 3 * 9)]


def convolution(inside="images", outside_name="y"):
    return [node("Conv", [inside, "w"], ["c"], [ints("pads", [1, 1, 1, 1]), ints("kernel_shape", [3, 3])]),
            node("Relu", ["c"], [outside_name])]


def conv(shape, out_shape, initializer=None):
    return model(convolution(), [port("images", FLOAT, shape)], [port("y", FLOAT, out_shape)],
                 [initializer or weights("w", [4, 3, 3, 3], kernel())])


def found():
    """Where the convolution is positive: a list whose length depends on the picture, before an output that is known."""
    nodes = convolution() + [node("Cast", ["y"], ["b"], [integer("to", BOOL)]), node("NonZero", ["b"], ["where"])]
    return model(nodes, [port("images", FLOAT, [1, 3, 8, 6])],
                 [port("where", INT64, [4, "count"]), port("y", FLOAT, [1, 4, 8, 6])],
                 [weights("w", [4, 3, 3, 3], kernel())])


def kinds():
    """One input as every type that is read."""
    wanted = {"as_i8": INT8, "as_f16": FLOAT16, "as_f32": FLOAT, "as_i32": INT32, "as_i64": INT64}
    nodes = [node("Cast", ["x"], [name], [integer("to", kind)]) for name, kind in wanted.items()]
    return model(nodes, [port("x", UINT8, [1, 8])], [port(name, kind, [1, 8]) for name, kind in wanted.items()])


def cast(kind):
    return model([node("Cast", ["x"], ["y"], [integer("to", kind)])], [port("x", FLOAT, [1, 8])], [port("y", kind, [1, 8])])


def with_sizes():
    """A picture and the sizes of the originals, as the DETR family takes them."""
    nodes = convolution() + [node("Cast", ["orig_target_sizes"], ["s"], [integer("to", FLOAT)])]
    return model(nodes, [port("images", FLOAT, ["N", 3, "h", "w_"]), port("orig_target_sizes", INT64, ["N", 2])],
                 [port("y", FLOAT, ["N", 4, "h", "w_"]), port("s", FLOAT, ["N", 2])],
                 [weights("w", [4, 3, 3, 3], kernel())])


def custom():
    return model([node("Frobnicate", ["x"], ["y"], domain="test.example")], [port("x", FLOAT, [1, 8])],
                 [port("y", FLOAT, [1, 8])], domains=["test.example"])


def main():
    folder = Path(sys.argv[1])
    files = {
        "conv": conv([1, 3, 8, 6], [1, 4, 8, 6]),
        "conv_large": conv([1, 3, 480, 480], [1, 4, 480, 480]),
        "open": conv(["batch", 3, "height", "width"], ["batch", 4, "height", "width"]),
        "unnamed": conv([None, 3, None, None], [None, 4, None, None]),
        "square": conv([1, 3, "side", "side"], [1, 4, "side", "side"]),
        "huge": conv([1, 3, 1 << 20, 1 << 20], [1, 4, 1 << 20, 1 << 20]),
        "external": conv([1, 3, 8, 6], [1, 4, 8, 6], outside("w", [4, 3, 3, 3], "weights.bin")),
        "external_absolute": conv([1, 3, 8, 6], [1, 4, 8, 6], outside("w", [4, 3, 3, 3], str(folder.resolve() / "weights.bin"))),
        "external_above": conv([1, 3, 8, 6], [1, 4, 8, 6], outside("w", [4, 3, 3, 3], f"..{folder.resolve()}/weights.bin")),
        "found": found(), "kinds": kinds(), "double": cast(DOUBLE), "bool": cast(BOOL), "with_sizes": with_sizes(),
        "custom": custom(),
        "newer": model(convolution(), [port("images", FLOAT, [1, 3, 8, 6])], [port("y", FLOAT, [1, 4, 8, 6])],
                       [weights("w", [4, 3, 3, 3], kernel())], ir=99),
    }
    for name, data in files.items():
        (folder / f"{name}.onnx").write_bytes(data)
    (folder / "weights.bin").write_bytes(struct.pack("<108f", *kernel()))


if __name__ == "__main__":
    main()
