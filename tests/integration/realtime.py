"""Pictures and clients for the tests of frames, cameras and viewers."""
from __future__ import annotations

import io
import json
import struct
import time
from contextlib import contextmanager

import numpy as np
from PIL import Image
from websockets.sync.client import connect

PROCESS = "/api/v1/realtime/video/process-frame"
STREAM = "/api/v1/realtime/video/stream"
STATS = "/api/v1/realtime/video/stats"
START = "/api/v1/realtime/video/start-stream"
STOP = "/api/v1/realtime/video/stop-stream"
STREAMS = "/api/v1/realtime/video/streams"
DROPS = {"queue", "superseded", "deadline", "fps_limit", "decode", "shutdown"}
TIMINGS = ["queue", "decode", "preprocess", "inference", "postprocess", "track", "publish"]


def encode(pixels: np.ndarray, form: str = "JPEG", **options) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form, **({"quality": 85} if form == "JPEG" else {}) | options)
    return out.getvalue()


def picture(width: int = 320, height: int = 240, level: int = 60, form: str = "JPEG") -> bytes:
    """One colour with a slope, so that it has something to encode."""
    slope = np.linspace(0, 20, width)[None, :, None] + np.zeros((height, 1, 3))
    return encode((slope + level).astype(np.uint8), form)


def spot(x: int, y: int, side: int = 64, width: int = 640, height: int = 480) -> bytes:
    """A white square on black: the fake model with boxes=bright finds it."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[y:y + side, x:x + side] = 255
    return encode(pixels)


def decoded(jpeg: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))


@contextmanager
def socket(server, path: str, token: str | None = None, **more):
    headers = {"Authorization": f"Bearer {token}"} if token else None
    more.setdefault("max_queue", None)  # a client that stops reading could not close at once
    with connect(server.ws + path, additional_headers=headers, max_size=None, compression=None, proxy=None,
                 open_timeout=10, close_timeout=5, **more) as ws:
        yield ws


def receive(ws, seconds: float = 20):
    """A JSON text as a dict, or bytes."""
    message = ws.recv(timeout=seconds)
    return json.loads(message) if isinstance(message, str) else message


def wait_for(ws, wanted: str, seconds: float = 20) -> dict:
    """The next text of this type."""
    until = time.monotonic() + seconds
    while True:
        message = receive(ws, max(0.01, until - time.monotonic()))
        if isinstance(message, dict) and message["type"] == wanted:
            return message


def unpack(message: bytes) -> tuple[dict, bytes]:
    (length,) = struct.unpack_from("<I", message)
    return json.loads(message[4:4 + length]), message[4 + length:]


def pack(head: dict, body: bytes) -> bytes:
    text = json.dumps(head).encode()
    return struct.pack("<I", len(text)) + text + body


def metadata(number: int, width: int = 320, height: int = 240, **more) -> dict:
    return {"type": "frame_metadata", "timestamp": time.time() * 1000, "frameNumber": number, "width": width,
            "height": height, "format": "jpeg", **more}


def send_pair(ws, number: int, body: bytes, width: int = 320, height: int = 240, **more) -> None:
    ws.send(json.dumps(metadata(number, width, height, **more)))
    ws.send(body)


def assert_result(answer: dict, width: int = 320, height: int = 240) -> None:
    """The fields of a result, and that its times add up."""
    assert {"frame_id", "processing_time_ms", "total_time_ms", "prediction", "confidence", "annotations",
            "meets_latency_requirement", "timings_ms", "model_id", "backend", "width", "height"} <= answer.keys()
    assert (answer["width"], answer["height"]) == (width, height)
    timings = answer["timings_ms"]
    assert abs(sum(timings[name] for name in TIMINGS) - timings["total"]) < 1
    assert abs(timings["total"] - answer["total_time_ms"]) < 0.01
    assert 0 <= answer["processing_time_ms"] <= answer["total_time_ms"] + 0.01
    for box in answer["annotations"]:
        assert {"class_id", "class_id_raw", "class", "confidence", "box", "box_norm"} <= box.keys()
        x1, y1, x2, y2 = box["box"]
        assert 0 <= x1 <= x2 <= width and 0 <= y1 <= y2 <= height
        assert np.allclose(np.array(box["box_norm"]) * [width, height, width, height], box["box"], atol=0.02)
    if answer["annotations"]:
        best = max(answer["annotations"], key=lambda box: box["confidence"])
        assert answer["prediction"] == {k: best[k] for k in ("class", "class_id", "confidence")}
        assert answer["confidence"] == best["confidence"]
    else:
        assert answer["prediction"] is None and answer["confidence"] == 0
