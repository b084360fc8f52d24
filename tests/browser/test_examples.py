"""examples/clients/hazard.html: a camera and pictures to /stream/detection, from a page that another server gave."""
from __future__ import annotations

import http.server
import json
import os
import re
import threading
import time
import urllib.request
from functools import partial
from pathlib import Path

import pytest

from clips import coded_clip

CLIENTS = Path(__file__).resolve().parents[2] / "examples/clients"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def site():
    """The folder of the page, as `python3 -m http.server` gives it."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=CLIENTS))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def wait_text(page, selector: str, pattern: str, seconds: float = 10) -> str:
    until = time.monotonic() + seconds
    while not re.search(pattern, text := page.inner_text(selector)):
        assert time.monotonic() < until, f"{selector}: {text!r}; {page.inner_text('body')!r}"
        time.sleep(0.05)
    return text


def address(site: str, server) -> str:
    return f"{site}/hazard.html?server={server.url.replace('http', 'ws')}"


def test_a_camera(site, serve, open_page, launch, tmp_path):
    camera = launch(coded_clip(tmp_path / "coded.y4m", 30, 10))
    server = serve(f"server.public_url={site}")
    page = open_page(address(site, server), on=camera, permissions=["camera"])
    page.click("#camera")
    wait_text(page, "#latency", r"^\d+ ms, [\d.]+ ms of it work$")
    wait_text(page, "#rate", r"^15 frames a second$")
    wait_text(page, "#found", r"\w+")
    with urllib.request.urlopen(server.url + "/stream/performance", timeout=10) as answer:
        session, = json.load(answer)["sessions"]
    assert session["client_id"] == "page" and session["delivered"] > 0 and session["failed"] == 0
    # The box that is drawn lies around the white square: amber to its left, white inside.
    drawn = page.evaluate("""() => { const c = document.getElementById('canvas'), { data } = c.getContext('2d').getImageData(0, 0, c.width, c.height)
        let amber = 0
        for (let i = 0; i < data.length; i += 4) amber += data[i] > 230 && data[i + 1] > 150 && data[i + 1] < 200 && data[i + 2] < 60
        return amber }""")
    assert drawn > 200, "pixels of boxes"
    if os.environ.get("FOVEA_SCREENSHOTS"):
        page.screenshot(path=str(Path(os.environ["FOVEA_SCREENSHOTS"]) / "hazard.png"))
    page.click("#stop")
    assert page.inner_text("#said") == "Stopped."


def square(page, path):
    """A picture with a white square, drawn by the page's own canvas."""
    path.write_bytes(bytes(page.evaluate("""async () => { const c = new OffscreenCanvas(320, 240), x = c.getContext('2d')
        x.fillRect(0, 0, 320, 240); x.fillStyle = '#fff'; x.fillRect(100, 80, 60, 60)
        return [...new Uint8Array(await (await c.convertToBlob()).arrayBuffer())] }""")))
    return [path]


def test_pictures(site, serve, open_page, tmp_path):
    server = serve(f"server.public_url={site}")
    page = open_page(address(site, server))
    page.set_input_files("#files", square(page, tmp_path / "square.png"))
    wait_text(page, "#latency", r"^\d+ ms")
    assert page.evaluate("document.getElementById('canvas').width") == 320


def test_a_page_that_was_not_named_is_refused_in_words(site, serve, open_page, tmp_path):
    page = open_page(address(site, serve()))
    page.set_input_files("#files", square(page, tmp_path / "square.png"))
    wait_text(page, "#said", "refuses this page's address")


def test_a_browser_reads_events_and_comes_back_where_it_was(serve, open_page):
    """EventSource, as the browser has it: headers are accepted, and after an end it asks for what came meanwhile."""
    server = serve()
    page = open_page(server.url + "/docs")
    page.evaluate("""() => { window.got = []; const events = new EventSource('/stream/events/door')
        for (const kind of ['session', 'dropped', 'end', 'gap']) events.addEventListener(kind, e => got.push([kind, Number(e.lastEventId)])) }""")
    once = """() => new Promise(done => { const ws = new WebSocket(`ws://${location.host}/stream/detection?client_id=door`)
        ws.onmessage = e => { const m = JSON.parse(e.data)
          if (m.type === 'session') ws.send('{"type":"frame","image_data":""}'); else ws.close() }
        ws.onclose = done })"""
    page.evaluate(once)
    page.evaluate(once)  # while the browser waits to connect again
    until = time.monotonic() + 20
    while len(got := page.evaluate("got")) < 6 and time.monotonic() < until:
        time.sleep(0.1)
    assert [kind for kind, _ in got] == ["session", "dropped", "end"] * 2, got
    ids = [number for _, number in got]
    assert ids == sorted(ids) and len(set(ids)) == 6
