#!/usr/bin/env python3
"""Trackers on football that football.py makes: names, and metres of the tracker `pitch`. Prints Markdown.

    bench_pitch_tracks.py [--seeds 1 2] [--seconds 60] [--data FOLDER]

--data FOLDER: sequences made before (FOLDER/NAME/{det,gt}/…, FPS in seqinfo.ini) in place of new ones.
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
import hota

FOVEA = str(Path(os.environ.get("FOVEA_BUILD", "build")) / "fovea")
TRACKERS = {"pitch": ["--homography", "H.txt", "--motion", "gmc.txt", "--width", "1920", "--height", "1080"], "botsort": ["--motion", "gmc.txt"], "bytetrack": []}


def frame_rate(folder):
    info = configparser.ConfigParser()
    info.read(folder / "seqinfo.ini")
    return info.getfloat("Sequence", "frameRate")


def track(folder, tracker, *more):
    files = [str(folder / word) if word.endswith(".txt") else word for word in TRACKERS[tracker]]
    words = [FOVEA, "track", "--dets", str(folder / "det/det.txt"), "--fps", f"{frame_rate(folder):g}", "--tracker", tracker]
    return subprocess.run([*words, *files, *more], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def name_scores(folders, tracker):
    parts = []
    with tempfile.TemporaryDirectory() as scratch:
        for folder in folders:
            out = Path(scratch) / "out.txt"
            track(folder, tracker, "--mot", str(out))
            parts.append(hota.count(hota.read(folder / "gt/gt.txt"), hota.read(out)))
    return hota.scores(parts)


def true_paths(folder):
    """(frame, id) → place and speed on the ground."""
    fps, rows = frame_rate(folder), np.loadtxt(folder / "pitch.txt", delimiter=",")
    places = {(int(f), int(i)): np.array([x, y]) for f, i, x, y in rows}
    paths = {}
    for (frame, name), place in places.items():
        before, after = places.get((frame - 1, name)), places.get((frame + 1, name))
        speed = None if before is None or after is None else (after - before) * fps / 2
        paths[frame, name] = place, speed
    return paths


def ground_errors(folder):
    """Errors of places (m) and speeds (m/s), and lengths of ways: tracked, true."""
    truth, gt, fps = true_paths(folder), hota.read(folder / "gt/gt.txt"), frame_rate(folder)
    places, speeds, ways = [], [], np.zeros(2)
    for line in track(folder, "pitch").splitlines():
        frame = json.loads(line)
        tracked = [d for d in frame["detections"] if "pitch_m" in d]
        if not tracked or frame["frame"] not in gt:
            continue
        names, boxes = gt[frame["frame"]]
        likeness = hota.iou(boxes, np.array([d["box"] for d in tracked]))
        for row, column in zip(*hota.assign(-likeness)):
            if likeness[row, column] < 0.5:
                continue
            place, speed = truth[frame["frame"], names[row]]
            places.append(np.linalg.norm(place - tracked[column]["pitch_m"]))
            if speed is not None:
                ours = np.array(tracked[column]["speed_mps"])
                speeds.append((np.linalg.norm(ours) - np.linalg.norm(speed), np.linalg.norm(ours - speed)))
                ways += [np.linalg.norm(tracked[column]["speed_mps"]) / fps, np.linalg.norm(speed) / fps]
    return places, speeds, ways


def rms(values):
    return float(np.sqrt(np.mean(np.square(values))))


def report(title, folders):
    for tracker in TRACKERS:
        s = name_scores(folders, tracker)
        metres = "| | |"
        if tracker == "pitch":
            parts = [ground_errors(folder) for folder in folders]
            places, speeds = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
            tracked, true = sum(part[2] for part in parts)
            metres = f"{rms(places):.2f} | {rms(speeds):.2f} | {100 * (tracked / true - 1):+.1f}"
        print(f"| {title} | {tracker} | {s['HOTA']:.1f} | {s['DetA']:.1f} | {s['AssA']:.1f} | {s['IDF1']:.1f} | {metres} |", flush=True)


def by_rate(folder):
    found = {}
    for info in sorted(Path(folder).rglob("seqinfo.ini")):
        found.setdefault(round(frame_rate(info.parent)), []).append(info.parent)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--data")
    options = parser.parse_args()
    print("| football | tracker | HOTA | DetA | AssA | IDF1 | place, m (rms) | speed, m/s (rms) | way, % |\n|---|---|---|---|---|---|---|---|---|")
    if options.data:
        for fps, folders in by_rate(options.data).items():
            report(f"{fps} fps", folders)
        return
    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as scratch:
            for fps, folders in football.make(scratch, seed, options.seconds).items():
                report(f"seed {seed}, {fps} fps", folders)


if __name__ == "__main__":
    main()
