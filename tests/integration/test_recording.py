"""`fovea record` and `fovea replay`: what was kept gives the same detections to the bit, whatever happened to the file."""
import json
import os
import signal
import socket
import subprocess
import time

import pytest
from conftest import BIN, ROOT, environment, fovea
from PIL import Image

DEFAULT = ROOT / ".deps/models/ssd_mobilenet_v2"
CLIP = ROOT / ".deps/media/bikes.mp4"
BRIGHT = ["--model", "fake:boxes=bright"]
needs_model = pytest.mark.skipif(not DEFAULT.exists() or not CLIP.exists() or "FOVEA_SANITIZED" in os.environ,
                                 reason="set-up has not fetched the default model and the clip")


def lines(command, source, *words, cwd, code=0, **more):
    done = fovea(command, str(source), "--json", *words, cwd=cwd, code=code, env=environment(**more))
    return [json.loads(line) for line in done.stdout.splitlines()]


def record(source, output, *words, cwd, code=0):
    return fovea("record", str(source), "-o", str(output), *words, cwd=cwd, code=code).stderr


def same(a, b, *members):
    assert len(a) == len(b) and a
    for one, other in zip(a, b):
        for member in ("frame", "pts_ms", "width", "height", "detections", *members):
            assert one[member] == other[member], one


def bright_picture(path, i, **options):
    image = Image.new("RGB", (320 + 16 * i, 240), (40, 40, 40))
    image.paste((250, 250, 250), (20 * i, 10 * i, 20 * i + 80, 10 * i + 60))
    image.save(path, **options)


def test_moving_shapes(tmp_path):
    url = "pattern:width=320,height=240,frames=20,fps=20"
    told = record(url, "a.fvr", cwd=tmp_path)
    assert "20 frames" in told and "MB" in told
    assert (tmp_path / "a.fvr").stat().st_mode & 0o777 == 0o600
    original = lines("predict", url, *BRIGHT, cwd=tmp_path)
    same(original, lines("replay", "a.fvr", "--fast", *BRIGHT, cwd=tmp_path))
    same(original, lines("predict", "a.fvr", *BRIGHT, cwd=tmp_path))


def test_pictures_keep_their_names_and_are_turned(tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    for i, (name, more) in enumerate({"a1.jpg": {}, "a2.jpg": {"exif": exif}, "a3.png": {}, "a4.webp": {"lossless": True}}.items()):
        bright_picture(pictures / name, i, **more)
    (pictures / "a5.jpg").write_bytes(b"no picture")
    told = record(pictures, "a.fvr", cwd=tmp_path, code=1)
    assert "a5.jpg" in told and "1 could not be read" in told
    original = lines("predict", pictures, *BRIGHT, cwd=tmp_path, code=1)
    again = lines("replay", "a.fvr", *BRIGHT, cwd=tmp_path)
    same(original, again, "source")
    assert (again[1]["width"], again[1]["height"]) == (240, 336)
    fovea("replay", "a.fvr", "--save", "out", *BRIGHT, cwd=tmp_path)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a1.jpg", "a2.jpg", "a3.png.jpg", "a4.webp.jpg"]


@needs_model
def test_a_clip_with_the_default_model(tmp_path):
    record(CLIP, "clip.fvr", "--seconds", "1", cwd=tmp_path)
    again = lines("replay", "clip.fvr", "--fast", cwd=tmp_path)
    original = lines("predict", CLIP, cwd=tmp_path)[:len(again)]
    assert len(again) == 26 and any(frame["detections"] for frame in again)
    same(original, again)


@pytest.mark.parametrize("words", [[], ["--batch", "4"], ["--conf", "0.5"], ["--exact"]])
def test_options_of_predict(tmp_path, words):
    url = "pattern:width=160,height=120,frames=9,fps=200"
    record(url, "a.fvr", cwd=tmp_path)
    same(lines("predict", url, *BRIGHT, *words, cwd=tmp_path), lines("replay", "a.fvr", *BRIGHT, *words, cwd=tmp_path))


def test_pace(tmp_path):
    record("pattern:width=64,height=64,frames=31,fps=20", "a.fvr", cwd=tmp_path)
    process = subprocess.Popen([str(BIN), "replay", "a.fvr", "--json", *BRIGHT], cwd=tmp_path, env=environment(),
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    came = [time.monotonic() for _ in process.stdout]
    assert process.wait() == 0 and len(came) == 31
    assert 1.2 < came[-1] - came[0] < 10     # 30 intervals of 50 ms, each line as its frame is answered
    assert came[15] - came[0] > 0.4
    record("pattern:width=64,height=64,frames=31,fps=0.5", "slow.fvr", cwd=tmp_path)
    assert len(lines("replay", "slow.fvr", "--fast", *BRIGHT, cwd=tmp_path)) == 31   # a minute long


def test_bounds(tmp_path):
    told = record("pattern:width=320,height=240", "small.fvr", "--max-mb", "0.5", cwd=tmp_path)
    assert "it is full" in told and (tmp_path / "small.fvr").stat().st_size <= 500000
    assert len(lines("replay", "small.fvr", "--fast", *BRIGHT, cwd=tmp_path)) > 2
    record("pattern:width=64,height=64,fps=10", "short.fvr", "--seconds", "2", cwd=tmp_path)
    assert len(lines("replay", "short.fvr", "--fast", *BRIGHT, cwd=tmp_path)) == 21


def test_nothing_is_overwritten_and_more_is_added(tmp_path):
    url = "pattern:width=64,height=64,frames=5"
    record(url, "a.fvr", cwd=tmp_path)
    before = (tmp_path / "a.fvr").read_bytes()
    assert "--append" in record(url, "a.fvr", cwd=tmp_path, code=1)
    assert (tmp_path / "a.fvr").read_bytes() == before
    record(url, "a.fvr", "--append", cwd=tmp_path)
    assert (tmp_path / "a.fvr").read_bytes().startswith(before)
    assert len(lines("replay", "a.fvr", "--fast", *BRIGHT, cwd=tmp_path)) == 10


def test_a_part_of_a_recording(tmp_path):
    record("pattern:width=64,height=64,frames=30,fps=10", "a.fvr", cwd=tmp_path)
    record("a.fvr", "b.fvr", "--seconds", "1", cwd=tmp_path)
    whole, part = (lines("replay", name, "--fast", *BRIGHT, cwd=tmp_path) for name in ("a.fvr", "b.fvr"))
    assert len(part) == 11
    same(whole[:11], part)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_end_in_the_middle(tmp_path, number):
    process = subprocess.Popen([str(BIN), "record", "pattern:width=320,height=240", "-o", "a.fvr"], cwd=tmp_path,
                               env=environment(), stderr=subprocess.PIPE)
    until = time.monotonic() + 20
    while not (tmp_path / "a.fvr").exists() or (tmp_path / "a.fvr").stat().st_size < 200000:
        assert time.monotonic() < until
        time.sleep(0.02)
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == (0 if number == signal.SIGINT else -number)
    assert len(lines("replay", "a.fvr", "--fast", *BRIGHT, cwd=tmp_path)) > 1


def test_a_live_source_that_says_nothing_ends_at_once(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/video.mjpg"
        process = subprocess.Popen([str(BIN), "record", url, "-o", "a.fvr"], cwd=tmp_path, env=environment(),
                                   stderr=subprocess.PIPE)
        silent.settimeout(20)
        peer, _ = silent.accept()
        with peer:
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=3)
    assert process.returncode == 1
    assert not (tmp_path / "a.fvr").exists()


def test_a_cut_recording_gives_what_is_whole(tmp_path):
    record("pattern:width=160,height=120,frames=10", "a.fvr", cwd=tmp_path)
    whole = lines("replay", "a.fvr", "--fast", *BRIGHT, cwd=tmp_path)
    bytes_ = (tmp_path / "a.fvr").read_bytes()
    (tmp_path / "cut.fvr").write_bytes(bytes_[:len(bytes_) * 2 // 3])
    done = fovea("replay", "cut.fvr", "--fast", "--json", *BRIGHT, cwd=tmp_path)
    cut = [json.loads(line) for line in done.stdout.splitlines()]
    assert "cut off" in done.stderr and 2 < len(cut) < 10
    same(whole[:len(cut)], cut)
    damaged = bytearray(bytes_)
    damaged[bytes_.index(b"FRM1", len(bytes_) // 2) + 200] ^= 255
    (tmp_path / "spot.fvr").write_bytes(damaged)
    rest = lines("replay", "spot.fvr", "--fast", *BRIGHT, cwd=tmp_path, code=1)
    assert len(rest) == 9


@pytest.mark.parametrize("command, words, code, said", [
    ("record", [], 2, "a source is missing"),
    ("record", ["pattern:"], 2, "-o FILE.fvr is missing"),
    ("record", ["missing.jpg", "-o", "x.fvr"], 3, "missing.jpg"),
    ("record", ["pattern:", "-o", "nowhere/x.fvr"], 3, "nowhere/x.fvr"),
    ("record", ["pattern:", "-o", "x.fvr", "--seconds", "0"], 2, "--seconds"),
    ("record", ["pattern:frames=1", "-o", "text.txt", "--append"], 3, "no recording"),
    ("replay", [], 2, "a recording is missing"),
    ("replay", ["missing.fvr"], 3, "missing.fvr"),
    ("replay", ["text.txt"], 3, "text.txt"),
    ("replay", ["text.fvr"], 3, "no recording"),
    ("replay", ["pattern:"], 3, "no recording"),
    ("replay", ["text.fvr", "--fsat"], 2, "--fast"),
])
def test_exit_codes_and_reasons(tmp_path, command, words, code, said):
    for name in ("text.txt", "text.fvr"):
        (tmp_path / name).write_text("my diary\n")
    assert said in fovea(command, *words, cwd=tmp_path, code=code).stderr
    assert not (tmp_path / "x.fvr").exists()
    assert (tmp_path / "text.txt").read_text() == (tmp_path / "text.fvr").read_text() == "my diary\n"
