"""OptimizedPipeline, PipelineFactory, FootballTracker: results by the names of document 003, held against the C program."""
import gc
import inspect
import math
import re
import subprocess
import threading
import time

import numpy as np
import pytest
from places import BUILD, CLIP, CONFIG, YOLOX, match, needs_clip, needs_model

import fovea
from fovea.realtime import AsyncVideoReader, FootballTracker, OptimizedPipeline, PipelineFactory, StreamProcessor, Track
from fovea.realtime.pixels import wrapped

PARTS = ["player_detection", "ball_detection", "tracking", "team_classification", "homography", "other"]


@pytest.fixture(scope="module")
def frames():
    with AsyncVideoReader(match(fps=10, frames=40)) as reader:
        return [one.frame for one in reader][:24]


@pytest.fixture(scope="module")
def pipeline():
    with PipelineFactory.create_realtime_pipeline(config=CONFIG, target_fps=10.0) as made:
        yield made


def boxes(*found):
    """A function that finds these boxes in every picture."""
    return lambda picture: np.array(found, np.float32)


def test_arguments_of_the_document():
    assert list(inspect.signature(PipelineFactory.create_realtime_pipeline).parameters)[:2] == ["config", "target_fps"]
    assert inspect.signature(PipelineFactory.create_realtime_pipeline).parameters["target_fps"].default == 10.0
    assert list(inspect.signature(PipelineFactory.create_batch_pipeline).parameters)[:2] == ["config", "batch_size"]
    assert inspect.signature(OptimizedPipeline.profile).parameters["num_frames"].default == 100


def test_the_same_people_as_the_c_program():
    done = subprocess.run([str(BUILD / "examples/football/frames"), str(CONFIG), match(fps=10, frames=24)], capture_output=True, text=True,
                          timeout=60, check=True)
    theirs = [(int(n), int(count)) for n, count in re.findall(r"^Frame (\d+): (\d+) players", done.stdout, re.M)]
    with FootballTracker(CONFIG) as tracker:
        mine = [(r.frame_idx, len(r.tracks)) for r in tracker.process_video(match(fps=10, frames=24))]
    assert len(mine) == 24 and mine == theirs and mine[-1][1] >= 5


def test_what_a_result_says(pipeline, frames):
    for frame in frames:
        result = pipeline.process_frame(frame)
    assert result.error is None and result.detector == "drawn" and (result.width, result.height) == (640, 360)
    assert result.homography.shape == (3, 3) and result.teams.state in ("known", "waiting") and result.teams.first.name == "Whites"
    assert list(result.components) == PARTS and 0 < result.processing_time_ms <= result.latency_ms == result.timings_ms["total"]
    stages = [ms for name, ms in result.timings_ms.items() if name != "total"]
    assert sum(stages) == pytest.approx(result.timings_ms["total"], abs=1), "stages add up"
    seen = [track for track in result.tracks if track.state == "active" and track.pitch_m]
    assert seen and all(isinstance(track, Track) and track.class_name in ("player", "goalkeeper", "referee") for track in seen)
    assert len({track.track_id for track in result.tracks}) == len(result.tracks)


def test_places_on_the_pitch_are_those_of_the_homography(pipeline, frames):
    """Where a person stands, by numpy: the foot of its box through the inverse of the result's own map."""
    for frame in frames:
        result = pipeline.process_frame(frame)
    found = [track for track in result.tracks if track.state == "active" and track.pitch_m and track.class_name != "referee"]
    foot = np.array([[(t.bbox[0] + t.bbox[2]) / 2, t.bbox[3], 1] for t in found]).T
    ground = np.linalg.inv(result.homography) @ foot
    off = np.linalg.norm((ground[:2] / ground[2]).T - [t.pitch_m for t in found], axis=1)
    assert len(found) >= 5 and np.median(off) < 1.0, f"{off} m: smoothed, so not the same"


def test_batches_are_in_order_and_the_same_whatever_the_batch(frames):
    told = []
    for batch_size in (8, 3):
        with PipelineFactory.create_batch_pipeline(config=CONFIG, batch_size=batch_size) as pipeline:
            results = pipeline.process_batch(frames)
        assert [r.frame_idx for r in results] == list(range(len(frames)))
        told.append(results)
    for one, other in zip(*told):
        assert [t.track_id for t in one.tracks] == [t.track_id for t in other.tracks], one.frame_idx
        seen = [(t.bbox, u.bbox) for t, u in zip(one.tracks, other.tracks) if t.state == "active"]
        assert np.array([bbox for bbox, _ in seen]) == pytest.approx(np.array([bbox for _, bbox in seen]), abs=1)


def test_a_long_batch_and_an_empty_one():
    with PipelineFactory.create_batch_pipeline(model=boxes([10, 10, 50, 90, 0.9, 0])) as pipeline:
        results = pipeline.process_batch(np.zeros((90, 160, 3), np.uint8) for _ in range(70))
        assert [r.frame_idx for r in results] == list(range(70)) and pipeline.process_batch([]) == []


def test_a_broken_picture_costs_the_others_nothing():
    picture = np.zeros((90, 160, 3), np.uint8)
    with OptimizedPipeline(model=boxes([10, 10, 50, 90, 0.9, 0])) as pipeline:
        with pytest.raises(fovea.InvalidArgument, match="float64"):
            pipeline.process_batch([picture, np.zeros((90, 160, 3))])
        with pytest.raises(fovea.BadFormat):
            pipeline.process_frame(b"no picture")
        with pytest.raises(fovea.InvalidArgument, match="no size"):
            pipeline.process_frame(np.zeros((0, 0, 3), np.uint8))
        cv2 = pytest.importorskip("cv2")
        whole = cv2.imencode(".jpg", picture)[1].tobytes()
        broken = bytearray(whole)
        broken[whole.index(b"\xff\xda") + 14:] = b"\xff\xd9"  # its header is right, its pixels are not there
        results = pipeline.process_batch([picture, bytes(broken), whole])
        assert [r.error is None for r in results] == [True, False, True]
        assert pipeline.process_frame(picture).error is None, "it goes on"


def test_the_same_array_twice_in_a_batch(frames):
    with OptimizedPipeline(model=boxes([10, 10, 50, 90, 0.9, 0])) as pipeline:
        results = pipeline.process_batch([frames[0], frames[0], frames[0]])
    assert [r.frame_idx for r in results] == [0, 1, 2] and all(r.error is None for r in results)


def test_metrics(frames):
    with PipelineFactory.create_realtime_pipeline(CONFIG) as pipeline:
        for frame in frames[:5]:
            pipeline.process_frame(frame)
        metrics = pipeline.get_metrics()
        assert metrics.frames == 5 and metrics.avg_fps > 0 and 0 < metrics.avg_latency_ms and metrics.memory_mb > 1
        assert f"{metrics.gpu_memory_mb:.1f}" == "nan" and math.isnan(metrics.gpu_memory_mb), "no graphics card runs it"
        assert list(metrics.components) == PARTS
        pipeline.reset_metrics()
        assert pipeline.get_metrics().frames == 0


def test_profile(pipeline):
    results = pipeline.profile(num_frames=12, source=match(size="320x180"))
    assert results["metrics"]["frames"] == results["num_frames"] == 12
    assert results["metrics"]["avg_fps"] > 0 and results["metrics"]["avg_latency_ms"] > 0 and "gpu_memory_mb" in results["metrics"]
    assert list(results["components"]) == PARTS
    with pytest.raises(fovea.InvalidArgument, match="1 frame"):
        pipeline.profile(num_frames=0)


# --- settings ---------------------------------------------------------------------------------------------------

def test_an_unknown_key_names_its_line(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("football:\n  target_fps: 10\n  player_modle: drawn\n")
    with pytest.raises(fovea.InvalidArgument, match=r"config.yaml:3:3: football.player_modle: no such setting, did you mean player_model\?"):
        PipelineFactory.create_realtime_pipeline(path)
    with pytest.raises(fovea.InvalidArgument, match=r":\d+:\d+: football.player_modle"):
        PipelineFactory.create_realtime_pipeline({"football": {"player_modle": "drawn"}})
    with pytest.raises(fovea.FoveaError, match="none.yaml"):
        PipelineFactory.create_realtime_pipeline(tmp_path / "none.yaml")


def test_settings_as_a_dict(frames):
    settings = {"football": {"player_model": "drawn", "pitch_model": "drawn", "teams": [{"name": "A"}, {"name": "B"}]}}
    with PipelineFactory.create_realtime_pipeline(settings) as pipeline:
        assert pipeline.process_frame(frames[0]).teams.second.name == "B"


@pytest.mark.parametrize("wrong", [{"mode": "fast"}, {"batch_size": 100}, {"target_fps": -1}, {"workers": -1}])
def test_values_out_of_range(wrong):
    with pytest.raises(fovea.InvalidArgument):
        OptimizedPipeline(CONFIG, **wrong)


# --- the view ---------------------------------------------------------------------------------------------------

def test_homography_both_ways_round(frames):
    drawn = PipelineFactory.create_realtime_pipeline(CONFIG)
    h = drawn.process_frame(frames[0]).homography
    drawn.close()
    for turned, matrix in ((False, h), (True, np.linalg.inv(h))):
        with PipelineFactory.create_realtime_pipeline({"football": {"player_model": "drawn"}}) as pipeline:
            pipeline.set_homography(matrix, image_to_pitch=turned, width=640, height=360)
            result = pipeline.process_frame(frames[0])
            assert result.homography / result.homography[2, 2] == pytest.approx(h / h[2, 2], rel=0.05, abs=0.5)
            pipeline.set_homography(None)
            assert pipeline.process_frame(frames[1]).homography is None


def test_homographies_that_are_none(pipeline):
    with pytest.raises(fovea.InvalidArgument, match="3x3"):
        pipeline.set_homography(np.eye(4))
    with pytest.raises(fovea.InvalidArgument):
        pipeline.set_homography(np.zeros((3, 3)))
    with pytest.raises(fovea.InvalidArgument, match="inverse"):
        pipeline.set_homography(np.zeros((3, 3)), image_to_pitch=True)


# --- functions as models ----------------------------------------------------------------------------------------

def test_a_function_finds_the_players():
    seen = []

    def find(picture):
        seen.append((picture.shape, int(picture[0, 0, 0]), threading.current_thread() is threading.main_thread()))
        return fovea.Detections([[10, 10, 40, 80], [100, 40, 105, 45]], [0.9, 0.8], [0, 0], ["person", "sports ball"])

    with OptimizedPipeline(model=find) as pipeline:
        result = pipeline.process_frame(np.full((90, 160, 3), 7, np.uint8))
        result = pipeline.process_frame(np.full((90, 160, 3), 8, np.uint8))
    assert seen == [((90, 160, 3), 7, False), ((90, 160, 3), 8, False)], "the pixels themselves, on another thread"
    assert result.detector == "own" and len(result.tracks) == 1 and result.ball is not None
    assert result.tracks[0].bbox == pytest.approx((10, 10, 40, 80), abs=1)


def test_a_function_that_raises_is_counted_and_the_pipeline_goes_on(caplog):
    calls = []

    def find(picture):
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError("of the test")
        return [[10, 10, 40, 80, 0.9, 0]]

    with OptimizedPipeline(model=find) as pipeline:
        assert pipeline.process_frame(np.zeros((90, 160, 3), np.uint8)).tracks == []
        assert pipeline.finder.errors == 1 and "of the test" in caplog.text
        counts = [len(pipeline.process_frame(np.zeros((90, 160, 3), np.uint8)).tracks) for _ in range(5)]
    assert counts[-1] == 1 and pipeline.finder.errors == 1


def test_a_function_is_not_waited_for_beyond_the_deadline(caplog):
    """Frames of a stream have 0.3 s; the function takes until the test lets it go."""
    go, results = threading.Event(), []
    with OptimizedPipeline(model=lambda picture: go.wait(30)) as pipeline:
        with StreamProcessor(pipeline, match(size="160x90"), max_processing_latency=0.3) as processor:
            processor.start(results.append)
            until = time.monotonic() + 20
            while pipeline.finder.errors < 2 and time.monotonic() < until:
                time.sleep(0.02)
            stats = processor.get_stats()
            go.set()
    assert stats["model_errors"] >= 2 and "did not return in time" in caplog.text
    assert all(r.tracks == [] for r in results)


def test_a_function_runs_on_one_thread():
    threads = set()
    with OptimizedPipeline(model=lambda picture: threads.add(threading.current_thread())) as pipeline:
        pipeline.process_batch([np.zeros((90, 160, 3), np.uint8)] * 12)
        pipeline.process_frame(np.zeros((90, 160), np.uint8))
    assert len(threads) == 1 and threading.current_thread() not in threads


def test_a_function_gets_pictures_of_every_form():
    cv2 = pytest.importorskip("cv2")
    seen = []
    with OptimizedPipeline(model=lambda picture: seen.append(picture.mean(axis=(0, 1)).tolist())) as pipeline:
        picture = np.full((90, 160, 3), (10, 200, 60), np.uint8)
        pipeline.process_frame(picture)
        pipeline.process_frame(cv2.imencode(".jpg", picture)[1].tobytes())
        pipeline.profile(1, match(size="160x90"))  # a YUV picture
    assert seen[0] == [10, 200, 60] and seen[1] == pytest.approx([10, 200, 60], abs=4) and len(seen) == 3 and seen[2][1] > seen[2][2]


# --- memory, threads, the end -----------------------------------------------------------------------------------

def test_arrays_are_not_copied_and_are_let_go():
    from fovea._library import ffi, lib
    picture = np.zeros((1080, 1920, 3), np.uint8)
    frame = ffi.new("fov_frame **", wrapped(picture))
    assert int(ffi.cast("uintptr_t", frame[0].image.plane[0])) == picture.ctypes.data
    lib.fov_frame_unref(frame)
    import weakref
    with OptimizedPipeline(model=boxes()) as pipeline:
        alive = weakref.ref(picture)
        pipeline.process_frame(picture)
        pipeline.process_frame(np.zeros((8, 8, 3), np.uint8))
        del picture
        gc.collect()
        assert alive() is None, "the library holds nothing"


def test_nothing_as_large_as_a_frame_is_allocated(pipeline):
    """1080p frames of 6.2 MB go from the reader through the pipeline; Python and numpy allocate less than a twentieth of one."""
    import tracemalloc
    with AsyncVideoReader(match(size="1920x1080", frames=8)) as reader:
        frames = [next(iter(reader)).frame, np.zeros((1080, 1920, 3), np.uint8)]
        with OptimizedPipeline(model=boxes([10, 10, 50, 90, 0.9, 0])) as own:
            own.process_batch(frames)
            tracemalloc.start()
            for _ in range(3):
                frames[0] = reader.get_frame().frame
                own.process_frame(frames[0])
                own.process_batch(frames)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    assert peak < frames[0].nbytes / 20


def test_the_interpreter_goes_on_meanwhile():
    """A run sleeps for 300 ms without Python's lock: another thread counts meanwhile."""
    with OptimizedPipeline(model="fake:sleep_ms=300,labels=person") as pipeline:
        counted, over = [0], threading.Event()

        def count():
            while not over.is_set():
                counted[0] += 1
                time.sleep(0.001)

        thread = threading.Thread(target=count)
        thread.start()
        before = counted[0]
        pipeline.process_frame(np.zeros((90, 160, 3), np.uint8))
        during = counted[0] - before
        over.set()
        thread.join()
    assert during > 10


def test_threads_wait_for_each_other():
    with OptimizedPipeline(model=boxes([10, 10, 50, 90, 0.9, 0])) as pipeline:
        found = []
        threads = [threading.Thread(target=lambda: found.extend(pipeline.process_frame(np.zeros((90, 160, 3), np.uint8)).frame_idx
                                                                for _ in range(10))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(found) == list(range(40))


def test_closed_and_used_again(frames):
    pipeline = PipelineFactory.create_realtime_pipeline(CONFIG)
    pipeline.close()
    pipeline.close()
    for use in (lambda: pipeline.process_frame(frames[0]), lambda: pipeline.process_batch([frames[0]]), pipeline.get_metrics,
                lambda: pipeline.profile(1), lambda: pipeline.set_homography(np.eye(3))):
        with pytest.raises(fovea.FoveaError):
            use()
    with pytest.raises(fovea.Closed, match="closed"):
        pipeline.get_metrics()


# --- real pictures ----------------------------------------------------------------------------------------------

@needs_model
@needs_clip
def test_people_of_a_real_clip():
    with FootballTracker({"football": {"player_model": str(YOLOX)}}) as tracker:
        results = list(tracker.process_video(CLIP, max_frames=12))
        metrics = tracker.get_metrics()
    assert [r.frame_idx for r in results] == list(range(12)) and results[-1].detector in ("model", "weak")
    assert max(len(r.tracks) for r in results) >= 2, "people walk there"
    assert metrics.frames == 12 and metrics.components["player_detection"] > 1
