"""Quantised models against OpenVINO's own Python interface on this machine.

The references of the test data come from runtimes that round quantised numbers otherwise; here both sides run the same
runtime, so everything that is fovea's (letterbox, quantisation of inputs and outputs, head, NMS) must agree closely.
"""
import cv2
import numpy as np
import openvino as ov
import pytest
from conftest import answers

PICTURES = ["bus", "zidane", "dog"]
CONF = 0.25


def letterbox(picture, side):
    """Centred, padded with 114; returns the square, the scale and the offsets."""
    height, width = picture.shape[:2]
    scale = min(side / height, side / width)
    w, h = round(width * scale), round(height * scale)
    left, top = (side - w) // 2, (side - h) // 2
    square = np.full((side, side, 3), 114, np.uint8)
    square[top:top + h, left:left + w] = cv2.resize(picture, (w, h), interpolation=cv2.INTER_LINEAR)
    return square, scale, left, top


def overlap(a, b):
    size = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    common = np.prod(np.clip(size, 0, None))
    return common / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - common)


def suppress(found, iou):
    """Of (score, class, box), best first, what no better box of its class covers."""
    kept = []
    for one in sorted(found, key=lambda f: -f[0]):
        if all(one[1] != k[1] or overlap(one[2], k[2]) <= iou for k in kept):
            kept.append(one)
    return kept


def corners(centred):
    return np.concatenate([centred[:2] - centred[2:] / 2, centred[:2] + centred[2:] / 2])


def yolov8(model, square):
    rows = model((square.astype(np.float32) / 255).transpose(2, 0, 1)[None])[0][0].T
    best = rows[:, 4:].argmax(1)
    return [(float(r[4 + c]), int(c), corners(r[:4])) for r, c in zip(rows, best) if r[4 + c] >= CONF]


def yolov5_bytes(model, square):
    """scale and zero as the file's quantisation says: 0.00448349, 3; the input's scale is 1/255, and YOLOv5's own
    detect.py cuts what float32 makes of pixel / 255 / scale."""
    cut = (square.astype(np.float32) / np.float32(255) / np.float32(0.003921568859368563)).astype(np.uint8)
    rows = (model(cut[None])[0][0].astype(np.float32) - 3) * np.float32(0.00448349118)
    scores = rows[:, 5:] * rows[:, 4:5]
    best = scores.argmax(1)
    return [(float(s[c]), int(c), corners(r[:4] * 640)) for r, s, c in zip(rows, scores, best) if s[c] >= CONF]


@pytest.mark.parametrize("file, iou, read", [("yolov8n_640_int8dyn.onnx", 0.7, yolov8), ("yolov5n_640_int8.tflite", 0.45, yolov5_bytes)])
def test_quantised_models(data, default_model, file, iou, read):
    path = data / "models" / file
    if not path.exists():
        pytest.skip(f"{file} is not among the test data")
    model = ov.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"})
    for name in PICTURES:
        picture = data / "images" / f"{name}.jpg"
        square, scale, left, top = letterbox(cv2.cvtColor(cv2.imread(str(picture)), cv2.COLOR_BGR2RGB), 640)
        offset = np.array([left, top, left, top])
        wanted = [(s, c, (box - offset) / scale) for s, c, box in suppress(read(model, square), iou)]
        ours, = answers("predict", picture, "--model", path, "--backend", "openvino", "--exact", "--conf", CONF, "--iou", iou)
        found = [(d["confidence"], d["class_id"], np.array(d["box"])) for d in ours["detections"]]
        limits = np.array([ours["width"], ours["height"]] * 2)
        for score, kind, box in wanted:
            box = np.clip(box, 0, limits)
            near = [f for f in found if f[1] == kind and overlap(f[2], box) >= 0.98 and abs(f[0] - score) <= 0.005]
            assert near or score < CONF + 0.005, (name, score, kind, box, found)
        assert abs(len(found) - len(wanted)) <= sum(s < CONF + 0.005 for s, _, _ in wanted + found)


def test_the_same_picture_gives_the_same_bits(data, default_model):
    picture = data / "images/zidane.jpg"
    first, = answers("predict", picture, "--exact")
    second, = answers("predict", picture, "--exact")
    assert first["detections"] == second["detections"] and first["detections"]
