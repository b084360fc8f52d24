"""VideoFrameProcessor and VideoStreamProcessor: answers by the names of document 000, under a deadline."""
import inspect
import threading
import time

import numpy as np
import pytest
from places import DOG, YOLOX, needs_model

import fovea
from fovea.realtime import FrameResult, VideoFrameProcessor, VideoStreamProcessor

PICTURE = np.full((90, 160, 3), 90, np.uint8)
STATS = {"total_frames", "avg_latency_ms", "min_latency_ms", "max_latency_ms", "p95_latency_ms", "p99_latency_ms", "fps",
         "latency_violations", "violation_rate", "device"}


def find(picture):
    return [[10, 10, 40, 80, 0.9, 2], [5, 5, 9, 9, 0.95, 1]]


@pytest.mark.parametrize("kind, first", [(VideoFrameProcessor, []), (VideoStreamProcessor, ["model"])])
def test_arguments_of_the_document(kind, first):
    mine = inspect.signature(kind).parameters
    assert list(mine)[:len(first) + 2] == [*first, "target_fps", "max_latency_ms"]
    assert (mine["target_fps"].default, mine["max_latency_ms"].default) == (30, 200.0)
    assert [(p.name, p.default) for p in inspect.signature(VideoFrameProcessor.process_frame).parameters.values()][2:] == [
        ("model", None), ("frame_id", 0)]
    assert inspect.signature(VideoStreamProcessor.get_result).parameters["timeout"].default == 0.1


# --- single frames ----------------------------------------------------------------------------------------------

def test_what_an_answer_says():
    with VideoFrameProcessor(target_fps=30, max_latency_ms=200.0) as processor:
        result = processor.process_frame(PICTURE, model="fake:labels=polyp+tool", frame_id=7)
    assert isinstance(result, FrameResult) and result.frame_id == 7
    assert result.prediction == {"class": "polyp", "class_id": 0, "confidence": pytest.approx(0.9)} and result.confidence == pytest.approx(0.9)
    assert result.annotations[0]["class"] == "polyp" and len(result.annotations[0]["box"]) == 4
    assert 0 < result.processing_time_ms <= result.total_time_ms and result.meets_latency_requirement is True
    assert (result.width, result.height, result.backend, result.error) == (160, 90, "fake", None) and "inference" in result.timings_ms


def test_late_answers_come_and_say_so():
    with VideoFrameProcessor(max_latency_ms=20) as processor:
        result = processor.process_frame(PICTURE, "fake:sleep_ms=80")
        assert result.prediction and not result.meets_latency_requirement and result.processing_time_ms > 20
        stats = processor.get_performance_stats()
    assert STATS <= set(stats) and stats["total_frames"] == 1 == stats["latency_violations"] and stats["violation_rate"] == 100
    assert stats["avg_latency_ms"] > 20 and stats["device"] == "CPU"


def test_nothing_found():
    with VideoFrameProcessor() as processor:
        result = processor.process_frame(PICTURE, "fake:boxes=none")
    assert (result.prediction, result.confidence, result.annotations) == (None, 0.0, [])


def test_a_function_runs_on_a_thread_of_its_own():
    threads = set()

    def tell(picture):
        threads.add(threading.current_thread())
        return find(picture)

    with VideoFrameProcessor() as processor:
        for _ in range(3):
            result = processor.process_frame(PICTURE, tell)
    assert len(threads) == 1 and threading.current_thread() not in threads
    assert result.prediction["class_id"] == 1 and result.backend == "python" and (result.width, result.height) == (160, 90)


def test_a_function_is_not_waited_for_beyond_the_deadline():
    go = threading.Event()
    with VideoFrameProcessor(max_latency_ms=100) as processor:
        began = time.monotonic()
        late = processor.process_frame(PICTURE, lambda picture: go.wait(20))
        assert time.monotonic() - began < 10 and late.annotations == [] and not late.meets_latency_requirement and "100 ms" in late.error
        go.set()
        assert processor.process_frame(PICTURE, find).meets_latency_requirement


def test_what_a_function_raises_is_raised():
    with VideoFrameProcessor() as processor, pytest.raises(ZeroDivisionError):
        processor.process_frame(PICTURE, lambda picture: 1 / 0)


@pytest.mark.parametrize("frame, words", [(np.zeros((9, 9, 3)), "float64"), (np.zeros((0, 5, 3), np.uint8), "no size"), (b"", "no bytes"),
                                          ("frame.jpg", "str"), (np.zeros((9, 9, 7), np.uint8), "shape")])
@pytest.mark.parametrize("model", ["fake:", find])
def test_frames_that_are_none(frame, words, model):
    with VideoFrameProcessor() as processor, pytest.raises(fovea.InvalidArgument, match=words):
        processor.process_frame(frame, model)


def test_grey_and_four_channel_pictures():
    with VideoFrameProcessor() as processor:
        for model in ("fake:", find):
            assert processor.process_frame(np.zeros((90, 160), np.uint8), model).prediction
            assert processor.process_frame(np.zeros((90, 160, 4), np.uint8), model).prediction


def test_models_that_are_not_there():
    with VideoFrameProcessor() as processor, pytest.raises(fovea.NotFound, match="/nowhere.onnx"):
        processor.process_frame(PICTURE, "/nowhere.onnx")


def test_closed_and_used_again():
    processor = VideoFrameProcessor()
    processor.close()
    processor.close()
    for model in ("fake:", find):
        with pytest.raises(fovea.Closed, match="closed"):
            processor.process_frame(PICTURE, model)


@pytest.mark.parametrize("kind", [VideoFrameProcessor, VideoStreamProcessor])
@pytest.mark.parametrize("wrong", [{"target_fps": -1}, {"max_latency_ms": -5}, {"max_latency_ms": float("nan")}])
def test_values_out_of_range(kind, wrong):
    with pytest.raises(fovea.InvalidArgument):
        kind(**wrong)


@needs_model
def test_a_real_picture():
    with VideoFrameProcessor(max_latency_ms=5000) as processor:
        result = processor.process_frame(DOG.read_bytes(), YOLOX)
        assert {one["class"] for one in result.annotations} >= {"dog"} and result.meets_latency_requirement
        with fovea.Model(YOLOX) as model:
            again = processor.process_frame(DOG.read_bytes(), model)
    assert np.allclose(again.detections.xyxy, result.detections.xyxy) and again.model_id == result.model_id


# --- streams ----------------------------------------------------------------------------------------------------

def adds_up(stats):
    assert stats["total_frames"] == stats["delivered"] + sum(stats["dropped"].values()) + stats["failed"] + stats["waiting"], stats
    return stats


@pytest.mark.parametrize("model", ["fake:", find])
def test_frames_in_results_out(model):
    processor = VideoStreamProcessor(model=model, target_fps=0, max_latency_ms=20000.0)
    processor.start_processing()
    results = []
    for number in range(10):
        assert processor.add_frame(PICTURE.copy()) == number
        results.append(processor.get_result(timeout=10))
    assert processor.get_result(timeout=0.05) is None
    processor.stop_processing()
    stats = adds_up(processor.get_performance_stats())
    assert [r.frame_id for r in results] == list(range(10)) and all(r.prediction and r.error is None for r in results)
    assert all(0 < r.processing_time_ms <= r.total_time_ms and r.meets_latency_requirement for r in results)
    assert STATS <= set(stats) and stats["total_frames"] == stats["delivered"] == 10 and stats["avg_latency_ms"] > 0
    assert results[0].backend == ("fake" if model == "fake:" else "python")


def test_the_newest_frame_wins_and_every_frame_is_accounted_for():
    processor = VideoStreamProcessor("fake:sleep_ms=100", target_fps=0, max_latency_ms=1000.0)
    processor.start_processing()
    for _ in range(60):
        processor.add_frame(PICTURE.copy())
    last = None
    while (result := processor.get_result(timeout=3)) is not None:
        last = result
    stats = adds_up(processor.get_performance_stats())
    processor.stop_processing()
    assert last.frame_id == 59, "the newest"
    assert stats["total_frames"] == 60 and sum(stats["dropped"].values()) > 40 and stats["waiting"] == 0


def test_a_function_that_is_slow_keeps_the_deadline():
    go = threading.Event()
    processor = VideoStreamProcessor(lambda picture: go.wait(20), target_fps=0, max_latency_ms=100.0)
    processor.start_processing()
    for _ in range(5):
        processor.add_frame(PICTURE.copy())
        time.sleep(0.06)
    until = time.monotonic() + 10
    while (stats := processor.get_performance_stats())["waiting"] and time.monotonic() < until:
        processor.get_result(0.05)
    go.set()
    processor.stop_processing()
    adds_up(stats)
    assert stats["waiting"] == 0 and stats["latency_violations"] + stats["failed"] + stats["dropped"]["superseded"] >= 4, stats


def test_a_function_that_raises_fails_its_frames_alone(caplog):
    calls = []

    def sometimes(picture):
        calls.append(1)
        if len(calls) == 2:
            raise ZeroDivisionError("of the test")
        return find(picture)

    with VideoStreamProcessor(sometimes, target_fps=0, max_latency_ms=20000.0) as processor:
        results = []
        for _ in range(3):
            processor.add_frame(PICTURE.copy())
            results.append(processor.get_result(10))
        stats = adds_up(processor.get_performance_stats())
    assert [r.error is None for r in results] == [True, False, True] and "of the test" in results[1].error
    assert stats["failed"] == 1 and not results[1].meets_latency_requirement and "of the test" in caplog.text


def test_stopped_and_never_started():
    processor = VideoStreamProcessor("fake:")
    for use in (lambda: processor.add_frame(PICTURE), processor.get_result):
        with pytest.raises(fovea.Closed, match="start_processing"):
            use()
    assert processor.get_performance_stats() == {}
    processor.start_processing()
    with pytest.raises(fovea.InvalidArgument, match="already"):
        processor.start_processing()
    processor.stop_processing()
    processor.stop_processing()
    for use in (lambda: processor.add_frame(PICTURE), processor.get_result, processor.start_processing):
        with pytest.raises(fovea.Closed, match="stopped"):
            use()
    assert processor.get_performance_stats()["total_frames"] == 0


def test_stop_while_another_thread_waits():
    processor = VideoStreamProcessor("fake:")
    processor.start_processing()
    ended = []

    def wait():
        try:
            ended.append(processor.get_result(timeout=None))
        except fovea.FoveaError as reason:
            ended.append(reason)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.1)
    processor.stop_processing()
    thread.join(10)
    assert not thread.is_alive() and len(ended) == 1


def test_bad_frames_do_not_stop_it():
    with VideoStreamProcessor("fake:", target_fps=0, max_latency_ms=20000.0) as processor:
        for frame, error in ((np.zeros((9, 9, 3)), fovea.InvalidArgument), (b"no picture", fovea.BadFormat)):
            with pytest.raises(error):
                processor.add_frame(frame)
        processor.add_frame(PICTURE)
        assert processor.get_result(10).prediction


# --- settings ---------------------------------------------------------------------------------------------------

def realtime_settings(**variables):
    import json
    import os
    import subprocess
    import sys
    text = ("import json, fovea.realtime.config as c\nprint(json.dumps({k: v for k, v in vars(c).items() if k.startswith('REALTIME_')}))\n"
            "import numpy, fovea.realtime as r\np = r.VideoFrameProcessor()\nprint(p.target_fps, p.max_latency_ms)\n")
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **variables})
    return done, json.loads(done.stdout.splitlines()[0]) if done.stdout else {}


def test_settings_of_the_document():
    done, settings = realtime_settings()
    assert settings == {"REALTIME_ENABLED": True, "REALTIME_TARGET_FPS": 30, "REALTIME_MAX_LATENCY_MS": 200.0, "REALTIME_BUFFER_SIZE": 5,
                        "REALTIME_USE_GPU": True, "REALTIME_USE_TPU": False, "REALTIME_OPTIMIZATION_LEVEL": "high"}, done.stderr
    done, settings = realtime_settings(REALTIME_TARGET_FPS="15", REALTIME_MAX_LATENCY_MS="80", REALTIME_USE_GPU="false")
    assert done.stdout.endswith("15 80.0\n") and settings["REALTIME_USE_GPU"] is False


@pytest.mark.parametrize("variable, value, words", [("REALTIME_TARGET_FPS", "fast", "REALTIME_TARGET_FPS"), ("REALTIME_BUFFER_SIZE", "0", "1 to 64"),
                                                    ("REALTIME_ENABLED", "perhaps", "true or false"),
                                                    ("REALTIME_OPTIMIZATION_LEVEL", "extreme", "low, medium, high"),
                                                    ("REALTIME_ENABLED", "false", "REALTIME_ENABLED is false")])
def test_settings_that_are_none(variable, value, words):
    done, _ = realtime_settings(**{variable: value})
    assert done.returncode == 1 and words in done.stderr.splitlines()[-1]
