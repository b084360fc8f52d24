#!/usr/bin/env python3
"""Writes rotated_fixture.h: overlaps of oriented boxes by Ultralytics' batch_probiou, and what a greedy NMS on them keeps.
Run by hand where torch and ultralytics are importable:

    python tests/infer/make_rotated_fixture.py > tests/infer/rotated_fixture.h
"""
import numpy as np
import torch
from ultralytics.utils.metrics import batch_probiou

PAIRS, BOXES, IOU = 40, 60, 0.45
rng = np.random.default_rng(26)


def draw(count, near):
    boxes = np.stack([rng.uniform(0, near, count), rng.uniform(0, near, count), rng.uniform(4, 120, count),
                      rng.uniform(4, 60, count), rng.uniform(-np.pi / 4, 3 * np.pi / 4, count)], 1)
    return boxes.round(3).astype(np.float32)


def row(values):
    return "{" + ", ".join(f"{v:.9g}f" if "." in f"{v:.9g}" or "e" in f"{v:.9g}" else f"{v:.9g}.0f" for v in values) + "}"


a, b = draw(PAIRS, 60), draw(PAIRS, 60)
b[:8] = a[:8]
b[:8, 4] += np.array([0, np.pi / 2, np.pi, 0.1, -0.1, 0.5, 1.0, 1.5], np.float32)
overlap = batch_probiou(torch.tensor(a).double(), torch.tensor(b).double()).diagonal().numpy()

boxes = draw(BOXES, 300)
scores = np.sort(rng.uniform(0.3, 0.9, BOXES).round(4))[::-1]
all_pairs = batch_probiou(torch.tensor(boxes).double(), torch.tensor(boxes).double()).numpy()
assert np.abs(all_pairs - IOU)[~np.eye(BOXES, dtype=bool)].min() > 1e-4
kept = []
for i in range(BOXES):
    if all(all_pairs[k, i] <= IOU for k in kept):
        kept.append(i)

print("/* Made by make_rotated_fixture.py: x y width height angle of boxes; overlaps by Ultralytics. */")
print("enum { ROTATED_BOXES = %d, ROTATED_KEPT = %d };" % (BOXES, len(kept)))
print("static const struct {\n    float a[5], b[5], overlap;\n} rotated_pairs[] = {")
for one, two, value in zip(a, b, overlap):
    print(f"    {{{row(one)}, {row(two)}, {value:.7f}f}},")
print("};\nstatic const float rotated_boxes[ROTATED_BOXES][6] = {")
for box, score in zip(boxes, scores):
    print(f"    {row([*box, score])},")
print("};\nstatic const int rotated_kept[ROTATED_KEPT] = {" + ", ".join(map(str, kept)) + "};")
