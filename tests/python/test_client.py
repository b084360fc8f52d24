"""The Python client's requests against the real server, and against one that answers nonsense."""
import io
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from PIL import Image
from servers import ROOT, broken, locked, picture, reply, server, spot, start_server  # noqa: F401

from fovea.client import (AnswerTimeout, ClientError, Conflict, ConnectionFailed, NotAllowed, NotFound, NotTrusted,
                          ProtocolError, Refused, Server, ServerError, Unavailable, VersionError)
from fovea.client._pictures import as_picture, encode_png


@pytest.fixture
def client(server):
    with Server(server.url) as one:
        yield one


# --- frames ---------------------------------------------------------------------------------------------------------

def test_it_is_imported_without_the_library_or_websockets():
    code = ("import sys\nsys.modules['websockets'] = None\n"
            "import fovea.client\nprint(fovea.client.Server('127.0.0.1:1'))")
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT / "python"), "FOVEA_LIBRARY": "/nowhere"},
                          text=True, capture_output=True)
    assert done.stdout == "Server('http://127.0.0.1:1')\n", done.stderr


def test_without_websockets_streams_say_what_to_install(client, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("websockets")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "websockets", None)
    with pytest.raises(ImportError, match=r"pip install 'fovea\[client\]'"):
        client.stream().__enter__()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_process_frame_of_bytes(client, form, tmp_path):
    body = picture(form=form)
    path = tmp_path / "frame"
    path.write_bytes(body)
    for frame in (body, bytearray(body), memoryview(body), path, str(path)):
        answer = client.process_frame(frame, max_latency_ms=0)
        assert answer.ok and answer.data["width"] == 320 and answer.meets_latency_requirement
        assert answer.annotations[0]["confidence"] == pytest.approx(0.9)
        assert sum(answer.timings_ms.values()) - answer.timings_ms["total"] == pytest.approx(answer.total_time_ms, abs=1)


def bright(client_of, pixels):
    """Box of the white square as the server finds it."""
    found, = client_of.process_frame(pixels, max_latency_ms=0).annotations
    return found["box"]


def test_process_frame_of_arrays_finds_the_right_place(start_server):
    pixels = np.zeros((480, 640, 3), np.uint8)
    pixels[100:228, 320:448] = 255
    with Server(start_server(model="fake:boxes=bright").url) as one:
        want = bright(one, spot(320, 100, 128))
        assert want == pytest.approx([320, 100, 448, 228], abs=8)
        grey, four = pixels[..., 0].copy(), np.dstack([pixels, pixels[..., 0]])
        for array in (pixels, grey, four, np.asfortranarray(pixels), pixels[:, ::-1][:, ::-1]):
            assert bright(one, array) == pytest.approx(want, abs=1)


def test_arrays_become_a_png_where_neither_libfovea_nor_opencv_is(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    monkeypatch.setitem(sys.modules, "fovea.pictures", None)
    assert as_picture(np.zeros((4, 4, 3), np.uint8))[:4] == b"\x89PNG"
    monkeypatch.undo()
    assert as_picture(np.zeros((4, 4, 3), np.uint8))[:3] == b"\xff\xd8\xff"


def test_the_png():
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 255, (37, 53, 3), np.uint8)
    assert (np.asarray(Image.open(io.BytesIO(encode_png(pixels)))) == pixels[..., ::-1]).all()
    assert (np.asarray(Image.open(io.BytesIO(encode_png(pixels[..., 0])))) == pixels[..., 0]).all()


@pytest.mark.parametrize("frame, error, words", [
    (np.zeros((4, 4, 3), np.float32), ValueError, "float32, uint8 is needed"),
    (np.zeros((4, 4, 2), np.uint8), ValueError, r"\(4, 4, 2\)"),
    (np.zeros((0, 4, 3), np.uint8), ValueError, r"\(0, 4, 3\)"),
    (np.zeros(4, np.uint8), ValueError, r"\(4,\)"),
    (b"GIF89a", ValueError, "no JPEG, PNG or WebP"), (b"", ValueError, "no JPEG"),
    (7, TypeError, "not int"), ("/no/such/file", FileNotFoundError, "/no/such/file")])
def test_bad_frames_are_refused_here(client, frame, error, words):
    with pytest.raises(error, match=words):
        client.process_frame(frame)


def test_the_servers_refusals_come_with_its_words(client):
    for call, kind, status, code in (
            (lambda: client.process_frame(picture()[:300]), Refused, 400, "bad_format"),
            (lambda: client.process_frame(picture(), model_id="boats"), NotFound, 404, "unknown_model"),
            (lambda: client.process_frame(picture(), conf=7), Refused, 422, "invalid_argument"),
            (lambda: client.stop_stream("nothing"), NotFound, 404, None),
            (lambda: client.stats(window=-1), Refused, 422, "invalid_argument")):
        with pytest.raises(kind) as refused:
            call()
        error = refused.value
        assert error.status == status and error.detail and (code is None or error.code == code), error
        assert error.problem["detail"] == error.detail and str(error) == f"{status} {error.code}: {error.detail}"
        assert isinstance(error, ServerError) and isinstance(error, ClientError)


def test_a_body_over_the_limit_is_413(client):
    with pytest.raises(Refused) as refused:
        client.process_frame(b"\xff\xd8\xff" + bytes(11 << 20))
    assert refused.value.status == 413


def test_late_with_strict_is_unavailable(start_server):
    with Server(start_server(model="fake:cost_ms=60").url) as one:
        answer = one.process_frame(picture(), max_latency_ms=5)
        assert answer.ok and not answer.meets_latency_requirement and answer.total_time_ms > 5
        with pytest.raises(Unavailable) as late:
            one.process_frame(picture(), max_latency_ms=5, strict=True)
        assert late.value.retry_after_s is not None


# --- other endpoints ------------------------------------------------------------------------------------------------

def test_figures_and_models(client):
    assert client.version().count(".") == 2 and client.ready()
    client.process_frame(picture())
    assert client.stats(window=30)["total_frames"] >= 1
    assert client.performance()["active_sessions"] == 0
    assert client.device_info()["device_type"]
    assert client.models()["models"][0]["default"] is True
    assert client.stored_events(limit=3)["total"] >= 0
    with pytest.raises(Conflict):
        client.remove_model(client.models()["models"][0]["id"])
    with pytest.raises(NotFound):
        client.load_model("no such model")


def test_a_stream_of_the_server(client):
    begun = client.start_stream("pattern:width=320,height=240,fps=20", token="py hall", max_latency_ms=500)
    try:
        assert begun["stream_id"] in [one["stream_id"] for one in client.streams()]
        assert "py hall" in [room["name"] for room in client.cameras()]
        until = time.monotonic() + 5
        while time.monotonic() < until:
            try:
                latest = client.latest("py hall")
                break
            except NotFound:
                time.sleep(0.02)
        assert latest[:3] == b"\xff\xd8\xff"
    finally:
        final = client.stop_stream(begun["stream_id"])
    assert final["total_frames"] == final["delivered"] + final["failed"] + sum(final["dropped"].values())
    with pytest.raises(ServerError):
        client.start_stream("file:///etc/passwd")


def test_football(client):
    begun = client.start_stream("pattern:football", kind="football", model_id="drawn")
    name = begun["stream_id"]
    try:
        points = [{"image": [x * 10 + 50, 700 - y * 10], "pitch": [x, y]} for x in (0, 105) for y in (0, 68)]
        fit = client.set_homography(name, points=points, picture=(1280, 720), preview=True)
        assert fit["known"] and fit["preview"]
        want = np.array([[10, 0, 50], [0, -10, 700], [0, 0, 1.0]])
        assert np.reshape(fit["matrix"], (3, 3)) / fit["matrix"][8] == pytest.approx(want, abs=0.05)
        assert client.set_homography(name, matrix=want, picture=(1280, 720))["known"]
        assert client.homography(name)["stream_id"] == name
        assert client.heatmap(name, team="first")[:8] == b"\x89PNG\r\n\x1a\n"
        assert client.forget_homography(name)["known"] is False
        with pytest.raises(Refused, match="invalid_homography|422"):
            client.set_homography(name, points=points[:2])
    finally:
        client.stop_stream(name)
    with pytest.raises(NotFound):
        client.homography("no-stream")


# --- access ---------------------------------------------------------------------------------------------------------

def test_tokens(locked):
    push = locked.make_token("push")["token"]
    with Server(locked.url, push) as one:
        assert one.process_frame(picture()).ok
        with pytest.raises(NotAllowed) as refused:
            one.models()
        assert refused.value.status == 403 and push not in str(refused.value) + repr(one) + repr(one.address)
    with Server(f"{locked.url}/?token={push}") as one:
        assert one.process_frame(picture()).ok
    for token in (None, "fov_wrong"):
        with Server(locked.url, token) as one, pytest.raises(NotAllowed) as refused:
            one.process_frame(picture())
        assert refused.value.status == 401


def test_a_revoked_token_is_refused(locked):
    made = locked.make_token("push")
    with Server(locked.url, made["token"]) as one:
        assert one.process_frame(picture()).ok
        locked.revoke(made["id"])

        def refused():
            try:
                one.process_frame(picture())
            except ServerError as error:  # 429: too many wrong tokens came from here
                return error.status in (401, 429)
        locked.wait_for(refused)


@pytest.mark.parametrize("url, token, words", [
    ("ftp://host", None, "url"), ("http://", None, "url"), ("http://me:secret@host", None, "token="),
    ("http://host", "two\r\nlines", "token"), ("http://host", "a b", "token"), ("http://host", "clé", "token")])
def test_bad_addresses(url, token, words):
    with pytest.raises(ValueError, match=words) as wrong:
        Server(url, token)
    assert "secret" not in str(wrong.value) and "lines" not in str(wrong.value)


# --- a server that is not there, or is none --------------------------------------------------------------------------

def test_nobody_listens():
    with pytest.raises(ConnectionFailed, match="127.0.0.1:1"):
        Server("127.0.0.1:1").stats()


@pytest.mark.parametrize("said, words", [
    (b'{"name":"fovea","version":"1.0.0"}', "update the fovea package"), (b'{"name":"other","version":"0.1.0"}', "'other'"),
    (b'{"name":"fovea","version":17}', "not a fovea"), (b'{"name":"fovea","version":"x"}', "update"), (b"<html>", "no JSON"),
    (b"[1]", "no JSON object")])
def test_wrong_version(said, words):
    with broken(b"", version=said) as one, pytest.raises(VersionError, match=words):
        Server(one.url).stats()


def test_no_fovea_server_at_all():
    with broken(reply(b"<h1>It works</h1>", "404 Not Found"), version=None) as one:
        with pytest.raises(VersionError, match="404 .*It works"):
            Server(one.url).process_frame(picture())


DEEP = b"[" * 200_000


@pytest.mark.parametrize("answer, error, words", [
    (reply(b"{}", length=1 << 40), ProtocolError, "claims 1099511627776 bytes"),
    (reply(b"{}", length="9" * 400), ProtocolError, "claims 999"),
    (reply(b'{"a":', length=5000), ProtocolError, "cut off, 4995 bytes"),
    (reply(b"{]"), ProtocolError, "no JSON"), (reply(b'"text"'), ProtocolError, "no JSON object"),
    (reply(DEEP), ProtocolError, "no JSON"), (reply(b"\xff\xfe\x00"), ProtocolError, "no JSON"),
    (reply(b'{"annotations":7}'), ProtocolError, "no list of detections"),
    (reply(b'{"annotations":[],"processing_time_ms":"x"}'), ProtocolError, "no number processing_time_ms"),
    (b"", ConnectionFailed, "without an answer"), (b"HELO\r\n", ProtocolError, "not HTTP"),
    (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500 + b"\r\n", ProtocolError, "more than 100 headers"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc", ProtocolError, "not HTTP"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\nabc", ProtocolError, "cut off"),
    (reply(b"", "302 Found", "Location: http://other/?token=t"), ProtocolError, r"redirected to 'http://other/'"),
    (reply(b"\x00" * 50, "500 Oops"), ServerError, "500 http_error"),
    (reply(b'{"code":"busy","detail":"later"}', "503 Busy", "retry-after: 7"), Unavailable, "503 busy: later")])
def test_broken_answers(answer, error, words):
    with broken(answer) as one, pytest.raises(error, match=words) as wrong:
        Server(one.url, timeout_s=5).process_frame(picture())
    assert wrong.type is error
    if error is Unavailable:
        assert wrong.value.retry_after_s == 7


def test_an_endless_answer_is_given_up():
    def endless(path, connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"100000\r\n" + bytes(1 << 20) + b"\r\n")
    with broken(endless) as one, pytest.raises(ProtocolError, match="longer than"):
        Server(one.url).stats()


@pytest.mark.parametrize("drip", [b"", b"HTTP/1.1 200 OK\r\nA: " + b"x" * 9999, reply(b"{" + b" " * 9999)])
def test_a_server_that_is_silent_or_drips_meets_the_deadline(drip):
    def slowly(path, connection):
        for i in range(len(drip)):
            connection.sendall(drip[i:i + 1])
            time.sleep(0.02)
        time.sleep(5)
    with broken(slowly) as one:
        client = Server(one.url, timeout_s=0.4)
        begun = time.monotonic()
        with pytest.raises(AnswerTimeout, match="within 0.4 s"):
            client.stats()
        assert time.monotonic() - begun < 3


# --- connections ----------------------------------------------------------------------------------------------------

def test_connections_are_kept_and_opened_again(start_server):
    first = start_server()
    with Server(first.url) as one:
        one.stats()
        kept = one._http._idle[0]
        one.stats()
        assert one._http._idle == [kept], "the same connection"
        port = first.url.rsplit(":", 1)[1]
        first.stop()
        with pytest.raises(ConnectionFailed):
            one.stats()
        start_server(port=port, state=first.state)
        assert one.process_frame(picture()).ok


def test_a_kept_connection_that_breaks_under_a_request_is_tried_again():
    def once(path, connection):
        connection.sendall(reply(b'{"streams":[]}'))
        connection.recv(1)  # keeps it open until the next request, and then breaks it
    with broken(once) as one, Server(one.url) as client:
        assert client.streams() == [] and client.streams() == []
        assert sum("streams" in head for head in one.requests) == 2


def test_what_would_be_done_twice_is_not_tried_again():
    def once(path, connection):
        if "streams" in path:
            connection.sendall(reply(b'{"streams":[]}'))
            connection.recv(1)
    with broken(once) as one, Server(one.url) as client:
        client.streams()
        with pytest.raises(ConnectionFailed):
            client.start_stream("pattern:")
        assert not [head for head in one.requests if "start-stream" in head], "it came over the connection that broke"


def test_many_threads(client):
    answers = []
    threads = [threading.Thread(target=lambda: answers.extend(client.process_frame(picture(), max_latency_ms=0)
                                                              for _ in range(5))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 40 and all(answer.ok for answer in answers)


def test_closed(client):
    client.stats()
    client.close()
    with pytest.raises(ConnectionFailed, match="was closed"):
        client.stats()


def test_a_fork_uses_connections_of_its_own(client):
    import os
    client.stats()
    child = os.fork()
    if child == 0:
        try:
            ok = client.stats()["total_frames"] >= 0
        finally:
            os._exit(0 if ok else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert client.stats()["total_frames"] >= 0


# --- TLS ------------------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def lan(start_server):
    return start_server("--lan", "--host", "127.0.0.1", ready=False)


def authority(lan, tmp_path):
    import requests
    path = tmp_path / "ca.crt"
    path.write_bytes(requests.get(lan.url + "/ca.crt", verify=False, timeout=5).content)
    return path


@pytest.mark.filterwarnings("ignore:Unverified HTTPS")
def test_tls_by_the_servers_authority(lan, tmp_path):
    with Server(lan.url, lan.token, ca=authority(lan, tmp_path)) as one:
        lan.wait_for(one.ready)
        assert one.process_frame(picture()).ok
        with one.stream() as stream:
            stream.send(picture())
            assert stream.receive(5).kind in ("result", "dropped")


def test_tls_of_an_unknown_authority_is_refused(lan):
    with Server(lan.url, lan.token) as one:
        with pytest.raises(NotTrusted, match="pass ca="):
            one.stats()
    with pytest.raises(ConnectionFailed, match="nowhere.crt"):
        Server(lan.url, ca="nowhere.crt")


def test_http_on_an_https_port(lan):
    with pytest.raises(ClientError):
        Server(lan.url.replace("https", "http"), timeout_s=5).stats()


def test_its_names_in_the_package_cost_nothing_before_they_are_used():
    code = ("import sys, fovea\nassert 'fovea.client' not in sys.modules and 'http.client' not in sys.modules\n"
            "assert fovea.Server is __import__('fovea.client').client.Server\nprint(fovea.AsyncServer('127.0.0.1:1'))\n"
            "try: fovea.Nothing\nexcept AttributeError as error: print(error)")
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True)
    assert done.stdout == "AsyncServer('http://127.0.0.1:1')\nmodule 'fovea' has no attribute 'Nothing'\n", done.stderr
