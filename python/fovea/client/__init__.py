"""A client of fovea servers, in Python alone: libfovea is not needed, nor loaded.

    from fovea.client import Server

    server = Server("http://127.0.0.1:8440")
    answer = server.process_frame("street.jpg")
    with server.stream(max_latency_ms=150) as stream:
        for answer in stream.process(pictures): ...

`AsyncServer` is the same for asyncio. Streams need the package websockets: pip install 'fovea[client]'."""
from ._answer import Answer
from ._async_server import AsyncEventStream, AsyncServer
from ._events import Event, EventStream
from ._hazard import AsyncDetectionSession
from ._pictures import Frame
from ._plain import DetectionSession, FrameStream
from ._server import Server
from ._streams import AsyncFrameStream, Rules
from ._viewer import AsyncViewer, Seen, Viewer
from .errors import (AnswerTimeout, ClientError, Conflict, ConnectionFailed, NotAllowed, NotFound, NotTrusted, ProtocolError,
                     Refused, ServerError, StreamClosed, Unavailable, VersionError)

__all__ = ["Answer", "AnswerTimeout", "AsyncDetectionSession", "AsyncEventStream", "AsyncFrameStream", "AsyncServer", "AsyncViewer",
           "ClientError", "Conflict", "ConnectionFailed", "DetectionSession", "Event", "EventStream", "Frame", "FrameStream",
           "NotAllowed", "NotFound", "NotTrusted", "ProtocolError", "Refused", "Rules", "Seen", "Server", "ServerError",
           "StreamClosed", "Unavailable", "VersionError", "Viewer"]
