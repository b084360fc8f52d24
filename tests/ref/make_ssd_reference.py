#!/usr/bin/env python3
"""Runs the uncut SSD MobileNetV2 graph and writes what it finds in three pictures: ssd_skimage.json.

    .deps/venv/bin/python tests/ref/make_ssd_reference.py [--deps .deps] [-o tests/ref/ssd_skimage.json]

The golden tests hold fovea's own decode, cut model, box arithmetic and NMS against these numbers, so nothing
of fovea is used here: the frozen graph as Google published it, with its own resize loop and postprocessor (NMS at
IoU 0.6 for each class), in f32, through OpenVINO's Python API. The picture is stretched to 300 x 300 by OpenCV's
bilinear resize before. Boxes are corners in pixels of the picture; class ids are 0..79, `class_id_raw` the graph's
own 1..90.

The published postprocessor reports only scores above 0.3, a constant inside it. To compare at 0.1 the graph is run
twice: untouched, and with nothing but that constant lowered. The first result must be the head of the second.
"""
import argparse
import hashlib
import json
import platform
from pathlib import Path

import cv2
import numpy as np
import openvino as ov
from openvino import opset13 as op

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ("astronaut", "chelsea", "coffee")
CONFIDENCE = 0.1
PUBLISHED = 0.3
COCO_UNUSED_IDS = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def compile_uncut(graph, threshold):
    """The frozen graph; with a `threshold`, its score filters (one a class, inside the loop) compare with that."""
    core = ov.Core()
    model = core.read_model(str(graph))
    if threshold is not None:
        filters = [node for loop in model.get_ordered_ops() if loop.get_type_name() == "Loop"
                   for node in loop.get_function().get_ordered_ops()
                   if node.get_type_name() == "Greater" and "FilterGreaterThan" in node.get_friendly_name()]
        assert len(filters) == 90 and all(abs(node.input_value(1).get_node().data - PUBLISHED) < 1e-6 for node in filters)
        for node in filters:
            node.input(1).replace_source_output(op.constant(np.float32(threshold)).output(0))
    return core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})


def detections(compiled, picture, names):
    """What the graph reports for an RGB picture, most confident first."""
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (300, 300), interpolation=cv2.INTER_LINEAR)
    outputs = compiled([small[None]])
    boxes, scores, classes, count = (np.asarray(outputs[f"detection_{key}:0"] if key != "num" else
                                                outputs["num_detections:0"])[0]
                                     for key in ("boxes", "scores", "classes", "num"))
    ids = {raw: index for index, raw in enumerate(i for i in range(1, 91) if i not in COCO_UNUSED_IDS)}
    found = []
    for (top, left, bottom, right), score, raw in list(zip(boxes, scores, classes))[: int(count)]:
        if score >= CONFIDENCE:
            index = ids[int(raw)]
            found.append({"class_id": index, "class_id_raw": int(raw), "class": names[index],
                          "confidence": round(float(score), 5),
                          "box": [round(float(v), 3) for v in (left * width, top * height, right * width, bottom * height)]})
    return sorted(found, key=lambda one: -one["confidence"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--deps", type=Path, default=ROOT / ".deps")
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_name("ssd_skimage.json"))
    options = parser.parse_args()
    graph = options.deps / "models/ssd_mobilenet_v2/frozen_inference_graph.pb"
    names = (ROOT / "models/labels/coco.txt").read_text().split("\n")[:80]
    published, lowered = compile_uncut(graph, None), compile_uncut(graph, CONFIDENCE)
    pictures = []
    for name in PICTURES:
        path = options.deps / f"media/{name}.png"
        picture = cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        found = detections(lowered, picture, names)
        untouched = detections(published, picture, names)
        assert untouched and untouched == found[: len(untouched)], name
        pictures.append({"file": path.name, "sha256": sha256(path), "width": picture.shape[1],
                         "height": picture.shape[0], "detections": found})
    reference = {"model": "ssd_mobilenet_v2_coco_2018_03_29, uncut", "graph_sha256": sha256(graph), "precision": "f32",
                 "resize": "cv2.INTER_LINEAR to 300x300, aspect not kept", "nms_iou": 0.6, "confidence": CONFIDENCE, "published_confidence": PUBLISHED,
                 "versions": {"openvino": ov.get_version(), "opencv": cv2.__version__, "numpy": np.__version__,
                              "python": platform.python_version()}, "pictures": pictures}
    options.output.write_text(json.dumps(reference, indent=1) + "\n")
    print(f"{options.output}: {sum(len(p['detections']) for p in pictures)} detections")


if __name__ == "__main__":
    main()
