"""AsyncVideoReader and BatchFrameReader: frames as arrays that are not copies, in order, to a clear end."""
import gc
import inspect
import threading
from itertools import islice

import numpy as np
import pytest
from places import CLIP, DATA, DOG, camera_servers, match, needs_clip

import fovea
from fovea.realtime import AsyncVideoReader, BatchFrameReader, FrameData
from fovea.realtime.pixels import bgr_of, pixels_under

cv2 = pytest.importorskip("cv2")


def all_of(source, **options) -> list[FrameData]:
    with AsyncVideoReader(source, **options) as reader:
        return list(reader)


def test_arguments_of_the_document():
    assert list(inspect.signature(AsyncVideoReader).parameters)[:3] == ["source", "buffer_size", "target_fps"]
    assert inspect.signature(AsyncVideoReader).parameters["buffer_size"].default == 30
    assert list(inspect.signature(BatchFrameReader).parameters)[:2] == ["source", "batch_size"]


def test_frames_come_in_order_to_none():
    reader = AsyncVideoReader(source=match(frames=20, fps=25), buffer_size=30)
    reader.start()
    frames = []
    while (frame_data := reader.get_frame()) is not None:
        frames.append(frame_data)
    assert reader.ended and reader.get_frame() is None, "None again and again"
    reader.stop()
    assert [one.frame_idx for one in frames] == list(range(20))
    assert [one.timestamp for one in frames] == pytest.approx([i / 25 for i in range(20)])
    assert all(one.frame.shape == (360, 640, 3) and one.frame.dtype == np.uint8 for one in frames)


def test_target_fps_is_of_the_sources_own_time():
    assert [one.timestamp for one in all_of(match(frames=100, fps=50), target_fps=10)] == pytest.approx([i / 10 for i in range(20)])


def test_pixels_are_the_librarys_and_outlive_the_reader():
    frames = all_of(match(frames=4))
    first = frames[0].frame
    assert pixels_under(first) is not None and pixels_under(first[10:]) is None and pixels_under(first[..., ::-1]) is None
    before = first.copy()
    del frames
    gc.collect()
    all_of(match(frames=60, seed=2))  # whose pool of frames is another one
    assert np.array_equal(first, before)


def test_a_caller_that_keeps_all_frames_gets_copies_and_no_halt():
    frames = all_of(match(frames=150, size="160x90"))
    own = [pixels_under(one.frame) is not None for one in frames]
    assert len(frames) == 150 and own[0] and not own[-1]
    assert not np.array_equal(frames[0].frame, frames[-1].frame)


def test_stills_are_what_opencv_reads():
    pictures = sorted((DATA / "images").glob("*.jpg"))
    if not pictures:
        pytest.skip("no shared pictures")
    for one, path in zip(all_of(DATA / "images/*.jpg"), pictures):
        assert one.name == path.name
        theirs = cv2.imread(str(path))
        assert one.frame.shape == theirs.shape and np.abs(one.frame.astype(int) - theirs).mean() < 1, path.name


@needs_clip
def test_a_clip_is_what_opencv_reads():
    capture, checked = cv2.VideoCapture(str(CLIP)), 0
    for one in islice(AsyncVideoReader(CLIP), 30):
        there, theirs = capture.read()
        assert there and one.frame.shape == theirs.shape
        assert np.abs(one.frame.astype(int) - theirs).mean() < 2, f"frame {one.frame_idx}"
        checked += 1
    assert checked == 30


def test_colours_of_yuv_pixels():
    """bgr_of against OpenCV, on the planes of the picture itself."""
    if not DOG.exists():
        pytest.skip("no shared pictures")
    from fovea._library import ffi, lib
    raw, decoder, error = DOG.read_bytes(), ffi.new("fov_decoder **"), ffi.new("fov_error *")
    image, info = ffi.new("fov_image *"), ffi.new("fov_picture_info *")
    lib.fov_decoder_create(decoder, error)
    bytes_ = ffi.from_buffer("uint8_t[]", raw)
    assert lib.fov_decode(decoder[0], bytes_, len(raw), lib.FOV_YUV, 1, image, info, error) == 0
    mine, theirs = bgr_of(image), cv2.imread(str(DOG))
    lib.fov_decoder_destroy(decoder)
    assert mine.shape == theirs.shape and np.abs(mine.astype(int) - theirs).mean() < 3


def test_batches():
    with BatchFrameReader(source=match(frames=20), batch_size=8) as reader:
        batches = []
        while (batch := reader.get_batch()) is not None:
            batches.append([fd.frame_idx for fd in batch])
    assert batches == [list(range(8)), list(range(8, 16)), list(range(16, 20))]


@pytest.fixture
def silent_camera():
    camera = camera_servers().Jpegs([cv2.imencode(".jpg", np.full((90, 160, 3), 90, np.uint8))[1].tobytes()])
    camera.behave = "silent"
    yield camera
    camera.close()


def test_a_timeout_is_no_end(silent_camera):
    with AsyncVideoReader(f"{silent_camera.url}/camera.mjpg") as reader:
        assert reader.get_frame(timeout=0.2) is None and not reader.ended
        silent_camera.behave = "send"
        frame_data = reader.get_frame(timeout=10)
        assert frame_data.frame.shape == (90, 160, 3) and abs(int(frame_data.frame.mean()) - 90) < 3


def test_a_wait_ends_with_stop(silent_camera):
    reader, got = AsyncVideoReader(f"{silent_camera.url}/camera.mjpg").start(), []
    taker = threading.Thread(target=lambda: got.append(reader.get_frame()))
    taker.start()
    reader.stop()
    taker.join(10)
    assert not taker.is_alive() and got in ([None], []), "None, or Closed when it had not begun"


def test_a_source_that_breaks_says_why():
    with AsyncVideoReader("http://127.0.0.1:9/none.mjpg") as reader, pytest.raises(fovea.InputOutputError, match="nothing answers"):
        reader.get_frame()


@pytest.mark.parametrize("make", [lambda: AsyncVideoReader(match()), lambda: BatchFrameReader(match())])
def test_closed_and_never_started(make):
    reader = make()
    with pytest.raises(fovea.Closed, match="start"):
        reader.get_frame()
    reader.start()
    reader.stop()
    reader.stop()
    with pytest.raises(fovea.Closed, match="stopped"):
        reader.get_frame()
    with pytest.raises(fovea.Closed, match="stopped"):
        reader.start()


@pytest.mark.parametrize("source, error, words", [("/nowhere/video.mp4", fovea.NotFound, "/nowhere/video.mp4"),
                                                  ("gopher://here/x", fovea.FoveaError, "rtsp://"),
                                                  ("pattern:football?size=huge", fovea.InvalidArgument, "size")])
def test_sources_that_cannot_be_opened(source, error, words):
    with pytest.raises(error, match=words):
        AsyncVideoReader(source).start()


def test_values_out_of_range():
    with pytest.raises(fovea.InvalidArgument, match="batch_size"):
        BatchFrameReader(match(), batch_size=0)
    with pytest.raises(fovea.InvalidArgument, match="buffer"):
        AsyncVideoReader(match(), buffer_size=1000).start()


def test_stats():
    with AsyncVideoReader(match(frames=100, fps=50), target_fps=10) as reader:
        list(reader)
        stats = reader.get_stats()
    assert stats["taken"] == 20 and stats["skipped"] == 80 and stats["phase"] == "ended" and stats["error"] == ""
