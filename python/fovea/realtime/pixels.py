"""Pictures of the library as arrays, and arrays that are such pictures as frames again: neither is copied."""
from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._errors import check, new_error
from .._frames import new_pool, picture_of, wrap
from .._library import ffi, lib

Picture = NDArray[np.uint8]
SLOTS = 1024  # frames of Python in the library at once


class Pixels:
    """The pixels of a frame, as numpy reads them. The frame goes back to its pool with the last array over them.

    `taken`: held by whoever hands the frame itself to the library, which numbers it, so that it is in one place only.
    """

    def __init__(self, frame: Any, given_back: Callable[[], object], live: bool = False) -> None:
        image = frame.image
        channels = 1 if image.pixels == lib.FOV_GRAY8 else 3
        shape = (image.height, image.width) + ((channels,) if channels > 1 else ())
        self.frame, self.given_back, self.live, self.taken = frame, given_back, live, threading.Lock()
        self.__array_interface__ = {"version": 3, "typestr": "|u1", "shape": shape,
                                    "data": (int(ffi.cast("uintptr_t", image.plane[0])), False),
                                    "strides": (image.stride[0], channels, 1)[:len(shape)]}

    def __del__(self) -> None:
        if lib.forked:
            return
        frame = ffi.new("fov_frame **", self.frame)
        lib.fov_frame_unref(frame)
        self.given_back()


def pixels_under(array: Picture) -> Pixels | None:
    """The library's frame that an array shows, all of it and in the same order; None: it is memory of others."""
    base: Any = array.base
    while isinstance(base, np.ndarray):
        base = base.base
    if not isinstance(base, Pixels):
        return None
    whole: Any = base.__array_interface__
    same = array.ctypes.data == whole["data"][0] and array.shape == whole["shape"] and array.strides == whole["strides"]
    return base if same else None


@functools.cache
def _pool() -> Any:
    """Slots for frames whose pixels are memory of Python."""
    return new_pool(SLOTS)


def wrapped(picture: Any) -> Any:
    """A fov_frame * of an array or of encoded bytes, without a copy: it is kept until the library needs it no more."""
    return wrap(_pool()[0], picture)[0]


class Decoder:
    """Decodes still pictures to BGR; its memory is kept from one to the next. One thread at a time."""

    def __init__(self) -> None:
        made, error = ffi.new("fov_decoder **"), new_error()
        check(lib.fov_decoder_create(made, error), error)
        self.decoder = ffi.gc(made[0], lambda decoder: lib.fov_decoder_destroy(ffi.new("fov_decoder **", decoder)))

    def decode(self, frame: Any, upright: bool) -> Picture:
        """The whole picture of a frame's bytes, HxWx3; `upright`: turned as its EXIF says."""
        image, info, error = ffi.new("fov_image *"), ffi.new("fov_picture_info *"), new_error()
        check(lib.fov_decode(self.decoder, frame.bytes, frame.size, lib.FOV_BGR24, 1, image, info, error), error)
        if upright:
            check(lib.fov_orient(self.decoder, image, info.orientation, error), error)
        return copied(image)


def copied(image: Any) -> Picture:
    """A copy of BGR or grey pixels."""
    channels = 1 if image.pixels == lib.FOV_GRAY8 else 3
    rows = np.frombuffer(ffi.buffer(image.plane[0], image.stride[0] * (image.height - 1) + image.width * channels), np.uint8)
    shape = (image.height, image.width) + ((channels,) if channels > 1 else ())
    strides = (image.stride[0], channels, 1)[:len(shape)]
    return np.array(np.lib.stride_tricks.as_strided(rows, shape, strides))


def bgr_of(image: Any) -> Picture:
    """A BGR copy of RGB or grey pixels, or of YUV ones (full range, chroma reduced or not)."""
    if image.pixels == lib.FOV_RGB24:
        return np.ascontiguousarray(copied(image)[:, :, ::-1])
    if image.pixels == lib.FOV_GRAY8:
        return np.repeat(copied(image)[:, :, None], 3, axis=2)
    if image.pixels != lib.FOV_YUV:
        return copied(image)
    planes = [plane_of(image, i).astype(np.float32) for i in range(3) if image.plane[i]]
    if len(planes) < 3:
        return np.repeat(plane_of(image, 0)[:, :, None], 3, axis=2)
    y, u, v = planes[0], full_size(planes[1], image) - 128, full_size(planes[2], image) - 128
    bgr = np.stack([y + 1.772 * u, y - 0.344136 * u - 0.714136 * v, y + 1.402 * v], axis=2)
    return np.asarray(np.clip(bgr + 0.5, 0, 255), np.uint8)


def plane_of(image: Any, i: int) -> Picture:
    """A view of a plane."""
    width, height = (image.width, image.height) if i == 0 else (
        image.width + image.shift_x >> image.shift_x, image.height + image.shift_y >> image.shift_y)
    rows = np.frombuffer(ffi.buffer(image.plane[i], image.stride[i] * (height - 1) + width), np.uint8)
    return np.asarray(np.lib.stride_tricks.as_strided(rows, (height, width), (image.stride[i], 1)))


def full_size(plane: NDArray[np.float32], image: Any) -> NDArray[np.float32]:
    """A chroma plane at the size of the picture."""
    tall = np.repeat(np.repeat(plane, 1 << image.shift_y, axis=0), 1 << image.shift_x, axis=1)
    return tall[:image.height, :image.width]


def decoded(frame: Any) -> Picture:
    """A picture as HxWx3 BGR: an array as it is when it is one, grey and BGRA ones turned, bytes decoded."""
    view = picture_of(frame)  # says what is wrong with what is no picture
    if view.image:
        if isinstance(frame, np.ndarray) and frame.ndim == 3 and frame.shape[2] == 3:
            return frame
        return bgr_of(view.image)
    raw = ffi.new("fov_frame *")
    raw.bytes, raw.size = view.bytes, view.size
    return Decoder().decode(raw, True)
