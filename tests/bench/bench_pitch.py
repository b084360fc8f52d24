#!/usr/bin/env python3
"""Views of a pitch from keypoints that a network found in pictures of the World Cup 2014, beside cv2.findHomography.

    bench_pitch.py [--points]

Truth is drawn by people: homographies of the same pictures. Score: the part of the pitch that is in the picture, by the
truth and by the view, intersection over union (mean, median, worst). Both get the same points, those with a score above 0.3, and weigh them alike.
--points prints a line for each picture. Needs FOVEA_TEST_DATA (default ../shared/data); ends with 77 when it is not there.
"""
import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("FOVEA_TEST_DATA") or ROOT.parent / "shared/data")
VIEWS = Path(os.environ.get("FOVEA_BUILD", ROOT / "build")) / "tests/bench/pitch_views"
WIDTH, HEIGHT, SURE = 1280, 720, 0.3
YARD, LENGTH, ACROSS = 0.9144, 115, 74.37  # metres; yards
CELLS = 4  # a yard


def load():
    """(picture, points in px, in metres, true map metres to px) of all pictures."""
    folder = DATA / "football/homography"
    if not folder.exists():
        print(f"no test data in {DATA}: nothing measured")
        sys.exit(77)
    world = json.loads((DATA / "refs/wc14_keypoint_world_and_fit.json").read_text())["world"]
    found = json.loads((folder / "wc14_pred_keypoints.json").read_text())
    truth = json.loads((folder / "wc14_test_homography.json").read_text())["images"]
    # Yards with y from the far touch line to metres with y from the near one, and back.
    to_yards = np.array([[1 / YARD, 0, 0], [0, -1 / YARD, ACROSS], [0, 0, 1]])
    for picture in sorted(set(found) & set(truth), key=int):
        rows = [(p["x"] * WIDTH, p["y"] * HEIGHT, world[key][0] * YARD, (ACROSS - world[key][1]) * YARD)
                for key, p in found[picture][0].items() if key in world and p["p"] > SURE]
        rows = np.array(rows).reshape(-1, 4)
        yield picture, rows[:, :2], rows[:, 2:4], np.array(truth[picture]) @ to_yards


def visible(matrix):
    """Which cells of the pitch are in the picture."""
    x, y = np.meshgrid((np.arange(LENGTH * CELLS) + 0.5) / CELLS * YARD, (np.arange(int(ACROSS * CELLS) + 1) + 0.5) / CELLS * YARD)
    facing = -np.sign(np.linalg.det(matrix)) * np.asarray(matrix)  # w is above 0 in front of the camera
    u, v, w = facing @ np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
    return (w > 0) & (u >= 0) & (u < WIDTH * w) & (v >= 0) & (v < HEIGHT * w)


def likeness(matrix, truth):
    if matrix is None:
        return 0.0
    a, b = visible(matrix), visible(truth)
    return (a & b).sum() / max((a | b).sum(), 1)


def mean_likeness(views, cases):
    return float(np.mean([likeness(view, case[3]) for view, case in zip(views, cases)]))


def ours(cases, flags):
    """Maps and microseconds of fovea's views; flags as pitch_views.c has them."""
    lines = []
    for _, px, metres, _ in cases:
        numbers = np.c_[px, metres, np.ones(len(px))].ravel()
        lines.append(f"{WIDTH} {HEIGHT} {flags | 4} {len(px)} {LENGTH * YARD:.4f} {ACROSS * YARD:.4f} " + " ".join(f"{n:.9g}" for n in numbers))
    out = subprocess.run([str(VIEWS)], input="\n".join(lines) + "\n", stdout=subprocess.PIPE, text=True, check=True).stdout
    views, times = [], []
    for line in out.splitlines():
        words = line.split()
        views.append(None if words[0] == "-" else np.array(words[:9], float).reshape(3, 3))
        times += [] if words[0] == "-" else [float(words[12])]
    return views, times


def opencv(cases):
    views, times = [], []
    for _, px, metres, _ in cases:
        start = time.perf_counter()
        views.append(cv2.findHomography(metres, px, cv2.RANSAC, 10)[0] if len(px) >= 4 else None)
        times.append((time.perf_counter() - start) * 1e6)
    return views, times


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--points", action="store_true", help="a line for each picture")
    options = parser.parse_args()
    cases = list(load())
    rows = {"cv2.findHomography, RANSAC 10 px": opencv(cases), "fovea": ours(cases, 0), "fovea, a camera": ours(cases, 2)}
    print("| view from keypoints | pictures | refused | mean IoU | median | worst | us a picture (median) |\n|---|---|---|---|---|---|---|")
    scored = {}
    for name, (views, times) in rows.items():
        scored[name] = np.array([likeness(view, case[3]) for view, case in zip(views, cases)])
        print(f"| {name} | {len(cases)} | {sum(v is None for v in views)} | {scored[name].mean():.4f} | {np.median(scored[name]):.4f} | "
              f"{scored[name].min():.3f} | {np.median(times):.0f} |")
    for i, case in enumerate(cases if options.points else []):
        print(case[0], len(case[1]), " ".join(f"{of[i]:.4f}" for of in scored.values()))


if __name__ == "__main__":
    main()
