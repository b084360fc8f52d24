"""Browser cameras and viewers: pairing, credit, takeover, both ways to render, slow viewers."""
import json
import random
import socket as sockets
import threading
import time
from operator import itemgetter

import numpy as np
import pytest
from realtime import (DROPS, decoded, encode, metadata, pack, picture, receive, send_pair, socket, spot, unpack, wait_for)
from websockets.exceptions import ConnectionClosed

PATIENT = "?max_latency_ms=0"  # where every frame has to be analysed, on a busy machine too
VIEW_FIELDS = {"camera", "max_latency_ms", "labels", "model_id", "backend", "device", "server_time"}


class Camera:
    """Sends with credit, as the page does."""

    def __init__(self, ws):
        self.ws, self.sent, self.due, self.control = ws, 0, 0.0, wait_for(ws, "stream_control")

    def send(self, body: bytes, width=320, height=240, **more) -> int:
        time.sleep(max(0, self.due - time.monotonic()))
        self.due = time.monotonic() + 1 / self.control["target_fps"]
        while self.sent >= self.control["credits"]:
            self.control = wait_for(self.ws, "stream_control")
        send_pair(self.ws, self.sent, body, width, height, **more)
        self.sent += 1
        return self.sent - 1


def view(server, room, query="", **more):
    return socket(server, f"/ws/view/{room}{query}", **more)


def camera(server, room, query="", **more):
    return socket(server, f"/ws/camera/{room}{query}", **more)


def next_picture(ws, seconds: float = 5) -> tuple[dict, bytes]:
    head = wait_for(ws, "frame_metadata", seconds)
    body = receive(ws, seconds)
    assert isinstance(body, bytes), f"a picture follows its metadata at once, not {body}"
    return head, body


# --- render=client ----------------------------------------------------------------------------------------------

def test_client_gets_the_cameras_own_bytes_and_then_detections(server):
    with view(server, "own", "?render=client") as viewer, camera(server, "own", PATIENT) as ws:
        first = receive(viewer)
        assert first["type"] == "view" and VIEW_FIELDS <= first.keys() and first["camera"] == "own"
        assert receive(viewer) == {"type": "camera", "connected": False}
        sender = Camera(ws)
        assert wait_for(viewer, "camera")["connected"] is True
        for i in range(10):
            body = picture(level=20 * i)
            stamp = 1641234567890.25 + i
            sender.send(body, timestamp=stamp, clock_offset_ms=-12.5)
            head, got = next_picture(viewer)
            assert got == body, "byte for byte"
            assert head["frameNumber"] == i and head["timestamp"] == stamp and head["clock_offset_ms"] == -12.5
            assert head["detections"] is None and (head["width"], head["height"], head["format"]) == (320, 240, "jpeg")
            found = wait_for(viewer, "detections")
            assert found["seq"] == head["seq"] and found["frameNumber"] == i and found["analysed"] is True, found
            assert len(found["detections"]) == 1 and found["processing_time_ms"] > 0


def test_detections_of_every_sent_picture_follow_in_order_even_when_dropped(start_server):
    server = start_server(model="fake:sleep_ms=25,boxes=bright", env={"OPENVINO_ASYNC_INFERENCE": "false"})
    places = [(random.randrange(576), random.randrange(416)) for _ in range(60)]
    with view(server, "order", "?render=client") as viewer, camera(server, "order", PATIENT) as ws:
        def send():
            for i, place in enumerate(places):
                send_pair(ws, i, spot(*place), 640, 480)
                time.sleep(0.012)
        thread = threading.Thread(target=send)
        wait_for(viewer, "view")
        thread.start()
        pictures, answers = [], {}
        until = time.monotonic() + 10
        while time.monotonic() < until and (len(pictures) < 60 or len(answers) < len(pictures)):
            message = receive(viewer)
            if isinstance(message, bytes):
                continue
            if message["type"] == "frame_metadata":
                pictures.append(message["frameNumber"])
            elif message["type"] == "detections":
                assert message["frameNumber"] in pictures, "never before its picture"
                assert message["frameNumber"] not in answers, "once"
                answers[message["frameNumber"]] = message
        thread.join()
    assert pictures == list(range(60)) and set(answers) == set(pictures)
    analysed = [a for a in answers.values() if a["analysed"]]
    assert analysed and [a["seq"] for a in analysed] == sorted(a["seq"] for a in analysed)
    assert all(a["reason"] in DROPS and a["detections"] == [] for a in answers.values() if not a["analysed"])
    for a in analysed:
        x, y = places[a["frameNumber"]]
        assert a["detections"][0]["box"] == pytest.approx([x, y, x + 64, y + 64], abs=10)


def test_packed_both_ways(server):
    with view(server, "pack", "?render=client&pack=1") as viewer, camera(server, "pack", "?pack=1") as ws:
        for i in range(3):
            body = picture(level=40 * i)
            ws.send(pack(metadata(i), body))
            while not isinstance(message := receive(viewer), bytes):
                pass
            head, got = unpack(message)
            assert head["type"] == "frame_metadata" and head["frameNumber"] == i and got == body
            assert wait_for(viewer, "detections")["frameNumber"] == i
        for bad in (b"", b"\x00", b"\xff\xff\xff\x7f{}", b"\x04\x00\x00\x00null", b"\x02\x00\x00\x00{}abc"):
            ws.send(bad)
            assert wait_for(ws, "error")["code"] in ("bad_pack", "bad_metadata")
        ws.send(json.dumps(metadata(9)))
        assert wait_for(ws, "error")["code"] == "expected_pack"
        ws.send(pack(metadata(4), picture()))
        while not isinstance(receive(viewer), bytes):
            pass


def test_pictures_do_not_wait_for_the_model(start_server):
    """The model hangs for good: the pictures go on at their pace, each with an answer that says so."""
    server = start_server(model="fake:hang_after=0,deaf=1")
    with view(server, "hang", "?render=client") as viewer, camera(server, "hang") as ws:
        sender = Camera(ws)
        came = []

        def look():
            while len(came) < 40:
                message = receive(viewer, 10)
                if isinstance(message, bytes):
                    came.append(time.monotonic())
        thread = threading.Thread(target=look)
        thread.start()
        for _ in range(40):
            sender.send(picture())
            time.sleep(1 / 30)
        thread.join(10)
    assert len(came) == 40
    assert np.median(np.diff(came)) < 0.08, "credit comes by time when no answer does"


# --- render=server ----------------------------------------------------------------------------------------------

def test_server_draws_the_boxes(start_server):
    server = start_server(model="fake:boxes=bright")
    with view(server, "draw") as viewer, camera(server, "draw", PATIENT) as ws:
        sender = Camera(ws)
        for i in range(8):
            x, y = 80 + 40 * i, 60 + 30 * i
            sender.send(spot(x, y), 640, 480)
            head, body = next_picture(viewer)
            assert head["analysed"] is True and head["frameNumber"] == i
            assert {"processing_time_ms", "processed_at", "detections", "dropped_before", "timings_ms"} <= head.keys()
            box, = head["detections"]
            assert box["box"] == pytest.approx([x, y, x + 64, y + 64], abs=10)
            pixels = decoded(body).astype(int)
            assert pixels.shape == (480, 640, 3)
            assert pixels[y + 32, x + 32].min() > 200, "the picture itself"
            edge = pixels[y - 4:y + 5, x + 20:x + 44].reshape(-1, 3)
            assert (edge.max(axis=1) - edge.min(axis=1)).max() > 60, "a coloured line at the box's edge"
            away = pixels[y + 100:, :].reshape(-1, 3) if y < 300 else pixels[:60, :40].reshape(-1, 3)
            assert away.max() < 40, "nothing is drawn elsewhere"


def test_what_no_box_reaches_stays_as_the_camera_sent_it(start_server):
    """Noise at a quality that nobody else would choose: encoded again, none of it would come out the same."""
    server = start_server(model="fake:boxes=bright")
    noise = np.random.default_rng(1).integers(0, 90, (480, 640, 3)).astype(np.uint8)
    noise[200:264, 300:364] = 255
    sent = encode(noise, quality=57, subsampling=2)
    with view(server, "evidence") as viewer, camera(server, "evidence", PATIENT) as ws:
        Camera(ws).send(sent, 640, 480)
        head, got = next_picture(viewer)
    box, = head["detections"]
    assert got != sent and got[:100] == sent[:100]
    same = (decoded(got) == decoded(sent)).all(axis=2)
    x1, y1, x2, y2 = box["box"]
    near = np.zeros_like(same)
    near[max(0, int(y1) - 48):int(y2) + 24, max(0, int(x1) - 24):int(x2) + 150] = True
    assert same[~near].all() and not same[near].all()


def test_without_boxes_the_cameras_bytes_go_unchanged(start_server):
    server = start_server(model="fake:boxes=none")
    with view(server, "plain") as viewer, camera(server, "plain", PATIENT) as ws:
        body = picture()
        Camera(ws).send(body)
        head, got = next_picture(viewer)
        assert head["analysed"] is True and head["detections"] == [] and got == body


def test_raw_pictures_when_no_result_comes(start_server):
    server = start_server(model="fake:hang_after=0,deaf=1")
    with view(server, "dead") as viewer, camera(server, "dead") as ws:
        sender, body, start = Camera(ws), picture(), time.monotonic()
        for _ in range(20):
            sender.send(body)
            time.sleep(0.04)
        head, got = next_picture(viewer)
        assert head["analysed"] is False and head["detections"] == [] and got == body
        assert time.monotonic() - start > 0.25


def test_one_drawing_for_all(start_server):
    server = start_server(model="fake:boxes=bright")
    with view(server, "all") as a, view(server, "all") as b, camera(server, "all", PATIENT) as ws:
        Camera(ws).send(spot(100, 100), 640, 480)
        assert next_picture(a) == next_picture(b)


# --- bad cameras ------------------------------------------------------------------------------------------------

def test_pair_rules(server):
    good = picture()
    with view(server, "rules", "?render=client") as viewer, camera(server, "rules") as ws:
        def error():
            return wait_for(ws, "error")

        ws.send(good)
        assert error()["code"] == "picture_without_metadata"
        ws.send(json.dumps(metadata(1)))
        ws.send(json.dumps(metadata(2)))
        first = error()
        assert first["code"] == "metadata_without_picture" and first["frame_id"] == 1
        ws.send(good)
        assert next_picture(viewer)[0]["frameNumber"] == 2, "the newer metadata counts"
        send_pair(ws, 3, good, 640, 480)
        wrong = error()
        assert wrong["code"] == "size_mismatch" and wrong["frame_id"] == 3 and "320×240" in wrong["message"]
        send_pair(ws, 4, good, format="png")
        assert error()["code"] == "format_mismatch"
        send_pair(ws, 5, b"no picture")
        assert error()["code"] == "bad_format"
        send_pair(ws, 5, good[:100])
        assert error()["code"] == "bad_format"
        ws.send(json.dumps(metadata(6)))
        time.sleep(1.1)
        ws.send(good)
        assert error()["code"] == "metadata_too_old"
        ws.send(json.dumps(metadata(7)))
        ws.send("[object Promise]")
        promise = error()
        assert promise["code"] == "expected_binary" and "await blob.arrayBuffer()" in promise["message"]
        send_pair(ws, 8, good)
        assert next_picture(viewer)[0]["frameNumber"] == 8, "the session goes on"


@pytest.mark.parametrize("text", ["{", "[]", '{"type":"frame_metadata","width":"wide"}', '{"type":"frame_metadata","width":0}',
                                  '{"type":"frame_metadata","frameNumber":-1}', '{"type":"frame_metadata","timestamp":"now"}',
                                  '{"type":"frame_metadata","format":"bmp"}', '{"type":"other"}', '{"type":5}', "null",
                                  '{"type":"frame_metadata","frameNumber":1,"frameNumber":2}'])
def test_bad_texts(server, text):
    with camera(server, "texts") as ws:
        ws.send(text)
        assert wait_for(ws, "error")["code"] in ("bad_metadata", "unknown_message")
        send_pair(ws, 1, picture())
        ws.send(json.dumps({"type": "time", "t0": 1}))
        wait_for(ws, "time")
    server.wait_for(lambda: not server.get("/api/camera/texts/stats").json()["camera_connected"])


def test_huge_header_is_refused(server):
    body = bytearray(picture())
    at = body.index(b"\xff\xc0")
    body[at + 5:at + 9] = (65500).to_bytes(2, "big") * 2
    with camera(server, "huge") as ws:
        ws.send(json.dumps({"type": "frame_metadata", "frameNumber": 1}))
        ws.send(bytes(body))
        assert wait_for(ws, "error")["code"] == "limit_exceeded"


def test_random_sequences_keep_the_session(server):
    """Any order of good and bad messages: typed errors, and only good pairs become pictures."""
    random.seed(11)
    good, sent = picture(), []
    with view(server, "random", "?render=client") as viewer, camera(server, "random") as ws:
        waiting = None
        for i in range(400):
            kind = random.choice(["meta", "meta", "picture", "picture", "bad_meta", "junk", "promise"])
            if kind == "meta":
                ws.send(json.dumps(metadata(i)))
                waiting = i
            elif kind == "picture":
                ws.send(good)
                if waiting is not None:
                    sent.append(waiting)
                    time.sleep(0.003)  # so that the viewer's slot is free
                waiting = None
            elif kind == "junk":
                ws.send(b"\xff\xd8junk")
                waiting = None
            elif kind == "bad_meta":
                ws.send('{"type":"frame_metadata","width":-1}')
            else:
                ws.send("[object Promise]")
                waiting = None
        got = []
        while len(got) < len(sent):
            got.append(next_picture(viewer)[0]["frameNumber"])
        assert got == sent


# --- credit and pace ----------------------------------------------------------------------------------------------

def test_credits_only_grow_and_bound_what_is_under_way(start_server):
    server = start_server(model="fake:sleep_ms=10")
    with camera(server, "credit") as ws:
        first = receive(ws)
        assert {"type", "target_fps", "quality", "width", "height", "credits", "reason"} <= first.keys()
        assert first["credits"] == 2 and 5 <= first["target_fps"] <= 60 and 0.3 <= first["quality"] <= 0.95
        assert first["width"] is None and first["height"] is None, "nobody knows yet"
        knobs = itemgetter("target_fps", "quality", "reason")
        last, sent, asked = first["credits"], 0, knobs(first)
        for _ in range(30):
            while sent < last:
                send_pair(ws, sent, picture())
                sent += 1
            control = wait_for(ws, "stream_control")
            assert last <= control["credits"] <= sent + 2
            assert last < control["credits"] or knobs(control) != asked, "credit, or another rate or quality, or nothing"
            assert (control["width"], control["height"]) == (320, 240)
            last, asked = control["credits"], knobs(control)
        while sent < last:  # the camera is turned round
            send_pair(ws, sent, picture(240, 320), 240, 320)
            sent += 1
        server.wait_for(lambda: wait_for(ws, "stream_control")["height"] == 320, 5, "the new size")


def test_a_camera_by_post_is_told_the_size_of_its_pictures(server):
    for width, height in ((320, 240), (160, 120)):
        told = server.post("/api/camera/posted/frame", data=picture(width, height), headers={"Content-Type": "image/jpeg"}).json()
        assert (told["width"], told["height"]) == (width, height)


def test_a_camera_that_ignores_credit_is_throttled_by_drops(start_server):
    server = start_server(model="fake:sleep_ms=20")
    with camera(server, "wild") as ws:
        for i in range(300):
            send_pair(ws, i, picture())
        ws.send(json.dumps({"type": "time", "t0": 0}))
        wait_for(ws, "time", 10)
        def answered():
            stats = server.get("/api/camera/wild/stats").json()
            return stats["delivered"] + sum(stats["drops"].values()) == 300 == stats["frames"] and stats
        stats = server.wait_for(answered)
        assert stats["delivered"] >= 1 and sum(stats["drops"].values()) > 100


def test_pace_follows_the_workers(start_server):
    server = start_server(model="fake:sleep_ms=100", env={"OPENVINO_ASYNC_INFERENCE": "false"})
    with view(server, "pace", "?render=client") as viewer, camera(server, "pace") as ws:
        stop = time.monotonic() + 8
        control = receive(ws)
        number = 0
        change = []
        threading.Thread(target=lambda: change.append(wait_for(viewer, "adaptation", 10)), daemon=True).start()
        while time.monotonic() < stop and control["target_fps"] > 15:
            send_pair(ws, number, picture())
            number += 1
            time.sleep(1 / 30)
            while True:
                try:
                    message = receive(ws, 0.001)
                except TimeoutError:
                    break
                control = message if message["type"] == "stream_control" else control
        assert 5 <= control["target_fps"] <= 15
        time.sleep(0.2)
        assert change and change[0]["knob"] == "fps" and change[0]["from"] > change[0]["to"] and change[0]["why"]
        assert server.get("/api/camera/pace/stats").json()["adaptation"]


# --- who is the camera ------------------------------------------------------------------------------------------

def test_a_newcomer_waits_while_the_camera_sends_and_takes_over_when_it_is_silent(server):
    with camera(server, "take") as old:
        sender = Camera(old)
        sender.send(picture())
        with pytest.raises(ConnectionClosed) as closed, camera(server, "take") as ws:
            ws.recv(timeout=3)
        assert closed.value.rcvd.code == 1008 and closed.value.rcvd.reason == "busy"
        sender.send(picture())
        time.sleep(2.2)
        with camera(server, "take") as new:
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    old.recv(timeout=3)
            assert closed.value.rcvd.code == 1008 and closed.value.rcvd.reason == "replaced"
            Camera(new).send(picture())
            assert server.get("/api/camera/take/stats").json()["camera_connected"] is True


def test_a_camera_that_vanishes(server):
    with view(server, "gone", "?render=client") as viewer:
        with camera(server, "gone") as ws:
            Camera(ws).send(picture())
            next_picture(viewer)
            ws.send(json.dumps(metadata(1)))
            ws.socket.shutdown(sockets.SHUT_RDWR)
        while wait_for(viewer, "camera")["connected"]:
            pass
        with camera(server, "gone") as ws:
            Camera(ws).send(picture(level=90))
            assert next_picture(viewer)[1] == picture(level=90)


def test_frames_by_post(server):
    url = "/api/camera/post/frame"
    with view(server, "post", "?render=client") as viewer:
        for i in range(4):
            body = picture(level=30 * i)
            answer = server.post(url + f"?timestamp={1000.5 + i}&frameNumber={i}&clock_offset_ms=3", data=body,
                                 headers={"Content-Type": "image/jpeg"})
            control = answer.json()
            assert answer.status_code == 200 and control["credits"] >= i + 1 and control["target_fps"] > 0
            assert abs(control["server_time"] - time.time() * 1000) < 1000
            head, got = next_picture(viewer)
            assert got == body and head["frameNumber"] == i and head["timestamp"] == 1000.5 + i
        assert server.post(url, data=b"x", headers={"Content-Type": "image/jpeg"}).status_code == 400
        assert server.post(url, data=b"", headers={"Content-Type": "image/jpeg"}).status_code == 400
        assert server.post(url, data=b"x", headers={"Content-Type": "text/plain"}).status_code == 415
        assert server.post(url + "?timestamp=now", data=picture(), headers={"Content-Type": "image/jpeg"}).status_code == 422
        with pytest.raises(ConnectionClosed) as closed, camera(server, "post") as ws:
            ws.recv(timeout=3)
        assert closed.value.rcvd.code == 1008


def test_post_does_not_push_out_a_camera(server):
    with camera(server, "both") as ws:
        Camera(ws).send(picture())
        answer = server.post("/api/camera/both/frame", data=picture(), headers={"Content-Type": "image/jpeg"})
        assert answer.status_code == 409 and answer.json()["code"] == "camera_busy"


# --- viewers ----------------------------------------------------------------------------------------------------

def test_a_viewer_only_watches(server):
    with view(server, "watch") as viewer:
        viewer.send(b"\xff\xd8")
        assert wait_for(viewer, "error")["code"] == "forbidden"
        for text in (json.dumps(metadata(1)), '{"type":"stream_control","target_fps":1}'):
            viewer.send(text)
            assert wait_for(viewer, "error")["code"] == "forbidden"
        viewer.send("nonsense")
        assert wait_for(viewer, "error")["code"] == "bad_message"
        viewer.send(json.dumps({"type": "time", "t0": 5}))
        assert wait_for(viewer, "time")["t0"] == 5
        viewer.send(json.dumps({"type": "performance_stats", "fps": 24.5, "latency": 61.25, "queueSize": 1}))
        def told():
            item, = server.get("/api/camera/watch/stats").json()["viewers"]
            return item["fps"] == 24.5 and item["latency_ms"] == 61.25
        server.wait_for(told)


def test_stats_message_once_a_second(server):
    with view(server, "stats", "?render=client") as viewer, camera(server, "stats") as ws:
        sender = Camera(ws)
        for _ in range(20):
            sender.send(picture())
            time.sleep(0.04)
        stats = wait_for(viewer, "stats")
        stats = wait_for(viewer, "stats")
        assert {"latency_ms", "fps_in", "fps_out", "drops", "stages", "bound_ms"} <= stats.keys()
        assert set(stats["latency_ms"]) == {"p50", "p95", "p99"} and set(stats["drops"]) == DROPS
        whole = server.get("/api/camera/stats/stats").json()
        assert whole["camera_connected"] is True and whole["viewer_count"] == 1
        assert {"inference_size", "confidence_threshold", "gpu_available", "target_fps", "jpeg_quality"} <= whole["processor_stats"].keys()
        item, = whole["viewers"]
        assert {"id", "fps", "latency_ms", "skipped", "bytes"} <= item.keys() and item["bytes"] > 0


def test_a_viewer_that_never_reads_slows_nobody(start_server):
    """It holds two pictures and is closed with 1013 after 10 s; the other one misses nothing."""
    server = start_server()
    noise = np.random.default_rng(1).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    body = encode(noise)
    with view(server, "slow", "?render=client") as good, camera(server, "slow") as ws:
        stuck = sockets.create_connection(tuple(server.host.split(":")))
        stuck.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        stuck.sendall(f"GET /ws/view/slow?render=client HTTP/1.1\r\nHost: {server.host}\r\nUpgrade: websocket\r\n"
                      "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        server.wait_for(lambda: server.get("/api/camera/slow/stats").json()["viewer_count"] == 2)
        sender, count = Camera(ws), 0
        came, done = [], threading.Event()

        def look():
            while not done.is_set():
                try:
                    message = receive(good, 0.5)
                except TimeoutError:
                    continue
                if isinstance(message, bytes):
                    came.append(time.monotonic())
        thread = threading.Thread(target=look)
        thread.start()
        start, skipped = time.monotonic(), 0
        while time.monotonic() - start < 40:
            sender.send(body, 640, 480)
            count += 1
            time.sleep(0.04)
            if count % 20 == 0:
                stats = server.get("/api/camera/slow/stats").json()
                skipped = max(skipped, max(v["skipped"] for v in stats["viewers"]))
                if stats["viewer_count"] == 1:
                    break
        else:
            pytest.fail("the viewer that does not read is still there")
        assert 9 < time.monotonic() - start
        time.sleep(0.2)
        done.set()
        thread.join()
        assert skipped > 50 and len(came) > 0.95 * count
        stuck.close()


def test_all_that_waited_for_a_slow_viewer_comes_when_it_reads(start_server):
    """Its newest picture, and every text: cameras that came and went meanwhile."""
    server = start_server()
    body = encode(np.random.default_rng(2).integers(0, 255, (480, 640, 3), dtype=np.uint8))

    def stats():
        return server.get("/api/camera/patient/stats").json()
    with view(server, "patient", "?render=client", max_queue=1) as viewer:
        with camera(server, "patient") as ws:
            sender = Camera(ws)
            while stats()["viewers"][0]["skipped"] < 3:
                last = sender.send(body, 640, 480)
        for _ in range(6):
            server.wait_for(lambda: not stats()["camera_connected"])
            with camera(server, "patient") as ws:
                Camera(ws)
        server.wait_for(lambda: not stats()["camera_connected"])
        told, seen = [receive(viewer)["type"], receive(viewer)["connected"]], None
        while len(told) < 2 + 14 or seen != last:
            message = receive(viewer)
            if isinstance(message, dict) and message["type"] == "camera":
                told.append(message["connected"])
            elif isinstance(message, dict) and message["type"] == "frame_metadata":
                seen = message["frameNumber"]
        assert told == ["view", False, *[True, False] * 7]


def test_mjpeg_and_latest(start_server):
    server = start_server(model="fake:boxes=bright")
    assert server.get("/api/camera/still/latest.jpg").status_code == 404
    with camera(server, "still") as ws:
        sender, body = Camera(ws), spot(100, 100)
        sender.send(body, 640, 480)
        server.wait_for(lambda: server.get("/api/camera/still/latest.jpg").status_code == 200)
        latest = server.get("/api/camera/still/latest.jpg")
        assert latest.content == body and latest.headers["Content-Type"] == "image/jpeg"
        with server.get("/api/camera/still/mjpeg", stream=True) as stream:
            assert stream.headers["X-Accel-Buffering"] == "no"
            assert stream.headers["Content-Type"].startswith("multipart/x-mixed-replace")
            sending = threading.Thread(target=lambda: [(sender.send(body, 640, 480), time.sleep(0.05)) for _ in range(10)])
            sending.start()
            data = b""
            for chunk in stream.iter_content(4096):
                data += chunk
                if data.count(b"--frame\r\n") >= 3:
                    break
            sending.join()
        head, rest = data.split(b"\r\n\r\n", 1)
        length = int([line for line in head.split(b"\r\n") if line.startswith(b"Content-Length")][0].split(b":")[1])
        assert decoded(rest[:length]).shape == (480, 640, 3)
    assert server.get("/ws/view/still").status_code == 426
    assert server.get("/ws/view/still?render=magic").status_code == 422


def test_no_room_is_left_behind(start_server):
    server = start_server()
    for i in range(30):
        with view(server, f"room{i}"), camera(server, f"room{i}") as ws:
            Camera(ws).send(picture())
    server.wait_for(lambda: server.get("/api/cameras").json()["cameras"] == [])
    assert server.stop() == 0


def test_tokens_of_a_camera(start_server):
    """A push token bound to a camera opens its camera and nothing else; a view token only watches."""
    server = start_server("--auth", "on")
    push, watch = server.make_token("push", "hall"), server.make_token("view", "hall")
    with socket(server, "/ws/view/hall?render=client", watch["token"]) as viewer, \
            socket(server, "/ws/camera/hall", push["token"]) as ws:
        Camera(ws).send(picture())
        next_picture(viewer)
        server.revoke(push["id"])
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                ws.recv(timeout=3)
        assert closed.value.rcvd.code == 1008
    from websockets.exceptions import InvalidStatus
    for path, token in (("/ws/camera/hall", watch["token"]), ("/ws/view/other", watch["token"]), ("/ws/view/hall", None)):
        with pytest.raises(InvalidStatus) as refused, socket(server, path, token):
            pass
        assert refused.value.response.status_code in (401, 403)
