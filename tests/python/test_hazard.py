"""The classes of document 004."""
import asyncio
import base64
import io
import logging
import re
import threading
import time
from collections import deque
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from places import DOG, ROOT, YOLOX, needs_model
from servers import pictures, server, spot, start_server  # noqa: F401

import fovea
from fovea.client import Server
from fovea.realtime.hazard import (AdaptiveQualityController, FrameProcessingProfiler, ImageBufferPool,
                                   OptimizedFrameProcessor, PerformanceMetrics, PerformanceProfiler, StreamingPipeline,
                                   optimize_image_for_streaming)

RNG = np.random.default_rng(4)


# --- AdaptiveQualityController ----------------------------------------------------------------------------------------

def session_at(fps, name="s"):
    return SimpleNamespace(session_id=name, config=SimpleNamespace(fps_limit=fps))


def recorded_trace():
    """(seconds, latency in ms) of tests/flow/hazard_trace.h."""
    text = (ROOT / "tests/flow/hazard_trace.h").read_text()
    return [(int(ms) / 1e3, int(tenths) / 10) for ms, tenths in re.findall(r"\{(\d+), (\d+)\}", text)]


class Rules:
    """Document 004 with the contract's times, written down once more: turns at most once a second on the mean of the last
    50 results or of the last second, at most one turning round in 10 s, none up within 10 s of one down."""

    def __init__(self, fps):
        self.asked = self.fps = fps
        self.results, self.decided, self.way = deque(maxlen=50), None, 0
        self.turned_at = self.reversed_at = -1e9

    def result(self, now, ms):
        self.results.append((now, ms))
        self.decided = now if self.decided is None else self.decided
        if now - self.decided < 1:
            return
        self.decided = now
        recent = [late for at, late in self.results if now - at <= 1]
        mean, to, top = sum(recent) / len(recent), self.fps, min(25, self.asked)
        if mean > 150 and self.fps > 5:
            to = max(5, self.fps - 2)
        elif mean < 70 and self.fps < top:
            to = min(top, self.fps + 1)
        way = (to > self.fps) - (to < self.fps)
        turning = self.way and way != self.way
        if not way or turning and (now - self.reversed_at < 10 or way > 0 and now - self.turned_at < 10):
            return
        self.reversed_at = now if turning else self.reversed_at
        self.fps, self.way, self.turned_at = to, way, now


def random_trace(seed):
    """Loads that come and go, so that all rules are met."""
    rng, now, level = np.random.default_rng(seed), 0.0, 50.0
    for _ in range(3000):
        if rng.random() < 0.01:
            level = rng.choice([20, 60, 100, 140, 160, 400])
        now += rng.uniform(0.01, 0.3)
        yield now, level * rng.uniform(0.8, 1.2)


@pytest.mark.parametrize("fps", [15, 25, 30, 6])
@pytest.mark.parametrize("trace", ["recorded", 1, 2, 3])
def test_the_controller_does_what_the_rules_say(trace, fps):
    controller, session, rules, seen = AdaptiveQualityController(), session_at(fps), Rules(fps), set()
    for now, ms in recorded_trace() if trace == "recorded" else random_trace(trace):
        controller.adjust_settings(session, ms, now_s=1000 + now)
        rules.result(1000 + now, ms)
        assert session.config.fps_limit == rules.fps, now
        seen.add(session.config.fps_limit)
    assert len(seen) >= (2 if fps == 6 else 4) and all(isinstance(value, int) for value in seen)
    assert list(controller.performance_history) == [ms for _, ms in (recorded_trace() if trace == "recorded" else
                                                                     list(random_trace(trace)))[-50:]]


def test_it_goes_as_the_servers_controller(start_server):
    """A slow server turns its session; the same latencies turn ours to the same rates."""
    slow = start_server(model="fake:cost_ms=170")
    controller, session, told = AdaptiveQualityController(), session_at(15), []
    with Server(slow.url) as one, one.detection(max_latency_ms=0, paced=False) as stream:
        until = time.monotonic() + 4.5
        while time.monotonic() < until:
            stream.send(pictures.picture())
            answer = stream.receive(10)
            if answer.ok:
                controller.adjust_settings(session, answer.total_time_ms)
                told.append((answer.data["config"]["fps_limit"], session.config.fps_limit))
    # What the server tells with an answer is from before that answer counted; its seconds may end one result apart from ours.
    pairs = [(theirs[0], mine[1]) for mine, theirs in zip(told, told[1:])]
    assert pairs[-1][0] < 15 and sum(a != b for a, b in pairs) <= len(pairs) / 3, told


def test_other_targets_and_wishes(caplog):
    caplog.set_level(logging.INFO, "fovea.realtime")
    controller, session = AdaptiveQualityController(), session_at(15)
    assert controller.target_latency == 100
    controller.target_latency = 40
    for i in range(30):
        controller.adjust_settings(session, 61, now_s=100 + i / 10)  # over 1.5 x 40
    assert session.config.fps_limit == 11 and "Reduced FPS to 13 for session s" in caplog.text
    session.config.fps_limit = 20  # the client asks anew
    controller.adjust_settings(session, 50, now_s=103.05)
    assert session.config.fps_limit == 20
    session.config.fps_limit = 0
    with pytest.raises(fovea.InvalidArgument):
        controller.adjust_settings(session, 50)


def test_sessions_are_apart():
    controller, one, two = AdaptiveQualityController(), session_at(15, "one"), session_at(15, "two")
    for i in range(25):
        controller.adjust_settings(one, 400, now_s=10 + i / 10)
        controller.adjust_settings(two, 20, now_s=10 + i / 10)
    assert (one.config.fps_limit, two.config.fps_limit) == (11, 15)
    for i in range(3000):
        controller.adjust_settings(session_at(15, i), 1)
    assert len(controller._rates) == 1024


# --- PerformanceProfiler ----------------------------------------------------------------------------------------------

def test_stages_add_up_to_the_total():
    profiler = PerformanceProfiler()
    with profiler.profile_frame_processing("door") as profile:
        assert isinstance(profile, FrameProcessingProfiler)
        for stage, seconds in (("frame_decode", 0.01), ("preprocessing", 0.002), ("inference", 0.1), ("postprocessing", 0.005)):
            profile.start_stage(stage)
            time.sleep(seconds)
    metrics, = profiler.metrics["door"]
    assert isinstance(metrics, PerformanceMetrics)
    parts = [metrics.frame_decode_time, metrics.preprocessing_time, metrics.inference_time, metrics.postprocessing_time]
    assert all(part >= least for part, least in zip(parts, (0.01, 0.002, 0.1, 0.005)))
    assert 0 <= metrics.total_time - sum(parts) < 0.05 and metrics.queue_wait_time == 0
    assert dict(profiler.bottlenecks) == {"inference": 1}


def test_bottlenecks_and_other_stages():
    profiler = PerformanceProfiler()
    for stage in ("frame_decode", "postprocessing", "preprocessing", "encode"):
        with profiler.profile_frame_processing("door") as profile:
            profile.start_stage(stage)
            time.sleep(0.001)
            profile.start_stage("queue_wait")
            profile.start_stage(stage)
    assert dict(profiler.bottlenecks) == {"frame_decode": 1, "postprocessing": 1, "preprocessing": 1}
    assert profiler.metrics["door"][3].encode_time >= 0.001 and profiler.metrics["door"][3].queue_wait_time > 0
    assert profiler.average("door").frame_decode_time == pytest.approx(profiler.metrics["door"][0].frame_decode_time / 4)
    assert profiler.average("nobody") == PerformanceMetrics()
    with profiler.profile_frame_processing("door") as profile:
        for bad in ("", "two words", "total"):
            with pytest.raises(fovea.InvalidArgument):
                profile.start_stage(bad)


def test_a_frame_that_fails_is_counted_and_memory_is_bounded():
    profiler = PerformanceProfiler()
    with pytest.raises(KeyError), profiler.profile_frame_processing("door") as profile:
        profile.start_stage("inference")
        raise KeyError
    assert len(profiler.metrics["door"]) == 1 and profiler.bottlenecks["inference"] == 1
    for i in range(1500):
        profiler.add("door", PerformanceMetrics(inference_time=i))
        profiler.add(str(i), PerformanceMetrics())
    assert len(profiler.metrics["door"]) == 1000 and len(profiler.metrics) == 1024 and profiler.bottlenecks["inference"] == 1500


# --- ImageBufferPool --------------------------------------------------------------------------------------------------

def test_buffers_are_used_again_but_never_twice_at_once():
    pool = ImageBufferPool(buffer_size=2)
    shape = (1, 3, 64, 64)
    first = pool.get_buffer(shape)
    assert first.shape == shape and first.dtype == np.float32
    second, third, fourth = pool.get_buffer(shape), pool.get_buffer(shape), pool.get_buffer(shape)
    assert len({id(one) for one in (first, second, third, fourth)}) == 4 and pool.overflows == 2
    pool.return_buffer(first)
    pool.return_buffer(first)  # once too often
    pool.return_buffer(third)  # was never kept
    pool.return_buffer(np.empty(shape, np.float32))  # of somebody else
    pool.return_buffer(second[:])  # a view of one that is in use
    again, other = pool.get_buffer(shape), pool.get_buffer(shape)
    assert again is first and other is not first and other is not second


def test_a_buffer_that_is_lost_frees_its_place():
    pool = ImageBufferPool(buffer_size=1)
    for _ in range(5):
        pool.get_buffer((8, 8))
    assert pool.overflows == 0
    kept = pool.get_buffer((8, 8))
    pool.get_buffer((8, 8))
    assert pool.overflows == 1 and kept is not None


def test_shapes_are_bounded():
    pool = ImageBufferPool()
    for side in range(1, 100):
        pool.return_buffer(pool.get_buffer((side, side)))
    assert len(pool._shelves) == 32
    with pytest.raises(fovea.InvalidArgument):
        ImageBufferPool(-1)


def test_many_threads_never_share_a_buffer():
    pool, wrong = ImageBufferPool(buffer_size=3), []

    def work(number):
        for _ in range(400):
            buffer = pool.get_buffer((16, 16))
            buffer[:] = number
            time.sleep(0)
            if not (buffer == number).all():
                wrong.append(number)
            pool.return_buffer(buffer)
    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# --- optimize_image_for_streaming -------------------------------------------------------------------------------------

def as_in_the_document(path, quality=85):
    """Its own code, with the turning that it forgets."""
    from PIL import ImageOps
    with Image.open(path) as img:
        img = ImageOps.exif_transpose(img)
        if img.width > 1280 or img.height > 1280:
            img.thumbnail((1280, 1280), Image.Resampling.LANCZOS)
        if img.mode != "RGB":
            img = img.convert("RGB")
        buffer = io.BytesIO()
        img.save(buffer, format="JPEG", quality=quality, optimize=True)
        return base64.b64encode(buffer.getvalue()).decode()


def pixels_of(text):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text, validate=True)))).astype(int)


def scenery(width, height):
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    return np.dstack([127 + 90 * np.outer(np.cos(y / 23 - k), np.sin(x / 31 + k)) for k in range(3)]).astype(np.uint8)


@pytest.mark.parametrize("width, height, form", [(640, 480, "JPEG"), (1920, 1080, "JPEG"), (4000, 3000, "JPEG"),
                                                 (1080, 2400, "JPEG"), (2000, 1500, "PNG"), (900, 1300, "WEBP"), (1, 3000, "PNG")])
def test_it_is_the_documents_picture(tmp_path, width, height, form):
    path = tmp_path / "picture"
    path.write_bytes(pictures.encode(scenery(width, height), form))
    got, want = pixels_of(optimize_image_for_streaming(str(path))), pixels_of(as_in_the_document(path))
    assert got.shape == want.shape and max(got.shape) <= 1280
    assert np.abs(got - want).mean() < 2 and np.abs(got - want).max() < 40


def test_gray_turned_and_transparent_pictures(tmp_path):
    path = tmp_path / "picture"
    for image in (Image.fromarray(scenery(90, 60)[..., 0]), Image.fromarray(np.dstack([scenery(90, 60), scenery(90, 60)[..., 0]]))):
        image.save(path, "PNG")
        assert pixels_of(optimize_image_for_streaming(path)).shape == (60, 90, 3)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(scenery(1600, 800)).save(path, "JPEG", exif=exif)
    assert pixels_of(optimize_image_for_streaming(path)).shape == (1280, 640, 3)


def test_quality_and_bad_files(tmp_path):
    path = tmp_path / "picture"
    path.write_bytes(pictures.encode(scenery(800, 600)))
    assert len(optimize_image_for_streaming(str(path), quality=30)) < len(optimize_image_for_streaming(str(path), 95))
    with pytest.raises(fovea.InvalidArgument):
        optimize_image_for_streaming(str(path), quality=0)
    with pytest.raises(FileNotFoundError):
        optimize_image_for_streaming(str(tmp_path / "none"))
    path.write_bytes(b"GIF89a")
    with pytest.raises(fovea.FoveaError):
        optimize_image_for_streaming(str(path))


# --- StreamingPipeline ------------------------------------------------------------------------------------------------

def frame(number, body, **more):
    return {"frame_id": number, "image_data": base64.b64encode(body).decode(), **more}


@needs_model
def test_the_pipeline_answers_as_the_server(start_server):
    picture = DOG.read_bytes()
    with Server(start_server(model=str(YOLOX)).url, timeout_s=60) as one, one.detection(max_latency_ms=0) as session:
        session.send(picture)
        want = session.receive(60).data

    async def main():
        async with StreamingPipeline(str(YOLOX)) as pipeline:
            whole = frame(7, picture, session_id="hazard-1", timestamp=5.0)
            headed = {**whole, "image_data": "data:image/jpeg;base64," + whole["image_data"]}
            return [await pipeline.process_frame_pipeline(data) for data in (whole, headed, {"image_data": picture})]
    answers = asyncio.run(main())
    for got in answers:
        assert got["type"] == "detection" and len(got["detections"]) == len(want["detections"]) > 0
        for mine, theirs in zip(got["detections"], want["detections"]):
            assert (mine["class_id"], mine["class"]) == (theirs["class_id"], theirs["class"])
            assert mine["box"] == pytest.approx(theirs["box"], abs=0.05)
            assert mine["confidence"] == pytest.approx(theirs["confidence"], abs=1e-3)
        assert (got["width"], got["height"]) == (want["width"], want["height"])
        timings = got["timings_ms"]
        assert sum(timings.values()) - timings["total"] == pytest.approx(timings["total"], abs=0.01)
        assert got["processing_time_ms"] <= got["total_time_ms"]
    assert (answers[0]["frame_id"], answers[0]["session_id"], answers[0]["timestamp"]) == (7, "hazard-1", 5.0)


def bright(pixels):
    """A model in Python: the box of what is white."""
    ys, xs = np.nonzero(pixels.mean(axis=2) > 128)
    return [[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1, 0.9, 3]] if len(xs) else []


def test_a_function_as_the_model_and_stages_that_overlap():
    names = set()

    def slow(pixels):
        names.add(threading.current_thread().name)
        time.sleep(0.02)
        return bright(pixels)

    async def main():
        async with StreamingPipeline(slow) as pipeline:
            frames = [frame(i, spot(40 * i, 100)) for i in range(8)] + [{"image_data": np.zeros((8, 8, 3), np.uint8)}]
            return await asyncio.gather(*(pipeline.process_frame_pipeline(data) for data in frames))
    answers = asyncio.run(main())
    for i, answer in enumerate(answers[:8]):
        found, = answer["detections"]
        assert answer["frame_id"] == i and found["box"] == pytest.approx([40 * i, 100, 40 * i + 64, 164], abs=2)
    assert answers[8]["detections"] == [] and (answers[8]["width"], answers[8]["height"]) == (8, 8)
    assert len(names) == 1, "one thread runs the model"
    assert answers[7]["timings_ms"]["queue"] > 100, "frames waited for the model, and are told so"


def test_what_is_no_frame():
    async def main():
        pipeline = StreamingPipeline(bright)
        for data, error in (({"image_data": "***"}, fovea.BadFormat), ({"image_data": "data:x;base64,QUJD"}, fovea.BadFormat),
                            ({}, fovea.InvalidArgument), ({"image_data": 7}, fovea.InvalidArgument),
                            ({"image_data": b""}, fovea.InvalidArgument), ({"image_data": spot(0, 0)[:300]}, fovea.BadFormat)):
            with pytest.raises(error):
                await pipeline.process_frame_pipeline(data)
        pipeline.close()
        with pytest.raises(fovea.Closed):
            await pipeline.process_frame_pipeline({"image_data": spot(0, 0)})
    asyncio.run(main())


# --- OptimizedFrameProcessor ------------------------------------------------------------------------------------------

def test_backpressure_drops_the_oldest_and_answers_everybody():
    gate = threading.Event()

    def held(frame_data):
        gate.wait(10)
        return {"done": frame_data["frame_id"]}

    async def main():
        async with OptimizedFrameProcessor(max_queue_size=5, process=held, max_workers=1) as processor:
            first = await processor.process_with_backpressure({"frame_id": 0})
            await asyncio.sleep(0.05)  # it is worked on
            others = [await processor.process_with_backpressure({"frame_id": i}) for i in range(1, 13)]
            assert processor.stats["waiting"] == 5 and processor.stats["dropped"]["queue"] == 7
            gate.set()
            return [await answer for answer in (first, *others)], processor.stats
    answers, stats = asyncio.run(main())
    assert answers[0] == {"done": 0} and answers[8:] == [{"done": i} for i in range(8, 13)]
    assert answers[1:8] == [{"type": "dropped", "frame_id": i, "reason": "queue"} for i in range(1, 8)]
    assert stats["accepted"] == 13 == stats["processed"] + stats["dropped"]["queue"]


def test_frames_that_fail_and_the_end():
    async def main():
        def fails(frame_data):
            raise fovea.BadFormat("no picture") if frame_data["frame_id"] % 2 else ValueError("odd")

        async def slow(frame_data):
            await asyncio.sleep(60)
        processor = OptimizedFrameProcessor(process=fails)
        told = [await (await processor.process_with_backpressure({"frame_id": i})) for i in range(2)]
        assert told == [{"type": "error", "frame_id": 0, "code": "internal_error", "message": "odd"},
                        {"type": "error", "frame_id": 1, "code": "bad_format", "message": "no picture"}]
        assert processor.stats["failed"] == 2
        await processor.close()
        processor = OptimizedFrameProcessor(process=slow, max_workers=1)
        answers = [await processor.process_with_backpressure({"frame_id": i}) for i in range(3)]
        await asyncio.sleep(0.02)
        await processor.close()
        assert [(await answer)["reason"] for answer in answers] == ["shutdown"] * 3
        assert processor.stats["dropped"]["shutdown"] == 3
        with pytest.raises(fovea.Closed):
            await processor.process_with_backpressure({})
        with pytest.raises(fovea.InvalidArgument):
            OptimizedFrameProcessor(0, process=slow)
    asyncio.run(main())


def test_through_the_pipeline():
    async def main():
        async with StreamingPipeline(bright) as pipeline, \
                OptimizedFrameProcessor(process=pipeline.process_frame_pipeline) as processor:
            answers = [await processor.process_with_backpressure(frame(i, spot(40 * i, 100))) for i in range(10)]
            return [await answer for answer in answers]
    answers = asyncio.run(main())
    assert [answer["frame_id"] for answer in answers] == list(range(10))
    assert all(answer["type"] == "detection" for answer in answers)
