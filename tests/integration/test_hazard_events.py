"""Events of hazard sessions: /stream/events/{client_id}, and whose a client_id is."""
import json
import random
import re
import socket as sockets
import threading
import time
from pathlib import Path

import pytest
from hazard import EVENTS, FAST, PERFORMANCE, Events, ask, close_code, frame, memory, session
from realtime import picture
from websockets.exceptions import ConnectionClosed, InvalidStatus


@pytest.fixture(scope="module")
def server(start_server):
    return start_server(env=FAST)


# --- events ---------------------------------------------------------------------------------------------------------

def test_headers_of_the_event_stream(server):
    events = Events(server, "heads")
    heads = events.reply.headers
    assert heads["Content-Type"].startswith("text/event-stream") and heads["Cache-Control"] == "no-cache, no-store"
    assert heads["X-Accel-Buffering"] == "no" and heads["Content-Encoding"] == "none" and heads["Connection"] == "keep-alive"
    events.close()


def test_events_from_before_the_session_to_its_end(server):
    events = Events(server, "early")
    with session(server, "?client_id=early") as ws:
        answer = ask(ws, frame(3))
        bad = ask(ws, frame(4, b"no picture"))
        events.wait("stats")
    assert events.wait("session") == [ws.hello]
    assert events.wait("detection") == [answer] and events.wait("dropped") == [bad]
    end, = events.wait("end")
    assert (end["frames"], end["delivered"], end["dropped"]["decode"]) == (2, 1, 1)
    server.wait_for(lambda: events.ended, what="the end of the stream")
    ids = [i for i, _, _ in events.got]
    assert ids == sorted(ids) and len(set(ids)) == len(ids)
    stats = events.of("stats")[0]
    assert stats["fps_limit"] == 240 and {"p50", "p95", "p99"} <= stats["latency_ms"].keys()


def test_a_reader_that_comes_later_is_told_the_session(server):
    with session(server, "?client_id=late") as ws:
        ask(ws, frame(1))
        events = Events(server, "late")
        assert events.wait("session") == [ws.hello]
        answer = ask(ws, frame(2))
        assert events.wait("detection") == [answer], "only what comes from now on"


def test_last_event_id_resumes_where_it_was(server):
    with session(server, "?client_id=cut") as ws:
        first = Events(server, "cut")
        ask(ws, frame(1))
        first.wait("detection")
        last = first.got[-1][0]
        first.close()
        missed = [ask(ws, frame(n)) for n in (2, 3)]
        again = Events(server, "cut", last_id=last)
        again.wait("detection", 2)
        assert again.of("detection") == missed and not again.of("gap")
        assert [i for i, _, _ in again.got][0] == last + 1


def test_last_event_id_too_old_is_a_gap(server):
    with session(server, "?client_id=old") as ws:
        first = Events(server, "old")
        ask(ws, {"type": "config", "order": "fifo"})
        last = first.wait("session") and first.got[0][0]
        first.close()
        for n in range(150):
            ws.send('{"type":"frame","frame_id":%d,"image_data":""}' % n)
        for n in range(150):
            ws.recv(timeout=5)
        again = Events(server, "old", last_id=last)
        gap, = again.wait("gap")
        server.wait_for(lambda: again.of("dropped") and again.of("dropped")[-1]["frame_id"] == 149, what="the newest event")
        got = again.of("dropped")
        assert gap["missed"] > 0 and gap["from"] == last + 1
        assert again.got[0][1] == "gap" and again.got[1][0] == gap["to"] + 1 == again.got[0][0] + 1
        assert got[0]["frame_id"] == 150 - len(got) and len(got) > 100


@pytest.mark.parametrize("last", ["nonsense", "99999999999999999999", "-3", "9" * 200, "1.5"])
def test_last_event_id_of_another_server_is_a_gap(server, last):
    with session(server, "?client_id=foreign") as ws:
        events = Events(server, "foreign", last_id=last)
        assert events.wait("gap")[0]["missed"] is None and events.wait("session") == [ws.hello]
        answer = ask(ws, frame(1))
        assert events.wait("detection") == [answer]


def test_an_unknown_client_is_waited_for_and_then_ended(start_server):
    server = start_server(env={"STREAMING_SESSION_TIMEOUT": "1"})
    events = Events(server, "nobody")
    assert events.reply.status_code == 200
    assert events.wait("end", seconds=6)[0]["reason"] == "no session came"
    server.wait_for(lambda: events.ended, what="the end of the stream")
    assert server.get(EVENTS + "x" * 65).status_code == 422 and server.get(EVENTS + "%0a").status_code in (400, 404, 422)


def test_a_comment_every_15_seconds(server):
    events = Events(server, "quiet")
    server.wait_for(lambda: events.comments >= 1, 20, "a comment")
    assert not events.got and not events.ended
    events.close()


def test_a_slow_reader_costs_nobody_anything(start_server):
    """It reads nothing while 12,000 events come: the session goes on, memory does not grow, it is told what it missed."""
    server = start_server(env=FAST)
    before = memory(server)
    slow = sockets.create_connection(tuple(server.host.split(":")), 10)
    slow.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    slow.sendall(f"GET {EVENTS}busy HTTP/1.1\r\nHost: {server.host}\r\n\r\n".encode())
    with session(server, "?client_id=busy") as ws:
        for _ in range(24):
            for n in range(500):
                ws.send('{"type":"frame","image_data":""}')
            for n in range(500):
                assert json.loads(ws.recv(timeout=5))["type"] == "dropped"
        assert memory(server) - before < 8
        slow.settimeout(5)
        text = b""
        while not (gap := re.search(rb"event: gap\ndata: (.*)\n", text)):
            more = slow.recv(1 << 16)
            assert more, "the server has closed"
            text += more
        assert json.loads(gap[1])["missed"] > 0
    slow.close()


def test_the_same_client_again_takes_its_place(server):
    events = Events(server, "twice")
    with session(server, "?client_id=twice") as first:
        with session(server, "?client_id=twice") as second:
            assert close_code(first) == (1008, "replaced: this client_id has connected again")
            answer = ask(second, frame(1))
            assert answer["type"] == "detection"
            assert events.wait("end")[0]["reason"] == "replaced"
            assert events.wait("detection") == [answer] and not events.ended, "the stream goes on with the newer session"
    events.wait("end", 2)


# --- who may --------------------------------------------------------------------------------------------------------

def test_a_client_id_belongs_to_the_token_that_used_it_first(locked):
    mine, other, view = (locked.make_token(role)["token"] for role in ("push", "push", "view"))
    with session(locked, "?client_id=own", token=mine) as ws:
        with pytest.raises(InvalidStatus) as refused:
            with session(locked, "?client_id=own", token=other):
                pass
        assert refused.value.response.status_code == 403
        assert Events(locked, "own", token=other).reply.status_code == 403
        for token in (mine, view, locked.token):
            events = Events(locked, "own", token=token)
            assert events.reply.status_code == 200 and events.wait("session") == [ws.hello]
            events.close()
    assert Events(locked, "own", token=other).reply.status_code == 403, "after its session too"
    assert Events(locked, "read first", token=other).reply.status_code == 200
    with pytest.raises(InvalidStatus):
        with session(locked, "?client_id=read first", token=mine):
            pass


def test_a_session_without_a_name_takes_nobody_elses(server):
    with session(server) as first:
        taken = f"hazard-{int(first.hello['session_id'].split('-')[1]) + 1}"
        with session(server, f"?client_id={taken}") as named, session(server) as other:
            assert len({ws.hello["client_id"] for ws in (first, named, other)}) == 3
            assert ask(named, frame(1))["type"] == "detection", "it was not replaced"


def test_many_clients_that_came_and_went(start_server):
    """Their events are kept for a while, but not all of them."""
    server = start_server(env=FAST)
    for n in range(130):
        with session(server, f"?client_id=passer-{n}") as ws:
            ask(ws, frame(n))
    before = memory(server)
    for n in range(130, 200):
        with session(server, f"?client_id=passer-{n}") as ws:
            ask(ws, frame(n))
    assert memory(server) - before < 4
    kept, gone = Events(server, "passer-199", last_id=0), Events(server, "passer-0", last_id=0)
    assert kept.wait("detection")[0]["frame_id"] == 199
    time.sleep(0.2)
    assert not gone.of("detection")
    kept.close()
    gone.close()


def test_roles(locked):
    push, view = (locked.make_token(role)["token"] for role in ("push", "view"))
    assert locked.get(PERFORMANCE, headers=locked.bearer(view)).status_code == 200
    assert locked.get(PERFORMANCE, headers=locked.bearer(push)).status_code == 403
    assert locked.get(PERFORMANCE).status_code == locked.get(EVENTS + "a").status_code == 401
    with pytest.raises(InvalidStatus) as refused:
        with session(locked, token=view):
            pass
    assert refused.value.response.status_code == 403
    with session(locked, f"?token={push}") as ws:
        assert ask(ws, frame(1))["type"] == "detection"


def test_revoking_the_token_ends_session_and_events(locked):
    made = locked.make_token("push")
    with session(locked, "?client_id=revoked", token=made["token"]) as ws:
        events = Events(locked, "revoked", token=made["token"])
        events.wait("session")
        locked.revoke(made["id"])
        assert close_code(ws, 5)[0] == 1008
        locked.wait_for(lambda: events.ended, what="the end of the events")
    with session(locked, "?client_id=revoked", token=locked.make_token("push")["token"]) as ws:
        assert ws.hello["client_id"] == "revoked", "a name whose token is gone is free again"


def test_a_name_that_changes_hands_takes_no_events_with_it(locked):
    """Also not for readers with ids of the old ones, and who read under the old owner is let go."""
    made, heir = locked.make_token("push"), locked.make_token("push")["token"]
    with session(locked, "?client_id=handed", token=made["token"]) as ws:
        ask(ws, frame(1))
        old = Events(locked, "handed", token=made["token"], last_id=0)
        old.wait("detection")
        watcher = Events(locked, "handed", token=locked.token)
        last = max(i for i, _, _ in old.got)
        locked.revoke(made["id"])
        close_code(ws, 5)
    with session(locked, "?client_id=handed", token=heir) as ws:
        ask(ws, frame(2))
        for known in (0, last - 1, last):
            events = Events(locked, "handed", token=heir, last_id=known)
            assert [e["frame_id"] for e in events.wait("detection")] == [2]
            assert min(i for i, kind, _ in events.got if kind != "gap") > last
            events.close()
        locked.wait_for(lambda: watcher.ended, what="the end of whoever read under the old owner")


# --- all of it at once ----------------------------------------------------------------------------------------------

def wander(server, name: str, seed: int, seconds: float) -> None:
    """A client that does what clients do and should not do, in an order of its own; it is cut off at any point."""
    chance, until = random.Random(seed), time.monotonic() + seconds
    texts = [frame(3), frame(4, b"no picture"), frame(5, b""), '{"type":"frame","frame_id":6,"image_data":"Q"}',
             '{"type":"config","fps_limit":30}', '{"type":"config","order":"fifo"}', '{"type":"time","t0":1}', "{", picture(64, 48)]
    while time.monotonic() < until:
        try:
            with session(server, f"?client_id={name}", compression=chance.choice([None, "deflate"]), close_timeout=1) as ws:
                for _ in range(chance.randrange(40)):
                    ws.send(chance.choice(texts))
                    if chance.random() < 0.2:
                        ws.recv(timeout=1)
                if chance.random() < 0.5:
                    ws.socket.sendall(b"\x81\xfe\x10\x00\0\0\0\0half of a message")
                    ws.socket.shutdown(sockets.SHUT_RDWR)
        except (ConnectionClosed, OSError, EOFError, TimeoutError):
            pass


def glance(server, name: str, seed: int, seconds: float, ends: dict) -> None:
    """A reader who is cut off again and again and goes on where it was; gathers the ends of sessions."""
    chance, until, last = random.Random(seed), time.monotonic() + seconds, None
    while time.monotonic() < until:
        events = Events(server, name, last_id=last)
        time.sleep(chance.random() * 0.5)
        events.close()
        last = events.got[-1][0] if events.got else last
        ends.update({end["session_id"]: end for end in events.of("end") if "session_id" in end})


def test_random_clients_and_readers_keep_the_sums(start_server):
    server = start_server(model="fake:sleep_ms=5")
    ends: dict[str, dict] = {}
    Events(server, "warm").close()
    with session(server) as ws:
        assert ask(ws, frame(1))["type"] == "detection"
    server.wait_for(lambda: server.get(PERFORMANCE).json()["active_sessions"] == 0, what="the end of the first session")
    before = settled(server)
    names = ["a", "b", "c", "c"]  # two are at odds over one name
    threads = [threading.Thread(target=wander, args=(server, name, seed, 6)) for seed, name in enumerate(names)]
    threads += [threading.Thread(target=glance, args=(server, name, 10 + seed, 7, ends)) for seed, name in enumerate("abc")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(40)
    server.wait_for(lambda: server.get(PERFORMANCE).json()["active_sessions"] == 0, what="the end of all sessions")
    assert len(ends) > 5
    for end in ends.values():
        assert end["frames"] == end["delivered"] + end["failed"] + sum(end["dropped"].values()), end
    with session(server) as ws:
        assert ask(ws, frame(1))["type"] == "detection"
    server.wait_for(lambda: descriptors(server) <= before + 1, 10, "descriptors as before")


def settled(server) -> int:
    """Descriptors, when nothing that is opened once (the store's files, by a thread of its own) is still to come."""
    counts = [-1]
    while counts.count(counts[-1]) < 5:
        time.sleep(0.2)
        counts = [*counts[-4:], descriptors(server)]
    return counts[-1]


def descriptors(server) -> int:
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))
