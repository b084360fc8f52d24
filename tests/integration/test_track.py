"""`fovea track --dets` as its users call it: JSON, MOT lines, dropped frames, errors with the number of the line."""
import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import BIN, environment

BENCH = Path(__file__).resolve().parents[1] / "bench"


def track(*words, cwd, code=0):
    done = subprocess.run([str(BIN), "track", *map(str, words)], cwd=cwd, env=environment(), text=True, capture_output=True,
                          timeout=60)
    assert done.returncode == code, done.stderr
    return done


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
    (["--dets", "det.txt", "--tracker", "botsrt"], "", 3, "did you mean botsort?"),
    (["--dets", "det.txt", "--low", "0.7", "--high", "0.3"], "", 2, "is above high"),
    (["--dets", "det.txt", "--mot", "no/such/out.txt"], "", 3, "no/such/out.txt: No such file"),
    (["--dets", "det.txt", "--fps", "0"], "", 2, "--fps must be a number"),
    ([], "", 2, "--dets is missing"),
])
def test_errors(tmp_path, words, text, code, message):
    (tmp_path / "det.txt").write_text(text)
    assert message in track(*words, cwd=tmp_path, code=code).stderr


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
