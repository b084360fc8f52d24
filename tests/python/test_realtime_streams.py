"""StreamProcessor, AdaptiveStreamProcessor, benchmark_stream_processor: results as they come, every frame accounted for."""
import inspect
import os
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
from places import CONFIG, camera_servers, match

import fovea
from fovea.realtime import AdaptiveStreamProcessor, PipelineFactory, StreamProcessor, benchmark_stream_processor


@pytest.fixture(scope="module")
def pipeline():
    with PipelineFactory.create_realtime_pipeline(config=CONFIG, target_fps=10.0) as made:
        yield made


def adds_up(stats):
    assert stats["total_frames"] == stats["delivered"] + sum(stats["dropped"].values()) + stats["failed"] + stats["waiting"], stats
    return stats


def wait_until(condition, seconds=20):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_arguments_of_the_document():
    mine = inspect.signature(StreamProcessor).parameters
    assert list(mine) == ["pipeline", "source", "target_fps", "max_processing_latency", "buffer_size", "use_multiprocessing"]
    assert [mine[name].default for name in list(mine)[2:]] == [10.0, 2.0, 30, False]
    adaptive = inspect.signature(AdaptiveStreamProcessor).parameters
    assert [adaptive[name].default for name in ("initial_fps", "min_fps", "max_fps", "target_latency_ms")] == [10.0, 5.0, 15.0, 100.0]
    assert [p.default for p in inspect.signature(benchmark_stream_processor).parameters.values()][2:4] == [30.0, 10.0]
    assert inspect.signature(StreamProcessor.log_stats_periodic).parameters["interval"].default == 5.0
    assert list(inspect.signature(StreamProcessor.start).parameters)[1] == "callback_fn"


def test_a_source_to_its_end(pipeline):
    results = []
    processor = StreamProcessor(pipeline, match(frames=50), target_fps=10.0)
    processor.start(callback_fn=results.append)
    assert processor.is_running and processor.wait(30) and processor.error is None
    stats = adds_up(processor.get_stats())
    processor.stop()
    assert len(results) == stats["delivered"] + stats["failed"] and stats["delivered"] >= 10, "two seconds at ten a second"
    assert stats["dropped"]["fps_limit"] > 0 and stats["phase"] == "ended" and stats["waiting"] == 0
    assert [r.frame_idx for r in results] == sorted(r.frame_idx for r in results) and results[-1].tracks
    assert 0 < stats["avg_fps"] < 13 and 0 < stats["e2e_latency_ms"] < 2000
    assert processor.get_stats() == stats, "the last ones stay"


def test_results_come_on_one_thread_that_is_not_the_callers(pipeline):
    threads = set()
    with StreamProcessor(pipeline, match(frames=25)) as processor:
        processor.start(lambda result: threads.add(threading.current_thread()))
        assert processor.wait(20)
    assert len(threads) == 1 and threading.main_thread() not in threads


def test_a_callback_that_raises_is_counted_and_the_stream_goes_on(pipeline, caplog):
    calls = []

    def on_result(result):
        calls.append(result)
        raise ZeroDivisionError("of the test")

    with StreamProcessor(pipeline, match(frames=25)) as processor:
        processor.start(on_result)
        assert processor.wait(20)
        stats = adds_up(processor.get_stats())
    assert len(calls) >= 5 and stats["callback_errors"] == len(calls) == stats["delivered"] and "of the test" in caplog.text


def test_a_slow_callback_costs_results_and_no_frames(pipeline):
    got = []
    with StreamProcessor(pipeline, match(frames=80, fps=40), target_fps=40) as processor:
        processor.start(lambda result: (got.append(result), time.sleep(0.3)))
        assert processor.wait(60)
        stats = adds_up(processor.get_stats())
    assert stats["delivered"] > len(got) and stats["untaken"] == stats["delivered"] - len(got), "newer ones took their place"
    assert [r.frame_idx for r in got] == sorted(r.frame_idx for r in got)


def test_stop_from_the_callback(pipeline):
    got = []
    processor = StreamProcessor(pipeline, match())

    def on_result(result):
        got.append(result)
        processor.stop()

    processor.start(on_result)
    assert processor.wait(20) and len(got) == 1 and not processor.is_running
    adds_up(processor.get_stats())


def test_stopped_and_used_again(pipeline):
    processor = StreamProcessor(pipeline, match())
    processor.start()
    with pytest.raises(fovea.Closed, match="already"):
        processor.start()
    processor.stop()
    processor.stop()
    with pytest.raises(fovea.Closed, match="stopped"):
        processor.start()
    never = StreamProcessor(pipeline, match())
    never.stop()
    assert never.get_stats() == {} and not never.is_running


def test_a_pipeline_that_is_closed_stops_its_streams():
    pipeline = PipelineFactory.create_realtime_pipeline(CONFIG)
    processor = StreamProcessor(pipeline, match())
    processor.start()
    pipeline.close()
    assert not processor.is_running
    with pytest.raises(fovea.Closed):
        StreamProcessor(pipeline, match()).start()


@pytest.mark.parametrize("wrong", [{"buffer_size": 0}, {"buffer_size": 65}, {"target_fps": -1}, {"max_processing_latency": -0.1},
                                   {"max_processing_latency": float("nan")}])
def test_values_out_of_range(pipeline, wrong):
    with pytest.raises(fovea.InvalidArgument):
        StreamProcessor(pipeline, match(), **wrong)


def test_sources_that_are_not_there(pipeline):
    with pytest.raises(fovea.NotFound, match="/nowhere.mp4"):
        StreamProcessor(pipeline, "/nowhere.mp4").start()
    with PipelineFactory.create_realtime_pipeline(model="fake:labels=person") as any_picture:
        processor = StreamProcessor(any_picture, "rtmp://127.0.0.1:9/live/none")
        processor.start()
        assert processor.wait(30) and isinstance(processor.error, fovea.FoveaError), "a live source connects on its own thread"


def test_too_slow_a_model_drops_frames_before_they_cost_anything():
    with PipelineFactory.create_realtime_pipeline(model="fake:sleep_ms=150,labels=person", target_fps=25.0) as pipeline:
        with StreamProcessor(pipeline, match(frames=60, size="320x180"), target_fps=25.0, max_processing_latency=0.4) as processor:
            processor.start()
            assert processor.wait(60)
            stats = adds_up(processor.get_stats())
    assert stats["dropped"]["superseded"] + stats["dropped"]["deadline"] > 5 and stats["delivered"] > 3 and 0 < stats["drop_rate"] < 1


def test_statistics_are_logged(pipeline, caplog, capsys):
    caplog.set_level("INFO", "fovea.realtime")
    with StreamProcessor(pipeline, match()) as processor:
        processor.start()
        processor.log_stats_periodic(interval=0.3)
        wait_until(lambda: caplog.text.count("delivered") >= 2)
        with pytest.raises(fovea.InvalidArgument, match="interval"):
            processor.log_stats_periodic(interval=0)


def test_batch_pipelines_work_every_frame_off():
    results = []
    with PipelineFactory.create_batch_pipeline(CONFIG, batch_size=8) as pipeline:
        with StreamProcessor(pipeline, match(frames=60)) as processor:
            processor.start(results.append)
            assert processor.wait(60)
            stats = adds_up(processor.get_stats())
    assert [r.frame_idx for r in results] == list(range(60)) and stats["delivered"] == 60


def test_adaptive_turns_the_rate():
    """A model of 60 ms against a target of 20 ms: less and less; and back within the bounds."""
    with PipelineFactory.create_realtime_pipeline(model="fake:sleep_ms=60,labels=person") as pipeline:
        processor = AdaptiveStreamProcessor(pipeline=pipeline, source=match(size="320x180"), initial_fps=10.0, min_fps=5.0, max_fps=15.0,
                                            target_latency_ms=20.0)
        processor.start(lambda result: None)
        wait_until(lambda: processor.current_fps == 5.0, 40)
        processor.stop()
    first = processor.changes[0]
    assert first.knob == "fps" and first.before == 10.0 > first.after >= 5.0 and first.measured > 20 and first.why
    with pytest.raises(fovea.InvalidArgument, match="min_fps"):
        AdaptiveStreamProcessor(pipeline, match(), initial_fps=3.0)


def test_benchmark():
    results = benchmark_stream_processor(config=CONFIG, source=match(), duration=1.5, target_fps=10.0)
    stats = results["stream_stats"]
    assert stats["offered"] == stats["delivered"] + stats["dropped"] and 5 < stats["avg_fps"] < 15
    assert 0 < stats["e2e_latency_ms"] < 2000 and 1.4 < stats["duration_s"] < 3 and "tracking" in results["components"]


# --- live -------------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def rtmp(tmp_path_factory):
    servers, folder = camera_servers(), tmp_path_factory.mktemp("rtmp")
    nginx = servers.Nginx(folder / "nginx")
    publisher = nginx.publish(servers.make_clip(folder / "clip.mp4"), "match")
    yield f"rtmp://127.0.0.1:{nginx.rtmp}/live/match"
    publisher.kill()
    publisher.wait()
    nginx.kill()


def test_rtmp_live(rtmp):
    results = []
    find = lambda picture: np.array([[10, 10, 60, 120, 0.9, 0]])  # noqa: E731
    with PipelineFactory.create_realtime_pipeline(model=find) as pipeline:
        processor = StreamProcessor(pipeline=pipeline, source=rtmp, target_fps=10.0, buffer_size=30, use_multiprocessing=True)
        processor.start(results.append)
        wait_until(lambda: len(results) >= 10, 40)
        stats = processor.get_stats()
        processor.stop()
    assert stats["phase"] == "live" and (results[0].width, results[0].height) == (320, 240) and results[-1].tracks
    adds_up(processor.get_stats())


# --- the end of the interpreter ---------------------------------------------------------------------------------

def python(text, **more):
    return subprocess.run([sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(text)], capture_output=True, text=True, timeout=60,
                          check=False, env={**os.environ, "MATCH": match(), "CONFIG": str(CONFIG), **more})


def test_the_interpreter_ends_with_streams_running():
    done = python("""
        import os, time
        from fovea.realtime import *
        pipeline = PipelineFactory.create_realtime_pipeline(model=lambda picture: [[10, 10, 50, 90, 0.9, 0]])
        first = StreamProcessor(pipeline, os.environ["MATCH"])
        second = AdaptiveStreamProcessor(pipeline, os.environ["MATCH"], target_latency_ms=1)
        seen = []
        for one in (first, second):
            one.start(lambda result: seen.append(result))
        reader = AsyncVideoReader(os.environ["MATCH"]).start()
        kept = reader.get_frame().frame
        while len(seen) < 4:
            time.sleep(0.01)
        print("over")
    """)
    assert (done.returncode, done.stdout, done.stderr) == (0, "over\n", "")


def test_a_fork_after_loading_is_told():
    done = python("""
        import os, warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # CPython 3.12 and newer warn of every fork beside threads
        from fovea.realtime import *
        pipeline = PipelineFactory.create_realtime_pipeline(os.environ["CONFIG"])
        frames = [one.frame for one in AsyncVideoReader(os.environ["MATCH"] + "&frames=2")]
        child = os.fork()
        if child == 0:
            try:
                pipeline.process_frame(frames[0])
            except RuntimeError as reason:
                print(reason)
            raise SystemExit(0)
        os.waitpid(child, 0)
        print(pipeline.process_frame(frames[0]).error)
    """)
    assert done.returncode == 0 and "forked" in done.stdout and done.stdout.endswith("None\n") and done.stderr == "", done.stderr
