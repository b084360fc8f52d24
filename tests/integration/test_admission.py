"""admission of start-stream: what is promised, what is refused with numbers, and that a promise holds in a crowd."""
import re
import time
from pathlib import Path

import numpy as np
import pytest
from realtime import START, STATS, STOP, STREAM, STREAMS, encode, picture, socket

# A run waits 40 ms and uses no processor: what fits does not hang on what else the machine does.
MODEL = "fake:sleep_ms=40"
SLOW = {"source": "pattern:width=320,height=240,fps=10", "max_latency_ms": 1000}


@pytest.fixture(scope="module")
def server(start_server):
    return start_server("openvino.performance_mode=THROUGHPUT", model=MODEL)


@pytest.fixture
def clean(server):
    yield server
    for item in server.get(STREAMS).json()["streams"]:
        server.post(STOP, json={"stream_id": item["stream_id"]})


def fill(server, **body):
    """Starts streams until one is refused: their answers, and the refusal."""
    made = []
    while len(made) < 40:
        answer = server.post(START, json={**SLOW, **body})
        if answer.status_code != 201:
            return made, answer
        made.append(answer.json())
    pytest.fail("everything fits")


def test_refused_with_numbers_when_full(clean):
    server = clean
    made, refused = fill(server)
    assert made and all(one["admission"] == "guaranteed" for one in made), "that is the default"
    assert refused.status_code == 409 and refused.headers["Content-Type"] == "application/problem+json"
    problem = refused.json()
    numbers = problem["admission"]
    assert problem["code"] == "no_capacity" and numbers["runs"] == numbers["fits"] == len(made)
    assert numbers["fps"] == 10 and numbers["needs_ms"] >= 40 and numbers["fps_at_most"] < 10
    assert re.match(rf"fits {len(made)}, runs {len(made)}; this one needs \d+ ms a frame, ", problem["detail"])
    assert "best_effort" in problem["detail"]
    total = server.get(STATS).json()["capacity"]
    assert total["guaranteed"] == len(made) and 0 < total["load"] <= total["limit"] == 0.9

    assert f"fovea_guaranteed_streams {len(made)}\n" in server.get("/metrics").text

    listed = server.get(STREAMS).json()["streams"]
    assert len(listed) == len(made), "nothing is left of the refused one"
    for one in listed:
        assert one["admission"] == "guaranteed" and one["promise"]["fps"] == 10 and one["promise"]["needs_ms"] >= 40
        assert one["promise"]["answer_ms"] <= 1000
    more = server.post(START, json={**SLOW, "admission": "best_effort"})
    assert more.status_code == 201 and more.json()["admission"] == "best_effort" and "promise" not in more.json()
    stats = server.get(STATS + "?stream_id=" + more.json()["stream_id"]).json()
    assert stats["admission"] == "best_effort" and "promise" not in stats

    server.post(STOP, json={"stream_id": made[0]["stream_id"]})
    again = server.post(START, json=SLOW)
    assert again.status_code == 201, "its place is free again"
    stats = server.get(STATS + "?stream_id=" + again.json()["stream_id"]).json()
    assert stats["admission"] == "guaranteed" and stats["promise"]["fps"] == 10


def test_the_mend_in_the_refusal_works(clean):
    server = clean
    server.post(START, json={**SLOW, "token": "first"})
    fast = {"source": "pattern:width=320,height=240,fps=120", "max_latency_ms": 1000}
    refused = server.post(START, json=fast)
    assert refused.status_code == 409
    rate = float(re.search(r"target_fps ([\d.]+)", refused.json()["detail"]).group(1))
    assert 0.5 <= rate < 120
    accepted = server.post(START, json={**fast, "target_fps": rate})
    assert accepted.status_code == 201, accepted.text
    assert accepted.json()["admission"] == "guaranteed"


def test_a_latency_that_no_frame_can_keep(clean):
    server = clean
    server.post(START, json={**SLOW, "token": "first"})  # so that the cost is known
    server.wait_for(lambda: server.get(STREAMS).json()["streams"][0]["total_frames"] >= 10)
    refused = server.post(START, json={**SLOW, "max_latency_ms": 20})
    assert refused.status_code == 409 and "of 20" in refused.json()["detail"]
    assert refused.json()["admission"]["fps_at_most"] == 0


def test_a_source_without_a_rate(start_server, tmp_path: Path):
    for i in range(3):
        (tmp_path / f"{i}.jpg").write_bytes(encode(np.full((120, 160, 3), 60 + 60 * i, np.uint8)))
    server = start_server(config=f"sources:\n  allow: ['{tmp_path}']\n")
    by_name = server.post(START, json={"source": str(tmp_path), "admission": "guaranteed"})
    assert by_name.status_code == 422 and "target_fps" in by_name.json()["detail"]
    left_out = server.post(START, json={"source": str(tmp_path)})
    assert left_out.status_code == 201 and left_out.json()["admission"] == "best_effort"


def test_a_camera_of_the_settings_is_promised_what_fits(start_server):
    camera = "{source: 'pattern:width=320,height=240,fps=%d', max_latency_ms: 1000}"
    server = start_server("openvino.performance_mode=THROUGHPUT", model=MODEL, config=f"cameras:\n  a: {camera % 5}\n  b: {camera % 200}\n")
    server.wait_for(lambda: len([one for one in server.get(STREAMS).json()["streams"] if one["total_frames"]]) == 2,
                    seconds=20)
    found = {one["token"]: one["admission"] for one in server.get(STREAMS).json()["streams"]}
    assert sorted(found.values()) == ["best_effort", "guaranteed"], "both run; not both can be promised"


def test_a_promise_holds_while_sessions_flood(clean):
    """Two sessions that always have the next frame waiting take what is left, and no more."""
    server = clean
    kept = server.post(START, json={**SLOW, "source": "pattern:width=320,height=240,fps=5"}).json()
    body = picture(320, 240)
    with socket(server, STREAM + "?max_latency_ms=0") as one, socket(server, STREAM + "?max_latency_ms=0") as two:
        before = server.get(STATS + "?stream_id=" + kept["stream_id"]).json()
        end = time.monotonic() + 4
        while time.monotonic() < end:
            for ws in (one, two):
                for _ in range(3):
                    ws.send(body)
                for _ in range(3):
                    ws.recv(timeout=10)
        after = server.get(STATS + "?stream_id=" + kept["stream_id"]).json()
    frames = after["total_frames"] - before["total_frames"]
    assert frames >= 10
    assert after["delivered"] - before["delivered"] >= frames - 2, after
    assert after["latency_violations"] == before["latency_violations"], after
