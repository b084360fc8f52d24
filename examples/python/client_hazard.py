"""Document 004's session from asyncio: frames at the rate that the server gives, its events beside them.

    python client_hazard.py street.jpg --url http://127.0.0.1:8440
"""
import argparse
import asyncio
from collections import Counter
from pathlib import Path

from fovea.client import AsyncServer

words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
words.add_argument("picture")
words.add_argument("--url", default="http://127.0.0.1:8440")
words.add_argument("--count", type=int, default=30)
given = words.parse_args()


async def watch(events):
    """What happens to the session, until its end; a connection that breaks is opened again where it was."""
    kinds = Counter([event.kind async for event in events])
    print("events:", ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))


async def main():
    picture = Path(given.picture).read_bytes()
    async with AsyncServer(given.url) as server, server.events("door") as events:
        watching = asyncio.create_task(watch(events))
        async with server.detection("door") as session:
            await session.configure(fps_limit=25, confidence=0.4)
            async for answer in session.process([picture] * given.count):
                rate = session.config["fps_limit"]
                print(f"Frame {answer.number}: {answer.kind} {answer.reason}, {answer.round_trip_ms:.1f} ms at {rate:g} fps")
        await watching


asyncio.run(main())
