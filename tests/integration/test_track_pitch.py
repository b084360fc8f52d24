"""`fovea track --tracker pitch --homography`: metres, and the levels that docs/pitch.md gives."""
import json
import sys
from pathlib import Path

import pytest
from conftest import fovea

BENCH = Path(__file__).resolve().parents[1] / "bench"
# From above, 10 px a metre, y away from the camera.
ABOVE = "10 0 0 0 -10 700 0 0 1"


@pytest.fixture(scope="module", autouse=True)
def bench_folder():
    sys.path.insert(0, str(BENCH))
    yield
    sys.path.remove(str(BENCH))


def track(*words, cwd, code=0):
    return fovea("track", *map(str, words), cwd=cwd, code=code)


def runner(path, frames):
    """Somebody at (20, 30) who runs 0.4 m a frame along x, 20 px wide."""
    path.write_text("".join(f"{n},-1,{10 * (20 + 0.4 * n) - 10},{400 - 40},20,40,0.9\n" for n in frames))


def test_json_has_metres(tmp_path):
    runner(tmp_path / "det.txt", range(1, 31))
    (tmp_path / "H.txt").write_text("".join(f"{n} {ABOVE}\n" for n in range(1, 31)))
    out = track("--dets", "det.txt", "--fps", 10, "--tracker", "pitch", "--homography", "H.txt", cwd=tmp_path).stdout
    last = [json.loads(line) for line in out.splitlines()][-1]["detections"][0]
    assert last["track_id"] == 1
    assert last["pitch_m"] == pytest.approx([32, 30], abs=0.1)
    assert last["speed_mps"] == pytest.approx([4, 0], abs=0.2)


def test_lost_ones_are_somewhere_on_the_ground(tmp_path):
    runner(tmp_path / "det.txt", [*range(1, 21), 24])
    (tmp_path / "H.txt").write_text("".join(f"{n} {ABOVE}\n" for n in range(1, 31)))
    out = track("--dets", "det.txt", "--fps", 10, "--tracker", "pitch", "--homography", "H.txt", cwd=tmp_path).stdout
    frames = [json.loads(line) for line in out.splitlines()]
    lost, = frames[21]["lost"]
    assert lost["pitch_m"] == pytest.approx([20 + 0.4 * 22, 30], abs=0.3)
    assert frames[23]["detections"][0]["track_id"] == lost["track_id"] == 1


def test_without_a_homography_names_are_those_of_the_picture(tmp_path):
    runner(tmp_path / "det.txt", range(1, 31))
    out = track("--dets", "det.txt", "--fps", 10, "--tracker", "pitch", cwd=tmp_path).stdout
    last = [json.loads(line) for line in out.splitlines()][-1]["detections"][0]
    assert last["track_id"] == 1 and "pitch_m" not in last


@pytest.mark.parametrize("text, message", [
    ("1 10 0 0 0 -10 700 0 0\n", "H.txt:1: not 7 numbers"),
    ("1 10 0 0 0 -10 700 0 0 nan\n", "H.txt:1: a number between -1e30 and 1e30"),
    (f"2 {ABOVE}\n1 {ABOVE}\n", "H.txt:2: the numbers of frames do not rise"),
    ("1 1 2 3 2 4 6 0 0 1\n", "H.txt:1:"),
])
def test_homographies_that_are_none(tmp_path, text, message):
    runner(tmp_path / "det.txt", range(1, 3))
    (tmp_path / "H.txt").write_text(text)
    assert message in track("--dets", "det.txt", "--homography", "H.txt", cwd=tmp_path, code=3).stderr


@pytest.fixture(scope="module")
def game(tmp_path_factory):
    """20 s of football at 10 frames a second, three cameras; another one than those of the benchmark."""
    football = pytest.importorskip("football", reason="numpy is missing")
    return football.make(tmp_path_factory.mktemp("game"), seed=77, seconds=20, rates=(10,))[10]


def test_metres_of_a_game(game):
    import bench_pitch_tracks as bench
    place, speed, _, way = (float(word) for word in bench.metres(game).split(" | "))
    assert place <= 0.5 and speed <= 0.5 and abs(way) <= 3


def test_names_of_a_game(game):
    pytest.importorskip("trackeval")
    import bench_pitch_tracks as bench
    assert bench.name_scores(game, "pitch").hota >= 74


def test_views_from_keypoints_of_the_world_cup():
    """As near to the truth as 0.965 of the visible pitch, and nearer than OpenCV's."""
    bench = pytest.importorskip("bench_pitch", reason="OpenCV is missing")
    if not (bench.DATA / "football/homography").is_dir():
        pytest.skip("no football in FOVEA_TEST_DATA")
    cases = list(bench.load())
    ours, theirs = (bench.mean_likeness(views, cases) for views in (bench.ours(cases, 2)[0], bench.opencv(cases)[0]))
    assert ours >= 0.965 and ours > theirs
