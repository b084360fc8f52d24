"""Sessions and event streams of /stream/… for the tests."""
from __future__ import annotations

import base64
import json
import socket as sockets
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from conftest import PATIENCE, SANITIZED
from realtime import picture
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

DETECTION = "/stream/detection"
EVENTS = "/stream/events/"
PERFORMANCE = "/stream/performance"
# At 240 frames a second a burst of two dozen frames is within the limit, so that tests need not wait.
FAST = {"STREAMING_MAX_FPS": "240", "STREAMING_DEFAULT_FPS": "240"}


@contextmanager
def session(server, query: str = "", token: str | None = None, compression: str | None = None, **more):
    """An open session; its first message is at `ws.hello`. Without a deadline, unless the query names one: a busy
    machine must not change what is answered."""
    if "max_latency_ms" not in query:
        query += ("&" if query else "?") + "max_latency_ms=0"
    headers = {"Authorization": f"Bearer {token}"} if token else None
    more.setdefault("close_timeout", 5)
    with connect(server.ws + DETECTION + query, additional_headers=headers, compression=compression, max_size=None,
                 proxy=None, open_timeout=10, max_queue=None, **more) as ws:
        ws.hello = json.loads(ws.recv(timeout=5))
        yield ws


def frame(number: int | None = None, body: bytes | None = None, **more) -> str:
    """The text of a frame; picture() when no bytes are given."""
    message = {"type": "frame", "image_data": base64.b64encode(picture() if body is None else body).decode(), **more}
    return json.dumps(message if number is None else {**message, "frame_id": number})


def ask(ws, text, seconds: float = 5) -> dict:
    ws.send(text if isinstance(text, (str, bytes)) else json.dumps(text))
    return json.loads(ws.recv(timeout=seconds * PATIENCE))


def close_code(ws, seconds: float = 5):
    """Reads until the server closes; its code and reason."""
    with pytest.raises(ConnectionClosed) as closed:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            ws.recv(timeout=seconds)
    return closed.value.rcvd.code, closed.value.rcvd.reason


def memory(server) -> float:
    """Resident megabytes. A sanitizer keeps what was freed: then it says nothing."""
    if SANITIZED:
        return 0
    text = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) / 1024


class Events:
    """Reads an event stream on a thread: `got` holds (id, kind, data) of what came."""

    def __init__(self, server, client: str, last_id=None, token: str | None = None):
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": str(last_id)} if last_id is not None else {}),
                   **({"Authorization": f"Bearer {token}"} if token else {})}
        self.reply = requests.get(server.url + EVENTS + client, headers=headers, stream=True, timeout=30)
        self.got: list[tuple[int | None, str, dict]] = []
        self.comments = 0
        self.ended = False
        if self.reply.status_code == 200:
            self.thread = threading.Thread(target=self.read, daemon=True)
            self.thread.start()

    def read(self):
        event: dict[str, str] = {}
        try:
            for line in self.reply.iter_lines(chunk_size=1):
                name, _, value = line.decode().partition(": ")
                if line.startswith(b":"):
                    self.comments += 1
                elif line:
                    event[name] = value
                elif event:
                    self.got.append((int(event["id"]) if "id" in event else None, event["event"], json.loads(event["data"])))
                    event = {}
        except (requests.RequestException, AttributeError):  # closed by the test
            pass
        self.ended = True

    def of(self, kind: str) -> list[dict]:
        return [data for _, name, data in self.got if name == kind]

    def wait(self, kind: str, count: int = 1, seconds: float = 5) -> list[dict]:
        until = time.monotonic() + seconds * PATIENCE
        while len(self.of(kind)) < count and time.monotonic() < until:
            time.sleep(0.01)
        assert len(self.of(kind)) >= count, f"{kind}: {[(i, k) for i, k, _ in self.got][-20:]}"
        return self.of(kind)

    def close(self):
        """At once: the connection is cut, so that the reading thread does not wait for what comes next."""
        if self.reply.status_code == 200 and not self.ended:
            try:
                self.reply.raw._fp.fp.raw._sock.shutdown(sockets.SHUT_RDWR)
            except (AttributeError, OSError):  # it has ended by itself
                pass
            self.thread.join(5)
        self.reply.close()
