"""A fovea server, for programs without asyncio."""
from __future__ import annotations

import json
import os
import threading
from types import TracebackType
from typing import Any, Mapping, Sequence

from ._address import Parameter, parse, target
from ._answer import Answer, checked
from ._events import EventStream
from ._hazard import AsyncDetectionSession
from ._http import Connections, Reply
from ._pictures import Frame, as_picture, kind_of
from ._plain import DetectionSession, FrameStream, LoopThread
from ._streams import AsyncFrameStream, Rules
from ._viewer import AsyncViewer, Viewer
from .errors import ClientError, ProtocolError, ServerError, VersionError

REALTIME = "/api/v1/realtime"
KNOWN_MAJOR = 0  # of the servers that this client was written for


class Server:
    """`Server("http://127.0.0.1:8440")`, or the URL that `fovea serve` prints, with its token in it.

    url        of the server
    token      of role push, view or admin; not needed on loopback
    ca         PEM file of the authority that signed its certificate (`/ca.crt` of a server started with --lan)
    timeout_s  most for one answer, from the first byte sent to the last one read; each call can set its own

    Thread-safe. The first request asks for the server's version once. Every method raises ServerError (it refused, with
    its reason), ConnectionFailed, AnswerTimeout or ProtocolError, all of them ClientError."""

    def __init__(self, url: str, token: str | None = None, ca: str | os.PathLike[str] | None = None,
                 timeout_s: float = 30.0) -> None:
        self.address = parse(url, token, ca)
        self.context = self.address.context()
        self._http, self._thread = Connections(self.address, timeout_s), LoopThread()
        self._version, self._asking = "", threading.Lock()

    def __repr__(self) -> str:
        return f"Server({str(self.address)!r})"

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections that are kept, and streams that are still open."""
        self._http.close()
        self._thread.stop()

    # --- requests ---------------------------------------------------------------------------------------------------

    def version(self) -> str:
        """Of the server. Raises VersionError when it is no fovea server, or one of a major version that is not known here.
        Asked once; all other calls ask it before their first request."""
        with self._asking:
            if not self._version:
                self._version = self._asked_version()
            return self._version

    def _asked_version(self) -> str:
        where = f"{self.address}/api/version"
        try:
            said = self._http.request("GET", "/api/version").json()
        except (ServerError, ProtocolError) as error:
            raise VersionError(f"{self.address} does not answer as a fovea server: {error}") from error
        name, version = said.get("name"), said.get("version")
        if name != "fovea" or not isinstance(version, str):
            raise VersionError(f"{where}: this is {name!r}, not a fovea server")
        major = version.split(".")[0]
        if not (major.isascii() and major.isdigit()) or int(major) > KNOWN_MAJOR:
            raise VersionError(f"{where}: the server is fovea {version[:40]}, this client knows versions up to {KNOWN_MAJOR}.x: "
                               f"update the fovea package")
        return version

    def _request(self, method: str, path: str, body: Any = None, kind: str = "", timeout_s: float | None = None,
                 again: bool = True) -> Reply:
        self.version()
        return self._http.request(method, path, body, {"Content-Type": kind} if kind else {}, timeout_s, again)

    def _get(self, path: str) -> dict[str, Any]:
        return self._request("GET", path).json()

    def _send(self, method: str, path: str, body: Mapping[str, Any], again: bool = False,
              timeout_s: float | None = None) -> dict[str, Any]:
        return self._request(method, path, json.dumps(body).encode(), "application/json", timeout_s, again).json()

    # --- frames -----------------------------------------------------------------------------------------------------

    def process_frame(self, frame: Frame, *, model_id: str | None = None, max_latency_ms: float | None = None,
                      conf: float | None = None, strict: bool | None = None, quality: int = 90,
                      timeout_s: float | None = None) -> Answer:
        """One picture, its detections. Always analysed; late: `meets_latency_requirement` is False.

        frame    H x W x 3 BGR, H x W or H x W x 4 uint8 (sent as a JPEG of `quality`), a picture's bytes, or a path
        strict   late is Unavailable instead"""
        picture = as_picture(frame, quality)
        path = target(REALTIME + "/video/process-frame", {"model_id": model_id, "max_latency_ms": max_latency_ms, "conf": conf,
                                                          "strict": strict})
        reply = self._request("POST", path, picture, kind_of(picture), timeout_s)
        data = checked(reply.json(), reply.what)
        return Answer(int(data.get("frame_id", 0)), "result", data=data)

    def stream(self, *, model_id: str | None = None, max_latency_ms: float | None = None, conf: float | None = None,
               client_id: str | None = None, order: str | None = None, tracker: str | None = None,
               rules: Rules | None = None) -> FrameStream:
        """Frames over a WebSocket, each with exactly one answer:

            with server.stream(max_latency_ms=150) as stream:
                for answer in stream.process(pictures): ...

        max_latency_ms  0: no deadline; order "fifo": nothing is superseded; tracker: detections have a `track_id`"""
        core = AsyncFrameStream(self.address, self.context, stream_target(model_id, max_latency_ms, conf, client_id, order,
                                                                           tracker), rules or Rules())
        self.version()
        return FrameStream(self._thread, core)

    def detection(self, client_id: str | None = None, *, model_id: str | None = None, max_latency_ms: float | None = None,
                  conf: float | None = None, order: str | None = None, tracker: str | None = None, paced: bool = True,
                  text: bool = False, rules: Rules | None = None) -> DetectionSession:
        """A session on /stream/detection, whose rate follows what the server can do.

        client_id  under which `events` finds it
        paced      `send` waits so that the rate in force is kept; else the server drops what is too much
        text       frames as base64 in JSON with a timestamp, as the document has them; else bytes, which cost a third less"""
        core = AsyncDetectionSession(self.address, self.context,
                                     detection_target(client_id, model_id, max_latency_ms, conf, order, tracker),
                                     rules or Rules(), paced=paced, text=text)
        self.version()
        return DetectionSession(self._thread, core)

    def events(self, client_id: str, last_event_id: str | None = None, reconnect_s: float | None = 30.0) -> EventStream:
        """What happens to the frames of a client's session, until its end; may be opened before the session. A connection
        that breaks is opened again where it was. `reconnect_s`: how long that is tried; None: for ever, 0: not at all."""
        self.version()
        return self.event_stream(client_id, last_event_id, reconnect_s)

    def event_stream(self, client_id: str, last_event_id: str | None, reconnect_s: float | None) -> EventStream:
        """As `events`, without asking for the version: that needs the network."""
        return EventStream(self._http, target("/stream/events/{client}", client=client_id), last_event_id, reconnect_s)

    def watch(self, camera: str, *, pictures: bool = False, reconnect_s: float | None = 30.0) -> Viewer:
        """What is seen in a room, picture by picture: of a browser's camera, or of a stream of the server's (its `token`;
        football: `data` has tracks, ball, teams). `pictures`: with the camera's own bytes."""
        self.version()
        return Viewer(self._thread, AsyncViewer(self.address, self.context, view_target(camera), pictures, reconnect_s))

    # --- figures ----------------------------------------------------------------------------------------------------

    def stats(self, window: float | None = None, stream_id: str | None = None) -> dict[str, Any]:
        """Latency, throughput, drops and violations over the last `window` (60) s; of one stream or of all."""
        return self._get(target(REALTIME + "/video/stats", {"window": window, "stream_id": stream_id}))

    def performance(self) -> dict[str, Any]:
        """How the sessions on /stream/detection fare, and how busy the machine is."""
        return self._get("/stream/performance")

    def device_info(self) -> dict[str, Any]:
        """Hardware and runtimes of the server, what is used, what is recommended."""
        return self._get(REALTIME + "/edge/device-info")

    def ready(self) -> bool:
        """Its model is warm."""
        try:
            self._request("GET", "/readyz")
        except ServerError as error:
            if error.status == 503:
                return False
            raise
        return True

    def stored_events(self, *, since_ms: float | None = None, until_ms: float | None = None, stream: str | None = None,
                      class_name: str | None = None, type: str | None = None, limit: int | None = None) -> dict[str, Any]:
        """Alerts, adaptations and sources that came and went, newest first: `events`, `total`."""
        return self._get(target("/api/events", {"from": since_ms, "to": until_ms, "stream": stream, "class": class_name,
                                                "type": type, "limit": limit}))

    # --- streams of the server's own --------------------------------------------------------------------------------

    def start_stream(self, /, source: str | None = None, *, timeout_s: float | None = None, **wishes: Any) -> dict[str, Any]:
        """Starts a stream from a source of the server: `stream_id`, `view_url`, … The wishes are those of start-stream:
        kind, model_id, target_fps, max_latency_ms, tracker, token, admission, adaptive, loop, teams, homography, …
        Raises Conflict with the numbers when a promise to others would be broken."""
        body = {**({} if source is None else {"source": source}), **wishes}
        return self._send("POST", REALTIME + "/video/start-stream", body, timeout_s=timeout_s)

    def stop_stream(self, stream_id: str | None = None) -> dict[str, Any]:
        """Ends a stream (the only one when not named); its final figures."""
        return self._send("POST", REALTIME + "/video/stop-stream", {} if stream_id is None else {"stream_id": stream_id})

    def streams(self) -> list[dict[str, Any]]:
        """Streams from sources of the server's own."""
        return listed(self._get(REALTIME + "/video/streams"), "streams")

    def cameras(self) -> list[dict[str, Any]]:
        """Rooms that are open: name, state, latency, addresses of their pages."""
        return listed(self._get("/api/cameras"), "cameras")

    def latest(self, camera: str, render: str | None = None) -> bytes:
        """The newest picture of a room; of the server's own streams with boxes, without them with render="client"."""
        return self._request("GET", target("/api/camera/{camera}/latest.jpg", {"render": render}, camera=camera)).body

    # --- models -----------------------------------------------------------------------------------------------------

    def models(self) -> dict[str, Any]:
        """`models` that are loaded, `available`: names that could be."""
        return self._get("/api/v1/models")

    def load_model(self, name: str, *, id: str | None = None, default: bool = False,
                   timeout_s: float | None = 300.0) -> dict[str, Any]:
        """Loads a model of the server's by name, or replaces the one of this id without an end of any session."""
        body = {"name": name, "default": default, **({} if id is None else {"id": id})}
        return self._send("POST", "/api/v1/models", body, again=True, timeout_s=timeout_s)

    def remove_model(self, id: str) -> None:
        """Forgets a model. Raises Conflict for the default one, and for one that streams run on."""
        self._request("DELETE", target("/api/v1/models/{id}", id=id), again=False)

    # --- football ---------------------------------------------------------------------------------------------------

    def homography(self, stream_id: str) -> dict[str, Any]:
        """Where the camera of a football stream looks: `known`, `matrix` (metres to px, row by row), `landmarks`."""
        return self._get(homography_target(stream_id))

    def set_homography(self, /, stream_id: str, *, points: Sequence[Mapping[str, Any]] | None = None, matrix: Any = None,
                       picture: Sequence[float] | None = None, frame_id: int | None = None, preview: bool = False,
                       **more: Any) -> dict[str, Any]:
        """Calibrates it from `points` ({"image": [x, y], "pitch": [x, y] or a landmark's name}) or a `matrix` of 3 x 3;
        `preview`: only tells what would come of it. Raises Refused with the reason and `problem["quality"]`."""
        given = {"points": None if points is None else list(points), "picture": picture, "frame_id": frame_id,
                 "matrix": matrix.tolist() if hasattr(matrix, "tolist") else matrix, **more}
        body = {name: value for name, value in given.items() if value is not None}
        return self._send("PUT", homography_target(stream_id) + ("?preview=true" if preview else ""), body, again=True)

    def forget_homography(self, stream_id: str) -> dict[str, Any]:
        """From the next frame on nothing has metres, until it is calibrated again."""
        return self._request("DELETE", homography_target(stream_id)).json()

    def heatmap(self, stream_id: str, *, team: str | None = None, track_id: int | None = None) -> bytes:
        """PNG of where a team ("first", "second") or a person was."""
        return self._request("GET", target(REALTIME + "/football/{stream}/heatmap", {"team": team, "track_id": track_id},
                                           stream=stream_id)).body


def listed(answer: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """A list of an answer. Raises ProtocolError."""
    found = answer.get(name)
    if not isinstance(found, list):
        raise ProtocolError(f"the answer has no list {name!r}")
    return found


def view_target(camera: str) -> str:
    return target("/ws/view/{camera}", {"render": "client", "pack": 1}, camera=camera)


def homography_target(stream_id: str) -> str:
    return target(REALTIME + "/football/{stream}/homography", stream=stream_id)


def stream_target(model_id: str | None, max_latency_ms: float | None, conf: float | None, client_id: str | None,
                  order: str | None, tracker: str | None) -> str:
    given: dict[str, Parameter] = {"model_id": model_id, "max_latency_ms": max_latency_ms, "conf": conf,
                                   "client_id": client_id, "order": order, "tracker": tracker}
    return target(REALTIME + "/video/stream", given)


def detection_target(client_id: str | None, model_id: str | None, max_latency_ms: float | None, conf: float | None,
                     order: str | None, tracker: str | None) -> str:
    given: dict[str, Parameter] = {"client_id": client_id, "model_id": model_id, "max_latency_ms": max_latency_ms,
                                   "conf": conf, "order": order, "tracker": tracker}
    return target("/stream/detection", given)
