"""Writes small ONNX files from plain Python: protobuf is a few bytes a field, so no library is needed.

    model(nodes=[node("Relu", ["x"], ["y"])], inputs=[value("x", [1, 3, "h", "w"])], outputs=[value("y", None)])

Field numbers are those of onnx.proto, as the ONNX project publishes it.
"""
import struct

TYPES = {"f32": 1, "u8": 2, "i8": 3, "i32": 6, "i64": 7, "string": 8, "bool": 9, "f16": 10}
NUMPY = {"float32": "f32", "uint8": "u8", "int8": "i8", "int32": "i32", "int64": "i64", "float16": "f16"}


def varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, value):
    """An int becomes a varint, text and bytes a field with a length, a float 4 bytes, a list several fields."""
    if isinstance(value, (list, tuple)):
        return b"".join(field(number, item) for item in value)
    if isinstance(value, bool) or isinstance(value, int):
        return varint(number << 3) + varint(int(value))
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def tensor(name, array):
    """A weight out of a numpy array."""
    return field(1, list(array.shape)) + field(2, TYPES[NUMPY[str(array.dtype)]]) + field(8, name) + field(9, array.tobytes())


def external_tensor(name, shape, location):
    """A weight whose numbers lie in another file."""
    return (field(1, list(shape)) + field(2, 1) + field(8, name) + field(13, field(1, "location") + field(2, location)) +
            field(14, 1))


def value(name, shape, kind="f32"):
    """An input or output; None: no shape; a dimension that is text: open."""
    dims = b"" if shape is None else field(2, b"".join(
        field(1, field(2, d) if isinstance(d, str) else field(1, d)) for d in shape))
    return field(1, name) + field(2, field(1, field(1, TYPES[kind]) + dims))


def attribute(name, what):
    if isinstance(what, bytes):  # a graph or a tensor, written by the functions above
        return field(1, name) + field(5, what) + field(20, 4)
    if isinstance(what, str):
        return field(1, name) + field(4, what) + field(20, 3)
    if isinstance(what, float):
        return field(1, name) + field(2, what) + field(20, 1)
    if isinstance(what, int):
        return field(1, name) + field(3, what) + field(20, 2)
    if isinstance(what[0], float):
        return field(1, name) + field(7, list(what)) + field(20, 6)
    return field(1, name) + field(8, list(what)) + field(20, 7)


def node(op, inputs, outputs, domain="", **attributes):
    return (field(1, list(inputs)) + field(2, list(outputs)) + field(4, op) +
            b"".join(field(5, attribute(name, what)) for name, what in attributes.items()) +
            (field(7, domain) if domain else b""))


def graph(nodes, inputs, outputs, weights=()):
    return (field(1, list(nodes)) + field(2, "graph") + field(5, list(weights)) + field(11, list(inputs)) +
            field(12, list(outputs)))


def model(nodes, inputs, outputs, weights=(), metadata=None, opset=13, domains=(), functions=(), ir=8, producer="test"):
    """The bytes of a whole file."""
    return (field(1, ir) + field(2, producer) + field(7, graph(nodes, inputs, outputs, weights)) +
            field(8, field(1, "") + field(2, opset)) +
            b"".join(field(8, field(1, domain) + field(2, 1)) for domain in domains) +
            b"".join(field(14, field(1, key) + field(2, text)) for key, text in (metadata or {}).items()) +
            b"".join(field(25, field(1, name) + field(10, domain)) for domain, name in functions))
