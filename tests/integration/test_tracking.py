"""Trackers of streams: boxes get names that last, in every kind of stream, whichever way the tracker is asked for."""
import json

import numpy as np
import pytest
from realtime import START, STREAMS, encode, receive, socket

STREAM = "/api/v1/realtime/video/stream"
PICTURE = encode(np.full((120, 160, 3), 90, np.uint8))
NAMES = ("botsort", "bytetrack", "ocsort", "pitch")


@pytest.fixture(scope="module")
def server(start_server):
    return start_server(model="fake:boxes=3")


def ids(answer, name="annotations"):
    return [d.get("track_id") for d in answer[name]]


@pytest.mark.parametrize("name", NAMES)
def test_boxes_keep_their_names_in_a_session(server, name):
    with socket(server, f"{STREAM}?tracker={name}&order=fifo") as ws:
        seen = []
        for _ in range(8):  # the boxes of the fake model move by a fraction of their size, and jump after 10 runs
            ws.send(PICTURE)
            answer = receive(ws)
            seen.append(ids(answer))
            assert answer["timings_ms"]["track"] >= 0
    named = [one for one in seen if None not in one]
    assert len(named) >= 4, seen
    assert all(len(set(one)) == 3 for one in named), "two boxes, one name"
    assert max(max(one) for one in named) < 30, "names are given out at need"


def test_without_a_tracker_boxes_have_no_names(server):
    with socket(server, STREAM) as ws:
        ws.send(PICTURE)
        assert ids(receive(ws)) == [None, None, None]


def test_start_stream_with_a_tracker(server):
    made = server.post(START, json={"source": "pattern:", "token": "named", "tracker": "bytetrack"})
    assert made.status_code == 201 and made.json()["tracker"] == "bytetrack"
    with socket(server, "/ws/view/named?render=client") as ws:
        answer = receive_detections(ws)
    assert any(i is not None for i in ids(answer, "detections"))
    assert [s["tracker"] for s in server.get(STREAMS).json()["streams"] if s["token"] == "named"] == ["bytetrack"]


def receive_detections(ws):
    """The first boxes that have names."""
    for _ in range(200):
        message = ws.recv(timeout=5)
        if isinstance(message, bytes):
            continue
        answer = json.loads(message)
        if answer.get("type") == "detections" and any("track_id" in d for d in answer["detections"] or []):
            return answer
    raise AssertionError("no box got a name")


def test_a_camera_of_the_settings(start_server, tmp_path):
    config = tmp_path / "fovea.yaml"
    config.write_text("cameras: {hall: {source: 'pattern:', tracker: ocsort}, gate: {tracker: botsort}}\n")
    server = start_server("--config", str(config), model="fake:boxes=2")
    server.wait_for(lambda: [s for s in server.get(STREAMS).json()["streams"] if s["tracker"] == "ocsort"], 5, "the camera")
    with socket(server, "/ws/view/hall?render=client") as ws:
        receive_detections(ws)
