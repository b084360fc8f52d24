"""Streams: every frame is accounted for, deadlines hold, callbacks may fail, and ends are clean."""
import threading
import time

import fovea
import numpy as np
import pytest

FRAME = np.zeros((64, 96, 3), np.uint8)


def accounted(stats):
    return stats["delivered"] + sum(stats["dropped"].values()) + stats["failed"] + stats["waiting"]


def test_results_belong_to_their_frames():
    with fovea.Stream("fake:boxes=bright", order="fifo") as stream:
        for number in range(40):
            frame = np.zeros((100, 100, 3), np.uint8)
            left = number % 8 * 10
            frame[20:60, left:left + 10] = 255
            assert stream.put(frame, number=number, user=("mine", left), wait=5) == number
            result = stream.get(10)
            assert (result.seq, result.number, result.user, result.outcome) == (number, number, ("mine", left), "delivered")
            assert result.frame is frame and result.in_time and result.model_id == "fake"
            assert result.detections.xyxy[0, 0] == pytest.approx(left, abs=2)
            stages = sum(ms for stage, ms in result.timings_ms.items() if stage != "total")
            assert stages == pytest.approx(result.total_ms, abs=0.01)
        stats = stream.stats()
    assert stats["accepted"] == stats["delivered"] == 40 == accounted(stats)


def test_in_is_delivered_and_dropped():
    """More than can be run: what is not delivered has its reason, in the results and in the numbers."""
    with fovea.Stream("fake:sleep_ms=5", drops=True, capacity=2, results=64, workers=1) as stream:
        for number in range(50):
            stream.put(FRAME, number=number)
        results = [stream.get(10) for _ in range(50)]
        stats = stream.stats()
    assert sorted(result.number for result in results) == list(range(50))
    delivered = [result.number for result in results if result.delivered]
    assert delivered == sorted(delivered) and delivered[-1] == 49
    assert {result.reason for result in results} <= {"", "queue", "superseded"}
    reasons = [result.reason for result in results if not result.delivered]
    assert stats["dropped"] | {"queue": 0, "superseded": 0} == dict.fromkeys(stats["dropped"], 0)
    assert {reason: reasons.count(reason) for reason in set(reasons)} == {
        reason: count for reason, count in stats["dropped"].items() if count}
    assert accounted(stats) == stats["accepted"] == 50 and stats["waiting"] == 0


def test_fifo_loses_nothing():
    with fovea.Stream("fake:sleep_ms=1", order="fifo", capacity=3, results=4) as stream:
        def put_all():
            for number in range(100):
                stream.put(FRAME, number=number, wait=True)
            stream.finish()

        thread = threading.Thread(target=put_all)
        thread.start()
        assert [result.number for result in stream] == list(range(100))
        thread.join()
        with pytest.raises(fovea.EndOfStream):
            stream.get(1)
        with pytest.raises(fovea.Closed):
            stream.put(FRAME)


def test_waiting_for_room_has_an_end():
    with fovea.Stream("fake:sleep_ms=1", order="fifo", capacity=1, results=1) as stream:
        refused = False
        for _ in range(20):
            refused = refused or stream.put(FRAME, wait=0.05) is None
        assert refused


def test_get_waits_no_longer_than_asked():
    with fovea.Stream("fake:") as stream:
        assert stream.get(0) is None and stream.get(0.01) is None


def test_a_deadline_is_kept():
    with fovea.Stream("fake:sleep_ms=5000,limits=1", max_latency_ms=200, drops=True) as stream:
        stream.put(FRAME)
        result = stream.get(4)
        assert (result.outcome, result.reason) == ("dropped", "deadline")
        assert stream.stats()["violations"] == 1


def test_tracks_have_names():
    with fovea.Stream("fake:boxes=1", tracker={"name": "bytetrack", "lost_s": 2.0}, order="fifo") as stream:
        for number in range(6):
            stream.put(FRAME, pts_ms=number * 40.0, wait=5)
        results = [stream.get(10) for _ in range(6)]
    assert [track.id for track in results[-1].tracks] == [1]
    assert results[-1].detections.tracker_id.tolist() == [1]
    assert results[-1].tracks[0].state == "active"


@pytest.mark.parametrize("options, kind, words", [
    ({"order": "random"}, fovea.InvalidArgument, "newest, fifo"), ({"capacity": 65}, fovea.InvalidArgument, "65"),
    ({"tracker": "sort"}, fovea.NotFound, "sort"), ({"tracker": {"speed": 1}}, fovea.InvalidArgument, "speed"),
    ({"results": 65}, fovea.InvalidArgument, "results"), ({"nonsense": 1}, TypeError, "nonsense"),
])
def test_what_cannot_be_opened(options, kind, words):
    with pytest.raises(kind, match=words):
        fovea.Stream("fake:", **options)


def test_callbacks_get_what_get_would_and_may_fail(caplog):
    seen, there = [], threading.Event()

    def on_result(result):
        seen.append(result.number)
        if len(seen) == 5:
            there.set()
        raise RuntimeError("this callback is broken")

    with fovea.Stream("fake:", order="fifo", on_result=on_result) as stream:
        for number in range(5):
            stream.put(FRAME, number=number, wait=5)
        assert there.wait(10)
        for _ in range(100):
            if stream.stats()["callback_errors"] == 5:
                break
            time.sleep(0.02)
    assert seen == [0, 1, 2, 3, 4]
    assert stream.stats()["callback_errors"] == 5  # as it was when it was closed
    told = [record for record in caplog.records if "this callback is broken" in record.getMessage()]
    assert len(told) == 1  # once, not with every frame


def test_statistics_are_told():
    told, there = [], threading.Event()

    def on_stats(stats):
        told.append(stats)
        there.set()

    with fovea.Stream("fake:", on_stats=on_stats, stats_interval_s=0.1) as stream:
        stream.put(FRAME)
        assert there.wait(10)
    assert "p95_ms" in told[0]


def test_what_the_library_tells_is_logged(caplog):
    caplog.set_level("INFO", "fovea")
    with fovea.Stream("fake:", name="hall", stats_interval_s=0.1) as stream:
        stream.put(FRAME)
        end = time.monotonic() + 10
        while not caplog.records and time.monotonic() < end:
            time.sleep(0.02)
    told = next(record for record in caplog.records if "hall" in record.getMessage())
    assert told.name == "fovea.flow" and told.levelname == "INFO" and "delivered" in told.getMessage()


def test_a_rate_that_follows_the_latency():
    changes, there = [], threading.Event()

    def on_change(change):
        changes.append(change)
        there.set()

    with fovea.Stream("fake:sleep_ms=60", adaptive={"target_latency_ms": 20, "initial_fps": 15, "max_fps": 15,
                                                    "on_change": on_change}) as stream:
        end = time.monotonic() + 30
        while not there.is_set() and time.monotonic() < end:
            stream.put(FRAME)
            time.sleep(0.03)
    assert changes and changes[0]["knob"] == "fps" and changes[0]["to"] < changes[0]["from"] and changes[0]["why"]


def test_a_source_of_its_own():
    with fovea.Stream("fake:", order="fifo", pictures=True) as stream:
        stream.start("pattern:width=64,height=64,frames=30", fast=True)
        results = list(stream)
    assert [result.seq for result in results] == list(range(30))
    assert all(result.frame.shape == (64, 64, 3) for result in results)
    with fovea.Stream("fake:") as stream, pytest.raises(fovea.NotFound):
        stream.start("/no/such/film.mp4")


def test_what_may_be_turned():
    with fovea.Stream("fake:score=0.6", order="fifo") as stream:
        stream.put(FRAME)
        assert len(stream.get(10).detections) == 1
        stream.set(conf=0.7, target_fps=0, max_latency_ms=0)
        stream.put(FRAME)
        assert len(stream.get(10).detections) == 0
        assert stream.model_info["backend"] == "fake"


def test_a_closed_stream_says_so():
    stream = fovea.Stream("fake:")
    stream.put(FRAME)
    stream.close()
    stream.close()
    for use in (lambda: stream.put(FRAME), lambda: stream.get(0), stream.finish, stream.flush, lambda: stream.set(conf=0.5),
                lambda: stream.model_info):
        with pytest.raises(fovea.Closed, match="closed"):
            use()
    assert list(stream) == [] and accounted(stream.stats()) == 1


def test_it_is_closed_while_somebody_waits():
    stream, ended = fovea.Stream("fake:"), []

    def wait():
        with pytest.raises(fovea.Closed):
            stream.get()
        ended.append(True)

    threads = [threading.Thread(target=wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    stream.close()
    for thread in threads:
        thread.join(10)
    assert len(ended) == 3


def test_streams_on_one_model_share_its_workers():
    with fovea.Model("fake:") as model, fovea.Stream(model) as one, fovea.Stream(model) as other:
        assert one._workers is other._workers
        for stream in (one, other):
            stream.put(FRAME)
            assert stream.get(10).delivered
        model.close()  # streams that are open keep what they run on
        one.put(FRAME)
        assert one.get(10).delivered
    with fovea.Model("fake:") as model, pytest.raises(fovea.InvalidArgument, match="threads"):
        fovea.Stream(model, threads=2)


def test_nothing_is_kept_when_all_is_closed():
    from fovea import _frames

    with fovea.Stream("fake:sleep_ms=20", capacity=4) as stream:
        for _ in range(20):
            stream.put(np.zeros((32, 32, 3), np.uint8))
    assert not _frames._held and not _frames.live


def test_a_stream_that_nobody_holds_is_closed():
    import gc
    import weakref

    stream = fovea.Stream("fake:", on_result=lambda result: None)
    gone = weakref.ref(stream)
    stream.put(FRAME)
    del stream
    for _ in range(200):
        gc.collect()
        if gone() is None:
            break
        time.sleep(0.02)
    assert gone() is None
