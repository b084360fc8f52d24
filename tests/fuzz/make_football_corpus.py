#!/usr/bin/env python3
"""Writes corpus/football: pictures of players that walk, in the bytes that fuzz_football.c takes.

    python tests/fuzz/make_football_corpus.py
"""
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus/football"


def part(value, scale):
    """A number as the target reads it."""
    return bytes([max(0, min(239, round(240 * value / scale)))])


def view():
    """The plain camera, for this size, without a lens."""
    return bytes([1]) + bytes(9) + bytes([1]) + bytes([40])


def box(x, y, width, height, score, kind):
    return part(x, 96) + part(y, 64) + part(width, 8) + part(height, 16) + part(score, 1) + bytes([kind + 1])


def picture(number, bits, image, motion, people=12):
    out = bytes([people + 1])
    for i in range(people):
        x, y = (7 * i + number * (1 + i % 3) * 0.3) % 90, 25 + 2.5 * i
        out += box(x, min(y, 50), 4, 9, 0.9, 0 if i % 6 else 1 + i % 2)
    out += box(40 + number, 45, 1, 1, 0.8, 3) + bytes([bits])
    if bits & 1:
        out += part(0.1, 0.2)
    if bits & 2:
        out += bytes([number])
    out += bytes([image, 10, 90])
    if bits & 4:
        out += bytes([1])
    if bits & 8:
        out += motion
    if bits & 16:
        out += view()
    if bits & 32:
        out += bytes([number % 4])
    if bits & 128:
        out += bytes([1])
    return out


FOLDER.mkdir(parents=True, exist_ok=True)
SHIFT = bytes([1, 2]) + part(0.52, 1)
CASES = {"plain": (0, 0, 0), "still": (9, 0, 0), "view": (8, 8, 0), "found": (0, 24, 0), "grey": (0, 0, 64 + 48),
         "colour": (8, 8, 64 + 49), "yuv": (0, 16, 64 + 50), "set": (0, 8 + 16 + 32 + 64, 0), "times": (8, 9, 0),
         "numbers": (0, 2 + 8, 0), "sizes": (8, 4, 0), "few": (4, 8, 0), "botsort": (2, 8, 0), "again": (8, 128 + 8, 0)}
for name, (bits, every, image) in CASES.items():
    start = bytes([bits]) + (view() if bits & 8 else b"")
    (FOLDER / name).write_bytes(start + b"".join(picture(n, every, image, SHIFT) for n in range(30)))
