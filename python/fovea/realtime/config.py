"""config.py of document 000: each setting is the environment variable of the same name, or what stands in the document.

The names are those of `fovea serve` (docs/settings.md). Read once, when this module is imported.
"""
from __future__ import annotations

import os

from .._errors import InvalidArgument

LEVELS = ("low", "medium", "high")


def _number(name: str, default: float, least: float, most: float) -> float:
    text = os.environ.get(name, "")
    try:
        value = float(text) if text else default
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise InvalidArgument(f"{name}: a number from {least:g} to {most:g}, not {text!r}")
    return value


def _switch(name: str, default: bool) -> bool:
    text = os.environ.get(name, "").lower()
    if text in ("true", "yes", "on", "1"):
        return True
    if text in ("false", "no", "off", "0"):
        return False
    if text:
        raise InvalidArgument(f"{name}: true or false, not {text!r}")
    return default


def _level(name: str, default: str) -> str:
    text = os.environ.get(name) or default
    if text not in LEVELS:
        raise InvalidArgument(f"{name}: {', '.join(LEVELS)}, not {text!r}")
    return text


REALTIME_ENABLED: bool = _switch("REALTIME_ENABLED", True)
REALTIME_TARGET_FPS: int = int(_number("REALTIME_TARGET_FPS", 30, 1, 240))
REALTIME_MAX_LATENCY_MS: float = _number("REALTIME_MAX_LATENCY_MS", 200.0, 0, 60000)
REALTIME_BUFFER_SIZE: int = int(_number("REALTIME_BUFFER_SIZE", 5, 1, 64))
REALTIME_USE_GPU: bool = _switch("REALTIME_USE_GPU", True)
REALTIME_USE_TPU: bool = _switch("REALTIME_USE_TPU", False)
REALTIME_OPTIMIZATION_LEVEL: str = _level("REALTIME_OPTIMIZATION_LEVEL", "high")
