"""A fovea server, for programs on asyncio."""
from __future__ import annotations

import asyncio
import functools
import os
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import AsyncIterator, Awaitable, Callable, Concatenate, ParamSpec, TypeVar

from ._events import Event, EventStream
from ._hazard import AsyncDetectionSession
from ._server import Server, detection_target, stream_target, view_target
from ._streams import AsyncFrameStream, Rules
from ._viewer import AsyncViewer

P = ParamSpec("P")
T = TypeVar("T")


def _awaited(method: Callable[Concatenate[Server, P], T]) -> Callable[Concatenate["AsyncServer", P], Awaitable[T]]:
    """The method of Server, on a thread."""
    async def run(self: "AsyncServer", /, *words: P.args, **named: P.kwargs) -> T:
        return await self._run(functools.partial(method, self._server, *words, **named))
    functools.update_wrapper(run, method)
    return run


class AsyncEventStream:
    """EventStream for `async for`."""

    def __init__(self, plain: EventStream) -> None:
        self.plain = plain
        self._thread = ThreadPoolExecutor(1, "fovea-events")

    async def __aenter__(self) -> "AsyncEventStream":
        await asyncio.get_running_loop().run_in_executor(self._thread, self.plain.__enter__)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the iteration, also one that waits."""
        self.plain.close()
        self._thread.shutdown(wait=False)

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        try:
            event = await asyncio.get_running_loop().run_in_executor(self._thread, next, self.plain, None)
        except asyncio.CancelledError:
            self.close()
            raise
        if event is None:
            self.close()
            raise StopAsyncIteration
        return event


class AsyncServer:
    """As Server, its methods awaited; frames, sessions and events with `async with` and `async for`.

    Requests run on up to 16 threads of this object: a request whose task is cancelled is still carried out. Streams are
    on the event loop itself."""

    def __init__(self, url: str, token: str | None = None, ca: str | os.PathLike[str] | None = None,
                 timeout_s: float = 30.0) -> None:
        self._server = Server(url, token, ca, timeout_s)
        self._threads = ThreadPoolExecutor(16, "fovea-client")
        self.address = self._server.address

    def __repr__(self) -> str:
        return f"AsyncServer({str(self.address)!r})"

    async def __aenter__(self) -> "AsyncServer":
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections that are kept. Streams are closed by themselves."""
        self._server.close()
        self._threads.shutdown(wait=False)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    version = _awaited(Server.version)
    process_frame = _awaited(Server.process_frame)
    stats = _awaited(Server.stats)
    performance = _awaited(Server.performance)
    device_info = _awaited(Server.device_info)
    ready = _awaited(Server.ready)
    stored_events = _awaited(Server.stored_events)
    start_stream = _awaited(Server.start_stream)
    stop_stream = _awaited(Server.stop_stream)
    streams = _awaited(Server.streams)
    cameras = _awaited(Server.cameras)
    latest = _awaited(Server.latest)
    models = _awaited(Server.models)
    load_model = _awaited(Server.load_model)
    remove_model = _awaited(Server.remove_model)
    homography = _awaited(Server.homography)
    set_homography = _awaited(Server.set_homography)
    forget_homography = _awaited(Server.forget_homography)
    heatmap = _awaited(Server.heatmap)

    def stream(self, *, model_id: str | None = None, max_latency_ms: float | None = None, conf: float | None = None,
               client_id: str | None = None, order: str | None = None, tracker: str | None = None,
               rules: Rules | None = None) -> AsyncFrameStream:
        """As Server.stream, with `async with` and `async for`."""
        return AsyncFrameStream(self.address, self._server.context,
                                stream_target(model_id, max_latency_ms, conf, client_id, order, tracker), rules or Rules())

    def detection(self, client_id: str | None = None, *, model_id: str | None = None, max_latency_ms: float | None = None,
                  conf: float | None = None, order: str | None = None, tracker: str | None = None, paced: bool = True,
                  text: bool = False, rules: Rules | None = None) -> AsyncDetectionSession:
        """As Server.detection, with `async with` and `async for`."""
        return AsyncDetectionSession(self.address, self._server.context,
                                     detection_target(client_id, model_id, max_latency_ms, conf, order, tracker),
                                     rules or Rules(), paced=paced, text=text)

    def events(self, client_id: str, last_event_id: str | None = None, reconnect_s: float | None = 30.0) -> AsyncEventStream:
        """As Server.events, with `async with` and `async for`."""
        return AsyncEventStream(self._server.event_stream(client_id, last_event_id, reconnect_s))

    def watch(self, camera: str, *, pictures: bool = False, reconnect_s: float | None = 30.0) -> AsyncViewer:
        """As Server.watch, with `async with` and `async for`."""
        return AsyncViewer(self.address, self._server.context, view_target(camera), pictures, reconnect_s)
