#!/usr/bin/env python3
"""Writes tests/fuzz/corpus/heads: one file for each form of output that a head reads, for fuzz_heads.c to start from."""
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = (HERE / "fuzz_heads.c").read_text()
DIMENSIONS = [int(n) for n in re.findall(r"-?\d+", re.search(r"telling\[\] = \{(1,.*?)\};", SOURCE, re.S).group(1))]
NAMES = re.findall(r'"([^"]*)"', re.search(r"names\[\] = \{(.*?)\};", SOURCE, re.S).group(1))
F32, I64 = 4, 6  # their places behind FOV_DTYPE_NONE

FORMS = {  # outputs of a 64 x 64 input: (name, shape), ...; further inputs: (name, shape), ...
    "yolo_channels": [("output0", (1, 8, 84))], "yolo_rows": [("output0", (1, 84, 8))],
    "yolo_object": [("output0", (1, 252, 9))], "yolo_final": [("output0", (1, 300, 6))],
    "yolo_final_dynamic": [("output0", (1, -1, 6))], "yolox": [("x", (1, 84, 9))],
    "nanodet_levels": [("cls_8", (1, 64, 80)), ("cls_8", (1, 16, 80)), ("cls_8", (1, 4, 80)),
                       ("dis_pred", (1, 64, 32)), ("dis_pred", (1, 16, 32)), ("dis_pred", (1, 4, 32))],
    "nanodet_plus": [("x", (1, 85, 112))],
    "picodet": [("x", (1, n, c)) for c in (80, 32) for n in (64, 16, 4, 1)],
    "fastestdet": [("x", (1, 85, 4, 4))], "fastestdet_few": [("x", (1, 9, 4, 4))],
    "yunet": [("cls_8", (1, n, c)) for c in (1, 1, 4, 10) for n in (64, 16, 4)],
    "ultraface": [("scores", (1, 235, 2)), ("boxes", (1, 235, 4))],
    "ssd_pair": [("boxes", (1, 63, 4)), ("scores", (1, 63, 91))],
    "ssd_lists": [("detection_boxes", (1, 10, 4)), ("detection_scores", (1, 10)), ("detection_classes", (1, 10)),
                  ("num_detections", (1,))],
    "tflite": [("x", (1, 10, 4)), ("StatefulPartitionedCall:1", (1, 10)), ("x", (1, 10)), ("x", (1,))],
    "centernet": [("hm", (1, 4, 16, 16)), ("wh", (1, 2, 16, 16)), ("reg", (1, 2, 16, 16))],
    "damoyolo": [("scores", (1, 84, 4)), ("boxes", (1, 84, 4))], "yolonas": [("boxes", (1, 84, 4)), ("scores", (1, 84, 80))],
    "detr": [("logits", (1, 100, 92)), ("pred_boxes", (1, 100, 4))],
    "detr_sigmoid": [("logits", (1, 300, 80)), ("pred_boxes", (1, 300, 4))],
    "rfdetr": [("dets", (1, 300, 4)), ("labels", (1, 300, 91))], "detr_rows": [("output0", (1, 300, 84))],
    "detr_sized": [("labels", (1, 100)), ("boxes", (1, 100, 4)), ("scores", (1, 100))],
    "batched": [("x", (-1, 7))], "flat": [("flat_predictions", (-1, 7))], "omz": [("x", (1, 1, 100, 7))],
    "automl": [("detections", (1, 100, 7))], "mmdet": [("dets", (1, -1, 5)), ("labels", (1, -1))],
    "lists": [("num_dets", (1, 1)), ("boxes", (1, 100, 4)), ("scores", (1, 100)), ("classes", (1, 100))],
    "yolo_segment": [("output0", (1, 21, 84)), ("x", (1, 12, 16, 16))],
    "yolo_segment_last": [("x", (1, 16, 16, 12)), ("output0", (1, 21, 84))],
    "yolo_segment_final": [("output0", (1, 100, 16)), ("x", (1, 10, 16, 16))],
    "classify": [("x", (1, 100))], "embed": [("labels", (1, 64, 1, 1))],
    "semantic": [("x", (1, 4, 64, 64))], "semantic_last": [("x", (1, 64, 64, 5))], "mask": [("x", (1, 1, 64, 64))],
    "mask_flat": [("x", (1, 64, 64))],
    "paddle": [("x", (-1, 6)), ("x", (1,))], "paddle_pair": [("x", (1, 85, 4)), ("x", (1, 80, 85))],
}
INPUTS = {"detr_sized": [("x", (1, 2))], "paddle": [("scale_factor", (1, 2)), ("im_shape", (1, 2))],
          "paddle_pair": [("scale_factor", (1, 2))]}


def tensor(name, shape):
    """Bytes that make_tensor reads. A dimension's byte is its place in the table, modulo the table's size."""
    out = [NAMES.index(name), F32, len(shape)]
    for i, n in enumerate(shape):
        out += [0] if i == 0 and n == 1 else [240] * (i == 0) + [DIMENSIONS.index(n)]
    return out


def main():
    folder = HERE / "corpus/heads"
    folder.mkdir(exist_ok=True)
    for name, outputs in FORMS.items():
        inputs = INPUTS.get(name, [])
        data = [len(inputs), len(outputs) - 1, 1] + tensor("x", (1, 3))
        for one in inputs:
            data += [255] + tensor(*one)
        for one in outputs:
            data += tensor(*one)
        data += [1]  # no names
        for _, shape in outputs:
            data += [5] * shape.count(-1) + [77]
        (folder / name).write_bytes(bytes(data + [1] + [20, 1] * 16))


if __name__ == "__main__":
    main()
