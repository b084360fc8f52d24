"""HTTP over the standard library, with what it lacks: a deadline for the whole answer, a bound on its length, kept
connections that are looked at before they are used again."""
from __future__ import annotations

import http.client
import io
import json
import os
import select
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Any, Iterable, Mapping, Protocol, cast

from ._address import Address
from .errors import AnswerTimeout, ConnectionFailed, NotTrusted, ProtocolError, problem

MOST_BYTES = 64 << 20  # of an answer
IDLE_S = 25.0          # a kept connection; the server ends them after 30 s
STALE = (BrokenPipeError, ConnectionResetError, ConnectionAbortedError, http.client.RemoteDisconnected)


class Until(Protocol):
    """Who knows the moment at which reading and writing end."""
    until: float


def _left(clock: Until) -> float:
    left = clock.until - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline of the answer is over")
    return left


class _Raw(io.RawIOBase):
    """What a socket receives, up to a moment: an answer that drips is given up like one that never comes."""

    def __init__(self, sock: socket.socket, clock: Until) -> None:
        self._sock, self._clock, self._file = sock, clock, sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_left(self._clock))
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


class _Socket:
    """The part of a socket that http.client uses."""

    def __init__(self, sock: socket.socket, clock: Until) -> None:
        self.plain, self._clock = sock, clock

    def makefile(self, mode: str, *more: Any) -> io.BufferedReader:
        return io.BufferedReader(_Raw(self.plain, self._clock))

    def sendall(self, data: Any) -> None:
        self.plain.settimeout(_left(self._clock))
        self.plain.sendall(data)

    def close(self) -> None:
        self.plain.close()


class Connection:
    """One connection; `until` is the moment at which all that is done on it must be over."""

    def __init__(self, address: Address, context: ssl.SSLContext | None, connect_s: float) -> None:
        self.until, self.used = time.monotonic() + connect_s, 0.0
        self.link = (http.client.HTTPSConnection(address.host, address.port, timeout=connect_s, context=context) if context
                     else http.client.HTTPConnection(address.host, address.port, timeout=connect_s))
        self.link.connect()
        self.plain = self.link.sock
        self.link.sock = cast(socket.socket, _Socket(self.plain, self))

    def alive(self) -> bool:
        """Nobody has closed it, and no bytes came that nobody asked for."""
        if time.monotonic() - self.used > IDLE_S or self.link.sock is None:
            return False
        return not select.select([self.plain], [], [], 0)[0]

    def send(self, method: str, target: str, body: Any, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        try:
            self.link.request(method, target, body, dict(headers))
        except (BrokenPipeError, ConnectionResetError):
            if not body:
                raise
        # A server that refuses a body answers before all of it was sent: that answer says more than the broken pipe.
        return self.link.getresponse()

    def cut(self) -> None:
        """From any thread: whoever reads gets the end at once."""
        try:
            self.plain.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self) -> None:
        self.link.close()


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes
    what: str  # method and address, for messages

    def json(self) -> dict[str, Any]:
        """Raises ProtocolError when it is no JSON object."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise ProtocolError(f"{self.what}: the answer is no JSON ({error}): {self.body[:60]!r}") from None
        if not isinstance(value, dict):
            raise ProtocolError(f"{self.what}: the answer is no JSON object: {self.body[:60]!r}")
        return value


def heads(items: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Header fields by their names, written as `Retry-After`."""
    return {name.title(): value for name, value in items}


def read_body(response: http.client.HTTPResponse, what: str, most: int = MOST_BYTES) -> bytes:
    """Raises ProtocolError: longer than `most`, cut off."""
    if response.length is not None and response.length > most:
        raise ProtocolError(f"{what}: the answer claims {response.length} bytes, more than {most}")
    parts, count = [], 0
    while part := response.read(min(1 << 20, most + 1 - count)):
        parts.append(part)
        count += len(part)
        if count > most:
            raise ProtocolError(f"{what}: the answer is longer than {most} bytes")
    if response.length:
        raise ProtocolError(f"{what}: the answer was cut off, {response.length} bytes are missing")
    return b"".join(parts)


def not_trusted(address: Address, error: ssl.SSLCertVerificationError) -> NotTrusted:
    return NotTrusted(f"{address}: its certificate is not trusted ({error.verify_message}); pass ca= its authority, which "
                      f"/ca.crt of a server started with --lan gives out")


class Connections:
    """Connections to one server, kept from request to request. Thread-safe; of no use to a child after a fork, which
    opens its own."""

    def __init__(self, address: Address, timeout_s: float) -> None:
        self.address, self.timeout_s = address, timeout_s
        self._context = address.context()
        self._idle: list[Connection] = []
        self._lock, self._process, self._closed = threading.Lock(), os.getpid(), False

    def open(self, timeout_s: float | None = None) -> Connection:
        """A new connection, the caller's. Raises ConnectionFailed."""
        seconds = self.timeout_s if timeout_s is None else timeout_s
        try:
            return Connection(self.address, self._context, seconds)
        except ssl.SSLCertVerificationError as error:
            raise not_trusted(self.address, error) from error
        except (OSError, http.client.HTTPException) as error:
            raise ConnectionFailed(f"{self.address}: cannot connect: {error}") from error

    def _take(self) -> Connection | None:
        with self._lock:
            if self._closed:
                raise ConnectionFailed(f"{self.address}: this Server object was closed")
            if self._process != os.getpid():
                self._process, self._idle = os.getpid(), []
            while self._idle:
                found = self._idle.pop()
                if found.alive():
                    return found
                found.close()
        return None

    def _keep(self, connection: Connection) -> None:
        connection.used = time.monotonic()
        with self._lock:
            if self._closed or len(self._idle) >= 16 or self._process != os.getpid():
                connection.close()
            else:
                self._idle.append(connection)

    def request(self, method: str, target: str, body: Any = None, headers: Mapping[str, str] | None = None,
                timeout_s: float | None = None, again: bool = True) -> Reply:
        """The whole answer of less than 400. `again`: it does no harm when it is done twice, as a kept connection that
        breaks leaves open whether it was done. Raises ServerError, ConnectionFailed, AnswerTimeout, ProtocolError."""
        seconds = self.timeout_s if timeout_s is None else timeout_s
        what, kept = f"{method} {self.address}{target.split('?')[0]}", self._take()
        if kept is not None:
            try:
                return self._once(kept, method, target, body, headers or {}, seconds, what)
            except ConnectionFailed as error:
                if not again or not isinstance(error.__cause__, STALE):
                    raise
        return self._once(self.open(seconds), method, target, body, headers or {}, seconds, what)

    def _once(self, connection: Connection, method: str, target: str, body: Any, headers: Mapping[str, str], seconds: float,
              what: str) -> Reply:
        connection.until, whole = time.monotonic() + seconds, False
        try:
            response = connection.send(method, self.address.prefix + target, body, {**self.address.headers(), **headers})
            reply = Reply(response.status, heads(response.headers.items()), read_body(response, what), what)
            whole = not response.will_close
        except TimeoutError as error:
            raise AnswerTimeout(f"{what}: no whole answer within {seconds:g} s") from error
        except http.client.RemoteDisconnected as error:
            raise ConnectionFailed(f"{what}: the server closed the connection without an answer") from error
        except (http.client.HTTPException, ValueError) as error:
            raise ProtocolError(f"{what}: the answer is not HTTP, or was cut off: {error!r}") from error
        except OSError as error:
            raise ConnectionFailed(f"{what}: {error}") from error
        finally:
            self._keep(connection) if whole else connection.close()
        return check(reply)

    def close(self) -> None:
        with self._lock:
            self._closed, idle = True, self._idle
            self._idle = []
        for connection in idle:
            connection.close()


def check(reply: Reply) -> Reply:
    """Raises ServerError for 400 and above, ProtocolError for a redirect: the token is for the address it was given for."""
    if reply.status >= 400:
        raise problem(reply.status, reply.body, reply.headers)
    if reply.status >= 300:
        raise ProtocolError(f"{reply.what}: redirected to {reply.headers.get('Location', 'nowhere').split('?')[0]!r}; "
                            f"give that address if it is the server's")
    return reply
