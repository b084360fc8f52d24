"""Clients as they should be, and as they are: cameras, sessions and viewers that stay, leave, break, crawl and stop."""
from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from actor import Actor, cut
from realtime import PROCESS, STREAM, metadata
from world import Finding, check_sums

REASONS = {"queue", "superseded", "deadline", "fps_limit", "decode", "shutdown"}
YARDS = ["yard-1", "yard-2", "yard-3"]  # rooms where everybody meets
PULLED = ["gate", "gate-jpeg", "far"]  # those of actor_network_camera.py
RESULT_S = 10  # a session of more seconds has had a result, whatever hung and whoever took the processors
CLIENT = Path(__file__).with_name("client.py")


def next_text(ws, seconds: float = 30) -> dict:
    until = time.monotonic() + seconds
    while True:
        message = ws.recv(timeout=max(0.01, until - time.monotonic()))
        if isinstance(message, str):
            return json.loads(message)


class Credit:
    """Sends pictures as the camera page does: never more than the server gave leave for."""

    def __init__(self, actor: Actor, ws, room: str):
        self.actor, self.ws, self.room, self.sent, self.refused, self.due = actor, ws, room, 0, 0, 0.0
        self.control = None
        while not self.control:
            self.take()

    def take(self, seconds: float | None = None) -> None:
        """One message. A picture that comes over a second after its metadata is refused, rightly, when the processors were
        taken away between the two; nothing else may be refused."""
        message = next_text(self.ws, seconds or self.actor.world.limit(30))
        if message["type"] == "stream_control":
            self.control = message
        elif message["type"] == "error" and message["code"] == "metadata_too_old":
            self.refused += 1
            self.actor.world.count(self.room, -1)
            self.actor.world.note("picture refused as too late")
        elif message["type"] == "error":
            raise Finding(f"a sound picture was refused: {message}")

    def send(self, fps: float = 12) -> None:
        self.actor.world.pause(max(0, self.due - time.monotonic()))
        self.due = time.monotonic() + 1 / min(fps, self.control["target_fps"])
        while self.sent >= self.control["credits"]:
            self.take()
        body, width, height = self.actor.picture()
        self.actor.world.count(self.room)
        self.ws.send(json.dumps(metadata(self.sent, width, height)))
        self.ws.send(body)
        self.sent += 1

    def finish(self) -> int:
        """Waits until all is answered; returns the pictures that the server has taken."""
        self.actor.world.wait(lambda: self.actor.world.stats(self.room)["waiting"] == 0, 30, f"the last answer of {self.room}")
        try:
            while True:
                self.take(0.3)
        except TimeoutError:
            return self.sent - self.refused


class SteadyCamera(Actor):
    """Has a room of its own and is disturbed by nobody: every picture of it is accounted for."""
    many = 2
    exact = True

    def __init__(self, world, number):
        super().__init__(world, number)
        self.room = f"steady-{number}"
        world.exact.add(self.room)

    def act(self) -> None:
        world = self.world
        with self.socket(f"/ws/camera/{self.room}") as ws:
            camera = Credit(self, ws, self.room)
            until = time.monotonic() + self.random.uniform(5, 25)
            while time.monotonic() < until and not world.stopping.is_set():
                camera.send()
            taken = camera.finish()
            total = check_sums(world.stats(self.room), self.room)
            if total != taken:
                raise Finding(f"{self.room}: {taken} pictures sent, {total} frames in")


class SteadySession(Actor):
    """Gets exactly one answer for each frame, results in their order, and the server's counts say the same."""
    many = 2
    exact = True

    def __init__(self, world, number):
        super().__init__(world, number)
        self.ids = 0

    def act(self) -> None:
        world = self.world
        self.ids += 1
        name = f"session-{self.number}-{self.ids}"
        with self.socket(f"{STREAM}?client_id={name}") as ws:
            sent, answers = 0, []
            began = time.monotonic()
            until = began + self.random.uniform(3, 15)
            while time.monotonic() < until and not world.stopping.is_set():
                for _ in range(self.random.choice([1, 1, 1, 2, 8])):
                    ws.send(self.picture()[0])
                    world.count("stream")
                    sent += 1
                while len(answers) < sent - 2:
                    answers.append(next_text(ws, world.limit(30)))
                world.pause(0.08)
            while len(answers) < sent:
                answers.append(next_text(ws, world.limit(30)))
            self.check(name, sent, answers, world.stats(name))
            if time.monotonic() - began > world.limit(RESULT_S) and not any(a["type"] == "result" for a in answers):
                raise Finding(f"{name}: no result in {time.monotonic() - began:.0f} s, {sent} frames")

    @staticmethod
    def check(name: str, sent: int, answers: list[dict], stats: dict) -> None:
        if sorted(a["frame_id"] for a in answers) != list(range(sent)):
            raise Finding(f"{name}: not one answer for each of {sent} frames")
        ids = [a["frame_id"] for a in answers if a["type"] == "result"]
        if ids != sorted(ids):
            raise Finding(f"{name}: results out of order")
        seen = {reason: sum(a["type"] == "dropped" and a["reason"] == reason for a in answers) for reason in REASONS}
        told = {"delivered": sum(a["type"] == "result" for a in answers), "failed": sum(a["type"] == "error" for a in answers)}
        check_sums(stats, name)
        if {key: stats[key] for key in told} != told or {key: stats["dropped"][key] for key in seen} != seen:
            raise Finding(f"{name}: the client counted {told} {seen}, the server {stats['delivered']} {stats['failed']} {stats['dropped']}")


class FlakyCamera(Actor):
    """Comes to a room where others may be, sends for a while, and leaves in every way there is."""
    many = 3

    def act(self) -> None:
        room = self.random.choice(YARDS)
        ws = self.socket(f"/ws/camera/{room}")
        try:
            camera = Credit(self, ws, room)
            until = time.monotonic() + self.random.uniform(0.5, 8)
            while time.monotonic() < until and not self.world.stopping.is_set():
                camera.send(self.random.choice([5, 12, 25]))
            if self.random.random() < 0.3:
                self.world.count(room)
                ws.send(json.dumps(metadata(camera.sent)))  # and never its picture
        finally:
            ws.close() if self.random.random() < 0.4 else cut(ws)
        self.world.pause(self.random.uniform(0, 1))


class Viewer(Actor):
    """Looks at rooms in every way that there is; what it sees goes forward only."""
    many = 4

    def act(self) -> None:
        room = self.random.choice([*YARDS, *PULLED, "steady-0", "steady-1"])
        query = self.random.choice(["", "?render=client", "?render=server", "?pack=1", "?render=client&pack=1"])
        until = time.monotonic() + self.random.uniform(1, 15)
        ws = self.socket(f"/ws/view/{room}{query}")
        try:
            while time.monotonic() < until and not self.world.stopping.is_set():
                try:
                    ws.recv(timeout=0.5)
                except TimeoutError:
                    continue
                if self.random.random() < 0.02:
                    ws.send(json.dumps({"type": "performance_stats", "fps": 12, "latency": 80, "queueSize": 1}))
        finally:
            ws.close() if self.random.random() < 0.5 else cut(ws)


class SlowViewer(Actor):
    """Reads 10 KiB/s with a small buffer; whoever watches beside it must not notice."""
    many = 2

    def act(self) -> None:
        room = self.random.choice(["steady-0", "steady-1", *YARDS])
        path = self.random.choice([f"/api/camera/{room}/mjpeg", f"/ws/view/{room}?render=client"])
        with socket.socket() as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.settimeout(10)
            raw.connect(("127.0.0.1", self.world.port))
            more = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" \
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" if path.startswith("/ws") else ""
            raw.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n".encode())
            until = time.monotonic() + self.random.uniform(5, 30)
            while time.monotonic() < until and not self.world.stopping.is_set() and raw.recv(1024):
                self.world.pause(0.1)


class Poster(Actor):
    """Single pictures by POST: each is answered, late ones too."""
    exact = True

    def act(self) -> None:
        for _ in range(10):
            body = self.picture()[0]
            self.world.count("post")
            answer = self.world.post(PROCESS, data=body, headers={"Content-Type": "image/jpeg"})
            if answer.status_code == 503 and "Retry-After" in answer.headers:
                self.world.count("post", -1)  # refused, not taken
            elif answer.status_code not in (200, 500, 504):
                raise Finding(f"process-frame: {answer.status_code} {answer.text[:200]}")
            self.world.pause(0.15)


class Asker(Actor):
    """Pages and numbers are there all the time, whatever goes on."""
    exact = True
    PATHS = ["/healthz", "/metrics", "/api/v1/realtime/video/stats", "/api/v1/realtime/video/streams", "/api/cameras", "/api/events",
             "/camera/yard-1", "/view/yard-1", "/", "/api/version"]

    def act(self) -> None:
        for path in self.PATHS:
            answer = self.world.get(path)
            if answer.status_code != 200:
                raise Finding(f"{path}: {answer.status_code} {answer.text[:200]}")
            self.world.pause(0.2)
        check_sums(self.world.stats(), "all streams together")


class Pulled(Actor):
    """Streams that the server makes itself, started and stopped. It makes frames until they end: nobody here can count them."""

    def act(self) -> None:
        room = f"pulled-{self.number}"
        self.world.uncounted.add(room)
        base = "/api/v1/realtime/video"
        admission = self.random.choice(["best_effort", None])
        made = self.world.post(f"{base}/start-stream", json={"source": "pattern:", "token": room, "target_fps": 10,
                                                             **({"admission": admission} if admission else {})})
        if made.status_code == 409 and not admission and made.json()["code"] == "no_capacity":
            self.world.note("stream refused for want of capacity")  # this play takes the processors away
            self.world.pause(1)
            return
        if made.status_code != 201:
            raise Finding(f"start-stream: {made.status_code} {made.text[:300]}")
        self.world.pause(self.random.uniform(1, 8))
        last = self.world.post(f"{base}/stop-stream", json={"stream_id": made.json()["stream_id"]})
        if last.status_code != 200:
            raise Finding(f"stop-stream: {last.status_code} {last.text[:300]}")
        check_sums(last.json(), room)


class Killed(Actor):
    """Programs of their own, a camera or a viewer, that are stopped, go on, and are killed."""
    many = 2

    def act(self) -> None:
        room = self.random.choice(YARDS)
        role = self.random.choice(["camera", "viewer"])
        child = subprocess.Popen([sys.executable, str(CLIENT), role, str(self.world.port), room], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            self.world.pause(self.random.uniform(2, 5))
            if self.random.random() < 0.6:
                child.send_signal(signal.SIGSTOP)
                self.world.pause(self.random.uniform(0.5, 14))
                child.send_signal(signal.SIGCONT)
                self.world.pause(self.random.uniform(0, 2))
        finally:
            child.kill()
            sent = child.communicate()[0].count(b".")
            self.world.count(room, sent)
