"""Frames as the bytes of a picture that a server takes."""
from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any, Union

import numpy as np
import numpy.typing as npt

Frame = Union[bytes, bytearray, memoryview, str, Path, npt.NDArray[np.uint8]]
_MARKS = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"))


def kind_of(picture: bytes) -> str:
    """`image/jpeg`, `image/png` or `image/webp`, by its first bytes. Raises ValueError."""
    for mark, kind in _MARKS:
        if picture.startswith(mark):
            return kind
    if picture[:4] == b"RIFF" and picture[8:12] == b"WEBP":
        return "image/webp"
    raise ValueError(f"frame: {picture[:8]!r}… is no JPEG, PNG or WebP picture")


def as_picture(frame: Frame, quality: int = 90) -> bytes:
    """The bytes of a JPEG, PNG or WebP: those given, of the file named, or an array encoded: H x W x 3 (BGR, as OpenCV has
    it), H x W (grey) or H x W x 4 (BGRA, the fourth is left out), uint8. Raises ValueError, TypeError, OSError."""
    if isinstance(frame, np.ndarray):
        return encode(frame, quality)
    if isinstance(frame, (str, Path)):
        frame = Path(frame).read_bytes()
    if not isinstance(frame, (bytes, bytearray, memoryview)):
        raise TypeError(f"frame: an array, a picture's bytes or a path is needed, not {type(frame).__name__}")
    picture = bytes(frame)
    kind_of(picture)
    return picture


def _checked(pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    if pixels.dtype != np.uint8:
        raise ValueError(f"frame: the array is {pixels.dtype}, uint8 is needed")
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (3, 4)) or 0 in pixels.shape:
        raise ValueError(f"frame: the array's shape is {pixels.shape}, (height, width) or (height, width, 3 or 4) is needed")
    return np.ascontiguousarray(pixels[..., :3] if pixels.ndim == 3 else pixels)


def encode(pixels: npt.NDArray[Any], quality: int = 90) -> bytes:
    """A JPEG by libfovea or OpenCV, whichever is there, else a PNG, which is larger and takes longer."""
    pixels = _checked(pixels)
    try:
        from ..pictures import encode_jpeg
        return encode_jpeg(pixels, quality)
    except (ImportError, RuntimeError):  # not on this machine; forked after it was in use
        pass
    try:
        import cv2
    except ImportError:
        return encode_png(pixels)
    done, jpeg = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"frame: OpenCV cannot encode an array of shape {pixels.shape}")
    return bytes(jpeg)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(name)))


def encode_png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """H x W x 3 BGR or H x W grey, with nothing but the standard library. Each line is the difference to the one above
    (filter 2), which makes real pictures a third smaller."""
    height, width = pixels.shape[:2]
    rows = (pixels[..., ::-1] if pixels.ndim == 3 else pixels).reshape(height, -1)
    lines = np.empty((height, rows.shape[1] + 1), np.uint8)
    lines[:, 0] = 2
    lines[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=lines[1:, 1:])
    head = struct.pack(">IIBBBBB", width, height, 8, 2 if pixels.ndim == 3 else 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(lines.data, 1)) + _chunk(b"IEND", b""))
