"""Small ONNX models written byte by byte: no package that makes them is needed."""
import struct

import numpy as np

FLOAT, UINT8, INT64 = 1, 2, 7
TYPES = {np.dtype(np.float32): FLOAT, np.dtype(np.uint8): UINT8, np.dtype(np.int64): INT64}


def varint(n):
    out = b""
    while True:
        n, low = n >> 7, n & 127
        out += bytes([low | (128 if n else 0)])
        if not n:
            return out


def number(field, n):
    return varint(field << 3) + varint(n)


def block(field, content):
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


def tensor(name, array):
    array = np.ascontiguousarray(array)
    dims = b"".join(number(1, d) for d in array.shape)
    return dims + number(2, TYPES[array.dtype]) + block(8, name) + block(9, array.tobytes())


def value(name, dtype, shape):
    dims = b"".join(block(1, number(1, d)) for d in shape)
    return block(1, name) + block(2, block(1, number(1, dtype) + block(2, dims)))


def attribute(name, of):
    if isinstance(of, float):
        return block(1, name) + varint(2 << 3 | 5) + struct.pack("<f", of) + number(20, 1)
    if isinstance(of, int):
        return block(1, name) + number(3, of) + number(20, 2)
    return block(1, name) + b"".join(number(8, i) for i in of) + number(20, 7)


def node(op, inputs, outputs, **attributes):
    return (b"".join(block(1, i) for i in inputs) + b"".join(block(2, o) for o in outputs) + block(4, op)
            + b"".join(block(5, attribute(k, v)) for k, v in attributes.items()))


def model(nodes, constants, inputs, outputs, metadata):
    """nodes: of node(); constants: {name: array}; inputs, outputs: of value(); metadata: {key: text}."""
    graph = (b"".join(block(1, n) for n in nodes) + block(2, "graph")
             + b"".join(block(5, tensor(k, v)) for k, v in constants.items())
             + b"".join(block(11, i) for i in inputs) + b"".join(block(12, o) for o in outputs))
    return (number(1, 8) + block(7, graph) + block(8, number(2, 13))
            + b"".join(block(14, block(1, k) + block(2, v)) for k, v in metadata.items()))


def constant_model(outputs, side, metadata, planar=True):
    """A model that gives these arrays whatever the picture is: nothing of it is added to them."""
    shape = [1, 3, side, side] if planar else [1, side, side, 3]
    nodes = [node("ReduceMax", ["images"], ["most"], keepdims=0), node("Mul", ["most", "zero"], ["nothing"])]
    constants = {"zero": np.zeros((), np.float32)}
    for i, array in enumerate(outputs):
        constants[f"raw{i}"] = array.astype(np.float32)
        nodes.append(node("Add", [f"raw{i}", "nothing"], [f"output{i}"]))
    return model(nodes, constants, [value("images", FLOAT, shape)],
                 [value(f"output{i}", FLOAT, a.shape) for i, a in enumerate(outputs)], metadata)
