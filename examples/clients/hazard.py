#!/usr/bin/env python3
"""Pictures of a folder to /stream/detection as base64, at the rate the server gives. Needs: pip install websockets

    hazard.py FOLDER [--url ws://127.0.0.1:8440] [--token TOKEN] [--client NAME] [--fps 15] [--count 150]

While it runs, `curl -N http://127.0.0.1:8440/stream/events/NAME` shows what happens to its frames.
"""
import argparse
import asyncio
import base64
import json
import time
from pathlib import Path
from urllib.parse import quote

from websockets.asyncio.client import connect


async def send(socket, pictures, count, limit):
    for number in range(count):
        await socket.send(json.dumps({"type": "frame", "frame_id": number, "timestamp": time.time() * 1000,
                                      "image_data": pictures[number % len(pictures)]}))
        await asyncio.sleep(1 / limit["fps"])  # the server turns it: late answers make it lower


async def run(options):
    pictures = [base64.b64encode(path.read_bytes()).decode() for path in sorted(Path(options.folder).iterdir())
                if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp")]
    if not pictures:
        raise SystemExit(f"{options.folder} holds no pictures")
    headers = {"Authorization": f"Bearer {options.token}"} if options.token else {}
    limit, lost = {"fps": options.fps}, {}
    async with connect(f"{options.url}/stream/detection?client_id={quote(options.client)}", additional_headers=headers,
                       compression=None) as socket:
        print("session", json.loads(await socket.recv())["session_id"])
        await socket.send(json.dumps({"type": "config", "fps_limit": options.fps}))
        config = json.loads(await socket.recv())
        if config["type"] == "error":
            raise SystemExit(f"{config['code']}: {config['message']}")
        sender = asyncio.create_task(send(socket, pictures, options.count, limit))
        for _ in range(options.count):  # each frame gets exactly one answer
            answer = json.loads(await socket.recv())
            if answer["type"] == "detection":
                limit["fps"] = answer["config"]["fps_limit"]
                found = ", ".join(f"{box['class']} {box['confidence']:.2f}" for box in answer["detections"][:3])
                print(f"frame {answer['frame_id']}: {answer['total_time_ms']:.1f} ms at {limit['fps']:g} fps  {found}")
            else:  # "dropped" with a reason, or "error" with a code
                why = answer.get("reason") or answer.get("code")
                lost[why] = lost.get(why, 0) + 1
        await sender
    print("not analysed:", ", ".join(f"{why} {n}" for why, n in lost.items()) or "none")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="pictures of a folder to /stream/detection as base64")
    for name, default in (("--url", "ws://127.0.0.1:8440"), ("--token", None), ("--client", "example"), ("--fps", 15.0), ("--count", 150)):
        parser.add_argument(name, default=default, type=type(default) if default else str)
    parser.add_argument("folder")
    asyncio.run(run(parser.parse_args()))
