"""Scores of tracks as the MOT challenge gives them, by TrackEval: HOTA, IDF1, MOTA, identity switches.

Lines are lists of strings, the columns of a MOT file; frames count from 1 without gaps.
"""
import contextlib
import io
import tempfile
from collections import namedtuple
from pathlib import Path

Sequence = namedtuple("Sequence", "name frames truth tracks")  # number of frames, lines, lines
Score = namedtuple("Score", "hota idf1 mota switches")
QUIET = {"PRINT_CONFIG": False}


def is_person(line):
    """What MOT17's entries leave out before scoring: tiny boxes, and those wider than any walker."""
    width, height = float(line[4]), float(line[5])
    return width * height > 100 and width <= 1.6 * height


def write(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(",".join(line) + "\n" for line in lines))


def evaluate(folder, sequences, mot17):
    """TrackEval on the files in a folder: its numbers of all sequences together."""
    import trackeval
    dataset = trackeval.datasets.MotChallenge2DBox({
        **QUIET, "GT_FOLDER": str(folder / "truth"), "TRACKERS_FOLDER": str(folder / "tracks"), "TRACKERS_TO_EVAL": ["fovea"],
        "TRACKER_SUB_FOLDER": "", "SEQ_INFO": {one.name: one.frames for one in sequences}, "SKIP_SPLIT_FOL": True,
        "GT_LOC_FORMAT": "{gt_folder}/{seq}.txt", "DO_PREPROC": mot17, "BENCHMARK": "MOT17" if mot17 else "MOT15"})
    evaluator = trackeval.Evaluator({
        **QUIET, "USE_PARALLEL": False, "BREAK_ON_ERROR": True, "PRINT_RESULTS": False, "TIME_PROGRESS": False, "OUTPUT_SUMMARY": False,
        "OUTPUT_DETAILED": False, "OUTPUT_EMPTY_CLASSES": False, "PLOT_CURVES": False})
    metrics = [trackeval.metrics.HOTA(QUIET), trackeval.metrics.CLEAR(QUIET), trackeval.metrics.Identity(QUIET)]
    results, _ = evaluator.evaluate([dataset], metrics)
    return results["MotChallenge2DBox"]["fovea"]["COMBINED_SEQ"]["pedestrian"]


def score(sequences, mot17=True):
    """One Score of all sequences together."""
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stdout(io.StringIO()):
        folder = Path(name)
        for one in sequences:
            write(folder / "truth" / f"{one.name}.txt", one.truth)
            write(folder / "tracks/fovea" / f"{one.name}.txt", [line for line in one.tracks if not mot17 or is_person(line)])
        found = evaluate(folder, sequences, mot17)
    return Score(100 * float(found["HOTA"]["HOTA"].mean()), 100 * float(found["Identity"]["IDF1"]),
                 100 * float(found["CLEAR"]["MOTA"]), int(found["CLEAR"]["IDSW"]))
