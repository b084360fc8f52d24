#!/usr/bin/env python3
"""Quality of the trackers on MOT17's validation half (02, 09, 11, 13), then what they cost. Prints Markdown.

    bench_tracking.py [--data FOLDER] [--row PART] [--no-cost] [-- OPTIONS OF fovea track]

The detections are YOLOX-x's, the camera motion that of gmc.txt, the scores TrackEval's; every row has the same
parameters. "Dropped" frames are never seen by the tracker, and the truth is thinned as well. References were measured
with the same files and the same scorer: the original ByteTrack and OC-SORT, BoT-SORT (motion only) of Roboflow's trackers.
"""
import argparse
import configparser
import importlib.util
import os
import random
import subprocess
import sys
import tempfile
from collections import namedtuple
from pathlib import Path

from mot_score import Sequence, score

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("FOVEA_BUILD", ROOT / "build"))
PYTHON = Path(os.environ.get("FOVEA_DEPS", ROOT / ".deps")) / "venv/bin/python"
DATA = Path(os.environ.get("FOVEA_TEST_DATA", ROOT.parent / "shared/data")) / "tracking/MOT17-val"

# Tracker, options, whether it is told the camera's motion, which frames are kept; the reference as text.
Row = namedtuple("Row", "what tracker options motion keep reference")
MOVED = "botsort, camera motion"
ROWS = [
    Row("bytetrack", "bytetrack", (), False, "all", "56.71 / 68.46 / 66.05 / 94"),
    Row("botsort", "botsort", (), False, "all", "56.56 / 67.17 / 65.72 / 121"),
    Row(MOVED, "botsort", (), True, "all", "59.29 / 70.57 / 66.49 / 92"),
    Row("ocsort", "ocsort", (), False, "all", "53.68 / 64.34 / 62.35 / 120"),
    Row(f"{MOVED}, every 2nd frame", "botsort", (), True, "half", ""),
    Row(f"{MOVED}, every 3rd frame", "botsort", (), True, "third", ""),
    Row(f"{MOVED}, 20 % dropped", "botsort", (), True, "dropped", ""),
    Row(f"{MOVED}, `--buffer 0.5`", "botsort", ("--buffer", "0.5"), True, "all", ""),
]


def read(path):
    return [line.strip().split(",") for line in path.read_text().splitlines() if line.strip()]


def write(path, lines):
    path.write_text("".join(",".join(line) + "\n" for line in lines))


def kept(keep, count, name):
    """The frames that the tracker sees, ascending."""
    if keep == "dropped":
        draw = random.Random(name)
        return [number for number in range(1, count + 1) if number == 1 or draw.random() >= 0.2]
    return list(range(1, count + 1, {"all": 1, "half": 2, "third": 3}[keep]))


def thinned(lines, places):
    """The lines of kept frames, with the frames' places among them as numbers."""
    return [[str(places[int(line[0])]), *line[1:]] for line in lines if int(line[0]) in places]


def track(row, folder, more):
    """Runs fovea track over one sequence."""
    settings = configparser.ConfigParser()
    settings.read(folder / "seqinfo.ini")
    detections, truth = read(folder / "det/det.txt"), read(folder / "gt/gt.txt")
    count = max(int(line[0]) for line in detections + truth)
    places = {number: place for place, number in enumerate(kept(row.keep, count, folder.name), 1)}
    with tempfile.TemporaryDirectory() as name:
        seen, out = Path(name) / "det.txt", Path(name) / "out.txt"
        write(seen, [line for line in detections if int(line[0]) in places])
        words = [BUILD / "fovea", "track", "--dets", seen, "--mot", out, "--tracker", row.tracker, "--sparse",
                 "--fps", settings["Sequence"]["frameRate"], *row.options, *more]
        words += ["--motion", folder / "gmc.txt"] if row.motion else []
        subprocess.run(words, check=True, stderr=subprocess.DEVNULL)
        return Sequence(folder.name, len(places), thinned(truth, places), thinned(read(out), places))


def measure(row, data=DATA, more=()):
    return score([track(row, folder, more) for folder in sorted(data.iterdir()) if (folder / "det/det.txt").exists()])


def goals(row, found, full):
    """(text, reached) of each goal of a row; `full` is the score with all frames."""
    if row.what == "botsort":
        return [("HOTA ≥ 57.0", found.hota >= 57), ("IDF1 ≥ 69.0", found.idf1 >= 69)]
    if row.what == MOVED:
        return [("HOTA ≥ 59.5", found.hota >= 59.5), ("IDF1 ≥ 71.0", found.idf1 >= 71), ("switches ≤ 90", found.switches <= 90)]
    if row.keep != "all" and full:
        return [("HOTA at most 3 less", found.hota >= full.hota - 3), ("switches ≤ 2 ×", found.switches <= 2 * full.switches)]
    return []


def quality(options):
    print("| what | HOTA | IDF1 | MOTA | identity switches | reference (HOTA / IDF1 / MOTA / switches) | goal | reached |\n"
          "|---|---|---|---|---|---|---|---|")
    full = None
    for row in ROWS:
        if options.row and options.row not in row.what:
            continue
        found = measure(row, options.data, options.more)
        full = found if row.what == MOVED else full
        wanted = goals(row, found, full)
        reached = "" if not wanted else "yes" if all(ok for _, ok in wanted) else "**no**"
        print(f"| {row.what} | {found.hota:.2f} | {found.idf1:.2f} | {found.mota:.2f} | {found.switches} | {row.reference} | "
              f"{', '.join(text for text, _ in wanted)} | {reached} |", flush=True)


def can_score(data):
    """Says what is missing for the scores; goes on in the Python of the tests when TrackEval is only there."""
    if not data.is_dir():
        print(f"bench_tracking: no MOT17 detections in {data}: costs only", file=sys.stderr)
        return False
    if importlib.util.find_spec("trackeval"):
        return True
    if PYTHON.exists() and Path(sys.prefix) != PYTHON.parent.parent:
        os.execv(PYTHON, [str(PYTHON), *sys.argv])
    print("bench_tracking: TrackEval is not here (scripts/setup check): costs only", file=sys.stderr)
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--row", help="only rows whose name has this")
    parser.add_argument("--no-cost", action="store_true")
    parser.add_argument("more", nargs="*", help="further options of fovea track")
    options = parser.parse_args()
    if can_score(options.data):
        quality(options)
    if not options.no_cost:
        print("\nOne thread, the library's call alone.\n", flush=True)
        subprocess.run([BUILD / "tests/bench/bench_track", *sorted(options.data.glob("*/det/det.txt"))], check=True)


if __name__ == "__main__":
    main()
