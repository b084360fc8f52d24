"""The program, the test data and what set-up fetched; tests that lack one are skipped by name."""
import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("FOVEA_BIN") or Path(os.environ.get("FOVEA_BUILD", ROOT / "build")) / "fovea")
DATA = Path(os.environ.get("FOVEA_TEST_DATA", ROOT.parent / "shared/data"))
DEPS = Path(os.environ.get("FOVEA_DEPS", ROOT / ".deps"))


def fovea(*words):
    """A finished run of the program."""
    env = {**os.environ, "FOVEA_DEPS": str(DEPS)}
    return subprocess.run([str(BIN), *map(str, words)], capture_output=True, text=True, env=env, timeout=280)


def answers(*words):
    """The JSON lines of a run that must succeed."""
    done = fovea(*words, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def data():
    if not (DATA / "coco/tinycoco/instances.json").exists():
        pytest.skip(f"the test data is not in {DATA} (FOVEA_TEST_DATA)")
    return DATA


@pytest.fixture
def default_model():
    if os.environ.get("FOVEA_SANITIZED"):
        pytest.skip("numbers are compared without sanitizers")
    path = DEPS / "models/ssd_mobilenet_v2/model.xml"
    if not path.exists():
        pytest.skip("the default model is not in .deps (run `make build`)")
    return path
