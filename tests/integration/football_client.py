"""Truth of `pattern:football`, as tests/media/write_football writes it, and clients of football streams."""
from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import BIN
from realtime import START

WRITER = BIN.parent / "tests/media/write_football"
HOMOGRAPHY = "/api/v1/realtime/football/{}/homography"


class Truth:
    """Of the first frames of one match; frames count from 0, as `frameNumber` does."""

    def __init__(self, source: str, frames: int, folder: Path):
        if not WRITER.exists():
            pytest.skip(f"{WRITER} is not built: make build")
        subprocess.run([WRITER, source, str(frames), folder], check=True, capture_output=True, timeout=240)
        rows = [line.replace(",", " ").split() for line in (folder / "H.txt").read_text().splitlines()]
        self.maps = [np.array([float(n) for n in row[1:]]).reshape(3, 3) for row in rows]
        self.people: list[dict[int, np.ndarray]] = [{} for _ in rows]
        self.boxes: list[dict[int, np.ndarray]] = [{} for _ in rows]
        for line in (folder / "pitch.txt").read_text().splitlines():
            frame, name, x, y, *_ = line.split(",")
            self.people[int(frame) - 1][int(name)] = np.array([float(x), float(y)])
        for line in (folder / "gt/gt.txt").read_text().splitlines():
            frame, name, x, y, w, h, *_ = line.split(",")
            box = np.array([float(x), float(y), float(w), float(h)])
            self.boxes[int(frame) - 1][int(name)] = box
        self.teams = {}
        for line in (folder / "people.txt").read_text().splitlines():
            name, team, *_ = line.split(",")
            self.teams[int(name)] = int(team)
        self.balls = []
        for line in (folder / "ball_gt.txt").read_text().splitlines():
            self.balls.append(np.array([float(n) for n in line.split(",")[1:]]))

    def points(self, frame: int, landmarks: list[dict], picture: list[int]) -> list[dict]:
        """The landmarks that frame shows."""
        found = []
        for mark in landmarks:
            u, v, w = self.maps[frame] @ [*mark["pitch"], 1]
            if w > 0 and 0 <= u / w < picture[0] and 0 <= v / w < picture[1]:
                found.append({"image": [u / w, v / w], "pitch": mark["name"]})
        return found

    def nearest(self, frame: int, box: list[float]) -> int | None:
        """Who fills most of a box, if anybody clearly does: both ways more than half."""
        best, most = None, 0.5
        x1, y1, x2, y2 = box
        for name, (x, y, w, h) in self.boxes[frame].items():
            inner = max(0, min(x2, x + w) - max(x1, x)) * max(0, min(y2, y + h) - max(y1, y))
            share = inner / (w * h + (x2 - x1) * (y2 - y1) - inner)
            if share > most:
                best, most = name, share
        return best


def start_match(server, **body) -> dict:
    answer = server.post(START, json={"kind": "football", "model_id": "drawn", "admission": "best_effort", **body})
    assert answer.status_code == 201, answer.text
    return answer.json()


def calibrate(server, stream_id: str, truth: Truth, **more) -> dict:
    """By the truth of the picture that latest.jpg shows now."""
    still = server.get(f"/api/camera/{stream_id}/latest.jpg?render=client")
    assert still.status_code == 200, still.text
    frame = int(still.headers["X-Frame-Id"])
    known = server.get(HOMOGRAPHY.format(stream_id)).json()
    points = truth.points(frame, known["landmarks"], known["picture"])
    answer = server.request("PUT", HOMOGRAPHY.format(stream_id), json={"points": points, "frame_id": frame, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()
