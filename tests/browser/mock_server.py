"""A small stand-in for the server's page-facing side, to bring the pages into every state at will.

Rooms `live`, `delayed`, `nosignal`, `aioff`, `slowai`, `adapted`, `never`, `damaged` play a drawn street;
`segment`, `pose`, `turned`, `classify` do so with what models of other tasks find;
any other name is a room for a browser camera, whose pictures go to its viewers with boxes read
from the barcode in them. `POST /mock/ROOM {"delay_ms":…, "pictures":…, "fps":…}` changes a room,
`{"play":true}` makes it play the street; `POST /mock/reset` forgets all rooms.

    python mock_server.py [--port 8441]
"""
from __future__ import annotations

import argparse
import asyncio
import io
import json
import struct
import time
from pathlib import Path

import numpy as np
from PIL import Image

import barcode
import tiny_http
from tiny_http import TEXT, Request, Response, Socket, json_response
from street import CLASSES, LABELS, Street, boxes_at, details_at

WEB = Path(__file__).resolve().parents[2] / "web"
CSP = ("default-src 'self'; img-src 'self' blob: data:; connect-src 'self' ws: wss:; "
       "worker-src 'self' blob:; style-src 'self'; frame-ancestors 'none'")
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
STATES = {
    "live": {}, "delayed": {"age_ms": 260}, "nosignal": {"stop_after": 2.0}, "aioff": {"ai_stop_after": 1.0},
    "slowai": {"inference_ms": 70, "every": 3}, "adapted": {"inference_ms": 41, "adapt": True},
    "never": {"pictures": False}, "damaged": {"damage_every": 3},
    "segment": {"task": "segment"}, "pose": {"task": "pose"}, "turned": {"task": "obb"}, "classify": {"task": "classify"},
}


def unix_ms() -> float:
    return time.time() * 1000


class Room:
    def __init__(self, name: str, street: Street):
        self.name, self.street = name, street
        self.settings = {"fps": 30, "inference_ms": 12.0, "age_ms": 0, "ai": True, "pictures": True, "every": 1,
                         "delay_ms": 0.0, "max_latency_ms": 200, "credits": 3, "offset_ms": 0.0}
        self.settings |= STATES.get(name, {})
        self.viewers: dict[Socket, tuple[str, bool]] = {}  # how it renders, and whether packed
        self.camera: Socket | None = None
        self.seq = 0
        self.begun = 0.0  # when the newest viewer came: from then on stop_after counts
        self.came: list[float] = []
        self.feedback: dict | None = None  # of the last viewer that spoke
        self.player = None
        if name in STATES:
            self.play()

    def play(self) -> None:
        self.player = self.player or asyncio.create_task(self._play())

    def control(self, sent: int) -> dict:
        return {"type": "stream_control", "target_fps": self.settings["fps"], "quality": 0.8, "width": 1280, "height": 720,
                "credits": sent + self.settings["credits"], "reason": self.settings.get("reason", "")}

    def stats(self) -> dict:
        cut = unix_ms() - 1000
        self.came = [t for t in self.came if t > cut]
        drops = {"superseded": 14, "deadline": 2} if self.settings.get("adapt") else {}
        return {"type": "stats", "fps_in": len(self.came), "fps_out": len(self.came), "drops": drops,
                "latency_ms": {"p50": 20, "p95": 30, "p99": 41}, "stages": {}, "bound_ms": 12}

    async def _play(self) -> None:
        """The rooms with a drawn street: one picture after the other while somebody looks."""
        street = self.street
        number, due = 0, time.monotonic()
        while True:
            while not self.viewers:
                await asyncio.sleep(0.02)
                due = time.monotonic()
            due += 1 / self.settings["fps"]
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            since = time.monotonic() - self.begun
            if self.settings["pictures"] and since < self.settings.get("stop_after", 1e9):
                self.settings["ai"] = since < self.settings.get("ai_stop_after", 1e9)
                head = {"type": "frame_metadata", "timestamp": unix_ms() - self.settings["age_ms"] - 21,
                        "frameNumber": number, "width": street.width, "height": street.height, "format": "jpeg"}
                jpeg = street.jpeg(number)
                every = self.settings.get("damage_every")
                await self.frame(head, jpeg[:200] if every and number % every == 0 else jpeg,
                                 details_at(number, self.settings.get("task")))
            number += 1

    async def frame(self, head: dict, jpeg: bytes, boxes: list[dict]) -> None:
        self.came.append(unix_ms())
        seq, self.seq = self.seq, self.seq + 1
        analysed = self.settings["ai"] and seq % self.settings["every"] == 0
        inference = self.settings["inference_ms"] * (0.9 + 0.2 * ((seq * 7919) % 13) / 13)
        timings = {"queue": 0.4, "decode": 2.1, "preprocess": 0.7, "inference": inference, "postprocess": 0.3}
        timings["total"] = sum(timings.values())
        answer = {"type": "detections", "seq": seq, "frameNumber": head["frameNumber"], "detections": boxes,
                  "processing_time_ms": timings["total"], "timings_ms": timings, "analysed": True}
        if self.settings.get("task") == "classify":
            answer |= {"task": "classify", "classes": CLASSES}
        client = {**head, "seq": seq, "detections": None}
        server = {**head, "seq": seq, "processing_time_ms": timings["total"], "processed_at": unix_ms(),
                  "detections": boxes if analysed else [], "dropped_before": 0, "timings_ms": timings, "analysed": analysed}
        if self.settings["ai"] and not analysed:
            answer = {"type": "detections", "seq": seq, "frameNumber": head["frameNumber"], "detections": [],
                      "analysed": False, "reason": "superseded"}
        for socket, (render, _) in list(self.viewers.items()):
            await self._send(socket, client if render == "client" else server, jpeg)
        if self.settings["ai"]:
            wait = timings["total"] + self.settings["delay_ms"] if analysed else 0
            asyncio.get_running_loop().call_later(wait / 1000, lambda: asyncio.ensure_future(self.tell(answer)))

    async def tell(self, message: dict) -> None:
        for socket, (render, _) in list(self.viewers.items()):
            if render == "client" or message["type"] != "detections":
                await self._send(socket, message)

    async def _send(self, socket: Socket, head: dict, body: bytes | None = None) -> None:
        text = json.dumps(head)
        try:
            if body is None:
                await socket.send(text)
            elif self.viewers[socket][1]:
                raw = text.encode()
                await socket.send(struct.pack("<I", len(raw)) + raw + body)
            else:
                await socket.send(text)
                await socket.send(body)
        except (ConnectionError, RuntimeError, KeyError):
            self.viewers.pop(socket, None)


def boxes_in(jpeg: bytes) -> list[dict]:
    """What the stand-in model sees in a camera's picture: a box whose place is the barcode's number."""
    grey = np.array(Image.open(io.BytesIO(jpeg)).convert("L"))
    number = barcode.read(grey)
    if number is None:
        return []
    x = float(number % 256)
    return [{"class_id": number % 3, "class": LABELS[number % 3], "confidence": 0.9, "box": [x, 40.0, x + 100, 140.0],
             "box_norm": [0, 0, 0, 0]}]


async def answer_time(room: Room, socket: Socket, message: dict) -> None:
    t = unix_ms() + room.settings["offset_ms"]
    await socket.send_json({"type": "time", "t0": message["t0"], "t1": t, "t2": t})


async def camera_socket(room: Room, socket: Socket) -> None:
    room.camera, sent, head = socket, 0, None
    await socket.send_json(room.control(sent))
    async for kind, data in socket:
        if kind == TEXT:
            message = json.loads(data)
            if message["type"] == "time":
                await answer_time(room, socket, message)
            else:
                head = message
        elif head:
            sent += 1
            await room.frame(head, data, boxes_in(data))
            await socket.send_json(room.control(sent))
            head = None
    room.camera = None


# Of the room `adapted`: seconds ago, knob, from, to, why, measured.
CHANGES = (
    (171, "fps", 30, 15, "inference: ms of work a frame, more than the frames that come leave", 20.4),
    (132, "size", 640, 480, "inference: ms of work a frame, more than the frames that come leave", 61.0),
    (95, "quality", 0.85, 0.8, "viewers: percent of them that cannot keep up, half or more", 50),
    (64, "conf", 0.25, 0.35, "a reason that this page does not know", 1),
    (31, "fps", 30, 24, "inference: ms of work a frame, more than the frames that come leave", 41.2),
    (12, "fps", 24, 27, "headroom: ms from arrival to answer, which leaves room", 88.0),
)


async def viewer_socket(room: Room, socket: Socket, query: dict[str, str]) -> None:
    await socket.send_json({"type": "view", "camera": room.name, "max_latency_ms": room.settings["max_latency_ms"],
                            "labels": LABELS, "model_id": "ssd_mobilenet_v2", "backend": "openvino",
                            "device": "CPU", "server_time": unix_ms()})
    room.begun = time.monotonic()
    room.viewers[socket] = (query.get("render", "server"), query.get("pack") == "1")
    if room.settings.get("adapt"):
        for ago, knob, old, new, why, measured in CHANGES:
            await socket.send_json({"type": "adaptation", "at": unix_ms() - ago * 1000, "knob": knob, "from": old, "to": new,
                                    "why": why, "measured": measured})
    ticker = asyncio.create_task(every_second(room, socket))
    async for kind, data in socket:
        message = json.loads(data) if kind == TEXT else {}
        if message.get("type") == "time":
            await answer_time(room, socket, message)
        elif message.get("type") == "performance_stats":
            room.feedback = message
    ticker.cancel()
    room.viewers.pop(socket, None)


async def every_second(room: Room, socket: Socket) -> None:
    while not socket.closed:
        await asyncio.sleep(1)
        await socket.send_json(room.stats())


def problem(status: int, detail: str) -> Response:
    return json_response({"type": "about:blank", "title": "Refused", "status": status, "detail": detail}, status,
                         "application/problem+json")


def cameras(scene: str) -> Response:
    if scene == "token":
        return problem(401, "a token is needed")
    card = {"camera_url": "", "latest": None, "fps": 0, "p95_ms": None}
    full = [
        card | {"name": "theatre-2", "kind": "camera", "state": "live", "p95_ms": 71.4, "fps": 29.9, "latest": "/mock/latest/10.jpg"},
        card | {"name": "north-gate", "kind": "stream", "state": "delayed", "p95_ms": 344.0, "fps": 14.8, "latest": "/mock/latest/80.jpg"},
        card | {"name": "loading-dock", "kind": "stream", "state": "no_signal", "latest": "/mock/latest/150.jpg"},
        card | {"name": "phone-1", "kind": "camera", "state": "connecting"},
    ]
    demo = card | {"name": "demo", "kind": "demo", "state": "live", "p95_ms": 38.2, "fps": 30.0, "latest": "/mock/latest/40.jpg"}
    listed = [] if scene == "empty" else [*full, demo]
    for c in listed:
        c["view_url"] = f"/view/{c['name']}"
    return json_response({
        "cameras": listed, "demo": "demo" if listed else None,
        "model": {"id": "ssd_mobilenet_v2", "title": "SSD MobileNetV2", "precision": "FP16", "licence": "Apache-2.0",
                  "state": "ready", "problem": None},
        "backend": "openvino", "backend_version": "2026.4.1-22982-e213a147257", "device": "CPU", "version": "0.1.0",
        "lan": {"enabled": scene == "lan", "url": "https://192.168.1.7:8440/", "command": "fovea serve --lan"}})


ZONES = [{"name": "crossing", "kind": "polygon", "space": "picture", "state": "active",
          "points": [[0.1, 0.72], [0.62, 0.72], [0.7, 1], [0.02, 1]]},
         {"name": "kerb", "kind": "line", "space": "picture", "state": "active", "points": [[0.03, 0.64], [0.45, 0.64]]},
         {"name": "far side", "kind": "polygon", "space": "picture", "state": "active", "points": [[0.66, 0.55], [1, 0.55], [1, 0.68], [0.7, 0.68]]}]
RULES = [{"name": "somebody crosses", "zone": "crossing", "state": "active"},
         {"name": "car on the far side", "zone": "far side", "state": "active"},
         {"name": "over the kerb", "zone": "kerb", "direction": "in", "state": "active"},
         {"name": "at the gate", "zone": "gate", "state": "no_such_zone"}]
LINES = [{"line": "kerb", "in": 42, "out": 37, "by_class": {"person": {"in": 42, "out": 37}}, "since": 1764100000000, "state": "active"}]


def zones(camera: str, drawn: list | None = None) -> Response:
    return json_response({"camera": camera, "origin": "drawn" if drawn else "settings", "zones": drawn or ZONES, "rules": RULES})


def alerts(stream: str) -> Response:
    """One that is there now, one that crossed a line, two that are over."""
    now, events = unix_ms(), []
    for n, (rule, zone, what, score, ago, lasted) in enumerate([
            ("somebody crosses", "crossing", "person", 0.91, 3, None), ("car on the far side", "far side", "car", 0.84, 64, 11.5),
            ("somebody crosses", "crossing", "person", 0.78, 310, 6.2)]):
        event = {"type": "alert", "alert_id": str(n), "stream": stream, "rule": rule, "zone": zone, "class": what, "confidence": score}
        if lasted:
            events.append(event | {"state": "cleared", "at": now + (lasted - ago) * 1000})
        events.append(event | {"state": "raised", "at": now - ago * 1000})
    events.insert(1, {"type": "alert", "alert_id": "line", "stream": stream, "rule": "over the kerb", "zone": "kerb", "line": "kerb",
                      "direction": "in", "track_id": 7, "class": "person", "confidence": 0.88, "state": "crossed", "at": now - 20000})
    return json_response({"events": events, "total": len(events), "stored": True, "problem": None})


def qr(text: str) -> Response:
    """Not a real code: squares that look like one, the server draws the real ones."""
    rng = np.random.default_rng(sum(text.encode()))
    cells = rng.random((25, 25)) < 0.5
    for y, x in ((0, 0), (0, 18), (18, 0)):
        cells[y:y + 7, x:x + 7] = True
        cells[y + 1:y + 6, x + 1:x + 6] = False
        cells[y + 2:y + 5, x + 2:x + 5] = True
    path = "".join(f"M{x} {y}h1v1h-1z" for y, x in zip(*np.nonzero(cells)))
    return Response(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 25 25"><path d="{path}"/></svg>'.encode(),
                    type="image/svg+xml")


def file(name: str) -> Response:
    path = (WEB / name).resolve()
    if path.suffix not in TYPES or not path.is_file() or WEB not in path.parents:
        return problem(404, "no such page")
    return Response(path.read_bytes(), type=f"{TYPES[path.suffix]}; charset=utf-8",
                    headers={"Content-Security-Policy": CSP, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"})


class Mock:
    """Rooms by name, and which scene the start page shows: full, empty, lan or token."""

    def __init__(self) -> None:
        self.street, self.scene, self.rooms = Street(), "full", {}

    def reset(self) -> Response:
        """As at the start, but for the street's pictures, which cost something to draw."""
        for room in self.rooms.values():
            if room.player:
                room.player.cancel()
        self.scene, self.rooms = "full", {}
        return json_response({})

    def room(self, name: str) -> Room:
        if name not in self.rooms:
            self.rooms[name] = Room(name, self.street)
        return self.rooms[name]

    async def http(self, request: Request) -> Response:
        parts = request.path.strip("/").split("/")
        match [request.method, *parts]:
            case ["GET", ""]: return file("start.html")
            case ["GET", "camera" | "view" | "zones" as page, _]: return file(f"{page}.html")
            case ["GET", "docs"]: return file("docs.html")
            case ["GET", "assets", *path]: return file("/".join(path))
            case ["GET", "api", "cameras"]: return cameras(self.scene)
            case ["GET", "api", "camera", name, "zones"]: return zones(name)
            case ["PUT", "api", "camera", name, "zones"]: return zones(name, json.loads(request.body)["zones"])
            case ["GET", "api", "events"]: return alerts(request.query["stream"])
            case ["GET", "api", "qr"]: return qr(request.query["text"])
            case ["GET", "api", "camera", name, "stats"]:
                return json_response({"camera_connected": self.room(name).camera is not None, "lines": LINES})
            case ["GET", "api", "camera", _, "latest.jpg"]: return Response(self.street.jpeg(20), type="image/jpeg")
            case ["POST", "api", "camera", name, "frame"]: return await self.post_frame(self.room(name), request)
            case ["POST", "api", "v1", "realtime", "video", "start-stream"]: return start_stream(json.loads(request.body))
            case ["GET", "mock", "latest", number]:
                return Response(self.street.jpeg(int(number.removesuffix(".jpg"))), type="image/jpeg")
            case ["POST", "mock", "reset"]: return self.reset()
            case ["POST", "mock", "scene", scene]:
                self.scene = scene
                return json_response(scene)
            case ["POST", "mock", name]: return await self.change(self.room(name), json.loads(request.body))
        return problem(404, "no such page")

    async def post_frame(self, room: Room, request: Request) -> Response:
        q = request.query
        head = {"type": "frame_metadata", "timestamp": float(q["timestamp"]), "frameNumber": int(q["frameNumber"]), "width": 0,
                "height": 0, "format": "jpeg", "clock_offset_ms": float(q.get("clock_offset_ms", 0))}
        await room.frame(head, request.body, boxes_in(request.body))
        return json_response(room.control(head["frameNumber"] + 1) | {"server_time": unix_ms()})

    async def change(self, room: Room, settings: dict) -> Response:
        room.settings |= settings
        if room.settings.pop("play", False):
            room.play()
        for socket in list(room.viewers) if room.settings.pop("close_sockets", False) else ():
            await socket.close(1011, "mock")
        return json_response(room.settings | {"feedback": room.feedback})

    def websocket(self, request: Request):
        parts = request.path.strip("/").split("/")
        room = self.room(parts[-1])
        if parts[1] == "camera":
            return None if room.settings.get("refuse_sockets") else lambda socket: camera_socket(room, socket)
        return lambda socket: viewer_socket(room, socket, request.query)


def start_stream(body: dict) -> Response:
    if body["source"] != "pattern:":
        return problem(403, f"{body['source']} is not in sources.allow: add it to the settings to open it.")
    return json_response({"stream_id": "s1", "view_url": f"/view/{body['token']}"}, 201)


async def main(port: int) -> None:
    mock = Mock()
    server = await tiny_http.serve(port, mock.http, mock.websocket)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8441)
    asyncio.run(main(parser.parse_args().port))
