"""Document 004: frames in base64 through pools of threads, with a queue that drops its oldest."""
from __future__ import annotations

import asyncio
import base64
import binascii
import inspect
import logging
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._errors import BadFormat, Closed, FoveaError, InvalidArgument
from .._frames import picture_of
from ..detections import Detections
from ..model import Model
from ..pictures import decode

log = logging.getLogger("fovea.realtime")
WORK = ("decode", "preprocess", "inference", "postprocess", "encode")


def bytes_of(image_data: Any) -> Any:
    """What `image_data` may be: base64 (with or without a data: URL's head), a picture's bytes, an array as it is."""
    if not isinstance(image_data, str):
        return image_data
    text = image_data.partition(",")[2] if image_data.startswith("data:") else image_data
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadFormat(f"image_data is no base64: {error}") from None


@dataclass
class _Times:
    """When a frame came and what was done to it, in ms."""

    began: float = field(default_factory=time.perf_counter)
    ms: dict[str, float] = field(default_factory=dict)

    def took(self, stage: str, since: float) -> None:
        self.ms[stage] = self.ms.get(stage, 0.0) + (time.perf_counter() - since) * 1e3

    def result(self) -> dict[str, float]:
        """All stages, the waiting between them, and the total that they add up to."""
        total = (time.perf_counter() - self.began) * 1e3
        ms = {stage: round(self.ms.get(stage, 0.0), 3) for stage in WORK}
        return {"queue": round(max(0.0, total - sum(ms.values())), 3), **ms, "total": round(total, 3)}


class StreamingPipeline:
    """Decodes, detects and writes the answer on pools of threads (2, 1 and 2), so that the stages of frames overlap.

    model       a file, a name, a fovea.Model, a function of a BGR array (run on the one thread of `inference_pool`);
                None: the default model. With models of fovea's a picture is decoded as the server decodes it, at the
                smallest part of its size that their input needs, as part of the inference stage.
    conf, iou   what is kept

    The answer is that of /stream/detection. Use it from one event loop; `close` at the end, or `async with`."""

    def __init__(self, model: Any = None, *, conf: float = 0.5, iou: float = 0.45) -> None:
        self.decode_pool = ThreadPoolExecutor(2, "fovea decode")
        self.inference_pool = ThreadPoolExecutor(1, "fovea inference")
        self.encode_pool = ThreadPoolExecutor(2, "fovea encode")
        self._conf, self._iou = conf, iou
        self._function: Callable[[Any], Any] | None = model if callable(model) and not isinstance(model, Model) else None
        self._own = self._function is None and not isinstance(model, Model)
        self._model = Model(model) if self._own else model

    async def process_frame_pipeline(self, frame_data: dict[str, Any]) -> dict[str, Any]:
        """`frame_data["image_data"]`: base64, a data: URL, bytes, or an array; `frame_id`, `session_id` and `timestamp` go on
        into the answer: type, frame_id, detections, processing_time_ms, total_time_ms, timings_ms, timestamp, width, height.

        Raises InvalidArgument, BadFormat, Unsupported, LimitExceeded, InferenceFailed, Closed, and what a function raises."""
        if "image_data" not in frame_data:
            raise InvalidArgument("a frame has image_data")
        times, loop = _Times(), asyncio.get_running_loop()
        try:
            image = await loop.run_in_executor(self.decode_pool, self._decode_frame, frame_data["image_data"], times)
            found = await loop.run_in_executor(self.inference_pool, self._predict, image, times)
            return await loop.run_in_executor(self.encode_pool, self._encode_result, found, frame_data, times)
        except RuntimeError as error:
            if "shutdown" in str(error):
                raise Closed("the pipeline is closed") from None
            raise

    def _decode_frame(self, image_data: Any, times: _Times) -> Any:
        since, image = time.perf_counter(), bytes_of(image_data)
        if self._function is not None and not isinstance(image, np.ndarray):
            image = decode(image)
        elif not isinstance(image, np.ndarray):
            picture_of(image)  # what is none is known here
        times.took("decode", since)
        return image

    def _predict(self, image: Any, times: _Times) -> Detections:
        since = time.perf_counter()
        if self._function is None:
            found = self._model.predict(image, conf=self._conf, iou=self._iou)
            for stage in ("decode", "preprocess", "postprocess"):
                times.ms[stage] = times.ms.get(stage, 0.0) + found.timings_ms[stage]
            times.took("inference", since)
            times.ms["inference"] -= sum(found.timings_ms[stage] for stage in ("decode", "preprocess", "postprocess"))
            return found
        found = Detections.of(self._function(image))
        found = found[found.score >= self._conf]
        found.height, found.width = image.shape[:2]
        times.took("inference", since)
        return found

    def _encode_result(self, detections: Detections, frame_data: dict[str, Any], times: _Times) -> dict[str, Any]:
        since = time.perf_counter()
        answer: dict[str, Any] = {"type": "detection", "frame_id": frame_data.get("frame_id", 0),
                                  "detections": detections.to_dicts()}
        if "session_id" in frame_data:
            answer["session_id"] = frame_data["session_id"]
        times.took("encode", since)
        timings = times.result()
        return {**answer, "processing_time_ms": round(timings["total"] - timings["queue"], 3),
                "total_time_ms": timings["total"], "timings_ms": timings,
                "timestamp": frame_data.get("timestamp", time.time() * 1e3),
                "width": detections.width, "height": detections.height}

    def close(self) -> None:
        """Frames that are in a pool are finished; more are refused."""
        for pool in (self.decode_pool, self.inference_pool, self.encode_pool):
            pool.shutdown(wait=True)
        if self._own and self._model is not None:
            self._model.close()

    async def __aenter__(self) -> "StreamingPipeline":
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self.close)


class OptimizedFrameProcessor:
    """A queue that never makes anybody wait: when it is full its oldest frame is answered "dropped" and makes room.

    max_queue_size   frames that wait at most
    process          what is done with a frame: a function of `frame_data`, plain or async; None: a StreamingPipeline with
                     the default model
    max_workers      frames that are worked on at once

    Use it from one event loop; `await close()` at the end, or `async with`. Every frame gets exactly one answer."""

    def __init__(self, max_queue_size: int = 25, *, process: Callable[[Any], Any] | None = None, max_workers: int = 4) -> None:
        if max_queue_size < 1 or max_workers < 1:
            raise InvalidArgument(f"a queue of {max_queue_size} and {max_workers} workers: both are 1 at least")
        self._processing_queue: asyncio.Queue[tuple[Any, asyncio.Future[dict[str, Any]]]] = asyncio.Queue(max_queue_size)
        self._worker_pool = ThreadPoolExecutor(max_workers, "fovea worker")
        self._pipeline = StreamingPipeline() if process is None else None
        self._process = self._pipeline.process_frame_pipeline if self._pipeline else process
        self._max_workers, self._closed = max_workers, False
        self._tasks: list[asyncio.Task[None]] = []
        self._counts: Counter[str] = Counter()

    async def process_with_backpressure(self, frame_data: Any) -> "asyncio.Future[dict[str, Any]]":
        """Takes a frame and returns at once. The future, which need not be looked at, becomes its answer: what `process`
        gives, {"type": "dropped", "frame_id", "reason"} or {"type": "error", "frame_id", "code", "message"}.

        Raises Closed."""
        if self._closed:
            raise Closed("the processor is closed")
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._work()) for _ in range(self._max_workers)]
        if self._processing_queue.full():
            self._drop("queue")
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._counts["accepted"] += 1
        self._processing_queue.put_nowait((frame_data, answer))
        return answer

    def _drop(self, reason: str) -> None:
        frame_data, answer = self._processing_queue.get_nowait()
        self._counts[reason] += 1
        log.debug("Dropped frame due to backpressure" if reason == "queue" else "Dropped frame at the end")
        _answer(answer, {"type": "dropped", "frame_id": _id_of(frame_data), "reason": reason})

    async def _work(self) -> None:
        while True:
            frame_data, answer = await self._processing_queue.get()
            try:
                _answer(answer, await self._run(frame_data))
                self._counts["processed"] += 1
            except asyncio.CancelledError:
                self._counts["shutdown"] += 1
                _answer(answer, {"type": "dropped", "frame_id": _id_of(frame_data), "reason": "shutdown"})
                raise
            except Exception as error:
                self._counts["failed"] += 1
                log.warning("frame %s: %s", _id_of(frame_data), error)
                code = error.code if isinstance(error, FoveaError) else "internal_error"
                _answer(answer, {"type": "error", "frame_id": _id_of(frame_data), "code": code, "message": str(error)})

    async def _run(self, frame_data: Any) -> Any:
        assert self._process is not None
        if inspect.iscoroutinefunction(self._process):
            return await self._process(frame_data)
        made = await asyncio.get_running_loop().run_in_executor(self._worker_pool, self._process, frame_data)
        return await made if inspect.isawaitable(made) else made

    @property
    def stats(self) -> dict[str, Any]:
        """accepted = processed + failed + all dropped + waiting + those that are worked on."""
        return {"accepted": self._counts["accepted"], "processed": self._counts["processed"], "failed": self._counts["failed"],
                "dropped": {reason: self._counts[reason] for reason in ("queue", "shutdown")},
                "waiting": self._processing_queue.qsize()}

    async def close(self) -> None:
        """What waits is dropped ("shutdown"), what is worked on is cancelled."""
        self._closed = True
        while not self._processing_queue.empty():
            self._drop("shutdown")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._worker_pool.shutdown(wait=False)
        if self._pipeline:
            await asyncio.get_running_loop().run_in_executor(None, self._pipeline.close)

    async def __aenter__(self) -> "OptimizedFrameProcessor":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _id_of(frame_data: Any) -> Any:
    return frame_data.get("frame_id", 0) if isinstance(frame_data, dict) else 0


def _answer(future: "asyncio.Future[dict[str, Any]]", value: dict[str, Any]) -> None:
    if not future.done():  # whoever waited for it may have gone
        future.set_result(value)
