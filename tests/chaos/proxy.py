"""A line between a client and the server that can be made slow, and that breaks."""
from __future__ import annotations

import socket
import struct
import threading
import time

CHUNK = 4096


class Proxy:
    """Listens on a free port, or the one that is given. Set `bytes_a_second` and `lives_s` before a client connects: they hold for its connection."""

    def __init__(self, target: int, chance, port: int = 0):
        self.target, self.chance = target, chance
        self.bytes_a_second, self.lives_s = 1_000_000, 10.0
        self.cuts = 0
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def cut(self) -> None:
        """Ends every connection that there is."""
        self.cuts += 1

    def close(self) -> None:
        self.cut()
        self.listener.close()

    def accept(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.target), 5)
            except OSError:
                near.close()
                continue
            for one in (near, far):  # a slow line holds little
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
                one.settimeout(0.5)
            end = time.monotonic() + self.lives_s
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self.carry, args=(a, b, self.bytes_a_second, end, self.cuts), daemon=True).start()

    def carry(self, source, target, rate: float, end: float, cuts: int) -> None:
        """One direction, until an end or the break."""
        try:
            while time.monotonic() < end and cuts == self.cuts:
                try:
                    data = source.recv(CHUNK)
                except TimeoutError:
                    continue
                if not data:
                    break
                target.sendall(data)
                time.sleep(min(len(data) / rate, max(0, end - time.monotonic())))
        except OSError:
            pass
        for one in (source, target):
            try:
                if self.chance.random() < 0.5:  # a reset, not an end
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                one.shutdown(socket.SHUT_RDWR) if self.chance.random() < 0.5 else one.close()
                one.close()
            except OSError:
                pass
