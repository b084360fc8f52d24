"""What can go wrong between a program and a server, each with the server's own words where it said any."""
from __future__ import annotations

import json
from typing import Any, Mapping

from .._errors import FoveaError

__all__ = ["AnswerTimeout", "ClientError", "Conflict", "ConnectionFailed", "NotAllowed", "NotFound", "NotTrusted", "ProtocolError",
           "Refused", "ServerError", "StreamClosed", "Unavailable", "VersionError", "problem"]


class ClientError(FoveaError):
    """Base of everything that the client raises by itself."""

    code = "client_error"


class ConnectionFailed(ClientError, ConnectionError):
    """The server cannot be reached, or the connection broke."""


class NotTrusted(ConnectionFailed):
    """The server's certificate is signed by nobody who is trusted here: pass its authority as `ca`."""


class AnswerTimeout(ClientError, TimeoutError):
    """Something did not come in the time that was given."""


class ProtocolError(ClientError):
    """What answered does not speak as a fovea server does: broken JSON, cut off, too long, a redirect."""


class VersionError(ProtocolError):
    """The server is not fovea, or of a version that this client does not know."""


class StreamClosed(ClientError):
    """The stream has ended: nothing more can be sent, all answers have been taken."""


class ServerError(ClientError):
    """The server refused. `status` is HTTP's (0: said on a WebSocket), `code` a word for programs, `detail` a sentence
    for people, `problem` the whole answer, `retry_after_s` when it may be tried again (None: not said)."""

    def __init__(self, status: int, code: str, detail: str, problem: Mapping[str, Any] | None = None,
                 retry_after_s: float | None = None) -> None:
        super().__init__(f"{code}: {detail}" if status == 0 else f"{status} {code}: {detail}")
        self.status, self.code, self.detail = status, code, detail
        self.problem: dict[str, Any] = dict(problem or {})
        self.retry_after_s = retry_after_s


class Refused(ServerError):
    """400, 405, 413, 415, 422: the picture, a parameter or a message is wrong; `detail` says which and how."""


class NotAllowed(ServerError):
    """401, 403: the token is missing, wrong, ended, or has another role or camera."""


class NotFound(ServerError):
    """404: there is no such model, stream or picture."""


class Conflict(ServerError):
    """409: it is there already, in use, or there is no room for it (`problem["admission"]` has the numbers)."""


class Unavailable(ServerError):
    """429, 502, 503, 504: not now. `retry_after_s` says when."""


_KINDS: dict[int, type[ServerError]] = {400: Refused, 401: NotAllowed, 403: NotAllowed, 404: NotFound, 405: Refused,
                                        409: Conflict, 413: Refused, 415: Refused, 422: Refused, 429: Unavailable,
                                        502: Unavailable, 503: Unavailable, 504: Unavailable}


def _seconds(value: str | None) -> float | None:
    return float(value) if value and value.isascii() and value.isdigit() and len(value) < 10 else None


def problem(status: int, body: bytes, headers: Mapping[str, str]) -> ServerError:
    """The exception for an answer of 400 and above; `body` is application/problem+json, or anything."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    said = said if isinstance(said, dict) else {}
    code = str(said.get("code", "http_error"))
    detail = str(said.get("detail") or said.get("title") or body[:200].decode(errors="replace").strip() or "no reason given")
    return _KINDS.get(status, ServerError)(status, code, detail, said, _seconds(headers.get("Retry-After")))
