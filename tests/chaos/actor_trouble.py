"""What is done to clients and server: lines that crawl and break, processors that are taken away, bytes that mean nothing."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zlib

from actor import Actor, cut
from actor_clients import YARDS, Credit, next_text
from proxy import Proxy
from realtime import PROCESS, STREAM, metadata
from world import Finding

HANDSHAKE = ("GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n")


class BadLine(Actor):
    """A camera, a session or a viewer at the far end of a line that crawls and breaks."""
    many = 3

    def __init__(self, world, number):
        super().__init__(world, number)
        self.proxy = Proxy(world.port, self.random)

    def act(self) -> None:
        self.proxy.bytes_a_second = self.random.choice([5_000, 50_000, 500_000, 10_000_000])
        self.proxy.lives_s = self.random.uniform(1, 12)
        role = self.random.choice(["camera", "session", "viewer"])
        room = self.random.choice(YARDS)
        paths = {"camera": f"/ws/camera/{room}", "session": STREAM, "viewer": f"/ws/view/{room}"}
        ws = self.socket(paths[role], self.proxy.port)
        try:
            camera = Credit(self, ws, room) if role == "camera" else None
            until = time.monotonic() + 15
            while time.monotonic() < until and not self.world.stopping.is_set():
                if camera:
                    camera.send()
                elif role == "session":
                    self.world.count("stream")
                    ws.send(self.picture()[0])
                    next_text(ws, 10)
                else:
                    ws.recv(timeout=10)
        finally:
            cut(ws)

    def end(self) -> None:
        self.proxy.close()


class Hog(Actor):
    """Takes the processors away for seconds: programs that only count, at the server's own priority."""

    def act(self) -> None:
        self.world.pause(self.random.uniform(5, 15))
        busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"])
                for _ in range(self.random.choice([1, 2, 4]) if not self.world.stopping.is_set() else 0)]
        try:
            self.world.pause(self.random.uniform(1, 4))
        finally:
            for one in busy:
                one.kill()
                one.wait()


class Frost(Actor):
    """Stops the server itself for up to a second, as a machine that hosts too much does."""

    def act(self) -> None:
        self.world.pause(self.random.uniform(10, 25))
        if not self.world.stopping.is_set():
            os.kill(self.world.process.pid, signal.SIGSTOP)
            try:
                time.sleep(self.random.uniform(0.1, 1))
            finally:
                os.kill(self.world.process.pid, signal.SIGCONT)


class BadBytes(Actor):
    """Bytes that break every rule, in every place that takes any. The one who sends them is refused or cut; nobody else."""
    many = 2

    def act(self) -> None:
        self.world.uncounted.add(f"bad-{self.number}")
        self.random.choice([self.noise, self.frames, self.bomb, self.texts, self.half_pictures, self.slow_head])()
        self.world.pause(0.1)

    def say(self, data: bytes, seconds: float = 2) -> None:
        """Sends in odd pieces, reads what comes, and is gone."""
        with self.world.connection() as raw:
            raw.settimeout(seconds)
            while data:
                size = self.random.choice([1, 7, 1000, 100_000])
                raw.sendall(data[:size])
                data = data[size:]
            try:
                while raw.recv(65536):
                    pass
            except TimeoutError:
                pass

    def noise(self) -> None:
        self.say(self.random.randbytes(self.random.choice([10, 500, 50_000])), 0.5)
        self.say(f"POST {PROCESS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n".encode() + bytes(5000), 0.5)

    def frames(self) -> None:
        path = self.random.choice([f"/ws/camera/{self.random.choice(YARDS)}", f"/ws/view/{self.random.choice(YARDS)}", STREAM])
        junk = b"".join(bytes([self.random.choice([0x81, 0x82, 0x01, 0x00, 0x80, 0x88, 0x89, 0xC2, self.random.randrange(256)]),
                               self.random.randrange(128, 256)]) + self.random.randbytes(self.random.randrange(60))
                        for _ in range(20))
        self.say(HANDSHAKE.format(path=path).encode() + junk, 1)

    def bomb(self) -> None:
        """One of the two has no compression, and the other unpacks no more than a message may have."""
        packed = zlib.compress(bytes(50 << 20), 9)[2:-8]
        head = bytes([0xC2, 0xFF]) + len(packed).to_bytes(8, "big") + bytes(4)
        path = self.random.choice([STREAM, f"/stream/detection?client_id=bad-{self.number}"])
        self.say(HANDSHAKE.format(path=path).encode() + head + packed, 1)

    def texts(self) -> None:
        with self.socket(f"/ws/camera/bad-{self.number}") as ws:
            for text in ("{}", "[object Promise]", "null", '{"type":"frame_metadata"}', '{"type":"frame_metadata","width":-1}', "[" * 200,
                         json.dumps(metadata(0, 1 << 40, 2)), "\ud83d".encode("utf-16", "surrogatepass").decode("latin-1")):
                ws.send(text)
            errors = [next_text(ws) for _ in range(3)]
            if not any(one["type"] == "error" for one in errors):
                raise Finding(f"wrong texts were answered by {errors}")

    def half_pictures(self) -> None:
        body = self.picture()[0]
        with self.socket(f"/ws/camera/bad-{self.number}") as ws:
            for bad in (body[:len(body) // 2], body[100:], b"", self.random.randbytes(2000), body[:600] + self.random.randbytes(600)):
                ws.send(json.dumps(metadata(0)))
                ws.send(bad)
            seen = next_text(ws)
            while seen["type"] == "stream_control":
                seen = next_text(ws)
            if seen["type"] != "error":
                raise Finding(f"a broken picture was answered by {seen}")

    def slow_head(self) -> None:
        with self.world.connection() as raw:
            raw.settimeout(15)
            for letter in b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ":
                raw.sendall(bytes([letter]))
                self.world.pause(0.1)
                if self.world.stopping.is_set():
                    return
