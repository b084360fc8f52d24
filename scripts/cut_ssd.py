#!/usr/bin/env python3
"""Cuts SSD MobileNetV2 COCO out of Google's frozen graph into a form that starts in 0.3 s instead of 13 s.

    cut_ssd.py frozen_inference_graph.pb LABELS.txt OUTPUT_FOLDER

LABELS.txt holds the 80 COCO names in order. OUTPUT_FOLDER receives model.xml + model.bin (OpenVINO IR, weights
in FP16), labels.txt and card.json. Resize loop and postprocessor are left behind; anchors, box decode and the
sigmoid are folded into the graph. What a reader needs to know stands in the xml:

    input   `image`   u8  [1,300,300,3]   RGB, 0..255, the whole picture stretched to 300 x 300
    output  `boxes`   f32 [1,1917,4]      y0 x0 y1 x1, 0..1 of the picture, may reach a little outside
    output  `scores`  f32 [1,1917,91]     probabilities; column 0 is background, columns 1..90 are COCO ids
    rt_info/model_info (keys as OpenVINO's model_api names them):
        model_type              ssd
        labels                  91 words, one a column; spaces written `_`; `background` first, `-` for an id
                                that COCO never used. Dropping both leaves the 80 classes in order.
        resize_type             standard       (stretch)
        reverse_input_channels  True           (model_api's word for: the input is RGB)
        fovea_box_order         y0x0y1x1
        fovea_box_space         normalized
        fovea_scores            sigmoid        (already applied)
        fovea_background        0              (the column)
        fovea_source_sha256     sum of the frozen graph
"""
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset13 as op

FIRST_CONV = "Convolution_470"
RAW_BOXES = "Squeeze"
RAW_SCORES = "concat_1"
ANCHORS = "Concatenate/concat"
COCO_UNUSED_IDS = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
ANCHOR_STEP = 2.0**-20


def evaluate(model, output):
    """The value of a node that does not depend on the picture."""
    part = ov.Model([op.result(output)], model.get_parameters(), "part")
    part.reshape([1, 300, 300, 3])
    compiled = ov.Core().compile_model(part, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled([np.zeros((1, 300, 300, 3), np.uint8)])[0].astype(np.float64)


def exact(values):
    """A constant that FP16 compression cannot touch: whole numbers, scaled when the model is loaded."""
    whole = op.constant(np.round(values / ANCHOR_STEP).astype(np.int32))
    return op.multiply(op.convert(whole, "f32"), np.float32(ANCHOR_STEP))


def picture_input(conv):
    """Puts a u8 NHWC parameter where the graph's own preprocessing fed the first convolution (-1..1, NCHW)."""
    image = op.parameter([1, 300, 300, 3], np.uint8, "image")
    image.output(0).set_names({"image"})
    # 127.5 is exact in FP16, 2/255 would not be
    centred = op.divide(op.subtract(op.convert(image, "f32"), np.float32(127.5)), np.float32(127.5))
    conv.input(0).replace_source_output(op.transpose(centred, np.array([0, 3, 1, 2])).output(0))
    return image


def decode(raw_boxes, anchors):
    """Corner boxes from the offsets (ty/10, tx/10, exp(th/5), exp(tw/5)) to the anchors' centres and sizes."""
    low, high = anchors[:, :2], anchors[:, 2:]
    centre, size = exact(((low + high) / 2)[None]), exact((high - low)[None])
    offsets = op.split(raw_boxes, np.int64(2), 2)
    middle = op.add(op.multiply(op.divide(offsets.output(0), np.float32(10)), size), centre)
    half = op.multiply(op.multiply(op.exp(op.divide(offsets.output(1), np.float32(5))), size), np.float32(0.5))
    return op.concat([op.subtract(middle, half), op.add(middle, half)], 2)


def named_result(node, name):
    result = op.result(node.output(0))
    result.set_friendly_name(name)
    result.output(0).set_names({name})
    return result


def column_labels(names):
    """One word for each of the 91 columns."""
    remaining = iter(names)
    words = ["-" if i in COCO_UNUSED_IDS else next(remaining).replace(" ", "_") for i in range(1, 91)]
    return ["background"] + words


def cut(model):
    """A model from u8 picture to decoded boxes and probabilities."""
    nodes = {node.get_friendly_name(): node for node in model.get_ordered_ops()}
    anchors = evaluate(model, nodes[ANCHORS].output(0))
    image = picture_input(nodes[FIRST_CONV])
    boxes = decode(nodes[RAW_BOXES].output(0), anchors)
    scores = op.sigmoid(nodes[RAW_SCORES].output(0))
    made = ov.Model([named_result(boxes, "boxes"), named_result(scores, "scores")], [image], "ssd_mobilenet_v2_coco")
    made.validate_nodes_and_infer_types()
    return made


def describe(model, names, source_sha256):
    info = {"model_type": "ssd", "labels": " ".join(column_labels(names)), "resize_type": "standard",
            "reverse_input_channels": "True", "fovea_box_order": "y0x0y1x1", "fovea_box_space": "normalized",
            "fovea_scores": "sigmoid", "fovea_background": "0", "fovea_source_sha256": source_sha256}
    for key, value in info.items():
        model.set_rt_info(value, ["model_info", key])


def card(source_sha256):
    return {"name": "ssd_mobilenet_v2", "title": "SSD MobileNetV2, COCO 2018-03-29", "licence": "Apache-2.0",
            "origin": "http://download.tensorflow.org/models/object_detection/ssd_mobilenet_v2_coco_2018_03_29.tar.gz",
            "source_sha256": source_sha256, "head": "ssd", "input": "u8 [1,300,300,3] RGB, stretched",
            "changes": "preprocessing and postprocessor removed, box decode and sigmoid folded in, weights in FP16",
            "made_with": f"OpenVINO {ov.get_version()}"}


def main():
    graph, labels, folder = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
    names = labels.read_text().split("\n")[:80]
    sha256 = hashlib.sha256(graph.read_bytes()).hexdigest()
    model = cut(ov.Core().read_model(str(graph)))
    describe(model, names, sha256)
    folder.mkdir(parents=True, exist_ok=True)
    ov.save_model(model, str(folder / "model.xml"), compress_to_fp16=True)
    (folder / "labels.txt").write_text("\n".join(names) + "\n")
    (folder / "card.json").write_text(json.dumps(card(sha256), indent=2) + "\n")


if __name__ == "__main__":
    main()
