#!/usr/bin/env python3
"""Hazard streaming beside its bound: a closed loop with base64, idle sockets, memory of a session. Prints Markdown.

    bench_hazard.py [--rounds 7] [--quick]

The bound is what bench_inprocess measures as raw calls on pictures in memory, in the same run, round by round beside
the server. The client here is a bare socket that sends texts made before; its own processor time is printed.
"""
import argparse
import base64
import json
import os
import socket
import statistics
import struct
import subprocess
import time
import zlib
from pathlib import Path

from bench_server import BUILD, SIZES, Server, bound, reached, row, say

# At its own limit a closed loop would be held back, and answered `dropped, fps_limit`.
NO_CONTEXT = "client_no_context_takeover; server_no_context_takeover"
FREE = ("streaming.max_fps=240", "streaming.default_fps=240")


def pictures(size, count=8):
    return [subprocess.run([BUILD / "tests/bench/make_texture", SIZES[size], str(seed)], check=True,
                           stdout=subprocess.PIPE).stdout for seed in range(count)]


def masked(text, opcode=0x81):
    """A client's message with a mask of zeros, so that the bytes go as they are."""
    head = struct.pack("!BBQ", opcode, 0x80 | 127, len(text)) if len(text) > 65535 else struct.pack("!BBH", opcode, 0x80 | 126, len(text))
    return head + b"\0\0\0\0" + text


def texts(size):
    return [b'{"type":"frame","frame_id":%d,"image_data":"%s"}' % (number, base64.b64encode(jpeg))
            for number, jpeg in enumerate(pictures(size))]


def deflated(text):
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
    return masked((deflate.compress(text) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4], 0xC1)


class Client:
    """A WebSocket on a bare socket."""

    def __init__(self, server, query="", source="127.0.0.1", offer=""):
        self.socket = socket.create_connection(("127.0.0.1", int(server.port)), 20, (source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall((f"GET /stream/detection?{query} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUpgrade: websocket\r\n"
                             "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                             f"Sec-WebSocket-Version: 13\r\n{offer}\r\n").encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 101"), head
        assert self.receive()["type"] == "session"

    def more(self):
        got = self.socket.recv(65536)
        assert got, "the server closed"
        self.buffer += got

    def receive(self):
        while True:
            if len(self.buffer) >= 4:
                length = self.buffer[1]
                start = 2 if length < 126 else 4 if length == 126 else 10
                if length >= 126 and len(self.buffer) >= start:
                    length = int.from_bytes(self.buffer[2:start], "big")
                if len(self.buffer) >= start + length:
                    opcode, text = self.buffer[0] & 15, self.buffer[start:start + length]
                    self.buffer = self.buffer[start + length:]
                    if opcode == 1:
                        return json.loads(text)
                    continue
            self.more()

    def ask(self, message):
        """Milliseconds from the first byte sent to the answer."""
        start = time.perf_counter()
        self.socket.sendall(message)
        answer = self.receive()
        assert answer["type"] == "detection", answer
        return (time.perf_counter() - start) * 1e3, answer["total_time_ms"]


def cpu_of(server):
    """Seconds of processor time that the server has used."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def loop(server, messages, seconds):
    """Of one session that always waits for its answer: round trips, the server's own totals and its processor time a
    frame, in ms; the client's own share of a core in percent."""
    client = Client(server, "max_latency_ms=0", offer=f"Sec-WebSocket-Extensions: permessage-deflate; {NO_CONTEXT}\r\n")
    used = cpu_of(server)
    cpu, start = os.times().user + os.times().system, time.monotonic()
    trips, totals, number = [], [], 0
    while (passed := time.monotonic() - start) < seconds + 1:
        trip, total = client.ask(messages[number % len(messages)])
        number += 1
        if passed > 1:  # the first second warms up
            trips.append(trip)
            totals.append(total)
    own = 100 * (os.times().user + os.times().system - cpu) / (seconds + 1)
    client.socket.close()
    return statistics.median(trips), statistics.median(totals), 1e3 * (cpu_of(server) - used) / number, own


def closed_loop(rounds, seconds):
    server = Server(*FREE)
    ways = {"base64": [masked(text) for text in texts("720p")],
            "base64, deflated": [deflated(text) for text in texts("720p")],
            "binary": [masked(jpeg, 0x82) for jpeg in pictures("720p")]}
    bounds, found = [], {name: [] for name in ways}
    for i in range(rounds):
        say(f"closed loop: round {i + 1} of {rounds}")
        bounds.append(bound("720p")["p50"])
        for name, messages in ways.items():
            trip, total, cpu, own = loop(server, messages, seconds)
            found[name].append((trip - bounds[-1], total - bounds[-1], cpu, own))
    server.close()
    least = statistics.median(bounds)
    for name, rows in found.items():
        trip, total, cpu, own = (statistics.median(column) for column in zip(*rows))
        mean_size = sum(map(len, ways[name])) / len(ways[name]) / 1024
        row(f"one session, closed loop, 720p, {name} ({mean_size:.0f} KiB), p50", f"{least:.2f} ms",
            f"{least + trip:.2f} ms ({trip:+.2f}) from first byte sent, {total:+.2f} from last byte in; {cpu:.1f} ms CPU a frame",
            "≤ bound + 2 ms" if name == "base64" else "", reached(trip <= 2) if name == "base64" else "", f"{own:.0f} %")


def idle_sockets(count):
    say(f"{count} idle sockets")
    server = Server("server.max_sessions=1024")
    Client(server).socket.close()  # what is made once
    time.sleep(0.5)
    before = server.rss_mb()
    # 128 connections an address are allowed.
    clients = [Client(server, f"client_id=idle-{i}", f"127.0.0.{2 + i // 100}") for i in range(count)]
    time.sleep(1)
    each = (server.rss_mb() - before) * 1024 / count
    for client in clients:
        client.socket.close()
    server.close()
    row(f"{count} idle WebSockets, each", "", f"{each:.1f} KB", "≤ 12 KB", reached(each <= 12), "")


def session_memory(seconds):
    """What four sessions more hold while they send 1080p as base64 at 5 frames a second each."""
    say("memory of a session")
    messages = [masked(text) for text in texts("1080p")]
    server = Server("openvino.performance_mode=LATENCY")
    clients, sizes = [], []
    for wanted in (1, 5):
        while len(clients) < wanted:
            clients.append(Client(server, "max_latency_ms=0"))
        until, number = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            for client in clients:
                client.socket.sendall(messages[number % len(messages)])
            for client in clients:
                client.receive()
            number += 1
            time.sleep(0.2)
        sizes.append(server.rss_mb())
    server.close()
    each = (sizes[1] - sizes[0]) / 4
    row("a session more at 1080p, base64", "", f"{each:.1f} MB", "≤ 10 MB", reached(each <= 10), "")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="two short rounds: to try the script")
    options = parser.parse_args()
    rounds, seconds = (2, 2) if options.quick else (options.rounds, 4)
    row("what", "bound", "fovea", "goal", "reached", "client's own CPU")
    row(*["---"] * 6)
    closed_loop(rounds, seconds)
    idle_sockets(1000)
    session_memory(seconds)


if __name__ == "__main__":
    main()
