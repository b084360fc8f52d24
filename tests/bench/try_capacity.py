#!/usr/bin/env python3
"""Whether `fovea benchmark --slo` is right: its answer beside what a server really carries. Prints Markdown.

    try_capacity.py [--seconds 15] [--slo 200] [--fps 15] [--size 1280x720] [--model M ...] [--quick]

The pictures are the same on both sides. The server is tried with the answer and one more, then up or down until a
number fits and the next does not, with sessions of WS video/stream from `sessions`, a program that speaks only the
wire protocol. A number fits when at most 1 of 100 frames is late and 98 are answered with a result; one that does not
gets a second chance. Goal: 15 % or, for small numbers, one stream.
"""
import argparse
import json
import math
import os
import subprocess
import tempfile
from pathlib import Path

from bench_server import BUILD, ENVIRONMENT, MODEL, Server, drive, reached, row, say


def answer(model, folder, options):
    """What `fovea benchmark --slo` says, as its JSON."""
    words = [BUILD / "fovea", "benchmark", folder, "--model", model, "--slo", str(options.slo), "--fps", str(options.fps),
             "--seconds", str(options.seconds / 3), "--json"]
    return json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT).stdout)


def fits(server, count, options):
    for _ in range(2):
        r = drive(server, "sessions", sessions=count, fps=options.fps, size=options.size, warm=options.warm,
                  query=f"max_latency_ms={options.slo:g}", seconds=options.seconds + options.warm)
        late = r["late"] + r["dropped"]["deadline"]
        good = late <= 0.01 * r["offered"] and r["results"] >= 0.98 * r["offered"] and r["errors"] == 0
        say(f"server, {count} sessions: {r['results']} of {r['offered']} answered, {late} late, p99 {r['p99_ms']:.0f} ms, "
            f"{'fits' if good else 'does not fit'}; the load's own CPU {100 * r['own_cpu_s'] / (r['seconds'] + options.warm):.0f} %")
        if good:
            return True
    return False


def really(server, first, options):
    """The most sessions that fit, searched from `first`."""
    count = max(first, 1)
    up = good = fits(server, count, options)
    while good == up and count + (1 if up else -1) > 0:
        count += 1 if up else -1
        good = fits(server, count, options)
    return count if good else count - 1


def off_by(said, true):
    """How far off an answer is, and whether that is near enough: 15 %, or one stream where that is more."""
    if true == 0:
        return ("0 %" if said == 0 else "∞"), said <= 1
    return f"{100 * (said - true) / true:+.0f} %", abs(said - true) <= max(1, math.floor(0.15 * true + 0.5))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--warm", type=float, default=6, help="seconds before counting: the form of the model may change")
    parser.add_argument("--slo", type=float, default=200)
    parser.add_argument("--fps", type=float, default=15)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--model", action="append", help="several may be given; the default one, and one that only waits")
    parser.add_argument("--quick", action="store_true", help="three seconds: to try the script")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.warm = 3, 4
    print(f"Live streams of {options.fps:g} fps, {options.size}, answers within {options.slo:g} ms. Load before the run "
          f"{os.getloadavg()[0]:.1f}.\n")
    row("model", "bound: raw calls", "by the rules", "start-stream promises", "answer", "really", "off", "goal", "reached")
    row(*["---"] * 9)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([BUILD / "tests/bench/sessions", "--save", folder, "--size", options.size], check=True)
        for model in options.model or [str(MODEL), "fake:sleep_ms=14"]:
            said = answer(model, folder, options)
            live = said["live"]
            form = max((live["throughput"], live["latency"]), key=lambda one: one["fits"])
            server = Server(model=model)
            try:
                true = really(server, said["live_streams"], options)
            finally:
                server.close()
            off, good = off_by(said["live_streams"], true)
            row(Path(model).parent.name if model == str(MODEL) else model, f"{form['bound_streams']:.1f}", str(form["fits"]),
                str(form["promised"]), str(said["live_streams"]), str(true), off, "within 15 %, or one", reached(good))


if __name__ == "__main__":
    main()
