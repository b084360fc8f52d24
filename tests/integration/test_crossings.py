"""Lines that tracks cross, on a real stream: walkers of known ways, a model that finds them by their colour, and counts of
crossings that must be those of the ways."""
from __future__ import annotations

import math
import time

import numpy as np
import pytest
from oip_server import OipServer, StandIn
from realtime import START, STATS, encode, send_pair, socket
from test_alerts import events, put
from test_webhooks import Receiver

WIDTH, HEIGHT = 320, 240
TALL, WIDE = 40, 24
COLOURS = {"red": (230, 20, 20), "green": (20, 230, 20), "blue": (20, 20, 230), "yellow": (230, 230, 20), "white": (240, 240, 240)}
KIND = {"red": "walker", "green": "walker", "blue": "walker", "yellow": "cart", "white": "walker"}
LINE_X = 160


class ByColour(StandIn):
    """A detector that is right: the box around each colour of walkers."""
    labels = "background walker cart"

    def description(self, fault):
        return {"inputs": [{"name": "image", "datatype": "UINT8", "shape": [1, HEIGHT, WIDTH, 3]}],
                "outputs": [{"name": "boxes", "datatype": "FP32", "shape": [1, 16, 4]},
                            {"name": "scores", "datatype": "FP32", "shape": [1, 16, 3]}]}

    def run(self, inputs):
        bright = inputs["image"].reshape(HEIGHT, WIDTH, 3) > 128
        codes = bright[..., 0] * 4 + bright[..., 1] * 2 + bright[..., 2] * np.uint8(1)
        boxes, scores = np.zeros((1, 16, 4), np.float32), np.zeros((1, 16, 3), np.float32)
        for i, (name, colour) in enumerate(COLOURS.items()):
            here = codes == sum(bit for bit, value in zip((4, 2, 1), colour) if value > 128)
            ys, xs = np.nonzero(here.sum(axis=1) > WIDE // 3)[0], np.nonzero(here.sum(axis=0) > TALL // 3)[0]
            if len(xs) > 0 and len(ys) > 0:
                boxes[0, i] = [ys[0] / HEIGHT, xs[0] / WIDTH, (ys[-1] + 1) / HEIGHT, (xs[-1] + 1) / WIDTH]
                scores[0, i, 1 if KIND[name] == "walker" else 2] = 0.9
        return {"boxes": boxes, "scores": scores}


def swing(low, high, period, start=0.0):
    """To and fro between two places, at one pace."""
    def at(k):
        phase = (k / period + start) % 1
        return low + (high - low) * (2 * phase if phase < 0.5 else 2 - 2 * phase)
    return at


def dawdle(k):
    """Up to the line, trembling on it, over it, and on."""
    return 100 + 2 * min(k, 30) + 2 * max(0, k - 90)


# name: x of the foot in picture k, y of the foot. The line is from (160, 200) to (160, 20): right of it is right in the picture.
WAYS = {
    "red": (swing(60, 260, 100), 60),
    "green": (dawdle, 110),
    "blue": (swing(40, LINE_X - 10, 60), 150),  # turns before the line
    "yellow": (swing(80, 230, 120, 0.5), 198),
    "white": (swing(60, 260, 90, 0.25), 236),  # beyond the line's end
}
PICTURES = 260
TREMBLE = (0, 1, 3, -1, -3, 2, 0, -2)  # px; less than a tenth of the height


def feet(k):
    return {name: (round(way(k)) + TREMBLE[(k + 3 * i) % 8] * (name == "green"), y) for i, (name, (way, y)) in enumerate(WAYS.items())}


def picture(k) -> bytes:
    pixels = np.full((HEIGHT, WIDTH, 3), 70, np.uint8)
    for name, (x, y) in feet(k).items():
        pixels[y - TALL:y, max(0, x - WIDE // 2):x + WIDE // 2] = COLOURS[name]
    return encode(pixels, quality=95)


def truth():
    """What crosses, by the ways alone: {kind: [in, out]}."""
    counts = {"walker": [0, 0], "cart": [0, 0]}
    for name, (way, y) in WAYS.items():
        if not 20 <= y <= 200:
            continue
        sides = [math.copysign(1, way(k) - LINE_X) for k in range(PICTURES - 6) if abs(way(k) - LINE_X) > 5]
        for before, after in zip(sides, sides[1:]):
            if before != after:
                counts[KIND[name]][0 if after > 0 else 1] += 1
    return counts


CONFIG = """
cameras:
  gate:
    tracker: botsort
    pin: {fps: 30}
    zones: {way: {line: [[0.5, 0.8333333], [0.5, 0.0833333]]}, other: {line: [[0, 0], [0.05, 0]]}, left: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}
  yard:
    zones: {way: {line: [[0, 0.5], [1, 0.5]]}}
alerts:
  - {name: all, zone: way, webhook: "URL/"}
  - {name: walkers in, zone: way, class: walker, direction: in}
  - {name: carts out, zone: way, class: cart, direction: out}
  - {name: sure, zone: way, min_confidence: 0.95}
  - {name: seldom, zone: way, cooldown: 600}
  - {name: at the left, zone: left, camera: gate}
"""


@pytest.fixture(scope="module")
def receiver():
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(scope="module")
def gate(start_server, receiver):
    model = OipServer(ByColour())
    yield start_server(config=CONFIG.replace("URL", receiver.url), model=model.address())
    model.stop()


@pytest.fixture(scope="module")
def walked(gate):
    """All pictures were sent, none long before the one before it was worked off: a slow machine has a slow day."""
    def done() -> int:
        now = stats(gate)
        return now["delivered"] + sum(now["drops"].values())

    with socket(gate, "/ws/camera/gate?max_latency_ms=0&order=fifo") as ws:
        for k in range(PICTURES):
            send_pair(ws, k, picture(k), WIDTH, HEIGHT)
            time.sleep(0.045)
            gate.wait_for(lambda k=k: done() >= k - 1, 15, "a result")
        gate.wait_for(lambda: done() >= PICTURES, 15, "all pictures")
        yield gate


def stats(server, camera="gate"):
    return server.get(f"/api/camera/{camera}/stats").json()


def line(server, name="way", camera="gate"):
    return next(one for one in stats(server, camera)["lines"] if one["line"] == name)


def of_rule(server, name):
    return [e for e in events(server, stream="gate", type="alert", limit=1000) if e["rule"] == name]


def test_counts_are_those_of_the_ways(walked):
    counts = truth()
    assert counts == {"walker": [4, 2], "cart": [2, 2]}, "the ways of this test"
    way = line(walked)
    assert way["by_class"] == {kind: {"in": i, "out": o} for kind, (i, o) in counts.items()}
    assert (way["in"], way["out"]) == (6, 4) and way["state"] == "active"
    assert abs(way["since"] - time.time() * 1000) < 120_000
    assert (line(walked, "other")["in"], line(walked, "other")["out"], line(walked, "other")["by_class"]) == (0, 0, {})
    assert "fovea_crossings_total 10" in walked.get("/metrics").text
    assert walked.get(STATS, params={"stream_id": "gate"}).json()["lines"] == stats(walked)["lines"]


def test_each_crossing_is_an_alert(walked):
    walked.wait_for(lambda: len(of_rule(walked, "all")) == 10)
    found = of_rule(walked, "all")
    assert sorted((e["class"], e["direction"]) for e in found) == sorted(
        [("walker", "in")] * 4 + [("walker", "out")] * 2 + [("cart", "in")] * 2 + [("cart", "out")] * 2)
    for e in found:
        assert e["state"] == "crossed" and e["line"] == e["zone"] == "way" and e["track_id"] >= 1
        assert 0.85 < e["confidence"] <= 1 and abs(e["at"] - time.time() * 1000) < 120_000
        middle = (e["box"][0] + e["box"][2]) / 2
        assert 0 <= (middle - LINE_X) * (1 if e["direction"] == "in" else -1) < 40, "where it first stood beyond"
        x, y = min(feet(e["frameNumber"]).values(), key=lambda p: abs(p[0] - middle) + abs(p[1] - e["box"][3]))
        assert abs(x - middle) < 4 and abs(y - e["box"][3]) < 4, "the picture in which it did"
    assert len({e["alert_id"] for e in found}) == 10


def test_rules_choose(walked):
    walked.wait_for(lambda: len(of_rule(walked, "walkers in")) == 4)
    assert {(e["class"], e["direction"]) for e in of_rule(walked, "walkers in")} == {("walker", "in")}
    assert [(e["class"], e["direction"]) for e in of_rule(walked, "carts out")] == [("cart", "out")] * 2
    assert of_rule(walked, "sure") == []
    assert len(of_rule(walked, "seldom")) == 1
    assert [e["state"] for e in of_rule(walked, "at the left")][:1] == ["raised"]


def test_webhooks_get_them(walked, receiver):
    walked.wait_for(lambda: len(receiver.got) == 10)
    stored = {e["alert_id"]: e for e in of_rule(walked, "all")}
    sent = receiver.alerts()
    assert {e["alert_id"]: e for e in sent} == stored
    assert {"type", "line", "direction", "track_id", "class", "confidence", "at", "stream", "rule"} <= sent[0].keys()


def test_counting_anew(walked):
    assert walked.request("DELETE", "/api/camera/gate/crossings", params={"line": "none"}).status_code == 404
    assert walked.request("DELETE", "/api/camera/gate/crossings", params={"line": "left"}).status_code == 404, "no line"
    before = line(walked)
    assert walked.request("DELETE", "/api/camera/gate/crossings", params={"line": "other"}).status_code == 200
    assert line(walked) == before and line(walked, "other")["since"] > before["since"]
    answer = walked.request("DELETE", "/api/camera/gate/crossings")
    assert answer.status_code == 200 and answer.json()["lines"] == stats(walked)["lines"]
    way = line(walked)
    assert (way["in"], way["out"], way["by_class"]) == (0, 0, {}) and abs(way["since"] - time.time() * 1000) < 10_000


# --- streams with and without a tracker ---------------------------------------------------------------------------

def states(server, camera):
    answer = server.get(f"/api/camera/{camera}/zones").json()
    return ({z["name"]: z["state"] for z in answer["zones"]}, {r["name"]: (r["state"], r.get("direction")) for r in answer["rules"]})


def test_a_line_needs_a_tracker(gate):
    assert states(gate, "yard") == ({"way": "needs_tracker"}, {n: ("needs_tracker", d) for n, d in (
        ("all", "both"), ("walkers in", "in"), ("carts out", "out"), ("sure", "both"), ("seldom", "both"))})
    assert "alerts[0].zone: way is a line, and camera yard has no tracker" not in gate.log  # it is one of gate, too
    with socket(gate, "/ws/camera/yard?tracker=bytetrack"):
        gate.wait_for(lambda: states(gate, "yard")[0] == {"way": "active"})
    with socket(gate, "/ws/camera/yard"):
        gate.wait_for(lambda: states(gate, "yard")[0] == {"way": "needs_tracker"})
    zones, rules = states(gate, "gate")
    assert zones == {"way": "active", "other": "active", "left": "active"}
    assert rules["all"] == ("active", "both") and rules["at the left"] == ("active", None)


def test_a_started_stream_counts_lines_that_are_drawn(gate):
    """Lines drawn while it runs are counted at once: its shapes have colours that the model knows."""
    made = gate.post(START, json={"source": "pattern:", "token": "drawn", "tracker": "ocsort", "admission": "best_effort"})
    assert made.status_code == 201
    assert put(gate, "drawn", [{"name": "l", "kind": "line", "points": [[0.5, 0], [0.5, 1]]}]).status_code == 200
    assert states(gate, "drawn")[0] == {"l": "active"}
    assert [(one["line"], one["state"]) for one in stats(gate, "drawn")["lines"]] == [("l", "active")]
    gate.wait_for(lambda: line(gate, "l", "drawn")["in"] + line(gate, "l", "drawn")["out"] > 0, 30, "a crossing")
    lines = gate.get(STATS, params={"stream_id": made.json()["stream_id"]}).json()["lines"]
    assert [one["line"] for one in lines] == ["l"]
    assert "lines" not in gate.get(STATS).json()


# --- zones in metres -----------------------------------------------------------------------------------------------

def test_metres_need_a_view_of_the_pitch(gate):
    box = {"name": "box", "space": "pitch_m", "points": [[0, 13.84], [16.5, 13.84], [16.5, 54.16], [0, 54.16]]}
    goal = {"name": "goal", "kind": "line", "space": "pitch_m", "points": [[0, 30.34], [0, 37.66]]}
    answer = put(gate, "field", [box, goal]).json()
    assert [(z["name"], z["space"], z["state"]) for z in answer["zones"]] == [
        ("box", "pitch_m", "needs_homography"), ("goal", "pitch_m", "needs_tracker")]
    assert [z["points"] for z in answer["zones"]] == [box["points"], goal["points"]]
    with socket(gate, "/ws/camera/field?tracker=bytetrack") as ws:
        send_pair(ws, 0, picture(0), WIDTH, HEIGHT)
        gate.wait_for(lambda: states(gate, "field")[0] == {"box": "needs_homography", "goal": "needs_homography"})
    for bad in ([[0, 0], [171, 0]], [[0, 0], [0, -20.5]]):
        refused = put(gate, "field", [{**goal, "points": bad}])
        assert refused.status_code == 422 and "metres, -20 to 170" in refused.json()["detail"]
    assert put(gate, "field", [{**goal, "space": "feet"}]).status_code == 422
