"""Functions of Python as models: what they get, what they may give, deadlines, failures."""
import threading
import time

import fovea
import numpy as np
import pytest

FRAME = np.zeros((64, 96, 3), np.uint8)


def one_box(frame):
    return [[1, 2, frame.shape[1] / 2, 40, 0.5, 1]]


@pytest.mark.parametrize("gives", [
    one_box, lambda frame: np.array(one_box(frame)), lambda frame: fovea.Detections.of(one_box(frame), ["a", "b"]),
    lambda frame: [{"box": [1, 2, 48, 40], "confidence": 0.5, "class": "b"}],
])
def test_it_is_a_model_of_a_stream(gives):
    with fovea.Stream(gives, labels=["a", "b"], tracker="bytetrack") as stream:
        stream.put(FRAME)
        result = stream.get(10)
    assert result.outcome == "delivered" and result.detections.class_name == ["b"]
    assert result.detections.xyxy[0].tolist() == [1, 2, 48, 40] and result.timings_ms["inference"] > 0


def test_it_gets_the_very_array():
    seen = []
    with fovea.Stream(seen.append, order="fifo") as stream:
        stream.put(FRAME)
        assert stream.get(10).delivered
    assert seen[0] is FRAME


def test_what_it_gets_of_other_frames_stays_valid(photo, picture_bytes):
    """Encoded, gray, turned: BGR that belongs to the function."""
    seen = []
    gray = np.random.default_rng(0).integers(0, 255, (48, 64), np.uint8)
    rgb = np.ascontiguousarray(photo[0][..., ::-1])
    with fovea.Stream(seen.append, order="fifo") as stream:
        for frame in (picture_bytes, gray, rgb[..., ::-1]):
            stream.put(frame)
            assert stream.get(10).delivered
    assert seen[0].shape == photo[0].shape and np.abs(seen[0].astype(int) - photo[0]).mean() < 2
    assert np.array_equal(seen[1], np.dstack([gray] * 3))
    assert np.array_equal(seen[2], photo[0])


def test_it_runs_on_a_thread_of_its_own():
    names = set()

    def note(frame):
        names.add(threading.current_thread().name)

    with fovea.Stream(note, order="fifo") as stream:
        for _ in range(10):
            stream.put(FRAME)
            stream.get(10)
    assert names == {"fovea-function"}


def test_one_that_hangs_gives_a_dropped_frame():
    """... at its deadline, with the reason, and works again when it is back."""
    go_on, calls = threading.Event(), []

    def hang(frame):
        calls.append(1)
        if len(calls) == 1:
            go_on.wait(30)

    with fovea.Stream(hang, max_latency_ms=300, drops=True) as stream:
        begin = time.monotonic()
        stream.put(FRAME)
        result = stream.get(10)
        assert (result.outcome, result.reason) == ("dropped", "deadline") and "hang did not return in time" in result.message
        assert time.monotonic() - begin < 5  # and not 30
        go_on.set()
        for _ in range(50):
            stream.put(FRAME)
            if stream.get(10).delivered:
                break
        else:
            pytest.fail("it did not come back")
        stats = stream.stats()
    assert stats["accepted"] == stats["delivered"] + sum(stats["dropped"].values()) + stats["failed"]


def test_without_a_deadline_its_patience_ends():
    with fovea.Stream(lambda frame: time.sleep(3), patience_s=0.2) as stream:
        stream.put(FRAME)
        result = stream.get(2.5)
    assert result.outcome == "failed" and "did not return in time" in result.message


def test_one_that_raises_is_told_and_called_again(caplog):
    calls = []

    def flaky(frame):
        calls.append(1)
        if len(calls) <= 3:
            raise KeyError("weights")
        return one_box(frame)

    with fovea.Stream(flaky, order="fifo") as stream:
        results = []
        for _ in range(5):
            stream.put(FRAME)
            results.append(stream.get(10))
    assert [result.outcome for result in results] == ["failed"] * 3 + ["delivered"] * 2
    assert results[0].message == "flaky: KeyError: 'weights'"
    assert sum("weights" in record.getMessage() for record in caplog.records) == 1


def test_nonsense_is_refused():
    with fovea.Stream(lambda frame: "boxes") as stream:
        stream.put(FRAME)
        result = stream.get(10)
    assert result.outcome == "failed" and "no detections" in result.message


def test_boxes_are_put_right():
    rows = [[-5, -5, 500, 20, 3, 0], [float("nan"), 0, 1, 1, 1, 0], [5, 5, 5, 5, 1, 0], [0, 0, 9, 9, 0.1, 0]]
    with fovea.Stream(lambda frame: rows, conf=0.2) as stream:
        stream.put(FRAME)
        found = stream.get(10).detections
    assert found.xyxy.tolist() == [[0, 0, 96, 20]] and found.score.tolist() == [1]


def test_streams_close_while_it_hangs():
    go_on = threading.Event()
    stream = fovea.Stream(lambda frame: go_on.wait(30), max_latency_ms=100)
    stream.put(FRAME)
    time.sleep(0.02)
    begin = time.monotonic()
    stream.close()
    assert time.monotonic() - begin < 10
    go_on.set()


def test_objects_that_can_be_called():
    class Detector:
        def __call__(self, frame):
            return one_box(frame)

    with fovea.Stream(Detector()) as stream:
        stream.put(FRAME)
        assert stream.get(10).model_id == "Detector"
