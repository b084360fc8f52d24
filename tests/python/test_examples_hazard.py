"""The examples of document 004 and of the client run, and say what they should."""
import os
import re
import subprocess
import sys

import pytest
from places import DOG, EXAMPLES, YOLOX, needs_model
from servers import locked, picture, server, start_server  # noqa: F401


def run(name, *words, code=0):
    done = subprocess.run([sys.executable, str(EXAMPLES / name), *map(str, words)], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=120, cwd=EXAMPLES,
                          env={key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")})
    assert done.returncode == code, done.stdout
    return done.stdout


@pytest.fixture
def street(tmp_path):
    path = tmp_path / "street.jpg"
    path.write_bytes(picture())
    return path


def test_image(street):
    assert re.search(r"\d+ bytes, 320 x 240 px, \d+ characters", run("hazard_image.py", "--source", street))
    assert "640 x 360 px" in run("hazard_image.py")


def test_pipeline():
    said = run("hazard_pipeline.py")
    assert re.findall(r"Frame (\d+): 1 detections, ms: queue", said) == [str(i) for i in range(20)], said


@needs_model
def test_pipeline_on_a_real_picture():
    said = run("hazard_pipeline.py", "--source", DOG, "--model", YOLOX)
    assert re.search(r"Frame 0: [3-9] detections", said), said


def test_backpressure():
    said = run("hazard_backpressure.py")
    kinds = re.findall(r"^Frame \d+: (detection|dropped queue)$", said, re.M)
    assert len(kinds) == 50 and kinds.count("detection") >= 25, said
    assert f"'accepted': 50, 'processed': {kinds.count('detection')}" in said


def test_buffers():
    assert run("hazard_buffers.py") == "100 pictures in 1 buffer\n12 at once in 12 buffers, 2 of them beyond the pool\n"


def test_quality():
    turns = re.findall(r"(\d+) -> (\d+) fps", run("hazard_quality.py"))
    assert [int(to) for _, to in turns] == [13, 11, 9, 7, 5, *range(6, 16)]


def test_profiling():
    said = run("hazard_profiling.py")
    assert said.startswith("30 frames, ") and re.search(r"bottlenecks: \{.*: \d+", said), said


def test_client_requests(server, locked, street):
    said = run("client_requests.py", street, "--url", server.url)
    assert re.search(r"^\w+ +0\.90  [\d ]+\n1 found in [\d.]+ ms, (?:within|beyond) 200 ms\nfovea [\d.]+: \d+ frames", said, re.M), said
    token = locked.make_token("admin")["token"]
    assert "1 found" in run("client_requests.py", street, "--url", f"{locked.url}/?token={token}")
    assert run("client_requests.py", street, "--url", locked.url, code=1).startswith("401 ")
    assert "cannot connect" in run("client_requests.py", street, "--url", "http://127.0.0.1:1", code=1)


def test_client_stream(server):
    said = run("client_stream.py", "--url", server.url)
    last = said.splitlines()[-1]
    assert sum(map(int, re.findall(r"(\d+) [a-z]", last))) == 60 and said.count("Frame ") >= 1, said


def test_client_hazard(server, street):
    said = run("client_hazard.py", street, "--url", server.url, "--count", "10")
    assert len(re.findall(r"^Frame \d+: (result|dropped) ", said, re.M)) == 10 and "25 fps" in said, said
    assert re.search(r"events: .*\d+ detection.*1 end.*1 session", said), said
