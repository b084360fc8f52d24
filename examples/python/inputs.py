"""What the examples work on: --source, --model, --config, --seconds; by default nothing that has to be fetched."""
from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from fovea.realtime import AsyncVideoReader

HERE = Path(__file__).parent
MATCH = "pattern:football?size=640x360&frames=50"


def inputs(source: str = MATCH, model: str = "fake:", seconds: float = 3) -> argparse.Namespace:
    """The words of the command line, with these defaults."""
    about = sys.modules["__main__"].__doc__
    words = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--source", default=source, help=f"file, camera, address or pattern ({source})")
    words.add_argument("--model", default=model, help=f"model file, name, or fake: ({model})")
    words.add_argument("--config", default=str(HERE / "config/config.yaml"), help="settings of a football pipeline")
    words.add_argument("--seconds", type=float, default=seconds, help=f"how long live examples run ({seconds})")
    return words.parse_args()


def video_frames(source: str) -> Iterator[np.ndarray]:
    """Every picture of a source, BGR."""
    with AsyncVideoReader(source) as reader:
        for frame_data in reader:
            yield frame_data.frame


def picture_of(source: str) -> str:
    """The source itself when it is a picture's file, else the file of its first picture."""
    if Path(source).is_file():
        return source
    path = Path(tempfile.mkdtemp(prefix="fovea-example-")) / "frame.jpg"
    cv2.imwrite(str(path), next(video_frames(source)))
    return str(path)
