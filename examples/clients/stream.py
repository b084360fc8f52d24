#!/usr/bin/env python3
"""Pictures of a folder to fovea as a live stream, and how fast the answers are. Needs: pip install websockets

    stream.py FOLDER [--url ws://127.0.0.1:8440] [--token TOKEN] [--fps 30] [--count 300]

One binary message is one frame; each gets exactly one answer, a result or `dropped` with the reason.
"""
import argparse
import asyncio
import json
import statistics
import time
from pathlib import Path

from websockets.asyncio.client import connect


async def send(socket, pictures, options, sent):
    start = time.perf_counter()
    for number in range(options.count):
        await asyncio.sleep(max(0.0, start + number / options.fps - time.perf_counter()))
        sent.append(time.perf_counter())
        await socket.send(pictures[number % len(pictures)])


async def run(options):
    pictures = [path.read_bytes() for path in sorted(Path(options.folder).iterdir())
                if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp")]
    if not pictures:
        raise SystemExit(f"{options.folder} holds no pictures")
    headers = {"Authorization": f"Bearer {options.token}"} if options.token else {}
    sent, latencies, dropped = [], [], {}
    # compression=None: pictures do not get smaller
    async with connect(options.url + "/api/v1/realtime/video/stream", additional_headers=headers,
                       compression=None) as socket:
        sender = asyncio.create_task(send(socket, pictures, options, sent))
        for _ in range(options.count):
            answer = json.loads(await socket.recv())
            if answer["type"] == "result":
                latencies.append((time.perf_counter() - sent[answer["frame_id"]]) * 1000)
            else:  # "dropped" with a reason, or "error" with a code
                why = answer.get("reason") or answer.get("code")
                dropped[why] = dropped.get(why, 0) + 1
        await sender
    if latencies:
        p95 = sorted(latencies)[int(0.95 * (len(latencies) - 1))]
        print(f"{len(latencies)} results, median {statistics.median(latencies):.1f} ms, p95 {p95:.1f} ms")
    print("dropped:", ", ".join(f"{why} {n}" for why, n in dropped.items()) or "none")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="pictures of a folder to fovea as a live stream")
    parser.add_argument("folder")
    parser.add_argument("--url", default="ws://127.0.0.1:8440")
    parser.add_argument("--token", help="push or admin token; not needed on loopback")
    parser.add_argument("--fps", type=float, default=30)
    parser.add_argument("--count", type=int, default=300, help="frames to send")
    asyncio.run(run(parser.parse_args()))
