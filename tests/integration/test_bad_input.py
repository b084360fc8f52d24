"""What bad input gets, while a bystander's session goes on undisturbed, with boxes of its own pictures only."""
import json
import random
import socket as sockets
import struct
import threading
import time

import pytest
from realtime import PROCESS, STREAM, decoded, metadata, pack, picture, receive, send_pair, socket, spot, wait_for
from websockets.exceptions import ConnectionClosed

JPEG = {"Content-Type": "image/jpeg"}


class Bystander(threading.Thread):
    """One frame after the other; every answer must be a result with the box of that very picture."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.count, self.wrong, self.on = server, 0, [], True

    def run(self):
        with socket(self.server, STREAM + "?max_latency_ms=5000") as ws:
            while self.on:
                x, y = random.randrange(0, 576), random.randrange(0, 416)
                ws.send(spot(x, y))
                answer = receive(ws, 20)
                boxes = [box["box"] for box in answer.get("annotations", [])]
                if answer["type"] != "result" or len(boxes) != 1 or boxes[0] != pytest.approx([x, y, x + 64, y + 64], abs=10):
                    self.wrong.append((x, y, answer))
                self.count += 1

    def check(self):
        before = self.count
        until = time.monotonic() + 10
        while self.count < before + 2 and time.monotonic() < until:
            time.sleep(0.01)
        assert self.count >= before + 2, "the bystander is served"
        assert self.wrong == []


@pytest.fixture(scope="module")
def bright(start_server):
    """New memory holds 0xA5 instead of what was there: a pixel that nobody wrote would be seen as a grey box."""
    return start_server(model="fake:boxes=bright", env={"FOVEA_POISON": "1"})


@pytest.fixture(autouse=True, scope="module")
def bystander(bright):
    other = Bystander(bright)
    other.start()
    yield other
    other.on = False
    other.join(10)
    assert other.count > 10 and other.wrong == []


@pytest.fixture(autouse=True)
def undisturbed(bystander):
    yield
    bystander.check()


def with_size(jpeg: bytes, width: int, height: int) -> bytes:
    """The same JPEG with another size in its header."""
    body = bytearray(jpeg)
    at = body.index(b"\xff\xc0")
    body[at + 5:at + 9] = struct.pack(">HH", height, width)
    return bytes(body)


GOOD = picture()
BAD = {
    "text": (b"this is no picture", 400),
    "zeros": (bytes(5000), 400),
    "a GIF": (b"GIF89a" + bytes(200), (400, 415)),
    "cut in the header": (GOOD[:100], 400),
    "cut in the data": (GOOD[:len(GOOD) * 2 // 3], 400),
    "only a start": (b"\xff\xd8\xff", 400),
    "65500 x 65500": (with_size(GOOD, 65500, 65500), 413),
    "7000 x 7000": (with_size(GOOD, 7000, 7000), 413),
    "no width": (with_size(GOOD, 0, 240), 400),
    "twelve bits": (GOOD.replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc0\x00\x11\x0c"), (400, 415)),
    "a PNG's head": (picture(form="PNG")[:40], 400),
    "a cut WebP": (picture(form="WEBP")[:200], 400),
}


@pytest.mark.parametrize("name", BAD)
def test_pictures_by_post(bright, name):
    body, expected = BAD[name]
    for way in ({"data": body, "headers": JPEG}, {"files": {"file": ("x.jpg", body)}}):
        answer = bright.post(PROCESS, **way)
        assert answer.status_code in (expected if isinstance(expected, tuple) else (expected,)), answer.text
        problem = answer.json()
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert problem["code"] in ("bad_format", "limit_exceeded", "unsupported") and problem["detail"]


@pytest.mark.parametrize("name", BAD)
def test_pictures_by_socket(bright, name):
    with socket(bright, STREAM + "?max_latency_ms=5000") as ws:
        ws.send(BAD[name][0])
        answer = receive(ws)
        assert answer["type"] == "dropped" and answer["reason"] == "decode" and answer["message"]
        ws.send(GOOD)
        assert receive(ws)["type"] == "result"


@pytest.mark.parametrize("name", BAD)
def test_pictures_of_a_camera(bright, name):
    """Never forwarded when the header is bad; the camera is told why and goes on."""
    with socket(bright, "/ws/view/bad?render=client") as viewer, socket(bright, "/ws/camera/bad") as ws:
        ws.send(json.dumps({"type": "frame_metadata", "frameNumber": 1}))
        ws.send(BAD[name][0])
        send_pair(ws, 2, GOOD)
        seen = []
        while not seen or seen[-1] != 2:
            head = wait_for(viewer, "frame_metadata")
            seen.append(head["frameNumber"])
        if name != "a PNG's head":  # its header is fine: the damage is found by the decoder
            assert seen == [2]
            assert wait_for(ws, "error")["frame_id"] == 1


@pytest.mark.parametrize("type_", ["text/html", "application/json", "multipart/mixed; boundary=x", "video/mp4"])
def test_other_kinds_of_bodies(bright, type_):
    answer = bright.post(PROCESS, data=GOOD, headers={"Content-Type": type_})
    assert answer.status_code == 415 and answer.json()["code"] == "unsupported"


@pytest.mark.parametrize("body", [b"", b"--x", b"--x\r\n\r\n--x--", b"--x\r\nContent-Disposition: form-data\r\n\r\nabc\r\n--x--\r\n",
                                  b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n\r\n--x--\r\n',
                                  b'--x\r\nContent-Disposition: form-data; name="other"\r\n\r\nabc\r\n--x--\r\n',
                                  b"--x\r\n" * 100, b"\x00" * 1000])
def test_broken_forms(bright, body):
    answer = bright.post(PROCESS, data=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert answer.status_code in (400, 413), answer.text
    assert answer.json()["detail"]


def test_thirty_megabytes(bright):
    with sockets.create_connection(tuple(bright.host.split(":")), timeout=5) as raw:
        raw.sendall(f"POST {PROCESS} HTTP/1.1\r\nHost: {bright.host}\r\nContent-Type: image/jpeg\r\n"
                    f"Content-Length: {30 << 20}\r\n\r\n".encode())
        assert b" 413 " in raw.recv(4096).split(b"\r\n")[0], "before the body is read"


def test_an_upload_that_stops(bright):
    with sockets.create_connection(tuple(bright.host.split(":"))) as raw:
        raw.sendall(f"POST {PROCESS} HTTP/1.1\r\nHost: {bright.host}\r\nContent-Type: image/jpeg\r\n"
                    f"Content-Length: 100000\r\n\r\n".encode() + GOOD)


def test_broken_packs_and_texts_by_the_thousand(bright):
    random.seed(5)
    with socket(bright, "/ws/camera/storm?pack=1") as ws, socket(bright, "/ws/camera/storm2") as plain:
        for i in range(1000):
            size = random.randrange(60)
            ws.send(random.randbytes(size))
            plain.send(random.randbytes(size) if i % 2 else random.choice(["{", "", "[object Blob]", '{"type":"x"}', "\0"]))
        ws.send(pack(metadata(1), GOOD))
        ws.send(json.dumps({"type": "time", "t0": 1}))
        wait_for(ws, "time", 10)


def test_a_camera_that_vanishes_mid_frame(bright):
    for cut in (1, 7, 100):
        with socket(bright, "/ws/camera/cut") as ws:
            ws.send(json.dumps(metadata(1)))
            frame = b"\x82\xfe" + struct.pack(">H", len(GOOD)) + bytes(4) + GOOD
            ws.socket.sendall(frame[:cut])
            ws.socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
            ws.socket.close()
    bright.wait_for(lambda: not bright.get("/api/camera/cut/stats").json()["camera_connected"])


def test_unmasked_and_broken_frames_close(bright):
    for bytes_, code in ((b"\x82\x05hello", 1002), (b"\xc1\x80\0\0\0\0", 1002), (b"\x81\x82\0\0\0\0\xff\xfe", 1007)):
        with socket(bright, STREAM) as ws:
            ws.socket.sendall(bytes_)
            with pytest.raises(ConnectionClosed) as closed:
                ws.recv(timeout=5)
            assert closed.value.rcvd.code == code


def test_no_pixels_of_others_in_drawn_pictures(bright):
    """A white room and a black room, drawn at the same time: the black one stays black but for nothing."""
    black = picture(640, 480, level=5)
    with socket(bright, "/ws/view/white") as a, socket(bright, "/ws/view/black") as b, \
            socket(bright, "/ws/camera/white") as white, socket(bright, "/ws/camera/black") as dark:
        for i in range(30):
            send_pair(white, i, spot(200, 100, 300), 640, 480)
            send_pair(dark, i, black, 640, 480)
            if i % 5 == 4:
                send_pair(dark, i, black[:len(black) // 2], 640, 480)
            time.sleep(0.03)
        seen = 0
        while seen < 15:
            message = receive(b)
            if isinstance(message, bytes):
                seen += 1
                assert decoded(message).max() < 60
        assert wait_for(a, "frame_metadata")["detections"]
