"""Clients of /stream/detection and readers of its events."""
from __future__ import annotations

import base64
import json
import time

from actor import Actor, cut
from actor_clients import next_text
from world import Finding


class HazardSession(Actor):
    """Frames as base64 in JSON, compressed or not, or as bytes: exactly one answer each. Half of the sessions break off."""
    many = 2

    def act(self) -> None:
        world = self.world
        whole = self.random.random() < 0.5
        ws = self.socket(f"/stream/detection?client_id=door-{self.number}", compression=self.random.choice([None, "deflate"]))
        try:
            if next_text(ws)["type"] != "session":
                raise Finding("the first message is not `session`")
            sent, answers, until = 0, [], time.monotonic() + self.random.uniform(2, 10)
            while time.monotonic() < until and not world.stopping.is_set():
                body = min((self.picture()[0] for _ in range(3)), key=len)
                world.count("hazard")
                ws.send(json.dumps({"type": "frame", "frame_id": sent, "timestamp": time.time() * 1000,
                                    "image_data": base64.b64encode(body).decode()}))
                sent += 1
                while len(answers) < sent - 2:
                    answers.append(next_text(ws))
                world.pause(0.09)
            while whole and len(answers) < sent:
                answers.append(next_text(ws))
            if whole and sorted(one["frame_id"] for one in answers if "frame_id" in one) != list(range(sent)):
                raise Finding(f"not one answer for each of {sent} frames: {[one['type'] for one in answers][-5:]}")
        finally:
            ws.close() if whole else cut(ws)


class HazardEvents(Actor):
    """Reads the events of a session, leaves, and comes back where it was: numbers only grow."""

    def act(self) -> None:
        client, last = f"door-{self.random.randrange(2)}", 0
        for _ in range(2):
            headers = {"Last-Event-ID": str(last)} if last else {}
            with self.world.session.get(f"{self.world.url}/stream/events/{client}", headers=headers, stream=True, timeout=20) as reply:
                if reply.status_code != 200:
                    raise Finding(f"events: {reply.status_code} {reply.text[:200]}")
                until = time.monotonic() + self.random.uniform(1, 6)
                for line in reply.iter_lines(chunk_size=1):
                    if line.startswith(b"id:"):
                        number = int(line[3:])
                        if number <= last:
                            raise Finding(f"event {number} came after {last}")
                        last = number
                    if time.monotonic() > until or self.world.stopping.is_set():
                        break
