"""start-stream, stop-stream, streams: rooms fed by a source of the server's own."""
import time
from pathlib import Path

import pytest
from hazard import memory
from realtime import DROPS, START, STATS, STOP, STREAMS, decoded, encode, receive, socket, wait_for

import numpy as np

CLIP = Path(__file__).resolve().parents[2] / ".deps/media/bikes.mp4"


def start(server, **body):
    """Best effort unless said: what a busy machine refuses to promise is test_admission's matter."""
    answer = server.post(START, json={"admission": "best_effort", **body})
    assert answer.status_code == 201, answer.text
    return answer.json()


def next_picture(ws, seconds: float = 5):
    head = wait_for(ws, "frame_metadata", seconds)
    body = receive(ws, seconds)
    assert isinstance(body, bytes)
    return head, body


@pytest.fixture
def clean(server):
    yield server
    for item in server.get(STREAMS).json()["streams"]:
        server.post(STOP, json={"stream_id": item["stream_id"]})


def test_pattern_from_start_to_stop(clean):
    server = clean
    made = start(server, source="pattern:width=320,height=240,fps=25")
    assert made["stream_id"] and made["view_url"] == f"/view/{made['token']}" and made["max_latency_ms"] == 200
    with socket(server, f"/ws/view/{made['token']}?render=client") as viewer:
        assert receive(viewer)["type"] == "view"
        seqs, analysed = [], 0
        while analysed < 10 and len(seqs) < 100:  # on a busy machine some are dropped by their deadline
            head, body = next_picture(viewer)
            assert decoded(body).shape == (240, 320, 3) and head["detections"] is None
            found = wait_for(viewer, "detections")
            assert found["seq"] == head["seq"] and len(found["detections"]) == found["analysed"]
            seqs.append(head["seq"])
            analysed += found["analysed"]
        assert seqs == sorted(seqs) and analysed == 10
        listed, = server.get(STREAMS).json()["streams"]
        assert listed["stream_id"] == made["stream_id"] and listed["state"] == "live" and listed["total_frames"] >= 10
        assert server.get(STATS + "?stream_id=" + made["stream_id"]).json()["total_frames"] >= 10
        assert server.get(f"/api/camera/{made['token']}/stats").json()["camera_connected"] is True
        final = server.post(STOP, json={"stream_id": made["stream_id"]}).json()
        assert final["total_frames"] >= 10 and final["state"] == "ended"
        while wait_for(viewer, "camera")["connected"]:
            pass
    assert server.get(STREAMS).json()["streams"] == []
    assert server.post(STOP, json={"stream_id": made["stream_id"]}).status_code == 404


def test_drawn_and_stills(clean):
    server = clean
    made = start(server, source="pattern:width=320,height=240,fps=25", token="drawn room")
    assert made["view_url"] == "/view/drawn%20room"
    with socket(server, "/ws/view/drawn%20room") as viewer:
        for _ in range(5):
            head, body = next_picture(viewer)
            assert head["analysed"] is True and len(head["detections"]) == 1
            assert decoded(body).shape == (240, 320, 3)
    still = server.get("/api/camera/drawn%20room/latest.jpg")
    assert still.status_code == 200 and decoded(still.content).shape == (240, 320, 3)
    time.sleep(1.2)
    again = server.get("/api/camera/drawn%20room/latest.jpg")
    assert again.status_code == 200 and again.content != still.content, "newer, though nobody watches"
    assert server.post(STOP).status_code == 200, "one runs: the id may be left out"


def test_a_room_takes_one_source(clean):
    server = clean
    start(server, source="pattern:", token="one")
    again = server.post(START, json={"source": "pattern:", "token": "one"})
    assert again.status_code == 409 and again.json()["code"] == "exists"
    from websockets.exceptions import ConnectionClosed
    with pytest.raises(ConnectionClosed) as closed, socket(server, "/ws/camera/one") as ws:
        ws.recv(timeout=3)
    assert closed.value.rcvd.code == 1008
    start(server, source="pattern:", token="two")
    assert server.post(STOP).status_code == 422, "which one?"


@pytest.mark.parametrize("body,status,code", [
    ({}, 422, "invalid_argument"), ({"source": 5}, 422, "invalid_argument"), ({"source": "/etc/passwd"}, 403, "forbidden"),
    ({"source": "rtsp://camera/1"}, 403, "forbidden"), ({"source": "http://127.0.0.1:1/x.mjpg"}, 403, "forbidden"),
    ({"source": "/dev/video0"}, 403, "forbidden"), ({"source": "exec:cat"}, 403, "forbidden"), ({"source": "pattern:", "seek_ms": -1}, 422, "invalid_argument"),
    ({"source": "pattern:", "kind": "football"}, 422, "invalid_argument"), ({"source": "pattern:", "kind": "x"}, 422, "invalid_argument"),
    ({"source": "pattern:", "tracker": "magic"}, 422, "invalid_argument"), ({"source": "pattern:", "tracker": 5}, 422, "invalid_argument"), ({"source": "pattern:", "model_id": "nobody"}, 404, "unknown_model"),
    ({"source": "pattern:", "target_fps": -1}, 422, "invalid_argument"), ({"source": "pattern:", "max_latency_ms": "x"}, 422, "invalid_argument"),
    ({"source": "pattern:", "admission": "x"}, 422, "invalid_argument"), ({"source": "pattern:", "token": "a/b"}, 422, "invalid_argument"),
    ({"source": "pattern:", "token": ""}, 422, "invalid_argument"), ({"source": "pattern:width=0"}, 422, "invalid_argument"),
    ({"source": "pattern:nonsense=1"}, 422, "invalid_argument")])
def test_refused(clean, body, status, code):
    answer = clean.post(START, json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert clean.get(STREAMS).json()["streams"] == []


def test_bad_bodies(clean):
    for body in (b"{", b"[]", b"5", b'{"source":"pattern:","source":"x"}'):
        for path in (START, STOP):
            assert clean.post(path, data=body).status_code == 400
    assert clean.post(STOP, json={"stream_id": 5}).status_code == 422
    assert clean.post(STOP).status_code == 404


def test_files_of_the_allowed_folder(start_server, tmp_path):
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    for i in range(3):
        (allowed / f"{i}.jpg").write_bytes(encode(np.full((120, 160, 3), 60 + 60 * i, np.uint8)))
    (allowed / "broken.mp4").write_bytes(b"no video")
    (allowed / "link.jpg").symlink_to("/etc/passwd")
    server = start_server(config=f"sources:\n  allow: ['{allowed}']\n")
    assert server.post(START, json={"source": str(allowed / "link.jpg")}).status_code == 403
    assert server.post(START, json={"source": str(allowed / "../allowed/../../etc/passwd")}).status_code == 403
    assert server.post(START, json={"source": str(allowed / "nothing.mp4")}).status_code in (403, 404)
    assert server.post(START, json={"source": str(allowed / "broken.mp4")}).status_code == 400
    made = start(server, source=str(allowed))
    def ended():
        items = server.get(STREAMS).json()["streams"]
        return items and items[0]["state"] == "ended"
    server.wait_for(ended)
    final = server.post(STOP, json={"stream_id": made["stream_id"]}).json()
    assert final["total_frames"] == 3


def test_a_clip(start_server):
    if not CLIP.exists():
        pytest.skip("the demo clip is not set up: make build")
    server = start_server(config=f"sources:\n  allow: ['{CLIP.parent}']\n")
    made = start(server, source=str(CLIP), loop=True, target_fps=10)
    with socket(server, f"/ws/view/{made['token']}?render=client") as viewer:
        head, body = next_picture(viewer)
        assert decoded(body).shape == (head["height"], head["width"], 3)
    time.sleep(1.5)
    stats = server.get(STATS + "?window=1&stream_id=" + made["stream_id"]).json()
    assert 5 <= stats["fps"] <= 12
    assert server.stop() == 0


@pytest.mark.parametrize("wanted,more", [("auto", {}), ("off", {}), ("vaapi", {}), ("auto", {"REALTIME_USE_GPU": "false"})])
def test_what_decodes_is_told(start_server, wanted, more):
    if not CLIP.exists():
        pytest.skip("the demo clip is not set up: make build")
    server = start_server("sources.decoder=" + wanted, config=f"sources:\n  allow: ['{CLIP.parent}']\n", env=more)
    start(server, source=str(CLIP), loop=True, target_fps=10)
    told = server.wait_for(lambda: (s := server.get(STREAMS).json()["streams"][0]).get("decoder") and s, 10, "the first picture")
    kinds = {d["name"]: d for d in server.get("/api/v1/realtime/edge/device-info").json()["decoders"]}
    assert set(kinds) == {"cuda", "vaapi", "videotoolbox"} and all(d["available"] == (d["reason"] is None) for d in kinds.values())
    if wanted == "off" or more or not kinds["vaapi"]["available"]:
        assert told["decoder"] == "software"
    assert told.get("decoder_why", "").startswith("vaapi: ") == (wanted == "vaapi" and told["decoder"] == "software")
    server.wait_for(lambda: server.get(STREAMS).json()["streams"][0]["state"] == "live", 10, "a result")
    assert server.stop() == 0


def test_demo(start_server):
    server = start_server("--demo", port="0")
    def demo():
        items = [c for c in server.get("/api/cameras").json()["cameras"] if c["kind"] == "demo"]
        return items and items[0]["state"] == "live" and items[0]
    server.wait_for(demo, 10)
    with socket(server, "/ws/view/demo?render=client") as viewer:
        head, body = next_picture(viewer)
        assert decoded(body).shape == (head["height"], head["width"], 3)
        wait_for(viewer, "detections")
    made = start(server)
    assert made["source"] == "demo:" or made["source"], "without a source: the demo"
    assert server.stop() == 0


def test_demo_ends_by_itself(start_server):
    server = start_server("--demo", env={"FOVEA_DEMO_SECONDS": "2"})
    assert server.process.wait(15) == 0


def test_cameras_of_the_settings(start_server):
    server = start_server(config="cameras:\n  hall: {source: 'pattern:width=160,height=120', max_latency_ms: 321}\n")
    with socket(server, "/ws/view/hall?render=client") as viewer:
        server.wait_for(lambda: server.get("/api/camera/hall/stats").json()["camera_connected"])
        next_picture(viewer)
    item, = server.get(STREAMS).json()["streams"]
    assert item["max_latency_ms"] == 321 and item["token"] == "hall"


def test_stopping_while_it_opens_and_runs(start_server):
    server = start_server(model="fake:sleep_ms=30")
    for _ in range(15):
        made = start(server, source="pattern:")
        assert server.post(STOP, json={"stream_id": made["stream_id"]}).status_code == 200
    assert server.get(STREAMS).json()["streams"] == []
    for _ in range(4):
        start(server, source="pattern:")
    assert server.stop() == 0


def test_memory_goes_back_with_its_streams(start_server):
    """Not only into the allocator, of whose arenas each would keep what its busiest moment took."""
    server = start_server()
    def play(count: int):
        made = [start(server, source="pattern:width=1280,height=720,fps=25") for _ in range(count)]
        for one in made:
            with socket(server, f"/ws/view/{one['token']}?render=client") as viewer:
                next_picture(viewer, 20)
        for one in made:
            assert server.post(STOP, json={"stream_id": one["stream_id"]}).status_code == 200
        time.sleep(1)  # they are closed behind the answer
        return memory(server)
    one, eight = play(1), play(8)
    print(f"{one:.1f} and {eight:.1f} MiB")
    assert eight - one < 16  # 30 where glibc decides


def test_final_figures_are_exact(start_server):
    """Frames are on workers and in the queue when the end comes: the answer waits for them."""
    server = start_server(model="fake:sleep_ms=40")
    for fps in (30, 60, 120, 240, 120, 60):
        made = start(server, source=f"pattern:width=160,height=120,fps={fps}", max_latency_ms=0)
        server.wait_for(lambda: server.get(STREAMS).json()["streams"][0]["total_frames"] > 20, 10)
        final = server.post(STOP, json={"stream_id": made["stream_id"]}).json()
        assert final["waiting"] == 0 and final["total_frames"] > 20 and final["delivered"] > 0
        assert final["total_frames"] == final["delivered"] + final["failed"] + sum(final["dropped"].values()), final
        assert set(final["dropped"]) == DROPS
    both = [start(server, source="pattern:width=160,height=120,fps=60", token=name) for name in ("a", "b")]
    time.sleep(0.5)
    for one in both:  # and again, while another runs
        final = server.post(STOP, json={"stream_id": one["stream_id"]}).json()
        assert final["token"] == one["token"] and final["waiting"] == 0 and final["total_frames"] > 0


def test_the_picture_goes_on_without_a_model(start_server):
    """The model hangs for good: viewers of both kinds still see the source, marked as not analysed."""
    server = start_server(model="fake:hang_after=0,deaf=1")
    made = start(server, source="pattern:width=320,height=240,fps=25")
    with socket(server, f"/ws/view/{made['token']}?render=client") as client, \
            socket(server, f"/ws/view/{made['token']}") as drawn:
        for _ in range(5):
            head, body = next_picture(client)
            assert decoded(body).shape == (240, 320, 3)
            found = wait_for(client, "detections")
            assert found["seq"] == head["seq"] and found["analysed"] is False and found["detections"] == []
            head, body = next_picture(drawn)
            assert head["analysed"] is False and head["detections"] == [] and decoded(body).shape == (240, 320, 3)


def test_stats_of_another_camera_stay_hidden(start_server):
    server = start_server("--auth", "on")
    for room in ("hall", "yard"):
        assert server.post(START, json={"source": "pattern:", "token": room}, headers=server.bearer()).status_code == 201
    view = server.make_token("view", "hall")["token"]
    assert server.get("/api/camera/hall/stats", headers=server.bearer(view)).status_code == 200
    for path in (STATS, STATS + "?stream_id=yard", "/api/camera/yard/stats", "/api/camera/yard/latest.jpg"):
        assert server.get(path, headers=server.bearer(view)).status_code == 403
    assert server.get(STATS + "?stream_id=yard", headers=server.bearer()).status_code == 200


def test_sixty_viewers_of_one_stream(start_server):
    """One encoding serves all: the same bytes for everybody."""
    from contextlib import ExitStack
    server = start_server()
    made = start(server, source="pattern:width=320,height=240,fps=5")
    with ExitStack() as stack:
        viewers = [stack.enter_context(socket(server, f"/ws/view/{made['token']}?render=client")) for _ in range(60)]
        pictures = {}
        for viewer in viewers:
            for _ in range(3):
                head, body = next_picture(viewer)
                assert pictures.setdefault(head["seq"], body) == body
