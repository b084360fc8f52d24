"""Models of appearance as users name them: on the command line, in the settings, in start-stream and in a query.

The picture shows two who run towards each other, meet, and turn back; one hides the other for a moment. Boxes alone say that
each ran on where the other did. The fake models see coloured boxes, and vectors that are the colours of what they are shown."""
import json

import cv2
import numpy as np
import pytest
from conftest import environment, fovea
from football_client import start_match
from realtime import START, STATS, STOP, STREAMS, encode, receive, socket, wait_for

STREAM = "/api/v1/realtime/video/stream"
DETECTOR = "fake:boxes=colors,width=320,height=240"
LOOKS = "fake:embed=12,width=16,height=32"
MEET, STEP, WIDE, TALL = 13, 8, 60, 90


def meeting(i: int) -> np.ndarray:
    """RGB."""
    gone = STEP * (i if i < MEET else 2 * MEET - i)
    picture = np.full((240, 320, 3), 90, np.uint8)
    picture[70:70 + TALL, 232 - gone:232 - gone + WIDE] = (30, 30, 230)
    picture[64:64 + TALL, 20 + gone:20 + gone + WIDE] = (230, 30, 30)
    return picture


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "meeting.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (320, 240))
    for i in range(2 * MEET + 1):
        writer.write(meeting(i)[:, :, ::-1])
    writer.release()
    return path


def sides(detections) -> list:
    """Names from left to right."""
    return [d.get("track_id") for d in sorted(detections, key=lambda d: d["box"][0])]


def track(*words, cwd, code=0, **more):
    return fovea("track", *map(str, words), cwd=cwd, code=code, **more)


# --- command line ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("tracker", ["botsort", "bytetrack"])
def test_track_keeps_names_over_a_meeting(clip, tmp_path, tracker):
    words = [clip, "--model", DETECTOR, "--tracker", tracker, "--json"]
    plain = [json.loads(line) for line in track(*words, cwd=tmp_path).stdout.splitlines()]
    assert not any("appearance" in frame for frame in plain)
    assert sorted(sides(plain[5]["detections"])) == [1, 2]
    assert sides(plain[-1]["detections"]) == sides(plain[5]["detections"])[::-1], "boxes alone exchange the names"
    done = track(*words, "--appearance", LOOKS, cwd=tmp_path)
    frames = [json.loads(line) for line in done.stdout.splitlines()]
    assert sides(frames[-1]["detections"]) == sides(frames[5]["detections"])
    told = [frame["appearance"] for frame in frames if "appearance" in frame]
    taken = sum(one["taken"] for one in told)
    assert all(one["taken"] == one["wanted"] and not one["hurried"] for one in told), "a file has time"
    assert 5 < taken < 2 * len(frames) and f"{taken} of {taken} boxes" in done.stderr
    boxes = [[d["box"] for d in frame["detections"]] for frame in frames]
    assert boxes == [[d["box"] for d in frame["detections"]] for frame in plain], "boxes are what they were"


@pytest.mark.parametrize("words, code, said", [
    (["--appearance", "fake:"], 3, "is a model for detect"),
    (["--appearance", "nothing.onnx"], 3, "nothing.onnx"),
    (["--appearance", LOOKS, "--tracker", "ocsort"], 3, "ocsort does not look at appearance"),
    (["--appearance", LOOKS, "--tracker", "none"], 3, "none does not look at appearance"),
])
def test_track_says_what_cannot_be(clip, tmp_path, words, code, said):
    done = track(clip, "--model", DETECTOR, *words, cwd=tmp_path, code=None)
    assert said in done.stderr and done.returncode in (2, code), done.stderr


def test_detections_of_a_file_have_no_appearance(tmp_path):
    (tmp_path / "det.txt").write_text("1,-1,10,10,20,20,0.9,-1,-1,-1\n")
    done = track("--dets", "det.txt", "--appearance", LOOKS, cwd=tmp_path, code=2)
    assert "--appearance" in done.stderr


def test_football_with_both(tmp_path):
    words = ["football", "pattern:football?size=960x540&seed=4", "--model", "drawn", "--seconds", "6", "--json"]
    done = fovea(*words, "--appearance", LOOKS, "--team-model", LOOKS, cwd=tmp_path)
    frames = [json.loads(line) for line in done.stdout.splitlines()]
    told = [frame["appearance"] for frame in frames if "appearance" in frame]
    assert told and all(one["taken"] <= 16 for one in told) and max(one["taken"] for one in told) > 5
    known = {t["team"] for t in frames[-1]["tracks"]}
    assert {"first", "second"} <= known, frames[-1]["tracks"]
    assert "appearance: " in done.stderr
    done = fovea(*words, "--team-model", LOOKS, "--teams", "Reds:#c00000,Blues:#0000c0", cwd=tmp_path, code=None)
    assert done.returncode in (1, 2, 3) and "team_model" in done.stderr
    named = fovea(*words, cwd=tmp_path, env=environment(FOVEA_FOOTBALL_TEAM_MODEL="fake:"), code=None)
    assert named.returncode and "team_model" in named.stderr and "detect" in named.stderr


# --- server ----------------------------------------------------------------------------------------------------------

CONFIG = f"""
models:
  looks: {{path: "{LOOKS}"}}
  boxes: {{path: "fake:"}}
cameras:
  hall: {{tracker: botsort, appearance_model: looks}}
football: {{appearance_model: "{LOOKS}"}}
"""


@pytest.fixture(scope="module")
def server(start_server):
    made = start_server(config=CONFIG, model=DETECTOR)
    made.wait_for(lambda: {"looks", "boxes"} <= {m["id"] for m in made.get("/api/v1/models").json()["models"]})
    return made


def run(server, query: str) -> list[dict]:
    with socket(server, f"{STREAM}?order=fifo&max_latency_ms=0&{query}") as ws:
        answers = []
        for i in range(2 * MEET + 1):
            ws.send(encode(meeting(i), quality=95, subsampling=0))
            answers.append(receive(ws))
    assert all(answer["type"] == "result" for answer in answers), answers
    return answers


def test_a_session_names_its_model(server):
    answers = run(server, "tracker=botsort&appearance_model_id=looks")
    told = [answer["appearance"] for answer in answers if "appearance" in answer]
    assert told and all(one["taken"] <= one["wanted"] for one in told)
    assert all(1 <= d["track_id"] <= 4 for d in answers[-1]["annotations"])
    assert not any("appearance" in answer for answer in run(server, "tracker=botsort"))


@pytest.mark.parametrize("query, status, said", [
    ("tracker=botsort&appearance_model_id=nobody", 404, "nobody"),
    ("tracker=botsort&appearance_model_id=boxes", 422, "model for detect"),
    ("tracker=ocsort&appearance_model_id=looks", 422, "does not look"),
    ("appearance_model_id=looks", 422, "tracker"),
])
def test_what_cannot_be_is_said(server, query, status, said):
    body = dict(pair.split("=") for pair in query.split("&"))
    answer = server.post(START, json={"source": "pattern:", "admission": "best_effort", **body})
    assert answer.status_code == status and said in answer.text, answer.text
    assert server.get(STREAMS).json()["streams"] == []


def test_start_stream_names_its_model(server):
    made = server.post(START, json={"source": "pattern:width=320,height=240", "admission": "best_effort", "token": "p",
                                    "tracker": "bytetrack", "appearance_model_id": "looks", "max_latency_ms": 2000})
    assert made.status_code == 201 and made.json()["appearance_model_id"] == "looks", made.text
    id = made.json()["stream_id"]
    server.wait_for(lambda: server.get(f"{STATS}?stream_id={id}").json().get("crops_taken", 0) > 3, 20, "crops")
    final = server.post(STOP, json={"stream_id": id}).json()
    assert 3 < final["crops_taken"] <= final["crops_wanted"]


def test_a_camera_of_the_settings_has_its_own(server):
    from realtime import send_pair
    with socket(server, "/ws/view/hall?render=client") as viewer, socket(server, "/ws/camera/hall") as camera:
        for i in range(8):
            send_pair(camera, i, encode(meeting(i)), 320, 240)
            if i == 0:
                continue
            found = wait_for(viewer, "detections", 10)
            if "appearance" in found:
                return
        assert "appearance" in found, found


def test_a_match_has_those_of_the_settings(server):
    made = start_match(server, source="pattern:football?fps=10&size=960x540&seed=3", team_model_id="looks")
    id = made["stream_id"]
    server.wait_for(lambda: server.get(f"{STATS}?stream_id={id}").json().get("crops_taken", 0) > 10, 30, "crops")
    server.post(STOP, json={"stream_id": id})


def test_settings_that_help_nobody_are_refused(tmp_path):
    path = tmp_path / "fovea.yaml"
    path.write_text("cameras: {hall: {tracker: ocsort, appearance_model: looks}}\n")
    done = fovea("config", "check", str(path), cwd=tmp_path, code=None)
    assert done.returncode and "cameras.hall" in done.stdout + done.stderr and "tracker" in done.stdout + done.stderr
    path.write_text("cameras: {hall: {tracker: bytetrack, appearance_model: looks}}\n")
    fovea("config", "check", str(path), cwd=tmp_path)
