"""WS /api/v1/realtime/video/stream: exactly one answer a frame, in order, drops at once."""
import json
import random
import time

import pytest
from realtime import DROPS, STATS, STREAM, assert_result, picture, receive, socket, spot
from websockets.exceptions import ConnectionClosed, InvalidStatus


def answers_of(ws, count: int, seconds: float = 15) -> list[dict]:
    until = time.monotonic() + seconds
    return [receive(ws, max(0.01, until - time.monotonic())) for _ in range(count)]


def check(answers: list[dict], count: int) -> None:
    assert sorted(a["frame_id"] for a in answers) == list(range(count)), "exactly one answer a frame"
    results = [a["frame_id"] for a in answers if a["type"] in ("result", "error")]
    assert results == sorted(results), "results in the order of their frames"
    assert all(a["reason"] in DROPS for a in answers if a["type"] == "dropped")


def test_one_by_one(server):
    with socket(server, STREAM) as ws:
        for i in range(20):
            ws.send(picture())
            answer = receive(ws)
            assert answer["type"] == "result" and answer["frame_id"] == i
            assert_result(answer)


def test_a_burst_is_answered_once_each(start_server):
    server = start_server(model="fake:sleep_ms=15,jitter_ms=20")
    with socket(server, STREAM) as ws:
        for _ in range(200):
            ws.send(picture())
        answers = answers_of(ws, 200)
        check(answers, 200)
        assert {a["type"] for a in answers} == {"result", "dropped"}
        with pytest.raises(TimeoutError):
            ws.recv(timeout=0.3)


def test_random_loads_of_several_sessions(start_server):
    server = start_server(model="fake:sleep_ms=3,jitter_ms=10,fail_every=17")
    random.seed(3)
    with socket(server, STREAM) as a, socket(server, STREAM + "?order=fifo&max_latency_ms=0") as b, \
            socket(server, STREAM + "?max_latency_ms=20") as c:
        counts = {a: 0, b: 0, c: 0}
        bodies = [picture(), picture(64, 64), b"no picture", picture()[:600]]
        for _ in range(400):
            ws = random.choice([a, b, c])
            ws.send(random.choice(bodies))
            counts[ws] += 1
            time.sleep(random.choice([0, 0, 0.001, 0.01]))
        for ws, count in counts.items():
            check(answers_of(ws, count, 30), count)


def test_fifo_supersedes_nothing(start_server):
    server = start_server(model="fake:sleep_ms=10")
    with socket(server, STREAM + "?order=fifo&max_latency_ms=0") as ws:
        answers = []
        for _ in range(10):
            for _ in range(4):  # fewer than may wait
                ws.send(picture())
            answers += answers_of(ws, 4)
    assert [a["frame_id"] for a in answers] == list(range(40)) and all(a["type"] == "result" for a in answers)


def test_newest_wins(start_server):
    server = start_server(model="fake:sleep_ms=100", env={"OPENVINO_ASYNC_INFERENCE": "false"})
    with socket(server, STREAM + "?max_latency_ms=0") as ws:
        for _ in range(4):
            ws.send(picture())
        answers = answers_of(ws, 4)
        check(answers, 4)
        assert [a["frame_id"] for a in answers if a["type"] == "result"][-1] == 3
        assert {a["reason"] for a in answers if a["type"] == "dropped"} == {"superseded"}


def test_boxes_belong_to_their_frame(start_server):
    server = start_server(model="fake:boxes=bright,sleep_ms=4,jitter_ms=10")
    places = [(random.randrange(0, 576), random.randrange(0, 416)) for _ in range(60)]
    with socket(server, STREAM) as ws:
        for place in places:
            ws.send(spot(*place))
            time.sleep(0.015)
        for answer in answers_of(ws, 60):
            if answer["type"] != "result":
                continue
            x, y = places[answer["frame_id"]]
            box, = answer["annotations"]
            assert box["box"] == pytest.approx([x, y, x + 64, y + 64], abs=10)


def test_a_broken_picture_is_dropped_and_the_session_goes_on(server):
    good = picture()
    with socket(server, STREAM) as ws:
        for i, body in enumerate([b"hello", good[:len(good) // 2], b"", b"\xff\xd8\xff"]):
            ws.send(body)
            answer = receive(ws)
            assert answer["type"] == "dropped" and answer["reason"] == "decode" and answer["frame_id"] == i
            assert answer["message"]
        ws.send(good)
        assert receive(ws)["type"] == "result"


def test_texts(server):
    with socket(server, STREAM) as ws:
        ws.send("[object Promise]")
        error = receive(ws)
        assert error["type"] == "error" and error["code"] == "expected_binary" and "await blob.arrayBuffer()" in error["message"]
        for text in ("hello", "{}", '{"type":"frame"}', "[" * 50, '{"type":"time"}'):
            ws.send(text)
            assert receive(ws)["code"] == "expected_binary"
        before = time.time() * 1000
        ws.send(json.dumps({"type": "time", "t0": 12345.5}))
        clock = receive(ws)
        assert clock["type"] == "time" and clock["t0"] == 12345.5
        assert before - 50 <= clock["t1"] <= clock["t2"] <= time.time() * 1000 + 50
        ws.send(picture())
        assert receive(ws)["frame_id"] == 0, "texts are no frames"


def test_failed_runs_are_errors(start_server):
    server = start_server(model="fake:fail_every=2")
    with socket(server, STREAM) as ws:
        kinds = []
        for i in range(4):
            ws.send(picture())
            answer = receive(ws)
            assert answer["frame_id"] == i
            kinds.append(answer["type"])
        assert sorted(kinds) == ["error", "error", "result", "result"]


@pytest.mark.parametrize("query,status", [("max_latency_ms=x", 422), ("conf=0", 422), ("conf=1.5", 422), ("order=lifo", 422),
                                          ("model_id=nobody", 404), ("tracker=magic", 422)])
def test_bad_queries_are_refused_before_the_upgrade(server, query, status):
    with pytest.raises(InvalidStatus) as refused, socket(server, f"{STREAM}?{query}"):
        pass
    assert refused.value.response.status_code == status
    assert json.loads(refused.value.response.body)["status"] == status


def test_deadline(start_server):
    """What is delivered in time was in time; what would end late is dropped before it costs anything."""
    server = start_server(model="fake:sleep_ms=60", env={"OPENVINO_ASYNC_INFERENCE": "false"})
    with socket(server, STREAM + "?max_latency_ms=150") as ws:
        for _ in range(40):
            ws.send(picture())
            time.sleep(0.03)
        answers = answers_of(ws, 40)
    check(answers, 40)
    on_time = [a for a in answers if a["type"] == "result" and a["meets_latency_requirement"]]
    assert on_time and all(a["total_time_ms"] <= 150 for a in on_time)
    assert any(a["type"] == "dropped" for a in answers)


def test_stats_of_a_session(server):
    with socket(server, STREAM + "?client_id=room-7") as ws:
        for _ in range(3):
            ws.send(picture())
            receive(ws)
        stats = server.get(STATS + "?stream_id=room-7").json()
        assert stats["total_frames"] == stats["delivered"] == 3
    server.wait_for(lambda: server.get(STATS + "?stream_id=room-7").status_code == 404)


def test_too_large_a_message_is_closed_with_1009(server):
    with socket(server, STREAM) as ws:
        with pytest.raises(ConnectionClosed) as closed:
            ws.send(bytes(9 << 20))
            ws.recv(timeout=10)
        assert closed.value.rcvd.code == 1009


def test_session_limit(start_server):
    server = start_server("server.max_sessions=2")
    with socket(server, STREAM), socket(server, STREAM):
        with pytest.raises(InvalidStatus) as refused, socket(server, STREAM):
            pass
        assert refused.value.response.status_code == 503 and "Retry-After" in refused.value.response.headers
    def again():
        try:
            with socket(server, STREAM) as ws:
                ws.send(picture())
                return receive(ws)["type"] == "result"
        except InvalidStatus:
            return False
    server.wait_for(again)


def test_closing_while_frames_run(start_server):
    server = start_server(model="fake:sleep_ms=50")
    for _ in range(10):
        with socket(server, STREAM) as ws:
            for _ in range(8):
                ws.send(picture())
    start = time.monotonic()
    assert server.get("/healthz").status_code == 200 and time.monotonic() - start < 1
    assert server.stop() == 0


def test_a_hanging_model_does_not_stop_the_server(start_server):
    server = start_server(model="fake:hang_after=3")
    with socket(server, STREAM) as ws:
        for _ in range(20):
            ws.send(picture())
            time.sleep(0.02)
        answers = answers_of(ws, 20, 20)
        check(answers, 20)
    assert server.get("/healthz").status_code == 200


def test_no_pixels_of_one_client_reach_another(start_server):
    """Two clients, one white, one black, share workers and pools; black ones have no bright box."""
    server = start_server(model="fake:boxes=bright,jitter_ms=3,sleep_ms=1", env={"FOVEA_POISON": "1"})
    white, black = spot(200, 100, 300), picture(640, 480, level=5)
    with socket(server, STREAM) as a, socket(server, STREAM) as b:
        for i in range(80):
            a.send(white)
            b.send(black if i % 3 else black[:len(black) * 2 // 3])
            time.sleep(0.004)
        for answer in answers_of(b, 80):
            assert answer["type"] == "dropped" or answer["annotations"] == []
        assert any(x["type"] == "result" and x["annotations"] for x in answers_of(a, 80))
