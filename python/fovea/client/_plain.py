"""The streams for programs without asyncio: the same, run on one thread of the Server object."""
from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from types import TracebackType
from typing import Any, Coroutine, Generic, Iterable, Iterator, Sequence, TypeVar

import numpy as np

from ._answer import Answer
from ._hazard import AsyncDetectionSession
from ._pictures import Frame, as_picture
from ._streams import AsyncFrameStream
from .errors import ClientError, StreamClosed

T = TypeVar("T")
Core = TypeVar("Core", bound=AsyncFrameStream)
Self = TypeVar("Self", bound="PlainStream[Any]")


class LoopThread:
    """An event loop on a thread, made when it is first needed; after a fork the child makes its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process, self._stopped = 0, False

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._stopped:
                raise StreamClosed("this Server object was closed")
            if self._loop is None or self._process != os.getpid():
                self._loop, self._process = asyncio.new_event_loop(), os.getpid()
                threading.Thread(target=self._work, args=(self._loop,), name="fovea-client", daemon=True).start()
            return self._loop

    @staticmethod
    def _work(loop: asyncio.AbstractEventLoop) -> None:
        loop.run_forever()
        loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Its result or exception. Ctrl-C cancels it."""
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._running())
        except StreamClosed:
            work.close()
            raise
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise StreamClosed("the stream was closed") from None
        except BaseException:
            future.cancel()
            raise

    def stop(self) -> None:
        """Whoever waits in `run` gets StreamClosed."""
        with self._lock:
            loop, self._loop, self._stopped = self._loop, None, True
        if loop is not None and self._process == os.getpid():
            loop.call_soon_threadsafe(lambda: loop.create_task(self._end(loop)))

    @staticmethod
    async def _end(loop: asyncio.AbstractEventLoop) -> None:
        others = asyncio.all_tasks(loop) - {asyncio.current_task(loop)}
        for task in others:
            task.cancel()
        if others:
            await asyncio.wait(others, timeout=5)
        loop.call_soon(loop.stop)


class PlainStream(Generic[Core]):
    """What FrameStream and DetectionSession share. Thread-safe: one thread may send while another receives."""

    def __init__(self, thread: LoopThread, core: Core) -> None:
        self._thread, self._core, self._process = thread, core, os.getpid()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if self._process != os.getpid():
            work.close()
            raise ClientError("this stream belongs to the process before the fork; open one here")
        return self._thread.run(work)

    def __enter__(self: Self) -> Self:
        """Connects. Raises ServerError, ConnectionFailed, ProtocolError."""
        self._run(self._core.__aenter__())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """At once. Answers that were not taken can still be; frames without one are "lost"."""
        try:
            self._run(self._core.close())
        except StreamClosed:  # with its Server
            pass

    def finish(self) -> None:
        """No more frames: iterating ends with the last answer that is owed."""
        self._run(self._core.finish())

    @property
    def waiting(self) -> int:
        """Frames that were sent and whose answers were not taken."""
        return self._core.waiting

    @property
    def reconnects(self) -> int:
        """How often the connection was opened again."""
        return self._core.reconnects

    def _encoded(self, frame: Frame) -> Frame:
        return as_picture(frame, self._core.rules.quality) if isinstance(frame, np.ndarray) else frame

    def send(self, frame: Frame, tag: Any = None, timeout_s: float | None = 60.0) -> int:
        """Sends a frame as soon as the window has room and the connection stands; its number.

        `tag` comes back with the answer. Raises AnswerTimeout (nothing was sent), StreamClosed or what ended the stream,
        ValueError (no picture, more than the server takes in one message)."""
        return self._run(self._core.send(self._encoded(frame), tag, timeout_s))

    def offer(self, frame: Frame, tag: Any = None) -> int | None:
        """As `send`, for live pictures: None at once when it would have to wait."""
        return self._run(self._core.offer(self._encoded(frame), tag))

    def receive(self, timeout_s: float | None = None) -> Answer:
        """The next answer. Raises AnswerTimeout, StreamClosed (no more will come), or what ended the stream."""
        return self._run(self._core.receive(timeout_s))

    def __iter__(self) -> Iterator[Answer]:
        while True:
            try:
                yield self.receive()
            except StreamClosed:
                return

    def process(self, frames: Iterable[Frame]) -> Iterator[Answer]:
        """Sends all frames, as many at once as the window allows; their answers, each with its frame as `tag`. Finishes
        the stream. What iterating `frames` takes (a camera) is waited for: for live pictures use `offer`."""
        for frame in frames:
            while self.waiting >= self._core.rules.window:
                yield self.receive()
            self.send(frame, tag=frame)
        self.finish()
        yield from self


class FrameStream(PlainStream[AsyncFrameStream]):
    """`/api/v1/realtime/video/stream`. Use it with `with`.

    A frame is numbered from 0 as it is sent; answers come in the order of the server. What the server had not answered
    when its connection ended is answered here as "lost", and the stream goes on over a new connection."""


class DetectionSession(PlainStream[AsyncDetectionSession]):
    """`/stream/detection`, whose rate the server turns: `config["fps_limit"]` is the one in force, and `send` keeps to it
    unless the session was opened with `paced=False`."""

    @property
    def session_id(self) -> str:
        """The server's name of the session."""
        return self._core.session_id

    @property
    def client_id(self) -> str:
        """The name under which its events are found."""
        return self._core.client_id

    @property
    def config(self) -> dict[str, Any]:
        """What the server said last that is in force."""
        return self._core.config

    def configure(self, *, fps_limit: float | None = None, confidence: float | None = None, iou: float | None = None,
                  classes: Sequence[int | str] | None = None, order: str | None = None,
                  timeout_s: float = 10.0) -> dict[str, Any]:
        """Asks for other settings; those in force now. What is None stays. Raises Refused (and nothing changes),
        AnswerTimeout, or what ended the session."""
        return self._run(self._core.configure(fps_limit=fps_limit, confidence=confidence, iou=iou, classes=classes,
                                              order=order, timeout_s=timeout_s))
