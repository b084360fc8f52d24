#!/usr/bin/env python3
"""Writes yolov5n_int8_litert.json: what the quantised YOLOv5n finds when the runtime that it was made for runs it.

    python3 -m venv v && v/bin/pip install ai-edge-litert==2.3.0 opencv-python-headless==5.0.0.93
    v/bin/python tests/ref/make_yolov5n_reference.py ../shared/data > tests/ref/yolov5n_int8_litert.json

The input is the nearest quantised value of each pixel (scale 1/255: the pixel itself). refs/yolov5n_640_int8.json of
the test data was made the same way but for one thing, which this script does with --cut: YOLOv5's own detect.py cuts
pixel / 255 / scale to a whole number in float32, so that about half of the values end one level lower. The model is
sensitive to that: scores move by up to 0.1.
"""
import json
import sys
from pathlib import Path

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter

SIDE, CONF, IOU = 640, 0.25, 0.45
PICTURES = ["bus", "zidane", "dog"]


def letterbox(picture):
    height, width = picture.shape[:2]
    scale = min(SIDE / height, SIDE / width)
    w, h = round(width * scale), round(height * scale)
    left, top = (SIDE - w) // 2, (SIDE - h) // 2
    square = np.full((SIDE, SIDE, 3), 114, np.uint8)
    square[top:top + h, left:left + w] = cv2.resize(picture, (w, h), interpolation=cv2.INTER_LINEAR)
    return square[:, :, ::-1], scale, left, top


def overlap(a, b):
    size = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    common = np.prod(np.clip(size, 0, None))
    return common / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - common)


def suppress(found):
    kept = []
    for one in sorted(found, key=lambda f: -f[0]):
        if all(one[1] != k[1] or overlap(one[2], k[2]) <= IOU for k in kept):
            kept.append(one)
    return kept


def detect(runtime, path, cut):
    i, o = runtime.get_input_details()[0], runtime.get_output_details()[0]
    picture = cv2.imread(str(path))
    square, scale, left, top = letterbox(picture)
    if cut:
        square = (square.astype(np.float32) / np.float32(255) / i["quantization"][0]).astype(np.uint8)
    runtime.set_tensor(i["index"], square[None])
    runtime.invoke()
    step, zero = o["quantization"]
    rows = (runtime.get_tensor(o["index"])[0].astype(np.float32) - zero) * np.float32(step)
    scores = rows[:, 5:] * rows[:, 4:5]
    found = []
    for row, score in zip(rows, scores):
        best = int(score.argmax())
        if score[best] > CONF:
            x, y, w, h = row[:4] * SIDE
            box = np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
            box = (box - [left, top, left, top]) / scale
            found.append((float(score[best]), best, np.clip(box, 0, np.array(picture.shape[1::-1] * 2))))
    return [{"class": c, "score": round(s, 5), "box": [round(float(v), 2) for v in b]} for s, c, b in suppress(found)]


def main():
    data, cut = Path(sys.argv[1]), "--cut" in sys.argv
    runtime = Interpreter(str(data / "models/yolov5n_640_int8.tflite"), num_threads=1)
    runtime.allocate_tensors()
    results = {f"images/{name}.jpg": detect(runtime, data / f"images/{name}.jpg", cut) for name in PICTURES}
    print(json.dumps({"model": "yolov5n_640_int8.tflite", "runtime": "ai-edge-litert 2.3.0", "results": results},
                     indent=1))


if __name__ == "__main__":
    main()
