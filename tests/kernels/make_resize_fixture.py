#!/usr/bin/env python3
"""Writes resize_fixture.h: hashes of what cv2.resize makes of pictures that the kernel test draws again itself.

    python tests/kernels/make_resize_fixture.py > tests/kernels/resize_fixture.h
"""
import cv2
import numpy as np

# width, height of the picture -> of the result
CASES = [(1, 1, 5, 7), (2, 3, 1, 1), (5, 4, 13, 11), (37, 23, 20, 31), (64, 48, 32, 24), (97, 61, 30, 30), (100, 80, 100, 80),
         (120, 90, 77, 41), (161, 121, 300, 300), (333, 77, 64, 200), (640, 361, 300, 300), (1280, 719, 640, 360)]


def picture(width, height):
    """The 8 high bits of a linear congruential generator, one number a byte."""
    state, count = 12345, width * height * 3
    out = np.empty(count, np.uint8)
    for i in range(count):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        out[i] = state >> 24
    return out.reshape(height, width, 3)


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


print(f"/* Made by make_resize_fixture.py with OpenCV {cv2.__version__}, INTER_LINEAR. */")
print("static const struct resize_case {\n    int width, height, to_width, to_height;\n    uint64_t fnv1a;\n} resize_cases[] = {")
for width, height, to_width, to_height in CASES:
    made = cv2.resize(picture(width, height), (to_width, to_height), interpolation=cv2.INTER_LINEAR)
    print(f"    {{{width}, {height}, {to_width}, {to_height}, 0x{fnv1a(made.tobytes()):016X}u}},")
print("};")
