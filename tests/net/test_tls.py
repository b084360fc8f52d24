"""TLS: versions, ALPN, large bodies and pictures, deadlines, half handshakes."""
import asyncio
import os
import random
import socket
import ssl
import struct
import subprocess
import time

import pytest

from conftest import read_all

LOCAL_CA = os.environ.get("FOVEA_NET_LOCAL_CA", "")
HELLO = b"GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ca") / "tls"
    subprocess.run([LOCAL_CA, folder, "localhost", "127.0.0.1"], check=True)
    return folder


@pytest.fixture
def tls(serve, ca):
    return serve("--cert", ca / "server.crt", "--key", ca / "server.key", "--handshake-ms", 700, "--head-ms", 3000)


def context(ca, **limits):
    result = ssl.create_default_context(cafile=ca / "ca.crt")
    for name, value in limits.items():
        setattr(result, name, value)
    return result


def connect(server, context, data=b"", name="localhost"):
    sock = socket.create_connection(("127.0.0.1", server.tls_port), 5)
    wrapped = context.wrap_socket(sock, server_hostname=name)
    wrapped.sendall(data)
    return wrapped


def test_versions_and_alpn(tls, ca):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        ours = context(ca, minimum_version=version, maximum_version=version)
        ours.set_alpn_protocols(["h2", "http/1.1"])
        with connect(tls, ours, HELLO) as sock:
            assert sock.selected_alpn_protocol() == "http/1.1"
            assert b"hello" in sock.recv(4096)
    with connect(tls, context(ca), HELLO, "127.0.0.1") as sock:  # an address in the certificate
        assert b"hello" in sock.recv(4096)
    with pytest.raises(ssl.SSLCertVerificationError):
        connect(tls, context(ca), HELLO, "example.org")
    with pytest.warns(DeprecationWarning):
        old = context(ca, minimum_version=ssl.TLSVersion.TLSv1_1, maximum_version=ssl.TLSVersion.TLSv1_1)
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connect(tls, old, HELLO)


def test_bodies(tls, ca):
    for length in (0, 1, 16383, 16384, 16385, 3_000_000):
        body = random.Random(length).randbytes(length)
        with connect(tls, context(ca)) as sock:
            sock.sendall(b"POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % length)
            sock.sendall(body)
            answer = b""
            while chunk := sock.recv(65536):  # an end without close_notify would raise
                answer += chunk
        assert answer.split(b"\r\n\r\n", 1)[1] == body
    with connect(tls, context(ca), b"GET /inspect HTTP/1.1\r\nHost: h\r\n\r\n") as sock:
        assert b'"tls":true' in sock.recv(4096)


def test_big_answer_and_pipelining(tls, ca):
    with connect(tls, context(ca), b"GET /big HTTP/1.1\r\nHost: h\r\n\r\n" + HELLO * 20) as sock:
        time.sleep(0.3)
        answer = read_all(sock)
    assert len(answer) > 8 << 20 and answer.count(b"hello\n") == 20


def test_websocket(tls, ca):
    websockets = pytest.importorskip("websockets")

    async def run():
        rng = random.Random(3)
        url = f"wss://localhost:{tls.tls_port}/ws/echo?deflate=1"
        async with websockets.connect(url, ssl=context(ca), max_size=None) as ws:
            for i in range(150):
                message = rng.randbytes(rng.choice([0, 100, 16384, 70000, rng.randrange(400_000)]))
                await ws.send(message)
                assert await ws.recv() == message
        async with websockets.connect(f"wss://localhost:{tls.tls_port}/ws/view", ssl=context(ca), compression=None) as ws:
            for _ in range(20):
                number = int((await ws.recv())[9:-1])
                assert await ws.recv() == bytes([number & 255]) * 100_000

    asyncio.run(run())
    tls.wait_stats(sockets=0, connections=1)


def test_events(tls, ca):
    with connect(tls, context(ca), b"GET /events?n=3 HTTP/1.1\r\nHost: h\r\n\r\n") as sock:
        data = b""
        while chunk := sock.recv(65536):
            data += chunk
    assert data.count(b"event: test") == 3


def test_half_handshakes(tls, ca):
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", tls.tls_port), 5) as sock:  # says nothing
        assert sock.recv(100) == b"" and time.monotonic() - start < 2
    with socket.create_connection(("127.0.0.1", tls.tls_port), 5) as sock:  # plain text
        sock.sendall(b"GET /hello?a=%20b HTTP/1.1\r\nHost: cam.local:99\r\n\r\n")
        answer = read_all(sock)
        assert answer.startswith(b"HTTP/1.1 308") and b"Location: https://cam.local:99/hello?a=%20b\r\n" in answer
    with socket.create_connection(("127.0.0.1", tls.tls_port), 5) as sock:
        sock.sendall(b"\x80nonsense")
        assert b"200" not in read_all(sock)
    hello = ssl.create_default_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = hello.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    record = outgoing.read()
    rng = random.Random(4)
    for i in range(150):
        sock = socket.create_connection(("127.0.0.1", tls.tls_port), 5)
        sock.sendall(record[: rng.randrange(len(record) + 1)])
        if i % 2:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    tls.wait_stats(connections=1)


def test_reload(serve, tmp_path):
    """New connections get the new certificate, open ones go on; a broken file changes nothing."""
    folder = tmp_path / "tls"
    subprocess.run([LOCAL_CA, folder, "localhost"], check=True)
    server = serve("--cert", folder / "server.crt", "--key", folder / "server.key")

    def serial():
        with connect(server, context(folder), HELLO) as sock:
            assert b"hello" in sock.recv(4096)
            return sock.getpeercert()["serialNumber"]

    with connect(server, context(folder), HELLO) as old:
        assert b"hello" in old.recv(4096)
        first = serial()
        subprocess.run([LOCAL_CA, folder, "localhost", "127.0.0.1"], check=True)
        assert serial() == first
        assert server.get("/reload")[0] == 200
        second = serial()
        assert second != first
        (folder / "server.key").write_text("broken")
        assert server.get("/reload")[0] == 400
        assert serial() == second
        old.sendall(HELLO)
        assert b"hello" in old.recv(4096)


def test_local_ca_keeps_and_renews(ca):
    before = {name: (ca / name).read_bytes() for name in ("ca.crt", "ca.key", "server.crt", "server.key")}
    assert (ca / "ca.key").stat().st_mode & 0o777 == 0o600 and (ca / "server.key").stat().st_mode & 0o777 == 0o600
    assert ca.stat().st_mode & 0o777 == 0o700
    subprocess.run([LOCAL_CA, ca, "127.0.0.1"], check=True)  # holds it already
    assert {name: (ca / name).read_bytes() for name in before} == before
    subprocess.run([LOCAL_CA, ca, "localhost", "127.0.0.1", "10.1.2.3", "fe80::1", "cam.local"], check=True)
    after = {name: (ca / name).read_bytes() for name in before}
    assert after["ca.crt"] == before["ca.crt"] and after["server.crt"] != before["server.crt"]
    text = subprocess.run(["openssl", "x509", "-in", ca / "server.crt", "-noout", "-text"], capture_output=True, text=True, check=True).stdout
    assert "IP Address:10.1.2.3" in text and "DNS:cam.local" in text and "IP Address:FE80:0:0:0:0:0:0:1" in text
    for wrong in ("a,IP:1.2.3.4", "a b", "", "-x"):
        assert subprocess.run([LOCAL_CA, ca, wrong]).returncode == 1
    verify = subprocess.run(["openssl", "verify", "-x509_strict", "-CAfile", ca / "ca.crt", ca / "server.crt"], capture_output=True, text=True)
    assert verify.returncode == 0, verify.stdout + verify.stderr
    (ca / "ca.crt").write_text("broken")  # a new CA, and with it a new leaf
    subprocess.run([LOCAL_CA, ca, "localhost", "127.0.0.1"], check=True)
    assert subprocess.run(["openssl", "verify", "-CAfile", ca / "ca.crt", ca / "server.crt"], capture_output=True).returncode == 0
