"""What is too large, too many or too slow is refused before work is done, and the server goes on."""
import socket
import time

import pytest
import requests

FRAME = "/api/v1/realtime/video/process-frame"


@pytest.fixture(autouse=True)
def goes_on(server):
    yield
    assert requests.get(server.url + "/healthz", timeout=5).status_code == 200


def raw(server, data, seconds=15):
    """Sends bytes, returns the answer up to its end or the timeout."""
    host, port = server.host.rsplit(":", 1)
    answer = b""
    with socket.create_connection((host, int(port)), seconds) as to:
        try:
            to.sendall(data)
        except (ConnectionResetError, BrokenPipeError):
            pass
        to.settimeout(seconds)
        try:
            while chunk := to.recv(65536):
                answer += chunk
        except (TimeoutError, ConnectionResetError):
            pass
    return answer


def status(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else None


def test_body_too_large_is_refused_by_its_length(server):
    head = f"POST {FRAME} HTTP/1.1\r\nHost: {server.host}\r\nContent-Type: image/jpeg\r\nContent-Length: 31457280\r\n\r\n"
    began = time.monotonic()
    assert status(raw(server, head.encode())) == 413
    assert time.monotonic() - began < 5, "before the body is there"


def test_chunked_body_too_large(server):
    def chunks():
        for _ in range(30):
            yield b"x" * (1 << 20)
    try:
        code = server.post(FRAME, data=chunks(), headers={"Content-Type": "image/jpeg"}).status_code
    except requests.ConnectionError:
        return  # refused while we were still sending
    assert code == 413


@pytest.mark.parametrize("path", ["/api/version", "/", "/metrics"])
def test_bodies_where_none_belongs(server, path):
    data = f"GET {path} HTTP/1.1\r\nHost: {server.host}\r\nContent-Length: 100000\r\nConnection: close\r\n\r\n"
    assert status(raw(server, data.encode(), 5)) == 413


def test_header_block_too_large(server):
    data = f"GET / HTTP/1.1\r\nHost: {server.host}\r\nX: {'x' * 40000}\r\n\r\n".encode()
    assert status(raw(server, data)) in (431, 400, 413)


def test_line_too_long(server):
    assert status(raw(server, b"GET /" + b"x" * 40000 + b" HTTP/1.1\r\n\r\n")) in (414, 431, 400)


def test_too_many_headers(server):
    fields = "".join(f"X-{i}: 1\r\n" for i in range(500))
    assert status(raw(server, f"GET / HTTP/1.1\r\nHost: {server.host}\r\n{fields}\r\n".encode())) in (431, 400)


@pytest.mark.parametrize("method, code", [("TRACE", 501), ("CONNECT", 501), ("BREW", 501), ("DELETE", 405), ("PUT", 405)])
def test_other_methods(server, method, code):
    data = f"{method} /api/version HTTP/1.1\r\nHost: {server.host}\r\nConnection: close\r\n\r\n".encode()
    answer = raw(server, data, 5)
    assert status(answer) in (code, 400)
    assert status(answer) != 405 or b"allow: get" in answer.lower()


def test_no_host(server):
    assert status(raw(server, b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", 5)) in (400, 403)


def test_two_lengths(server):
    data = f"POST {FRAME} HTTP/1.1\r\nHost: {server.host}\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef"
    assert status(raw(server, data.encode(), 5)) == 400


def test_length_and_chunks(server):
    data = (f"POST {FRAME} HTTP/1.1\r\nHost: {server.host}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
            "0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n")
    answer = raw(server, data.encode(), 5)
    assert status(answer) == 400 and answer.count(b"HTTP/1.1") == 1


def test_many_connections_from_one_address(server):
    host, port = server.host.rsplit(":", 1)
    held, refused = [], 0
    try:
        for _ in range(160):
            one = socket.create_connection((host, int(port)), 5)
            held.append(one)
        time.sleep(0.3)
        for one in held:
            one.setblocking(False)
            try:
                answer = one.recv(64)
                refused += answer.startswith(b"HTTP/1.1 503") or answer == b""
            except BlockingIOError:
                pass
            except ConnectionResetError:
                refused += 1
    finally:
        for one in held:
            one.close()
    assert refused >= 20, "beyond 128 from one address"
    time.sleep(0.3)


def test_slow_heads_do_not_hold_the_others_up(server):
    host, port = server.host.rsplit(":", 1)
    slow = [socket.create_connection((host, int(port)), 5) for _ in range(50)]
    try:
        for one in slow:
            one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        times = []
        for _ in range(20):
            began = time.monotonic()
            assert server.get("/healthz").status_code == 200
            times.append(time.monotonic() - began)
        assert sorted(times)[10] < 0.5
    finally:
        for one in slow:
            one.close()


def test_broken_requests_get_an_answer_or_a_close(server):
    for data in (b"\x00\x01\x02\x03\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\r\n\r\n\r\n",
                 b"GET / HTTP/1.1\nHost: x\n\n", b"GET / HTTP/1.1\r\n Host: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
                 b"GET http://[::1 HTTP/1.1\r\n\r\n"):
        answer = raw(server, data, 3)
        assert status(answer) in (None, 400, 403, 408, 501, 505), (data, answer[:80])
