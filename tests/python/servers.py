"""Servers for the tests of the Python client: the real one, by the fixtures of the integration tests, and a tiny one that
answers whatever it is told to.

    from servers import locked, server, start_server  # fixtures
"""
from __future__ import annotations

import base64
import hashlib
import importlib.util
import re
import socket
import struct
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]


def load(name: str, path: Path):
    """The module of a file that lies in another folder of tests."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if importlib.util.find_spec("fovea") is None:
    sys.path.insert(0, str(ROOT / "python"))
integration = load("integration_conftest", ROOT / "tests/integration/conftest.py")
start_server, server, locked = integration.start_server, integration.server, integration.locked
pictures = load("realtime", ROOT / "tests/integration/realtime.py")
picture, spot = pictures.picture, pictures.spot

VERSION = b'{"name":"fovea","version":"0.1.0"}'
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def reply(body: bytes, status: str = "200 OK", *fields: str, length: int | str | None = None) -> bytes:
    """The bytes of an HTTP answer; `length`: what it claims instead of the truth."""
    heads = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *fields]
    return "\r\n".join(heads).encode() + b"\r\n\r\n" + body


def frame_of(payload: bytes, opcode: int = 1) -> bytes:
    """One unmasked WebSocket frame."""
    size = len(payload)
    head = struct.pack("!BB", 0x80 | opcode, size) if size < 126 else struct.pack("!BBH", 0x80 | opcode, 126, size)
    return head + payload


class Broken:
    """`answer(path, connection)` writes what it likes; /api/version is answered as a server of this version does. With
    `upgrade` WebSockets are opened first, after which `answer` has the connection."""

    def __init__(self, answer: Callable[[str, socket.socket], None], version: bytes | None = VERSION, upgrade: bool = False):
        self.answer, self.version, self.upgrade = answer, version, upgrade
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.requests: list[str] = []  # head of each
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                while head := self._head(connection):
                    self.requests.append(head)
                    path = head.split()[1]
                    if path == "/api/version" and self.version is not None:
                        connection.sendall(reply(self.version))
                        continue
                    if self.upgrade and "Upgrade: websocket" in head:
                        self._shake(head, connection)
                    return self.answer(path, connection)
            except OSError:
                pass

    @staticmethod
    def _head(connection: socket.socket) -> str:
        data = b""
        while b"\r\n\r\n" not in data:
            part = connection.recv(1)
            if not part:
                return ""
            data += part
        length = re.search(rb"Content-Length: (\d+)", data)
        left = int(length.group(1)) if length else 0
        while left > 0:  # closing with bytes unread would break the connection before the answer is read
            left -= len(connection.recv(min(left, 1 << 16)) or bytes(left))
        return data.decode()

    @staticmethod
    def _shake(head: str, connection: socket.socket) -> None:
        key = next(line.split(": ")[1] for line in head.split("\r\n") if line.startswith("Sec-WebSocket-Key"))
        accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        connection.sendall(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())

    def close(self) -> None:
        self.listener.close()


@contextmanager
def broken(answer: Callable[[str, socket.socket], None] | bytes, **more) -> Iterator[Broken]:
    """A Broken for one test; bytes are sent as they are and the connection is closed."""
    if isinstance(answer, bytes):
        data = answer
        answer = lambda path, connection: connection.sendall(data)  # noqa: E731
    one = Broken(answer, **more)
    try:
        yield one
    finally:
        one.close()
