"""Recordings of sessions, rooms and streams on the server, and that their replay answers the same to the bit."""
import json
import os
import time
from pathlib import Path

import pytest
from conftest import ROOT, environment, fovea
from realtime import START, STOP, STREAM, picture, receive, socket, spot, wait_for
from test_camera_view import Camera

RECORDINGS = "/api/v1/realtime/video/recordings"
DEFAULT = ROOT / ".deps/models/ssd_mobilenet_v2"
IMAGES = Path(os.environ.get("FOVEA_TEST_DATA", "/nonexistent")) / "images"
BRIGHT = "fake:boxes=bright"
needs_model = pytest.mark.skipif(not DEFAULT.exists() or not IMAGES.exists() or "FOVEA_SANITIZED" in os.environ,
                                 reason="set-up has not fetched the default model, or no photographs")
FIFO = "?order=fifo&max_latency_ms=0&client_id=door"


def path(stream):
    return f"/api/v1/realtime/video/streams/{stream}/recording"


def start(server, stream, code=201, **body):
    answer = server.post(path(stream), data=json.dumps(body) if body else None)
    assert answer.status_code == code, answer.text
    return answer.json()


def stop(server, stream):
    answer = server.request("DELETE", path(stream))
    assert answer.status_code == 200, answer.text
    return answer.json()


def replay(file, *words, code=0):
    done = fovea("replay", str(file), "--fast", "--json", *words, code=code, env=environment())
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


@pytest.fixture
def recorder(start_server, tmp_path):
    """A server that may record into a folder of the test; .folder is that folder."""
    def start_one(model=BRIGHT, **more):
        server = start_server("recording.dir=" + str(tmp_path / "kept"), *more.pop("words", []), model=model, **more)
        server.folder = tmp_path / "kept"
        return server
    return start_one


def run_session(server, bodies):
    """The results of a session that is recorded, and the file."""
    with socket(server, STREAM + FIFO) as ws:
        began = start(server, "door")
        assert began["state"] == "recording" and began["stream"] == "door"
        results = []
        for body in bodies:
            ws.send(body)
            results.append(receive(ws, 20))
        ended = stop(server, "door")
    assert ended["state"] == "ended" and ended["frames"] == len(bodies) and ended["missed"] == 0
    file = server.folder / ended["name"]
    assert file.stat().st_size == ended["bytes"] and file.stat().st_mode & 0o777 == 0o600
    return results, file


def assert_same(results, frames):
    assert len(results) == len(frames) and any(frame["detections"] for frame in frames)
    for result, frame in zip(results, frames):
        assert result["annotations"] == frame["detections"]
        assert (result["width"], result["height"]) == (frame["width"], frame["height"])


def test_a_session_with_the_fake_model(recorder):
    server = recorder()
    results, file = run_session(server, [spot(7 * i, 5 * i) for i in range(30)])
    frames, told = replay(file, "--model", BRIGHT, "--check")
    assert_same(results, frames)
    assert "30 the same, 0 not, 0 were not answered then" in told
    assert "26 the same" not in told
    frames, told = replay(file, "--model", "fake:boxes=2", "--check", code=1)   # another model answers otherwise
    assert "0 the same, 30 not" in told and "is answered differently" in told


@needs_model
def test_a_session_with_the_default_model(recorder):
    server = recorder(model=None)
    bodies = [(IMAGES / name).read_bytes() for name in ("bus.jpg", "zidane.jpg", "dog.jpg")] * 4
    results, file = run_session(server, bodies)
    frames, told = replay(file, "--check")
    assert_same(results, frames)
    assert "12 the same, 0 not" in told


@needs_model
def test_a_room_that_is_watched_now_and_then(recorder):
    """Watched frames are decoded whole and reduced for the model: they are replayed that way."""
    server = recorder(model=None)
    bus = (IMAGES / "bus.jpg").read_bytes()
    with socket(server, "/ws/camera/hall?max_latency_ms=0&order=fifo") as ws:
        camera = Camera(ws)
        start(server, "hall")
        for i in range(18):
            if i == 6:
                viewer = socket(server, "/ws/view/hall?render=server")
                watching = viewer.__enter__()
                time.sleep(0.3)
            if i == 12:
                viewer.__exit__(None, None, None)
                time.sleep(0.3)
            camera.send(bus, 810, 1080)
        server.wait_for(lambda: [r for r in server.get(RECORDINGS).json()["recordings"] if r["frames"] == 18], 20)
        ended = stop(server, "hall")
    assert watching and ended["frames"] == 18
    frames, told = replay(server.folder / ended["name"], "--check")
    assert "0 not" in told and len(frames) == 18
    kinds = {json.dumps(frame["detections"]) for frame in frames}
    assert len(kinds) == 2, "the two ways of decoding give different boxes, so that a mix-up would show"
    order = [json.dumps(frame["detections"]) == json.dumps(frames[0]["detections"]) for frame in frames]
    assert order[0] and order[-1] and False in order


def test_a_hazard_session_and_what_it_configures(recorder):
    """Thresholds and classes are those of each frame's moment."""
    server = recorder(model="fake:boxes=bright,score=0.6")
    with socket(server, "/stream/detection?client_id=yard&max_latency_ms=0&order=fifo") as ws:
        assert receive(ws)["type"] == "session"
        start(server, "yard")
        answers = []
        for i in range(12):
            if i in (4, 8, 10):
                ws.send(json.dumps({"type": "config", **{4: {"classes": [3]}, 8: {"classes": [], "confidence": 0.7},
                                                         10: {"confidence": 0.3}}[i]}))
            ws.send(spot(20 * i, 10 * i))
            answers.append(wait_for(ws, "detection", 20))
            time.sleep(0.15)    # below the limit of 15 a second
        ended = stop(server, "yard")
    assert ended["frames"] == 12
    frames, told = replay(server.folder / ended["name"], "--model", "fake:boxes=bright,score=0.6", "--check")
    assert "12 the same, 0 not" in told
    assert [frame["detections"] for frame in frames] == [answer["detections"] for answer in answers]
    assert [len(frame["detections"]) for frame in frames] == [1] * 4 + [0] * 6 + [1] * 2


def test_broken_pictures_and_drops_are_in_it(recorder):
    server = recorder(model="fake:boxes=bright,sleep_ms=20")
    with socket(server, STREAM + "?client_id=burst") as ws:
        start(server, "burst")
        for i in range(40):
            ws.send(b"no picture" if i == 20 else spot(5 * i, 5 * i))
            time.sleep(0.004)
        answers = [receive(ws, 10) for _ in range(40)]
        ended = stop(server, "burst")
    assert ended["frames"] == 40, "every frame, whatever became of it"
    dropped = [a for a in answers if a["type"] == "dropped"]
    delivered = {a["frame_id"]: a["annotations"] for a in answers if a["type"] == "result"}
    assert dropped and delivered
    frames, told = replay(server.folder / ended["name"], "--model", BRIGHT, "--check", code=1)
    assert len(frames) == 39 and "1 failed" in told and ", 0 not," in told
    decode = [a for a in dropped if a["reason"] == "decode"]
    assert f"{len(delivered) + len(decode)} the same" in told
    for number, annotations in delivered.items():      # frames that were run are what they were
        frame = frames[number - (number > 20)]
        assert frame["detections"] == annotations


def test_a_stream_of_the_servers_own(recorder):
    server = recorder()
    began = server.post(START, json={"source": "pattern:width=320,height=240,fps=30", "token": "shapes"}).json()
    start(server, began["stream_id"], seconds=1)
    done = server.wait_for(lambda: [r for r in server.get(RECORDINGS).json()["recordings"] if r["state"] == "ended"], 10)[0]
    assert 20 < done["frames"] <= 34 and done["name"].startswith("stream-1-")
    start(server, "shapes")                       # by the room's name too
    assert server.post(path("stream-1")).status_code == 409
    time.sleep(0.3)
    server.post(STOP, json={"stream_id": began["stream_id"]})
    ended = server.wait_for(lambda: [r for r in server.get(RECORDINGS).json()["recordings"]
                                     if r["stream"] == "shapes" and r["state"] == "ended"], 10)[0]
    for entry in (done, ended):
        _, told = replay(server.folder / entry["name"], "--model", BRIGHT, "--check")
        assert ", 0 not," in told
    again = server.post(START, json={"source": str(server.folder / done["name"])})
    assert again.status_code == 403               # not on the list of sources


def test_a_recording_is_a_source_of_the_server(recorder, tmp_path):
    server = recorder(words=["sources.allow=" + str(tmp_path)])
    _, file = run_session(server, [spot(10 * i, 10) for i in range(10)])
    began = server.post(START, json={"source": str(file), "token": "again", "loop": True, "admission": "best_effort"})
    assert began.status_code == 201, began.text
    with socket(server, "/ws/view/again?render=server") as ws:
        assert wait_for(ws, "frame_metadata", 10)["detections"]


def test_bounds(recorder):
    server = recorder(words=["recording.max_mb=2", "recording.total_mb=3"])
    noise = os.urandom(200_000)
    with socket(server, STREAM + FIFO) as ws:
        assert start(server, "door")["max_bytes"] == 2_000_000
        for _ in range(14):
            ws.send(noise)
            receive(ws)
        entry = server.wait_for(lambda: [r for r in server.get(RECORDINGS).json()["recordings"] if r["state"] == "ended"])[0]
        assert "full" in entry["message"] and entry["frames"] == 9 and entry["bytes"] <= 2_000_000
        ws.send(noise)
        assert receive(ws)["type"] == "dropped"           # the stream goes on
        assert "recording.total_mb" in start(server, "door", 409)["detail"]
        server.wait_for(lambda: server.get(RECORDINGS).json()["recordings"][-1]["state"] == "failed")
        start(server, "door", 422, max_mb=3)
        start(server, "door", 422, seconds=-1)
        start(server, "door", 422, seconds="long")
        start(server, "door", max_mb=0.5)
        stop(server, "door")
    assert server.request("DELETE", path("door")).status_code == 404


def test_a_session_that_ends_ends_its_recording(recorder):
    server = recorder()
    with socket(server, STREAM + FIFO) as ws:
        start(server, "door")
        ws.send(spot(10, 10))
        receive(ws)
    entry = server.wait_for(lambda: [r for r in server.get(RECORDINGS).json()["recordings"] if r["state"] == "ended"])[0]
    assert entry["frames"] == 1


def test_the_end_of_the_server_leaves_a_whole_file(recorder):
    server = recorder()
    with socket(server, STREAM + FIFO) as ws:
        name = start(server, "door")["name"]
        for i in range(5):
            ws.send(spot(10 * i, 10))
            receive(ws)
        assert server.stop() == 0
    frames, told = replay(server.folder / name, "--model", BRIGHT, "--check")
    assert len(frames) == 5 and "cut off" not in told


def test_names_are_made_by_the_server(recorder):
    server = recorder()
    client = "..etc%20pass%3Awd.fvr%C3%A4" + "x" * 40
    with socket(server, STREAM + "?client_id=" + client) as ws:
        began = start(server, client)
        assert began["name"].startswith("__etc_pass_wd_fvr__xxx") and began["name"].endswith("-1.fvr")
        assert len(began["name"]) < 80
        ws.send(picture())
        receive(ws)
    server.wait_for(lambda: server.get(RECORDINGS).json()["recordings"][0]["state"] == "ended")
    assert [p.name for p in server.folder.iterdir()] == [began["name"]]


def test_answers_are_as_described(recorder):
    jsonschema = pytest.importorskip("jsonschema")
    server = recorder()
    schemas = server.get("/openapi.json").json()["components"]["schemas"]
    with socket(server, STREAM + FIFO):
        for answer in (start(server, "door"), server.get(RECORDINGS).json()["recordings"][0], stop(server, "door")):
            jsonschema.validate(answer, {**schemas["Recording"], "components": {"schemas": schemas}})
            assert answer.keys() <= schemas["Recording"]["properties"].keys()


def test_off_unless_the_settings_say_where(server):
    with socket(server, STREAM + FIFO):
        answer = start(server, "door", 503)
        assert answer["code"] == "recording_off" and "recording.dir" in answer["detail"]
    assert server.get(RECORDINGS).json() == {"allowed": False, "recordings": []}


def test_unknown_streams_and_folders_that_cannot_be(recorder, start_server, tmp_path):
    server = recorder()
    assert start(server, "nobody", 404)["code"] == "not_found"
    (tmp_path / "file").write_text("")
    broken = start_server("recording.dir=" + str(tmp_path / "file/below"), model=BRIGHT)
    with socket(broken, STREAM + FIFO) as ws:
        assert start(broken, "door", 503)["code"] == "disk"
        ws.send(spot(10, 10))
        assert receive(ws)["type"] == "result"


def test_a_slow_disk_holds_nothing_up(recorder):
    """Hundreds of frames at once: what does not fit is counted, and every frame is answered."""
    server = recorder(model="fake:")
    big = picture(1280, 720)
    with socket(server, STREAM + "?client_id=door&max_latency_ms=0&order=fifo") as ws:
        start(server, "door")
        for _ in range(300):
            ws.send(big)
        answers = [receive(ws, 20) for _ in range(300)]
        ended = stop(server, "door")
    assert len(answers) == 300
    assert ended["frames"] + ended["missed"] == 300
