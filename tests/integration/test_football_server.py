"""Football streams of the server: start-stream {kind: football}, calibrations, what viewers and statistics are told."""
import signal
import time

import numpy as np
import pytest
from conftest import SANITIZED
from football_client import HOMOGRAPHY, Truth, calibrate, start_match
from hazard import memory
from realtime import START, STATS, STOP, STREAMS, decoded, encode, receive, send_pair, socket, unpack, wait_for
from test_streams import next_picture

SOURCE = "pattern:football?fps=10&size=1280x720&seed=3"
FRAMES = 900
MEMBERS = {"tracks", "ball", "teams", "pitch_m", "parts_ms", "detector"}
PARTS = {"player_detection", "ball_detection", "tracking", "team_classification", "homography", "other"}


@pytest.fixture(scope="module")
def truth(tmp_path_factory) -> Truth:
    return Truth(SOURCE, FRAMES, tmp_path_factory.mktemp("match"))


@pytest.fixture
def clean(server):
    yield server
    for item in server.get(STREAMS).json()["streams"]:
        server.post(STOP, json={"stream_id": item["stream_id"]})


def results(viewer, count: int, seconds: float = 60):
    """`count` analysed frames of a viewer that draws itself."""
    until, found = time.monotonic() + seconds, []
    while len(found) < count:
        message = wait_for(viewer, "detections", max(0.1, until - time.monotonic()))
        if message["analysed"]:
            found.append(message)
    return found


# --- from start to stop ----------------------------------------------------------------------------------------------

def test_match_from_start_to_stop(clean, truth):
    server = clean
    made = start_match(server, source=SOURCE)
    id = made["stream_id"]
    assert made["view_url"] == f"/football/{id}" and made["room_url"] == f"/view/{id}"
    assert made["calibrate_url"] == f"/football/{id}/calibrate"
    assert (made["kind"], made["model_id"], made["tracker"]) == ("football", "drawn", "auto")
    assert made["target_fps"] == 10 and made["max_latency_ms"] == 2000
    listed, = server.get(STREAMS).json()["streams"]
    assert listed["kind"] == "football" and listed["view_url"] == made["view_url"]
    room, = [c for c in server.get("/api/cameras").json()["cameras"] if c["name"] == id]
    assert room["football_url"] == made["view_url"]
    with socket(server, f"/ws/view/{id}?render=client") as viewer:
        hello = receive(viewer)
        assert hello["type"] == "view" and hello["model_id"] == "drawn" and "ball" in hello["labels"], hello
        other = server.post(START, json={"source": SOURCE, "model_id": "drawn"})
        assert other.status_code == 404 and "football" in other.json()["detail"], "for others it is no model"
        first, = results(viewer, 1)
        assert MEMBERS <= first.keys() and set(first["parts_ms"]) == PARTS and first["detector"] == "drawn"
        assert first["pitch_m"]["size"] == [105, 68]
        calibrate(server, id, truth)
        seen = results(viewer, 60)
    check_metres(seen, truth)
    check_teams(seen[-1], truth)
    check_ball(seen, truth)
    check_stats(server, id, seen[-1])
    check_heat(server, id, seen)
    final = server.post(STOP, json={"stream_id": id}).json()
    assert final["total_frames"] == final["delivered"] + final["failed"] + sum(final["dropped"].values())
    assert final["failed"] == 0 and final["delivered"] >= 60 and final["waiting"] == 0
    assert len(final["football"]["people"]) >= 8 and final["football"]["teams"]["state"] == "known", "the figures stay"
    assert server.get(HOMOGRAPHY.format(id)).status_code == 404


def check_metres(seen, truth):
    """Where people stand, against where they stand."""
    errors = []
    for message in seen[5:]:
        assert message["pitch_m"]["known"] and len(message["pitch_m"]["matrix"]) == 9
        frame = message["frameNumber"]
        for track in message["tracks"]:
            name = truth.nearest(frame, track["box"]) if track["state"] == "active" else None
            if name is not None and track["pitch_m"]:
                errors.append(np.linalg.norm(truth.people[frame][name] - track["pitch_m"]))
    assert len(errors) > 10 * len(seen[5:]), "most people have a place"
    assert np.median(errors) < 0.6 and np.percentile(errors, 90) < 2, (np.median(errors), np.percentile(errors, 90))


def check_teams(message, truth):
    """Sides are the kits, whichever of them comes first."""
    assert message["teams"]["state"] == "known"
    sides = message["teams"]["sides"]
    assert [s["side"] for s in sides] == ["first", "second"] and all(s["color"].startswith("#") for s in sides)
    votes = {"first": [], "second": []}
    for track in message["tracks"]:
        name = truth.nearest(message["frameNumber"], track["box"])
        if track["team"] and track["class"] == "player" and name is not None and truth.teams[name] >= 0:
            assert track["team_name"] == track["team"] and track["team_confidence"] > 0
            votes[track["team"]].append(truth.teams[name])
    assert len(votes["first"]) >= 3 and len(votes["second"]) >= 3
    assert len(set(votes["first"])) == 1 and len(set(votes["second"])) == 1 and votes["first"][0] != votes["second"][0]


def check_ball(seen, truth):
    off = [np.linalg.norm(np.array(m["ball"]["xy"]) - truth.balls[m["frameNumber"]][:2]) for m in seen if m["ball"]]
    assert len(off) >= len(seen) // 2 and np.median(off) < 12, (len(off), off)
    for m in seen:
        ball = m["ball"]
        assert ball is None or (ball["state"] in ("seen", "coasting") and 0 < ball["confidence"] <= 1)
        assert ball is None or (ball["pitch_m"] is None) == (ball["height"] != "on_ground")


def check_stats(server, id, last):
    stats = server.get(f"{STATS}?stream_id={id}").json()
    football = stats["football"]
    assert set(football["parts_ms"]) == PARTS and football["parts_ms"]["tracking"] > 0
    walked = [p for p in football["people"] if p["seen_s"] > 2]
    assert len(walked) >= 8 and all(0 <= p["distance_m"] < 12 * p["seen_s"] + 1 for p in walked)
    names = {p["track_id"] for p in football["people"]}
    assert len(names & {t["track_id"] for t in last["tracks"]}) >= 8
    assert football["teams"]["state"] == "known" and football["teams"]["sides"][0]["distance_m"] > 0
    assert "football" not in server.get(STATS).json()
    metrics = server.get("/metrics").text
    assert f'fovea_football_part_seconds_count{{stream="{id}",part="tracking"}}' in metrics


def check_heat(server, id, seen):
    """Red is where the sure ones of a team are: the warmest place lies where somebody was seen."""
    path = f"/api/v1/realtime/football/{id}/heatmap"
    spots = {"first": [], "second": []}
    for track in (t for m in seen for t in m["tracks"] if t["team"] and t["pitch_m"]):
        spots[track["team"]].append(track["pitch_m"])
    for team in spots:
        answer = server.get(f"{path}?team={team}")
        assert answer.status_code == 200 and answer.headers["Content-Type"] == "image/png"
        picture = decoded(answer.content).astype(int)
        assert picture.shape == (68 * 8, 105 * 8, 3)
        rows, columns = np.where(picture[:, :, 0] - picture[:, :, 1] > 100)
        assert len(rows), "something is red"
        place = np.array([columns.mean() / 8, 68 - rows.mean() / 8])
        assert np.min(np.linalg.norm(np.array(spots[team]) - place, axis=1)) < 12
    person = max((t for t in seen[-1]["tracks"]), key=lambda t: t["distance_m"])["track_id"]
    assert server.get(f"{path}?track_id={person}").status_code == 200
    for query, code in (("", 422), ("?team=third", 422), ("?team=first&track_id=1", 422), ("?track_id=0", 422),
                        ("?track_id=1.5", 422), ("?track_id=999999", 404)):
        assert server.get(path + query).status_code == code, query


def test_one_packet_for_all_viewers(clean):
    server = clean
    id = start_match(server, source=SOURCE, token="pitch side")["stream_id"]
    path = "/ws/view/pitch%20side?render="
    with socket(server, path + "client") as one, socket(server, f"/ws/view/{id}?render=client") as two, \
            socket(server, path + "server") as drawn, socket(server, path + "client&pack=1") as packed:
        texts = [{m["seq"]: m for m in results(viewer, 12)} for viewer in (one, two, packed)]
        heads = {}
        while len(heads) < 12:
            head, picture = next_picture(drawn)
            if head["analysed"]:
                heads[head["seq"]] = head
        assert decoded(picture).shape == (720, 1280, 3)
        common = set.intersection(*map(set, texts))
        assert len(common) >= 4
        for seq in common:
            assert texts[0][seq] == texts[1][seq] == texts[2][seq]
        for seq in common & heads.keys():
            assert all(heads[seq][name] == texts[0][seq][name] for name in MEMBERS)
        assert common & heads.keys()


def test_drawn_boxes_have_the_colours_of_teams(clean):
    """Edges of the boxes in the JPEG: one colour a team."""
    id = start_match(clean, source=SOURCE)["stream_id"]
    edges = {"first": [], "second": []}
    with socket(clean, f"/ws/view/{id}") as drawn:
        while min(map(len, edges.values())) < 40:
            head, body = next_picture(drawn, 10)
            pixels = decoded(body).astype(int)
            for t in head.get("tracks", []):
                if t["class"] != "player" or not t["team"] or t["state"] != "active" or not head["teams"]["sides"][0]["color"]:
                    continue
                x, y = int(t["box"][0]) + 1, int((t["box"][1] + t["box"][3]) / 2)
                if 0 < x < 1280 and 0 < y < 720:
                    edges[t["team"]].append(pixels[y, x])
    middle = {team: np.median(found, axis=0) for team, found in edges.items()}
    assert np.linalg.norm(middle["first"] - middle["second"]) > 80, middle
    for team, found in edges.items():
        near = np.linalg.norm(np.array(found) - middle[team], axis=1) < 70
        assert near.mean() > 0.6, (team, near.mean())


# --- calibration -----------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def still(start_server, truth):
    """A match by a camera that never moves would be dull: this one moves, and is calibrated anew in each test."""
    server = start_server()
    made = start_match(server, source=SOURCE)
    server.wait_for(lambda: server.get(HOMOGRAPHY.format(made["stream_id"])).json()["picture"], 20, "a picture")
    server.id = made["stream_id"]
    server.path = HOMOGRAPHY.format(made["stream_id"])
    yield server
    assert server.stop() == 0, "with its stream running"


def put(server, query: str = "", **body):
    return server.request("PUT", server.path + query, json=body)


def test_calibration_is_read_back_and_forgotten(still, truth):
    before = still.get(still.path).json()
    assert before["picture"] == [1280, 720] and before["size"] == [105, 68] and before["still_camera"] is False
    assert {m["name"] for m in before["landmarks"]} >= {"left_near_corner", "centre", "far_halfway"}
    made = calibrate(still, still.id, truth)
    quality = made["quality"]
    assert made["known"] is True and quality["inliers"] == quality["points"] == len(quality["errors_px"]) >= 4
    assert quality["rms_px"] < 0.1 and quality["condition"] >= 1 and 0 < quality["spread"] <= 1
    def known():
        now = still.get(still.path).json()
        return now["known"] and now
    now = still.wait_for(known, 5, "the view")
    assert now["frame_id"] >= made["frame_id"] and now["sigma_px"] >= 0
    wrong = view_error(np.array(now["matrix"]).reshape(3, 3), truth.maps[now["frame_id"]])
    assert wrong < 1.5, wrong
    gone = still.request("DELETE", still.path)
    assert gone.status_code == 200 and gone.json() == {"known": False, "matrix": None, "k1": None}
    still.wait_for(lambda: not still.get(still.path).json()["known"], 5, "forgetting")
    assert put(still, forget=True).json()["known"] is False


def view_error(found, true) -> float:
    """Mean metres on a grid of what the picture shows."""
    off = []
    for x in range(0, 106, 5):
        for y in range(0, 69, 4):
            u, v, w = true @ [x, y, 1]
            if w > 0 and 0 <= u / w < 1280 and 0 <= v / w < 720:
                a, b, c = np.linalg.inv(found) @ [u / w, v / w, 1]
                off.append(np.hypot(a / c - x, b / c - y))
    return float(np.mean(off))


def test_preview_sets_nothing(still, truth):
    still.request("DELETE", still.path)
    still.wait_for(lambda: not still.get(still.path).json()["known"], 5, "forgetting")
    marks = still.get(still.path).json()["landmarks"]
    points = truth.points(0, marks, [1280, 720])
    looked = put(still, "?preview=true", points=points)
    assert looked.status_code == 200 and looked.json()["preview"] is True and looked.json()["quality"]["inliers"] >= 4
    time.sleep(0.3)
    assert still.get(still.path).json()["known"] is False
    assert put(still, "?preview=perhaps", points=points).status_code == 422
    calibrate(still, still.id, truth)
    still.wait_for(lambda: still.get(still.path).json()["known"], 5, "the view")
    looked = put(still, "?preview=1", forget=True)
    assert looked.status_code == 200 and looked.json() == {"known": False, "preview": True, "matrix": None, "k1": None}
    time.sleep(0.3)
    assert still.get(still.path).json()["known"] is True


def test_matrix_of_a_picture_in_another_size(still, truth):
    """A matrix of the same picture at half the size is the stream's afterwards."""
    half = np.diag([0.5, 0.5, 1]) @ truth.maps[0]
    made = put(still, "?preview=true", matrix=half.tolist(), picture=[640, 360], size=[105, 68])
    assert made.status_code == 200 and made.json()["quality"] is None
    found = np.array(made.json()["matrix"]).reshape(3, 3)
    assert np.allclose(found / found[2, 2], truth.maps[0] / truth.maps[0][2, 2], rtol=1e-3)


LINE = [{"image": [100 + 50 * i, 100 + 30 * i], "pitch": [10 * i, 10]} for i in range(6)]
CROSSED = [{"image": [200, 200], "pitch": [10, 10]}, {"image": [1000, 200], "pitch": [90, 60]},
           {"image": [1000, 600], "pitch": [90, 10]}, {"image": [200, 600], "pitch": [10, 60]}]
MIRRORED = [{"image": [1000, 200], "pitch": [10, 60]}, {"image": [200, 200], "pitch": [90, 60]},
            {"image": [100, 700], "pitch": [90, 10]}, {"image": [1100, 700], "pitch": [10, 10]}]
GOOD = [{"image": [200, 200], "pitch": [10, 60]}, {"image": [1000, 200], "pitch": [90, 60]},
        {"image": [1200, 700], "pitch": [90, 10]}, {"image": [100, 700], "pitch": [10, 10]}]
BAD = [
    ({}, "either points or a matrix"),
    ({"points": GOOD, "matrix": [1] * 9}, "either points or a matrix"),
    ({"points": GOOD[:3]}, "4"),
    ({"points": LINE}, "line"),
    ({"points": CROSSED}, ""),
    ({"points": MIRRORED}, ""),
    ({"points": "all"}, "points"),
    ({"points": GOOD[:3] + [{"image": [1, 2], "pitch": "left_corner"}]}, "did you mean"),
    ({"points": GOOD[:3] + [{"image": [1], "pitch": [1, 2]}]}, "points[3].image"),
    ({"points": GOOD[:3] + [{"image": [1, 2], "pitch": None}]}, "points[3].pitch"),
    ({"points": GOOD, "picture": [640, 480]}, "640"),
    ({"points": GOOD, "picture": [0, 480]}, "picture"),
    ({"points": GOOD, "size": [100, 64]}, "105 x 68"),
    ({"points": GOOD, "size": "large"}, "size"),
    ({"points": GOOD, "lens": 1}, "lens"),
    ({"matrix": [1, 0, 0, 0, 1, 0, 0, 0]}, "matrix"),
    ({"matrix": [0] * 9}, ""),
    ({"matrix": [1, 0, 0, 0, 1, 0, 0, 0, "1"]}, "matrix"),
    ({"matrix": [10, 0, 0, 0, -10, 700, 0, 0, 1], "k1": 9}, "k1"),
    ({"matrix": [1, 0, -900, 0, 1, -900, 0, 0, 1]}, ""),
    ({"points": GOOD, "frame_id": 10 ** 12}, ""),
]


@pytest.mark.parametrize("body,why", BAD, ids=[str(i) for i in range(len(BAD))])
def test_bad_calibrations(still, body, why):
    still.request("DELETE", still.path)
    answer = put(still, **body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    problem = answer.json()
    assert problem["code"] == "invalid_homography" and "quality" in problem and why in problem["detail"], problem
    assert still.get(still.path).json()["known"] is False


def test_a_camera_comes_to_rest(clean, truth):
    """Whether it stands still is said while it runs: the view stays then, whatever the pictures show."""
    id = start_match(clean, source=SOURCE)["stream_id"]
    path = HOMOGRAPHY.format(id)
    clean.wait_for(lambda: clean.get(path).json()["picture"], 20, "a picture")
    told = calibrate(clean, id, truth, still_camera=True)
    assert told["still_camera"] is True or clean.get(path).json()["still_camera"] is True
    before = clean.get(path).json()
    clean.wait_for(lambda: clean.get(path).json()["frame_id"] > before["frame_id"] + 15, 20, "pictures")
    after = clean.get(path).json()
    assert before["known"] and after["known"] and after["matrix"] == before["matrix"], "the drawn camera turns, this one does not"
    assert clean.get(f"{STATS}?stream_id={id}").json()["football"]["still_camera"] is True
    looked = clean.request("PUT", path + "?preview=true", json={"still_camera": False})
    assert looked.status_code == 200 and looked.json()["still_camera"] is True, "only looked at"
    moved = clean.request("PUT", path, json={"still_camera": False})
    assert moved.status_code == 200 and moved.json()["still_camera"] is False and moved.json()["known"]
    assert clean.get(f"{STATS}?stream_id={id}").json()["football"]["still_camera"] is False
    clean.wait_for(lambda: clean.get(path).json()["matrix"] != before["matrix"], 10, "it moves again")


def test_a_reload_brings_cameras_to_rest(start_server, tmp_path):
    """Those of which nobody has said it."""
    text = "football: {still_camera: %s}\n"
    server = start_server(config=text % "false")
    told, open_ = (HOMOGRAPHY.format(start_match(server, source=SOURCE, **body)["stream_id"]) for body in ({"still_camera": False}, {}))
    for path in (told, open_):
        server.wait_for(lambda: server.get(path).json().get("picture"), 20, "a picture")
    assert server.get(open_).json()["still_camera"] is False
    server.config.write_text(text % "true")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for(lambda: server.get(open_).json()["still_camera"], 10, "the reload")
    assert server.get(told).json()["still_camera"] is False
    assert server.stop() == 0


def test_other_mistakes_of_calibrations(still, server):
    for body in ({"points": GOOD, "frame_id": -1}, {"points": GOOD, "frame_id": 1.5}, {"still_camera": 1},
                 {"points": GOOD, "still_camera": "no"}, {"forget": "yes"}):
        answer = put(still, **body)
        assert answer.status_code == 422 and answer.json()["code"] == "invalid_argument", (body, answer.text)
    for text in ("", "[1]", "{", '{"points": [NaN]}', '{"matrix": [1e999,0,0,0,1,0,0,0,1]}'):
        answer = still.request("PUT", still.path, data=text)
        assert answer.status_code in (400, 422), (text, answer.text)
    for method in ("GET", "PUT", "DELETE"):
        gone = server.request(method, HOMOGRAPHY.format("stream-99"), json={"points": GOOD})
        assert gone.status_code == 404 and gone.json()["code"] == "not_found"
        made = server.post(START, json={"source": "pattern:", "admission": "best_effort"}).json()
        plain = server.request(method, HOMOGRAPHY.format(made["stream_id"]), json={"points": GOOD})
        assert plain.status_code == 409 and plain.json()["code"] == "no_football"
        server.post(STOP, json={"stream_id": made["stream_id"]})


# --- starting --------------------------------------------------------------------------------------------------------

WRONG = [
    ({"source": "pattern:"}, 422, "drawn"),
    ({"source": "pattern:footballs"}, 422, ""),
    ({"source": SOURCE, "ball_model_id": "ball"}, 422, "ball_model_id"),
    ({"source": SOURCE, "model_id": "nothing"}, 404, "nothing"),
    ({"source": SOURCE, "pitch_model_id": "nothing"}, 422, "pitch_model_id"),
    ({"source": SOURCE, "model_id": None, "pitch_model_id": "drawn"}, 422, "pitch_model_id"),
    ({"source": SOURCE, "player_labels": "x" * 200}, 422, "player_labels"),
    ({"source": SOURCE, "ball_labels": ["ball"]}, 422, "ball_labels"),
    ({"source": SOURCE, "model_id": None, "ball_model_id": "nothing"}, 404, "nothing"),
    ({"source": SOURCE, "tracker": "none"}, 422, "tracker"),
    ({"source": SOURCE, "tracker": "best"}, 422, "best"),
    ({"source": SOURCE, "teams": [{"name": "Reds"}]}, 422, "teams"),
    ({"source": SOURCE, "teams": [{"name": ""}, {}]}, 422, "teams[0].name"),
    ({"source": SOURCE, "teams": [{"name": "x" * 65}, {}]}, 422, "teams[0].name"),
    ({"source": SOURCE, "teams": [{"color": "red"}, {"color": "blu"}]}, 422, "did you mean"),
    ({"source": SOURCE, "teams": [{"color": "red"}, {}]}, 422, "both"),
    ({"source": SOURCE, "teams": [{"name": 3}, {}]}, 422, "teams[0]"),
    ({"source": SOURCE, "pitch_m": [10, 10]}, 422, "pitch_m"),
    ({"source": SOURCE, "pitch_m": 105}, 422, "pitch_m"),
    ({"source": SOURCE, "still_camera": "yes"}, 422, "still_camera"),
    ({"source": SOURCE, "homography": 5}, 422, "points or a matrix"),
    ({"source": SOURCE, "homography": {"points": LINE, "picture": [1280, 720]}}, 422, "line"),
    ({"source": SOURCE, "homography": {"points": LINE}}, 422, "line"),
    ({"source": SOURCE, "homography": {"points": GOOD, "picture": [640, 480]}}, 422, ""),
    ({"source": SOURCE, "homography": {"matrix": [0] * 9}}, 422, ""),
    ({"source": SOURCE, "homography": {"points": GOOD}, "target_fps": -1}, 422, "target_fps"),
]


@pytest.mark.parametrize("body,code,why", WRONG, ids=[str(i) for i in range(len(WRONG))])
def test_wrong_starts(server, body, code, why):
    body = {"kind": "football", "model_id": "drawn", "admission": "best_effort", **body}
    answer = server.post(START, json={k: v for k, v in body.items() if v is not None})
    assert answer.status_code == code, answer.text
    assert why in answer.json()["detail"], answer.text
    assert server.get(STREAMS).json()["streams"] == [], "nothing is left of it"


def test_start_with_all_there_is(clean, truth):
    server = clean
    marks = [{"name": m, "pitch": p} for m, p in (("centre", [52.5, 34]), ("near_circle", [52.5, 24.85]),
             ("far_circle", [52.5, 43.15]), ("left_circle", [43.35, 34]), ("right_circle", [61.65, 34]))]
    points = truth.points(0, marks, [1280, 720])
    assert len(points) >= 4
    made = start_match(server, source=SOURCE, target_fps=5, max_latency_ms=1500, tracker="pitch",
                       homography={"points": points}, teams=[{"name": "Lions", "color": "white"}, {"name": "Bears", "color": "#c02030"}])
    assert (made["target_fps"], made["max_latency_ms"], made["tracker"]) == (5, 1500, "pitch")
    with socket(server, f"/ws/view/{made['stream_id']}?render=client") as viewer:
        message, = results(viewer, 1)
    assert [s["name"] for s in message["teams"]["sides"]] == ["Lions", "Bears"] and message["pitch_m"]["known"]
    clash = server.post(START, json={"kind": "football", "source": SOURCE, "token": made["token"]})
    assert clash.status_code == 409
    for path in ("/football/" + made["stream_id"], made["calibrate_url"]):
        page = server.get(path)
        assert page.status_code == 200 and page.headers["Content-Type"].startswith("text/html")


def test_a_model_finds_the_players(start_server):
    """Without `drawn` the server's own model looks; the fake one finds what it finds."""
    server = start_server(model="fake:labels=box+kick+frame+other")
    source = "pattern:football?fps=10&size=640x360"
    refused = server.post(START, json={"kind": "football", "source": source, "admission": "best_effort"})
    assert refused.status_code == 422 and "player_labels" in refused.json()["detail"], refused.text
    made = start_match(server, source=source, model_id="", player_labels="box, man")
    assert made["model_id"] == "fake"
    with socket(server, f"/ws/view/{made['stream_id']}?render=client") as viewer:
        seen = results(viewer, 12)
    assert MEMBERS <= seen[0].keys() and seen[0]["detector"] in ("model", "weak")
    assert any(m["tracks"] for m in seen) and all(d["class"] == "box" for m in seen for d in m["detections"])
    assert server.stop() == 0


def test_the_threshold_is_that_of_the_model(start_server):
    """How sure people must be: as asked for, else as the settings have it for the model that looks for them."""
    server = start_server(model="fake:labels=person", config=
                          "models:\n  men: {path: 'fake:labels=person', conf: 0.4}\n  all: {path: 'fake:labels=person', conf: 0.1}\n"
                          "football: {player_model: men}\n")
    for body, conf in (({}, 0.4), ({"conf": 0.6}, 0.6), ({"model_id": "all"}, 0.1)):
        made = start_match(server, **{"source": "pattern:football?fps=10&size=640x360", "model_id": "", **body})
        stats = server.get(f"/api/camera/{made['token']}/stats").json()["processor_stats"]
        assert (stats["model_id"], stats["confidence_threshold"]) == (body.get("model_id", "men"), conf), body
        server.post(STOP, json={"stream_id": made["stream_id"]})
    assert server.stop() == 0


def test_the_pitch_is_found(clean):
    """A detector of keypoints, as the drawn match has one, needs no points of anybody."""
    id = start_match(clean, source=SOURCE, pitch_model_id="drawn")["stream_id"]
    clean.wait_for(lambda: clean.get(HOMOGRAPHY.format(id)).json()["known"], 20, "the view")


def test_pictures_with_and_without_boxes(clean):
    server = clean
    id = start_match(server, source=SOURCE)["stream_id"]
    server.wait_for(lambda: server.get(HOMOGRAPHY.format(id)).json()["picture"], 20, "a picture")
    drawn = server.get(f"/api/camera/{id}/latest.jpg")
    plain = server.get(f"/api/camera/{id}/latest.jpg?render=client")
    assert drawn.status_code == plain.status_code == 200
    assert decoded(plain.content).shape == decoded(drawn.content).shape == (720, 1280, 3)
    assert int(plain.headers["X-Frame-Id"]) >= 0 and int(drawn.headers["X-Frame-Id"]) >= 0
    assert server.get(f"/api/camera/{id}/latest.jpg?render=both").status_code == 422


def test_a_room_of_football_is_taken_by_a_camera(clean):
    """Who waits there for the match sees a camera of a browser then, and the room is one of football no more."""
    id = start_match(clean, source=SOURCE, token="taken")["stream_id"]
    with socket(clean, "/ws/view/taken?render=client") as viewer:
        results(viewer, 1)
        clean.post(STOP, json={"stream_id": id})
        with socket(clean, "/ws/camera/taken") as camera:
            send_pair(camera, 0, encode(np.zeros((48, 64, 3), np.uint8)), 64, 48)
            clean.wait_for(lambda: clean.get("/api/camera/taken/stats").json()["camera_connected"], 10, "the camera")
            for path in (HOMOGRAPHY.format("taken"), "/api/v1/realtime/football/taken/heatmap?team=first"):
                answer = clean.get(path)
                assert answer.status_code == 409 and answer.json()["code"] == "no_football", answer.text


def test_figures_of_a_match_that_ends(clean):
    id = start_match(clean, source=SOURCE + "&frames=40", pitch_model_id="drawn")["stream_id"]
    def ended():
        items = clean.get(STREAMS).json()["streams"]
        return items and items[0]["state"] == "ended"
    clean.wait_for(ended, 30, "the end")
    final = clean.post(STOP, json={"stream_id": id}).json()
    assert final["total_frames"] == 40 == final["delivered"] + sum(final["dropped"].values())
    people = final["football"]["people"]
    assert len(people) >= 8 and max(p["seen_s"] for p in people) > 2


def test_an_ended_match_is_stopped_beside_a_camera(clean):
    """A camera that came after it is nobody's stream to be stopped."""
    id = start_match(clean, source=SOURCE + "&frames=10", token="after")["stream_id"]
    clean.wait_for(lambda: clean.get(STREAMS).json()["streams"][0]["state"] == "ended", 30, "the end")
    with socket(clean, "/ws/camera/after") as camera:
        send_pair(camera, 0, encode(np.zeros((48, 64, 3), np.uint8)), 64, 48)
        final = clean.post(STOP, json={"stream_id": id}, timeout=5).json()
        assert final["total_frames"] == 10 and "people" in final["football"]
        assert clean.get("/api/camera/after/stats").json()["camera_connected"]


def test_camera_of_the_settings(start_server, truth, tmp_path):
    file = tmp_path / "camera.json"
    file.write_text('{"matrix": %s, "picture": [1280, 720]}' % truth.maps[0].tolist())
    server = start_server(config=f"cameras:\n  match: {{source: '{SOURCE}', kind: football, model: drawn, homography: '{file}'}}\n"
                                 "football: {teams: {Reds: red, Blues: blue}}\n")
    def opened():
        items = server.get(STREAMS).json()["streams"]
        return items and "model_id" in items[0] and items[0]
    item = server.wait_for(opened, 10, "the camera")
    assert (item["kind"], item["token"], item["max_latency_ms"], item["target_fps"]) == ("football", "match", 2000, 10)
    with socket(server, "/ws/view/match?render=client") as viewer:
        message, = results(viewer, 1)
    assert {s["name"] for s in message["teams"]["sides"]} == {"Reds", "Blues"}
    known = server.get(HOMOGRAPHY.format("match")).json()
    assert known["stream_id"] == item["stream_id"] and known["known"], "by the room's name too"
    file.write_text(server.get(HOMOGRAPHY.format("match")).text)  # what was asked for is a calibration itself
    again = start_server(config=f"cameras:\n  match: {{source: '{SOURCE}', kind: football, model: drawn, homography: '{file}'}}\n")
    again.wait_for(lambda: again.get(HOMOGRAPHY.format("match")).json().get("known"), 10, "the view of the file")
    assert server.get(HOMOGRAPHY.format(item["stream_id"])).json()["token"] == "match"
    assert server.stop() == again.stop() == 0


def test_roles(start_server):
    server = start_server("--auth", "on")
    admin = server.bearer()
    made = server.post(START, headers=admin, json={"kind": "football", "source": SOURCE, "model_id": "drawn", "token": "ground",
                                                   "admission": "best_effort"}).json()
    path = HOMOGRAPHY.format(made["stream_id"])
    view, other = (server.bearer(server.make_token("view", camera)["token"]) for camera in ("ground", "hall"))
    assert server.get(path).status_code == 401
    assert server.get(path, headers=view).status_code == 200, "the stream's id opens its room"
    assert server.get(path, headers=other).status_code == 403
    for method in ("PUT", "DELETE"):
        assert server.request(method, path, headers=view, json={"points": GOOD}).status_code == 403
    assert server.request("DELETE", path, headers=admin).status_code == 200
    heat = f"/api/v1/realtime/football/{made['stream_id']}/heatmap?team=first"
    assert [server.get(heat, headers=who).status_code for who in (None, other, view)] == [401, 403, 200]
    for who in (view, other):
        assert server.request("DELETE", "/api/camera/ground/crossings", headers=who).status_code == 403
    assert server.get(made["view_url"], headers=view).status_code == 200
    assert server.get(made["view_url"], headers=other).status_code == 403
    assert server.get(made["calibrate_url"], headers=view).status_code == 403
    assert server.stop() == 0


@pytest.mark.skipif(bool(SANITIZED), reason="sanitizers keep freed memory")
def test_memory_stays(start_server):
    server = start_server()
    id = start_match(server, source="pattern:football?fps=25&size=640x360", target_fps=25)["stream_id"]
    with socket(server, f"/ws/view/{id}?render=client") as viewer, socket(server, f"/ws/view/{id}") as drawn:
        def watch(seconds):
            until, count = time.monotonic() + seconds, 0
            while time.monotonic() < until:
                next_picture(drawn)
                count += len(results(viewer, 1))
            return count
        watch(15)
        before = memory(server)
        assert watch(60) > 100
        assert memory(server) - before < 4
    final = server.post(STOP).json()
    assert final["total_frames"] == final["delivered"] + final["failed"] + sum(final["dropped"].values())
