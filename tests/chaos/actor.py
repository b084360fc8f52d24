"""An actor: one class that does one bounded thing to the server, again and again, in a thread of its own.

A new one is one class in a file actor_*.py beside this one:

    class Rtsp(Actor):
        many = 1                  # how many of them play at once
        def act(self): ...        # one episode, a few seconds at most; raise Finding when a promise is broken

Every picture that it gives to the server it counts, by the label of /metrics (a room's name, `stream`, `post`):
`world.count(label)`; labels in `world.exact` have to agree to the frame, those in `world.uncounted` are left out (frames that
the server makes itself), of all others the server may not have more than was sent.

Connections that break are part of the play: an error of the network ends an episode and is counted. `exact = True` says that
nobody disturbs this actor: for it such an error is a finding too.
"""
from __future__ import annotations

import importlib
import random
import struct
import threading
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET

import requests
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from world import Finding, World

BROKEN = (OSError, EOFError, WebSocketException, requests.RequestException)


class Actor(threading.Thread):
    many = 1
    exact = False

    @classmethod
    def settings(cls) -> dict:
        """A part of the settings file that the server needs for this actor; called once, before the server starts."""
        return {}

    def __init__(self, world: World, number: int):
        super().__init__(name=f"{type(self).__name__}-{number}", daemon=True)
        self.world, self.number = world, number
        self.random = random.Random(f"{world.seed} {self.name}")

    def act(self) -> None:
        raise NotImplementedError

    def end(self) -> None:
        """After the last episode, also when it broke."""

    def run(self) -> None:
        kind = type(self).__name__
        while not self.world.stopping.is_set():
            try:
                self.act()
                self.world.note(f"{kind} done")
            except Finding as finding:
                self.world.find(f"{self.name}: {finding}")
                self.world.pause(2)
            except BROKEN as error:
                self.world.note(f"{kind} broke")
                if self.exact:
                    self.world.find(f"{self.name}: {type(error).__name__}: {error}")
                self.world.pause(0.2)
            except Exception as error:  # a defect of the actor's own: it may not pass for a quiet play
                self.world.find(f"{self.name}: {type(error).__name__}: {error}")
                return
        try:
            self.end()
        except BROKEN:
            pass

    def socket(self, path: str, port: int | None = None, **more):
        """A WebSocket client of another make than ours. `port`: through a proxy."""
        usual = {"max_size": None, "max_queue": None, "open_timeout": self.world.limit(20), "close_timeout": 5, "compression": None}
        return connect(f"ws://127.0.0.1:{port or self.world.port}{path}", proxy=None, legacy=True, **{**usual, **more})

    def picture(self) -> tuple[bytes, int, int]:
        return self.random.choice(self.world.pictures)


def cut(ws) -> None:
    """Ends a connection as a pulled cable or a killed program does: with a reset."""
    ws.socket.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    ws.socket.close()


def actors() -> list[type[Actor]]:
    """Every class of every actor_*.py here."""
    for path in sorted(Path(__file__).parent.glob("actor_*.py")):
        importlib.import_module(path.stem)
    found = Actor.__subclasses__()
    for kind in found:
        found += [below for below in kind.__subclasses__() if below not in found]
    return [kind for kind in found if kind.many > 0]
