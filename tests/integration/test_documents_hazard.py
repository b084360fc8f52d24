"""What the document of the hazard streaming room writes works as written: its client with a rate of its own, its event
stream, its performance figures, its settings. Shapes and names are the document's; nothing of ours is added.
"""
import asyncio
import base64
import io
import json
import os
import re
import threading
import time
from pathlib import Path

import pytest
import requests
from conftest import DEPS, SANITIZED, environment, fovea
from PIL import Image
from realtime import decoded, picture
from websockets.asyncio.client import connect as connect_async
from websockets.sync.client import connect

TARGET_FPS = 15
MODEL = DEPS / "models/ssd_mobilenet_v2/model.xml"


def optimize_image_for_streaming(path, quality=85):
    """The document's way to a picture: at most 1280 a side, JPEG, base64."""
    with Image.open(path) as image:
        if image.width > 1280 or image.height > 1280:
            image.thumbnail((1280, 1280), Image.Resampling.LANCZOS)
        if image.mode != "RGB":
            image = image.convert("RGB")
        buffer = io.BytesIO()
        image.save(buffer, format="JPEG", quality=quality, optimize=True)
        return base64.b64encode(buffer.getvalue()).decode()


@pytest.fixture(scope="module")
def server(start_server):
    return start_server(env={"STREAMING_MAX_FPS": "30", "STREAMING_DEFAULT_FPS": "15", "STREAMING_QUEUE_SIZE": "25",
                             "STREAMING_SESSION_TIMEOUT": "300", "CONFIDENCE_THRESHOLD": "0.5", "IOU_THRESHOLD": "0.45",
                             "OPENVINO_DEVICE": "CPU", "OPENVINO_PERFORMANCE_MODE": "LATENCY",
                             "OPENVINO_ASYNC_INFERENCE": "true", "OPENVINO_CACHE_ENABLED": "true", "UVICORN_WORKERS": "1"})


def test_a_client_with_compression_and_a_rate_of_its_own(server, tmp_path):
    """perMessageDeflate: true, at most 1 MiB a message, sendFrameIfReady at 15 frames a second: nothing is dropped."""
    Image.new("RGBA", (2560, 1440), (90, 120, 150, 255)).save(tmp_path / "large.png")
    image_data = optimize_image_for_streaming(tmp_path / "large.png")
    assert max(decoded(base64.b64decode(image_data)).shape) == 1280

    async def client():
        answers, last_frame_time = [], 0.0
        async with connect_async(server.ws + "/stream/detection", compression="deflate", max_size=1024 * 1024) as ws:
            assert json.loads(await ws.recv())["type"] == "session"
            number, until = 0, time.monotonic() + 1.5
            while time.monotonic() < until:  # called far more often than it sends
                now = time.monotonic()
                if now - last_frame_time >= 1 / TARGET_FPS:
                    await ws.send(json.dumps({"type": "frame", "frame_id": number, "timestamp": time.time() * 1000,
                                              "image_data": image_data}))
                    last_frame_time = now
                    number += 1
                await asyncio.sleep(0.002)
            for _ in range(number):
                answers.append(json.loads(await asyncio.wait_for(ws.recv(), 5)))
        return answers

    answers = asyncio.run(client())
    detections = [a for a in answers if a["type"] == "detection"]
    if SANITIZED:  # too slow for that rate
        assert detections and all(a["type"] == "dropped" for a in answers if a not in detections)
    else:
        assert 15 <= len(answers) <= 24 and detections == answers
        assert [a["frame_id"] for a in answers] == list(range(len(answers)))
    for answer in detections:
        assert isinstance(answer["detections"], list) and answer["processing_time_ms"] > 0
        assert answer["config"]["fps_limit"] == TARGET_FPS


def test_the_event_stream_and_its_headers(server):
    reply = requests.get(server.url + "/stream/events/client-1", stream=True, timeout=10)
    assert reply.status_code == 200 and reply.headers["Content-Type"].split(";")[0] == "text/event-stream"
    wanted = {"Cache-Control": "no-cache, no-store", "Connection": "keep-alive", "X-Accel-Buffering": "no", "Content-Encoding": "none"}
    assert {name: reply.headers[name] for name in wanted} == wanted
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(line.decode() for line in reply.iter_lines(chunk_size=1)))
    reader.start()
    with connect(server.ws + "/stream/detection?client_id=client-1", proxy=None) as ws:
        ws.recv(timeout=5)
        ws.send(json.dumps({"type": "frame", "image_data": base64.b64encode(picture()).decode()}))
        answer = ws.recv(timeout=5)
        server.wait_for(lambda: "data: " + answer in lines, what="the same detection as an event")
    reader.join(10)
    assert not reader.is_alive() and "event: end" in lines


def test_performance_figures(server):
    with connect(server.ws + "/stream/detection", proxy=None) as ws:
        ws.recv(timeout=5)
        for number in range(3):
            ws.send(json.dumps({"type": "frame", "frame_id": number, "image_data": base64.b64encode(picture()).decode()}))
            assert json.loads(ws.recv(timeout=5))["frame_id"] == number
        metrics = server.get("/stream/performance").json()
        assert metrics["active_sessions"] == 1
        for name in ("total_throughput_fps", "avg_processing_time_ms"):
            assert isinstance(metrics[name], (int, float)) and metrics[name] > 0, name
        assert sum(metrics["bottlenecks"].values()) >= 3
        resources = metrics["system_resources"]
        assert isinstance(resources["cpu_usage"], (int, float)) and isinstance(resources["memory_usage"], (int, float))
        assert resources["gpu_usage"] is None or 0 <= resources["gpu_usage"] <= 100


@pytest.mark.parametrize("name,value,shown", [
    ("STREAMING_MAX_FPS", "24", "max_fps: 24"), ("STREAMING_DEFAULT_FPS", "12", "default_fps: 12"),
    ("STREAMING_QUEUE_SIZE", "50", "queue_size: 50"), ("STREAMING_SESSION_TIMEOUT", "60", "session_timeout: 60"),
    ("OPENVINO_DEVICE", "GPU", 'device: "GPU"'), ("OPENVINO_PERFORMANCE_MODE", "LATENCY", "performance_mode: latency"),
    ("OPENVINO_ASYNC_INFERENCE", "false", "async_inference: false"), ("OPENVINO_CACHE_ENABLED", "false", "cache_enabled: false"),
    ("CPU_THREADS_NUM", "4", "num_threads: 4"), ("OPENVINO_NUM_THREADS", "4", "num_threads: 4"),
    ("OMP_NUM_THREADS", "4", "num_threads: 4"), ("CPU_BIND_THREAD", "YES", "bind_threads: true"),
    ("CONFIDENCE_THRESHOLD", "0.6", "confidence_threshold: 0.6"), ("IOU_THRESHOLD", "0.5", "iou_threshold: 0.5")])
def test_settings_by_the_names_of_the_document(name, value, shown):
    lines = fovea("config", "show", env=environment(**{name: value})).stdout.splitlines()
    assert f"  {shown}  # {name}" in lines, "the value, and where it comes from"


@pytest.mark.skipif(bool(SANITIZED) or not MODEL.exists() or len(os.sched_getaffinity(0)) < 2,
                    reason="no default model, one core, or no runtime in a sanitized build")
@pytest.mark.parametrize("value, bound", [("YES", True), ("NO", False)])
def test_threads_are_bound_when_asked_for(start_server, value, bound):
    server = start_server(model=str(MODEL), env={"CPU_BIND_THREAD": value})

    def any_bound():
        """While the model runs: the runtime binds a thread when it joins."""
        server.post("/api/v1/realtime/video/process-frame", files={"file": picture()})
        tasks = Path(f"/proc/{server.process.pid}/task").glob("*/status")
        return any(re.search(r"Cpus_allowed_list:\s*\d+$", task.read_text(), re.M) for task in tasks)

    found = False
    for _ in range(40):
        found = found or any_bound()
    assert found == bound, "a thread that stays on one core"
