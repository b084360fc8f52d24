"""Frames go in as they lie in memory: nothing is copied, and what is no frame is refused in words."""
import tracemalloc
import warnings

import fovea
import numpy as np
import pytest
from fovea import _frames
from fovea._library import ffi, lib

FULL_HD = (1080, 1920, 3)


def address(image):
    return int(ffi.cast("uintptr_t", image.plane[0]))


def where(array):
    return array.__array_interface__["data"][0]


def test_a_contiguous_frame_is_read_where_it_lies():
    frame = np.zeros(FULL_HD, np.uint8)
    image = _frames.picture_of(frame).image
    assert (address(image), image.width, image.height, image.stride[0]) == (where(frame), 1920, 1080, 5760)
    assert image.pixels == lib.FOV_BGR24


@pytest.mark.parametrize("view, pixels, before", [
    (lambda frame: frame[100:300, 50:400], "FOV_BGR24", 0),  # a part of a picture
    (lambda frame: frame[::2], "FOV_BGR24", 0),  # every second row
    (lambda frame: frame[..., ::-1], "FOV_RGB24", 2),  # an RGB picture turned to BGR
    (lambda frame: frame[:, :1920, 0:1][..., 0].copy(), "FOV_GRAY8", 0),
    (lambda frame: np.ascontiguousarray(frame[..., :1]), "FOV_GRAY8", 0),
    (lambda frame: frame[:1], "FOV_BGR24", 0),
])
def test_so_are_parts_and_turned_channels(view, pixels, before):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frame = view(np.zeros(FULL_HD, np.uint8))
        image = _frames.picture_of(frame).image
    assert address(image) == where(frame) - before
    assert image.pixels == getattr(lib, pixels)
    assert (image.height, image.width) == frame.shape[:2]


@pytest.mark.parametrize("view", [lambda frame: frame[:, ::2], lambda frame: frame[::-1], lambda frame: frame[:, ::-1],
                                  lambda frame: frame.transpose(1, 0, 2), lambda frame: frame[::2, ::2, 0]])
def test_others_are_copied_once_with_a_warning(view):
    frame = view(np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8))
    with pytest.warns(fovea.CopyWarning) as told:
        picture = _frames.picture_of(frame)
    assert len(told) == 1
    assert np.array_equal(picture.owner, frame)
    assert address(picture.image) == where(picture.owner) != where(frame)


def test_alpha_is_left_out():
    frame = np.random.default_rng(0).integers(0, 255, (60, 80, 4), np.uint8)
    picture = _frames.picture_of(frame)
    assert picture.image.pixels == lib.FOV_BGR24
    assert np.array_equal(picture.owner, frame[..., :3])


def test_bytes_are_not_copied_either(picture_bytes):
    for kind in (bytes, bytearray, memoryview):
        data = kind(picture_bytes)
        picture = _frames.picture_of(data)
        assert picture.size == len(picture_bytes)
        assert int(ffi.cast("uintptr_t", picture.bytes)) == where(np.frombuffer(data, np.uint8))


def test_a_running_model_and_a_stream_allocate_no_picture():
    """2 MB would be one plane of the frame, 6 MB all of it."""
    frame = np.zeros(FULL_HD, np.uint8)
    with fovea.Model("fake:boxes=2") as model, fovea.Stream("fake:boxes=2") as stream:
        for _ in range(3):
            model.predict(frame)
            stream.put(frame)
            stream.get(10)
        tracemalloc.start()
        try:
            for _ in range(10):
                assert len(model.predict(frame)) == 2
                stream.put(frame)
                assert stream.get(10).frame is frame
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 200_000


def test_a_frame_in_a_stream_is_the_array_itself():
    frame = np.zeros(FULL_HD, np.uint8)
    pool = _frames.new_pool(4)
    wrapped = _frames.wrap(pool[0], frame)
    assert address(wrapped[0].image) == where(frame)
    held = len(_frames._held)
    lib.fov_frame_unref(wrapped)
    assert len(_frames._held) == held - 1
    lib.fov_frame_pool_destroy(pool)


@pytest.mark.parametrize("frame, words", [
    (np.zeros((4, 4, 3), np.float32), "uint8, 0 to 255, not of float32"),
    (np.zeros((4, 4, 3), np.uint16), "uint16"),
    (np.zeros((4, 4, 3), bool), "bool"),
    (np.zeros((4, 4, 2), np.uint8), r"shape \(4, 4, 2\)"),
    (np.zeros((4, 4, 5), np.uint8), "shape"),
    (np.zeros(4, np.uint8), "shape"),
    (np.zeros((2, 4, 4, 3), np.uint8), "shape"),
    (np.zeros((0, 4, 3), np.uint8), "has no size"),
    (np.zeros((4, 0), np.uint8), "has no size"),
    (np.zeros((4, 4, 0), np.uint8), "shape"),
    (b"", "no bytes"), (None, "not builtins.NoneType"), ("frame.jpg", "not builtins.str"), ([[1]], "not builtins.list"),
])
def test_what_is_no_frame(frame, words):
    with fovea.Model("fake:") as model, fovea.Stream("fake:") as stream:
        for use in (model.predict, stream.put):
            with pytest.raises(fovea.InvalidArgument, match=words):
                use(frame)


def test_bytes_that_are_no_picture(picture_bytes):
    with fovea.Model("fake:") as model, fovea.Stream("fake:") as stream:
        for use in (model.predict, stream.put):
            with pytest.raises(fovea.BadFormat):
                use(b"this is no picture at all")
        with pytest.raises(fovea.BadFormat):
            model.predict(picture_bytes[:1000])
        stream.put(picture_bytes[:1000])  # its header is whole: what follows is seen by who decodes it
        result = stream.get(10)
        assert (result.outcome, result.reason) == ("dropped", "decode") and result.message


def test_pictures_over_the_limit():
    with fovea.Model("fake:") as model, fovea.Stream("fake:") as stream:
        with pytest.raises(fovea.LimitExceeded):
            stream.put(np.zeros((20000, 10), np.uint8))
        with pytest.raises(fovea.FoveaError):
            model.predict(np.zeros((7000, 6000), np.uint8))
