#!/usr/bin/env python3
"""Writes nms_fixture.h: what a brute-force NMS in numpy keeps of boxes that the test draws again itself.

    python tests/infer/make_nms_fixture.py > tests/infer/nms_fixture.h
"""
import numpy as np

CASES = [(1, 2, 0.5), (40, 3, 0.45), (200, 5, 0.3), (700, 2, 0.6), (2500, 4, 0.45), (2500, 1, 0.7)]
KEEP = 1000


def draw(count, classes, seed):
    """Boxes, scores and classes of a linear congruential generator; coarse scores make ties common."""
    state = seed
    rows = []
    for _ in range(count):
        numbers = []
        for _ in range(6):
            state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
            numbers.append(state >> 16)
        x, y, w, h = numbers[0] % 500, numbers[1] % 500, 10 + numbers[2] % 120, 10 + numbers[3] % 120
        rows.append((x, y, x + w, y + h, (1 + numbers[4] % 255) / 256, numbers[5] % classes))
    return rows


def suppress(rows, iou, agnostic):
    order = sorted(range(len(rows)), key=lambda i: (-rows[i][4], i))[:KEEP]
    boxes = np.array([r[:4] for r in rows], np.float64)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    alive, kept = dict.fromkeys(order, True), []
    for i in order:
        if not alive[i]:
            continue
        kept.append(i)
        low, high = np.maximum(boxes[:, :2], boxes[i, :2]), np.minimum(boxes[:, 2:], boxes[i, 2:])
        common = np.prod(np.clip(high - low, 0, None), axis=1)
        overlap = common / (area + area[i] - common)
        for k in order:
            if k != i and overlap[k] > iou and (agnostic or rows[k][5] == rows[i][5]):
                alive[k] = False
    return kept


def fnv1a(numbers):
    value = 0xCBF29CE484222325
    for n in numbers:
        value = ((value ^ n) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


print("/* Made by make_nms_fixture.py. */")
print("static const struct nms_case {\n    int count, classes;\n    float iou;\n    int agnostic, kept;\n    uint64_t fnv1a;\n} nms_cases[] = {")
for count, classes, iou in CASES:
    rows = draw(count, classes, count)
    for agnostic in (0, 1):
        kept = suppress(rows, iou, agnostic)
        print(f"    {{{count}, {classes}, {iou}f, {agnostic}, {len(kept)}, 0x{fnv1a(kept):016X}u}},")
print("};")
