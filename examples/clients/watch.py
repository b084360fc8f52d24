#!/usr/bin/env python3
"""Watches a camera of fovea and prints what is in each picture. Needs: pip install websockets

    watch.py hall [--url ws://127.0.0.1:8440] [--token TOKEN] [--count 100] [--save latest.jpg]

With render=client the camera's own bytes come at once and their detections later, matched by `seq`.
"""
import argparse
import asyncio
import json
from pathlib import Path
from urllib.parse import quote

from websockets.asyncio.client import connect


def sentence(message):
    if not message["analysed"]:
        return f"not analysed: {message['reason']}"
    names = [f"{found['class']} {found['confidence']:.2f}" for found in message["detections"]]
    return f"{message['processing_time_ms']:.1f} ms  " + (", ".join(names) or "nothing")


async def run(options):
    headers = {"Authorization": f"Bearer {options.token}"} if options.token else {}
    shown = 0
    async with connect(f"{options.url}/ws/view/{quote(options.camera, safe='')}?render=client",
                       additional_headers=headers, compression=None, max_size=None) as socket:
        async for message in socket:
            if isinstance(message, bytes):  # the picture of the frame_metadata just before it
                if options.save:
                    Path(options.save).write_bytes(message)
                continue
            message = json.loads(message)
            if message["type"] == "camera":
                print("camera", "connected" if message["connected"] else "not connected", flush=True)
            elif message["type"] == "detections":
                print(f"frame {message['frameNumber']}: {sentence(message)}", flush=True)
                shown += 1
                if shown == options.count:
                    return


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="prints what is in each picture of a camera")
    parser.add_argument("camera")
    parser.add_argument("--url", default="ws://127.0.0.1:8440")
    parser.add_argument("--token", help="view or admin token; not needed on loopback")
    parser.add_argument("--count", type=int, default=0, help="pictures to watch, 0: for ever")
    parser.add_argument("--save", help="file that always holds the newest picture")
    asyncio.run(run(parser.parse_args()))
