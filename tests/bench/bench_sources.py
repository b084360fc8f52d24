#!/usr/bin/env python3
"""What a network camera costs beside decoding and inference, and how fast it is back. Prints Markdown.

    bench_sources.py [--frames 600] [--kills 20] [--codec h264 h265]

GStreamer's RTSP server plays a 1080p30 clip in real time and notes when each picture is handed to RTP; bench_sources
notes when its result is there. What is left of that way without decoding and inference is ours (and the loopback's).
A picture that is taken for whole only when the next one begins shows it in the first row, as an interval.
Then the server is killed and started again, and it is timed from the answer of its port to the state `live`.
"""
import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest

from bench_server import BUILD, MODEL, ROOT, Server, say

sys.path.insert(0, str(ROOT / "tests/integration"))
import camera_servers  # noqa: E402
from conftest import wait_for  # noqa: E402


def quantile(values, q):
    return sorted(values)[min(len(values) - 1, int(q * len(values)))]


NUMBERS = 54  # painted into the corner as a level of gray, so that nothing depends on counting from the same frame


ENCODERS = {"h264": ["libx264"], "h265": ["libx265", "-tag:v", "hvc1", "-x265-params", "log-level=none"]}


def numbered_clip(path, seconds, codec):
    subprocess.run([camera_servers.FFMPEG, "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=size=1920x1080:rate=30", "-f", "lavfi",
                    "-i", f"color=size=64x64:rate=30,geq=lum='16+4*mod(N\\,{NUMBERS})':cb=128:cr=128",
                    "-filter_complex", "[0]format=yuv420p[a];[a][1]overlay", "-t", str(seconds), "-c:v", *ENCODERS[codec], "-preset",
                    "ultrafast", "-tune", "zerolatency", "-g", "30", "-b:v", "6M", "-pix_fmt", "yuv420p", str(path)], check=True)
    return path


def sent_at(row, sent):
    """When this picture was handed over: the last one before its arrival with the number in its corner."""
    return max((at for number, at in sent if number == int(row[7]) and at <= row[1]), default=None)


def latency(folder, frames, codec):
    clip = numbered_clip(folder / f"{codec}.mp4", frames // 30 + 15, codec)
    times = folder / f"times-{codec}"
    os.environ["FOVEA_RTSP_TIMES"] = str(times)
    server = camera_servers.rtsp_server(folder, clip, codec=codec)
    try:
        done = subprocess.run([BUILD / "tests/bench/bench_sources", f"rtsp://127.0.0.1:{server.port}/paced", MODEL, str(frames)],
                              stdout=subprocess.PIPE, text=True, check=True)
    finally:
        server.kill()
    lines = [list(map(float, line.split())) for line in times.read_text().splitlines()]
    sent = [(round(second * 30) % NUMBERS, at) for second, at in lines]
    rows = [list(map(float, line.split())) for line in done.stdout.splitlines()]
    rows = [r for r in rows if int(r[0]) >= 60 and r[5] > 0 and sent_at(r, sent)]  # the first 2 s warm up
    return sent, rows


def print_latency(codec, sent, rows):
    way = [r[1] - sent_at(r, sent) for r in rows]
    total = [r[2] - sent_at(r, sent) for r in rows]
    decode, inference = [r[3] for r in rows], [r[5] for r in rows]
    ours = [t - d - i for t, d, i in zip(total, decode, inference)]
    print(f"| RTSP 1080p30 ({codec}) to detections, ms | p50 | p99 |\n|---|---|---|")
    for name, values in (("handed to RTP → last byte here", way), ("decoding to planar YUV", decode), ("inference", inference),
                         ("**added by us: all but decoding and inference** (goal ≤ 10)", ours), ("in all", total)):
        print(f"| {name} | {quantile(values, 0.5):.1f} | {quantile(values, 0.99):.1f} |")
    print(f"\n{len(rows)} frames delivered.\n")


def state_of(server):
    with urllib.request.urlopen(server.url + "/api/v1/realtime/video/streams", timeout=5) as reply:
        return json.load(reply)["streams"][0]


def reconnects(folder, kills):
    clip = camera_servers.make_clip(folder / "small.mp4", gop=25)
    camera = camera_servers.rtsp_server(folder, clip)
    config = folder / "fovea.yaml"
    config.write_text(f"cameras:\n  hall: rtsp://127.0.0.1:{camera.port}/h264\n")
    times, held = [], []
    with contextlib.ExitStack() as stack:
        stack.callback(camera.kill)
        server = stack.enter_context(contextlib.closing(Server("--config", config, model="fake:")))
        wait_for(lambda: state_of(server)["state"] == "live", 20, "the first picture")
        for i in range(kills):
            camera.kill()
            wait_for(lambda: state_of(server)["state"] in ("connecting", "backing_off"), 5, "the loss")
            camera.start()
            answered = time.monotonic()
            wait_for(lambda: state_of(server)["reconnects"] == i + 1, 15, "its return")
            times.append(time.monotonic() - answered)
            held.append((len(os.listdir(f"/proc/{server.process.pid}/fd")), server.rss_mb()))
            say(f"{i + 1} of {kills}: {times[-1]:.2f} s")
    print(f"| {kills} times killed | |\n|---|---|")
    print(f"| port answers → live: median, longest (goal ≤ 2 s) | {statistics.median(times):.2f} s, {max(times):.2f} s |")
    print(f"| descriptors after the first, the last | {held[0][0]}, {held[-1][0]} |")
    print(f"| memory after the first, the last | {held[0][1]:.1f} MB, {held[-1][1]:.1f} MB |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--frames", type=int, default=600)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--codec", nargs="+", choices=sorted(ENCODERS), default=["h264", "h265"])
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for codec in words.codec:
            print_latency(codec, *latency(Path(folder), words.frames, codec))
        if words.kills:
            reconnects(Path(folder), words.kills)


if __name__ == "__main__":
    try:
        main()
    except pytest.skip.Exception as missing:  # a server of the tests is not there
        print(missing)
        sys.exit(77)
