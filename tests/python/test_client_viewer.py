"""The Python client as a viewer of rooms."""
import asyncio
import json
import struct
import threading

import pytest
from servers import broken, frame_of, locked, picture, server, start_server  # noqa: F401

from fovea.client import AsyncServer, NotAllowed, ProtocolError, Server


@pytest.fixture
def client(server):
    with Server(server.url) as one:
        yield one


@pytest.fixture
def hall(client):
    begun = client.start_stream("pattern:width=320,height=240,fps=25", token="the hall", max_latency_ms=0)
    yield "the hall"
    client.stop_stream(begun["stream_id"])


def test_what_is_seen(client, hall):
    with client.watch(hall, pictures=True) as viewer:
        seen = [one for one, _ in zip(viewer, range(12))]
        assert viewer.connected and viewer.about["type"] == "view"
    analysed = [one for one in seen if one.analysed]
    assert len(analysed) >= 6 and all(one.detections[0]["confidence"] == pytest.approx(0.9) for one in analysed)
    assert [one.seq for one in seen] == sorted({one.seq for one in seen})
    with_picture = [one for one in seen if one.picture]
    assert len(with_picture) >= 6 and all(one.picture[:3] == b"\xff\xd8\xff" for one in with_picture)
    assert list(viewer) == [], "closed"


def test_football(client):
    begun = client.start_stream("pattern:football?size=640x360", kind="football", model_id="drawn", pitch_model_id="drawn")
    try:
        with client.watch(begun["token"]) as viewer:
            for seen in viewer:
                if seen.analysed and seen.data.get("tracks"):
                    break
        assert {"tracks", "ball", "teams"} <= seen.data.keys() and seen.picture is None
    finally:
        client.stop_stream(begun["stream_id"])


def test_a_room_that_opens_later_and_asyncio(client):
    async def main():
        async with AsyncServer(str(client.address)) as one, one.watch("later") as viewer:
            first = asyncio.ensure_future(viewer.__anext__())
            await asyncio.sleep(0.1)
            assert not first.done() and not viewer.connected
            begun = await one.start_stream("pattern:width=320,height=240,fps=25", token="later")
            seen = await asyncio.wait_for(first, 10)
            await one.stop_stream(begun["stream_id"])
            return seen, viewer.connected
    seen, connected = asyncio.run(main())
    assert connected and seen.seq >= 0


def test_closing_ends_one_that_waits(client):
    with client.watch("nobody sends") as viewer:
        threading.Timer(0.2, viewer.close).start()
        assert list(viewer) == []


def test_a_server_that_is_started_again(start_server):
    first = start_server()
    port = first.url.rsplit(":", 1)[1]
    source = "pattern:width=320,height=240,fps=25"
    with Server(first.url) as one, one.watch("again") as viewer:
        one.start_stream(source, token="again")
        assert next(viewer).seq >= 0
        first.stop()
        again = start_server(port=port, state=first.state)
        with Server(again.url) as two:
            two.start_stream(source, token="again")
            for seen in viewer:
                if viewer.reconnects and seen.analysed:
                    break
    assert viewer.reconnects >= 1


def test_refusals(locked):
    push = locked.make_token("push")["token"]
    with Server(locked.url, push) as one, pytest.raises(NotAllowed, match="403"), one.watch("hall"):
        pass
    view = locked.make_token("view")["token"]
    with Server(locked.url, view) as one, one.watch("hall") as viewer:
        assert not viewer.connected


@pytest.mark.parametrize("message, words", [
    (frame_of(b"\x00", 2), "do not fit"), (frame_of(struct.pack("<I", 99) + b"{}", 2), "do not fit"),
    (frame_of(struct.pack("<I", 2) + b"[]JPEG", 2), "do not fit"), (frame_of(b"{]"), "no JSON"),
    (frame_of(json.dumps({"type": "detections", "detections": []}).encode()), "without a seq"),
    (frame_of(json.dumps({"type": "detections", "seq": 1, "detections": 5}).encode()), "no list")])
def test_broken_messages(message, words):
    def answer(path, connection):
        connection.sendall(message)
        connection.recv(1)
    with broken(answer, upgrade=True) as one, Server(one.url) as client, client.watch("x") as viewer:
        with pytest.raises(ProtocolError, match=words):
            next(viewer)
