"""Sessions on /stream/detection, whose rate the server turns."""
from __future__ import annotations

import asyncio
import base64
import json
import time
from typing import TYPE_CHECKING, Any, Mapping, Sequence

from ._pictures import Frame, kind_of
from ._streams import AsyncFrameStream
from ._websocket import message_of, why_closed
from .errors import AnswerTimeout, ClientError, ProtocolError, Refused

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection


class AsyncDetectionSession(AsyncFrameStream):
    """`/stream/detection`. `session_id`, `client_id` and `config` are what the server said last; `config["fps_limit"]` is
    the rate in force, which each answer brings anew."""

    most_bytes = 1 << 20

    def __init__(self, *more: Any, paced: bool = True, text: bool = False) -> None:
        super().__init__(*more)
        self.session_id = self.client_id = ""
        self.config: dict[str, Any] = {}
        self._paced, self._text, self._next = paced, text, 0.0
        self._wishes: dict[str, Any] = {}  # said again after a reconnect
        self._asking = asyncio.Lock()
        self._asked: asyncio.Future[dict[str, Any]] | None = None

    async def _opened(self, socket: "ClientConnection") -> None:
        hello = await self._hear(socket)
        if hello["type"] != "session" or not isinstance(hello.get("config"), dict):
            raise ProtocolError(f"{self._what}: began with {hello['type']!r}, not with a session")
        self.session_id, self.client_id = str(hello.get("session_id", "")), str(hello.get("client_id", ""))
        self.config = hello["config"]
        if self._wishes:
            await socket.send(json.dumps({"type": "config", **self._wishes}))
            self._told(await self._hear(socket))

    async def _hear(self, socket: "ClientConnection") -> dict[str, Any]:
        try:
            return message_of(await asyncio.wait_for(socket.recv(), self.rules.connect_s), self._what)
        except (TimeoutError, asyncio.TimeoutError):
            raise AnswerTimeout(f"{self._what}: no first message within {self.rules.connect_s:g} s") from None
        except ClientError:
            raise
        except Exception as error:
            raise why_closed(error) from error

    async def configure(self, *, fps_limit: float | None = None, confidence: float | None = None, iou: float | None = None,
                        classes: Sequence[int | str] | None = None, order: str | None = None,
                        timeout_s: float = 10.0) -> dict[str, Any]:
        """Asks for other settings; those in force now. What is None stays. Raises Refused (and nothing changes),
        AnswerTimeout, or what ended the session."""
        given = {"fps_limit": fps_limit, "confidence": confidence, "iou": iou, "order": order,
                 "classes": None if classes is None else list(classes)}
        wishes = {name: value for name, value in given.items() if value is not None}
        async with self._asking:
            if self._end is not None:
                raise self._end
            self._asked = asyncio.get_running_loop().create_future()
            try:
                if self._socket is not None:
                    await self._socket.send(json.dumps({"type": "config", **wishes}))
                config = await asyncio.wait_for(self._asked, timeout_s)
            except (TimeoutError, asyncio.TimeoutError):
                raise AnswerTimeout(f"{self._what}: no answer to a config within {timeout_s:g} s") from None
            finally:
                self._asked = None
        self._wishes |= wishes
        return config

    async def _send(self, frame: Frame, tag: Any, timeout_s: float | None) -> int:
        if self._paced:
            now, gap = time.monotonic(), 1 / float(self.config.get("fps_limit") or 30)
            begin = max(now, self._next)
            self._next = begin + gap
            await asyncio.sleep(begin - now)
        return await super()._send(frame, tag, timeout_s)

    def _room(self) -> bool:
        return super()._room() and not (self._paced and time.monotonic() < self._next)

    def _message(self, picture: bytes, tag: Any) -> bytes | str:
        if not self._text:
            return picture
        data = f"data:{kind_of(picture)};base64,{base64.b64encode(picture).decode()}"
        return json.dumps({"type": "frame", "timestamp": time.time() * 1e3, "image_data": data})

    def _take(self, message: dict[str, Any]) -> None:
        config = message.get("config")
        if message["type"] == "detection" and isinstance(config, Mapping):
            self.config = {**self.config, **config}
        super()._take(message)

    def _told(self, message: dict[str, Any]) -> None:
        asked = self._asked if self._asked is not None and not self._asked.done() else None
        if message["type"] == "config" and isinstance(message.get("config"), dict):
            self.config = message["config"]
            if asked:
                asked.set_result(self.config)
        elif asked and message.get("code") == "bad_config":
            asked.set_exception(Refused(0, "bad_config", str(message.get("message", ""))))
        else:
            super()._told(message)

    async def _ended(self, why: ClientError) -> None:
        if self._asked is not None and not self._asked.done():
            self._asked.set_exception(why)
        await super()._ended(why)
