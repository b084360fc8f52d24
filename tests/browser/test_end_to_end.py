"""Camera page → server → viewer page, in Chromium, with the real server.

The fake camera plays a clip whose pictures carry their number as a barcode and a white square in a place that follows
from it. The server's fake model finds the square in the pixels it is given. The viewer's canvas is read back: number,
square and painted box must belong together.
"""
from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from barcode import READ_IN_PAGE
from clips import coded_clip, square_at
from conftest import wait

FRAMES = 300
FPS = 10
COLOUR = (0x56, 0xB4, 0xE9)  # of boxes of class 0

# For `count` painted pictures: the number on the canvas, its frame, its box, and the canvas's colours left of, on and
# right of the middle of the box's left edge.
WATCH = """
(count) => new Promise((done) => {
  const read = READER;
  const canvas = document.getElementById('canvas');
  const seen = [];
  let last = -1;
  const look = () => {
    const f = fovea.lastFrame;
    if (f && f.frameNumber !== last) {
      last = f.frameNumber;
      const entry = { number: read(f.width), frame: f.frameNumber, boxesOf: f.boxesOf, box: f.boxes[0] ?? null };
      if (entry.box) {
        const scale = canvas.width / f.width;
        const [x, y] = [entry.box[0] * scale, (entry.box[1] + entry.box[3]) / 2 * scale];
        entry.edge = [...canvas.getContext('2d').getImageData(Math.max(0, Math.round(x - 1)), Math.round(y), 1, 1).data];
      }
      seen.push(entry);
    }
    if (seen.length >= count) done(seen); else requestAnimationFrame(look);
  };
  look();
})
""".replace("READER", READ_IN_PAGE)


@pytest.fixture(scope="session")
def clip(tmp_path_factory) -> Path:
    return coded_clip(tmp_path_factory.mktemp("clip") / "coded.y4m", FRAMES, FPS)


@pytest.fixture(scope="session")
def camera_browser(launch, clip):
    return launch(clip)


@pytest.fixture
def pair(open_page, camera_browser):
    """pair(server, room, query="", view="") → camera page and viewer page; the viewer has pictures."""
    def start(server, room: str = "room", query: str = "", view: str = "", **options):
        camera = open_page(f"{server.url}/camera/{room}?autostart=1{query}", on=camera_browser)
        viewer = open_page(f"{server.url}/view/{room}?{view}", on=camera_browser, **options)
        wait(viewer, "fovea.stats().painted > 5", 20)
        return camera, viewer
    return start


def misplaced(seen: list[dict]) -> list[dict]:
    """Entries whose box is not where the square of their own picture is."""
    bad = []
    for entry in (e for e in seen if e["box"] and e["number"] is not None):
        x, y, side = square_at(entry["number"])
        truth = (x, y, x + side, y + side)
        if entry["boxesOf"] != entry["frame"] or max(abs(a - b) for a, b in zip(truth, entry["box"])) > 6:
            bad.append(entry | {"truth": truth})
    return bad


@pytest.mark.parametrize("model, sync, boxed", [
    ("fake:boxes=bright", "exact", 0.9),
    ("fake:boxes=bright,sleep_ms=20,jitter_ms=120", "exact", 0.3),
    ("fake:boxes=bright", "live", 0.5),
], ids=("exact", "exact-jitter", "live"))
def test_the_right_boxes_are_on_the_right_frames(serve, pair, model, sync, boxed):
    _, viewer = pair(serve(model=model), view=f"sync={sync}")
    wait(viewer, "fovea.lastFrame?.boxes.length > 0", 20)  # two browsers that start take seconds of a slow machine
    seen = viewer.evaluate(WATCH, 80)
    read = [e for e in seen if e["number"] is not None]
    assert len(read) >= 0.95 * len(seen)
    assert misplaced(seen) == []
    numbers = [e["number"] for e in read]
    assert sum((b - a) % FRAMES > 0 for a, b in zip(numbers, numbers[1:])) == len(numbers) - 1
    with_box = [e for e in read if e["box"]]
    assert len(with_box) >= boxed * len(seen)
    painted = [e for e in with_box if all(abs(a - b) < 40 for a, b in zip(e["edge"], COLOUR))]
    assert len(painted) >= 0.95 * len(with_box), "boxes are painted where their numbers say"


def latencies(serve, pair, delay_ms: int) -> list[float]:
    """Capture-to-screen of 200 pictures, by the page's own account."""
    server = serve(model=f"fake:boxes=bright,delay_ms={delay_ms}")
    camera, viewer = pair(server, query="&max_latency_ms=1000")
    skip = viewer.evaluate("fovea.stats().painted") + 15  # until the page knows how long results usually take
    wait(viewer, f"fovea.stats().painted >= {skip + 200}", 60)
    painted = viewer.evaluate("fovea.history(200)")
    assert sum(f["analysed"] for f in painted) >= 190
    camera.context.close()
    viewer.context.close()
    server.stop()
    return sorted(f["latency_ms"] for f in painted)


@pytest.mark.timeout(300)
def test_a_delay_line_of_150_ms_makes_the_page_say_150_ms_more(serve, pair):
    tries = []
    for _ in range(3):
        plain, delayed = latencies(serve, pair, 0), latencies(serve, pair, 150)
        assert len(plain) >= 200 and len(delayed) >= 200
        tries.append(delayed[100] - plain[100])
        print(f"median {plain[100]:.1f} ms, with the delay line {delayed[100]:.1f} ms: {tries[-1]:+.1f} ms")
        if abs(tries[-1] - 150) <= 25:
            return
    pytest.fail(f"the median grew by {tries} ms")


def test_a_wrong_clock_does_not_change_the_latency(serve, pair):
    """The viewer's clock is 7 s ahead."""
    script = "Object.defineProperty(performance, 'timeOrigin', { value: performance.timeOrigin + 7000 });"
    _, viewer = pair(serve(), script=script)
    wait(viewer, "fovea.stats().painted > 40", 20)
    stats = viewer.evaluate("fovea.stats()")
    assert abs(stats["offset"] + 7000) < 50
    assert 0 < stats["lastSecond"]["p50"] < 150


def test_what_is_turned_is_told_on_both_pages(serve, pair):
    """The clip has 10 pictures a second, the model manages six."""
    camera, viewer = pair(serve(model="fake:boxes=bright,sleep_ms=160"))
    viewer.wait_for_selector("#changes:not([hidden]) #log li", timeout=15000)
    told = viewer.locator("#log li").last.inner_text()
    assert re.search(r"fps 30 → \d+: inference \d{3} ms of 33 ms", told), told
    wait(camera, "foveaCamera.stats().reason === 'inference' && foveaCamera.stats().targetFps < 30", 10)
    camera.wait_for_selector("#why:not(:empty)")
    assert "more frames came than could be analysed" in camera.inner_text("#why")


def test_a_source_that_does_not_answer_is_not_an_empty_room(serve, open_page, tmp_path):
    config = tmp_path / "fovea.yaml"
    config.write_text("cameras: {gate: 'rtsp://127.0.0.1:9/x'}\n")
    server = serve("--config", str(config))
    page = open_page(f"{server.url}/view/gate")
    page.wait_for_selector("#empty-text:has-text('it goes on trying')")
    assert page.is_hidden("#empty-link")
    other = open_page(f"{server.url}/view/nobody")
    other.wait_for_selector("#empty-text:has-text('No camera is connected')")
    assert other.is_visible("#empty-link")


def test_names_and_their_time_are_shown(serve, open_page, tmp_path):
    config = tmp_path / "fovea.yaml"
    config.write_text("cameras: {hall: {source: 'pattern:fps=15', tracker: botsort}}\n")
    page = open_page(f"{serve('--config', str(config), model='fake:boxes=bright').url}/view/hall")
    page.wait_for_selector("[data-stage=track]:visible dt:has-text('names')")


def test_the_server_draws_on_request(serve, pair):
    _, viewer = pair(serve(), view="render=server")
    seen = viewer.evaluate(WATCH, 30)
    assert all(e["box"] is None for e in seen)  # the page draws none
    edges = viewer.evaluate("""() => { const canvas = document.getElementById('canvas'); const context = canvas.getContext('2d');
        const row = context.getImageData(0, Math.round(canvas.height * (1 / 3 + 32 / 360)), canvas.width, 1).data;
        let coloured = 0;
        for (let i = 0; i < row.length; i += 4) coloured += Math.max(row[i], row[i + 1], row[i + 2]) - Math.min(row[i], row[i + 1], row[i + 2]) > 60;
        return coloured; }""")
    assert edges >= 2  # the clip is grey: colour is a drawn box


def test_camera_gone_and_back(serve, pair, open_page, camera_browser):
    server = serve()
    camera, viewer = pair(server)
    camera.context.close()
    wait(viewer, "fovea.stats().state === 'no_signal'", 3)
    assert "grayscale" in viewer.evaluate("getComputedStyle(document.getElementById('canvas')).filter")
    open_page(f"{server.url}/camera/room?autostart=1", on=camera_browser)
    wait(viewer, "fovea.stats().state === 'live'", 10)


def test_a_model_that_hangs_does_not_stop_the_picture(serve, pair):
    _, viewer = pair(serve(model="fake:boxes=bright,hang_after=30"))
    wait(viewer, "fovea.stats().aiOff !== null", 15)
    first = viewer.evaluate("fovea.stats().painted")
    wait(viewer, f"fovea.stats().painted > {first + 20} && fovea.stats().state !== 'no_signal'", 5)
    assert viewer.inner_text("#ai").startswith("AI OFF")
    assert viewer.evaluate("fovea.lastFrame.boxes") == []


def test_credits_bound_what_a_camera_sends(serve, pair):
    camera, viewer = pair(serve(model="fake:boxes=bright,sleep_ms=300"))
    wait(camera, "foveaCamera.stats().sent > 20", 20)
    stats = camera.evaluate("foveaCamera.stats()")
    assert stats["sent"] <= stats["credits"]
    assert viewer.evaluate("fovea.stats().received") > 10


def test_two_viewers_and_the_start_page(serve, pair, open_page):
    server = serve()
    pair(server)
    other = open_page(f"{server.url}/view/room")
    wait(other, "fovea.stats().painted > 10", 20)
    start = open_page(server.url)
    start.wait_for_selector(".card img:not([hidden])")
    card = start.locator(".card").first
    assert card.locator(".name").inner_text() == "room" and "LIVE" in card.inner_text()
    assert card.get_attribute("href").endswith("/view/room")


def test_add_a_camera_that_is_a_pattern(serve, open_page):
    server = serve()
    page = open_page(server.url)
    page.wait_for_selector("#nothing:not([hidden])")
    page.click("#add-button")
    page.fill("#add-url", "file:///etc/passwd")
    page.click("#add-test")
    page.wait_for_selector("#add-error:not([hidden])")
    assert len(page.inner_text("#add-error")) > 20
    page.fill("#add-url", "pattern:")
    page.click("#add-test")
    page.wait_for_selector("#add-picture:not([hidden])", timeout=15000)
    view = open_page(server.url + page.get_attribute("#add-open", "href"))
    wait(view, "fovea.stats().painted > 20", 15)


def test_with_access_control(serve, open_page, camera_browser):
    server = serve("--auth", "on")
    assert server.token
    stranger = open_page(f"{server.url}/view/room")
    assert "token" in stranger.inner_text("body").lower()
    context = {"on": camera_browser}
    camera = open_page(f"{server.url}/camera/room?autostart=1&token={server.token}", **context)
    assert "token=" not in camera.url
    viewer = open_page(f"{server.url}/view/room?token={server.token}", **context)
    wait(viewer, "fovea.stats().painted > 10", 20)


def test_a_revoked_token_ends_the_pages(serve, open_page, camera_browser):
    server = serve("--auth", "on")
    made = server.command("token", "create", "--role", "view", "--camera", "room", "--json")
    open_page(f"{server.url}/camera/room?autostart=1&token={server.token}", on=camera_browser)
    viewer = open_page(f"{server.url}/view/room?token={made['token']}", on=camera_browser)
    wait(viewer, "fovea.stats().painted > 10", 20)
    server.command("token", "revoke", made["id"])
    wait(viewer, "!document.getElementById('note').hidden", 5)
    assert "token" in viewer.inner_text("#note")
    wait(viewer, "fovea.stats().state === 'no_signal'", 3)


def test_a_second_camera_waits_until_the_first_is_gone(serve, pair, open_page, camera_browser):
    server = serve()
    first, viewer = pair(server)
    second = open_page(f"{server.url}/camera/room?autostart=1", on=camera_browser)
    wait(second, "foveaCamera.stats().state === 'busy'", 5)
    assert "Another device" in second.inner_text("#note")
    assert viewer.evaluate("fovea.stats().state") == "live"
    first.context.close()
    wait(second, "foveaCamera.stats().state === 'live' && foveaCamera.stats().sent > 5", 15)


def test_pictures_by_post_where_sockets_are_refused(serve, open_page, camera_browser):
    """All on the page's thread, so that the test can take WebSockets away."""
    script = """delete self.OffscreenCanvas;
        self.WebSocket = class extends WebSocket { constructor() { super(`ws://${location.hostname}:9/`); } };"""
    server = serve()
    camera = open_page(f"{server.url}/camera/room?autostart=1", on=camera_browser, script=script)
    viewer = open_page(f"{server.url}/view/room", on=camera_browser)
    wait(viewer, "fovea.stats().painted > 20", 20)
    stats = camera.evaluate("foveaCamera.stats()")
    assert stats["post"] and stats["state"] == "post" and stats["way"] == "page"
    assert 0 < viewer.evaluate("fovea.stats().lastSecond.p50") < 200


def test_over_tls(serve, open_page, camera_browser, tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=fovea", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", tmp_path / "key.pem",
                    "-out", tmp_path / "cert.pem"], check=True, capture_output=True)
    server = serve(f"server.tls.cert={tmp_path}/cert.pem", f"server.tls.key={tmp_path}/key.pem")
    assert server.url.startswith("https://")
    options = {"on": camera_browser, "ignore_https_errors": True}
    open_page(f"{server.url}/camera/room?autostart=1", **options)
    viewer = open_page(f"{server.url}/view/room", **options)
    wait(viewer, "fovea.stats().painted > 20", 20)


def test_without_a_model_the_pages_say_why(serve, open_page, camera_browser):
    server = serve(model="fake:load_fails=1")
    for path in ("/", "/camera/room?autostart=1"):
        page = open_page(server.url + path, on=camera_browser)
        page.wait_for_selector("#note:not([hidden])", timeout=10000)
        end = time.monotonic() + 10
        while "load_fails" not in page.inner_text("#note") and time.monotonic() < end:
            time.sleep(0.1)
        assert "load_fails" in page.inner_text("#note"), path


def test_api_page(serve, open_page):
    page = open_page(f"{serve().url}/docs")
    page.wait_for_selector("#swagger .opblock, #missing:not([hidden])", timeout=20000)
    assert page.is_hidden("#missing") or not (Path(__file__).parents[2] / ".deps/swagger-ui").exists()


@pytest.mark.parametrize("path", ("/", "/camera/room", "/view/room"))
def test_a_page_travels_in_less_than_60_kb(serve, open_page, path):
    """As the browser counts it, compressed, without pictures."""
    page = open_page(serve().url + path)
    page.wait_for_timeout(800)
    sizes = page.evaluate("""() => performance.getEntries().filter((e) => e.encodedBodySize && !/latest|api/.test(e.name))
        .map((e) => [e.name.split('/').pop(), e.encodedBodySize])""")
    assert len(sizes) > 6 and sum(size for _, size in sizes) < 60_000, sizes


def test_the_demo_shows_boxes_on_a_real_clip(serve, open_page):
    """The default model on the demo clip, as `make demo` runs it."""
    deps = Path(os.environ.get("FOVEA_DEPS") or Path(__file__).parents[2] / ".deps")
    if not (deps / "models/ssd_mobilenet_v2/model.xml").exists() or not (deps / "media/bikes.mp4").exists():
        pytest.skip("no default model or clip: make build fetches them")
    server = serve("--demo", model=None)
    start = open_page(server.url)
    start.wait_for_selector(".card img:not([hidden])", timeout=30000)
    assert "demo clip" in start.locator(".card").first.inner_text()
    viewer = open_page(server.url + start.locator(".card").first.get_attribute("href"))
    wait(viewer, "fovea.history().filter((f) => f.boxes.length > 0).length > 40", 40)
    painted = viewer.evaluate("fovea.history()")
    assert all(f["boxesOf"] == f["frameNumber"] for f in painted if f["boxes"])
    assert 0 < viewer.evaluate("fovea.stats().p50") < 1000
    assert "OpenVINO" in viewer.inner_text("#model")
