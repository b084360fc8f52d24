"""The Python client's event streams: what is missed is asked for again, what is final is said."""
import asyncio
import json
import threading
import time

import pytest
from servers import broken, locked, picture, reply, server, start_server  # noqa: F401

from fovea.client import (AsyncServer, ClientError, ConnectionFailed, NotAllowed, ProtocolError, Refused, Server, ServerError)

FAST = {"STREAMING_MAX_FPS": "240", "STREAMING_DEFAULT_FPS": "240"}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def fast(start_server):
    return start_server(env=FAST)


def event(kind: str, number: int, data=None) -> bytes:
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(data or {'n': number})}\n\n".encode()


def collect(stream, into: list) -> threading.Thread:
    def run():
        try:
            for one in stream:
                into.append(one)
        except ClientError as error:
            into.append(error)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def test_from_before_the_session_to_its_end(fast):
    with Server(fast.url) as one, one.events("early") as events:
        with one.detection("early", max_latency_ms=0) as session:
            session.send(picture())
            answer = session.receive(5)
        got = list(events)
    kinds = [found.kind for found in got]
    assert kinds[0] == "session" and kinds[-1] == "end" and set(kinds) <= {"session", "detection", "stats", "end"}
    detection, = (found for found in got if found.kind == "detection")
    assert detection.data == answer.data
    assert got[-1].data["delivered"] == 1
    assert [int(found.id) for found in got] == sorted(int(found.id) for found in got)


def test_a_cut_connection_goes_on_where_it_was(fast):
    got = []
    with Server(fast.url) as one, one.detection("cut", max_latency_ms=0) as session:
        events = one.events("cut")
        reader = collect(events, got)
        for i in range(30):
            session.send(picture())
            assert session.receive(5).ok
            if i % 5 == 4:
                fast.wait_for(lambda: sum(found.kind == "detection" for found in got) == i + 1, what="the event")
                events._connection.cut()
        fast.wait_for(lambda: sum(found.kind == "detection" for found in got) == 30, what="all events")
        session.close()
        reader.join(5)
    assert events.reconnects >= 5 and got[-1].kind == "end"
    assert [found.data["frame_id"] for found in got if found.kind == "detection"] == list(range(30))
    assert not [found for found in got if found.kind == "gap"]


def test_resuming_by_hand(fast):
    with Server(fast.url) as one, one.detection("hand", max_latency_ms=0) as session:
        with one.events("hand") as events:
            session.send(picture())
            session.receive(5)
            last = next(found for found in events if found.kind == "detection").id
        for _ in range(2):
            session.send(picture())
            session.receive(5)
        with one.events("hand", last_event_id=last) as again:
            first = next(found for found in again if found.kind == "detection")
            assert first.data["frame_id"] == 1 and int(first.id) > int(last)
        with one.events("hand", last_event_id="of another server") as foreign:
            assert next(foreign).kind == "gap"


def test_a_server_that_is_started_again(start_server):
    first, got = start_server(env=FAST), []
    port = first.url.rsplit(":", 1)[1]
    with Server(first.url) as one:
        reader = collect(one.events("restart"), got)
        with one.detection("restart", max_latency_ms=0) as session:
            session.send(picture())
            session.receive(5)
            first.wait_for(lambda: any(found.kind == "detection" for found in got), what="an event")
            first.process.kill()
            first.process.wait()
            first.process.returncode = 0  # as it should be here
            start_server(port=port, state=first.state, env=FAST)
            session.send(picture(), timeout_s=20)
            first.wait_for(lambda: sum(found.kind == "detection" for found in got) == 2, 20, "an event of the new server")
        reader.join(10)
    kinds = [found.kind for found in got]
    assert "gap" in kinds and kinds[-1] == "end", kinds


def test_closing_ends_a_reader_that_waits(fast):
    got = []
    with Server(fast.url) as one:
        events = one.events("nobody comes").__enter__()
        reader = collect(events, got)
        time.sleep(0.1)
        assert reader.is_alive()
        events.close()
        reader.join(5)
        assert not reader.is_alive() and got == []


def test_refusals(locked):
    push, other = (locked.make_token("push")["token"] for _ in range(2))
    with Server(locked.url, push) as one, Server(locked.url, other) as two, Server(locked.url, "fov_wrong") as nobody:
        with one.events("mine"):
            with pytest.raises(NotAllowed, match="403"), two.events("mine"):
                pass
        with pytest.raises(NotAllowed, match="401"):
            next(nobody.events("mine"))
        with pytest.raises(Refused, match="422"):
            next(one.events("x" * 65))


def test_a_server_that_is_away_is_tried_for_a_while():
    served = []

    def busy(path, connection):
        served.append(time.monotonic())
        if len(served) < 3:
            connection.sendall(reply(b'{"code":"busy","detail":"later"}', "503 Busy", "Retry-After: 0"))
        else:
            connection.sendall(HEAD + event("end", 1))
    with broken(busy) as one, Server(one.url) as client:
        assert [found.kind for found in client.events("x")] == ["end"] and len(served) == 3
        served.clear()
        with pytest.raises(ServerError, match="503 busy"):
            next(client.events("x", reconnect_s=0))
        assert len(served) == 1


def test_waits_grow_and_end():
    with broken(HEAD + b": nothing\n") as one, Server(one.url) as client:
        begun = time.monotonic()
        with pytest.raises(ConnectionFailed, match="ended before"):
            next(client.events("x", reconnect_s=1.5))
        assert 1.4 < time.monotonic() - begun < 5
        assert 3 <= sum("events" in head for head in one.requests) <= 12


def test_what_a_stream_of_events_may_look_like():
    text = (b"\xef\xbb\xbf" b": comment\n\n" b"data: {\"a\":\ndata: 1}\nid: 7\nevent: stats\n\n" b"id: 8\n\n"
            b"event:dropped\r\ndata:{}\r\nretry: 1\r\nunknown: x\r\n\r\n" b"event: end\ndata: {}\nid: 9\n\n")
    with broken(HEAD + text) as one, Server(one.url) as client:
        got = list(client.events("x"))
    assert [(found.kind, found.data, found.id) for found in got] == \
        [("stats", {"a": 1}, "7"), ("dropped", {}, "7"), ("end", {}, "9")]


@pytest.mark.parametrize("answer, words", [
    (HEAD + b"data: {]\n\n", "no JSON"), (HEAD + b"data: [1]\n\n", "no JSON object"),
    (HEAD + b"data: " + b"[" * 100_000 + b"\n\n", "no JSON"), (HEAD + b"data: " + b"x" * (2 << 20), "line of more than"),
    (HEAD + b"data: xxxxxxxxx\n" * 100_000, "event of more than"), (reply(b"hello"), "no stream of events"),
    (HEAD.replace(b"200 OK", b"204 No"), "204"), (b"HELO\r\n\r\n", "not HTTP"),
    (HEAD.replace(b"200 OK", b"302 Found"), "redirected")])
def test_broken_streams_are_final(answer, words):
    with broken(answer) as one, Server(one.url) as client:
        with pytest.raises(ProtocolError, match=words):
            next(client.events("x"))
        assert sum("events" in head for head in one.requests) == 1


def test_silence_is_a_lost_connection():
    def silent(path, connection):
        connection.sendall(HEAD + event("session", 1))
        time.sleep(5)
    with broken(silent) as one, Server(one.url) as client:
        events = client.events("x", reconnect_s=0)
        events._silence_s = 0.2
        assert next(events).kind == "session"
        with pytest.raises(ClientError, match="nothing came for 0.2 s"):
            next(events)


def test_asyncio(fast):
    async def main():
        async with AsyncServer(fast.url) as one, one.events("aio") as events:
            async with one.detection("aio", max_latency_ms=0) as session:
                await session.send(picture())
                await session.receive(5)
            got = [found.kind async for found in events]
            waiting = one.events("nobody comes either")
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(waiting.__anext__(), 0.3)
            return got
    kinds = asyncio.run(main())
    assert kinds[0] == "session" and kinds[-1] == "end" and "detection" in kinds
