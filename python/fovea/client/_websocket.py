"""A WebSocket to a server: opened with the token, refusals and closes in the client's own words."""
from __future__ import annotations

import asyncio
import json
import logging
import ssl
from typing import TYPE_CHECKING, Any

from ._address import Address
from .errors import (AnswerTimeout, ClientError, ConnectionFailed, NotAllowed, ProtocolError, Refused, ServerError,
                     StreamClosed, Unavailable, problem)
from ._http import Reply, check, heads, not_trusted

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

MOST_TEXT = 16 << 20  # of a message from the server
# The package writes whole requests at its lowest level, and with them the token.
_log = logging.getLogger("fovea.client.websocket")
_log.setLevel(logging.INFO)
# What a close code of the server means: docs/api/websocket.md. All others: the connection broke.
_CLOSED: dict[int, tuple[type[ServerError], str]] = {
    1002: (Refused, "protocol_error"), 1003: (Refused, "wrong_kind"), 1007: (Refused, "bad_text"),
    1008: (NotAllowed, "policy"), 1009: (Refused, "too_long"), 1011: (Unavailable, "server_defect"),
    1013: (Unavailable, "too_slow")}


def _websockets() -> Any:
    try:
        import websockets.asyncio.client
    except ImportError as error:
        raise ImportError("streams need the package websockets, 15 or newer: pip install 'fovea[client]'") from error
    return websockets


async def open_socket(address: Address, context: ssl.SSLContext | None, target: str, seconds: float) -> "ClientConnection":
    """Raises ServerError (refused before it was opened), ConnectionFailed, ProtocolError, AnswerTimeout."""
    websockets, what = _websockets(), f"{address}{target.split('?')[0]}"
    try:
        # Host and port said once more: the package does not follow redirects to others then.
        return await websockets.asyncio.client.connect(  # type: ignore[no-any-return]
            address.url(target), additional_headers=address.headers(), compression=None, proxy=None, max_size=MOST_TEXT,
            open_timeout=seconds, close_timeout=2, host=address.host, port=address.port, logger=_log,
            **({"ssl": context} if context else {}))
    except websockets.exceptions.InvalidStatus as error:
        reply = error.response
        check(Reply(reply.status_code, heads(reply.headers.raw_items()), reply.body or b"", f"GET {what}"))
        raise ProtocolError(f"{what}: answered {reply.status_code} where a WebSocket should open") from error
    except (websockets.exceptions.InvalidHandshake, websockets.exceptions.InvalidURI, ValueError) as error:
        cause = error.__cause__
        if isinstance(cause, (EOFError, ConnectionError)):
            raise ConnectionFailed(f"{what}: the server closed the connection without an answer") from error
        raise ProtocolError(f"{what}: no WebSocket opens there: {error}") from error
    except ssl.SSLCertVerificationError as error:
        raise not_trusted(address, error) from error
    except (TimeoutError, asyncio.TimeoutError) as error:
        raise AnswerTimeout(f"{what}: did not open within {seconds:g} s") from error
    except OSError as error:
        raise ConnectionFailed(f"{address}: cannot connect: {error}") from error


def why_closed(error: Exception) -> ClientError:
    """What the end of a connection means. `error` is ConnectionClosed of the package."""
    received, sent = getattr(error, "rcvd", None), getattr(error, "sent", None)
    ours_first = not getattr(error, "rcvd_then_sent", False)
    if sent is not None and ours_first and sent.code in (1002, 1003, 1007, 1009):
        return ProtocolError(f"the server broke the WebSocket protocol: {sent.code} {sent.reason or ''}".rstrip())
    if received is None:
        return ConnectionFailed("the connection broke")
    reason = received.reason or "no reason given"
    if received.code == 1000:
        return StreamClosed(f"the server ended the session: {reason}")
    if received.code in _CLOSED:
        kind, code = _CLOSED[received.code]
        return kind(0, code, f"the server closed the connection ({received.code}): {reason}")
    return ConnectionFailed(f"the server went away ({received.code}): {reason}")


def message_of(text: str | bytes, what: str) -> dict[str, Any]:
    """The JSON object of a text with its `type`. Raises ProtocolError."""
    if isinstance(text, bytes):
        raise ProtocolError(f"{what}: the server sent bytes where JSON is expected")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"{what}: the server's message is no JSON ({error}): {text[:60]!r}") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise ProtocolError(f"{what}: the server's message has no type: {text[:60]!r}")
    return message
