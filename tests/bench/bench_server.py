#!/usr/bin/env python3
"""The server beside its bound: latency, throughput, start and memory. Prints Markdown.

    bench_server.py [--rounds 7] [--seconds 60] [--quick]

The bound is what bench_inprocess measures as raw calls on pictures in memory, in the same run, round by round
beside the server. The load comes from `load`, a compiled program that prints its own processor time.
"""
import argparse
import contextlib
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("FOVEA_BUILD", ROOT / "build"))
MODEL = ROOT / ".deps/models/ssd_mobilenet_v2/model.xml"
SIZES = {"720p": "1280x720", "1080p": "1920x1080"}
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith(("FOVEA_", "REALTIME_", "STREAMING_"))}


class Server:
    """`fovea serve` with the default model, ready; remembers how long that took."""

    def __init__(self, *settings, model=MODEL):
        self.state = tempfile.TemporaryDirectory()
        start = time.monotonic()
        self.process = subprocess.Popen(
            [BUILD / "fovea", "serve", "--port", "0", "--model", model, "--state-dir", self.state.name, *settings],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
        self.url = re.search(r"http://\S+", self.process.stdout.readline()).group(0).rstrip("/")
        self.port = self.url.rsplit(":", 1)[1]
        self.listen_ms = (time.monotonic() - start) * 1e3
        self.ready_ms = float("nan")
        for line in self.process.stderr:
            if found := re.search(r"ready (\d+) ms", line):
                self.ready_ms = float(found.group(1))
                break

    def rss_mb(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=20)
        self.state.cleanup()


def drive(server, *words, **options):
    """What a load generator (its name and mode) found at this server."""
    words = [BUILD / "tests/bench" / words[0], *words[1:], "--port", server.port, "--pid", str(server.process.pid)]
    for name, value in options.items():
        words += [f"--{name}", str(value)]
    return json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout)


def load(server, mode, **options):
    return drive(server, "load", mode, **options)


@contextlib.contextmanager
def busy(server, seconds):
    """Inference at full load beside: a session that always has the next frame waiting."""
    words = [BUILD / "tests/bench/load", "stream", "--port", server.port, "--seconds", str(seconds), "--query",
             "order=fifo&max_latency_ms=0"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
        time.sleep(0.5)
        yield
        process.terminate()


def bound(size):
    """p50 of one frame and frames a second with one and four streams, as raw calls."""
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run([BUILD / "tests/bench/bench_inprocess", "--model", MODEL, "--rounds", "1", "--frames", "40",
                        "--json", out.name], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env=ENVIRONMENT)
        lines = [json.loads(line) for line in Path(out.name).read_text().splitlines()]
    mine = [line for line in lines if line["picture"] == size]
    fps = {line["streams"]: line["bound_fps"] for line in mine if line["bench"] == "throughput"}
    return {"p50": next(line["bound_p50_ms"] for line in mine if line["bench"] == "latency"), 1: fps[1], 4: fps[4]}


def codec(size):
    words = [BUILD / "tests/bench/bench_codec", SIZES[size]]
    found = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return found["decode_ms"] + found["encode_ms"]


def say(what):
    print(what, file=sys.stderr, flush=True)


def row(*cells):
    print("| " + " | ".join(cells) + " |", flush=True)


def reached(good):
    return "yes" if good else "**no**"


def share_of_cpu(result):
    return f"{100 * result['own_cpu_s'] / max(result['seconds'], 1e-9):.0f} %"


def beside_the_bound(server, rounds, size="720p"):
    """POST and closed loops; the bound in the same round. Four sessions warm the second form of the model."""
    load(server, "stream", seconds=8, sessions=4, query="order=fifo&max_latency_ms=0")
    bounds, posts, ones, fours = [], [], [], []
    for i in range(rounds):
        say(f"{size}: round {i + 1} of {rounds}")
        bounds.append(bound(size))
        posts.append(load(server, "post", seconds=2, size=SIZES[size]))
        # Not counted: the seconds until the server takes the form of the model for this many streams.
        fours.append(load(server, "stream", seconds=7, warm=4, sessions=4, size=SIZES[size],
                          query="order=fifo&max_latency_ms=0"))
        time.sleep(5)
        ones.append(load(server, "stream", seconds=5, warm=2, sessions=1, size=SIZES[size],
                         query="order=fifo&max_latency_ms=0"))
    median = statistics.median
    more = median(p["p50_ms"] - b["p50"] for p, b in zip(posts, bounds))
    row(f"POST process-frame, {size}, p50", f"{median(b['p50'] for b in bounds):.2f} ms",
        f"{median(p['p50_ms'] for p in posts):.2f} ms ({more:+.2f})", "≤ bound + 1 ms", reached(more <= 1),
        share_of_cpu(posts[-1]))
    for sessions, runs in ((1, ones), (4, fours)):
        part = median(r["fps"] / b[sessions] for r, b in zip(runs, bounds))
        row(f"WebSocket video/stream, closed loop, {sessions} session{'s' if sessions > 1 else ''}, {size}",
            f"{median(b[sessions] for b in bounds):.1f}/s",
            f"{median(r['fps'] for r in runs):.1f}/s ({100 * part:.1f} %)", "≥ 95 % of bound", reached(part >= 0.95),
            share_of_cpu(runs[-1]))
    return median(b["p50"] for b in bounds)


def targets(server, seconds, size):
    """The table of document 000: one camera at 30 frames a second."""
    say(f"{size}: 30 fps for {seconds} s")
    r = load(server, "stream", seconds=seconds, fps=30, size=SIZES[size])
    late = 100 * (r["dropped"] + r["failed"]) / max(r["answered"], 1)
    good = r["mean_ms"] < 100 and r["p95_ms"] < 150 and r["p99_ms"] < 200 and late < 1 and r["fps"] >= 29.5
    row(f"1 × 30 fps, {seconds} s, {size}", "",
        f"avg {r['mean_ms']:.1f}, p95 {r['p95_ms']:.1f}, p99 {r['p99_ms']:.1f} ms; {late:.2f} % lost; "
        f"{r['fps']:.2f} fps", "avg < 100, p95 < 150, p99 < 200 ms, < 1 %, ≥ 29.5 fps", reached(good), share_of_cpu(r))


def viewers(server, seconds, size, inference_ms):
    say(f"{size}: camera to viewer")
    with busy(server, seconds + 5):
        r = load(server, "view", seconds=seconds, render="client", size=SIZES[size])
    row(f"camera → viewer, client draws, {size}, beside full load", "",
        f"p50 {r['p50_ms']:.2f}, p99 {r['p99_ms']:.2f} ms", "p99 ≤ 2 ms", reached(r["p99_ms"] <= 2), share_of_cpu(r))
    time.sleep(6)
    most = inference_ms + codec(size)
    r = load(server, "view", seconds=seconds, render="server", size=SIZES[size])
    row(f"camera → viewer, server draws, {size} at 30 fps", f"{most:.1f} ms",
        f"p50 {r['p50_ms']:.1f}, p99 {r['p99_ms']:.1f} ms", "≤ bound + 10 %, median < 50 ms",
        reached(r["p50_ms"] <= 1.1 * most and r["p50_ms"] < 50), share_of_cpu(r))


def start_and_memory(rounds):
    say("start and memory")
    ready, idle = [], []
    for _ in range(rounds):
        server = Server()
        ready.append(server.ready_ms)
        time.sleep(0.5)
        idle.append(server.rss_mb())
        server.close()
    row("from start to ready", "", f"{statistics.median(ready):.0f} ms", "≤ 600 ms",
        reached(statistics.median(ready) <= 600), "")
    row("resident memory, idle", "", f"{statistics.median(idle):.0f} MB", "≤ 200 MB",
        reached(statistics.median(idle) <= 200), "")
    server = Server("openvino.performance_mode=LATENCY")
    sizes = []
    for sessions in (1, 5):
        load(server, "stream", seconds=4, sessions=sessions, fps=5, size=SIZES["1080p"])
        with subprocess.Popen([BUILD / "tests/bench/load", "stream", "--port", server.port, "--seconds", "4", "--sessions",
                               str(sessions), "--fps", "5", "--size", SIZES["1080p"]], stdout=subprocess.DEVNULL):
            time.sleep(3)
            sizes.append(server.rss_mb())
    server.close()
    each = (sizes[1] - sizes[0]) / 4
    row("a session more at 1080p", "", f"{each:.1f} MB", "≤ 10 MB", reached(each <= 10), "")
    sizes = []
    for settings in (["openvino.performance_mode=LATENCY"], []):
        server = Server(*settings)
        load(server, "stream", seconds=12, sessions=4, query="order=fifo&max_latency_ms=0")
        sizes.append(server.rss_mb())
        server.close()
    form = sizes[1] - sizes[0]
    row("the model's second form, with four busy sessions", "", f"{form:.0f} MB", "≤ 120 MB", reached(form <= 120), "")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--quick", action="store_true", help="two rounds, five seconds: to try the script")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 2, 5
    row("what", "bound", "fovea", "goal", "reached", "load's own CPU")
    row(*["---"] * 6)
    server = Server()
    try:
        inference = {"720p": beside_the_bound(server, options.rounds), "1080p": bound("1080p")["p50"]}
        time.sleep(6)
        for size in SIZES:
            targets(server, options.seconds, size)
        for size in SIZES:
            viewers(server, max(5, options.seconds // 4), size, inference[size])
    finally:
        server.close()
    start_and_memory(options.rounds)


if __name__ == "__main__":
    main()
