"""The drawn match for the browser tests: a running stream of it, and its truth from `write_football`."""
from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from conftest import BINARY

SIZE = (1280, 720)
SOURCE = f"pattern:football?fps=10&size={SIZE[0]}x{SIZE[1]}"
FRAMES = 1500
# A spread of points in metres by the Laws of the Game: what the page calls them, and where they are on 105 x 68 m.
LANDMARKS = {
    "left_far_corner": (0, 68), "left_near_corner": (0, 0), "right_far_corner": (105, 68), "right_near_corner": (105, 0),
    "near_halfway": (52.5, 0), "far_halfway": (52.5, 68), "left_circle": (43.35, 34), "right_circle": (61.65, 34),
    "near_circle": (52.5, 24.85), "far_circle": (52.5, 43.15),
    "left_far_penalty_area_corner": (16.5, 54.16), "left_near_penalty_area_corner": (16.5, 13.84),
    "right_far_penalty_area_corner": (88.5, 54.16), "right_near_penalty_area_corner": (88.5, 13.84),
    "left_far_penalty_area_end": (0, 54.16), "right_far_penalty_area_end": (105, 54.16),
    "left_far_goal_area_corner": (5.5, 43.16), "right_far_goal_area_corner": (99.5, 43.16),
    "left_arc": (20.15, 34), "right_arc": (84.85, 34), "left_penalty_spot": (11, 34), "right_penalty_spot": (94, 34),
}


class Truth:
    """Of every frame: the map from metres to px, and who stands where."""

    def __init__(self, folder: Path):
        self.maps = np.loadtxt(folder / "H.txt")[:, 1:].reshape(-1, 3, 3)
        self.places = np.loadtxt(folder / "pitch.txt", delimiter=",")

    def px(self, frame: int, places) -> np.ndarray:
        """Px of places on the ground; nan behind the camera."""
        u, v, w = self.maps[frame] @ np.c_[np.asarray(places, float), np.ones(len(places))].T
        return np.where(w > 0, [u / w, v / w], np.nan).T

    def people(self, frame: int) -> np.ndarray:
        return self.places[self.places[:, 0] == frame + 1][:, 2:4]

    def landmarks(self, frame: int, count: int) -> dict[str, np.ndarray]:
        """Names and px of `count` that are in the picture, far apart from each other, the first four not on a line."""
        names = list(LANDMARKS)
        px = self.px(frame, list(LANDMARKS.values()))
        seen = [i for i in range(len(names)) if 8 < px[i, 0] < SIZE[0] - 8 and 8 < px[i, 1] < SIZE[1] - 8]
        order = [min(seen, key=lambda i: px[i, 0])]
        while len(order) < min(count, len(seen)):
            order.append(max((i for i in seen if i not in order), key=lambda i: min(np.hypot(*(px[i] - px[o])) for o in order)))
        return {names[i]: px[i] for i in order}


@pytest.fixture(scope="session")
def truth(tmp_path_factory) -> Truth:
    program = BINARY.parent / "tests/media/write_football"
    if not program.exists():
        pytest.skip(f"{program} is not built: make build")
    folder = tmp_path_factory.mktemp("truth")
    subprocess.run([str(program), SOURCE, str(FRAMES), str(folder)], check=True)
    return Truth(folder)


def call(server, method: str, path: str, body=None):
    """JSON of an answer, (status, JSON) of a problem."""
    request = urllib.request.Request(server.url + path, method=method, data=None if body is None else json.dumps(body).encode(),
                                     headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as problem:
        return problem.code, json.load(problem)


def homography(server, room="match"):
    return call(server, "GET", f"/api/v1/realtime/football/{room}/homography")


def server_ready(server) -> None:
    """Waits until its model is loaded: before that no stream can be started."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"{server.url}/readyz", timeout=10).close()
            return
        except urllib.error.HTTPError:
            time.sleep(0.1)
    raise AssertionError("the model was not loaded within 20 s")


def start(server, source=SOURCE, **more) -> dict:
    """Starts the stream `match` of the drawn match with the detector that needs no model, and waits for its first result."""
    body = {"kind": "football", "source": source, "token": "match", "model_id": "drawn", "admission": "best_effort", **more}
    server_ready(server)
    stream = call(server, "POST", "/api/v1/realtime/video/start-stream", body)
    assert isinstance(stream, dict), stream
    end = time.monotonic() + 15
    while time.monotonic() < end:
        state = homography(server)
        if isinstance(state, dict) and state["frame_id"] is not None:
            return stream
        time.sleep(0.1)
    raise AssertionError(state)


def calibrate(server, truth: Truth) -> int:
    """Sets the true view of the newest frame; gives its number."""
    frame = homography(server)["frame_id"]
    told = call(server, "PUT", "/api/v1/realtime/football/match/homography",
                {"matrix": truth.maps[frame].tolist(), "picture": list(SIZE), "frame_id": frame})
    assert isinstance(told, dict) and told["known"], told
    return frame
