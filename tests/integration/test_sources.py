"""Cameras of networks as sources: RTSP, RTMP, HLS and multipart JPEG from real servers, killed and silenced."""
import json
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from camera_servers import Jpegs, Nginx, make_clip, rtsp_server
from conftest import BIN, environment, fovea, free_port, wait_for
from realtime import START, STOP, STREAMS, encode, receive
from realtime import socket as connect, wait_for as wait_text

SLOWED = bool(os.environ.get("FOVEA_SANITIZED"))
PICTURES = [encode(np.full((120, 160, 3), 40 + 20 * i, np.uint8)) for i in range(8)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cameras")


@pytest.fixture(scope="module")
def clip(folder) -> Path:
    return make_clip(folder / "clip.mp4")


@pytest.fixture(scope="module")
def rtsp(folder, clip):
    server = rtsp_server(folder, clip)
    yield server
    server.kill()


@pytest.fixture(scope="module")
def nginx(folder):
    made = Nginx(folder / "nginx")
    yield made
    made.kill()


@pytest.fixture
def jpegs():
    made = Jpegs(PICTURES)
    yield made
    made.close()


def predict(*words, seconds: float = 3, lines: int = 10) -> tuple[int, list[dict], str]:
    """`fovea predict … --json` until `lines` came; exit code, objects, standard error."""
    process = subprocess.Popen([str(BIN), "predict", *words, "--model", "fake:", "--json"], text=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
    timer_end = time.monotonic() + seconds + 20
    found = []
    while len(found) < lines and time.monotonic() < timer_end:
        line = process.stdout.readline()
        if not line:
            break
        found.append(json.loads(line))
    if process.poll() is None and len(found) >= lines:
        process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    return process.returncode, found, errors


def start(server, **body):
    answer = server.post(START, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def stream(server, token: str) -> dict:
    return next((s for s in server.get(STREAMS).json()["streams"] if s["token"] == token), {})


def descriptors(server) -> int:
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def metric(server, name: str, labels: str) -> float:
    for line in server.get("/metrics").text.splitlines():
        if line.startswith(f"{name}{{{labels}}}"):
            return float(line.split()[-1])
    raise AssertionError(f"no {name}{{{labels}}}")


# --- every kind, on the command line ---------------------------------------------------------------------------

def test_rtsp_h264(rtsp):
    code, frames, errors = predict(f"rtsp://127.0.0.1:{rtsp.port}/h264", lines=30)
    assert code == 0 and len(frames) >= 30, errors
    assert frames[0]["width"] == 320 and frames[0]["height"] == 240
    steps = np.diff([f["pts_ms"] for f in frames])
    assert all(steps > 0) and np.median(steps) == pytest.approx(40, abs=1), "the newest one only, forwards"


@pytest.mark.parametrize("slices", [1, 3])
def test_rtsp_h265(folder, slices):
    """Pictures of one slice and of several: each whole, none twice, none lost."""
    clip = make_clip(folder / f"h265-{slices}.mp4", codec="hevc", seconds=20, more=["-x265-params", f"log-level=none:slices={slices}"])
    server = rtsp_server(folder, clip, codec="h265")
    try:
        code, frames, errors = predict(f"rtsp://127.0.0.1:{server.port}/h265", lines=30)
    finally:
        server.kill()
    assert code == 0 and len(frames) >= 30 and errors.count("\n") == 1, errors
    assert (frames[0]["width"], frames[0]["height"]) == (320, 240)
    steps = np.diff([f["pts_ms"] for f in frames])
    assert all(steps > 0) and np.median(steps) == pytest.approx(40, abs=1)


def test_rtsp_over_udp(rtsp):
    code, frames, errors = predict(f"rtsp://127.0.0.1:{rtsp.port}/h264?transport=udp", lines=15)
    assert code == 0 and len(frames) >= 15, errors


def test_rtsp_mjpeg_stays_encoded(rtsp):
    code, frames, errors = predict(f"rtsp://127.0.0.1:{rtsp.port}/mjpeg", lines=10)
    assert code == 0 and frames[0]["width"] == 320, errors
    assert frames[-1]["timings_ms"]["decode"] > 0, "decoded where it is needed, not in the source"


def test_rtsp_log_in(folder, clip):
    server = rtsp_server(folder, clip, "bob", "se:cr@t")
    try:
        good = f"rtsp://bob:se%3Acr%40t@127.0.0.1:{server.port}/h264"
        code, frames, errors = predict(good, lines=5)
        assert code == 0 and len(frames) >= 5, errors
        assert "cr" not in frames[0]["source"].split("@")[0] and "bob:***@" in frames[0]["source"]
        for wrong in (f"rtsp://bob:wrongpass@127.0.0.1:{server.port}/h264", f"rtsp://127.0.0.1:{server.port}/h264"):
            code, frames, errors = predict(wrong)
            assert code == 3 and not frames and "password" in errors and "wrongpass" not in errors
    finally:
        server.kill()


def test_multipart_jpeg(jpegs):
    code, frames, errors = predict(jpegs.url + "/video", lines=10)
    assert code == 0 and frames[0]["width"] == 160 and frames[0]["height"] == 120, errors


def test_a_network_camera_is_recorded(jpegs, tmp_path):
    """What arrived is kept, with its times, and no password."""
    url = jpegs.url.replace("http://", "http://bob:secret@") + "/pwd=secret/video?token=secret"
    done = subprocess.run([str(BIN), "record", url, "-o", "cam.fvr", "--seconds", "1"], cwd=tmp_path, env=environment(),
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    kept = (tmp_path / "cam.fvr").read_bytes()
    assert b"secret" not in kept and b"bob:***@" in kept and any(picture in kept for picture in PICTURES)
    code, frames, errors = predict(str(tmp_path / "cam.fvr"), lines=5)
    assert code == 0 and (frames[0]["width"], frames[0]["height"]) == (160, 120), errors
    steps = np.diff([frame["pts_ms"] for frame in frames])
    assert all(steps > 0) and steps.mean() < 200
    gone = subprocess.run([str(BIN), "record", "http://127.0.0.1:9/video", "-o", "none.fvr"], cwd=tmp_path, env=environment(),
                          capture_output=True, text=True, timeout=60)
    assert gone.returncode == 3 and gone.stderr and not (tmp_path / "none.fvr").exists()


def test_rtmp_and_hls(nginx, clip):
    publisher = nginx.publish(clip, "cam")
    try:
        wait_for(lambda: (nginx.folder / "hls/cam.m3u8").exists() and "ts" in (nginx.folder / "hls/cam.m3u8").read_text(), 20,
                 "the first HLS segment")
        code, frames, errors = predict(f"rtmp://127.0.0.1:{nginx.rtmp}/live/cam", lines=20)
        assert code == 0 and frames[0]["width"] == 320, errors
        began = time.monotonic()
        code, frames, errors = predict(f"http://127.0.0.1:{nginx.http}/hls/cam.m3u8", lines=50)
        assert code == 0 and len(frames) >= 50, errors
        assert time.monotonic() - began > 1.2, "at the pace of its time stamps, not in bursts that overtake each other"
    finally:
        publisher.kill()
        publisher.wait()


def test_a_file_behind_a_url_ends(nginx):
    make_clip(nginx.folder / "short.mp4", seconds=2)
    code, frames, errors = predict(f"http://127.0.0.1:{nginx.http}/short.mp4", lines=1000)
    assert code == 0 and len(frames) == 50, errors
    assert [round(f["pts_ms"]) for f in frames[:3]] == [0, 40, 80]


def test_a_picture_behind_a_url(jpegs):
    jpegs.pages["/still.jpg"] = (200, {"Content-Type": "image/jpeg"}, PICTURES[3])
    code, frames, errors = predict(jpegs.url + "/still.jpg", lines=1000)
    assert code == 0 and [(f["width"], f["height"]) for f in frames] == [(160, 120)], errors


@pytest.mark.parametrize("url,words", [
    ("rtsp://127.0.0.1:1/x", "nothing answers"), ("rtmp://127.0.0.1:1/a/b", "nothing answers"),
    ("http://127.0.0.1:1/x.mjpg", "nothing answers"), ("rtsp://nobody.invalid/x", "not known"), ("/dev/video98", "no such camera"),
    ("98", "no such camera"), ("ftp://host/x", "rtsp://"), ("rtsp://host:99999/x", "port"), ("file:///etc/passwd", "rtsp://"),
    ("rtsp://127.0.0.1:1/x?transport=pigeon", "tcp or udp")])
def test_what_cannot_be_opened(url, words):
    began = time.monotonic()
    code, frames, errors = predict(url)
    assert code in (2, 3) and not frames and words in errors and time.monotonic() - began < 8
    if "transport" not in url and "99999" not in url:
        assert code == 3


def test_no_stream_of_this_path(rtsp, jpegs):
    code, _, errors = predict(f"rtsp://127.0.0.1:{rtsp.port}/nothing")
    assert code == 3 and "no stream of this path" in errors
    jpegs.pages["/gone"] = (404, {}, b"")
    code, _, errors = predict(jpegs.url + "/gone")
    assert code == 3 and "404" in errors


# --- what comes in is bad --------------------------------------------------------------------------------------

def test_bad_bytes_over_http(jpegs, folder):
    """No video at all, a codec that nobody has, a video of no pixels: a sentence, exit 3."""
    empty = make_clip(folder / "tiny.mp4", seconds=1).read_bytes()
    sizes = empty.replace(b"avc1", b"zzz9")
    pages = {"/text": b"hello " * 1000, "/empty": b"", "/noise": bytes(range(256)) * 200, "/codec.mp4": sizes}
    for path, body in pages.items():
        jpegs.pages[path] = (200, {"Content-Type": "video/mp4"}, body)
        code, frames, errors = predict(jpegs.url + path)
        assert code == 3 and not frames and errors.strip(), path


@pytest.mark.parametrize("page,words", [
    ((302, {"Location": "/x"}, b""), "more than 5 redirects"), ((302, {"Location": "/" + "y" * 3000}, b""), "too long"),
    ((200, {"X-Much": "y" * 70000}, b""), "no HTTP answer"), ((500, {}, b"page " * 1000), "answers 500"),
    ("clip", "cannot begin in the middle")])
def test_answers_that_lead_nowhere(jpegs, clip, page, words):
    """The index of the clip is at its end, and this server sends everything from the start."""
    jpegs.pages["/x"] = (200, {"Content-Type": "video/mp4"}, clip.read_bytes()) if page == "clip" else page
    code, frames, errors = predict(jpegs.url + "/x")
    assert code == 3 and not frames and words in errors, errors


def test_zero_pixels(jpegs, folder):
    """The sizes in the boxes and in the H.264 headers say 0×0."""
    body = bytearray(make_clip(folder / "zero.mp4", seconds=1, codec="mpeg4").read_bytes())
    at = body.find(b"mp4v")
    assert at > 0
    body[at + 28:at + 32] = b"\0\0\0\0"          # width and height of the sample entry
    track = body.find(b"tkhd")
    body[track + 80:track + 88] = b"\0" * 8
    jpegs.pages["/zero.mp4"] = (200, {"Content-Type": "video/mp4"}, bytes(body))
    code, frames, errors = predict(jpegs.url + "/zero.mp4", lines=1000)
    assert all(f["width"] > 0 and f["height"] > 0 for f in frames) and code in (0, 1, 3), errors


def test_resolution_and_time_stamps_that_change(nginx, folder):
    """MPEG-TS pieces one behind the other: another size, and time stamps that begin anew."""
    pieces = [make_clip(folder / f"{i}.ts", size=size, seconds=1) for i, size in enumerate(["320x240", "160x120", "320x240"])]
    (nginx.folder / "joined.ts").write_bytes(b"".join(p.read_bytes() for p in pieces))
    code, frames, errors = predict(f"http://127.0.0.1:{nginx.http}/joined.ts", lines=1000)
    sizes = [(f["width"], f["height"]) for f in frames]
    assert code == 0 and sizes[0] == (320, 240) and (160, 120) in sizes and sizes[-1] == (320, 240), errors
    assert len(frames) >= 70


class Endless:
    """A server that answers with `head` and then with `piece`, again and again, as fast as they are taken."""

    def __init__(self, kind: str, head: bytes, piece: bytes, size: int | None = None):
        self.sent = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d/" % self.listener.getsockname()[1]
        length = f"Content-Length: {size}\r\n" if size else ""
        self.start = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{length}\r\n".encode() + head
        self.piece = piece * (65536 // len(piece))
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.send, args=(peer,), daemon=True).start()

    def send(self, peer):
        with peer:
            try:
                peer.recv(65536)
                peer.sendall(self.start)
                while True:
                    peer.sendall(self.piece)
                    self.sent += len(self.piece)
            except OSError:
                pass

    def close(self):
        self.listener.close()


def test_a_stream_of_endless_bytes_is_stopped(start_server):
    """A playlist of comments only: whoever reads it is stopped while bytes come without a pause."""
    endless = Endless("application/vnd.apple.mpegurl", b"#EXTM3U\n", b"#\n")
    server = start_server(config=f"cameras:\n  yard: {endless.url}x.m3u8\n")
    try:
        server.wait_for(lambda: endless.sent > 1 << 20, 10, "its bytes")
        began = time.monotonic()
        assert server.stop() == 0 and time.monotonic() - began < 3
    finally:
        endless.close()


@pytest.mark.parametrize("kind,path,head,piece,size,words", [
    ("application/vnd.apple.mpegurl", "x", b"#EXTM3U\n", b"#EXT-X-STREAM-INF:\nx\n", None, "playlist"),
    ("text/plain", "x.m3u8", b"#EXTM3U\n", b"#EXT-X-STREAM-INF:\nx\n", None, "playlist"),
    ("video/mp4", "x", b"#EXTM3U\n#EXT-X-STREAM-INF:\nx\n", b"#EXT-X-STREAM-INF:\nx\n", 1 << 30, "playlist"),
    ("multipart/x-mixed-replace; boundary=f", "x", b"--f\r\nContent-Type: image/jpeg\r\nContent-Length: 2147483647\r\n\r\n",
     bytes(4096), None, "too many bytes"),
    ("multipart/x-mixed-replace; boundary=f", "x", b"--f\r\nContent-Type: image/jpeg\r\n\r\n", bytes(4096), None,
     "too many bytes")])
def test_what_has_no_end_is_given_up(kind, path, head, piece, size, words):
    """Before it fills the memory: playlists, and a picture of two gigabytes."""
    endless = Endless(kind, head, piece, size)
    try:
        code, frames, errors = predict(endless.url + path)
        late = SLOWED and "no picture came in time" in errors  # it reads for too long before it has read too much
        assert code == 3 and not frames and (words in errors or late), errors
        assert endless.sent < 100 << 20
    finally:
        endless.close()


# --- in the server ---------------------------------------------------------------------------------------------

def test_cut_off_pictures_are_counted_not_shown(start_server, jpegs):
    server = start_server(config=f"cameras:\n  yard: {jpegs.url}/video\n")
    server.wait_for(lambda: stream(server, "yard").get("state") == "live", 10, "the first picture")
    jpegs.behave = "cut"
    server.wait_for(lambda: stream(server, "yard")["corrupt_frames"] > 5, 5, "broken pictures")
    assert metric(server, "fovea_source_corrupt_total", 'stream="yard"') > 5
    assert metric(server, "fovea_frames_total", 'stream="yard",outcome="failed"') == 0, "none reached the model"


def test_a_silent_camera_is_stalled_within_3_s(start_server, jpegs):
    server = start_server(config=f"cameras:\n  yard: {jpegs.url}/video\n")
    server.wait_for(lambda: stream(server, "yard").get("state") == "live", 10, "the first picture")
    assert server.get("/api/camera/yard/stats").json()["camera_connected"] is True
    jpegs.behave = "silent"
    silent = time.monotonic()
    server.wait_for(lambda: stream(server, "yard")["state"] == "stalled", 5, "the stall")
    assert time.monotonic() - silent < 3
    assert metric(server, "fovea_source_state", 'stream="yard",state="stalled"') == 1
    assert server.get("/api/camera/yard/stats").json()["camera_connected"] is False
    server.wait_for(lambda: len(jpegs.asked) > 1, 10, "a new connection")
    jpegs.behave = "send"
    server.wait_for(lambda: stream(server, "yard")["state"] == "live", 10, "its return")
    assert stream(server, "yard")["reconnects"] >= 1


def test_a_frozen_server(start_server, folder, clip):
    """The connection is open, and nothing comes: noticed within 3 s in the middle of FFmpeg's read."""
    camera = rtsp_server(folder, clip)
    server = start_server(config=f"cameras:\n  hall: rtsp://127.0.0.1:{camera.port}/h264\n")
    try:
        server.wait_for(lambda: stream(server, "hall").get("state") == "live", 10, "the first picture")
        camera.send(signal.SIGSTOP)
        frozen = time.monotonic()
        server.wait_for(lambda: stream(server, "hall")["state"] == "stalled", 5, "the stall")
        assert time.monotonic() - frozen < 3
        server.wait_for(lambda: "no picture" in stream(server, "hall").get("last_error", ""), 8, "the end of patience")
        camera.send(signal.SIGCONT)
        server.wait_for(lambda: stream(server, "hall")["state"] == "live", 15, "its return")
    finally:
        camera.send(signal.SIGCONT)
        camera.kill()


def test_killed_again_and_again(start_server, folder, clip):
    """Back within 2 s of the port's answer each time; no descriptor is lost."""
    camera = rtsp_server(folder, clip)
    server = start_server(config=f"cameras:\n  hall: rtsp://127.0.0.1:{camera.port}/h264\n")
    try:
        server.wait_for(lambda: stream(server, "hall").get("state") == "live", 10, "the first picture")
        before, times = 0, []
        for i in range(6):
            camera.kill()
            server.wait_for(lambda: stream(server, "hall")["state"] in ("backing_off", "connecting"), 4, "the loss")
            camera.start()
            answered = time.monotonic()
            server.wait_for(lambda: stream(server, "hall")["state"] == "live" and stream(server, "hall")["reconnects"] == i + 1,
                            6, f"return {i}")
            times.append(time.monotonic() - answered)
            if i == 0:
                before = descriptors(server)
        assert max(times) < 2, times
        assert descriptors(server) <= before
        assert metric(server, "fovea_source_reconnects_total", 'stream="hall"') == 6
    finally:
        camera.kill()
    server.wait_for(lambda: stream(server, "hall")["state"] == "backing_off", 4, "the loss")
    server.wait_for(lambda: "nothing answers" in stream(server, "hall")["last_error"], 5, "the reason")
    began = time.monotonic()
    assert server.stop() == 0 and time.monotonic() - began < 6


def test_a_camera_that_is_not_there_yet(start_server):
    """A camera of the settings may come later; a stream that was asked for needs it now."""
    port = free_port()
    server = start_server(config=f"cameras:\n  late: http://127.0.0.1:{port}/video\nsources:\n  allow: ['http://127.0.0.1:{port}/']\n")
    server.wait_for(lambda: stream(server, "late").get("state") == "backing_off", 5, "backing off")
    began = time.monotonic()
    answer = server.post(START, json={"source": f"http://127.0.0.1:{port}/other", "token": "now"})
    assert answer.status_code == 502 and "nothing answers" in answer.json()["detail"] and time.monotonic() - began < 3
    assert not stream(server, "now"), "nothing stays of it"
    with connect(server, "/ws/view/late") as ws:
        assert wait_text(ws, "view")["connected"] is False
        assert receive(ws) == {"type": "camera", "connected": False, "source": True}, "somebody else's camera finds no place"
    with connect(server, "/ws/view/empty") as ws:
        assert wait_text(ws, "camera") == {"type": "camera", "connected": False}
    made = Jpegs(PICTURES, port=port)
    try:
        server.wait_for(lambda: stream(server, "late")["state"] == "live", 2.5, "the camera")
        assert start(server, source=f"http://127.0.0.1:{port}/other", token="now")["state"] == "live"
        assert server.post(STOP, json={"stream_id": stream(server, "now")["stream_id"]}).status_code == 200
    finally:
        made.close()


def test_passwords_are_nowhere(start_server, folder, clip):
    camera = rtsp_server(folder, clip, "bob", "hunter2")
    try:
        server = start_server(config=f"cameras:\n  good: rtsp://bob:hunter2@127.0.0.1:{camera.port}/h264\n"
                                     f"  bad: rtsp://bob:hunter3@127.0.0.1:{camera.port}/h264\n"
                                     f"  away: rtsp://bob:hunter4@127.0.0.1:1/h264\n")
        server.wait_for(lambda: stream(server, "good").get("state") == "live", 10, "the first picture")
        server.wait_for(lambda: "password" in stream(server, "bad").get("last_error", ""), 10, "the refusal")
        for path in (STREAMS, "/api/cameras", "/metrics", "/api/camera/good/stats", "/"):
            assert "hunter" not in server.get(path).text
        refused = server.post(START, json={"source": "rtsp://eve:hunter5@10.0.0.1/x"})
        assert refused.status_code == 403 and "hunter5" not in refused.text
        assert "hunter" not in server.log
    finally:
        camera.kill()


# --- what may be opened ----------------------------------------------------------------------------------------

def playlist(*entries: str) -> tuple:
    text = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:1\n" + "".join(f"#EXTINF:1,\n{e}\n" for e in entries)
    return 200, {"Content-Type": "application/vnd.apple.mpegurl"}, text.encode()


def test_playlists_and_redirects_stay_on_the_list(start_server, jpegs, folder):
    """Neither a playlist nor a redirect leads anywhere else: the other server is never asked."""
    other = Jpegs(PICTURES)
    secret = folder / "secret.ts"
    secret.write_bytes(make_clip(folder / "s.ts", seconds=1).read_bytes())
    allowed = f"http://127.0.0.1:{jpegs.port}/open/"
    server = start_server(config=f"sources:\n  allow: ['{allowed}']\n")
    jpegs.pages["/open/segment.m3u8"] = playlist(f"{other.url}/a.ts")
    jpegs.pages["/open/file.m3u8"] = playlist(f"file://{secret}")
    jpegs.pages["/open/path.m3u8"] = playlist(str(secret))
    jpegs.pages["/open/up.m3u8"] = playlist("../closed/a.ts")
    jpegs.pages["/open/metadata.m3u8"] = playlist("http://169.254.169.254/latest/a.ts")
    jpegs.pages["/open/data.m3u8"] = playlist("data:video/mp2t;base64,AAAA", "concat:a|b", "crypto+file:/etc/passwd")
    jpegs.pages["/open/nested.m3u8"] = (200, {"Content-Type": "application/vnd.apple.mpegurl"},
                                        f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{other.url}/x.m3u8\n".encode())
    jpegs.pages["/open/hop"] = (302, {"Location": f"{other.url}/video"}, b"")
    jpegs.pages["/open/hop2"] = (302, {"Location": "/closed/video"}, b"")
    jpegs.pages["/open/scheme"] = (302, {"Location": f"rtsp://127.0.0.1:{other.port}/x"}, b"")
    jpegs.pages["/open/loop"] = (302, {"Location": "/open/loop"}, b"")
    try:
        for name in [path.removeprefix("/open/") for path in jpegs.pages]:
            answer = server.post(START, json={"source": allowed + name, "token": "x"}, timeout=30)
            assert answer.status_code in (400, 403, 404, 415, 502, 504), (name, answer.text)
        assert other.asked == [] and not any("closed" in path for path in jpegs.asked)
        jpegs.pages["/open/good"] = (302, {"Location": "/open/video"}, b"")
        assert start(server, source=allowed + "good", token="good")["state"] == "live", "inside of the list it is followed"
        for outside in ("http://127.0.0.1:1/", jpegs.url + "/closed/x", allowed + "../closed/x", allowed.replace("/open/", "/openx"),
                        f"http://127.0.0.1@10.0.0.1:{jpegs.port}/open/x", "file:///etc/passwd", "rtsp://10.0.0.1/"):
            assert server.post(START, json={"source": outside}).status_code == 403, outside
    finally:
        other.close()


def test_udp_is_for_cameras_of_the_settings(start_server):
    """Over UDP a camera says where packets go: nobody chooses such a camera from outside."""
    own = "rtsp://127.0.0.1:1/own?transport=udp"
    server = start_server(config=f"cameras:\n  yard: {own}\nsources:\n  allow: ['rtsp://127.0.0.1:1/']\n")
    server.wait_for(lambda: "nothing answers" in stream(server, "yard").get("last_error", ""), 8, "a try at the settings' own")
    for query in ("?transport=udp", "?a=1&transport=udp"):
        answer = server.post(START, json={"source": "rtsp://127.0.0.1:1/x" + query, "token": "x"})
        assert answer.status_code == 403 and "UDP" in answer.json()["detail"], answer.text
    assert server.post(START, json={"source": own, "token": "x"}).status_code == 502
    assert server.post(START, json={"source": "rtsp://127.0.0.1:1/x?transport=tcp", "token": "x"}).status_code == 502


def test_a_redirect_of_the_command_line_stays_on_http(jpegs, folder):
    other = Jpegs(PICTURES)
    try:
        jpegs.pages["/hop"] = (302, {"Location": f"{other.url}/video"}, b"")
        code, frames, _ = predict(jpegs.url + "/hop", lines=3)
        assert code == 0 and frames, "the same host: the user named it"
        for place in ("http://169.254.169.254/x", "http://127.0.0.2:1/x", "file:///etc/passwd", "ftp://127.0.0.1/"):
            jpegs.pages["/hop"] = (302, {"Location": place}, b"")
            code, frames, errors = predict(jpegs.url + "/hop")
            assert code == 3 and not frames, place
    finally:
        other.close()


def test_names_that_stand_for_this_machine(start_server, jpegs):
    """`localhost` is named; another name that resolves to loopback is somebody's trick."""
    name = socket.gethostname()
    try:
        local = socket.gethostbyname(name).startswith("127.")
    except OSError:
        local = False
    server = start_server(config=f"sources:\n  allow: ['http://localhost:{jpegs.port}/', 'http://{name}:{jpegs.port}/']\n")
    assert start(server, source=f"http://localhost:{jpegs.port}/video", token="a")["state"] == "live"
    if local:
        answer = server.post(START, json={"source": f"http://{name}:{jpegs.port}/video", "token": "b"})
        assert answer.status_code == 403 and "this machine" in answer.json()["detail"]


# --- files -----------------------------------------------------------------------------------------------------

def test_seek(clip, start_server):
    code, frames, errors = predict(str(clip), "--start", "58.01", lines=1000)
    assert code == 0 and 48 <= len(frames) <= 50, (len(frames), errors)
    assert abs(frames[0]["pts_ms"] - 58040) < 1
    done = fovea("predict", str(clip), "--start", "90", "--model", "fake:", "--json", code=None)
    assert done.returncode == 2 and "60.0 s long" in done.stderr
    server = start_server(config=f"sources:\n  allow: ['{clip.parent}']\n")
    made = start(server, source=str(clip), seek_ms=59000, token="end")
    server.wait_for(lambda: stream(server, "end")["state"] == "ended", 5, "the end")
    final = server.post(STOP, json={"stream_id": made["stream_id"]}).json()
    assert 20 <= final["total_frames"] <= 25
