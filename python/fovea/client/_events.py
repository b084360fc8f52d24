"""Server-sent events, read on and on: what was missed is asked for again after the connection broke."""
from __future__ import annotations

import http.client
import json
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Iterator

from ._http import Connection, Connections, Reply, check, heads, read_body
from ._retry import Backoff
from .errors import AnswerTimeout, ClientError, ConnectionFailed, ProtocolError

MOST_EVENT = 1 << 20  # bytes of one event; the server's largest is a fourth of it
SILENCE_S = 45.0      # the server says something every 15 s


@dataclass(frozen=True)
class Event:
    """kind: session, detection, dropped, adaptation, alert, gap (events were missed; `data["missed"]`: how many, None:
    not known), stats, end."""
    kind: str
    data: dict[str, Any] = field(default_factory=dict)
    id: str | None = None


class EventStream:
    """`/stream/events/{client_id}` as an iterator, until its `end` event. One thread iterates; `close` from any."""

    def __init__(self, connections: Connections, target: str, last_event_id: str | None = None,
                 reconnect_s: float | None = 30.0, silence_s: float = SILENCE_S) -> None:
        self._connections, self._target, self._silence_s = connections, target, silence_s
        self.last_event_id, self.reconnects = last_event_id, 0
        self._what = f"{connections.address}{target.split('?')[0]}"
        self._backoff, self._closing = Backoff(reconnect_s), threading.Event()
        self._connection: Connection | None = None
        self._response: http.client.HTTPResponse | None = None
        self._over = False

    def __enter__(self) -> "EventStream":
        """Connects, so that a refusal is known here. Raises ServerError, ConnectionFailed, ProtocolError."""
        self._open()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __iter__(self) -> Iterator[Event]:
        return self

    def close(self) -> None:
        """Ends the iteration, also one that waits."""
        self._closing.set()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.cut()

    def __next__(self) -> Event:
        """Raises what is final: ServerError (refused), ProtocolError, ConnectionFailed after `reconnect_s`."""
        while not self._closing.is_set() and not self._over:
            try:
                if self._response is None:
                    self._open()
                event = self._read()
            except (ConnectionFailed, AnswerTimeout, ClientError) as error:
                self._again(error)
                continue
            self._backoff.done()
            if event is not None:
                self._over = event.kind == "end"
                return event
        self.close()
        raise StopIteration

    def _again(self, error: ClientError) -> None:
        self._response, connection = None, self._connection
        self._connection = None
        if connection is not None:
            connection.close()
        if not self._closing.is_set():
            self._closing.wait(self._backoff.wait(error))
            self.reconnects += 1

    def _open(self) -> None:
        connection = self._connections.open()
        headers = {**self._connections.address.headers(), "Accept": "text/event-stream", "Cache-Control": "no-store"}
        if self.last_event_id is not None:
            headers["Last-Event-ID"] = self.last_event_id
        connection.until = time.monotonic() + self._connections.timeout_s
        try:
            response = connection.send("GET", self._connections.address.prefix + self._target, None, headers)
            if response.status != 200:
                check(Reply(response.status, heads(response.headers.items()), read_body(response, self._what, MOST_EVENT),
                            self._what))
            if response.status != 200 or not response.headers.get("Content-Type", "").startswith("text/event-stream"):
                raise ProtocolError(f"{self._what}: answered {response.status} {response.headers.get('Content-Type')}, "
                                    f"no stream of events")
        except ClientError:
            connection.close()
            raise
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise self._said(error) from error
        self._connection, self._response = connection, response

    def _said(self, error: Exception) -> ClientError:
        if isinstance(error, TimeoutError):
            return AnswerTimeout(f"{self._what}: nothing came for {self._silence_s:g} s")
        if isinstance(error, http.client.HTTPException) and not isinstance(error, http.client.IncompleteRead) \
                and not isinstance(error, ConnectionError):
            return ProtocolError(f"{self._what}: the answer is not HTTP: {error!r}")
        return ConnectionFailed(f"{self._what}: {error or 'the connection broke'}")

    def _line(self) -> str | None:
        """The next line without its end; None at the end of the answer."""
        connection, response = self._connection, self._response
        if connection is None or response is None:
            return None
        connection.until = time.monotonic() + self._silence_s
        try:
            line = response.readline(MOST_EVENT + 1)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._said(error) from error
        if len(line) > MOST_EVENT:
            raise ProtocolError(f"{self._what}: a line of more than {MOST_EVENT} bytes")
        return line.decode(errors="replace").rstrip("\r\n") if line.endswith(b"\n") else None

    def _read(self) -> Event | None:
        """One event; None after a comment. Raises ConnectionFailed when the connection ends in front of `end`."""
        kind, size, new_id = "message", 0, self.last_event_id
        data: list[str] = []
        while (line := self._line()) is not None:
            if not line:
                if not data:
                    return None
                self.last_event_id = new_id
                return Event(kind, self._json("\n".join(data)), new_id)
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            size += len(line)
            if size > MOST_EVENT:
                raise ProtocolError(f"{self._what}: an event of more than {MOST_EVENT} bytes")
            if name == "event":
                kind = value
            elif name == "data":
                data.append(value)
            elif name == "id" and "\0" not in value:
                new_id = value
        raise ConnectionFailed(f"{self._what}: the connection ended before the stream did")

    def _json(self, text: str) -> dict[str, Any]:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ProtocolError(f"{self._what}: an event is no JSON ({error}): {text[:60]!r}") from None
        if not isinstance(value, dict):
            raise ProtocolError(f"{self._what}: an event is no JSON object: {text[:60]!r}")
        return value
