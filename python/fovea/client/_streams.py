"""Frames over a WebSocket, each with exactly one answer, for asyncio."""
from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, AsyncIterator, Iterable, TypeVar

import numpy as np

from ._address import Address
from ._answer import KINDS, Answer, checked
from .errors import AnswerTimeout, ClientError, ConnectionFailed, ProtocolError, ServerError, StreamClosed
from ._pictures import Frame, as_picture
from ._retry import Backoff
from ._websocket import message_of, open_socket, why_closed

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

log = logging.getLogger("fovea.client")
Self = TypeVar("Self", bound="AsyncFrameStream")


@dataclass(frozen=True)
class Rules:
    """How a stream behaves.

    window            most frames that are sent and whose answers were not taken; beyond that `send` waits
    reconnect_s       how long a lost connection is tried again; None: for ever, 0: not at all
    answer_timeout_s  a connection on which a frame is unanswered for so long counts as broken
    quality           of the JPEG that arrays are sent as
    connect_s         most for opening a connection
    """
    window: int = 4
    reconnect_s: float | None = 30.0
    answer_timeout_s: float = 30.0
    quality: int = 90
    connect_s: float = 10.0

    def __post_init__(self) -> None:
        if not 1 <= self.window <= 1024:
            raise ValueError(f"window: {self.window} is not from 1 to 1024")
        if not 1 <= self.quality <= 100:
            raise ValueError(f"quality: {self.quality} is not from 1 to 100")


@dataclass(frozen=True)
class Sent:
    """A frame on its way."""
    number: int
    tag: Any
    at: float


class AsyncFrameStream:
    """`/api/v1/realtime/video/stream`. Use it with `async with`; all calls from one event loop.

    A frame is numbered from 0 as it is sent; answers come in the order of the server. What the server had not answered
    when its connection ended is answered here as "lost", and the stream goes on over a new connection."""

    most_bytes = 8 << 20  # of one message to the server

    def __init__(self, address: Address, context: ssl.SSLContext | None, target: str, rules: Rules) -> None:
        self._address, self._context, self._target, self.rules = address, context, target, rules
        self._what = f"{address}{target.split('?')[0]}"
        self._changed, self._sending = asyncio.Condition(), asyncio.Lock()
        self._socket: ClientConnection | None = None
        self._under_way: dict[int, Sent] = {}  # by the number within this connection, which the server counts too
        self._answers: deque[Answer] = deque()
        self._count = self._count_here = 0
        self._end: ClientError | None = None
        self._finished = False
        self._tasks: list[asyncio.Task[None]] = []
        self.reconnects = 0

    # --- life -------------------------------------------------------------------------------------------------------

    async def __aenter__(self: Self) -> Self:
        """Connects. Raises ServerError, ConnectionFailed, ProtocolError."""
        socket = await self._open()
        self._tasks = [asyncio.create_task(self._live(socket)), asyncio.create_task(self._watch())]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        await self.close()

    async def _open(self) -> "ClientConnection":
        socket = await open_socket(self._address, self._context, self._target, self.rules.connect_s)
        try:
            await self._opened(socket)
        except BaseException:
            await socket.close()
            raise
        self._count_here, self._socket = 0, socket
        return socket

    async def _opened(self, socket: "ClientConnection") -> None:
        """What is said before the first frame; nothing here."""

    async def finish(self) -> None:
        """No more frames: iterating ends with the last answer that is owed."""
        async with self._changed:
            self._finished = True
            self._changed.notify_all()

    async def close(self) -> None:
        """At once. Answers that were not taken can still be; frames without one are "lost"."""
        await self._ended(StreamClosed("the stream was closed"))
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._socket is not None:
            await self._socket.close()

    async def _ended(self, why: ClientError) -> None:
        async with self._changed:
            self._lose(str(why))
            self._end = self._end or why
            self._changed.notify_all()

    def _lose(self, reason: str) -> None:
        for sent in self._under_way.values():
            self._answers.append(Answer(sent.number, "lost", reason, sent.tag))
        self._under_way.clear()

    # --- frames -----------------------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Frames that were sent and whose answers were not taken."""
        return len(self._under_way) + len(self._answers)

    async def send(self, frame: Frame, tag: Any = None, timeout_s: float | None = 60.0) -> int:
        """Sends a frame as soon as the window has room and the connection stands; its number.

        `tag` comes back with the answer. Raises AnswerTimeout (nothing was sent), StreamClosed or what ended the stream,
        ValueError (no picture, more than the server takes in one message)."""
        number = await self._send(frame, tag, timeout_s)
        assert number is not None
        return number

    async def offer(self, frame: Frame, tag: Any = None) -> int | None:
        """As `send`, for live pictures: None at once when it would have to wait."""
        return await self._send(frame, tag, None) if self._room() else None

    def _room(self) -> bool:
        return self._socket is not None and self.waiting < self.rules.window and not self._sending.locked()

    async def _send(self, frame: Frame, tag: Any, timeout_s: float | None) -> int:
        if isinstance(frame, np.ndarray):  # encoding takes milliseconds that other tasks should have
            frame = await asyncio.get_running_loop().run_in_executor(None, as_picture, frame, self.rules.quality)
        message = self._message(as_picture(frame), tag)
        if len(message) > self.most_bytes:
            raise ValueError(f"frame: {len(message)} bytes, the server takes {self.most_bytes} in one message")
        try:
            await asyncio.wait_for(self._sending.acquire(), timeout_s)
            try:
                return await self._put(message, tag, timeout_s)
            finally:
                self._sending.release()
        except (TimeoutError, asyncio.TimeoutError):
            why = "the connection is not back" if self._socket is None else \
                f"{self.waiting} frames wait for their answers to be made or taken"
            raise AnswerTimeout(f"{self._what}: no room for a frame within {timeout_s:g} s: {why}") from None

    def _message(self, picture: bytes, tag: Any) -> bytes | str:
        return picture

    async def _put(self, message: bytes | str, tag: Any, timeout_s: float | None) -> int:
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(self._may_go), timeout_s)
            if self._end is not None or self._finished:
                raise self._end or StreamClosed("the stream was finished")
            assert self._socket is not None
            socket, sent = self._socket, Sent(self._count, tag, time.monotonic())
            self._under_way[self._count_here] = sent
            self._count += 1
            self._count_here += 1
        try:
            await socket.send(message)
        except Exception as error:  # the task that reads sees the same, and says what became of the frame
            log.debug("%s: frame %d: %s", self._what, sent.number, error)
        return sent.number

    def _may_go(self) -> bool:
        return self._end is not None or self._finished or (self._socket is not None and self.waiting < self.rules.window)

    # --- answers ----------------------------------------------------------------------------------------------------

    async def receive(self, timeout_s: float | None = None) -> Answer:
        """The next answer. Raises AnswerTimeout, StreamClosed (no more will come), or what ended the stream."""
        try:
            async with self._changed:
                await asyncio.wait_for(self._changed.wait_for(self._may_take), timeout_s)
                if not self._answers:
                    raise self._end or StreamClosed("the stream was finished, and all answers were taken")
                answer = self._answers.popleft()
                self._changed.notify_all()
                return answer
        except (TimeoutError, asyncio.TimeoutError):
            raise AnswerTimeout(f"{self._what}: no answer within {timeout_s:g} s") from None

    def _may_take(self) -> bool:
        return bool(self._answers) or self._end is not None or (self._finished and not self._under_way)

    def __aiter__(self: Self) -> Self:
        return self

    async def __anext__(self) -> Answer:
        try:
            return await self.receive()
        except StreamClosed:
            raise StopAsyncIteration from None

    async def process(self, frames: Iterable[Frame]) -> AsyncIterator[Answer]:
        """Sends all frames, as many at once as the window allows; their answers, each with its frame as `tag`. Finishes
        the stream. What iterating `frames` takes (a camera) is waited for: for live pictures use `offer`."""
        for frame in frames:
            while self.waiting >= self.rules.window:
                yield await self.receive()
            await self.send(frame, tag=frame)
        await self.finish()
        async for answer in self:
            yield answer

    # --- the connection ---------------------------------------------------------------------------------------------

    async def _live(self, socket: "ClientConnection") -> None:
        """Reads for as long as the stream lives, over as many connections as that takes."""
        backoff = Backoff(self.rules.reconnect_s)
        try:
            while True:
                why = await self._read(socket, backoff)
                async with self._changed:
                    self._socket = None
                    self._lose(str(why))
                    self._changed.notify_all()
                socket = await self._again(why, backoff)
                self.reconnects += 1
                async with self._changed:
                    self._changed.notify_all()
        except ClientError as error:
            await self._ended(error)
        except Exception as error:  # a defect here must not leave callers waiting
            await self._ended(ProtocolError(f"{self._what}: {error!r}"))
            raise
        finally:
            await socket.close()

    async def _read(self, socket: "ClientConnection", backoff: Backoff) -> ClientError:
        """Until the connection ends; why it did. Raises ProtocolError."""
        while True:
            try:
                text = await socket.recv()
            except Exception as error:
                return why_closed(error)
            message = message_of(text, self._what)
            async with self._changed:
                self._take(message)
                self._changed.notify_all()
            backoff.done()

    async def _again(self, why: ClientError, backoff: Backoff) -> "ClientConnection":
        """Opens the connection again, in time. Raises what made it give up."""
        while True:
            await asyncio.sleep(backoff.wait(why))
            try:
                return await self._open()
            except (ConnectionFailed, AnswerTimeout, ServerError) as error:
                log.info("%s: %s", self._what, error)
                why = error

    async def _watch(self) -> None:
        """Ends a connection that leaves a frame without its answer."""
        while True:
            await asyncio.sleep(min(1.0, self.rules.answer_timeout_s / 4))
            oldest = min((sent.at for sent in self._under_way.values()), default=None)
            if oldest is not None and time.monotonic() - oldest > self.rules.answer_timeout_s and self._socket is not None:
                log.warning("%s: a frame is unanswered for %g s; connecting again", self._what, self.rules.answer_timeout_s)
                self._socket.transport.abort()

    def _take(self, message: dict[str, Any]) -> None:
        """One message of the server. Raises ProtocolError."""
        kind = KINDS.get(message["type"])
        if kind is None or (kind == "error" and message.get("frame_id") is None):
            return self._told(message)
        number = message.get("frame_id")
        sent = self._under_way.pop(number, None) if isinstance(number, int) else None
        if sent is None:
            raise ProtocolError(f"{self._what}: an answer to frame {number!r}, which waits for none")
        if kind == "result":
            checked(message, self._what)
        reason = "" if kind == "result" else str(message.get("reason") or message.get("code") or "")
        self._answers.append(Answer(sent.number, kind, reason, sent.tag, message, (time.monotonic() - sent.at) * 1e3))

    def _told(self, message: dict[str, Any]) -> None:
        """A message that is no answer to a frame."""
        if message["type"] == "error":
            log.warning("%s: %s: %s", self._what, message.get("code"), message.get("message"))
