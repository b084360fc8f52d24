"""The Python client's streams: every frame gets one answer, whatever becomes of the connection."""
import asyncio
import json
import signal
import socket
import threading
import time
from collections import Counter

import numpy as np
import pytest
from servers import broken, frame_of, locked, picture, server, spot, start_server  # noqa: F401

from fovea.client import (AnswerTimeout, AsyncServer, ClientError, ConnectionFailed, NotAllowed, NotFound, ProtocolError,
                          Refused, Rules, Server, StreamClosed)

FAST = {"STREAMING_MAX_FPS": "240", "STREAMING_DEFAULT_FPS": "240"}
RESULT = {"type": "result", "frame_id": 0, "annotations": [], "processing_time_ms": 1, "total_time_ms": 1}


@pytest.fixture
def client(server):
    with Server(server.url) as one:
        yield one


# --- frames and answers ---------------------------------------------------------------------------------------------

def test_each_frame_gets_its_own_answer(start_server):
    places = [40 * i for i in range(12)]
    frames = [spot(x, 200) for x in places]
    with Server(start_server(model="fake:boxes=bright").url) as one, \
            one.stream(max_latency_ms=0, order="fifo", rules=Rules(window=5)) as stream:
        answers = list(stream.process(frames))
    assert [answer.number for answer in answers] == list(range(12)) and all(answer.ok for answer in answers)
    for answer, place, frame in zip(answers, places, frames):
        assert answer.tag is frame and answer.annotations[0]["box"][0] == pytest.approx(place, abs=8)
        assert answer.round_trip_ms >= answer.total_time_ms > 0 and answer.meets_latency_requirement


def test_arrays_and_broken_pictures(client):
    with client.stream(max_latency_ms=0, order="fifo") as stream:
        stream.send(np.zeros((48, 64, 3), np.uint8), tag="array")
        stream.send(picture()[:200], tag="cut")
        got = {answer.tag: answer for answer in (stream.receive(5), stream.receive(5))}
        assert got["array"].ok and got["array"].data["width"] == 64
        assert (got["cut"].kind, got["cut"].reason) == ("dropped", "decode") and not got["cut"].annotations
        for bad in (b"GIF89a", np.zeros((4, 4), np.float32)):
            with pytest.raises(ValueError):
                stream.send(bad)
        with pytest.raises(ValueError, match="8388608"):
            stream.send(b"\xff\xd8\xff" + bytes(9 << 20))
        assert stream.send(picture(), timeout_s=5) == 2 and stream.receive(5).number == 2


def test_a_live_stream_says_what_it_left_out(start_server):
    with Server(start_server(model="fake:cost_ms=30").url) as one, one.stream(rules=Rules(window=64)) as stream:
        for _ in range(40):
            stream.send(picture())
        stream.finish()
        answers = list(stream)
    kinds = Counter(answer.reason or answer.kind for answer in answers)
    assert sorted(answer.number for answer in answers) == list(range(40))
    assert kinds["result"] >= 1 and kinds["result"] + kinds["superseded"] + kinds["deadline"] + kinds["queue"] == 40


def test_the_window_bounds_what_is_under_way(start_server):
    with Server(start_server(model="fake:cost_ms=800").url) as one, \
            one.stream(max_latency_ms=0, order="fifo", rules=Rules(window=2)) as stream:
        assert [stream.offer(picture()) for _ in range(4)] == [0, 1, None, None] and stream.waiting == 2
        begun = time.monotonic()
        with pytest.raises(AnswerTimeout, match="2 frames wait for their answers"):
            stream.send(picture(), timeout_s=0.1)
        assert time.monotonic() - begun < 1
        with pytest.raises(AnswerTimeout, match="no answer within 0.01 s"):
            stream.receive(0.01)
        assert stream.receive(5).number == 0 and stream.send(picture()) == 2, "the one that timed out was not sent"


def test_sending_and_receiving_on_two_threads(client):
    answers = []
    with client.stream(max_latency_ms=0, order="fifo") as stream:
        reader = threading.Thread(target=lambda: answers.extend(stream))
        reader.start()
        for i in range(60):
            stream.send(picture(), tag=i)
        stream.finish()
        reader.join(10)
    assert [answer.tag for answer in answers] == list(range(60))


def test_refusals_before_the_stream_opens(client, locked):
    with pytest.raises(NotFound, match="unknown_model"), client.stream(model_id="boats"):
        pass
    with pytest.raises(Refused, match="conf"), client.stream(conf=7):
        pass
    with Server(locked.url, "fov_wrong") as one, pytest.raises(NotAllowed), one.stream():
        pass
    view = locked.make_token("view")["token"]
    with Server(locked.url, view) as one, pytest.raises(NotAllowed, match="403"), one.stream():
        pass


def test_the_token_is_in_no_log(locked, caplog):
    caplog.set_level(1)
    token = locked.make_token("push")["token"]
    with Server(locked.url, token) as one:
        one.process_frame(picture())
        with one.events("quiet") as events:
            for stream in (one.stream(), one.detection("quiet")):
                with stream:
                    stream.send(picture())
                    stream.receive(5)
            assert next(events).kind == "session"
        with pytest.raises(ClientError), one.stream(model_id="boats"):
            pass
    assert token not in caplog.text


def test_a_token_that_is_revoked_ends_the_stream(locked):
    made = locked.make_token("push")
    with Server(locked.url, made["token"]) as one, one.stream() as stream:
        stream.send(picture())
        assert stream.receive(5).kind in ("result", "dropped")
        locked.revoke(made["id"])
        with pytest.raises(NotAllowed, match="1008|401"):
            while True:
                stream.receive(10)
        with pytest.raises(NotAllowed):
            stream.send(picture())


@pytest.mark.parametrize("rules", [{"window": 0}, {"window": 5000}, {"quality": 0}])
def test_bad_rules(rules):
    with pytest.raises(ValueError, match=next(iter(rules))):
        Rules(**rules)


# --- connections that break -------------------------------------------------------------------------------------------

def test_a_server_that_is_killed_and_started_again(start_server):
    first = start_server(model="fake:cost_ms=20")
    port, answers = first.url.rsplit(":", 1)[1], []
    with Server(first.url) as one, one.stream(max_latency_ms=0, order="fifo", rules=Rules(window=3)) as stream:
        reader = threading.Thread(target=lambda: answers.extend(stream))
        reader.start()
        for i in range(20):
            stream.send(picture(), tag=i)
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        first.process.returncode = 0  # as it should be here
        start_server(port=port, state=first.state, model="fake:cost_ms=20")
        for i in range(20, 40):
            stream.send(picture(), tag=i, timeout_s=20)
        stream.finish()
        reader.join(20)
        assert stream.reconnects >= 1
    assert sorted(answer.tag for answer in answers) == list(range(40)), "each frame has exactly one answer"
    kinds = Counter(answer.kind for answer in answers)
    assert kinds["result"] + kinds["lost"] == 40 and 1 <= kinds["lost"] <= 3, kinds
    assert [answer.kind for answer in answers[-10:]] == ["result"] * 10


def test_a_server_that_stays_away_is_given_up(start_server):
    gone = start_server()
    with Server(gone.url) as one, one.stream(rules=Rules(reconnect_s=0.5)) as stream:
        stream.send(picture())
        assert stream.receive(5).ok
        gone.stop()
        with pytest.raises(ConnectionFailed):
            stream.receive(10)
        with pytest.raises(ConnectionFailed):
            stream.send(picture())


def test_without_reconnecting(start_server):
    gone = start_server()
    with Server(gone.url) as one, one.stream(rules=Rules(reconnect_s=0)) as stream:
        gone.stop()
        with pytest.raises(ConnectionFailed):
            stream.receive(10)
        assert stream.reconnects == 0


def test_a_server_that_never_answers_is_connected_again():
    def silent(path, connection):
        while connection.recv(1 << 16):
            pass
    with broken(silent, upgrade=True) as one, Server(one.url) as client, \
            client.stream(rules=Rules(answer_timeout_s=0.2)) as stream:
        stream.send(picture(), tag="first")
        answer = stream.receive(5)
        assert (answer.kind, answer.tag) == ("lost", "first") and "broke" in answer.reason
        stream.send(picture(), tag="second", timeout_s=5)
        assert stream.receive(5).tag == "second" and stream.reconnects >= 1


def test_closing_answers_what_is_under_way(start_server):
    with Server(start_server(model="fake:cost_ms=500").url) as one:
        with one.stream(max_latency_ms=0) as stream:
            stream.send(picture(), tag="waits")
        answer = stream.receive(1)
        assert (answer.kind, answer.tag, answer.reason) == ("lost", "waits", "the stream was closed")
        for call in (lambda: stream.receive(1), lambda: stream.send(picture())):
            with pytest.raises(StreamClosed):
                call()
        assert list(stream) == []


# --- a server that speaks nonsense ------------------------------------------------------------------------------------

def say(*messages):
    """Sends them after the first frame came."""
    def answer(path, connection):
        connection.recv(1)
        for message in messages:
            connection.sendall(message if isinstance(message, bytes) else frame_of(json.dumps(message).encode()))
        time.sleep(1)
    return answer


@pytest.mark.parametrize("messages, words", [
    ([frame_of(b"{]")], "no JSON"), ([frame_of(b"[1]")], "no type"), ([frame_of(b'{"type":7}')], "no type"),
    ([frame_of(b"\xff\xff")], "1007"), ([frame_of(b"bytes", 2)], "bytes where JSON"),
    ([frame_of(b"[" * 60000)], "no JSON"), ([b"\x81\x7f" + b"\x00\x00\x00\x7f" + b"\xff" * 4], "1009"),
    ([b"\xf1\x02{}"], "1002"), ([{**RESULT, "frame_id": 9}], "frame 9"), ([{**RESULT, "frame_id": "0"}], "frame '0'"),
    ([RESULT, RESULT], "frame 0"), ([{**RESULT, "annotations": {}}], "no list"),
    ([{**RESULT, "total_time_ms": None}], "total_time_ms")])
def test_broken_messages_end_the_stream_with_the_reason(messages, words):
    with broken(say(*messages), upgrade=True) as one, Server(one.url) as client, client.stream() as stream:
        stream.send(picture(), tag="mine")
        with pytest.raises(ProtocolError, match=words):
            answer = stream.receive(5)
            while True:
                assert answer.tag == "mine"
                answer = stream.receive(5)
        with pytest.raises(ProtocolError):
            stream.send(picture())


@pytest.mark.parametrize("code, error", [(1008, NotAllowed), (1009, Refused), (1002, Refused)])
def test_closes_that_are_final(code, error):
    close = frame_of(code.to_bytes(2, "big") + "because".encode(), 8)
    with broken(say(close), upgrade=True) as one, Server(one.url) as client, client.stream() as stream:
        stream.send(picture())
        assert stream.receive(5).kind == "lost"
        with pytest.raises(error, match=f"{code}.*because"):
            stream.receive(5)


def test_where_no_websocket_opens():
    with broken(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi") as one, Server(one.url) as client:
        with pytest.raises(ProtocolError, match="200|WebSocket"), client.stream():
            pass
    with broken(b"") as one, Server(one.url) as client, pytest.raises(ClientError), client.stream():
        pass


def test_a_redirect_is_not_followed():
    other = broken(say(RESULT), upgrade=True)
    with other as goal:
        to = f"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: {goal.url.replace('http', 'ws')}/x\r\n\r\n".encode()
        with broken(to) as one, Server(one.url, token="secret") as client, pytest.raises(ProtocolError), client.stream():
            pass
        assert not goal.requests, "the token went to nobody else"


# --- /stream/detection ------------------------------------------------------------------------------------------------

def test_a_detection_session(start_server):
    with Server(start_server(env=FAST).url) as one, \
            one.detection("door", max_latency_ms=0, order="fifo", rules=Rules(window=8)) as session:
        assert session.session_id.startswith("hazard-") and session.client_id == "door"
        assert session.config["fps_limit"] == 240
        answers = list(session.process([picture()] * 20))
    assert [answer.number for answer in answers] == list(range(20)) and all(answer.ok for answer in answers)
    assert answers[0].annotations and answers[0].data["session_id"] == session.session_id


def test_frames_as_text_have_a_timestamp(start_server):
    with Server(start_server(env=FAST).url) as one, one.detection(max_latency_ms=0, text=True) as session:
        before = time.time() * 1e3
        session.send(picture(), tag="text")
        answer = session.receive(5)
        assert answer.ok and answer.tag == "text" and before <= answer.data["timestamp"] <= time.time() * 1e3
        with pytest.raises(ValueError, match="1048576"):
            session.send(b"\xff\xd8\xff" + bytes(800_000))


def test_configure(start_server):
    with Server(start_server().url) as one, one.detection() as session:
        assert session.configure(fps_limit=12, confidence=0.3, classes=[0])["fps_limit"] == 12
        assert session.config["confidence"] == pytest.approx(0.3)
        with pytest.raises(Refused, match="bad_config: .*fps_limit"):
            session.configure(fps_limit=1000)
        assert session.config["fps_limit"] == 12, "nothing changed"


def test_sending_keeps_to_the_rate_in_force(start_server):
    with Server(start_server().url) as one, one.detection(max_latency_ms=0, rules=Rules(window=30)) as session:
        session.configure(fps_limit=20)
        begun = time.monotonic()
        for _ in range(11):
            session.send(picture())
        assert time.monotonic() - begun >= 10 / 20 * 0.98
        session.finish()
        assert sum(answer.ok for answer in session) >= 9  # a busy machine may bring two close together
    with Server(start_server().url) as one, one.detection(max_latency_ms=0, paced=False, rules=Rules(window=30)) as session:
        session.configure(fps_limit=5)
        for _ in range(25):
            session.send(picture())
        session.finish()
        assert Counter(answer.reason for answer in session)["fps_limit"] > 0


def test_a_session_that_reconnects_says_its_wishes_again(start_server):
    first = start_server()
    port = first.url.rsplit(":", 1)[1]
    with Server(first.url) as one, one.detection("again", max_latency_ms=0) as session:
        session.configure(fps_limit=11, confidence=0.3)
        name = session.session_id
        first.stop()
        start_server(port=port, state=first.state)
        session.send(picture(), timeout_s=20)
        assert session.receive(20).kind in ("result", "lost") and session.reconnects >= 1
        assert (session.config["fps_limit"], session.config["confidence"]) == (11, pytest.approx(0.3))
        assert session.session_id and name


def test_the_end_of_a_session_that_sends_nothing(start_server):
    with Server(start_server(env={"STREAMING_SESSION_TIMEOUT": "1"}).url) as one, one.detection() as session:
        with pytest.raises(StreamClosed, match="session timeout"):
            session.receive(10)
        assert list(session) == []


# --- asyncio ----------------------------------------------------------------------------------------------------------

def test_asyncio(server):
    async def main():
        async with AsyncServer(server.url) as one:
            assert (await one.process_frame(picture(), max_latency_ms=0)).ok
            answers = await asyncio.gather(*(one.process_frame(picture(), max_latency_ms=0) for _ in range(8)))
            assert all(answer.ok for answer in answers) and (await one.stats())["total_frames"] >= 9
            with pytest.raises(NotFound):
                await one.stop_stream("nothing")
            async with one.stream(max_latency_ms=0, order="fifo") as stream:
                got = [answer.number async for answer in stream.process([picture()] * 10)]
            async with one.detection("aio", max_latency_ms=0) as session:
                assert await session.send(picture()) == 0 and (await session.receive(5)).ok
            return got
    assert asyncio.run(main()) == list(range(10))


def test_asyncio_cancelling_leaves_nothing_behind(start_server):
    async def main():
        async with AsyncServer(start_server(model="fake:cost_ms=400").url) as one:
            async with one.stream(max_latency_ms=0, rules=Rules(window=1)) as stream:
                await stream.send(picture())
                waiting = asyncio.create_task(stream.send(picture()))
                await asyncio.sleep(0.05)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
                assert (await stream.receive(5)).number == 0
                assert await stream.send(picture(), timeout_s=5) == 1, "the cancelled frame was not sent"
            await asyncio.sleep(0.05)
            return [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert asyncio.run(main()) == []


def test_many_senders_on_one_stream(client):
    async def main():
        async with AsyncServer(client.address.__str__()) as one:
            async with one.stream(max_latency_ms=0, order="fifo", rules=Rules(window=6)) as stream:
                senders = [asyncio.create_task(stream.send(picture(), tag=i)) for i in range(30)]
                answers = [await stream.receive(10) for _ in range(30)]
                numbers = [await sender for sender in senders]
            return answers, numbers
    answers, numbers = asyncio.run(main())
    assert all(numbers[answer.tag] == answer.number for answer in answers) and sorted(numbers) == list(range(30))


def test_closing_the_server_object_ends_who_waits(server):
    one, ends = Server(server.url), []
    stream, viewer = one.stream().__enter__(), one.watch("nobody").__enter__()

    def wait(call):
        try:
            call()
            ends.append("end")
        except StreamClosed as error:
            ends.append(str(error))
    threads = [threading.Thread(target=wait, args=(call,), daemon=True)
               for call in (lambda: stream.receive(), lambda: list(stream), lambda: list(viewer))]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    one.close()
    for thread in threads:
        thread.join(5)
    assert sorted(ends) == ["end", "end", "the stream was closed"]
    for call in (lambda: stream.send(picture()), lambda: one.stream().__enter__()):
        with pytest.raises(ClientError, match="was closed"):
            call()
    stream.close()
    viewer.close()


# --- the loop's thread --------------------------------------------------------------------------------------------------

def test_a_fork_leaves_the_stream_to_the_parent(client):
    import os
    with client.stream() as stream:
        child = os.fork()
        if child == 0:
            try:
                stream.send(picture())
            except ClientError as error:
                os._exit(0 if "fork" in str(error) else 2)
            os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
        stream.send(picture())
        assert stream.receive(5).kind in ("result", "dropped")


def test_the_interpreter_ends_with_streams_open(server):
    import subprocess
    import sys
    from servers import ROOT
    code = (f"import fovea.client as c\none = c.Server({server.url!r})\nstream = one.stream().__enter__()\n"
            f"events = one.events('nobody').__enter__()\nstream.send({picture()!r})\nprint(stream.receive(5).kind)")
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT / "python")}, text=True,
                          capture_output=True, timeout=20)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.strip() in ("result", "dropped")
