"""Just enough HTTP/1.1 and WebSocket for the mock server, on asyncio alone: no limits, no TLS, loopback only."""
from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import struct
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""


@dataclass
class Response:
    body: bytes = b""
    status: int = 200
    type: str = "application/octet-stream"
    headers: dict[str, str] = field(default_factory=dict)


def json_response(value, status: int = 200, kind: str = "application/json") -> Response:
    return Response(json.dumps(value).encode(), status, kind)


class Socket:
    """The server's end of a WebSocket. Iterating gives (TEXT, str) and (BINARY, bytes) until it closes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.reader, self.writer, self.closed = reader, writer, False

    async def send(self, data: str | bytes, opcode: int | None = None) -> None:
        raw = data.encode() if isinstance(data, str) else data
        opcode = opcode or (TEXT if isinstance(data, str) else BINARY)
        n = len(raw)
        size = bytes([n]) if n < 126 else struct.pack(">BH", 126, n) if n < 65536 else struct.pack(">BQ", 127, n)
        self.writer.write(bytes([0x80 | opcode]) + size + raw)
        await self.writer.drain()

    async def send_json(self, value) -> None:
        await self.send(json.dumps(value))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        if not self.closed:
            self.closed = True
            await self.send(struct.pack(">H", code) + reason.encode(), CLOSE)
            self.writer.close()

    async def _frame(self) -> tuple[bool, int, bytes]:
        first, second = await self.reader.readexactly(2)
        n = second & 127
        if n == 126:
            n, = struct.unpack(">H", await self.reader.readexactly(2))
        elif n == 127:
            n, = struct.unpack(">Q", await self.reader.readexactly(8))
        mask = await self.reader.readexactly(4)
        raw = await self.reader.readexactly(n)
        key = int.from_bytes((mask * (n // 4 + 1))[:n], "big")
        return bool(first & 0x80), first & 15, (int.from_bytes(raw, "big") ^ key).to_bytes(n, "big")

    async def __aiter__(self):
        kind, parts = 0, []
        try:
            while not self.closed:
                final, opcode, data = await self._frame()
                if opcode == CLOSE:
                    break
                if opcode == PING:
                    await self.send(data, PONG)
                if opcode >= CLOSE:
                    continue
                kind = opcode or kind
                parts.append(data)
                if final:
                    whole, parts = b"".join(parts), []
                    yield (kind, whole.decode() if kind == TEXT else whole)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.closed = True


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    line, *fields = head.split("\r\n")
    method, target, _ = line.split(" ")
    headers = {k.strip().lower(): v.strip() for k, _, v in (f.partition(":") for f in fields if f)}
    url = urlsplit(target)
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, unquote(url.path), dict(parse_qsl(url.query, keep_blank_values=True)), headers, body)


async def upgrade(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Socket:
    accept = base64.b64encode(hashlib.sha1((request.headers["sec-websocket-key"] + GUID).encode()).digest()).decode()
    writer.write(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())
    return Socket(reader, writer)


def write_response(writer: asyncio.StreamWriter, response: Response) -> None:
    fields = {"Content-Type": response.type, "Content-Length": str(len(response.body)), **response.headers}
    lines = "".join(f"{k}: {v}\r\n" for k, v in fields.items())
    writer.write(f"HTTP/1.1 {response.status} -\r\n{lines}\r\n".encode() + response.body)


async def serve(port: int, http, websocket) -> asyncio.Server:
    """http(request) → Response; websocket(request) → coroutine function of a Socket, or None to refuse."""
    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await read_request(reader)) is not None:
                if request.headers.get("upgrade", "").lower() == "websocket":
                    handler = websocket(request)
                    if handler is None:
                        write_response(writer, Response(status=403))
                        break
                    await handler(await upgrade(request, reader, writer))
                    break
                write_response(writer, await http(request))
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    return await asyncio.start_server(connection, "127.0.0.1", port, limit=1 << 20)
