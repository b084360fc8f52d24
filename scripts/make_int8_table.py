#!/usr/bin/env python3
"""Makes the table of facts for the default model's INT8 form, once, with NNCF: no part of set-up.

    make_int8_table.py MODEL.xml PICTURES_FOLDER TABLE.json

Needs openvino, nncf, numpy and opencv-python-headless. PICTURES_FOLDER holds pictures of the kind the model will see
(val2017 without labels was used); each is shown as it is and mirrored. The table goes to models/, is read by
quantise_ssd.py, and is accepted or not by judge_int8.py, which must run before it is committed.
"""
import base64
import json
import sys
from pathlib import Path

import cv2
import nncf
import numpy as np
import openvino as ov

import quantise_ssd as ssd

PICTURES_MAX = 200


def tensors(folder):
    """The model's input for each picture and its mirror image."""
    for path in sorted(Path(folder).glob("*.jpg"))[:PICTURES_MAX]:
        picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        stretched = cv2.resize(picture, (300, 300), interpolation=cv2.INTER_LINEAR)
        yield np.ascontiguousarray(stretched)[None]
        yield np.ascontiguousarray(stretched[:, ::-1])[None]


def feeds_convolution(node, known):
    name = node.get_friendly_name()
    if name not in known:
        users = [user.get_node() for out in node.outputs() for user in out.get_target_inputs()]
        known[name] = any(user.get_type_name() in ssd.CONVOLUTIONS or feeds_convolution(user, known) for user in users)
    return known[name]


def behind_the_network(model):
    """Box decoding and sigmoid: 256 steps over the whole picture would be a coordinate's end."""
    known = {}
    return [node.get_friendly_name() for node in model.get_ordered_ops()
            if node.get_type_name() not in ("Constant", "Result", "Convolution") and not feeds_convolution(node, known)]


def calibrated(model, folder):
    pictures = list(tensors(folder))
    scope = nncf.IgnoredScope(names=behind_the_network(model))
    return nncf.quantize(model, nncf.Dataset(pictures), preset=nncf.QuantizationPreset.MIXED,
                         subset_size=len(pictures), ignored_scope=scope), len(pictures)


def numbers(node):
    return [float(np.float32(value)) for value in node.get_data().astype(np.float32).reshape(-1)]


def as_range(low, high):
    """The step that stands for zero, and the upper end; the lower end follows, and zero stays exact."""
    zero = np.rint(-np.asarray(low) / (np.asarray(high) - np.asarray(low)) * 255).astype(int)
    return {"zero": sorted(set(zero.tolist())) if len(set(zero.tolist())) == 1 else zero.tolist(),
            "high": [float(f"{value:.4g}") for value in high]}


def activations(made, number_of):
    """A row for each rounding of activations, in terms of the float model's operations."""
    for node in made.get_ordered_ops():
        if node.get_type_name() != "FakeQuantize" or ssd.is_weights(node):
            continue
        producer = node.input_value(0).get_node().get_friendly_name()
        users = node.output(0).get_target_inputs()
        yield {"producer": number_of[producer],
               "consumers": sorted([number_of[user.get_node().get_friendly_name()], user.get_index()] for user in users),
               **as_range(numbers(node.input_value(1).get_node()), numbers(node.input_value(2).get_node()))}


def bias_of(node):
    """The constant that an addition adds, or None."""
    for port in (1, 0):
        source = node.input_value(port).get_node()
        while source.get_type_name() == "Convert":
            source = source.input_value(0).get_node()
        if source.get_type_name() == "Constant":
            return source.get_data().astype(np.float64).reshape(-1)
    return None


def biases(before, after):
    """A row for each addition whose constant NNCF moved; steps of 1/127 of the largest correction are exact enough."""
    for number, (old, new) in enumerate(zip(before, after)):
        if old.get_type_name() != "Add" or bias_of(old) is None or np.array_equal(bias_of(old), bias_of(new)):
            continue
        moved = bias_of(new) - bias_of(old)
        step = float(f"{np.abs(moved).max() / 127:.6g}")
        steps = np.clip(np.rint(moved / step), -127, 127).astype(np.int8)
        yield {"add": number, "step": step, "steps": base64.b64encode(steps.tobytes()).decode()}


def weight_scales(before, after):
    """How much wider than the largest weight NNCF made the range of each convolution: 1, or about 2 for the first."""
    for old, new in zip(before, after):
        if old.get_type_name() not in ssd.CONVOLUTIONS:
            continue
        node = new.input_value(1).get_node()
        while node.get_type_name() not in ("FakeQuantize", "Multiply"):
            node = node.input_value(0).get_node()
        range_or_scale = node.input_value(2 if node.get_type_name() == "FakeQuantize" else 1).get_node()
        value = np.abs(np.asarray(numbers(range_or_scale)))
        largest = ssd.largest_weights(old).reshape(-1) / (1 if node.get_type_name() == "FakeQuantize" else 127)
        yield float(f"{np.median(value / largest):.4g}")


def main():
    source, folder, output = sys.argv[1:4]
    model = ssd.folded(source)
    before = ssd.operations(model)
    made, count = calibrated(model, folder)
    number_of = {node.get_friendly_name(): i for i, node in enumerate(before)}
    after = {node.get_friendly_name(): node for node in made.get_ops()}
    matched = [after[node.get_friendly_name()] for node in before]
    table = {"about": "INT8 facts of ssd_mobilenet_v2, made by scripts/make_int8_table.py; read by quantise_ssd.py",
             "made_with": f"NNCF {nncf.__version__}, OpenVINO {ov.get_version()}, mixed preset, fast bias correction",
             "pictures": count, "accepted": False, "signature": ssd.signature(before),
             "weight_scales": list(weight_scales(before, matched)),
             "activations": list(activations(made, number_of)), "biases": list(biases(before, matched))}
    Path(output).write_text(json.dumps(table, separators=(",", ":")).replace('{"producer"', '\n{"producer"')
                            .replace('{"add"', '\n{"add"') + "\n")


if __name__ == "__main__":
    main()
