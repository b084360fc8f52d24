"""Finds libfovea and opens it, at its first use.

What the library tells goes to the logger "fovea" and those below it ("fovea.flow").

It is looked for at `$FOVEA_LIBRARY`, in this package (`fovea/lib`, where a wheel has it), and where the system's loader
looks. A process that has used it must not fork and go on using it: its threads stay behind. Start with
`multiprocessing.set_start_method("spawn")` instead.
"""
from __future__ import annotations

import logging
import os
import threading
from pathlib import Path
from typing import Any

try:
    from ._cdef import ffi as ffi
except ImportError as error:  # a tree that nothing was built in
    raise ImportError(f"{error}: fovea is not built; `pip install ./python`, or in its tree `python python/build_cdef.py`",
                      name="fovea._cdef") from error

HERE = Path(__file__).resolve().parent
VERSION = "0.1"
SONAME = f"libfovea.so.{VERSION}"
LEVELS = (logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG)  # fov_log_level


def _places() -> list[str]:
    named = os.environ.get("FOVEA_LIBRARY")
    if named:
        return [named]
    own = HERE / "lib" / SONAME
    return [str(own)] if own.exists() else [SONAME, "libfovea.so"]


def _name_parts() -> None:
    """A package that was built in a tree of fovea's uses what set-up fetched there, while that is there."""
    note = HERE / "lib" / "deps"
    if "FOVEA_DEPS" not in os.environ and note.exists():
        folder = note.read_text(encoding="utf-8").strip()
        if os.path.isdir(folder):
            os.environ["FOVEA_DEPS"] = folder


def _log(_user: Any, level: int, module: Any, line: Any) -> None:
    logging.getLogger(f"fovea.{text(module)}").log(LEVELS[level], "%s", text(line))


_sink = ffi.callback("fov_log_sink", _log)


def end_log() -> None:
    """The interpreter ends: what the library still tells goes to standard error."""
    if lib.loaded:
        lib.fov_log_set(ffi.NULL, ffi.NULL, lib.FOV_LOG_WARN)


def _open() -> Any:
    reasons = []
    for place in _places():
        try:
            found = ffi.dlopen(place, ffi.RTLD_NOW | ffi.RTLD_LOCAL)
        except OSError as error:
            reasons.append(str(error))
            continue
        version = ffi.string(found.fov_version()).decode()
        if version.rsplit(".", 1)[0] != VERSION:
            raise ImportError(f"{place} is fovea {version}, and this package needs {VERSION}.x")
        _name_parts()
        found.fov_log_set(_sink, ffi.NULL, found.FOV_LOG_INFO)
        return found
    raise ImportError(f"libfovea is not on this machine ({'; '.join(reasons)}): build it with `make build` and name it with "
                      "FOVEA_LIBRARY, or install a wheel of fovea that has it inside", name="fovea")


class Library:
    """The functions and constants of libfovea. What was asked for once is kept here, so that it costs nothing."""

    def __init__(self) -> None:
        self.__dict__["_opened"] = None
        self.__dict__["_lock"] = threading.Lock()
        self.__dict__["forked"] = False

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self.check()
        with self._lock:
            if self._opened is None:
                self.__dict__["_opened"] = _open()
        value = getattr(self._opened, name)
        self.__dict__[name] = value
        return value

    @property
    def loaded(self) -> bool:
        return self.__dict__["_opened"] is not None

    def check(self) -> None:
        """Raises in a child of a fork: its locks may never be free again."""
        if self.__dict__["forked"]:
            raise RuntimeError("fovea was in use before this process was forked, and its threads stayed behind: start "
                               "processes with multiprocessing's \"spawn\" or \"forkserver\"")

    def _after_fork(self) -> None:
        """In a child: forgets all, so that every further use comes to __getattr__."""
        if self.__dict__["_opened"] is None:
            self.__dict__["_lock"] = threading.Lock()
            return
        self.__dict__.clear()
        self.__init__()  # type: ignore[misc]
        self.__dict__["forked"] = True


lib: Any = Library()
os.register_at_fork(after_in_child=lib._after_fork)


def text(pointer: Any) -> str:
    """A C string; "" for NULL."""
    return ffi.string(pointer).decode("utf-8", "replace") if pointer else ""


def version() -> str:
    """Version of libfovea, "0.1.0". Raises ImportError where it is not."""
    return text(lib.fov_version())
