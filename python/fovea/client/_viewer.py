"""What is seen in a camera's room, picture by picture, as its viewers are told."""
from __future__ import annotations

import asyncio
import json
import ssl
import struct
from collections import OrderedDict
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, AsyncIterator, Iterator, TypeVar

from ._address import Address
from ._plain import LoopThread
from ._retry import Backoff
from ._websocket import message_of, open_socket, why_closed
from .errors import AnswerTimeout, ClientError, ConnectionFailed, ProtocolError, ServerError, StreamClosed

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

KEPT = 32  # pictures that wait for their detections
Self = TypeVar("Self", bound="AsyncViewer")


@dataclass(frozen=True)
class Seen:
    """One picture of a room. `data` is the server's message as it came: of a football stream it has `tracks`, `ball`,
    `teams`, `pitch_m`. `picture`: the camera's own bytes, where they were asked for and are still there."""
    seq: int
    number: int  # the camera's own, `frameNumber`
    analysed: bool
    reason: str  # why it was not
    detections: list[dict[str, Any]]
    data: dict[str, Any] = field(default_factory=dict)
    picture: bytes | None = None


class AsyncViewer:
    """`/ws/view/{camera}` as an iterator that never ends by itself; `connected`, `stats` and `about` are what the server
    said last. A reader that is slow misses pictures, and slows nobody. Lost connections are opened again."""

    def __init__(self, address: Address, context: ssl.SSLContext | None, target: str, pictures: bool,
                 reconnect_s: float | None) -> None:
        self._address, self._context, self._target = address, context, target
        self._what = f"{address}{target.split('?')[0]}"
        self._pictures, self._backoff = pictures, Backoff(reconnect_s)
        self._held: OrderedDict[int, bytes] = OrderedDict()
        self._socket: ClientConnection | None = None
        self._closed = False
        self.connected, self.reconnects = False, 0
        self.stats: dict[str, Any] = {}
        self.about: dict[str, Any] = {}

    async def __aenter__(self: Self) -> Self:
        """Connects. Raises ServerError, ConnectionFailed, ProtocolError."""
        await self._open()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the iteration, also one that waits."""
        self._closed = True
        if self._socket is not None:
            await self._socket.close()

    async def _open(self) -> "ClientConnection":
        self._socket = await open_socket(self._address, self._context, self._target, 10.0)
        self._held.clear()
        return self._socket

    def __aiter__(self) -> AsyncIterator[Seen]:
        return self

    async def __anext__(self) -> Seen:
        """Raises what is final: ServerError (refused), ProtocolError, ConnectionFailed after `reconnect_s`."""
        while not self._closed:
            try:
                socket = self._socket or await self._open()
                message = await self._receive(socket)
            except (ConnectionFailed, AnswerTimeout, ServerError, StreamClosed) as error:
                await self._again(error)
                continue
            self._backoff.done()
            seen = self._taken(message)
            if seen is not None:
                return seen
        raise StopAsyncIteration

    async def _receive(self, socket: "ClientConnection") -> str | bytes:
        try:
            return await socket.recv()
        except Exception as error:
            raise why_closed(error) from error

    async def _again(self, error: ClientError) -> None:
        self._socket, self.connected = None, False
        if not self._closed:
            await asyncio.sleep(self._backoff.wait(error))
            self.reconnects += 1

    def _taken(self, message: str | bytes) -> Seen | None:
        if isinstance(message, bytes):
            self._hold(*unpack(message, self._what))
            return None
        note = message_of(message, self._what)
        if note["type"] == "detections":
            return self._seen(note)
        if note["type"] == "camera":
            self.connected = bool(note.get("connected"))
        elif note["type"] in ("stats", "view"):
            setattr(self, "stats" if note["type"] == "stats" else "about", note)
        return None

    def _hold(self, head: dict[str, Any], body: bytes) -> None:
        """A picture, whose detections come later."""
        seq = head.get("seq")
        if self._pictures and isinstance(seq, int):
            self._held[seq] = body
            if len(self._held) > KEPT:
                self._held.popitem(last=False)

    def _seen(self, note: dict[str, Any]) -> Seen:
        seq, found = note.get("seq"), note.get("detections")
        if not isinstance(seq, int) or not (isinstance(found, list) or found is None):
            raise ProtocolError(f"{self._what}: detections without a seq, or that are no list")
        picture = self._held.pop(seq, None)
        for older in [one for one in self._held if one < seq]:
            del self._held[older]
        return Seen(seq, int(note.get("frameNumber") or 0), bool(note.get("analysed")), str(note.get("reason") or ""),
                    found or [], note, picture)


def unpack(message: bytes, what: str) -> tuple[dict[str, Any], bytes]:
    """JSON and picture of one binary message. Raises ProtocolError."""
    if len(message) >= 4:
        (length,) = struct.unpack_from("<I", message)
        if length <= len(message) - 4:
            try:
                head = json.loads(message[4:4 + length])
            except (ValueError, RecursionError):
                head = None
            if isinstance(head, dict):
                return head, message[4 + length:]
    raise ProtocolError(f"{what}: a picture whose metadata do not fit")


class Viewer:
    """As AsyncViewer, for programs without asyncio: one thread iterates, `close` from any."""

    def __init__(self, thread: LoopThread, core: AsyncViewer) -> None:
        self._thread, self._core = thread, core

    def __enter__(self) -> "Viewer":
        """Connects. Raises ServerError, ConnectionFailed, ProtocolError."""
        self._thread.run(self._core.__aenter__())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the iteration, also one that waits."""
        try:
            self._thread.run(self._core.close())
        except StreamClosed:  # with its Server
            pass

    def __iter__(self) -> Iterator[Seen]:
        return self

    def __next__(self) -> Seen:
        try:
            return self._thread.run(self._core.__anext__())
        except (StopAsyncIteration, StreamClosed):
            raise StopIteration from None

    @property
    def connected(self) -> bool:
        """A camera, or a source of the server's, sends to the room."""
        return self._core.connected

    @property
    def stats(self) -> dict[str, Any]:
        """Latency, rates and drops of the room, once a second."""
        return self._core.stats

    @property
    def about(self) -> dict[str, Any]:
        """Model, labels, device of the room."""
        return self._core.about

    @property
    def reconnects(self) -> int:
        """How often the connection was opened again."""
        return self._core.reconnects
