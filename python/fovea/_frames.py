"""Frames of Python as the C library sees them: views, not copies.

A frame is
  - a numpy array of uint8: height x width x 3 in BGR as OpenCV has it, height x width (or x 1) gray, or
    height x width x 4 in BGRA, whose alpha is left out (a copy);
  - bytes, bytearray or memoryview of a JPEG, PNG or WebP.
Arrays are read where they lie when each row is whole: contiguous ones, parts (`frame[100:300, 50:400]`), and RGB ones
turned to BGR by `frame[..., ::-1]`. Others are copied once, with a CopyWarning.
"""
from __future__ import annotations

import itertools
import warnings
from typing import Any, Union

import numpy as np
import numpy.typing as npt

from ._errors import InvalidArgument, check, new_error
from ._library import ffi, lib

Frame = Union[npt.NDArray[np.uint8], bytes, bytearray, memoryview]

WANTED = ("a frame is a numpy array of uint8 (height x width x 3 in BGR, or height x width), or the bytes of a JPEG, PNG or "
          "WebP")


class CopyWarning(UserWarning):
    """A frame had to be copied, because its pixels do not lie row by row. numpy.ascontiguousarray does the same."""


class Picture:
    """A frame for C: `image` or (`bytes`, `size`), and what keeps its memory."""

    __slots__ = ("image", "bytes", "size", "width", "height", "owner")

    def __init__(self) -> None:
        self.image: Any = ffi.NULL
        self.bytes: Any = ffi.NULL
        self.size = 0
        self.width = self.height = 0  # 0: not known yet
        self.owner: Any = None


def _copied(array: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    warnings.warn("a frame whose pixels do not lie row by row is copied", CopyWarning, stacklevel=5)
    return np.ascontiguousarray(array)


def _layout(array: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint8], int, int]:
    """The array that C reads (this one where it can), fov_pixels, and how far before its first element it begins."""
    if array.ndim == 2 or array.shape[2] == 1:
        fits = array.strides[1] == 1 and array.strides[0] >= array.shape[1]
        return array if fits else _copied(array), lib.FOV_GRAY8, 0
    if array.shape[2] == 4:
        return np.ascontiguousarray(array[..., :3]), lib.FOV_BGR24, 0
    row, pixel, channel = array.strides
    if pixel == 3 and row >= 3 * array.shape[1]:
        if channel == 1:
            return array, lib.FOV_BGR24, 0
        if channel == -1:
            return array, lib.FOV_RGB24, 2
    return _copied(array), lib.FOV_BGR24, 0


def _check(array: npt.NDArray[Any]) -> None:
    if array.dtype != np.uint8:
        raise InvalidArgument(f"a frame has pixels of uint8, 0 to 255, not of {array.dtype}")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise InvalidArgument(f"{WANTED}, not an array of shape {array.shape}")
    if array.size == 0:
        raise InvalidArgument(f"the picture has no size ({array.shape[1]}x{array.shape[0]})")


def _of_array(array: npt.NDArray[Any], picture: Picture) -> Picture:
    _check(array)
    read, pixels, before = _layout(array)
    image = ffi.new("fov_image *")
    image.pixels = pixels
    image.height, image.width = picture.height, picture.width = read.shape[:2]
    image.plane[0] = ffi.cast("uint8_t *", read.__array_interface__["data"][0] - before)
    # one row: numpy may say anything of how far the next one is
    image.stride[0] = read.strides[0] if read.shape[0] > 1 else read.shape[1] * (1 if pixels == lib.FOV_GRAY8 else 3)
    picture.image, picture.owner = image, read
    return picture


def picture_of(frame: Frame) -> Picture:
    """A view of a frame. Raises InvalidArgument for what is none, with what would be."""
    picture = Picture()
    if isinstance(frame, np.ndarray):
        return _of_array(frame, picture)
    if not isinstance(frame, (bytes, bytearray, memoryview)):
        raise InvalidArgument(f"{WANTED}, not {type(frame).__module__}.{type(frame).__qualname__}")
    picture.bytes = picture.owner = ffi.from_buffer("uint8_t[]", frame)
    picture.size = len(picture.bytes)
    if not picture.size:
        raise InvalidArgument("a picture of no bytes")
    return picture


# --- frames that the library holds ------------------------------------------------------------------------------

# Arrays by the address of their first pixel, while the library may show them to a function.
live: dict[int, npt.NDArray[np.uint8]] = {}


class Held:
    """A frame that is in the library: what was put, and what it was put with."""

    __slots__ = ("frame", "user", "picture")

    def __init__(self, frame: Frame, user: Any, picture: Picture) -> None:
        self.frame, self.user, self.picture = frame, user, picture


_held: dict[int, Held] = {}
_numbers = itertools.count(1)


def _let_go(user: Any) -> None:
    """The library reads the picture no more."""
    held = _held.pop(int(ffi.cast("uintptr_t", user)), None)
    if held is not None and held.picture.image:
        live.pop(int(ffi.cast("uintptr_t", held.picture.image.plane[0])), None)


_release = ffi.callback("void(void *)", _let_go)


def held_of(frame: Any) -> Held | None:
    """What was put as this fov_frame; None: it came from a source."""
    return _held.get(int(ffi.cast("uintptr_t", frame.user)))


def wrap(pool: Any, frame: Frame, user: Any = None) -> Any:
    """A fov_frame ** of a frame, that keeps it until the library has done with it. Raises what picture_of and
    fov_frame_wrap do."""
    picture, wrapped, error = picture_of(frame), ffi.new("fov_frame **"), new_error()
    key = next(_numbers)
    _held[key] = Held(frame, user, picture)
    status = lib.fov_frame_wrap(pool, picture.image, picture.bytes, picture.size, _release, ffi.cast("void *", key),
                                wrapped, error)
    if status:
        del _held[key]
        check(status, error)
    if picture.image and picture.image.pixels == lib.FOV_BGR24:
        live[int(ffi.cast("uintptr_t", picture.image.plane[0]))] = picture.owner
    wrapped[0].user = ffi.cast("void *", key)
    return wrapped


def new_pool(slots: int) -> Any:
    """A fov_frame_pool **."""
    pool, params, error = ffi.new("fov_frame_pool **"), ffi.new("fov_frame_pool_params *"), new_error()
    params.slots, params.max_bytes = slots, 64 << 20
    check(lib.fov_frame_pool_create(pool, params, error), error)
    return pool


def pixels_of(frame: Any) -> Any:
    """A fov_frame's picture for Python: a BGR (or gray) array, or the encoded bytes."""
    image = frame.image
    if image.pixels == lib.FOV_PIXELS_NONE:
        return bytes(ffi.buffer(frame.bytes, frame.size)) if frame.bytes else None
    each = {lib.FOV_BGR24: 3, lib.FOV_RGB24: 3, lib.FOV_GRAY8: 1}.get(image.pixels)
    if each is None:
        return None
    memory = np.frombuffer(ffi.buffer(image.plane[0], image.stride[0] * (image.height - 1) + each * image.width), np.uint8)
    rows = np.lib.stride_tricks.as_strided(memory, (image.height, image.width, each), (image.stride[0], each, 1)).copy()
    return rows[..., 0] if each == 1 else rows[..., ::-1] if image.pixels == lib.FOV_RGB24 else rows
