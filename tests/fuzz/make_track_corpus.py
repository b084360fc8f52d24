#!/usr/bin/env python3
"""Writes corpus/track: for each tracker some frames of three boxes that walk, in the bytes that fuzz_track.c takes.

    python tests/fuzz/make_track_corpus.py
"""
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus/track"


def frame(number, bits):
    out = bytes([3, 1, bits, 0, 0])  # three boxes, a similarity, no changes of the two maps
    for i in range(3):
        x, y = 20 + 60 * i + number, 40 + 5 * i
        out += bytes([x, y, 40, 90, 220, 0, 10 * i, 20, 30])  # x, y, width, height, score, class, a vector of three
    return out


for tracker in range(8):
    for bits in (0, 7, 15):
        frames = b"".join(frame(number, 15 if number % 5 else 3) for number in range(12))
        (FOLDER / f"walk-{tracker}-{bits}").write_bytes(bytes([tracker, bits]) + frames)
