"""What users' own documents write works as written: the endoscopy room, the browser camera and viewer; and the words
of this project's documents: links lead somewhere, commands exist.

The calls, names and shapes are those of clients that exist already; nothing of ours is added to what they send.
"""
import json
import re
import shlex
import subprocess
import time

import pytest
from conftest import ROOT, environment, fovea
from realtime import decoded, picture, receive, socket, spot, wait_for

BASE = "/api/v1/realtime"
RESULT = {"frame_id": int, "processing_time_ms": float, "total_time_ms": float, "prediction": dict, "confidence": float,
          "annotations": list, "meets_latency_requirement": bool}
STATS = {"total_frames", "avg_latency_ms", "min_latency_ms", "max_latency_ms", "p95_latency_ms", "p99_latency_ms", "fps",
         "latency_violations", "violation_rate", "device"}


def assert_shape(answer: dict) -> None:
    for name, kind in RESULT.items():
        assert isinstance(answer[name], (int, float) if kind is float else kind), (name, answer[name])
        assert kind is bool or not isinstance(answer[name], bool), name


# --- the endoscopy room ------------------------------------------------------------------------------------------

def test_one_frame_by_form(server):
    answer = server.post(f"{BASE}/video/process-frame", files={"file": open_picture()},
                         data={"max_latency_ms": "5000"})
    assert answer.status_code == 200
    assert_shape(answer.json())
    assert answer.json()["meets_latency_requirement"] is True
    assert answer.json()["confidence"] == answer.json()["prediction"]["confidence"]


def open_picture():
    return "frame.jpg", picture(), "image/jpeg"


def test_latency_requirement_is_200_ms_when_none_is_asked_for(start_server):
    server = start_server(model="fake:delay_ms=260")
    late = server.post(f"{BASE}/video/process-frame", files={"file": open_picture()}).json()
    assert late["meets_latency_requirement"] is False and late["total_time_ms"] > 200
    assert_shape(late)


def test_frames_as_bytes_over_a_websocket(server):
    with socket(server, f"{BASE}/video/stream?max_latency_ms=0") as ws:
        for i in range(5):
            ws.send(picture(level=20 * i))
            answer = receive(ws)
            assert_shape(answer)
            assert answer["frame_id"] == i


def test_statistics_have_every_field_and_their_sense(start_server):
    server = start_server()
    for limit in ("0", "0", "0", "0.001"):
        server.post(f"{BASE}/video/process-frame", files={"file": open_picture()}, data={"max_latency_ms": limit})
    stats = server.get(f"{BASE}/video/stats").json()
    assert STATS <= stats.keys()
    assert stats["total_frames"] == 4 and stats["latency_violations"] == 1
    assert stats["violation_rate"] == pytest.approx(25), "percent, as 5 of 1000 is 0.5"
    assert stats["min_latency_ms"] <= stats["avg_latency_ms"] <= stats["max_latency_ms"]
    assert stats["p95_latency_ms"] <= stats["p99_latency_ms"] <= stats["max_latency_ms"] * 1.05 + 0.1
    assert isinstance(stats["device"], str) and stats["device"] == stats["device"].lower()


def test_device_info(server):
    info = server.get(f"{BASE}/edge/device-info").json()
    assert isinstance(info["device_type"], str) and info["device_type"]


def test_start_and_stop_a_stream(server):
    started = server.post(f"{BASE}/video/start-stream", json={"source": "pattern:width=320,height=240,fps=25"})
    assert started.status_code == 201
    stream = started.json()["stream_id"]
    server.wait_for(lambda: server.get(f"{BASE}/video/stats?stream_id={stream}").json()["total_frames"] > 5)
    final = server.post(f"{BASE}/video/stop-stream")
    assert final.status_code == 200 and STATS <= final.json().keys() and final.json()["total_frames"] > 5


def test_start_without_a_body_plays_the_demo(start_server):
    """The document sends nothing with start-stream: with --demo there is something to play."""
    server = start_server("--demo")
    answer = server.post(f"{BASE}/video/start-stream")
    assert answer.status_code == 201, answer.text
    stream = answer.json()["stream_id"]
    server.wait_for(lambda: server.get(f"{BASE}/video/stats?stream_id={stream}").json()["total_frames"] > 0)
    assert server.post(f"{BASE}/video/stop-stream", json={"stream_id": stream}).json()["total_frames"] > 0


@pytest.mark.parametrize("name,value,shown", [
    ("REALTIME_ENABLED", "True", "enabled: true"), ("REALTIME_TARGET_FPS", "25", "target_fps: 25"),
    ("REALTIME_MAX_LATENCY_MS", "180.0", "max_latency_ms: 180"), ("REALTIME_BUFFER_SIZE", "7", "buffer_size: 7"),
    ("REALTIME_USE_GPU", "False", "use_gpu: false"), ("REALTIME_USE_TPU", "True", "use_tpu: true"),
    ("REALTIME_OPTIMIZATION_LEVEL", "low", "optimization_level: low")])
def test_settings_by_the_names_of_the_document(name, value, shown):
    lines = fovea("config", "show", env=environment(**{name: value})).stdout.splitlines()
    assert f"  {shown}  # {name}" in lines, "the value, and where it comes from"


def test_settings_of_the_environment_act(start_server):
    server = start_server(env={"REALTIME_MAX_LATENCY_MS": "0.001", "REALTIME_TARGET_FPS": "12",
                               "REALTIME_OPTIMIZATION_LEVEL": "low"})
    late = server.post(f"{BASE}/video/process-frame", files={"file": open_picture()}).json()
    assert late["meets_latency_requirement"] is False
    with socket(server, "/ws/camera/hall") as ws:
        assert wait_for(ws, "stream_control")["target_fps"] <= 12
    off = start_server(env={"REALTIME_ENABLED": "False"})
    answer = off.post(f"{BASE}/video/process-frame", files={"file": open_picture()})
    assert answer.status_code == 503 and answer.json()["code"] == "disabled"


# --- the browser camera and viewer ----------------------------------------------------------------------------------

METADATA = {"type": "frame_metadata", "timestamp": 1641234567890, "frameNumber": 123, "width": 320, "height": 240,
            "format": "jpeg"}


def test_the_pair_there_and_back(start_server):
    server = start_server(model="fake:boxes=bright")
    with socket(server, "/ws/view/your_token") as viewer, \
            socket(server, "/ws/camera/your_token?max_latency_ms=0") as camera:
        camera.send(json.dumps({**METADATA, "width": 640, "height": 480}))
        camera.send(spot(200, 200))
        head = wait_for(viewer, "frame_metadata")
        body = receive(viewer)
        assert isinstance(body, bytes) and body[:2] == b"\xff\xd8", "the picture follows its metadata at once"
        assert decoded(body).shape == (480, 640, 3) and body != spot(200, 200), "the boxes are drawn"
        for name in ("timestamp", "frameNumber", "format"):
            assert head[name] == METADATA[name], name
        assert (head["width"], head["height"]) == (640, 480)
        assert head["processing_time_ms"] > 0
        assert abs(head["processed_at"] - time.time() * 1000) < 60000, "Unix milliseconds"


def test_a_promise_instead_of_its_bytes_is_answered_with_the_mend(server):
    with socket(server, "/ws/view/promise?render=client") as viewer, socket(server, "/ws/camera/promise") as camera:
        camera.send(json.dumps(METADATA))
        camera.send("[object Promise]")
        error = wait_for(camera, "error")
        assert error["code"] == "expected_binary" and "await blob.arrayBuffer()" in error["message"]
        camera.send(json.dumps({**METADATA, "frameNumber": 124}))
        camera.send(picture())
        assert wait_for(viewer, "frame_metadata")["frameNumber"] == 124, "the socket stayed open"


def test_a_viewer_reports_its_performance(server):
    with socket(server, "/ws/view/told") as viewer:
        viewer.send(json.dumps({"type": "performance_stats", "fps": 29.5, "latency": 48.2, "queueSize": 1}))

        def told():
            viewers = server.get("/api/camera/told/stats").json()["viewers"]
            return viewers and viewers[0]["fps"] == 29.5 and viewers[0]["latency_ms"] == pytest.approx(48.2)
        server.wait_for(told, what="the viewer's own figures")


def test_stats_of_a_camera(server):
    with socket(server, "/ws/view/your_token"), socket(server, "/ws/view/your_token") as viewer, \
            socket(server, "/ws/camera/your_token?max_latency_ms=0") as camera:
        camera.send(json.dumps(METADATA))
        camera.send(picture())
        wait_for(viewer, "frame_metadata")
        stats = server.get("/api/camera/your_token/stats").json()
    assert stats["camera_connected"] is True and stats["viewer_count"] == 2
    figures = stats["processor_stats"]
    assert isinstance(figures["inference_size"], int) and isinstance(figures["gpu_available"], bool)
    assert figures["confidence_threshold"] == 0.25 and figures["target_fps"] == 30


@pytest.mark.parametrize("path", ["/camera/your_token", "/view/your_token"])
def test_pages(server, path):
    page = server.get(path)
    assert page.status_code == 200 and page.headers["Content-Type"].startswith("text/html")


# --- our own documents ------------------------------------------------------------------------------------------------

def documents():
    return [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "examples/README.md")] + sorted(ROOT.glob("docs/**/*.md"))


def anchors(text: str) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.exists(), f"{target} is not there"
        assert not anchor or anchor in anchors(there.read_text()), f"{target}: no such heading"


def test_commands_of_the_documents_exist():
    """Every `fovea COMMAND --option` in a code block is one that the program knows."""
    helps: dict[str, str] = {}
    for path in documents():
        for block in re.findall(r"```sh\n(.*?)```", path.read_text(), re.S):
            for line in block.splitlines():
                found = re.match(r"(?:sudo )?(?:build/)?fovea ([a-z]+)(.*)", line)
                if not found:
                    continue
                command, rest = found.groups()
                if command not in helps:
                    helps[command] = fovea(command, "--help").stdout
                for word in shlex.split(rest, comments=True):
                    option = re.match(r"--[a-z-]+", word)
                    assert not option or option.group() in helps[command], f"{path.name}: {line}"


def test_codes_of_the_sockets_page_are_sent_by_the_program():
    text = (ROOT / "docs/api/websocket.md").read_text()
    codes = {code for row in re.findall(r"^\| (`[a-z_`, ]+`) \|", text, re.M) for code in re.findall(r"`(\w+)`", row)}
    program = "".join(path.read_text() for path in ROOT.glob("src/**/*.c"))
    assert len(codes) >= 10
    for code in codes:
        assert f'"{code}"' in program, code


def test_examples_of_the_sockets_page_are_json_and_add_up():
    count = 0
    for block in re.findall(r"```json\n(.*?)```", (ROOT / "docs/api/websocket.md").read_text(), re.S):
        for text in re.split(r"\n(?=\{)", block.strip()):
            message = json.loads(text)
            assert "type" in message
            times = message.get("timings_ms", {"total": 0})
            assert sum(v for k, v in times.items() if k != "total") == pytest.approx(times["total"])
            count += 1
    assert count >= 5


def test_the_curl_line_of_the_readme(server, tmp_path):
    line, = re.findall(r"`(curl [^`]+)`", (ROOT / "README.md").read_text())
    (tmp_path / "frame.jpg").write_bytes(picture())
    done = subprocess.run(shlex.split(line.replace("localhost:8440", server.host)) + ["--silent", "--fail"], text=True,
                          cwd=tmp_path, stdout=subprocess.PIPE, timeout=30, check=True)
    assert_shape(json.loads(done.stdout))


def test_settings_printed_in_the_documents_are_accepted(tmp_path):
    count = 0
    for path in documents():
        for block in re.findall(r"```yaml\n(.*?)```", path.read_text(), re.S):
            (tmp_path / "fovea.yaml").write_text(block)
            done = fovea("config", "check", str(tmp_path / "fovea.yaml"), code=None)
            assert done.returncode == 0, f"{path.name}: {done.stdout}{done.stderr}"
            count += 1
    assert count >= 2


def test_a_proxy_as_the_deployment_page_sets_it_up(start_server):
    """With its settings: requests under the public name are served, none without a token, and cookies are Secure."""
    text = (ROOT / "docs/deployment.md").read_text()
    block = next(b for b in re.findall(r"```yaml\n(.*?)```", text, re.S) if "public_url" in b)
    server = start_server(config=block)
    forwarded = {"Host": "cam.example", "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
    assert server.get("/api/version", headers=forwarded).status_code == 200
    assert server.get("/api/cameras", headers=forwarded).status_code == 401, "loopback, and yet locked"
    token = server.make_token("view")["token"]
    entered = server.get(f"/view/hall?token={token}", headers=forwarded)
    assert entered.status_code in (302, 303) and "Secure" in entered.headers["Set-Cookie"]
    assert server.post(f"{BASE}/video/process-frame", headers={**forwarded, **server.bearer(), "Origin": "https://cam.example"},
                       files={"file": open_picture()}).status_code == 200


def test_a_container_as_the_deployment_page_describes_it(start_server, tmp_path):
    """Everything by the environment: address, tokens from a secret, probes without a token."""
    secret = tmp_path / "secret"
    secret.write_text("a" * 32 + "\nview hall " + "b" * 32 + "\n")
    server = start_server(env={"FOVEA_SERVER_HOST": "0.0.0.0", "FOVEA_SERVER_TOKEN_FILE": str(secret)})
    assert server.token is None, "no first token beside a secret"
    assert server.get("/readyz").status_code == server.get("/healthz").status_code == 200
    assert server.get("/api/cameras").status_code == 401
    assert server.get("/api/cameras", headers=server.bearer("a" * 32)).status_code == 200
    assert server.get("/api/camera/hall/stats", headers=server.bearer("b" * 32)).status_code == 200
    assert server.get("/api/camera/door/stats", headers=server.bearer("b" * 32)).status_code == 403
    assert server.stop() == 0, "SIGTERM ends it"
