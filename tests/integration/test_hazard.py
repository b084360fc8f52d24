"""Hazard streaming: /stream/detection and /stream/performance; its events have a file of their own."""
import base64
import json
import socket as sockets
import struct
import threading
import time
import zlib
from contextlib import ExitStack

import pytest
import requests
from conftest import fovea
from hazard import DETECTION, FAST, PERFORMANCE, Events, ask, close_code, frame, memory, session
from realtime import DROPS, STATS, TIMINGS, picture, spot
from websockets.exceptions import ConnectionClosed, InvalidStatus


@pytest.fixture(scope="module")
def server(start_server):
    return start_server(env=FAST)


@pytest.fixture(scope="module")
def plain(start_server):
    """With the defaults of the document."""
    return start_server()


def total(counts: dict) -> int:
    return counts["delivered"] + counts["failed"] + sum(counts["dropped"].values())


# --- the session ----------------------------------------------------------------------------------------------------

def test_the_first_message_is_the_session(plain):
    with session(plain, "?client_id=door") as ws:
        assert ws.hello["type"] == "session" and ws.hello["client_id"] == "door"
        assert ws.hello["config"] == {"fps_limit": 15, "confidence": 0.5, "iou": 0.45, "classes": [], "order": "live"}
    with session(plain) as ws:
        assert ws.hello["client_id"] == ws.hello["session_id"], "a client without a name gets one"


@pytest.mark.parametrize("head", ["", "data:image/jpeg;base64,", "data:image\\/jpeg;base64,"])
def test_a_frame_as_base64(server, head):
    with session(server) as ws:
        text = frame(7, spot(100, 100), timestamp=1763700000000.5).replace('"image_data": "', '"image_data": "' + head)
        got = ask(ws, text)
        assert got["type"] == "detection" and got["frame_id"] == 7 and got["timestamp"] == 1763700000000.5
        assert got["session_id"] == ws.hello["session_id"] and got["config"] == {"fps_limit": 240}
        assert (got["width"], got["height"]) == (640, 480) and isinstance(got["detections"], list)
        assert abs(sum(got["timings_ms"][name] for name in TIMINGS) - got["timings_ms"]["total"]) < 1
        assert got["processing_time_ms"] <= got["total_time_ms"] + 0.01


@pytest.mark.parametrize("size", [0, 1, 2, 3])
def test_base64_of_any_length_is_the_same_picture(start_server, size):
    """Bytes behind a JPEG's end do not matter, so each length modulo 3 is tried, with and without padding."""
    server = start_server(model="fake:boxes=bright", env=FAST)
    body = spot(200, 200) + b"\0" * size
    text = base64.b64encode(body).decode()
    answers = []
    with session(server) as ws:
        for data in (text, text.rstrip("="), text.replace("/", "\\/")):
            answers.append(ask(ws, '{"type":"frame","image_data":"%s","frame_id":1}' % data)["detections"])
        answers.append(ask(ws, body)["detections"])
    assert answers[0] and all(answer == answers[0] for answer in answers), "base64 and bytes are the same picture"


def test_binary_frames_are_numbered_by_the_server(server):
    with session(server) as ws:
        assert [ask(ws, picture())["frame_id"] for _ in range(3)] == [0, 1, 2]
        assert ask(ws, frame())["frame_id"] == 3, "base64 without a frame_id too"


def test_time(server):
    with session(server) as ws:
        before = time.time() * 1000
        got = ask(ws, {"type": "time", "t0": 5})
        assert got["type"] == "time" and got["t0"] == 5 and before - 50 < got["t1"] <= got["t2"] < before + 5000


def test_config_at_any_time(start_server):
    server = start_server(model="fake:boxes=bright", env=FAST)
    with session(server) as ws:
        assert ask(ws, frame(1, spot(200, 200)))["detections"]
        got = ask(ws, {"type": "config", "fps_limit": 20, "classes": [5, 900], "confidence": 0.3, "iou": 0.5, "order": "fifo"})
        assert got["type"] == "config" and "ignored" not in got
        assert got["config"] == {"fps_limit": 20, "confidence": 0.3, "iou": 0.5, "classes": [5, 900], "order": "fifo"}
        after = ask(ws, frame(2, spot(200, 200)))
        assert after["detections"] == [] and after["config"]["fps_limit"] == 20, "class 0 is not among those asked for"
        assert ask(ws, {"type": "config", "classes": []})["config"]["classes"] == []
        assert ask(ws, frame(3, spot(200, 200)))["detections"], "an empty list is every class"


def test_classes_by_name(start_server):
    server = start_server(model="fake:boxes=bright", env=FAST)
    with session(server) as ws:
        name = ask(ws, frame(1, spot(200, 200)))["detections"][0]["class"]
        got = ask(ws, {"type": "config", "classes": [name]})
        assert got["type"] == "config" and got["config"]["classes"] == [0]
        assert "unicorn" in ask(ws, {"type": "config", "classes": ["unicorn"]})["message"]


def test_settings_of_the_environment_act(start_server):
    server = start_server(env={"STREAMING_DEFAULT_FPS": "8", "STREAMING_MAX_FPS": "12", "CONFIDENCE_THRESHOLD": "0.6",
                               "IOU_THRESHOLD": "0.4", "STREAMING_SESSION_TIMEOUT": "2", "STREAMING_QUEUE_SIZE": "3"})
    with session(server) as ws:
        config = ws.hello["config"]
        assert (config["fps_limit"], config["confidence"], config["iou"]) == (8, 0.6, 0.4)
        error = ask(ws, {"type": "config", "fps_limit": 13})
        assert error["code"] == "bad_config" and "1 to 12" in error["message"]
        start = time.monotonic()
        assert close_code(ws, 10) == (1000, "session timeout")
        assert 1 < time.monotonic() - start < 6


def test_every_setting_of_the_document_is_acted_on():
    shown = fovea("config", "reference").stdout
    for line in shown.splitlines():
        assert "streaming." not in line or "not acted on yet" not in line, line


# --- what is wrong is said ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("text,code,word", [
    ('{"type":"frame","frame_id":4,"image_data":"%%%%"}', "bad_base64", "character 0 of 4"),
    ('{"type":"frame","frame_id":4,"image_data":"QUJD!UJD"}', "bad_base64", "character 4"),
    ('{"type":"frame","frame_id":4,"image_data":"QUJDQ"}', "bad_base64", "cut off"),
    ('{"type":"frame","frame_id":4,"image_data":"QQ="}', "bad_base64", "cut off"),
    ('{"type":"frame","frame_id":4,"image_data":"QUI===="}', "bad_base64", "no base64"),
    ('{"type":"frame","frame_id":4,"image_data":"Q=JD"}', "bad_base64", ""),
    ('{"type":"frame","frame_id":4,"image_data":"data:image/jpeg,abc"}', "bad_base64", "data: URL"),
    ('{"type":"frame","frame_id":4,"image_data":7}', "bad_frame", "base64"),
    ('{"type":"frame","frame_id":4}', "bad_frame", "image_data"),
    ('{"type":"frame","frame_id":4,"timestamp":"now","image_data":""}', "bad_frame", "timestamp"),
    ('{"type":"frame","frame_id":4,"image_data":"AA","image_data":"AA"}', "bad_json", "twice"),
])
def test_bad_frames_are_answered_with_their_number(server, text, code, word):
    with session(server) as ws:
        error = ask(ws, text)
        assert error["type"] == "error" and error["code"] == code and word in error["message"]
        assert error.get("frame_id") == (4 if code != "bad_json" else None)
        assert ask(ws, frame(5))["type"] == "detection", "the socket stayed open"


@pytest.mark.parametrize("number", ['"7"', "1.5", "-1", "null", "[]", "1e99"])
def test_a_frame_id_that_is_no_number(server, number):
    with session(server) as ws:
        error = ask(ws, '{"type":"frame","frame_id":%s,"image_data":"AAAA"}' % number)
        assert error["code"] == "bad_frame" and "frame_id" in error["message"] and "frame_id" in error


@pytest.mark.parametrize("text,code", [
    ("", "bad_json"), ("{", "bad_json"), ("[object Promise]", "expected_binary"), ("[]", "unknown_message"), ("null", "unknown_message"),
    ('{"type":"frame","image_data":"AAA', "bad_json"), ("{}", "unknown_message"), ('{"type":7}', "unknown_message"),
    ('{"type":"frames"}', "unknown_message"), ('{"type":"time"}', "unknown_message"), ("[" * 40, "bad_json"),
    ('{"type":"config","note":"%s"}' % ("x" * 70000), "bad_json"), ('{"a":1,"a":2}', "bad_json"), ("NaN", "bad_json"),
])
def test_bad_texts(server, text, code):
    with session(server) as ws:
        assert ask(ws, text)["code"] == code
        assert ask(ws, frame(1))["type"] == "detection"


@pytest.mark.parametrize("member,word", [
    ({"fps_limit": 0}, "1 to 30"), ({"fps_limit": 31}, "1 to 30"), ({"fps_limit": "15"}, "fps_limit"),
    ({"fps_limit": None}, "fps_limit"), ({"confidence": 0}, "0.001 to 1"), ({"confidence": 1.01}, "confidence"),
    ({"iou": 0}, "iou"), ({"iou": [1]}, "iou"), ({"classes": 3}, "list"), ({"classes": [1024]}, "0 to 1023"),
    ({"classes": [-1]}, "0 to 1023"), ({"classes": [1.5]}, "whole"), ({"classes": [None]}, "whole"), ({"order": "lifo"}, "fifo")])
def test_a_config_out_of_range_changes_nothing(plain, member, word):
    with session(plain) as ws:
        error = ask(ws, {"type": "config", "fps_limit": 20, "confidence": 0.9, **member})
        assert error["code"] == "bad_config" and word in error["message"]
        got = ask(ws, {"type": "config"})
        assert got["config"] == ws.hello["config"]


def test_members_that_are_not_known_are_named(server):
    with session(server) as ws:
        assert ask(ws, {"type": "config", "fps_limt": 20})["ignored"] == ["fps_limt"]


def test_a_picture_that_is_none_is_dropped_by_decode(server):
    with session(server) as ws:
        for body in (b"no picture at all", b"", picture()[:200]):
            got = ask(ws, frame(9, body))
            assert (got["type"], got["frame_id"]) == ("dropped", 9) and got["reason"] == "decode" and got["message"]


@pytest.mark.parametrize("message", ["x" * (2 << 20), b"x" * (2 << 20), "x" * ((1 << 20) + 1)], ids=["text", "binary", "1 MiB + 1"])
def test_a_message_over_1_mib_is_closed_with_1009(server, message):
    with session(server) as ws:
        try:
            ws.send(message)
        except ConnectionClosed:
            pass
        assert close_code(ws)[0] == 1009


def test_a_large_message_within_1_mib(server):
    body = picture() + b"\0" * 760000
    with session(server) as ws:
        assert ask(ws, frame(1, body))["type"] == "detection"


def test_text_that_is_no_utf8_is_closed_with_1007(server):
    with session(server) as ws:
        send_raw(ws, 0x81, b'{"type":"frame","image_data":"AA\xff"}')
        assert close_code(ws)[0] == 1007


def test_client_ids(server):
    for bad in ("%00", "%0a", "x" * 65, "%ff", "a%7f", "a/b", "a%5Cb", "..", "."):
        with pytest.raises(InvalidStatus) as refused:
            with session(server, f"?client_id={bad}"):
                pass
        assert refused.value.response.status_code in (400, 422), bad
    with session(server, "?client_id=%D8%AF%D8%B1") as ws:
        assert ws.hello["client_id"] == "در"


# --- compression ----------------------------------------------------------------------------------------------------

def send_raw(ws, first_byte: int, payload: bytes) -> None:
    """One frame as it is, masked with zeros."""
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else struct.pack("!BH", 0x80 | 126, len(payload)) \
        if len(payload) < 65536 else struct.pack("!BQ", 0x80 | 127, len(payload))
    ws.socket.sendall(bytes([first_byte]) + length + b"\0\0\0\0" + payload)


def test_deflate_when_it_is_asked_for(server):
    with session(server, compression="deflate") as ws:
        agreed = ws.response.headers["Sec-WebSocket-Extensions"]
        assert "permessage-deflate" in agreed and "client_no_context_takeover" in agreed
        for i in range(20):
            assert ask(ws, frame(i, spot(10 * i, 20)))["frame_id"] == i
        assert ask(ws, {"type": "config", "fps_limit": 9})["config"]["fps_limit"] == 9
    with session(server) as ws:
        assert "Sec-WebSocket-Extensions" not in ws.response.headers


def test_an_inflate_bomb_is_closed_with_1009_and_costs_nothing(server):
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = deflate.compress(b" " * (400 << 20)) + deflate.flush(zlib.Z_SYNC_FLUSH)
    assert len(bomb) < 1 << 20
    with session(server, compression="deflate") as ws, session(server) as other:
        before = memory(server)
        send_raw(ws, 0xC1, bomb[:-4])
        assert close_code(ws)[0] == 1009
        assert memory(server) - before < 8, "MB"
        assert ask(other, frame(1))["type"] == "detection"


def test_what_does_not_inflate_is_closed_with_1007(server):
    with session(server, compression="deflate") as ws:
        send_raw(ws, 0xC1, b"\xff" * 50)
        assert close_code(ws)[0] == 1007


# --- every frame is accounted for -----------------------------------------------------------------------------------

def test_one_answer_a_frame_under_overload(start_server):
    """Far more than the model can do, with broken frames among them: each is answered once, and the sums are exact."""
    server = start_server(model="fake:sleep_ms=60")
    events = Events(server, "flood")
    sent, answers = 240, []
    with session(server, "?client_id=flood") as ws:
        ask(ws, {"type": "config", "fps_limit": 30})
        good = frame()[:-1]
        for i in range(sent):
            ws.send('{"type":"frame","frame_id":%d,"image_data":"A"}' % i if i % 8 == 3 else '%s,"frame_id":%d}' % (good, i))
        for _ in range(sent):
            answers.append(json.loads(ws.recv(timeout=10)))
        kinds = {kind: [a for a in answers if a["type"] == kind] for kind in ("detection", "dropped", "error")}
        assert sorted(a["frame_id"] for a in answers) == list(range(sent)), "each exactly once"
        assert len(kinds["error"]) == 30 and {a["reason"] for a in kinds["dropped"]} <= DROPS
        order = [a["frame_id"] for a in kinds["detection"]]
        assert order == sorted(order) and order
    end, = events.wait("end")
    assert end["frames"] == sent == total(end) and end["reason"] == "closed"
    assert end["delivered"] == len(kinds["detection"]) and end["failed"] == 30
    reasons = {reason: sum(a["reason"] == reason for a in kinds["dropped"]) for reason in DROPS}
    assert end["dropped"] == reasons
    lines = dict(line.rsplit(" ", 1) for line in server.get("/metrics").text.splitlines() if 'stream="hazard"' in line)
    assert int(lines['fovea_frames_total{stream="hazard",outcome="delivered"}']) == end["delivered"]
    assert int(lines['fovea_frames_total{stream="hazard",outcome="failed"}']) == 30
    for reason in DROPS:
        assert int(lines[f'fovea_frames_total{{stream="hazard",outcome="dropped_{reason}"}}']) == reasons[reason]


def test_frames_on_their_way_at_the_end_are_counted(start_server):
    server = start_server(model="fake:sleep_ms=300")
    events = Events(server, "gone")
    with session(server, "?client_id=gone") as ws:
        for i in range(6):
            ws.send(frame(i))
        time.sleep(0.1)
        ws.socket.shutdown(sockets.SHUT_RDWR)
    end, = events.wait("end")
    assert end["frames"] == total(end) and end["reason"] in ("lost", "closed")


def test_the_rate_that_was_asked_for_is_kept(server):
    with session(server) as ws:
        ask(ws, {"type": "config", "fps_limit": 5})
        got, start = [], time.monotonic()
        for i in range(60):
            ws.send(frame(i))
            time.sleep(1 / 60)
        seconds = time.monotonic() - start
        for _ in range(60):
            got.append(json.loads(ws.recv(timeout=5)))
        late = [a for a in got if a["type"] == "dropped"]
        assert all(a["reason"] in ("fps_limit", "superseded") for a in late)
        assert 4 <= sum(a["type"] == "detection" for a in got) <= 5 * seconds + 4


def test_100_000_messages_do_not_harm_the_others(server):
    """As fast as the client can: texts beyond 50 a second are left out, nothing grows, another session is served."""
    before = memory(server)
    text = json.dumps({"type": "config", "fps_limit": 10}).encode()
    one = bytes([0x81, 0x80 | len(text)]) + b"\0\0\0\0" + text
    with session(server) as loud, session(server) as calm:
        loud.socket.settimeout(30)
        start, times = time.monotonic(), []
        for i in range(100):
            loud.socket.sendall(one * 1000)
            if i % 20 == 0:
                times.append(ask(calm, frame(i))["total_time_ms"])
        assert ask(loud, frame(1), 30)["type"], "it is still there"
        answers = 1
        while True:
            try:
                message = json.loads(loud.recv(timeout=2))
            except TimeoutError:
                break
            answers += 1
            if message.get("type") == "detection":
                break
        seconds = time.monotonic() - start
    assert answers <= 55 * (seconds + 1), "50 a second and a word about the rest"
    assert max(times) < 200 and memory(server) - before < 16


def test_a_client_that_does_not_read_its_answers_is_let_go(start_server):
    server = start_server()
    from websockets.sync.client import connect
    with connect(server.ws + DETECTION, compression=None, max_queue=1, proxy=None, close_timeout=1) as deaf, \
            session(server) as other:
        deaf.socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        one = bytes([0x81, 0x80 | 49]) + b"\0\0\0\0" + b'{"type":"frame","image_data":"' + b"!" * 17 + b'"}'
        deaf.socket.settimeout(1)
        sent = 0
        try:
            while sent < 60000:
                deaf.socket.sendall(one * 100)
                sent += 100
        except OSError:
            pass
        assert ask(other, frame(1))["type"] == "detection"
        server.wait_for(lambda: server.get(PERFORMANCE).json()["active_sessions"] == 1, 20, "the end of the deaf session")


# --- adaptation -----------------------------------------------------------------------------------------------------

def test_the_rate_goes_down_while_answers_are_late_and_tells_why(start_server):
    server = start_server(model="fake:sleep_ms=165")
    events = Events(server, "slow")
    with session(server, "?client_id=slow&max_latency_ms=0") as ws:
        until, limits = time.monotonic() + 20, []
        number = 0
        while time.monotonic() < until and (not limits or limits[-1] > 11):
            limits.append(ask(ws, frame(number))["config"]["fps_limit"])
            number += 1
        assert limits[0] == 15 and limits[-1] == 11, "two steps of two, a second apart"
        first, second = events.wait("adaptation", 2)[:2]
        assert first["stream"] == ws.hello["session_id"] and first["knob"] == "fps"
        assert (first["from"], first["to"], second["to"]) == (15, 13, 11)
        assert first["measured"] > 150 and "150 ms" in first["why"] and second["at"] - first["at"] >= 900
        shown, = [s for s in server.get(PERFORMANCE).json()["sessions"] if s["client_id"] == "slow"]
        assert shown["config"]["fps_limit"] == 11 and shown["fps_asked"] == 15
        assert ask(ws, {"type": "config", "fps_limit": 20})["config"]["fps_limit"] == 20, "the client's word counts at once"


# --- performance ----------------------------------------------------------------------------------------------------

def test_performance(start_server):
    server = start_server(model="fake:sleep_ms=60", env=FAST)
    empty = server.get(PERFORMANCE).json()
    assert empty["active_sessions"] == 0 and empty["total_throughput_fps"] == 0 and empty["sessions"] == []
    with session(server, "?client_id=measured") as ws, session(server):
        for n in range(12):
            assert ask(ws, frame(n))["type"] == "detection"
        time.sleep(1.2)
        got = server.get(PERFORMANCE).json()
        assert got["active_sessions"] == 2 and 0 < got["total_throughput_fps"] < 40
        assert 60 <= got["avg_processing_time_ms"] < 150
        stages = {"decode", "preprocess", "inference", "postprocess", "encode", "queue_wait"}
        assert got["bottlenecks"].keys() == stages and sum(got["bottlenecks"].values()) == 12
        assert got["bottlenecks"]["inference"] > 6, "the fake model's 60 ms are the longest stage"
        usage = got["system_resources"]
        assert 0 <= usage["cpu_usage"] <= 100 and 0 < usage["memory_usage"] <= 100
        assert usage["gpu_usage"] is None or 0 <= usage["gpu_usage"] <= 100
        mine, = [s for s in got["sessions"] if s["client_id"] == "measured"]
        assert mine["frames"] == mine["delivered"] == 12 and sum(mine["bottlenecks"].values()) == 12
        stats = server.get(f"{STATS}?stream_id={ws.hello['session_id']}").json()
        assert stats["total_frames"] == 12


def test_sessions_are_bounded(start_server):
    server = start_server(config="server: {max_sessions: 2}")
    with session(server), session(server):
        with pytest.raises(InvalidStatus) as refused:
            with session(server):
                pass
        assert refused.value.response.status_code == 503 and "Retry-After" in refused.value.response.headers
    server.wait_for(lambda: server.get(PERFORMANCE).json()["active_sessions"] == 0)


@pytest.mark.parametrize("delay", [0, 0.01, 0.05, 0.2])
def test_the_server_ends_with_sessions_and_readers_open(start_server, delay):
    """At any moment: messages at the intake, frames waiting and running, readers, a question for figures on its way."""
    server = start_server(model="fake:sleep_ms=50")
    with ExitStack() as stack:
        sessions = [stack.enter_context(session(server, f"?client_id=last-{n}", close_timeout=2)) for n in range(6)]
        readers = [Events(server, f"last-{n}") for n in range(3)]
        asking = threading.Thread(target=keep_asking, args=(server.url + PERFORMANCE,))
        asking.start()
        for n in range(20):
            for ws in sessions:
                ws.send(frame(n))
        time.sleep(delay)
        assert server.stop() == 0
        for ws in sessions:
            assert close_code(ws)[0] == 1001
        asking.join()
        assert all(reader.of("session") for reader in readers)


def keep_asking(url: str) -> None:
    while True:
        try:
            requests.get(url, timeout=5)
        except requests.RequestException:
            return
