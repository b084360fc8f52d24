#!/usr/bin/env python3
"""What many viewers of one camera cost, beside a bare sender of the same bytes. Prints Markdown.

    bench_fanout.py [--rounds 5] [--seconds 10] [--quick]

Sending: the server's processor time with 32 viewers of render=client less that with none, against `bare_sender`, which
does nothing but send() to 32 receivers, by turns. Only one picture a second is looked at, and by no model, so that
little is taken away. A slow viewer: the delay camera → eight good viewers, with and
without a ninth that reads 10 KiB a second, by turns, and what the server's memory grows by.
"""
import argparse
import contextlib
import json
import socket
import statistics
import subprocess
import sys
import threading

from bench_server import BUILD, Server, load, reached, row, say

VIEWERS, FPS, SIZE = 32, 30, "2048x1152"  # a picture of about 100 KB
SLOW_BYTES = 10 << 10


def bare(receivers, size, seconds):
    """Processor seconds a second of the bare sender."""
    words = [BUILD / "tests/bench/bare_sender", str(receivers), str(FPS), str(size), str(seconds)]
    found = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return found["cpu_s"] / found["seconds"]


def sending(server, rounds, seconds):
    """Medians of the rounds; the ratio is taken in each."""
    ours, theirs, lost, own = [], [], [], []
    for i in range(rounds):
        say(f"{VIEWERS} viewers: round {i + 1} of {rounds}")
        none = load(server, "view", seconds=seconds, fps=FPS, viewers=0, size=SIZE, warm=0)
        many = load(server, "view", seconds=seconds, fps=FPS, viewers=VIEWERS, size=SIZE, warm=0)
        ours.append((many["server_cpu_s"] - none["server_cpu_s"]) / seconds)
        theirs.append(bare(VIEWERS, many["bytes"], seconds))
        lost.append(100 * (1 - many["results"] / (VIEWERS * many["sent"])))
        own.append(many["own_cpu_s"] / seconds)
    ratios = [mine / least for mine, least in zip(ours, theirs)]
    ratio = statistics.median(ratios)
    row(f"{VIEWERS} viewers × {FPS} fps, {many['bytes'] / 1000:.0f} KB", f"{100 * statistics.median(theirs):.1f} % of a core",
        f"{100 * statistics.median(ours):.1f} % ({ratio:.2f} ×, in rounds {min(ratios):.2f} … {max(ratios):.2f}); {statistics.median(lost):.1f} % skipped", "≤ 1.3 ×",
        reached(ratio <= 1.3), f"{100 * statistics.median(own):.0f} %")


class SlowViewer:
    """Opens a viewer's socket and reads SLOW_BYTES a second, as a phone at the edge of a network does."""

    def __init__(self, server, room):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        self.socket.connect(("127.0.0.1", int(server.port)))
        self.socket.sendall((f"GET /ws/view/{room}?render=client HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
                             "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                             "Sec-WebSocket-Version: 13\r\n\r\n").encode())
        self.ended = threading.Event()
        self.got = 0
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        while not self.ended.wait(0.1):
            try:
                self.got += len(self.socket.recv(SLOW_BYTES // 10))
            except OSError:
                return

    def close(self):
        self.ended.set()
        self.thread.join()
        self.socket.close()


def beside_a_slow_one(server, rounds, seconds):
    alone, beside, grown = [], [], []
    for i in range(rounds):
        say(f"a slow viewer: round {i + 1} of {rounds}")
        alone.append(load(server, "view", seconds=seconds, fps=FPS, viewers=8, size=SIZE, room="slow"))
        before = server.rss_mb()
        with contextlib.closing(SlowViewer(server, "slow")):
            beside.append(load(server, "view", seconds=seconds, fps=FPS, viewers=8, size=SIZE, room="slow"))
            grown.append(server.rss_mb() - before)
    p99 = [statistics.median(r["p99_ms"] for r in runs) for runs in (alone, beside)]
    growth = statistics.median(grown)
    row("8 viewers beside one at 10 KiB/s, p99", f"{p99[0]:.2f} ms without it",
        f"{p99[1]:.2f} ms ({100 * (p99[1] / p99[0] - 1):+.0f} %), memory {growth:+.1f} MB", "within 5 %, < 16 MiB",
        reached(p99[1] <= 1.05 * p99[0] and growth < 16), f"{100 * beside[-1]['own_cpu_s'] / seconds:.0f} %")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--quick", action="store_true", help="one round, three seconds: to try the script")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 3
    row("what", "bound", "fovea", "goal", "reached", "load's own CPU")
    row(*["---"] * 6)
    with contextlib.closing(Server("realtime.target_fps=1", model="fake:boxes=none")) as server:
        sending(server, options.rounds, options.seconds)
    with contextlib.closing(Server("realtime.target_fps=30")) as server:
        beside_a_slow_one(server, options.rounds, options.seconds)


if __name__ == "__main__":
    sys.exit(main())
