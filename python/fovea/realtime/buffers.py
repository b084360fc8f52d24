"""Document 004: memory for pictures that is used again, and pictures made small enough to be streamed."""
from __future__ import annotations

import base64
import os
import threading
import weakref
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import InvalidArgument
from ..pictures import decode, encode_jpeg, resize, size_of

Buffer = npt.NDArray[np.float32]
MOST_SHAPES = 32
MOST_SIDE = 1280  # px of a picture that is streamed


class _Shelf:
    """Buffers of one shape: those that are free, and those that somebody has."""

    def __init__(self) -> None:
        self.free: list[Buffer] = []
        self.out: dict[int, weakref.ref[Buffer]] = {}

    def count(self) -> int:
        """How many there are; a buffer that was lost without being returned is none."""
        self.out = {name: held for name, held in self.out.items() if held() is not None}
        return len(self.free) + len(self.out)


class ImageBufferPool:
    """float32 arrays that are used again. One that somebody has is given to nobody else before it is returned.

    `buffer_size` of each shape are kept; when all of them are in use, a new array is made that is not kept (`overflows`
    counts these). Of shapes the 32 that were used last are kept. A returned buffer must not be used any more; one that is
    returned twice, or is not of this pool, is left alone. One that is lost without being returned frees its place.
    Thread-safe."""

    def __init__(self, buffer_size: int = 10) -> None:
        if buffer_size < 0:
            raise InvalidArgument(f"a pool of {buffer_size} buffers")
        self._buffer_size = buffer_size
        self._shelves: OrderedDict[tuple[int, ...], _Shelf] = OrderedDict()
        self._lock = threading.Lock()
        self.overflows = 0

    def get_buffer(self, shape: tuple[int, ...]) -> Buffer:
        """A float32 array of this shape, the caller's until it is returned; its numbers are undefined."""
        shape = tuple(int(side) for side in shape)
        with self._lock:
            shelf = self._shelves.setdefault(shape, _Shelf())
            self._shelves.move_to_end(shape)
            if len(self._shelves) > MOST_SHAPES:
                self._shelves.popitem(last=False)
            if shelf.free:
                buffer = shelf.free.pop()
            else:
                buffer = np.empty(shape, np.float32)
                if shelf.count() >= self._buffer_size:
                    self.overflows += 1
                    return buffer
            shelf.out[id(buffer)] = weakref.ref(buffer)
            return buffer

    def return_buffer(self, buffer: Buffer) -> None:
        """Gives a buffer back, the very array that `get_buffer` gave."""
        with self._lock:
            shelf = self._shelves.get(buffer.shape)
            held = shelf.out.get(id(buffer)) if shelf else None
            if shelf and held is not None and held() is buffer:
                del shelf.out[id(buffer)]
                shelf.free.append(buffer)


def _fitting(width: int, height: int) -> tuple[int, int]:
    """The largest size of the same form with no side over 1,280 px."""
    part = min(1.0, MOST_SIDE / max(width, height))
    return max(1, round(width * part)), max(1, round(height * part))


def _denominator(width: int, height: int) -> int:
    """A JPEG is decoded at the smallest part of its size that is still twice what is wanted: what that leaves out is not
    to be seen in a smaller picture."""
    long = max(width, height)
    return next((part for part in (8, 4, 2) if long >= 2 * part * MOST_SIDE), 1)


def optimize_image_for_streaming(image_path: str | os.PathLike[str] | Any, quality: int = 85) -> str:
    """A picture's file as a JPEG in base64: no side over 1,280 px, colours as RGB, turned as its EXIF says.

    Raises FileNotFoundError, BadFormat, Unsupported, LimitExceeded, InvalidArgument."""
    if not 1 <= quality <= 100:
        raise InvalidArgument(f"quality is from 1 to 100, not {quality}")
    picture = Path(image_path).read_bytes()
    pixels = decode(picture, denominator=_denominator(*size_of(picture)))
    height, width = pixels.shape[:2]
    wanted = _fitting(width, height)
    if wanted != (width, height):
        pixels = resize(pixels, *wanted)
    return base64.b64encode(encode_jpeg(pixels, quality)).decode()
