"""Lines that are cut at any moment: every frame keeps its one answer, no event comes twice."""
import random
import socket
import threading
import time
from collections import Counter
from urllib.parse import urlsplit

import pytest
from servers import picture, server, start_server  # noqa: F401

from fovea.client import Rules, Server

FAST = {"STREAMING_MAX_FPS": "240", "STREAMING_DEFAULT_FPS": "240"}


class Line:
    """A proxy whose connections break after a random number of bytes, in the middle of anything."""

    def __init__(self, url: str, seed: int, least: int, most: int):
        goal = urlsplit(url)
        self.goal, self.random, self.range = (goal.hostname, goal.port), random.Random(seed), (least, most)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.cuts, self.calm = 0, False
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(self.goal)
            left = [float("inf") if self.calm else self.random.randint(*self.range)]
            for ends in ((near, far), (far, near)):
                threading.Thread(target=self.carry, args=(*ends, left), daemon=True).start()

    def carry(self, here, there, left):
        try:
            while data := here.recv(4096):
                part = data[:int(min(len(data), max(0, left[0])))]
                left[0] -= len(data)
                there.sendall(part)
                if left[0] <= 0:
                    self.cuts += 1
                    break
        except OSError:
            pass
        for end in (here, there):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()


@pytest.fixture
def line(request, start_server):
    def make(seed, least, most):
        one = Line(start_server(env=FAST).url, seed, least, most)
        request.addfinalizer(one.close)
        return one
    return make


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("kind", ["stream", "session"])
def test_each_frame_has_one_answer(line, seed, kind):
    cut, body, answers = line(seed, 3_000, 40_000), picture(), []
    rules = Rules(window=5, answer_timeout_s=5)
    with Server(cut.url) as one:
        made = one.stream(max_latency_ms=0, order="fifo", rules=rules) if kind == "stream" else \
            one.detection(max_latency_ms=0, order="fifo", paced=False, rules=rules)
        with made as stream:
            reader = threading.Thread(target=lambda: answers.extend(stream))
            reader.start()
            for tag in range(120):
                stream.send(body, tag=tag, timeout_s=30)
            stream.finish()
            reader.join(30)
            assert stream.waiting == 0
    kinds = Counter(answer.kind for answer in answers)
    assert Counter(answer.tag for answer in answers) == Counter(range(120))
    assert stream.reconnects >= 3 and kinds["lost"] >= 1 and kinds["result"] >= 40 and len(kinds) == 2, kinds
    results = [answer.number for answer in answers if answer.ok]
    assert results == sorted(results)


def test_events_come_once_and_in_order(line):
    cut = line(5, 2_000, 6_000)
    got = []
    with Server(f"http://{cut.goal[0]}:{cut.goal[1]}") as direct, Server(cut.url) as one:
        events = one.events("cut")
        reader = threading.Thread(target=lambda: got.extend(events), daemon=True)
        reader.start()
        with direct.detection("cut", max_latency_ms=0) as session:
            until = time.monotonic() + 20
            for number in range(60):
                session.send(picture())
                session.receive(10)
                while sum(one.kind == "detection" for one in got) < number - 20 and time.monotonic() < until:
                    time.sleep(0.01)  # the server keeps 128 events: what is read late would be a gap
            cut.calm = True
        reader.join(20)
    assert cut.cuts >= 3 and got[-1].kind == "end" and not [one for one in got if one.kind == "gap"]
    assert [one.data["frame_id"] for one in got if one.kind == "detection"] == list(range(60))
    ids = [int(one.id) for one in got]
    assert ids == sorted(set(ids))


def test_requests_over_a_bad_line(line):
    """Each request ends with its answer or with an exception of the client's, and in time."""
    from fovea.client import ClientError
    cut, ends = line(9, 500, 12_000), Counter()
    with Server(cut.url, timeout_s=5) as one:
        for _ in range(60):
            begun = time.monotonic()
            try:
                assert one.process_frame(picture(), max_latency_ms=0).ok
                ends["answer"] += 1
            except ClientError as error:
                ends[type(error).__name__] += 1
            assert time.monotonic() - begun < 6
    assert ends["answer"] >= 10 and len(ends) >= 2, ends
