"""What a match file is written as, read back by kloppy and by hand; and that nothing told written is lost."""
import json
import os
import random
import signal
import subprocess
import warnings

import numpy as np
import pytest
from PIL import Image

TOOL = os.environ["FOVEA_WRITE_MATCH"]
FPS, FRAMES = 25, 150


def run(*words):
    return subprocess.run([TOOL, *map(str, words)], capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def match(tmp_path_factory):
    """A folder with a match of 6 s in all formats."""
    folder = tmp_path_factory.mktemp("match")
    assert run("record", folder / "match.jsonl", FPS, FRAMES).returncode == 0
    for name in ("mot", "gamestate", "skillcorner", "tracab", "epts"):
        done = run("export", folder / "match.jsonl", name, folder)
        assert done.returncode == 0, done.stderr
    assert not list(folder.glob("*.new"))
    return folder


@pytest.fixture(scope="module")
def lines(match):
    """The frames as they stand in the file."""
    return [json.loads(line) for line in (match / "match.jsonl").read_text().splitlines()[1:]]


def people(frame, team=None):
    """id → its numbers: id, team, role, number, x, y, speed, box, score."""
    return {entry[0]: entry for entry in frame["p"] if team is None or entry[1] == team}


def kloppy(name):
    pytest.importorskip("kloppy")
    return pytest.importorskip(f"kloppy.{name}")


def compare(dataset, frames, key, to_metres, within):
    """Every player of every frame; `key` finds the entry of a kloppy player, `to_metres` our place of a point."""
    assert len(dataset.records) == len(frames)
    for record, frame in zip(dataset.records, frames):
        wanted = {key(entry): entry for team in (0, 1) for entry in people(frame, team).values()}
        seen = {key(player): data for player, data in record.players_data.items()
                if data.coordinates is not None and not np.isnan(data.coordinates.x)}
        assert set(seen) == set(wanted)
        for name, data in seen.items():
            x, y = to_metres(data.coordinates)
            assert abs(x - wanted[name][4]) < within and abs(y - wanted[name][5]) < within
        if frame["b"] is None:
            continue
        x, y = to_metres(record.ball_coordinates)
        assert abs(x - frame["b"][0]) < within and abs(y - frame["b"][1]) < within


def test_tracab(match, lines):
    tracab = kloppy("tracab")
    dataset = tracab.load(meta_data=str(match / "tracab_meta.xml"), raw_data=str(match / "tracab.dat"), only_alive=False,
                          coordinates="tracab")

    def key(one):
        return (one[1], one[3]) if isinstance(one, list) else (0 if one.team.ground.value == "home" else 1, one.jersey_no)

    compare(dataset, lines, key, lambda p: (p.x / 100 + 52.5, p.y / 100 + 34), 0.006)
    assert dataset.metadata.frame_rate == FPS
    assert dataset.metadata.orientation.value == "home-away"
    for record, frame in zip(dataset.records, lines):
        assert (record.ball_state.value == "alive") == (frame["b"] is not None and frame["o"] >= 0)
        if frame["o"] >= 0:
            assert record.ball_owning_team.ground.value == ("home", "away")[frame["o"]]
        for player, data in record.players_data.items():
            entry = next(e for e in frame["p"] if e[1] == key(player)[0] and e[3] == key(player)[1])
            assert abs(data.speed - entry[6]) < 0.006


def test_skillcorner(match, lines):
    skillcorner = kloppy("skillcorner")
    dataset = skillcorner.load(meta_data=str(match / "skillcorner_match.json"), raw_data=str(match / "skillcorner.jsonl"),
                               include_empty_frames=True, coordinates="skillcorner", data_version="V3")
    tenths, wanted = -1, []
    for frame in lines:
        if int(frame["t"] * 10 + 1e-6) > tenths:
            tenths = int(frame["t"] * 10 + 1e-6)
            wanted.append(frame)
    assert len(wanted) == 60
    compare(dataset, wanted, lambda one: one[0] if isinstance(one, list) else int(one.player_id),
            lambda p: (p.x + 52.5, p.y + 34), 0.006)
    assert [team.name for team in dataset.metadata.teams] == ["Home <1>", "Gäste & Co"]
    numbers = {int(player.player_id): player.jersey_no for team in dataset.metadata.teams for player in team.players}
    assert all(numbers[who] == entry[3] for frame in lines for who, entry in people(frame).items() if entry[1] >= 0)
    assert [record.timestamp.total_seconds() for record in dataset.records] == pytest.approx([i / 10 for i in range(60)])
    assert dataset.records[0].ball_owning_team == dataset.metadata.teams[0]


def test_epts(match, lines):
    metrica = kloppy("metrica")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = metrica.load_tracking_epts(meta_data=str(match / "epts.xml"), raw_data=str(match / "epts.txt"),
                                             coordinates="metrica")
    compare(dataset, lines, lambda one: one[0] if isinstance(one, list) else int(one.player_id[1:]),
            lambda p: (p.x * 105, (1 - p.y) * 68), 0.002)
    assert [team.name for team in dataset.metadata.teams] == ["Home <1>", "Gäste & Co"]
    assert dataset.metadata.frame_rate == FPS
    heights = [record.ball_coordinates.z - frame["b"][2] for record, frame in zip(dataset.records, lines) if frame["b"]]
    assert np.abs(heights).max() < 0.001


def test_mot(match, lines):
    rows = np.loadtxt(match / "mot.txt", delimiter=",")
    wanted = [(frame["f"] + 1, e[0], e[7], e[8], e[9] - e[7], e[10] - e[8], e[11], -1, -1, -1)
              for frame in lines for e in frame["p"]]
    assert rows.shape == (len(wanted), 10)
    assert np.abs(rows - np.array(wanted)).max() < 0.11


def test_gamestate(match, lines):
    predictions = json.loads((match / "gamestate.json").read_text())["predictions"]
    entries = [(frame, e) for frame in lines for e in frame["p"]]
    assert len(predictions) == len(entries)
    for got, (frame, e) in zip(predictions, entries):
        assert got["image_id"] == f"{frame['f'] + 1:06d}" and got["track_id"] == e[0]
        assert got["supercategory"] == "object" and got["category_id"] == 1.0
        assert got["attributes"] == {"role": ["player", "goalkeeper", "referee", "other"][e[2]],
                                     "jersey": str(e[3]) if e[3] else None, "team": {0: "left", 1: "right", -1: None}[e[1]]}
        place = got["bbox_pitch"]
        assert abs(place["x_bottom_middle"] - (e[4] - 52.5)) < 0.002 and abs(place["y_bottom_middle"] - (34 - e[5])) < 0.002


def test_other_rates_are_refused_where_they_do_not_fit(tmp_path):
    assert run("record", tmp_path / "m.jsonl", "29.97", 20).returncode == 0
    for name in ("tracab", "epts"):
        done = run("export", tmp_path / "m.jsonl", name, tmp_path)
        assert done.returncode != 0 and "29.97" in done.stderr
    assert run("export", tmp_path / "m.jsonl", "mot", tmp_path).returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.jsonl", "mot.txt"]


def test_heat_map_is_a_picture(match, lines, tmp_path):
    assert run("heat", match / "match.jsonl", tmp_path / "heat.png").returncode == 0
    with Image.open(tmp_path / "heat.png") as picture:
        assert picture.format == "PNG" and picture.size == (840, 544) and picture.mode == "RGB"
        pixels = np.asarray(picture).astype(int)
    spots = np.array([(e[4], e[5]) for frame in lines for e in people(frame, 0).values()])
    bins, _, _ = np.histogram2d(spots[:, 0], spots[:, 1], bins=[105, 68], range=[[0, 105], [0, 68]])
    x, y = np.unravel_index(bins.argmax(), bins.shape)

    def colour(mx, my):
        return pixels[543 - int(my * 8), int(mx * 8)]

    assert colour(x + 0.5, y + 0.5)[0] > 150       # warm: red or yellow
    empty = [(mx, my) for mx in range(8, 100, 7) for my in range(5, 64, 7)
             if np.hypot(spots[:, 0] - mx, spots[:, 1] - my).min() > 9]
    assert empty and np.mean([colour(*spot)[1] - colour(*spot)[0] for spot in empty]) > 20    # grass


def test_nothing_told_written_is_lost(tmp_path):
    """Killed again and again at any moment, and taken up again."""
    path, told, rounds = tmp_path / "m.jsonl", -1, 0
    chance = random.Random(5)
    while told < 290 and rounds < 60:
        rounds += 1
        with subprocess.Popen([TOOL, "record", str(path), "25", "300", "1"], stdout=subprocess.PIPE, text=True) as process:
            for _ in range(chance.randint(2, 30)):
                word = process.stdout.readline().split()
                if not word:
                    break
                told = int(word[1])
            process.send_signal(signal.SIGKILL)
        text = path.read_bytes()
        numbers = [json.loads(line)["f"] for line in text[:text.rfind(b"\n")].splitlines()[1:]]
        assert numbers == list(range(len(numbers))) and numbers[-1] >= told
    assert rounds > 3
    assert run("record", path, 25, 300).returncode == 0
    assert [json.loads(line)["f"] for line in path.read_text().splitlines()[1:]] == list(range(300))
