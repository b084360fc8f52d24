#!/usr/bin/env python3
"""Records hazard_trace.h: when answers of one session came and how late they were, from a server whose processor
others take away between second 10 and second 30.

    make_hazard_trace.py > hazard_trace.h        (with a build in build/; needs websockets)
"""
import asyncio
import json
import re
import subprocess
import tempfile
import time
from pathlib import Path

from websockets.asyncio.client import connect

ROOT = Path(__file__).resolve().parents[2]
PICTURE = subprocess.run([ROOT / "build/tests/bench/make_texture", "320x240"], check=True, stdout=subprocess.PIPE).stdout


async def session(url, found):
    """At the rate that it is given, for 60 s."""
    async with connect(url + "/stream/detection?max_latency_ms=0", compression=None) as ws:
        rate, start = json.loads(await ws.recv())["config"]["fps_limit"], time.monotonic()

        async def read():
            nonlocal rate
            async for text in ws:
                answer = json.loads(text)
                if answer["type"] == "detection":
                    rate = answer["config"]["fps_limit"]
                    found.append((round((time.monotonic() - start) * 1e3), round(answer["total_time_ms"] * 10)))
        reader = asyncio.create_task(read())
        while time.monotonic() < start + 60:
            await ws.send(PICTURE)
            await asyncio.sleep(1 / rate)
        reader.cancel()


async def greedy():
    """Three programs that want all of the processor, from second 10 to second 30; the workers stand behind them."""
    await asyncio.sleep(10)
    others = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(3)]
    await asyncio.sleep(20)
    for other in others:
        other.kill()


async def record(url):
    found = []
    await asyncio.gather(session(url, found), greedy())
    return found


def main():
    with tempfile.TemporaryDirectory() as state, subprocess.Popen(
            [ROOT / "build/fovea", "serve", "--port", "0", "--model", "fake:cost_ms=6", "--state-dir", state],
            stdout=subprocess.PIPE, text=True) as server:
        url = re.search(r"http(://[^/\s]+)", server.stdout.readline()).group(1)
        time.sleep(1)
        found = asyncio.run(record("ws" + url))
        server.terminate()
    print("/* Made by make_hazard_trace.py: milliseconds since the start, latency in tenths of a millisecond. */")
    print("static const struct {\n    int ms, tenths;\n} hazard_trace[] = {")
    for i in range(0, len(found), 8):
        print("    " + " ".join(f"{{{at}, {late}}}," for at, late in found[i:i + 8]))
    print("};")


if __name__ == "__main__":
    main()
