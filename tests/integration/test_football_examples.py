"""examples/football: what document 003 shows in Python, as C programs, on the drawn match."""
from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from camera_servers import Nginx, make_clip
from conftest import BIN, ROOT, environment, wait_for

FOLDER = Path(os.environ.get("FOVEA_BUILD", ROOT / "build")) / "examples/football"
CONFIG = ROOT / "examples/football/config.yaml"
NAMES = ("adaptive", "batch", "frames", "live", "profile", "reader", "stream", "stream_benchmark")
PARTS = ["player_detection", "ball_detection", "tracking", "team_classification", "homography", "other"]


def match(**options):
    return "pattern:football?" + "&".join(f"{key}={value}" for key, value in {"size": "640x360", **options}.items())


def run(name, *words, code=0, **env):
    done = subprocess.run([str(FOLDER / name), *map(str, words)], capture_output=True, text=True, timeout=60, check=False,
                          env=environment(**env), stdin=subprocess.DEVNULL)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def people(text):
    """Number of the frame → how many people, of the lines of results."""
    return {int(n): int(count) for n, count in re.findall(r"^Frame (\d+): (\d+) players", text, re.M)}


def value(text, name):
    found = re.search(rf"^{name}:? +([\d.]+)", text, re.M)
    assert found, text
    return float(found.group(1))


def test_the_settings_of_the_examples_are_right():
    done = subprocess.run([str(BIN), "config", "check", str(CONFIG)], capture_output=True, text=True, timeout=30, check=False,
                          env=environment())
    assert done.returncode == 0, done.stderr


def test_reader_gives_ten_frames_a_second_of_the_files_time():
    lines = re.findall(r"^ *(\d+) ms: 320 x 180 px, \d+ of 30 more wait$",
                       run("reader", match(size="320x180", fps=50, frames=100)).stdout, re.M)
    assert [int(ms) for ms in lines] == list(range(0, 2000, 100))


def test_frames_one_by_one():
    text = run("frames", CONFIG, match(fps=10, frames=30)).stdout
    found = people(text)
    assert list(found) == list(range(30))
    assert found[29] >= 5, "people of the drawn match are followed"
    assert "ball at" in text
    assert value(text, "FPS") > 0 and value(text, "Latency") > 0 and value(text, "Memory") > 1
    assert "GPU" not in text, "a figure that this machine does not have"


def test_batches_hold_every_frame_in_order():
    text = run("batch", CONFIG, match(fps=10, frames=21), 8).stdout
    assert list(people(text)) == list(range(21))
    assert people(text) == people(run("batch", CONFIG, match(fps=10, frames=21), 3).stdout), "whatever the batch"


def test_stream_calls_back_and_tells_statistics(tmp_path):
    done = run("stream", CONFIG, match(), 5.6)
    assert len(people(done.stdout)) >= 20 and ", 1 is at " in done.stdout
    told = re.findall(r"^[\d.]+ fps, [\d.]+ ms \(p95 [\d.]+\), (\d+) of (\d+) delivered$", done.stderr, re.M)
    assert len(told) == 1 and 0 < int(told[0][0]) < int(told[0][1]), "every five seconds; ten frames of twenty-five"


def test_stream_takes_a_homography(tmp_path):
    config, h = tmp_path / "c.yaml", tmp_path / "H.txt"
    config.write_text("football: {player_model: drawn}\n")
    assert " is at " not in run("stream", config, match(frames=25), 20).stdout, "the source ends before the time"
    h.write_text("5 0 50\n0 -4 330\n0 0 1\n")
    assert re.search(r", \d+ is at [-\d.]+, [-\d.]+ m$", run("stream", config, match(frames=25), 20, h).stdout, re.M)
    h.write_text("5 0 50\n0 -4 330\n0 0\n")
    assert "nine numbers" in run("stream", config, match(), 5, h, code=3).stderr


def test_adaptive_keeps_its_bounds():
    done = run("adaptive", CONFIG, match(frames=75))
    assert 10 <= len(people(done.stdout)) <= 46, "3 s at 5 to 15 frames a second"


def test_live_runs_until_it_is_stopped():
    with subprocess.Popen([str(FOLDER / "live"), str(CONFIG), match()], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, env=environment()) as process:
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert people(out) and re.search(r"; (Whites|Reds) \d+ % of the ball, (Whites|Reds) \d+ %$", out, re.M)


def test_live_follows_rtmp(tmp_path):
    """A server that is published to, as document 003 has it; the model is a stand-in that sees two people."""
    config = tmp_path / "c.yaml"
    config.write_text('models: {default: "fake:labels=person+ball,boxes=2,width=640,height=640"}\n')
    server, out = Nginx(tmp_path / "nginx"), tmp_path / "out"
    publisher = server.publish(make_clip(tmp_path / "clip.mp4", seconds=20), "match")
    try:
        with out.open("w") as to, subprocess.Popen([str(FOLDER / "live"), str(config),
                                                    f"rtmp://127.0.0.1:{server.rtmp}/live/match"], stdout=to,
                                                   stderr=subprocess.PIPE, text=True, env=environment()) as process:
            try:
                wait_for(lambda: len(people(out.read_text())) >= 10, 40, "ten frames", lambda: out.read_text())
            finally:
                process.send_signal(signal.SIGINT)
                err = process.communicate(timeout=20)[1]
        assert process.returncode == 0, err
        assert max(people(out.read_text()).values()) >= 1
    finally:
        publisher.kill()
        publisher.wait()
        server.kill()


@pytest.mark.parametrize("mode", ["realtime", "batch"])
def test_profile_tells_what_takes_how_long(mode):
    text = run("profile", CONFIG, 20, match(), PIPELINE_MODE=mode).stdout
    assert value(text, "Average FPS") > 0 and value(text, "Average Latency") > 0
    assert re.findall(r"^(\w+) +[\d.]+ ms$", text, re.M) == PARTS
    assert value(text, "tracking") > 0


def test_stream_benchmark_counts_every_frame():
    text = run("stream_benchmark", CONFIG, match(), 2, 10).stdout
    offered, delivered, dropped = map(int, re.search(r"(\d+) offered, (\d+) delivered, (\d+) dropped", text).groups())
    assert offered == delivered + dropped and 5 <= offered <= 22
    assert value(text, "Achieved FPS") > 0 and value(text, "E2E Latency") > 0
    assert re.findall(r"^(\w+) +[\d.]+ ms$", text, re.M) == PARTS


@pytest.mark.parametrize("name", NAMES)
def test_wrong_calls_are_explained(name, tmp_path):
    done = run(name, code=2)
    assert f"{name} " in done.stderr and "usage: " in done.stderr
    if name == "reader":
        return
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("football:\n  player_modle: x\n")
    more = [5] if name == "profile" else [match()]
    assert f"{wrong}:2:3: football.player_modle: no such setting, did you mean player_model?" in \
        run(name, wrong, *more, code=2).stderr
    missing = [5, "/nowhere/clip.jpg"] if name == "profile" else ["/nowhere/clip.jpg"]
    assert "/nowhere/clip.jpg" in run(name, CONFIG, *missing, code=3).stderr
