#!/usr/bin/env python3
"""Makes the INT8 form of the default model out of its FP16 form and a table of facts, in seconds and without NNCF.

    quantise_ssd.py MODEL.xml TABLE.json OUTPUT.xml [--unjudged]

The table (models/ssd_mobilenet_v2.int8.json, made by make_int8_table.py) says between which operations activations
are rounded to 8 bits and in which range, and by how much the bias of each convolution is to be corrected. Operations
are numbered in the model's own order once its constants are folded; the table carries the type and shape of each, and
a model that does not match is refused. Weights become signed 8 bit numbers with a scale for each output channel.
A table that judge_int8.py has not accepted makes no file, unless --unjudged asks for it.
"""
import base64
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset13 as op
from openvino._offline_transformations import apply_moc_transformations, compress_quantize_weights_transformation

import int8_mark

CONVOLUTIONS = ("Convolution", "GroupConvolution")


def folded(path):
    """The model with its constants folded and its scales merged into the convolutions."""
    model = ov.Core().read_model(str(path))
    apply_moc_transformations(model, cf=True)
    return model


def operations(model):
    """What computes, in the model's own order: the numbers of the table count these."""
    constant = ("Constant", "FakeQuantize", "Convert")
    return [node for node in model.get_ordered_ops()
            if node.get_type_name() not in constant and not is_weights(node)]


def is_weights(node):
    """A reshape or scale on the way from a constant to a convolution."""
    while node.get_type_name() in ("Reshape", "Convert", "Multiply", "FakeQuantize") and node.get_input_size():
        node = node.input_value(0).get_node()
    return node.get_type_name() == "Constant"


def signature(nodes):
    """One sum over types and shapes: another model, or another order, has another."""
    text = " ".join(f"{node.get_type_name()}{list(node.get_output_shape(0))}" for node in nodes if node.get_output_size())
    return hashlib.sha256(text.encode()).hexdigest()


def weights_of(convolution):
    """The constant below a convolution's second input."""
    node = convolution.input_value(1).get_node()
    while node.get_type_name() != "Constant":
        node = node.input_value(0).get_node()
    return node


def constant(value):
    return op.constant(np.asarray(value, np.float32))


def largest_weights(convolution):
    """The largest absolute weight of each output channel, in the shape that spreads over the constant."""
    values = np.abs(weights_of(convolution).get_data().astype(np.float32))
    shape = convolution.input_value(1).get_node().get_output_shape(0)
    channels = 2 if convolution.get_type_name() == "GroupConvolution" and len(shape) == values.ndim else 1
    return np.maximum(values.max(axis=tuple(range(channels, values.ndim)), keepdims=True), 1e-9)


def round_weights(convolution, scale):
    """`scale` widens the range of the first layer, whose sums could overflow 16 bits on processors without VNNI."""
    weights = weights_of(convolution)
    users = list(weights.output(0).get_target_inputs())
    most = largest_weights(convolution) * scale
    rounded = op.fake_quantize(weights, constant(-most), constant(most), constant(-most), constant(most), 255)
    for user in users:
        user.replace_source_output(rounded.output(0))


def round_activation(nodes, row):
    """Puts the rounding between a producer and those of its consumers that the row names."""
    zero, high = np.asarray(row["zero"], np.float64), np.asarray(row["high"])
    low, shape = -high * zero / (255 - zero), [1, -1, 1, 1] if len(high) > 1 else []
    low, high = constant(low.reshape(shape)), constant(high.reshape(shape))
    rounded = op.fake_quantize(nodes[row["producer"]].output(0), low, high, low, high, 256)
    for number, port in row["consumers"]:
        nodes[number].input(port).replace_source_output(rounded.output(0))


def correct_bias(node, row):
    """`node` adds the bias of a convolution."""
    steps = np.frombuffer(base64.b64decode(row["steps"]), np.int8).astype(np.float32)
    port = 1 if node.input_value(1).get_node().get_type_name() == "Constant" else 0
    bias = node.input_value(port).get_node().get_data().astype(np.float32)
    corrected = constant(bias + (steps * np.float32(row["step"])).reshape(bias.shape))
    node.input(port).replace_source_output(corrected.output(0))


def quantise(model, table):
    nodes = operations(model)
    if signature(nodes) != table["signature"]:
        raise SystemExit("the INT8 table was made for another form of this model; make_int8_table.py makes it anew")
    for row in table["biases"]:
        correct_bias(nodes[row["add"]], row)
    convolutions = [node for node in nodes if node.get_type_name() in CONVOLUTIONS]
    for convolution, scale in zip(convolutions, table["weight_scales"]):
        round_weights(convolution, scale)
    for row in table["activations"]:
        round_activation(nodes, row)
    compress_quantize_weights_transformation(model)
    model.validate_nodes_and_infer_types()


def main():
    source, table, output = (Path(word) for word in sys.argv[1:4])
    facts = json.loads(table.read_text())
    if not facts["accepted"] and "--unjudged" not in sys.argv:
        raise SystemExit("the INT8 table has not been accepted by judge_int8.py")
    model = folded(source)
    quantise(model, facts)
    model.set_rt_info("int8", ["model_info", "fovea_precision"])
    model.set_rt_info(int8_mark.mark(source), ["model_info", int8_mark.KEY])
    ov.save_model(model, str(output), compress_to_fp16=True)


if __name__ == "__main__":
    main()
