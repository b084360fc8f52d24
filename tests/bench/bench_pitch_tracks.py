#!/usr/bin/env python3
"""Trackers on football that football.py makes: names, and metres of the tracker `pitch`. Prints Markdown.

    bench_pitch_tracks.py [--seeds 1 2] [--seconds 60] [--rough 1 5] [--data FOLDER]

Places, speeds (along the way) and velocities are those of the tracker's answer in each frame, without a look ahead; the
way is the sum of its speeds. --rough: times the usual error of the homographies. --data FOLDER: sequences made before, in place of new ones.
"""
import argparse
import configparser
import json
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

import football

FOVEA = str(Path(os.environ.get("FOVEA_BUILD", Path(__file__).resolve().parents[2] / "build")) / "fovea")
SIZE = ["--width", str(football.WIDTH), "--height", str(football.HEIGHT)]
TRACKERS = {"pitch": ["--homography", "H.txt", *SIZE], "botsort": ["--motion", "gmc.txt"], "bytetrack": []}


def sequence_info(folder):
    info = configparser.ConfigParser()
    info.read(folder / "seqinfo.ini")
    return info["Sequence"]


def frame_rate(folder):
    return float(sequence_info(folder)["frameRate"])


def track(folder, tracker, *more):
    files = [str(folder / word) if word.endswith(".txt") else word for word in TRACKERS[tracker]]
    words = [FOVEA, "track", "--dets", str(folder / "det/det.txt"), "--fps", f"{frame_rate(folder):g}", "--tracker", tracker]
    return subprocess.run([*words, *files, *more], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def lines(path):
    return [line.split(",") for line in path.read_text().splitlines()]


def name_scores(folders, tracker):
    import mot_score  # wants TrackEval, metres do not
    sequences = []
    with tempfile.TemporaryDirectory() as scratch:
        for folder in folders:
            out = Path(scratch) / "out.txt"
            track(folder, tracker, "--mot", str(out))
            frames = int(sequence_info(folder)["seqLength"])
            sequences.append(mot_score.Sequence(folder.name, frames, lines(folder / "gt/gt.txt"), lines(out)))
    return mot_score.score(sequences, mot17=False)


def true_boxes(folder):
    """frame → (ids, boxes x1 y1 x2 y2)"""
    rows = np.loadtxt(folder / "gt/gt.txt", delimiter=",", usecols=range(6))
    return {int(f): (of[:, 1].astype(int), np.c_[of[:, 2:4], of[:, 2:4] + of[:, 4:6]])
            for f in np.unique(rows[:, 0]) for of in [rows[rows[:, 0] == f]]}


def true_paths(folder):
    """(frame, id) → place and velocity on the ground."""
    fps, rows = frame_rate(folder), np.loadtxt(folder / "pitch.txt", delimiter=",")
    places = {(int(f), int(i)): np.array([x, y]) for f, i, x, y in rows}
    paths = {}
    for (frame, name), place in places.items():
        before, after = places.get((frame - 1, name)), places.get((frame + 1, name))
        paths[frame, name] = place, None if before is None or after is None else (after - before) * fps / 2
    return paths


def pairs(boxes, others):
    """Indices of boxes that are each other's best and overlap by half."""
    shared = football.overlap(boxes, others)
    likeness = shared / (football.area(boxes)[:, None] + football.area(others)[None] - shared)
    best = likeness.argmax(1)
    return [(row, column) for row, column in enumerate(best)
            if likeness[row, column] >= 0.5 and likeness[:, column].argmax() == row]


def ground_errors(folder):
    """Errors of places (m), of speeds and velocities (m/s), and the lengths of ways: tracked, true."""
    truth, gt, fps = true_paths(folder), true_boxes(folder), frame_rate(folder)
    places, speeds, ways = [], [], np.zeros(2)
    for line in track(folder, "pitch").splitlines():
        frame = json.loads(line)
        tracked = [d for d in frame["detections"] if "pitch_m" in d]
        if not tracked or frame["frame"] not in gt:
            continue
        names, boxes = gt[frame["frame"]]
        for row, column in pairs(boxes, np.array([d["box"] for d in tracked])):
            place, velocity = truth[frame["frame"], names[row]]
            places.append(np.linalg.norm(place - tracked[column]["pitch_m"]))
            if velocity is not None:
                ours = np.array(tracked[column]["speed_mps"])
                fast = np.linalg.norm([ours, velocity], axis=1)
                speeds.append((fast[0] - fast[1], np.linalg.norm(ours - velocity)))
                ways += fast / fps
    return places, np.array(speeds), ways


def rms(values):
    return float(np.sqrt(np.mean(np.square(values))))


def metres(folders):
    parts = [ground_errors(folder) for folder in folders]
    speeds = np.concatenate([part[1] for part in parts])
    tracked, true = sum(part[2] for part in parts)
    return (f"{rms(np.concatenate([part[0] for part in parts])):.2f} | {rms(speeds[:, 0]):.2f} | {rms(speeds[:, 1]):.2f} | "
            f"{100 * (tracked / true - 1):+.1f}")


def report(title, folders, trackers):
    for tracker in trackers:
        s = name_scores(folders, tracker)
        print(f"| {title} | {tracker} | {s.hota:.1f} | {s.idf1:.1f} | {s.mota:.1f} | {s.switches} | "
              f"{metres(folders) if tracker == 'pitch' else '| | |'} |", flush=True)


def by_rate(folder):
    found = {}
    for info in sorted(Path(folder).rglob("seqinfo.ini")):
        found.setdefault(round(frame_rate(info.parent)), []).append(info.parent)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rough", type=float, nargs="+", default=[1, 5])
    parser.add_argument("--data")
    options = parser.parse_args()
    print("| football | tracker | HOTA | IDF1 | MOTA | switches | place, m | speed, m/s | velocity, m/s | way, % |\n"
          "|---|---|---|---|---|---|---|---|---|---|")
    for fps, folders in by_rate(options.data).items() if options.data else ():
        report(f"{fps} fps", folders, TRACKERS)
    for seed in () if options.data else options.seeds:
        for rough in options.rough:
            with tempfile.TemporaryDirectory() as scratch:
                for fps, folders in football.make(scratch, seed, options.seconds, rough=rough).items():
                    # Of homographies the others know nothing.
                    report(f"seed {seed}, {fps} fps, error x {rough:g}", folders, TRACKERS if rough == options.rough[0] else ["pitch"])


if __name__ == "__main__":
    main()
