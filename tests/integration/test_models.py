"""Models of a running server: listed, loaded, replaced and forgotten by an administrator, while sessions go on."""
import json
import shutil
import socket
import threading

import pytest
import realtime

BASE = "/api/v1/realtime"
MODELS = "/api/v1/models"


def answer(server, model_id=""):
    return server.post(f"{BASE}/video/process-frame", params={"model_id": model_id},
                       files={"file": ("x.jpg", realtime.picture(), "image/jpeg")})


def listed(server):
    return {m["id"]: m for m in server.get(MODELS).json()["models"]}


CONFIG = """
models:
  first: 'fake:score=0.4'
  second: {path: 'fake:score=0.6'}
  broken: 'fake:load_fails=1'
  hung: 'fake:hang_after=0'
"""


@pytest.fixture(scope="module")
def several(start_server):
    server = start_server(config=CONFIG, model="fake:score=0.9")
    server.wait_for(lambda: {"first", "second", "hung"} <= set(listed(server)), 10, "the models of the settings")
    return server


def test_all_models_of_the_settings_are_listed(several):
    models = listed(several)
    assert models["fake"]["default"] and not models["first"]["default"]
    assert models["first"]["task"] == "detect" and models["first"]["backend"] == "fake"
    assert several.get(MODELS).json()["available"] == ["broken"]


def test_a_model_is_loaded_under_another_id_and_forgotten(several):
    reply = several.post(MODELS, json={"name": "second", "id": "again"})
    assert reply.status_code == 201 and reply.json()["id"] == "again"
    assert answer(several, "again").json()["confidence"] == 0.6
    assert several.request("DELETE", f"{MODELS}/again").json() == {"removed": "again"}
    assert answer(several, "again").status_code == 404
    assert several.request("DELETE", f"{MODELS}/again").status_code == 404


def test_a_model_that_hung_is_loaded_again(several):
    """Four lost runs end it; the default one is ready all the same, and answers."""
    lost = [answer(several, "hung").json()["code"] for _ in range(5)]
    assert lost == ["timeout"] * 4 + ["inference_failed"]
    assert several.get("/readyz").status_code == 200 and answer(several).status_code == 200
    assert several.post(MODELS, json={"name": "hung"}).status_code == 200
    assert answer(several, "hung").json()["code"] == "timeout", "it is tried again"


def test_a_model_takes_the_place_of_another(several):
    assert answer(several, "first").json()["confidence"] == 0.4
    reply = several.post(MODELS, json={"name": "second", "id": "first"})
    assert reply.status_code == 200
    assert answer(several, "first").json()["confidence"] == 0.6
    assert several.post(MODELS, json={"name": "first"}).status_code == 200
    assert answer(several, "first").json()["confidence"] == 0.4


def test_a_failed_model_changes_nothing(several):
    before = listed(several)
    reply = several.post(MODELS, json={"name": "broken", "id": "first"})
    assert reply.status_code == 422 and "load_fails" in reply.json()["detail"]
    assert listed(several) == before
    assert answer(several, "first").status_code == 200


@pytest.mark.parametrize("body, status", [
    ({"name": "fake:score=1"}, 422), ({"name": "/etc/passwd"}, 422), ({"name": "../model"}, 422), ({"name": "a/b"}, 422),
    ({"name": ""}, 422), ({"name": "oip://127.0.0.1:1/x"}, 422), ({"name": 7}, 422), ({}, 422), ({"name": "x" * 101}, 422),
    ({"name": "first", "id": "a/b"}, 422), ({"name": "first", "default": "yes"}, 422), ({"name": "nowhere"}, 404)])
def test_only_names_are_taken(several, body, status):
    reply = several.post(MODELS, json=body)
    assert reply.status_code == status, reply.text


def test_a_body_that_is_no_json_is_refused(several):
    assert several.post(MODELS, data=b"{", headers={"Content-Type": "application/json"}).status_code == 400


def test_a_model_in_use_stays(several):
    assert several.request("DELETE", f"{MODELS}/fake").status_code == 409
    stream = several.post(f"{BASE}/video/start-stream", json={"source": "pattern:", "model_id": "second"}).json()
    several.wait_for(lambda: listed(several)["second"]["streams"] == 1, 5, "the stream on its model")
    reply = several.request("DELETE", f"{MODELS}/second")
    assert reply.status_code == 409 and "1 stream runs on second" in reply.json()["detail"]
    several.post(f"{BASE}/video/stop-stream", json={"stream_id": stream["stream_id"]})
    several.wait_for(lambda: listed(several)["second"]["streams"] == 0, 5, "the end of the stream")


def test_files_of_the_folder_are_loaded_by_name(start_server, tmp_path):
    """A file that came after the start; without a runtime for it the refusal is a sentence."""
    (tmp_path / "later.onnx").write_bytes(b"version https://git-lfs.github.com/spec/v1\n" + b"x" * 100)
    server = start_server(config=f"models: {{dir: {json.dumps(str(tmp_path))}}}\n")
    assert server.get(MODELS).json()["available"] == ["later"]
    reply = server.post(MODELS, json={"name": "later"})
    assert reply.status_code == 422 and "Git LFS" in reply.json()["detail"]
    shutil.rmtree(tmp_path)
    assert server.post(MODELS, json={"name": "later"}).status_code == 404


def test_names_lead_to_one_file_each(start_server, tmp_path):
    """What lies beside a model is none, two forms of one have one name, and a dot is part of a name."""
    for name in ("boats.xml", "boats.bin", "boats.txt", "boats.onnx", "yard.v2.tflite", "README", ".hidden.onnx"):
        (tmp_path / name).write_bytes(b"version https://git-lfs.github.com/spec/v1\n" + b"x" * 100)
    (tmp_path / "quay").mkdir()
    (tmp_path / "quay/model.xml").write_text("<net/>")
    server = start_server(config=f"models: {{dir: {json.dumps(str(tmp_path))}, gate.v2: 'fake:score=0.3'}}\n")
    server.wait_for(lambda: "gate.v2" in listed(server), 10, "the model of the settings")
    assert sorted(server.get(MODELS).json()["available"]) == ["boats", "quay", "yard.v2"]
    reply = server.post(MODELS, json={"name": "gate.v2"})
    assert (reply.status_code, reply.json()["id"]) == (200, "gate.v2") and set(listed(server)) == {"fake", "gate.v2"}
    assert "Git LFS" in server.post(MODELS, json={"name": "yard.v2"}).json()["detail"]


def test_the_answer_is_what_the_list_says(start_server):
    server = start_server(config=CONFIG, model="fake:score=0.9")
    server.wait_for(lambda: {"first", "second"} <= set(listed(server)), 10, "the models of the settings")
    server.post(f"{BASE}/video/start-stream", json={"source": "pattern:", "model_id": "second"})
    server.wait_for(lambda: listed(server)["second"]["streams"] == 1, 5, "the stream on its model")
    for body in ({"name": "second"}, {"name": "first", "id": "fake"}):
        said = server.post(MODELS, json=body).json()
        known = listed(server)[said["id"]]
        assert (said["default"], said["streams"]) == (known["default"], known["streams"])
    assert known["default"]


def test_models_queue_up_to_a_limit(start_server):
    """A server that takes connections and says nothing holds four; more are told to come back."""
    mute = socket.create_server(("127.0.0.1", 0))
    server = start_server(config=f"models: {{mute: 'oip://127.0.0.1:{mute.getsockname()[1]}/m', sound: 'fake:'}}\n")
    replies, lock = [], threading.Lock()

    def ask(number):
        reply = server.post(MODELS, json={"name": "mute", "id": f"m{number}"})
        with lock:
            replies.append((reply.status_code, reply.headers.get("Retry-After")))
    threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    server.wait_for(lambda: len(replies) >= 4, 4, "the refusals")
    assert replies == [(503, "5")] * 4
    mute.close()
    for thread in threads:
        thread.join()
    assert len(replies) == 8 and (503, "5") not in replies[4:], replies
    assert server.post(MODELS, json={"name": "sound"}).status_code in (200, 201)


def test_a_model_can_go_while_another_works(start_server):
    """A picture of one model on its way keeps no other model."""
    server = start_server(config="models: {slow: 'fake:sleep_ms=1500', other: 'fake:'}\n")
    server.wait_for(lambda: {"slow", "other"} <= set(listed(server)), 20, "the models of the settings")
    assert answer(server, "other").status_code == 200
    codes = []
    thread = threading.Thread(target=lambda: codes.append(answer(server, "slow").status_code))
    thread.start()
    server.wait_for(lambda: listed(server)["slow"]["streams"] == 1, 5, "the picture on its way")
    assert server.request("DELETE", f"{MODELS}/slow").status_code == 409
    assert server.request("DELETE", f"{MODELS}/other").status_code == 200
    thread.join()
    assert codes == [200]


def test_swapping_the_default_drops_no_session(start_server):
    """Frames go on over twenty swaps: each gets exactly one answer, in order, by one of the two models."""
    server = start_server(config=CONFIG, model="fake:score=0.9")
    server.wait_for(lambda: {"first", "second"} <= set(listed(server)), 10, "the models of the settings")
    codes, ended = [], threading.Event()

    def swap():
        for i in range(20):
            codes.append(server.post(MODELS, json={"name": ["first", "second"][i % 2], "default": True}).status_code)
        ended.set()

    thread = threading.Thread(target=swap)
    scores, sent = set(), 0
    with realtime.socket(server, f"{BASE}/video/stream?max_latency_ms=0") as ws:
        thread.start()
        while not ended.is_set() or sent < 50:
            ws.send(realtime.picture())
            result = realtime.receive(ws)
            assert result["type"] == "result" and result["frame_id"] == sent
            scores.add(result["confidence"])
            sent += 1
    thread.join()
    assert codes == [200] * 20
    assert scores <= {0.4, 0.6, 0.9} and {0.4, 0.6} <= scores


def test_only_an_administrator_may(locked):
    for role, status in (("view", 403), ("push", 403), ("admin", 200)):
        token = locked.make_token(role)["token"]
        assert locked.get(MODELS, headers=locked.bearer(token)).status_code == status
    assert locked.get(MODELS, headers={}).status_code in (401, 200)


def test_frames_of_busy_streams_share_runs(start_server):
    """models.ID.batch: while several sessions are busy, the form that takes several frames a run serves them."""
    server = start_server(config="models: {default: crowd, crowd: {path: 'fake:sleep_ms=12,boxes=bright', batch: 4}}\n", model=None)
    streams = [server.post(f"{BASE}/video/start-stream", json={"source": "pattern:", "token": f"p{i}", "admission": "best_effort"}).json()
               for i in range(4)]
    server.wait_for(lambda: "throughput form" in server.log, 20, "the form for busy times")
    for stream in streams:
        final = server.post(f"{BASE}/video/stop-stream", json={"stream_id": stream["stream_id"]}).json()
        assert final["failed"] == 0 and final["delivered"] > 0
