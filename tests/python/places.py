"""What the tests of fovea.realtime run on: the drawn match, real pictures and clips where they are there."""
from __future__ import annotations

import importlib
import os
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples/python"
CONFIG = EXAMPLES / "config/config.yaml"
BUILD = Path(os.environ.get("FOVEA_BUILD", ROOT / "build"))
DATA = Path(os.environ.get("FOVEA_TEST_DATA", ROOT.parent / "shared/data"))
SEEDS = DATA.parent / "seeds"
YOLOX = DATA / "models/yolox_nano_416.onnx"
CLIP = DATA / "video/vtest.avi"
DOG = DATA / "images/dog.jpg"

# Models and clips need a runtime and FFmpeg, which a sanitized library does not load.
SANITIZED = bool(os.environ.get("FOVEA_SANITIZED"))
needs_model = pytest.mark.skipif(SANITIZED or not YOLOX.exists(), reason="no shared models, or no runtime in a sanitized build")
needs_clip = pytest.mark.skipif(SANITIZED or not CLIP.exists(), reason="no shared clips, or no FFmpeg in a sanitized build")


def match(**options: object) -> str:
    """The drawn match, small by default."""
    return "pattern:football?" + "&".join(f"{key}={value}" for key, value in {"size": "640x360", **options}.items())


def camera_servers():
    """tests/integration/camera_servers.py, whose conftest is that of its own folder."""
    ours, folder = sys.modules.pop("conftest", None), str(ROOT / "tests/integration")
    sys.path.insert(0, folder)
    try:
        return importlib.import_module("camera_servers")
    finally:
        sys.path.remove(folder)
        sys.modules.pop("conftest", None)
        if ours is not None:
            sys.modules["conftest"] = ours


def ffmpeg() -> str:
    found = shutil.which("ffmpeg")
    if not found:
        pytest.skip("ffmpeg is not installed")
    return found
