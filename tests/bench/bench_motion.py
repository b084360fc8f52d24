#!/usr/bin/env python3
"""How far camera motion is off, beside OpenCV's usual chain on pictures of the same size. Prints Markdown.

    bench_motion.py BENCH_MOTION [--frames 60] [--data FOLDER]

BENCH_MOTION is the compiled program of that name. Truth: video/vtest.avi stands still; clips made of stills move as they
were made to. OpenCV: goodFeaturesToTrack, calcOpticalFlowPyrLK and estimateAffinePartial2D (findHomography for the last
part) with the parameters that trackers use. An error is how far the farthest corner of the picture is off, in px of a
picture 320 px wide.
"""
import argparse
import os
import struct
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
SIDE, GOAL_PX = 320, 0.5
KINDS = ["none", "similarity", "homography"]


# --- both ways --------------------------------------------------------------------------------------------------

def ours(program, frames, boxes, homography=False):
    """[(map, kind, ms)] of each frame but the first, by the compiled program."""
    height, width = frames[0].shape
    with subprocess.Popen([program, "stream", str(width), str(height), "homography" if homography else "similarity"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        lines = []
        for frame, own in zip(frames, boxes):
            process.stdin.write(struct.pack("<i", len(own)) + np.asarray(own, "<f4").tobytes() + frame.tobytes())
            process.stdin.flush()
            lines.append(process.stdout.readline().split())
        process.stdin.close()
    return [(np.array(line[3:12], float).reshape(3, 3), KINDS[int(line[0])], float(line[12])) for line in lines[1:]]


class Reference:
    """The chain of BoT-SORT and its relatives: sparse optical flow and a similarity by RANSAC."""

    def __init__(self, homography=False):
        self.homography, self.before, self.points = homography, None, None

    def update(self, frame, boxes):
        height, width = frame.shape
        factor = max(1, int(max(width, height) / SIDE + 0.5))
        small = cv2.resize(frame, (width // factor, height // factor), interpolation=cv2.INTER_AREA)
        mask = np.full(small.shape, 255, np.uint8)
        for x1, y1, x2, y2 in boxes:
            grow = (x2 - x1) / 10, (y2 - y1) / 10
            mask[max(0, int((y1 - grow[1]) / factor)):int((y2 + grow[1]) / factor) + 1,
                 max(0, int((x1 - grow[0]) / factor)):int((x2 + grow[0]) / factor) + 1] = 0
        found = self.follow(small) if self.points is not None and len(self.points) >= 4 else None
        self.before = small
        self.points = cv2.goodFeaturesToTrack(small, 1000, 0.01, 1, mask=mask, blockSize=3)
        if found is None:
            return np.eye(3), "none"
        to_source = np.array([[factor, 0, (factor - 1) / 2], [0, factor, (factor - 1) / 2], [0, 0, 1]])
        centre = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # OpenCV's px are centres, ours areas
        to_source = centre @ to_source
        return to_source @ found @ np.linalg.inv(to_source), "similarity"

    def follow(self, small):
        points, status, _ = cv2.calcOpticalFlowPyrLK(self.before, small, self.points, None)
        good = status.ravel() == 1
        if good.sum() < 5:
            return None
        if self.homography:
            return cv2.findHomography(self.points[good], points[good], cv2.RANSAC, 3)[0]
        found = cv2.estimateAffinePartial2D(self.points[good], points[good], method=cv2.RANSAC)[0]
        return None if found is None else np.vstack([found, [0, 0, 1]])


def reference(frames, boxes, homography=False):
    chain, out = Reference(homography), []
    for frame, own in zip(frames, boxes):
        begun = time.thread_time()
        found = chain.update(frame, own)
        out.append((*found, (time.thread_time() - begun) * 1e3))
    return out[1:]


# --- errors -----------------------------------------------------------------------------------------------------

def corners(shape, m):
    height, width = shape
    p = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]]) @ m.T
    return p[:, :2] / p[:, 2:]


def errors(frames, truths, found):
    shape = frames[0].shape
    return np.array([np.linalg.norm(corners(shape, m) - corners(shape, truth), axis=1).max() for truth, (m, _, _) in
                     zip(truths, found)]) * SIDE / max(shape)


def table_row(name, frames, boxes, truths, program, homography=False):
    """A row of clips one behind the other. A truth of None is the cut between two of them, where the answer is to be none;
    it counts as nothing else. Gives the 95 % quantiles of both ways."""
    both = [ours(program, frames, boxes, homography), reference(frames, boxes, homography)]
    cuts = [sum(found[i][1] != "none" for i, truth in enumerate(truths) if truth is None) for found in both]
    keep = [i for i, truth in enumerate(truths) if truth is not None]
    cells, quantiles = [], []
    for found, taken in zip(both, cuts):
        found = [found[i] for i in keep]
        off = errors(frames, [truths[i] for i in keep], found)
        quantiles.append(np.quantile(off, 0.95))
        cells.append(f"{np.median(off):.3f} / {quantiles[-1]:.3f} / {off.max():.2f} | "
                     f"{sum(kind == 'none' for _, kind, _ in found)} | {taken} of {len(truths) - len(keep)} | "
                     f"{np.median([ms for _, _, ms in found]):.2f}")
    print(f"| {name} | {len(keep)} | " + " | ".join(cells) + " |", flush=True)
    return quantiles


# --- the camera that stands still -------------------------------------------------------------------------------

def people(path):
    """Boxes of each frame, from 1, of a MOT file of detections."""
    out = {}
    for line in path.read_text().splitlines():
        number, _, x, y, w, h, score = [float(v) for v in line.split(",")[:7]]
        if score > 0.3:
            out.setdefault(int(number), []).append((x, y, x + w, y + h))
    return out


def still_camera(data, program, most):
    video, frames = cv2.VideoCapture(str(data / "video/vtest.avi")), []
    while len(frames) < most:
        ok, frame = video.read()
        if not ok:
            break
        frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY))
    known = people(data / "tracking/MOT15/PETS09-S2L1/det/det.txt")
    truths = [np.eye(3)] * (len(frames) - 1)
    boxes = [known.get(i + 1, []) for i in range(len(frames))]
    return [table_row("vtest.avi, people left out", frames, boxes, truths, program),
            table_row("vtest.avi, nothing left out", frames, [[]] * len(frames), truths, program)]


# --- clips made of stills ---------------------------------------------------------------------------------------

def look(still, size, x, y, turn, zoom, bend=(0, 0)):
    """The map from the still to a picture of this size whose middle shows the point (x, y), parts of the still."""
    height, width = still.shape[:2]
    a, b = zoom * np.cos(turn), zoom * np.sin(turn)
    centred = np.array([[1, 0, -x * width], [0, 1, -y * height], [0, 0, 1]])
    turned = np.array([[a, -b, 0], [b, a, 0], [bend[0], bend[1], 1]])
    return np.array([[1, 0, size[0] / 2], [0, 1, size[1] / 2], [0, 0, 1]]) @ turned @ centred


def path_of(kind, t):
    """x, y, turn, zoom and bend of a clip at t = 0..1: at most 9 px a frame of 60 in a picture 320 px wide."""
    wave = np.sin(2 * np.pi * t)
    return {"pan": (0.5 + 0.12 * wave, 0.5, 0, 1, (0, 0)),
            "tilt and turn": (0.5, 0.5 + 0.06 * wave, 0.12 * np.sin(4 * np.pi * t), 1, (0, 0)),
            "zoom": (0.5, 0.5, 0, 1.25 + 0.25 * wave, (0, 0)),
            "all at once": (0.5 + 0.1 * wave, 0.5 + 0.04 * np.cos(2 * np.pi * t), 0.05 * wave, 1.15 + 0.15 * np.cos(4 * np.pi * t), (0, 0)),
            "perspective": (0.5 + 0.1 * wave, 0.5, 0.02 * wave, 1, (2.5e-4 * np.sin(4 * np.pi * t), 2e-4 * np.cos(4 * np.pi * t)))}[kind]


def add_disturbers(frame, other, t, random):
    """Patches of another still that cover a fifth of the picture and go their own ways."""
    height, width = frame.shape
    side = int(np.sqrt(0.2 * height * width / 8))
    for i in range(8):
        x = (random[i][0] + t * random[i][2] * 3) % 1 * (width - side)  # at most a twentieth of the picture a frame
        y = (random[i][1] + t * random[i][3] * 3) % 1 * (height - side)
        top, left = int(random[i][0] * (other.shape[0] - side)), int(random[i][1] * (other.shape[1] - side))
        frame[int(y):int(y) + side, int(x):int(x) + side] = other[top:top + side, left:left + side]


def clip(still, other, kind, count, disturbed):
    """Frames and the true map from each to the next."""
    random = np.random.default_rng(7)
    size = (960, 540)
    base = 1.35 * max(size[0] / still.shape[1], size[1] / still.shape[0])
    ways = random.uniform(0, 1, (8, 4))
    noise = random.normal(0, 3, (8, size[1], size[0])).astype(np.float32)
    maps, frames = [], []
    for i in range(count):
        x, y, turn, zoom, bend = path_of(kind, i / count)
        maps.append(look(still, size, x, y, turn, zoom * base, bend))
        centre = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
        frame = cv2.warpPerspective(still, np.linalg.inv(centre) @ maps[-1] @ centre, size, flags=cv2.INTER_CUBIC,
                                    borderMode=cv2.BORDER_REFLECT)
        if disturbed:
            add_disturbers(frame, other, i / count, ways)
        frames.append(np.clip(frame + noise[i % 8], 0, 255).astype(np.uint8))
    return frames, [b @ np.linalg.inv(a) for a, b in zip(maps, maps[1:])]


def stills(data):
    paths = [data / "football/stills" / name for name in ("sccvsd_16.jpg", "world_cup_2006.png", "world_cup_2018.png")]
    paths += [data / "images" / name for name in ("bus.jpg", "busstop.jpg", "dog.jpg", "kite_and_cold.jpg", "zidane.jpg")]
    return [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in paths if path.exists()]


def moving_camera(data, program, count):
    pictures, out = stills(data), []
    for kind in ("pan", "tilt and turn", "zoom", "all at once", "perspective"):
        for disturbed in (False, True):
            frames, truths = [], []
            for still, other in zip(pictures, pictures[1:] + pictures[:1]):
                made = clip(still, other, kind, count, disturbed)
                frames += made[0]
                truths += made[1] + [None]
            name = f"{len(pictures)} stills, {kind}" + (", a fifth disturbed" if disturbed else "")
            out.append(table_row(name, frames, [[]] * len(frames), truths[:-1], program, kind == "perspective"))
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program", type=Path)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("FOVEA_TEST_DATA") or ROOT.parent / "shared/data"))
    options = parser.parse_args()
    if not (options.data / "video/vtest.avi").exists():
        print(f"no test data in {options.data}: nothing measured")
        sys.exit(77)
    cv2.setNumThreads(1)
    print(f"One thread each. Off: p50 / p95 / most, px at {SIDE} px width (goal: p95 at most {GOAL_PX}).\n")
    print("| clip | frames | fovea: off | none | cuts taken for motion | ms | OpenCV: off | none | cuts | ms |\n"
          "|---|---|---|---|---|---|---|---|---|---|")
    rows = still_camera(options.data, options.program, 795) + moving_camera(options.data, options.program, options.frames)
    missed = sum(own > GOAL_PX for own, _ in rows)
    print(f"\n{len(rows) - missed} of {len(rows)} rows reach the goal.")


if __name__ == "__main__":
    main()
