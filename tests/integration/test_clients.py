"""The example clients do what they say, against a real server."""
import os
import re
import subprocess
import sys

import pytest
from conftest import ROOT, SANITIZED
from realtime import START, STOP, picture

CLIENTS = ROOT / "examples/clients"


def run(name: str, *words: str, code: int = 0) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    done = subprocess.run([sys.executable, str(CLIENTS / name), *words], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60, env=environment)
    assert done.returncode == code, done.stdout
    return done.stdout


@pytest.fixture
def folder(tmp_path):
    for i in range(3):
        (tmp_path / f"{i}.jpg").write_bytes(picture(level=50 * i))
    return tmp_path


def test_process_frame(server, folder):
    said = run("process_frame.py", str(folder / "0.jpg"), "--url", server.url, "--max-latency-ms", "0.01")
    assert re.search(r"^\w+ +0\.90  \d+,\d+ \d+,\d+$", said, re.M), said
    assert re.search(r"^1 found in [\d.]+ ms, beyond 0\.01 ms$", said, re.M), said


def test_process_frame_says_what_is_wrong(server, folder):
    broken = folder / "broken.jpg"
    broken.write_bytes(b"not a picture")
    assert re.match(r"4\d\d \w+: .", run("process_frame.py", str(broken), "--url", server.url, code=1))


def test_process_frame_with_a_token(locked, folder):
    token = locked.make_token("push")["token"]
    assert "1 found" in run("process_frame.py", str(folder / "0.jpg"), "--url", locked.url, "--token", token)
    assert run("process_frame.py", str(folder / "0.jpg"), "--url", locked.url, code=1).startswith("401 ")


def test_stream(server, folder):
    said = run("stream.py", str(folder), "--url", server.ws, "--fps", "100", "--count", "40")
    results = int(re.search(r"^(\d+) results, median [\d.]+ ms, p95 [\d.]+ ms$", said, re.M).group(1))
    dropped = sum(int(n) for n in re.findall(r" (\d+)(?:,|$)", re.search(r"^dropped:(.*)$", said, re.M).group(1)))
    assert results + dropped == 40 and results > 0, said


def test_watch(server, folder):
    started = server.post(START, json={"source": "pattern:width=320,height=240,fps=25", "token": "watched room"})
    assert started.status_code == 201
    latest = folder / "latest.jpg"
    said = run("watch.py", "watched room", "--url", server.ws, "--count", "10", "--save", str(latest))
    server.post(STOP, json={"stream_id": started.json()["stream_id"]})
    assert "camera connected" in said and said.count("frame ") == 10
    assert re.search(r"^frame \d+: [\d.]+ ms  \w+ 0\.90$", said, re.M), said
    assert latest.read_bytes()[:2] == b"\xff\xd8"


def test_hazard(server, folder):
    said = run("hazard.py", str(folder), "--url", server.ws, "--fps", "25", "--count", "30", "--client", "the door")
    assert said.startswith("session hazard-"), said
    rate = r"\d+" if SANITIZED else "25"
    results = len(re.findall(rf"^frame \d+: [\d.]+ ms at {rate} fps  \w+ 0\.90", said, re.M))
    lost = sum(int(n) for n in re.findall(r" (\d+)(?:,|$)", re.search(r"^not analysed:(.*)$", said, re.M).group(1)))
    assert results + lost == 30 and results > (0 if SANITIZED else 20), said  # sanitizers are slower than 25 a second
    assert "bad_config: fps_limit" in run("hazard.py", str(folder), "--url", server.ws, "--fps", "99", code=1)


def test_hazard_with_a_token(locked, folder):
    token = locked.make_token("push")["token"]
    assert "frame 0: " in run("hazard.py", str(folder), "--url", locked.ws, "--token", token, "--count", "3")


def test_they_stay_short():
    for path in CLIENTS.glob("*.py"):
        assert len(path.read_text().splitlines()) <= 60, path.name
