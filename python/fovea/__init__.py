"""fovea: live camera frames in, detections out, with the time of every frame accounted for.

    import fovea

    model = fovea.Model()                    # the default model; a file or a name otherwise
    found = model.predict(frame)             # frame: what cv2.imread or cv2.VideoCapture gives, or the bytes of a JPEG
    found.xyxy, found.score, found.class_name

docs/python.md has the rest; fovea.realtime the classes of the documents by their names, fovea.client a client of servers
(fovea.Server, fovea.AsyncServer; loaded when they are used).
"""
from typing import TYPE_CHECKING, Any

from ._errors import (BadFormat, BadModel, Busy, Closed, DeadlineExceeded, EndOfStream, Exists, Forbidden, FoveaError,
                      InferenceFailed, InputOutputError, InternalError, InvalidArgument, LimitExceeded, NoCapacity, NotFound,
                      OutOfMemory, RuntimeMissing, TryAgain, Unsupported)
from ._frames import CopyWarning, Frame
from ._library import version
from .detections import Detections
from .model import Model, find_model, models
from .stream import Result, Stream
from .tracker import Track, Tracker, trackers

__all__ = [
    "BadFormat", "BadModel", "Busy", "Closed", "CopyWarning", "DeadlineExceeded", "Detections", "EndOfStream", "Exists",
    "Forbidden", "FoveaError", "Frame", "InferenceFailed", "InputOutputError", "InternalError", "InvalidArgument",
    "LimitExceeded", "Model", "NoCapacity", "NotFound", "OutOfMemory", "Result", "RuntimeMissing", "Stream",
    "Track", "Tracker", "TryAgain", "Unsupported", "find_model", "models", "trackers", "version",
]

if TYPE_CHECKING:
    from .client import AsyncServer as AsyncServer
    from .client import Server as Server


def __getattr__(name: str) -> Any:
    if name in ("AsyncServer", "Server"):  # http, ssl and asyncio take longer to load than all else here
        from . import client
        return getattr(client, name)
    raise AttributeError(f"module 'fovea' has no attribute {name!r}")
