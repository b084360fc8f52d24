"""Clips for the fake camera of Chromium: moving shapes with the frame's number as a barcode."""
from __future__ import annotations

from pathlib import Path

import numpy as np

import barcode


def square_at(number: int, width: int = 640, height: int = 360) -> tuple[int, int, int]:
    """x, y and side of the square in picture `number`; neighbours are 24 pixels apart."""
    side = 64
    return (number * 24) % (width - side), height // 3, side


def coded_picture(number: int, width: int, height: int) -> np.ndarray:
    """Luma of picture `number`: a ramp, one white square whose place tells the number, the barcode."""
    grey = np.tile(np.linspace(60, 110, width, dtype=np.uint8), (height, 1))
    x, y, side = square_at(number, width, height)
    grey[y:y + side, x:x + side] = 235
    barcode.stamp(grey, number)
    return grey


def coded_clip(path: Path, frames: int = 300, fps: int = 10, width: int = 640, height: int = 360) -> Path:
    """Writes a .y4m that repeats; frame n carries n."""
    chroma = np.full((height // 2) * (width // 2) * 2, 128, np.uint8).tobytes()
    with path.open("wb") as out:
        out.write(f"YUV4MPEG2 W{width} H{height} F{fps}:1 Ip A1:1 C420jpeg\n".encode())
        for number in range(frames):
            out.write(b"FRAME\n" + coded_picture(number, width, height).tobytes() + chroma)
    return path
