"""HTTP over real sockets: answers, limits, deadlines, and everything that must not get through."""
import json
import os
import random
import socket
import struct
import time

import pytest

from conftest import read_all

HELLO = b"GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"


def status_of(answer):
    return int(answer.split(b" ", 2)[1]) if answer else 0


# ---- answers ----


def test_answers(server):
    status, headers, body = server.get("/hello")
    assert (status, body) == (200, b"hello\n")
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Content-Length"] == "6" and "Date" in headers
    assert "Server" not in headers
    status, headers, body = server.get("/hello", "HEAD")
    assert (status, body, headers["Content-Length"]) == (200, b"", "6")
    status, headers, body = server.get("/nothing")
    assert status == 404 and headers["Content-Type"] == "application/problem+json"
    assert json.loads(body) == {"type": "about:blank", "title": "Not Found", "status": 404, "code": "not_found", "detail": 'no such "page"'}
    status, headers, _ = server.get("/redirect")
    assert status == 303 and headers["Location"] == "/hello"
    assert server.get("/late?ms=30")[2] == b"late"
    assert server.get("/thread")[2] == b"late"


def test_request_is_seen_whole(server):
    status, _, body = server.get("/inspect/a%20b?x=1&y=a+b%21&x=2", "POST", b"12345", {"Cookie": "a=1; b = x; c", "X-Test": " v "})
    seen = json.loads(body)
    assert seen["method"] == "POST" and seen["path"] == "/inspect/a b" and seen["length"] == 5 and seen["head_hook"]
    assert seen["params"]["y"] == "a b!" and seen["cookie_a"] == "1" and seen["x_test"] == "v" and not seen["tls"]


def test_client_behind_proxy(server):
    def peer(source, **headers):
        seen = json.loads(server.get("/inspect", headers={k.replace("_", "-"): v for k, v in headers.items()}, source=source)[2])
        return seen["peer"], seen["tls"]

    # 127.0.0.2 and 10/8 are trusted, 127.0.0.1 is not
    assert peer("127.0.0.1", X_Forwarded_For="1.2.3.4", X_Forwarded_Proto="https") == ("127.0.0.1", False)
    assert peer("127.0.0.2", X_Forwarded_For="1.2.3.4", X_Forwarded_Proto="https") == ("1.2.3.4", True)
    assert peer("127.0.0.2", X_Forwarded_For="6.6.6.6, 1.2.3.4") == ("1.2.3.4", False)
    assert peer("127.0.0.2", X_Forwarded_For="1.2.3.4, 10.0.0.9 , 10.1.1.1") == ("1.2.3.4", False)
    assert peer("127.0.0.2", X_Forwarded_For="nonsense") == ("127.0.0.2", False)
    assert peer("127.0.0.2", X_Forwarded_For="2001:db8::1, 10.0.0.1") == ("2001:db8::1", False)
    assert peer("127.0.0.2") == ("127.0.0.2", False)


def test_ipv6(server):
    with server.connect(HELLO, host="::1") as sock:
        assert b"hello" in sock.recv(4096)


@pytest.mark.parametrize("length", [0, 1, 4095, 4096, 16384, 65536, 3_000_000, 10 << 20])
@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_of_all_lengths(server, length, chunked):
    body = random.Random(length).randbytes(length)
    pieces = (body[i : i + 60000] for i in range(0, length, 60000))
    status, _, back = server.get("/echo", "POST", pieces if chunked else body)
    assert status == 200 and back == body


def test_byte_by_byte(server):
    request = b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n"
    with server.connect() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request:
            sock.sendall(bytes([byte]))
            time.sleep(0.001)
        assert read_all(sock).endswith(b"\r\n\r\nabcde")


def test_keep_alive_and_pipelining(server):
    with server.connect(HELLO * 50 + b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc" + HELLO) as sock:
        answer = read_all(sock)
    assert answer.count(b"HTTP/1.1 200 OK") == 52 and answer.count(b"hello\n") == 51 and b"\r\n\r\nabcHTTP/1.1" in answer
    # an answer that comes later does not mix the order
    late = b"GET /late?ms=100 HTTP/1.1\r\nHost: h\r\n\r\n"
    answer = server.ask(late + HELLO + late)
    assert [part[-4:] for part in answer.split(b"HTTP/1.1 200")[1:]] == [b"late", b"llo\n", b"late"]


def test_connection_close(server):
    start = time.monotonic()
    assert b"Connection: close" in server.ask(b"GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert b"Connection: close" in server.ask(b"GET /hello HTTP/1.0\r\n\r\n")
    assert time.monotonic() - start < 0.9  # it closed, we did not wait for silence
    assert server.ask(b"GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" * 2).count(b"200 OK") == 2


def test_expect_continue(server):
    head = b"POST %s HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2000\r\n\r\n"
    with server.connect(head % b"/echo") as sock:
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"x" * 2000)
        assert sock.recv(100).startswith(b"HTTP/1.1 200")
    with server.connect(head % b"/small") as sock:
        assert sock.recv(100).startswith(b"HTTP/1.1 413")


def test_big_answer_to_slow_reader(server):
    with server.connect(b"GET /big HTTP/1.1\r\nHost: h\r\n\r\n" + HELLO) as sock:
        time.sleep(0.3)
        assert server.get("/hello")[0] == 200
        data = read_all(sock)
    head, body = data.split(b"\r\n\r\n", 1)
    assert body[: 8 << 20] == (b"abcdefghijklmnopqrstuvwxyz" * (1 << 19))[: 8 << 20]
    assert body[8 << 20 :].endswith(b"hello\n")


# ---- what must not get through ----

POST = b"POST /echo HTTP/1.1\r\nHost: h\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
TABLE = {
    "two lengths": POST + b"Content-Length: 0\r\nContent-Length: 36\r\n\r\n",
    "equal lengths": POST + b"Content-Length: 36\r\nContent-Length: 36\r\n\r\n",
    "length list": POST + b"Content-Length: 0, 36\r\n\r\n",
    "length plus": POST + b"Content-Length: +0\r\n\r\n",
    "length minus": POST + b"Content-Length: -1\r\n\r\n",
    "length hex": POST + b"Content-Length: 0x0\r\n\r\n",
    "length blank": POST + b"Content-Length : 0\r\n\r\n",
    "length empty": POST + b"Content-Length:\r\n\r\n",
    "length huge": POST + b"Content-Length: 18446744073709551616\r\n\r\n",
    "length and chunked": POST + b"Content-Length: 36\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "gzip": POST + b"Transfer-Encoding: gzip\r\n\r\n",
    "gzip, chunked": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "xchunked": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "identity": POST + b"Transfer-Encoding: identity\r\nContent-Length: 0\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked in one": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked vt": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunked blank": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "chunked fold": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "chunked in 1.0": b"POST /echo HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "fold": POST + b"X: 1\r\n 2\r\nContent-Length: 0\r\n\r\n",
    "first field folded": b"POST /echo HTTP/1.1\r\n Host: h\r\nContent-Length: 0\r\n\r\n",
    "bare lf line": b"POST /echo HTTP/1.1\nHost: h\r\nContent-Length: 0\r\n\r\n",
    "bare lf field": POST + b"X: 1\nContent-Length: 0\r\n\r\n",
    "bare lf end": POST + b"Content-Length: 0\r\n\n",
    "bare cr": POST + b"X: 1\rContent-Length: 0\r\n\r\n",
    "nul in value": POST + b"X: a\0b\r\nContent-Length: 0\r\n\r\n",
    "nul in name": POST + b"X\0: a\r\nContent-Length: 0\r\n\r\n",
    "no name": POST + b": a\r\nContent-Length: 0\r\n\r\n",
    "no colon": POST + b"abc\r\nContent-Length: 0\r\n\r\n",
    "no host": b"POST /echo HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    "two hosts": POST + b"Host: g\r\nContent-Length: 0\r\n\r\n",
    "bad host": b"POST /echo HTTP/1.1\r\nHost: a b\r\nContent-Length: 0\r\n\r\n",
    "leading blank line": b"\r\n" + POST + b"Content-Length: 0\r\n\r\n",
    "leading blank": b" " + POST + b"Content-Length: 0\r\n\r\n",
    "two blanks": b"POST  /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
    "no version": b"POST /echo\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
    "version -1.1": b"POST /echo HTTP/-1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
    "version 1.10": b"POST /echo HTTP/1.10\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
    "absolute target": b"POST http://h/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
    "chunk 0x": POST + b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
    "chunk plus": POST + b"Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
    "chunk blank": POST + b"Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n",
    "chunk without end": POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n",
    "chunk lf": POST + b"Transfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n",
    "chunk long size": POST + b"Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n",
    "chunk trailer": POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nHost: g\r\n\r\n",
    "chunk extension lf": POST + b"Transfer-Encoding: chunked\r\n\r\n5;a\nb\r\nhello\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", TABLE)
def test_smuggling(server, name):
    before = server.stats()["requests"]
    for step in (None, 7):
        with server.connect() as sock:
            data = TABLE[name] + SMUGGLED
            try:
                for i in range(0, len(data), step or len(data)):
                    sock.sendall(data[i : i + (step or len(data))])
                    if step:
                        time.sleep(0.0005)
            except (BrokenPipeError, ConnectionResetError):
                pass
            answer = read_all(sock)
        assert status_of(answer) in (400, 501, 505), answer
        assert answer.count(b"HTTP/1.1") == 1 and b"Connection: close" in answer
    assert server.stats()["requests"] == before + 1  # only this one: nothing reached the handler


@pytest.mark.parametrize("path", ["/../etc/passwd", "/%2e%2e/x", "/a/..%2fx", "/a%5c..%5cx", "/x%00.js", "//x", "/a/./b", "/%0d%0aX"])
def test_bad_paths(server, path):
    assert status_of(server.ask(b"GET " + path.encode() + b" HTTP/1.1\r\nHost: h\r\n\r\n")) == 404


def test_size_limits(server):
    assert status_of(server.ask(b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: h\r\n\r\n")) == 414
    assert status_of(server.ask(b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 9000 + b"\r\n\r\n")) == 431
    assert status_of(server.ask(b"GET / HTTP/1.1\r\nHost: h\r\n" + b"X: 1\r\n" * 101 + b"\r\n")) == 431
    assert status_of(server.ask(b"GET / HTTP/1.1\r\nHost: h\r\n" + (b"X: " + b"a" * 1000 + b"\r\n") * 30 + b"\r\n")) == 431
    # the announced length alone is refused; so is a chunk that would lead over the limit
    assert status_of(server.ask(POST + b"Content-Length: 10485761\r\n\r\n")) == 413
    assert status_of(server.ask(POST + b"Transfer-Encoding: chunked\r\n\r\na00001\r\n")) == 413
    # and what the route said about itself
    assert server.get("/small", "POST", b"x" * 1000)[0] == 200
    assert server.get("/small", "POST", b"x" * 1001)[0] == 413
    assert server.get("/private", "POST", b"x" * 100000)[0] == 401
    assert server.wait_stats(buffered=0)


def test_body_budget(serve):
    server = serve("--max-buffered", 4 << 20)
    half = [server.connect(POST + b"Content-Length: 3000000\r\n\r\n" + b"x" * 1_500_000) for _ in range(2)]
    time.sleep(0.3)
    assert server.stats()["buffered"] > 3_000_000
    # answered early: what was sent behind the answer may cost the connection its orderly end
    with server.connect(POST + b"Content-Length: 3000000\r\n\r\n" + b"x" * 700_000) as third:
        assert status_of(read_all(third)) == 503
    assert server.get("/hello")[0] == 200
    for sock in half:
        sock.close()
    server.wait_stats(buffered=0, pending=1)
    assert server.get("/echo", "POST", b"y" * 2_000_000)[0] == 200


def test_no_unread_input_in_memory(server):
    """A client that sends while its answer is being made, or while events go to it, fills only the kernel."""
    before = server.rss()
    for first in (b"GET /late?ms=2000 HTTP/1.1\r\nHost: h\r\n\r\n", b"GET /events HTTP/1.1\r\nHost: h\r\n\r\n"):
        with server.connect(first) as sock:
            sock.settimeout(0.5)
            try:
                for _ in range(400):
                    sock.sendall(b"x" * 100_000)
            except (TimeoutError, ConnectionError):
                pass
            assert server.rss() - before < 16 << 20


# ---- deadlines and numbers of connections ----


def test_slow_heads_and_bodies(serve):
    server = serve("--head-ms", 500, "--body-ms", 700, "--keepalive-ms", 400)

    def drip(data, byte):
        start = time.monotonic()
        with server.connect(data) as sock:
            sock.settimeout(0.1)
            while time.monotonic() - start < 5:
                try:
                    sock.sendall(byte)
                    answer = sock.recv(1000)
                    return status_of(answer), time.monotonic() - start
                except TimeoutError:
                    continue
                except ConnectionError:
                    return 0, time.monotonic() - start
        return None, 5

    status, took = drip(b"GET / HTTP/1.1\r\nHost: h\r\nX: ", b"a")
    assert status == 408 and 0.4 < took < 1.5
    status, took = drip(POST + b"Content-Length: 100000\r\n\r\n", b"a")
    assert status == 408 and 0.6 < took < 1.7
    for first, wanted in ((b"", 0), (HELLO, 200)):  # nothing said; idle behind an answer
        start = time.monotonic()
        with server.connect(first) as sock:
            sock.settimeout(5)
            data = b""
            while chunk := sock.recv(1000):
                data += chunk
            assert status_of(data) == wanted and 0.3 < time.monotonic() - start < 1.5
    server.wait_stats(connections=1)


def test_many_slow_clients(serve):
    server = serve("--head-ms", 3000)
    slow = [server.connect(b"GET / HTTP/1.1\r\nX: ") for _ in range(400)]
    times = []
    for _ in range(100):
        start = time.monotonic()
        assert server.get("/hello")[0] == 200
        times.append(time.monotonic() - start)
    assert sorted(times)[98] < 0.25
    for sock in slow:
        sock.close()
    server.wait_stats(connections=1)


def test_connection_limits(serve):
    server = serve("--max-connections", 10)
    held = [server.connect(HELLO) for _ in range(10)]
    for sock in held:
        assert b"hello" in sock.recv(1000)
    for _ in range(20):
        start = time.monotonic()
        with server.connect(HELLO) as sock:
            assert status_of(sock.recv(1000)) == 503
        assert time.monotonic() - start < 0.5
    held.pop().close()
    time.sleep(1.5)
    assert server.get("/hello")[0] == 200
    for sock in held:
        sock.close()


def test_address_limits(serve):
    server = serve("--max-per-address", 5)
    held = [server.connect(HELLO) for _ in range(5)]
    time.sleep(0.2)
    with server.connect(HELLO) as sock:
        assert status_of(sock.recv(1000)) == 503
    assert server.get("/hello", source="127.0.0.3")[0] == 200
    assert all(server.get("/hello", source="127.0.0.2")[0] == 200 for _ in range(3))
    many = [server.connect(HELLO, source="127.0.0.2") for _ in range(20)]  # a trusted proxy speaks for many
    assert all(b"hello" in sock.recv(1000) for sock in many)
    for sock in held + many:
        sock.close()


def test_no_spin_without_descriptors(serve):
    import resource

    server = serve()
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (30, 30))
    held = [server.connect(timeout=1) for _ in range(60)]
    time.sleep(0.3)
    before = server.cpu()
    time.sleep(1.0)
    assert server.cpu() - before < 0.3
    for sock in held:
        sock.close()
    time.sleep(0.6)
    assert server.get("/hello")[0] == 200
    server.process.kill()  # its standard error names the accept error; nothing more to see
    server.process.wait()
    server.process.returncode = 0


def test_client_gone(server):
    with server.connect(b"GET /late?ms=500 HTTP/1.1\r\nHost: h\r\n\r\n"):
        time.sleep(0.1)
    server.wait_stats(1.0, gone=1)
    sock = server.connect(b"GET /late?ms=500 HTTP/1.1\r\nHost: h\r\n\r\n")
    time.sleep(0.1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()  # a reset
    server.wait_stats(1.0, gone=2)
    time.sleep(0.6)  # the answers that nobody waits for are harmless
    assert server.wait_stats(connections=1, pending=1)


def test_churn(server):
    """Connections cut at every point of every kind of request."""
    requests = [
        HELLO,
        POST + b"Content-Length: 100\r\n\r\n" + b"x" * 100,
        POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"GET /late?ms=20 HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /thread HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /events HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /stream HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /big HTTP/1.1\r\nHost: h\r\n\r\n",
        HELLO * 3,
    ]
    rng = random.Random(1)
    for i in range(600):
        request = rng.choice(requests)
        sock = server.connect(request[: rng.randrange(len(request) + 1)] if i % 2 else request)
        if rng.random() < 0.3:
            time.sleep(rng.random() * 0.02)
        if rng.random() < 0.5:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif rng.random() < 0.3:
            sock.shutdown(socket.SHUT_WR)
        sock.close()
    server.wait_stats(connections=1, streams=0, pending=1, buffered=0)


# ---- forms, streams, events ----


def test_multipart(server):
    requests = pytest.importorskip("requests")
    picture = os.urandom(300_000)
    answer = requests.post(
        f"http://127.0.0.1:{server.port}/multipart", files={"file": ("../bäd/ü.jpg", picture, "image/jpeg")}, data={"model_id": "yolo", "empty": ""}, timeout=5
    )
    parts = {part["name"]: part for part in answer.json()}
    assert parts["file"] == {"name": "file", "filename": parts["file"]["filename"], "type": "image/jpeg", "length": 300_000}
    assert "/" not in parts["file"]["filename"] and parts["model_id"]["length"] == 4 and parts["empty"]["length"] == 0
    assert server.get("/multipart", "POST", b"x", {"Content-Type": "image/jpeg"})[0] == 415
    assert server.get("/multipart", "POST", b"x", {"Content-Type": "multipart/form-data; boundary=y"})[0] == 400


def test_events(server):
    with server.connect(b"GET /events?n=5 HTTP/1.1\r\nHost: h\r\n\r\n") as sock:
        head, body = read_all(sock).split(b"\r\n\r\n", 1)
    assert b"Content-Type: text/event-stream" in head and b"no-store" in head and b"Content-Length" not in head
    events = body.decode().split("\n\n")[:-1]
    assert events == [f'id: {i}\nevent: test\ndata: {{"n":{i}}}\ndata: second line' for i in range(5)]
    server.wait_stats(streams=0, closed=1)


def test_slow_event_client_is_cut(server):
    before = server.rss()
    with server.connect(b"GET /flood HTTP/1.1\r\nHost: h\r\n\r\n") as sock:
        server.wait_stats(closed=1, streams=0)
        assert server.rss() - before < 8 << 20
        data = read_all(sock)
        assert 100_000 < len(data) < 8 << 20


def test_stream(server):
    with server.connect(b"GET /stream?n=20 HTTP/1.1\r\nHost: h\r\n\r\n") as sock:
        head, body = read_all(sock).split(b"\r\n\r\n", 1)
    assert b"multipart/x-mixed-replace" in head
    assert body.count(b"--x\r\n\r\n") == len(body) // 100_007 > 5 and len(body) % 100_007 == 0
    status, headers, body = server.get("/stream", "HEAD")
    assert status == 200 and body == b""
