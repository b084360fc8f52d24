"""`fovea football`: the drawn match, seen by what a detector might have seen, with a calibration made from its truth."""
import json
import os
import re
import resource
import signal
import struct
import subprocess
import time
from pathlib import Path

import pytest
from camera_servers import Jpegs
from conftest import BIN, DEPS, SANITIZED, environment, fovea

WRITE = BIN.parent / "tests/media/write_football"
SIZE = (960, 540)
SOURCE = f"pattern:football?size={SIZE[0]}x{SIZE[1]}&fps=10&frames=80"
DRAWN = ("--model", "drawn")


def football(*words, cwd, code=0, **more):
    return fovea("football", *map(str, words), cwd=cwd, code=code, **more)


def frames_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "match.jsonl").read_text().splitlines()[1:]]


def png_size(path: Path) -> tuple[int, int]:
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", data[16:24])


def pictures_of(path: Path) -> list[bytes]:
    """The JPEGs of an AVI file, also of one that was never closed."""
    data = path.read_bytes()
    at, found = data.index(b"movi") + 4, []
    while data[at:at + 4] == b"00dc":
        size = int.from_bytes(data[at + 4:at + 8], "little")
        if at + 8 + size > len(data):
            break
        found.append(data[at + 8:at + 8 + size])
        at += 8 + size + (size & 1)
    return found


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    """(calibration file, {frame: {id: (x, y)}}) of the drawn match."""
    if not WRITE.exists():
        pytest.skip(f"{WRITE} is not built: make build")
    folder = tmp_path_factory.mktemp("truth")
    subprocess.run([str(WRITE), SOURCE.replace("&frames=80", ""), "80", str(folder / "m")], check=True, timeout=60)
    numbers = [float(x) for x in (folder / "m/H.txt").read_text().splitlines()[0].split()]
    calibration = folder / "pitch.json"
    calibration.write_text(json.dumps({"matrix": numbers[1:], "picture": SIZE}))
    people: dict[int, dict[int, tuple]] = {}
    for line in (folder / "m/pitch.txt").read_text().splitlines():
        frame, who, x, y = line.split(",")[:4]
        people.setdefault(int(frame) - 1, {})[int(who)] = (float(x), float(y))
    return calibration, people


@pytest.fixture(scope="module")
def match(tmp_path_factory, truth):
    """An uninterrupted run, with all that it wrote."""
    folder = tmp_path_factory.mktemp("match")
    done = football(SOURCE, *DRAWN, "--calibration", truth[0], "--out", "m", "--teams", "Whites,Reds", cwd=folder)
    return folder / "m", done


def test_people_are_where_they_are(match, truth):
    frames = frames_of(match[0])
    assert [f["f"] for f in frames] == list(range(80))
    off = []
    for f in frames[20:]:
        there = truth[1][f["f"]].values()
        for _, _, _, _, x, y, _, x1, _, x2, *_ in f["p"]:
            if x2 > x1:
                off.append(min(((x - a) ** 2 + (y - b) ** 2) ** 0.5 for a, b in there))
    off.sort()
    assert len(off) > 60 * 10 and off[len(off) // 2] < 0.3 and off[len(off) * 9 // 10] < 0.8, (len(off), off[len(off) // 2])
    teams = [p[1] for f in frames[40:] for p in f["p"] if p[2] == 0]
    assert teams.count(0) > 40 * 3 and teams.count(1) > 40 * 3
    assert sum(f["b"] is not None for f in frames) > 20 and sum("bp" in f for f in frames) > 40


def test_summary_for_people(match):
    text = match[1].stdout
    for words in ("80 frames at 10 a second, 0:00.0 to 0:07.9", "Whites", "Reds", "km", "ball: seen in",
                  "frames: 80 in = 80 analysed + 0 dropped + 0 failed", "a frame: player_detection",
                  "detector: none. The drawn match told", "written to m/: all 80 frames"):
        assert words in text, words
    assert "no distances" not in text


def test_files(match):
    folder = match[0]
    mot = [[float(x) for x in line.split(",")] for line in (folder / "mot.txt").read_text().splitlines()]
    assert len(mot) > 500 and all(len(line) == 10 and 1 <= line[0] <= 80 and line[4] > 0 < line[5] for line in mot)
    assert len(json.loads((folder / "gamestate.json").read_text())["predictions"]) >= len(mot)
    assert len([json.loads(line) for line in (folder / "skillcorner.jsonl").read_text().splitlines()]) == 80
    assert {t["name"] for t in (json.loads((folder / "skillcorner_match.json").read_text())[k] for k in ("home_team", "away_team"))} == {"Whites", "Reds"}
    assert len((folder / "tracab.dat").read_text().splitlines()) == 80 == len((folder / "epts.txt").read_text().splitlines())
    maps = sorted(folder.glob("heat_*.png"))
    assert {"heat_first.png", "heat_second.png"} < {m.name for m in maps} and len(maps) > 4
    assert {png_size(m) for m in maps} == {(105 * 8, 68 * 8)}
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["frames"] == 80 and summary["metres"] and summary["run"]["detector"] == "drawn"
    assert [t["name"] for t in summary["teams"]] == ["Whites", "Reds"] and all(t["distance_m"] > 20 for t in summary["teams"])
    assert abs(sum(t["possession"] for t in summary["teams"]) - 1) < 1e-3
    assert all(p["top_mps"] <= 12 for p in summary["people"] if "top_mps" in p) and len(summary["people"]) >= 14
    assert not list(folder.glob("*.new")) and not (folder / "match.swapped").exists()


def test_formats_know_whose_goal_is_on_the_left(match):
    """In the drawn match the Reds play to the right: their goal is at x = 0, where the keeper stands. They are the
    second team for the colours of their shirts, and come first in formats that name the left team first."""
    folder = match[0]
    assert json.loads((folder / "summary.json").read_text())["goal_on_the_left"] == "second"
    teams = json.loads((folder / "skillcorner_match.json").read_text())
    assert (teams["home_team"]["name"], teams["away_team"]["name"]) == ("Reds", "Whites")
    red = {p[0] for f in frames_of(folder) for p in f["p"] if p[1] == 1 and p[2] == 0}
    predictions = json.loads((folder / "gamestate.json").read_text())["predictions"]
    left = {p["track_id"] for p in predictions if p["attributes"]["team"] == "left" and p["attributes"]["role"] == "player"}
    assert left == red and len(red) > 5


def test_annotated_copy(match):
    Image = pytest.importorskip("PIL.Image")
    import io
    pictures = pictures_of(match[0] / "match.avi")
    assert len(pictures) == 80
    picture = Image.open(io.BytesIO(pictures[60])).convert("RGB")
    assert picture.size == SIZE
    dark = picture.getpixel((SIZE[0] - 16, 110))  # the radar's ground, in the upper right corner
    assert abs(dark[0] - 0x1D) < 30 and abs(dark[1] - 0x4A) < 40 and abs(dark[2] - 0x33) < 30, dark


def test_json(truth, tmp_path):
    done = football(SOURCE, *DRAWN, "--calibration", truth[0], "--json", cwd=tmp_path)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["frame"] for line in lines] == list(range(80)) and "80 in = 80 analysed" in done.stderr
    last = lines[60]
    assert {"source", "frame", "pts_ms", "width", "height", "detections", "tracks", "ball", "teams", "pitch_m", "parts_ms",
            "detector", "timings_ms", "written"} <= set(last)
    assert last["pts_ms"] == 6000 and last["detector"] == "drawn" and last["pitch_m"]["known"] and last["written"] is None
    assert len(last["tracks"]) > 8
    for track in last["tracks"]:
        assert track["class"] in ("player", "goalkeeper", "referee") and track["team"] in ("first", "second", None)
        assert len(track["box"]) == 4 and (track["pitch_m"] is None or len(track["pitch_m"]) == 2)
    assert any(line["ball"] and line["ball"]["state"] == "interpolated" for line in lines)  # only late answers have it
    assert [side["name"] for side in last["teams"]["sides"]] == ["first", "second"]


def start(*words, cwd, **more):
    return subprocess.Popen([str(BIN), "football", *map(str, words)], cwd=cwd, env=environment(), text=True, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)


def wait_for_lines(path: Path, count: int, seconds: float = 40) -> None:
    until = time.monotonic() + seconds
    while not path.exists() or path.read_bytes().count(b"\n") < count:
        assert time.monotonic() < until, f"{path} did not grow"
        time.sleep(0.01)


def test_goes_on_after_a_kill(truth, match, tmp_path):
    """Killed twice, then to the end: every frame that was told as written is there, once, as an uninterrupted run has it."""
    words = (SOURCE, *DRAWN, "--calibration", truth[0], "--out", "m", "--no-video", "--teams", "Whites,Reds")
    for stop in (25, 60):
        killed = start(*words, cwd=tmp_path)
        wait_for_lines(tmp_path / "m/match.jsonl", stop)
        killed.kill()
        killed.communicate()
        written = (tmp_path / "m/match.jsonl").read_bytes()
        assert written.count(b"\n") - 1 < 80, "it was over before it was killed"
        torn = b'{"f":9999,"t":9'  # what a crash of the machine may leave
        (tmp_path / "m/match.jsonl").write_bytes(written[:written.rindex(b"\n") + 1] + torn)
    before = [json.loads(line) for line in written[:written.rindex(b"\n")].decode().splitlines()[1:]]
    done = football(*words, cwd=tmp_path)
    assert f"went on after frame {before[-1]['f']}: {79 - before[-1]['f']} new" in done.stdout
    frames, whole = frames_of(tmp_path / "m"), frames_of(match[0])
    assert frames[:len(before)] == before and [f["f"] for f in frames] == list(range(80))
    assert [f["t"] for f in frames] == [f["t"] for f in whole]
    # the same people in the same places, and most of them under the names they had
    same = total = near = 0
    for ours, theirs in zip(frames[len(before):], whole[len(before):]):
        places = {p[0]: p[4:6] for p in theirs["p"]}
        for p in ours["p"]:
            total += 1
            near += any(abs(p[4] - x) + abs(p[5] - y) < 0.7 for x, y in places.values())
            same += p[0] in places and abs(p[4] - places[p[0]][0]) + abs(p[5] - places[p[0]][1]) < 0.7
    assert total > 20 and near > 0.9 * total and same > 0.6 * total, (near, same, total)
    assert len((tmp_path / "m/tracab.dat").read_text().splitlines()) == 80
    maps = {path.name for path in (tmp_path / "m").glob("heat_[0-9]*.png")}
    others = {f"heat_{p['track_id']}.png" for p in json.loads((tmp_path / "m/summary.json").read_text())["people"]} - maps
    (tmp_path / "m" / min(others)).write_text("of somebody who was seen longest then")
    again = football(*words, cwd=tmp_path)  # nothing is left to do
    assert "went on after frame 79: 0 new" in again.stdout and frames_of(tmp_path / "m") == frames
    assert {path.name for path in (tmp_path / "m").glob("heat_[0-9]*.png")} == maps and len(maps) == 6


def test_what_was_told_as_written_is_there(truth, tmp_path):
    killed = start(SOURCE.replace("&frames=80", ""), *DRAWN, "--calibration", truth[0], "--out", "m", "--no-video", "--json", cwd=tmp_path)
    told = -1
    while told < 5:
        told = json.loads(killed.stdout.readline())["written"] or -1
    killed.kill()
    rest = killed.stdout.read().splitlines()[:-1]
    killed.communicate()
    told = max([told] + [json.loads(line)["written"] for line in rest])
    assert {f["f"] for f in frames_of(tmp_path / "m") if f["f"] <= told} == set(range(told + 1))


def test_ends_cleanly_by_a_signal(truth, tmp_path):
    running = start(SOURCE.replace("&frames=80", ""), *DRAWN, "--calibration", truth[0], "--out", "m", cwd=tmp_path)
    wait_for_lines(tmp_path / "m/match.jsonl", 30)
    running.send_signal(signal.SIGINT)
    text, _ = running.communicate(timeout=30)
    assert running.returncode == 0 and "written to m/" in text
    count = len(frames_of(tmp_path / "m"))
    assert count >= 30 and len(pictures_of(tmp_path / "m/match.avi")) == count
    assert json.loads((tmp_path / "m/summary.json").read_text())["frames"] == count
    assert len((tmp_path / "m/tracab.dat").read_text().splitlines()) == count
    head = (tmp_path / "m/match.avi").read_bytes()[:60]
    assert int.from_bytes(head[4:8], "little") > 10000  # sizes are written last


@pytest.mark.parametrize("change, says", [
    (["--fps", "5"], "another rate (10, now 5)"),
    (["SOURCE", SOURCE + "&seed=3"], "another source"),
    (["--calibration", "other.json"], "another calibration"),
])
def test_another_match_is_refused(truth, tmp_path, change, says):
    (tmp_path / "other.json").write_text(json.dumps({"points": POINTS}))
    first = [SOURCE, *DRAWN, "--out", "m", "--seconds", "1", "--no-video", "--calibration", truth[0]]
    football(*first, cwd=tmp_path)
    before = (tmp_path / "m/match.jsonl").read_bytes()
    words = [change[1], *first[1:]] if change[0] == "SOURCE" else [*first, *change]
    refused = football(*words, cwd=tmp_path, code=2)
    assert says in refused.stderr and "name another --out" in refused.stderr
    assert (tmp_path / "m/match.jsonl").read_bytes() == before


def test_a_match_of_somebody_else_is_refused(tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m/match.jsonl").write_text("{}\n")
    refused = football(SOURCE, *DRAWN, "--out", "m", cwd=tmp_path, code=2)
    assert "no run.json that says what it is of" in refused.stderr


def test_folders_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    assert "file" in football(SOURCE, *DRAWN, "--out", "file", cwd=tmp_path, code=3).stderr
    assert "no/such" in football(SOURCE, *DRAWN, "--out", "no/such/place", cwd=tmp_path, code=3).stderr
    assert "longer than" in football(SOURCE, *DRAWN, "--out", "x" * 600, cwd=tmp_path, code=2).stderr
    words = (SOURCE, *DRAWN, "--out", "m", "--seconds", "1", "--no-video")
    football(*words, cwd=tmp_path)
    lines = (tmp_path / "m/match.jsonl").read_text().splitlines()
    (tmp_path / "m/match.jsonl").write_text("\n".join(lines[:4] + ["{}"] + lines[4:]) + "\n")
    assert "m/match.jsonl: line 5: " in football(*words, cwd=tmp_path, code=3).stderr
    (tmp_path / "m/match.jsonl").write_text("")  # killed before its first line was there
    assert "10 frames" in football(*words, cwd=tmp_path).stdout and len(frames_of(tmp_path / "m")) == 10
    (tmp_path / "m/run.json").write_text("{}")
    assert "run.json" in football(*words, cwd=tmp_path, code=3).stderr


def test_a_full_disk_is_told(tmp_path):
    """A bound on the size of a file is as a disk without room: what is on the disk stays whole, and no more is promised."""
    def bound():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (900_000, 900_000))
    done = football(SOURCE, *DRAWN, "--out", "m", cwd=tmp_path, code=1, preexec_fn=bound)
    assert "writing the video: File too large" in done.stderr and "written to m/" not in done.stdout
    frames = frames_of(tmp_path / "m")
    assert 0 < len(frames) < 80 and f"on disk in m/ up to frame {frames[-1]['f']}; not all was written" in done.stdout
    done = football(SOURCE, *DRAWN, "--out", "m", cwd=tmp_path)  # room was made
    assert "written to m/: all 80 frames" in done.stdout and [f["f"] for f in frames_of(tmp_path / "m")] == list(range(80))


def test_kits_that_nobody_has_yet(tmp_path):
    """So short that the kits are known, and nobody's is."""
    done = football(SOURCE, *DRAWN, "--seconds", "0.9", cwd=tmp_path)
    assert re.search(r"teams are not known: \w", done.stdout), done.stdout


POINTS = [{"image": [100, 500], "pitch": [20, 5]}, {"image": [850, 500], "pitch": [80, 5]},
          {"image": [250, 150], "pitch": [15, 65]}, {"image": [700, 150], "pitch": [85, 65]}]


def changed(i, **more):
    return {"points": [{**p, **more} if k == i else p for k, p in enumerate(POINTS)]}


@pytest.mark.parametrize("calibration, code, says", [
    (None, 3, "none.json"),
    ("{", 3, "bad.json: "),
    ({}, 2, "either points or a matrix is needed"),
    ({"points": POINTS, "matrix": []}, 2, "either points or a matrix is needed"),
    ({"points": POINTS[:3]}, 2, "bad.json: "),
    (changed(2, image=[1]), 2, "points[2].image: two numbers"),
    (changed(1, pitch="left_near_cornre"), 2, "points[1].pitch: no landmark \"left_near_cornre\", did you mean left_near_corner?"),
    (changed(3, pitch=[1, 2, 3]), 2, "points[3].pitch: two numbers"),
    (changed(3, score="x"), 2, "points[3].score"),
    ({"points": [{"image": [100 * i, 100 * i], "pitch": [10 * i, 10 * i]} for i in range(1, 5)]}, 2, "bad.json: "),
    ({"points": [{**p, "pitch": [105 - p["pitch"][0], p["pitch"][1]]} for p in POINTS]}, 2, "bad.json: "),
    ({"matrix": [1, 2, 3]}, 2, "matrix: three rows of three numbers"),
    ({"matrix": [0] * 9}, 2, "bad.json: "),
    ({"points": POINTS, "size": [105]}, 2, "size: length and width of the pitch"),
    ({"points": POINTS, "picture": [600, 600]}, 2, "it is for pictures of 600 x 600 px, and these have 960 x 540"),
])
def test_bad_calibrations(tmp_path, calibration, code, says):
    name = "none.json" if calibration is None else "bad.json"
    if calibration is not None:
        (tmp_path / name).write_text(calibration if isinstance(calibration, str) else json.dumps(calibration))
    done = football(SOURCE, *DRAWN, "--calibration", name, "--out", "m", cwd=tmp_path, code=code)
    assert says in done.stderr and name in done.stderr and done.stdout == "", done.stderr
    assert not (tmp_path / "m/match.jsonl").exists()


def test_a_calibration_of_another_size_is_scaled(truth, tmp_path):
    first = json.loads(truth[0].read_text())["matrix"]
    double = [2 * x for x in first[:6]] + first[6:]
    (tmp_path / "double.json").write_text(json.dumps({"matrix": double, "picture": [2 * SIZE[0], 2 * SIZE[1]]}))
    lines = [football(SOURCE, *DRAWN, "--calibration", path, "--json", "--seconds", "1", cwd=tmp_path).stdout.splitlines()
             for path in (truth[0], tmp_path / "double.json")]
    one, two = (json.loads(some[5])["tracks"] for some in lines)
    assert len(one) > 5
    for a, b in zip(one, two):
        assert a["pitch_m"] and max(abs(x - y) for x, y in zip(a["pitch_m"], b["pitch_m"])) < 0.05


@pytest.mark.parametrize("words, says", [
    (["--teams", "Reds"], "two names"),
    (["--teams", "Reds:#c00000,Blues"], "both with a colour or none"),
    (["--teams", "Reds:rde,Blues:blue"], "'rde' is no colour"),
    (["--teams", ":#c00000,Blues:#0000c0"], "team 1 has no name"),
    (["--out", "m", "--formats", "mot,trakab"], "did you mean tracab?"),
    (["--out", "m", "--formats", "mot,"], "there are mot, gamestate, skillcorner, tracab, epts"),
    (["--out", "m", "--formats", "mot" + ",mot" * 40], "--formats is too long"),
    (["--formats", "mot"], "--formats go into the folder of --out"),
    (["--look", "whale"], "--look is auto, whole or tiles"),
    (["--fps", "0"], "--fps must be a number"),
])
def test_wrong_usage(tmp_path, words, says):
    assert says in football(SOURCE, *DRAWN, *words, cwd=tmp_path, code=2).stderr


def test_the_environment_says_what_the_command_line_does_not(truth, tmp_path):
    """football.* of the settings; the command line goes before."""
    settings = {"FOVEA_FOOTBALL_PLAYER_MODEL": "drawn", "FOVEA_FOOTBALL_TARGET_FPS": "5", "FOVEA_FOOTBALL_HOMOGRAPHY": str(truth[0])}
    words = (SOURCE, "--json", "--seconds", "2")
    lines = [json.loads(line) for line in football(*words, cwd=tmp_path, env=environment(**settings)).stdout.splitlines()]
    assert len(lines) == 10 and lines[-1]["detector"] == "drawn" and lines[-1]["pitch_m"]["known"]
    lines = football(*words, "--fps", "2", cwd=tmp_path, env=environment(**settings)).stdout.splitlines()
    assert len(lines) == 4
    wrong = football(*words, cwd=tmp_path, code=2, env=environment(**settings, FOVEA_FOOTBALL_TRACKER="botsrt"))
    assert "FOVEA_FOOTBALL_TRACKER" in wrong.stderr and "botsort" in wrong.stderr


def test_what_cannot_be_opened(tmp_path):
    assert "no.mp4" in football("no.mp4", *DRAWN, cwd=tmp_path, code=3).stderr
    assert "did you mean botsort?" in football(SOURCE, *DRAWN, "--tracker", "botsrt", cwd=tmp_path, code=3).stderr
    assert football(SOURCE, "--model", "nothing.onnx", cwd=tmp_path, code=3).stderr
    assert "a source is missing" in football(cwd=tmp_path, code=2).stderr


def test_without_a_calibration_no_metres_are_made_up(tmp_path):
    done = football(SOURCE, *DRAWN, "--out", "m", "--seconds", "3", "--no-video", cwd=tmp_path)
    frames = frames_of(tmp_path / "m")
    assert len(frames) == 30 and any(f["p"] for f in frames)
    assert all(p[4] is None and p[5] is None for f in frames for p in f["p"]) and all(f["b"] is None for f in frames)
    assert "no distances, speeds and possession" in done.stdout and "--calibration" in done.stdout
    names = {path.name for path in (tmp_path / "m").iterdir()}
    assert "mot.txt" in names and not names & {"tracab.dat", "epts.txt", "skillcorner.jsonl", "gamestate.json"}
    assert not [name for name in names if name.startswith("heat_")]
    summary = json.loads((tmp_path / "m/summary.json").read_text())
    assert not summary["metres"] and all(t["mean_m"] is None for t in summary["teams"])


def test_keypoints_of_the_pitch_give_metres(tmp_path):
    football(SOURCE, *DRAWN, "--pitch-model", "drawn", "--out", "m", "--seconds", "3", "--no-video", cwd=tmp_path)
    people = [p for f in frames_of(tmp_path / "m")[10:] for p in f["p"]]
    assert len(people) > 100 and sum(p[4] is not None for p in people) > 0.9 * len(people)


def test_nobody_is_seen(tmp_path):
    """Moving shapes are no people."""
    done = football("pattern:frames=12,fps=10", "--model", "fake:boxes=none,labels=person+ball", "--out", "m", cwd=tmp_path)
    assert "people: nobody was seen" in done.stdout and len(frames_of(tmp_path / "m")) == 12
    assert len(pictures_of(tmp_path / "m/match.avi")) == 12 and json.loads((tmp_path / "m/summary.json").read_text())["people"] == []


def test_a_source_without_pictures_ends_well(tmp_path):
    (tmp_path / "empty").mkdir()
    done = football("empty", *DRAWN, "--out", "m", cwd=tmp_path, code=3)
    assert "empty holds no JPEG" in done.stderr and not (tmp_path / "m").exists()
    (tmp_path / "empty/a.jpg").write_text("no picture")
    done = football("empty", *DRAWN, "--out", "m", cwd=tmp_path, code=1)
    assert "nobody was seen" in done.stdout and "a.jpg: not a JPEG" in done.stderr and not (tmp_path / "m").exists()


@pytest.mark.parametrize("broken", [(0,), (3, 4)])
def test_broken_pictures_are_told_and_keep_their_time(tmp_path, broken):
    PIL = pytest.importorskip("PIL.Image")
    (tmp_path / "pics").mkdir()
    for i in range(8):
        path = tmp_path / f"pics/{i}.jpg"
        PIL.new("RGB", (320, 240), (20 * i, 90, 40)).save(path)
        if i in broken:
            path.write_bytes(path.read_bytes()[:400])
    done = football("pics", "--model", "fake:boxes=2,labels=person+ball", "--json", cwd=tmp_path, code=1)
    frames = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(f["frame"], f["pts_ms"]) for f in frames] == [(i, 100 * i) for i in range(8) if i not in broken]
    assert f"{len(broken)} could not be read" in done.stderr and f"{broken[0]}.jpg: the picture is cut off" in done.stderr


def test_photographs_are_turned_by_their_exif(tmp_path):
    """Taken with the telephone held upright: 320 x 240 on the disk, 240 x 320 to look at."""
    PIL = pytest.importorskip("PIL.Image")
    (tmp_path / "pics").mkdir()
    exif = PIL.Exif()
    exif[0x0112] = 6
    for i in range(6):
        image = PIL.new("RGB", (320, 240), (20, 90, 40))
        image.paste((255, 255, 255), (100, 10, 180, 74))  # white, at the left of the upper edge; upright: at the right
        image.save(tmp_path / f"pics/{i}.jpg", quality=95, exif=exif)
    done = football("pics", "--model", "fake:boxes=bright,labels=person+ball", "--look", "whole", "--json", "--out", "m", cwd=tmp_path)
    frames = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(f["frame"], f["width"], f["height"]) for f in frames] == [(i, 240, 320) for i in range(6)]
    x1, y1, x2, y2 = frames[-1]["detections"][0]["box"]
    assert abs(x1 - 166) < 12 and abs(y1 - 100) < 12 and abs(x2 - 230) < 12 and abs(y2 - 180) < 12, frames[-1]["detections"]
    copy = pictures_of(tmp_path / "m/match.avi")[0]
    import io
    assert PIL.open(io.BytesIO(copy)).size == (240, 320)


@pytest.fixture
def camera():
    """Pictures of one colour each, 25 a second."""
    PIL = pytest.importorskip("PIL.Image")
    import io
    pictures = []
    for shade in range(0, 250, 10):
        to = io.BytesIO()
        PIL.new("RGB", (320, 240), (shade, 90, 40)).save(to, "JPEG")
        pictures.append(to.getvalue())
    camera = Jpegs(pictures, fps=25)
    yield camera
    camera.close()


def of_camera(camera, *more):
    return (f"http://127.0.0.1:{camera.port}/", "--model", "fake:boxes=none,labels=person+ball", "--out", "m", *more)


def test_a_camera_is_live(camera, tmp_path):
    """Numbers by the clock, also over a break between two runs; drops are told."""
    words = of_camera(camera, "--seconds", "2")
    first = football(*words, cwd=tmp_path)
    frames = frames_of(tmp_path / "m")
    numbers = [f["f"] for f in frames]
    assert 8 <= len(numbers) <= 21 and numbers == sorted(set(numbers)) and numbers[-1] < 25
    assert "people: nobody was seen" in first.stdout and " in = " in first.stdout
    time.sleep(1)
    football(*words, cwd=tmp_path)
    numbers = [f["f"] for f in frames_of(tmp_path / "m")]
    assert numbers[:len(frames)] == [f["f"] for f in frames] and numbers == sorted(set(numbers))
    assert numbers[len(frames)] - numbers[len(frames) - 1] >= 8 and len(numbers) - len(frames) >= 8
    assert (tmp_path / "m/match-2.avi").exists()


def test_a_cameras_time_begins_with_its_first_frame(camera, tmp_path):
    """Killed before a frame was written: what goes on counts from its own beginning, not from that run's."""
    words = of_camera(camera, "--seconds", "1", "--no-video")
    football(*words, cwd=tmp_path)
    told = json.loads((tmp_path / "m/run.json").read_text())
    (tmp_path / "m/run.json").write_text(json.dumps({**told, "begun_ms": told["begun_ms"] - 3600e3}))
    head = (tmp_path / "m/match.jsonl").read_text().splitlines()[0]
    for left in (head[:20], head + "\n"):
        (tmp_path / "m/match.jsonl").write_text(left)
        football(*words, cwd=tmp_path)
    football(*words, cwd=tmp_path)
    assert max(f["f"] for f in frames_of(tmp_path / "m")) < 10 * 60


def test_a_new_calibration_of_a_camera_is_new_once(camera, tmp_path):
    """The next run with the same one cannot know whether the camera has moved since."""
    for name, shift in (("first.json", 0), ("second.json", 5)):
        points = [{"image": [(x + shift) / 3, y / 3], "pitch": p["pitch"]} for p in POINTS for x, y in [p["image"]]]
        (tmp_path / name).write_text(json.dumps({"points": points}))
    moved = "the camera may have moved"
    for name, asked in (("first.json", False), ("second.json", False), ("second.json", True), (None, False), ("second.json", True)):
        given = ("--calibration", name) if name else ()
        done = football(*of_camera(camera, "--seconds", "1", "--no-video", *given), cwd=tmp_path)
        assert (moved in done.stderr) == asked, (name, done.stderr)


def test_help_names_the_options(tmp_path):
    text = football("--help", cwd=tmp_path).stdout
    for word in ("--calibration", "--fps", "--out", "--teams", "--still", "--formats", "--json", "--ball-model", "--pitch-model"):
        assert word in text
    assert "football" in fovea("--help").stdout and os.access(BIN, os.X_OK)


def test_pictures_of_a_street_are_no_match(tmp_path):
    """A real clip without a pitch, by the default model: people have names, and nothing is made up about a pitch."""
    clip = Path(os.environ.get("FOVEA_TEST_DATA", "/nonexistent")) / "video/vtest.avi"
    if SANITIZED or not clip.exists() or not (DEPS / "models").exists():
        pytest.skip("no clip ($FOVEA_TEST_DATA), no model, or no runtime in a sanitized build")
    done = football(clip, "--seconds", "3", "--fps", "5", "--out", "m", cwd=tmp_path)
    frames = frames_of(tmp_path / "m")
    assert len(frames) == 15 and sum(len(f["p"]) for f in frames) > 30
    assert all(p[4] is None for f in frames for p in f["p"]) and all(f["b"] is None and f["o"] == -1 for f in frames)
    assert "no distances, speeds and possession" in done.stdout and len(pictures_of(tmp_path / "m/match.avi")) == 15


def test_a_street_has_no_teams_and_no_ball(tmp_path):
    """Half of that clip is lawn, but all walk on the road; a bin looks like a ball, and stands still for good."""
    clip = Path(os.environ.get("FOVEA_TEST_DATA", "/nonexistent")) / "video/vtest.avi"
    if SANITIZED or not clip.exists() or not (DEPS / "models").exists():
        pytest.skip("no clip ($FOVEA_TEST_DATA), no model, or no runtime in a sanitized build")
    done = football(clip, "--seconds", "12", "--json", "--no-video", cwd=tmp_path)
    frames = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(frames) == 120 and sum(d["class"] == "person" for f in frames for d in f["detections"]) > 400
    seen = sum(any(d["class"] == "sports ball" and d["confidence"] > 0.2 for d in f["detections"]) for f in frames[35:])
    assert seen > 30, "the detector takes nothing for a ball here: choose another clip"
    assert {f["teams"]["state"] for f in frames[20:]} == {"no_pitch"}
    assert all(t["team"] is None for f in frames for t in f["tracks"])
    told = [f["frame"] for f in frames if f["ball"]]
    assert len(told) <= 35, told
    assert len([f for f in frames[40:] if f["ball"]]) <= 5, told
