"""Cameras of the network that the server pulls from: a real RTSP server that is killed and frozen, and one at the far end of a
line that crawls and breaks. What they hand over and what the server makes of it is counted. Their clip ends after a minute, which
is one more loss."""
from __future__ import annotations

import atexit
import re
import signal
import time

from actor import Actor
from camera_servers import FFMPEG, SERVERS, Process, make_clip, rtsp_server
from proxy import Proxy
from realtime import START, STOP, STREAMS
from world import Finding, check_sums, steady_port

HERE = 1 if FFMPEG and (SERVERS / ".complete").exists() else 0  # scripts/setup check fetches the RTSP server
AWAY_S = 15  # until a loss is noticed: 3 s where nobody takes the processors away
BACK_S = 20  # from the answer of the camera's port to the next picture: 2 s there (tests/bench/bench_sources.py)
LINE_S = 30  # the same after a line that broke again and again: up to 12 s pass before the next try


class NetworkCamera(Actor):
    """Base of those who pull pictures from a camera of their own. In `counted` the camera itself counts what it sends."""
    many = 0
    exact = True
    port = 0
    counted = ""

    @classmethod
    def settings(cls) -> dict:
        cls.port = steady_port()
        return {"sources": {"allow": [f"rtsp://127.0.0.1:{cls.port}/"]}}

    def __init__(self, world, number):
        super().__init__(world, number)
        self.folder = world.folder / self.name
        self.folder.mkdir(exist_ok=True)
        self.handed = self.folder / "handed"
        self.handed.unlink(missing_ok=True)
        self.camera: Process | None = None
        self.running: dict[str, str] = {}  # room → stream_id

    def begin(self) -> None:
        """The camera goes on; it was not there before."""
        clip = make_clip(self.folder / "clip.mp4", gop=25)
        self.camera = rtsp_server(self.folder, clip, port=self.port, times=self.handed)
        atexit.register(self.camera.kill)

    def open(self, room: str, url: str) -> None:
        made = self.world.post(START, json={"source": url, "token": room, "admission": "best_effort"})
        if made.status_code == 504:  # it has 10 s for its first picture
            self.world.note(f"{type(self).__name__} gave no picture in time")
        elif made.status_code != 201:
            raise Finding(f"start-stream of {url}: {made.status_code} {made.text[:300]}")
        else:
            self.running[room] = made.json()["stream_id"]

    def stop(self, room: str) -> None:
        last = self.world.post(STOP, json={"stream_id": self.running.pop(room)})
        if last.status_code != 200:
            raise Finding(f"stop-stream of {room}: {last.status_code} {last.text[:300]}")
        check_sums(last.json(), room)

    def state(self, room: str) -> dict:
        for one in self.world.get(STREAMS).json()["streams"]:
            if one["token"] == room:
                return one
        raise Finding(f"{room} is not among the streams any more")

    def wait_state(self, room: str, states: set[str], seconds: float, what: str) -> None:
        seen = {}
        try:
            self.world.wait(lambda: seen.update(self.state(room)) or seen["state"] in states, seconds, what)
        except Finding as finding:
            raise Finding(f"{room}: {finding}: {seen}") from None

    def wait_back(self, room: str, reconnects: int, since: float, seconds: float, what: str) -> None:
        seen = {}
        try:
            self.world.wait(lambda: seen.update(self.state(room)) or seen["reconnects"] > reconnects, seconds, what)
        except Finding as finding:
            raise Finding(f"{room}: {finding}: {seen}") from None
        self.world.took(f"{what} of {room}", time.monotonic() - since)

    def settle(self, room: str) -> None:
        """While nothing comes: each picture was replaced by a newer one, or became a frame of the room."""
        def unaccounted() -> int:
            pattern = rf'^fovea_source_pictures_total\{{stream="{room}"\}} (\d+)$'
            found = re.search(pattern, self.world.get("/metrics").text, re.M)
            seen = self.state(room)
            return int(found.group(1)) - seen["superseded_frames"] - seen["total_frames"]
        try:
            self.world.wait(lambda: unaccounted() == 0, 10, "an account of every picture")
        except Finding as finding:
            raise Finding(f"{room}: {finding}: {unaccounted()} pictures are missing") from None
        check_sums(self.world.stats(room), room)

    def end(self) -> None:
        try:
            for room in list(self.running):
                self.stop(room)
        except Finding as finding:
            self.world.find(f"{self.name}: {finding}")
        if self.camera:
            self.camera.kill()
        if self.counted and self.handed.exists():
            self.world.count(self.counted, self.handed.read_bytes().count(b"\n"))


class KilledCamera(NetworkCamera):
    """The server of two cameras is killed and comes back, stands still and goes on, while rooms pull from it."""
    many = HERE
    counted = "gate"
    ROOMS = {"gate": "paced", "gate-jpeg": "mjpeg"}

    def __init__(self, world, number):
        super().__init__(world, number)
        world.uncounted.add("gate-jpeg")

    def act(self) -> None:
        if not self.camera:
            self.begin()
        for room, path in self.ROOMS.items():
            if room not in self.running:
                self.open(room, f"rtsp://127.0.0.1:{self.port}/{path}")
        self.world.pause(self.random.uniform(2, 8))
        if not self.world.stopping.is_set() and self.running:
            self.random.choice([self.kill, self.kill, self.freeze, self.leave])()

    def kill(self) -> None:
        self.camera.kill()
        for room in self.running:
            self.wait_state(room, {"connecting", "backing_off"}, AWAY_S, "the loss")
        before = {room: self.state(room)["reconnects"] for room in self.running}
        self.world.pause(self.random.uniform(0, 6))
        for room in self.running:
            self.settle(room)
        self.camera.start()
        answered = time.monotonic()
        for room in self.running:
            self.wait_back(room, before[room], answered, BACK_S, "return")

    def freeze(self) -> None:
        self.camera.send(signal.SIGSTOP)
        try:
            for room in self.running:
                self.wait_state(room, {"stalled", "connecting", "backing_off"}, AWAY_S, "the stall")
            self.world.pause(self.random.uniform(0, 8))
        finally:
            self.camera.send(signal.SIGCONT)
        for room in self.running:
            self.wait_state(room, {"live", "delayed"}, BACK_S, "going on")

    def leave(self) -> None:
        """Stops one of the streams, half of the time when its camera is gone."""
        room = self.random.choice(list(self.running))
        gone = self.random.random() < 0.5
        if gone:
            self.camera.kill()
        self.stop(room)
        if gone:
            self.camera.start()


class FarCamera(NetworkCamera):
    """A camera behind a line that crawls and breaks. When the line is good again, so are the pictures."""
    many = HERE
    counted = "far"
    line = 0

    @classmethod
    def settings(cls) -> dict:
        super().settings()
        cls.line = steady_port()
        return {"sources": {"allow": [f"rtsp://127.0.0.1:{cls.line}/"]}}

    def act(self) -> None:
        if not self.camera:
            self.begin()
            self.proxy = Proxy(self.port, self.random, self.line)
        self.mend_line()
        if self.counted not in self.running:
            self.open(self.counted, f"rtsp://127.0.0.1:{self.line}/paced")
        if self.counted in self.running:
            self.world.pause(self.random.uniform(1, 4))
            self.break_line()

    def mend_line(self) -> None:
        self.proxy.bytes_a_second, self.proxy.lives_s = 10_000_000, 1e6

    def break_line(self) -> None:
        for _ in range(self.random.randrange(1, 5)):
            self.proxy.bytes_a_second = self.random.choice([2_000, 20_000, 200_000])
            self.proxy.lives_s = self.random.uniform(0.5, 6)
            self.proxy.cut()
            self.world.pause(self.random.uniform(1, 6))
        self.mend_line()
        before = self.state(self.counted)["reconnects"]
        self.proxy.cut()
        self.wait_back(self.counted, before, time.monotonic(), LINE_S, "return")

    def end(self) -> None:
        super().end()
        if self.camera:
            self.proxy.close()
