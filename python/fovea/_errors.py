"""Exceptions: one for each status of the C library, with its reason."""
from __future__ import annotations

from typing import Any

from ._library import ffi, lib, text


class FoveaError(Exception):
    """A call of fovea's failed. `code` is the status as messages of the server have it ("not_found")."""

    code = "internal_error"


class InvalidArgument(FoveaError, ValueError):
    """A parameter has a wrong type or value."""

    code = "invalid_argument"


class NotFound(FoveaError, FileNotFoundError):
    """No such file, model, tracker."""

    code = "not_found"


class BadFormat(FoveaError, ValueError):
    """The bytes are not a picture, or it is cut off."""

    code = "bad_format"


class Unsupported(FoveaError, ValueError):
    """Valid, but of a kind that is not supported."""

    code = "unsupported"


class LimitExceeded(FoveaError, ValueError):
    """Larger than a limit."""

    code = "limit_exceeded"


class OutOfMemory(FoveaError, MemoryError):
    """Not enough memory."""

    code = "out_of_memory"


class Busy(FoveaError, RuntimeError):
    """Too much work is waiting already."""

    code = "busy"


class TryAgain(FoveaError, RuntimeError):
    """Nothing there yet, or no room now."""

    code = "try_again"


class EndOfStream(FoveaError, EOFError):
    """The source has ended."""

    code = "end_of_stream"


class InputOutputError(FoveaError, OSError):
    """Reading or writing failed."""

    code = "io_error"


class BadModel(FoveaError, ValueError):
    """The model file cannot be used."""

    code = "bad_model"


class RuntimeMissing(FoveaError, RuntimeError):
    """The inference runtime, or FFmpeg, is not on this machine."""

    code = "runtime_missing"


class InferenceFailed(FoveaError, RuntimeError):
    """The model's run failed."""

    code = "inference_failed"


class DeadlineExceeded(FoveaError, TimeoutError):
    """Took longer than allowed."""

    code = "timeout"


class Closed(FoveaError, RuntimeError):
    """The object was closed."""

    code = "closed"


class Forbidden(FoveaError, PermissionError):
    """Not allowed."""

    code = "forbidden"


class Exists(FoveaError, FileExistsError):
    """Is there already."""

    code = "exists"


class NoCapacity(FoveaError, RuntimeError):
    """Would break what streams were promised."""

    code = "no_capacity"


class InternalError(FoveaError, RuntimeError):
    """A defect in fovea."""


def _subclasses(of: type[FoveaError]) -> dict[str, type[FoveaError]]:
    return {one.code: one for one in of.__subclasses__()}


BY_CODE = _subclasses(FoveaError)


def failure(status: int, message: str = "") -> FoveaError:
    """The exception of a status; without a message the status' own sentence."""
    code = text(lib.fov_status_code(status))
    return BY_CODE.get(code, InternalError)(message or text(lib.fov_status_text(status)))


def new_error() -> Any:
    """Room for the reason of a call, for `check`."""
    return ffi.new("fov_error *")


def check(status: int, error: Any = None) -> None:
    """Raises what a call returned, unless it is FOV_OK."""
    if status:
        raise failure(status, text(error.message) if error is not None else "")
