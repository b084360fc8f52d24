"""`fovea track --dets` as its users call it: JSON, MOT lines, dropped frames, errors with the number of the line."""
import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import BIN, environment, fovea

BENCH = Path(__file__).resolve().parents[1] / "bench"


def track(*words, cwd, code=0):
    return fovea("track", *map(str, words), cwd=cwd, code=code)


def walk(path, frames, missing=(), shift=0):
    """Two people who walk towards each other, 4 px a frame; `shift`: px a frame that the camera swings."""
    lines = [f"{n},-1,{x + shift * n},{y},60,140,0.9,-1,-1,-1\n" for n in frames if n not in missing
             for x, y in ((100 + 4 * n, 200), (900 - 4 * n, 420))]
    path.write_text("".join(lines))
    return path


def read(path):
    return [[float(value) for value in line.split(",")] for line in path.read_text().splitlines()]


def test_json_has_the_members_of_the_contract(tmp_path):
    walk(tmp_path / "det.txt", range(1, 41), missing=range(20, 25))
    lines = [json.loads(line) for line in track("--dets", "det.txt", "--fps", 25, cwd=tmp_path).stdout.splitlines()]
    assert [line["frame"] for line in lines] == list(range(1, 41))
    assert list(lines[9]) == ["source", "frame", "pts_ms", "detections", "lost"]
    assert (lines[9]["source"], lines[9]["pts_ms"]) == ("det.txt", 360)
    found = lines[9]["detections"]
    assert found[0] == {"class_id": 0, "confidence": 0.9, "box": [140, 200, 200, 340], "track_id": 1}
    assert sorted(one["track_id"] for one in found) == [1, 2]
    assert lines[21]["detections"] == [] and [one["track_id"] for one in lines[21]["lost"]] == [1, 2]
    assert abs(lines[21]["lost"][0]["box"][0] - (100 + 4 * 22)) < 8
    assert sorted(one["track_id"] for one in lines[39]["detections"]) == [1, 2]


def test_mot_lines_have_one_name_each(tmp_path):
    walk(tmp_path / "det.txt", range(1, 61))
    done = track("--dets", "det.txt", "--mot", "out.txt", cwd=tmp_path)
    assert done.stdout == "" and "60 frames" in done.stderr
    lines = read(tmp_path / "out.txt")
    assert len(lines) == 120 and {line[1] for line in lines} == {1, 2}
    assert lines[0] == [1, 1, 104, 200, 60, 140, 0.9, -1, -1, -1]
    assert all(line[3] == (200 if line[1] == 1 else 420) for line in lines)


@pytest.mark.parametrize("name", ["botsort", "bytetrack", "ocsort"])
def test_dropped_frames_are_time_and_no_absence(tmp_path, name):
    """Every third frame, told as dropped: the names of all frames."""
    walk(tmp_path / "det.txt", range(1, 91, 3))
    track("--dets", "det.txt", "--mot", "out.txt", "--sparse", "--tracker", name, cwd=tmp_path)
    lines = read(tmp_path / "out.txt")
    assert {line[1] for line in lines} == {1, 2} and len(lines) == 60


def test_camera_motion_is_followed_over_dropped_frames(tmp_path):
    """30 px a frame, of which every second is dropped: both of the steps between count."""
    walk(tmp_path / "det.txt", range(1, 61, 2), shift=30)
    (tmp_path / "gmc.txt").write_text("".join(f"{n} 1 0 30 0 1 0\n" for n in range(1, 61)))
    words = ["--dets", "det.txt", "--sparse", "--mot", "out.txt"]
    track(*words, cwd=tmp_path)
    assert len(read(tmp_path / "out.txt")) < 10  # nothing is where it is looked for, nothing seen twice
    track(*words, "--motion", "gmc.txt", cwd=tmp_path)
    lines = read(tmp_path / "out.txt")
    assert len(lines) == 60 and {line[1] for line in lines} == {1, 2}


def test_no_detections_are_no_frames(tmp_path):
    (tmp_path / "det.txt").write_text("\n")
    assert track("--dets", "det.txt", cwd=tmp_path).stdout == ""


@pytest.mark.parametrize("words, text, code, message", [
    (["--dets", "det.txt"], "1,-1,1,2,3,4,0.5\n1,-1,1,2,3\n", 3, "det.txt:2: fewer than 7 numbers"),
    (["--dets", "det.txt"], "1,-1,1,2,3,4,85\n", 3, "det.txt:1: the score is not within 0 to 1"),
    (["--dets", "none.txt"], "", 3, "none.txt: No such file"),
    (["--dets", "det.txt", "--motion", "det.txt"], "1,-1,1,2,3,4,0.5,1\n", 3, "det.txt:1: not 7 numbers"),
    (["--dets", "det.txt", "--motion", "gmc.txt"], "", 3, "gmc.txt: a frame 0"),
    (["--dets", "det.txt", "--tracker", "botsrt"], "", 3, "did you mean botsort?"),
    (["--dets", "det.txt", "--low", "0.7", "--high", "0.3"], "", 2, "is above high"),
    (["--dets", "det.txt", "--mot", "no/such/out.txt"], "", 3, "no/such/out.txt: No such file"),
    (["--dets", "det.txt", "--fps", "0"], "", 2, "--fps must be a number"),
    ([], "", 2, "a source, or --dets with a file of detections, is missing"),
])
def test_errors(tmp_path, words, text, code, message):
    (tmp_path / "det.txt").write_text(text)
    (tmp_path / "gmc.txt").write_text("0 1 0 0 0 1 0\n")
    assert message in track(*words, cwd=tmp_path, code=code).stderr


@pytest.mark.parametrize("words, code", [
    (("--dets", "det.txt"), 3), (("pattern:width=320,height=240,frames=12", "--model", "fake:boxes=2"), 1)])
def test_tracks_that_cannot_be_written(tmp_path, words, code):
    walk(tmp_path / "det.txt", range(1, 30))
    assert "/dev/full cannot be written" in track(*words, "--mot", "/dev/full", cwd=tmp_path, code=code).stderr
    assert "no/out.txt: No such file" in track(*words, "--mot", "no/out.txt", cwd=tmp_path, code=3).stderr


def test_lines_that_cannot_be_written(tmp_path):
    walk(tmp_path / "det.txt", range(1, 1000))  # more than is kept back for the end
    with open("/dev/full", "wb") as full:
        done = subprocess.run([str(BIN), "track", "--dets", "det.txt"], cwd=tmp_path, env=environment(), text=True, stdout=full,
                              stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 3 and "standard output cannot be written" in done.stderr


def test_help_names_the_trackers(tmp_path):
    text = track("--help", cwd=tmp_path).stdout
    assert "botsort, bytetrack, ocsort" in text and "none" in text


def test_level_on_mot17(tmp_path):
    """The level that docs/tracking.md gives, on MOT17's validation half: all goals of the default tracker."""
    pytest.importorskip("trackeval")
    sys.path.insert(0, str(BENCH))
    import bench_tracking as bench
    if not bench.DATA.is_dir():
        pytest.skip("no MOT17 detections in FOVEA_TEST_DATA")
    full = bench.measure(next(row for row in bench.ROWS if row.what == bench.MOVED))
    for row in bench.ROWS:
        found = full if row.what == bench.MOVED else bench.measure(row) if bench.goals(row, full, full) else None
        assert not found or all(ok for _, ok in bench.goals(row, found, full)), (row.what, found)


def test_a_video_goes_the_way_of_predict(tmp_path):
    """Boxes with names as JSON and as MOT lines; without --json an annotated copy, as predict leaves."""
    words = ("pattern:width=320,height=240,frames=40,fps=20", "--model", "fake:boxes=2")
    done = track(*words, "--tracker", "bytetrack", "--json", "--mot", "out.txt", cwd=tmp_path)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == 40 and lines[1]["pts_ms"] == 50
    named = [[one.get("track_id") for one in line["detections"]] for line in lines]
    assert all(len(set(one)) == 2 for one in named[1:9]) and None not in sum(named[1:9], [])
    assert all(line["timings_ms"]["track"] >= 0 and isinstance(line["lost"], list) for line in lines)
    mot = read(tmp_path / "out.txt")
    assert {(int(line[0]), int(line[1])) for line in mot} == {(i + 1, name) for i, one in enumerate(named) for name in one if name}
    assert "#1" in track(*words, cwd=tmp_path).stdout and list((tmp_path / "fovea-out").iterdir())


@pytest.mark.parametrize("words,said", [
    ((), "missing"), (("pattern:frames=2", "--dets", "det.txt"), "leave one out"), (("pattern:frames=2", "--motion", "gmc.txt"), "go with --dets"),
    (("pattern:frames=2", "--fps", "5"), "go with --dets"), (("--dets", "det.txt", "--save", "x"), "leave --model and --save out")])
def test_what_does_not_go_together(tmp_path, words, said):
    walk(tmp_path / "det.txt", range(1, 3))
    assert said in track(*words, cwd=tmp_path, code=2).stderr


def test_a_tracker_that_is_not_there_is_said_before_anything_runs(tmp_path):
    done = track("pattern:frames=2", "--model", "fake:", "--tracker", "botsrot", "--json", cwd=tmp_path, code=3)
    assert "botsort" in done.stderr and done.stdout == ""
