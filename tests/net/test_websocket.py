"""WebSocket against an independent client (python websockets) and raw frames."""
import asyncio
import os
import random
import socket
import struct
import time

import pytest

from conftest import read_all

websockets = pytest.importorskip("websockets")
HANDSHAKE = (
    b"GET %s HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def frame(first, payload=b"", mask=b"\x01\x02\x03\x04", length=None):
    n = len(payload) if length is None else length
    head = bytes([first, 0x80 | n]) if n < 126 else bytes([first, 0xFE]) + struct.pack(">H", n) if n < 65536 else bytes([first, 0xFF]) + struct.pack(">Q", n)
    return head + mask + bytes(b ^ mask[i & 3] for i, b in enumerate(payload))


def raw(server, path=b"/ws/echo", data=b""):
    sock = server.connect(HANDSHAKE % path + data)
    sock.settimeout(5)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += sock.recv(1)
    assert head.startswith(b"HTTP/1.1 101"), head
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
    return sock


def read_frame(sock):
    def exactly(n):
        data = b""
        while len(data) < n:
            chunk = sock.recv(n - len(data))
            if not chunk:
                raise EOFError
            data += chunk
        return data

    first, n = exactly(2)
    n = struct.unpack(">H", exactly(2))[0] if n == 126 else struct.unpack(">Q", exactly(8))[0] if n == 127 else n
    return first, exactly(n)


def close_code(sock):
    """The code of the next close frame, then the server must end the connection."""
    while True:
        first, payload = read_frame(sock)
        if first == 0x88:
            break
    sock.settimeout(4)
    try:
        assert sock.recv(100) == b""
    except ConnectionResetError:
        pass
    return struct.unpack(">H", payload[:2])[0]


@pytest.mark.parametrize("path", ["/ws/echo", "/ws/work"])
@pytest.mark.parametrize("deflate", [False, True])
def test_random_messages(server, path, deflate):
    async def run():
        rng = random.Random(5)
        url = f"ws://127.0.0.1:{server.port}{path}" + ("?deflate=1" if deflate else "")
        async with websockets.connect(url, compression="deflate" if deflate else None, max_size=None) as ws:
            assert bool(ws.protocol.extensions) == deflate
            for i in range(300 if path == "/ws/echo" else 100):
                length = rng.choice([0, 1, 125, 126, 127, 65535, 65536, rng.randrange(200_000), rng.randrange(2000)])
                message = rng.randbytes(length)
                if i % 2:
                    message = "".join(chr(rng.choice([65, 97, 0xE4, 0x20AC, 0x1F600])) for _ in range(length // 3))
                cut = sorted(rng.randrange(len(message) + 1) for _ in range(rng.randrange(5)))
                parts = [message[a:b] for a, b in zip([0, *cut], [*cut, len(message)])]
                await ws.send(parts if len(parts) > 1 and i % 3 == 0 else message)
                assert await ws.recv() == message, (i, length)
            assert await (await ws.ping()) >= 0

    asyncio.run(run())
    server.wait_stats(sockets=0, closed=1, last_close_code=1000)


def test_many_messages_in_flight(server):
    async def run():
        async with websockets.connect(f"ws://127.0.0.1:{server.port}/ws/echo", compression=None) as ws:
            sent = [os.urandom(random.randrange(5000)) for _ in range(2000)]

            async def receive():
                return [await ws.recv() for _ in sent]

            receiver = asyncio.create_task(receive())
            for message in sent:
                await ws.send(message)
            assert await receiver == sent

    asyncio.run(run())


@pytest.mark.parametrize(
    "change, status",
    [
        ((b"GET", b"POST"), 426),
        ((b"Upgrade: websocket", b"Upgrade: h2c"), 426),
        ((b"keep-alive, Upgrade", b"keep-alive"), 426),
        ((b"Version: 13", b"Version: 8"), 426),
        ((b"Version: 13\r\n", b"Version-X: 13\r\n"), 426),
        ((b"Key: dGhlIHNhbXBsZSBub25jZQ==", b"Key: dGhlIHNhbXBsZQ=="), 400),
        ((b"Key: dGhlIHNhbXBsZSBub25jZQ==", b"Key: dGhlIHNhbXBsZSBub25jZR=="), 400),
        ((b"Key: dGhlIHNhbXBsZSBub25jZQ==", b"Key: ********************** =="), 400),
        ((b"Sec-WebSocket-Key", b"X-Key"), 400),
        ((b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\nabc"), 400),
    ],
)
def test_bad_handshakes(server, change, status):
    answer = server.ask((HANDSHAKE % b"/ws/echo").replace(*change))
    assert answer.startswith(b"HTTP/1.1 %d" % status), answer
    if b"Version" in change[0]:
        assert b"Sec-WebSocket-Version: 13" in answer


def test_subprotocol_and_extensions(server):
    answer = server.ask((HANDSHAKE % b"/ws/echo?proto=fovea.v1").replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"))
    assert b"Sec-WebSocket-Protocol: fovea.v1\r\n" in answer and b"Extensions" not in answer
    answer = server.ask((HANDSHAKE % b"/ws/echo?deflate=1").replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: x, permessage-deflate; client_max_window_bits\r\n\r\n"))
    assert b"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n" in answer


def test_frames_glued_to_the_handshake(server):
    with raw(server, data=frame(0x81, b"a") + frame(0x89, b"p") + frame(0x01, b"b") + frame(0x80, b"c")) as sock:
        assert [read_frame(sock) for _ in range(3)] == [(0x81, b"a"), (0x8A, b"p"), (0x81, b"bc")]


@pytest.mark.parametrize(
    "data, code",
    [
        (b"\x81\x01a", 1002),  # not masked
        (frame(0x83), 1002),
        (frame(0xC1, b"a"), 1002),
        (frame(0x09, b"a"), 1002),
        (frame(0x80, b"a"), 1002),
        (frame(0x01, b"a") + frame(0x81, b"b"), 1002),
        (frame(0x89, b"x" * 126), 1002),
        (frame(0x81, b"\xff\xfe"), 1007),
        (frame(0x81, b"\xed\xa0\x80"), 1007),
        (frame(0x01, b"\xe2\x82") + frame(0x80, b"\x28"), 1007),
        (frame(0x88, b"\x03\xe8\xff"), 1007),
        (frame(0x88, b"\x00"), 1002),
        (frame(0x88, b"\x03\xed"), 1002),
        (frame(0x82, b"", length=1 << 40), 1009),
        (frame(0x82, b"", length=(1 << 63) + 5), 1009),
        (frame(0x01, b"") + frame(0x00, b"") * 1025, 1009),
        (frame(0x88, b"\x03\xe8bye"), 1000),
        (frame(0x88, b"\x0f\xa0"), 4000),
    ],
)
def test_close_codes(server, data, code):
    with raw(server, data=data) as sock:
        start = time.monotonic()
        assert close_code(sock) == code
        assert time.monotonic() - start < 1.0
    server.wait_stats(last_close_code=code, sockets=0)


def test_small_limits(server):
    with raw(server, b"/ws/echo?small=1", frame(0x82, b"x" * 1000) + frame(0x82, b"x" * 1001)) as sock:
        assert read_frame(sock) == (0x82, b"x" * 1000)
        assert close_code(sock) == 1009


def test_inflate_bomb(server):
    import zlib

    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = (packer.compress(bytes(200 << 20)) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]
    before = server.rss()
    sock = server.connect((HANDSHAKE % b"/ws/echo?deflate=1").replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"))
    sock.settimeout(5)
    while not sock.recv(1) == b"\n" or not sock.recv(2) == b"\r\n":
        pass
    sock.sendall(frame(0xC2, bomb))
    assert close_code(sock) == 1009
    assert server.rss() - before < 40 << 20
    sock.close()


def test_close_from_the_server(server):
    with raw(server, b"/ws/close") as sock:
        assert read_frame(sock) == (0x88, b"\x0f\xa1as you wish")
        sock.sendall(frame(0x88, b"\x0f\xa1"))
        assert sock.recv(10) == b""
    server.wait_stats(last_close_code=4001, sockets=0)
    with raw(server, b"/ws/close") as sock:  # a peer that never answers: two seconds
        start = time.monotonic()
        read_frame(sock)
        sock.settimeout(5)
        assert sock.recv(10) == b"" and 1.5 < time.monotonic() - start < 3.5


def test_cut_connections(server):
    rng = random.Random(2)
    data = frame(0x81, b"hello") + frame(0x01, b"a") + frame(0x89, b"p") + frame(0x80, b"b") + frame(0x82, b"x" * 70000) + frame(0x88)
    for i in range(200):
        sock = server.connect(HANDSHAKE % rng.choice([b"/ws/echo", b"/ws/view", b"/ws/work"]) + data[: rng.randrange(len(data))])
        if i % 3 == 0:
            time.sleep(0.005)
        if i % 2:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    server.wait_stats(sockets=0, connections=1, buffered=0)


def test_silent_peer_is_found(server):
    with raw(server, b"/ws/echo?ping=400") as sock:
        start = time.monotonic()
        assert read_frame(sock) == (0x89, b"")
        sock.sendall(frame(0x8A))
        with pytest.raises(EOFError):
            while True:
                assert read_frame(sock)[0] == 0x89
        assert 0.9 < time.monotonic() - start < 3
    server.wait_stats(sockets=0, last_close_code=1006)


def test_viewers(server):
    """Pairs are never torn; stuck viewers cost the good ones nothing, and are closed."""
    before = server.rss()
    good = [raw(server, b"/ws/view") for _ in range(4)]
    stuck = [raw(server, b"/ws/view") for _ in range(2)]
    counts = [0] * len(good)
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        for i, sock in enumerate(good):
            first, text = read_frame(sock)
            second, picture = read_frame(sock)
            assert (first, second) == (0x81, 0x82) and len(picture) == 100_000
            number = int(text[9:-1])
            assert picture == bytes([number & 255]) * 100_000
            counts[i] += 1
    assert min(counts) > 30
    assert server.rss() - before < 16 << 20
    server.wait_stats(6.0, sockets=4, last_close_code=1013)
    for sock in good + stuck:
        sock.close()


def test_half_messages_share_a_budget(serve):
    server = serve("--max-buffered", 4 << 20)
    socks = [raw(server, data=frame(0x82, b"x" * 900_000, length=1_000_000)) for _ in range(2)]
    time.sleep(0.2)
    last = raw(server)
    try:
        last.sendall(frame(0x82, b"x" * 8_000_000))
    except ConnectionError:
        pass
    try:
        assert close_code(last) == 1013
    except ConnectionResetError:
        pass
    server.wait_stats(sockets=2, last_close_code=1013)
    for sock in socks + [last]:
        sock.close()
    server.wait_stats(buffered=0)


def test_stop_closes_with_1001(serve):
    server = serve()
    socks = [raw(server) for _ in range(5)]
    events = server.connect(b"GET /events HTTP/1.1\r\nHost: h\r\n\r\n")
    time.sleep(0.2)
    start = time.monotonic()
    server.process.terminate()
    for sock in socks:
        first, payload = read_frame(sock)
        assert (first, payload[:2]) == (0x88, b"\x03\xe9")
        sock.sendall(frame(0x88, b"\x03\xe9"))
        assert sock.recv(10) == b""
    assert b"data:" in read_all(events)
    server.process.wait(5)
    assert time.monotonic() - start < 3
