"""Still pictures: JPEG, PNG and WebP to numpy arrays and back."""
from __future__ import annotations

import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from ._errors import InvalidArgument, check, new_error
from ._frames import Frame, picture_of
from ._library import ffi, lib

Pixels = npt.NDArray[np.uint8]
_FORMS = {"bgr": ("FOV_BGR24", 3), "rgb": ("FOV_RGB24", 3), "gray": ("FOV_GRAY8", 1)}


def _kept(kind: str) -> Any:
    """A new fov_decoder ** or fov_encoder ** that is freed with its thread."""
    made, error = ffi.new(f"fov_{kind} **"), new_error()
    check(getattr(lib, f"fov_{kind}_create")(made, error), error)
    destroy = getattr(lib, f"fov_{kind}_destroy")
    return ffi.gc(made, lambda one: None if lib.forked else destroy(one))


class _Own(threading.local):
    """A decoder and an encoder a thread, which keep their memory from picture to picture."""

    def __init__(self) -> None:
        self.decoder, self.encoder, self.error = _kept("decoder"), _kept("encoder"), new_error()


_own: _Own | None = None


def _mine() -> _Own:
    global _own
    if _own is None:
        _own = _Own()
    return _own


def _wrap(array: Pixels, pixels: int) -> Any:
    image = ffi.new("fov_image *")
    image.pixels, image.height, image.width = pixels, array.shape[0], array.shape[1]
    image.plane[0], image.stride[0] = ffi.cast("uint8_t *", array.__array_interface__["data"][0]), array.strides[0]
    return image


def _copy(image: Any, channels: int) -> Pixels:
    rows = np.frombuffer(ffi.buffer(image.plane[0], image.stride[0] * image.height), np.uint8)
    rows = rows.reshape(image.height, image.stride[0])[:, :image.width * channels]
    pixels: Pixels = rows.reshape(image.height, image.width, *([channels] if channels > 1 else [])).copy()
    return pixels


def decode(picture: bytes | bytearray | memoryview, form: str = "bgr", denominator: int = 1, orient: bool = True) -> Pixels:
    """Pixels of a JPEG, PNG or WebP: height x width x 3, "gray": height x width.

    form         "bgr" (as OpenCV has it), "rgb", "gray"
    denominator  1, 2, 4, 8: JPEGs are decoded at that part of their size; other pictures whole
    orient       turned as the picture's EXIF says

    Raises BadFormat, Unsupported, LimitExceeded, InvalidArgument. Threads: safe, without the interpreter's lock."""
    if form not in _FORMS:
        raise InvalidArgument(f"form is one of {', '.join(_FORMS)}, not {form!r}")
    own, given = _mine(), picture_of(picture)
    image, about = ffi.new("fov_image *"), ffi.new("fov_picture_info *")
    name, channels = _FORMS[form]
    check(lib.fov_decode(own.decoder[0], given.bytes, given.size, getattr(lib, name), denominator, image, about, own.error),
          own.error)
    if orient and about.orientation != 1:
        check(lib.fov_orient(own.decoder[0], image, about.orientation, own.error), own.error)
    return _copy(image, channels)


def size_of(picture: bytes | bytearray | memoryview) -> tuple[int, int]:
    """Width and height that a picture's own header says, as stored. Raises as `decode`."""
    given, about, error = picture_of(picture), ffi.new("fov_picture_info *"), new_error()
    check(lib.fov_picture_probe(given.bytes, given.size, about, error), error)
    return about.width, about.height


def encode_jpeg(frame: Frame, quality: int = 90) -> bytes:
    """An array (as frames are: BGR, gray, BGRA) as a JPEG of quality 1 to 100. Raises InvalidArgument, OutOfMemory."""
    if not isinstance(frame, np.ndarray) or not 1 <= quality <= 100:
        raise InvalidArgument("an array and a quality from 1 to 100 are needed")
    own, given = _mine(), picture_of(frame)
    out, size = ffi.new("uint8_t **"), ffi.new("size_t *")
    check(lib.fov_encode_jpeg(own.encoder[0], given.image, quality, out, size, own.error), own.error)
    return bytes(ffi.buffer(out[0], size[0]))


def resize(pixels: Pixels, width: int, height: int) -> Pixels:
    """An array of height x width x 3 or height x width in another size, as Pillow's LANCZOS makes it.

    Raises InvalidArgument, LimitExceeded, OutOfMemory. Threads: safe, without the interpreter's lock."""
    given = picture_of(pixels)
    if not given.image or given.image.pixels == lib.FOV_RGB24:
        given = picture_of(np.ascontiguousarray(pixels))
    if not (0 < width <= 16384 and 0 < height <= 16384):
        raise InvalidArgument(f"a picture of {width}x{height}: sides are from 1 to 16384 px")
    channels = 1 if given.image.pixels == lib.FOV_GRAY8 else 3
    made, error = np.empty((height, width, channels)[:3 if channels > 1 else 2], np.uint8), new_error()
    check(lib.fov_image_resize(given.image, _wrap(made, given.image.pixels), error), error)
    return made
