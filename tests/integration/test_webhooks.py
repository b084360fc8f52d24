"""Webhooks: signed, in order, tried again, given up; a receiver that hangs holds up nobody else."""
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conftest import ROOT
from realtime import spot
from test_alerts import EMPTY, events, pushing

SECRET = "a-secret-of-the-test"
MODEL = "fake:boxes=bright"


class Receiver:
    """Answers what `script` says, one word a request: a status, "hang", "cut"; then 204 for ever."""

    def __init__(self, *script):
        self.script, self.got, self.released = list(script), [], threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((time.time(), self.path, dict(self.headers), body))
                word = outer.script.pop(0) if outer.script else 204
                if word == "hang":
                    outer.released.wait(60)
                if word in ("hang", "cut"):
                    self.close_connection = True
                    return
                self.send_response(word)
                if word == 302:
                    self.send_header("Location", outer.url + "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def close(self):
        self.released.set()
        self.http.shutdown()
        self.http.server_close()

    def alerts(self) -> list[dict]:
        return [json.loads(body) for _, _, _, body in self.got]

    def states(self) -> list[str]:
        return [alert["state"] for alert in self.alerts()]


@pytest.fixture
def receive():
    made = []

    def start(*script) -> Receiver:
        made.append(Receiver(*script))
        return made[-1]
    yield start
    for receiver in made:
        receiver.close()


def config(*hooks) -> str:
    return "alerts: [{name: there, cooldown: 0, webhook: [" + ", ".join(hooks) + "]}]\n"


def signed(url: str) -> str:
    return f"{{url: \"{url}\", secret: {SECRET}}}"


def documented() -> dict:
    """The receiver's side as docs/alerts.md has it."""
    names: dict = {}
    exec(re.search(r"```python\n(.*?)```", (ROOT / "docs/alerts.md").read_text(), re.S).group(1), names)
    return names


IS_OURS = documented()["is_ours"]


def verify(headers: dict, body: bytes) -> bool:
    return IS_OURS(SECRET, headers["Fovea-Signature"], body)


def show(camera, seconds: float = 0.2):
    """Something comes and goes: one alert raised and cleared."""
    camera.body = spot(100, 100)
    time.sleep(seconds)
    camera.body = EMPTY
    time.sleep(0.8)


def metric(server, name: str) -> int:
    line = next(l for l in server.get("/metrics").text.splitlines() if l.startswith(name + " "))
    return int(line.rsplit(" ", 1)[1])


def test_alerts_arrive_signed_and_in_order(start_server, receive):
    receiver, plain = receive(), receive()
    server = start_server(config=config(signed(receiver.url + "/hook?x=1"), f'"{plain.url}/"'), model=MODEL)
    with pushing(server, "hall") as camera:
        show(camera)
        show(camera)
    server.wait_for(lambda: len(receiver.got) == 4 and len(plain.got) == 4)
    assert receiver.states() == plain.states() == ["raised", "cleared"] * 2
    stored = events(server)
    for (_, path, headers, body), event in zip(receiver.got, stored):
        assert path == "/hook?x=1" and headers["Content-Type"] == "application/json"
        assert json.loads(body) == event, "what is sent is what is stored"
        assert verify(headers, body) and not verify(headers, body + b" ")
        assert not verify({**headers, "Fovea-Signature": headers["Fovea-Signature"].replace("t=1", "t=2")}, body)
    assert len({h["Fovea-Delivery"] for _, _, h, _ in receiver.got}) == 4
    assert all("Fovea-Signature" not in h for _, _, h, _ in plain.got)
    assert metric(server, 'fovea_webhooks_total{outcome="delivered"}') == 8
    assert metric(server, "fovea_webhook_failures_total") == 0


def test_a_receiver_that_hangs_then_fails_then_answers(start_server, receive):
    """The first alert is tried until it is taken; another receiver and the stream notice nothing."""
    bad, good = receive("hang", "cut", 503), receive()
    server = start_server(config=config(signed(bad.url), signed(good.url)), model=MODEL)
    with pushing(server, "hall") as camera:
        show(camera)
        server.wait_for(lambda: len(good.got) == 2, 3, "the good receiver's alerts")
        assert len(bad.got) == 1
        server.wait_for(lambda: len(bad.got) == 5, 25, "the bad receiver's alerts")
    assert bad.states() == ["raised"] * 4 + ["cleared"]
    assert len({h["Fovea-Delivery"] for _, _, h, _ in bad.got[:4]}) == 1, "a repeated alert has the same number"
    assert all(verify(h, body) for _, _, h, body in bad.got)
    times = [t for t, _, _, _ in bad.got]
    assert 5 < times[1] - times[0] < 9 and 1.5 < times[2] - times[1] < 4 and 3 < times[3] - times[2] < 7
    assert times[4] - times[3] < 1
    assert metric(server, "fovea_webhook_failures_total") == 3
    stats = server.get("/api/v1/realtime/video/stats?window=30").json()
    assert stats["dropped"]["deadline"] == 0 and stats["delivered"] > 50


def test_what_cannot_succeed_is_given_up(start_server, receive):
    gone, moved = receive(410, 410), receive(302)
    server = start_server(config=config(f'"{gone.url}/secret-path"', f'"{moved.url}"'), model=MODEL)
    with pushing(server, "hall") as camera:
        show(camera)
    server.wait_for(lambda: metric(server, 'fovea_webhooks_total{outcome="given_up"}') == 2)
    assert len(gone.got) == 2, "410 is not tried again"
    assert all(path != "/elsewhere" for _, path, _, _ in moved.got), "redirects are not followed"
    assert "it answered 410" in server.log and "secret-path" not in server.log
    server.wait_for(lambda: len(moved.got) == 3)  # a redirect counts as a failure and is tried again
    assert moved.states() == ["raised", "raised", "cleared"]


def test_nobody_listens(start_server):
    server = start_server(config=config('"http://127.0.0.1:1/"'), model=MODEL)
    with pushing(server, "hall") as camera:
        show(camera)
        server.wait_for(lambda: metric(server, "fovea_webhook_failures_total") >= 2)
    begun = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - begun < 5


def test_the_last_alert_is_sent_at_the_end(start_server, receive):
    receiver = receive()
    server = start_server(config=config(signed(receiver.url)), model=MODEL)
    with pushing(server, "hall") as camera:
        camera.body = spot(100, 100)
        server.wait_for(lambda: receiver.states() == ["raised"])
        assert server.stop() == 0
    assert receiver.states() == ["raised", "cleared"]
