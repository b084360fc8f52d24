"""The page of zones against a real server: drawing, saving, mistakes, alerts, keyboard, both languages."""
from __future__ import annotations

import io
import json
import os
import subprocess
import urllib.request
from itertools import cycle, pairwise
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest
from PIL import Image

from conftest import BINARY, wait
from match import server_ready
from test_screens import STICKS_OUT

CONFIG = """
cameras:
  hall:
    source: "pattern:"
    zones: {door: [[0.1, 0.1], [0.4, 0.1], [0.4, 0.6], [0.1, 0.6]], way: {line: [[0.2, 0.9], [0.9, 0.8]]}}
alerts:
  - {name: somebody at the gate, zone: gate, min_confidence: 0.1, cooldown: 0}
  - {name: anything, camera: hall, min_confidence: 0.1}
  - {name: over the line, zone: way, camera: hall}
"""
GATE = """
cameras:
  gate:
    tracker: bytetrack
    zones: {way: {line: [[0.5, 0.95], [0.5, 0.05]]}, bottom: {line: [[0.1, 0.3], [0.4, 0.1]]},
            box: {polygon: [[0, 13.84], [16.5, 13.84], [16.5, 54.16], [0, 54.16]], space: pitch_m}}
alerts:
  - {name: through, zone: way, camera: gate, direction: in, min_confidence: 0.1}
  - {name: in the box, zone: box, camera: gate}
"""
READY = "fovea.stats().ready && !document.getElementById('frame').hidden && document.querySelectorAll('.zone').length"


@pytest.fixture
def server(serve, tmp_path):
    config = tmp_path / "fovea.yaml"
    config.write_text(CONFIG)
    return serve("--config", str(config))


class Walker(Thread):
    """Somebody bright who walks round and round, to the right through the middle of the picture and back along its lower
    edge, past the end of the line. Each picture waits until the one before was taken, and none is left out: a slow machine
    makes the walk slow and no step longer."""
    SIZE, TALL, WIDE, STEP = (320, 240), 72, 48, 4
    CORNERS = ((48, 144), (272, 144), (272, 240), (48, 240))  # of the way of its feet, px

    def __init__(self, url: str):
        super().__init__(daemon=True)
        self.url, self.over = url, Event()
        self.start()

    def feet(self):
        """One step after the other, without end."""
        for (x, y), (to_x, to_y) in pairwise(cycle(self.CORNERS)):
            steps = max(abs(to_x - x), abs(to_y - y)) // self.STEP
            yield from ((x + (to_x - x) * i // steps, y + (to_y - y) * i // steps) for i in range(steps))

    def picture(self, x: int, y: int) -> bytes:
        grey = np.full(self.SIZE[::-1], 70, np.uint8)
        grey[y - self.TALL:y, x - self.WIDE // 2:x + self.WIDE // 2] = 240
        file = io.BytesIO()
        Image.fromarray(grey).convert("RGB").save(file, "JPEG", quality=95)
        return file.getvalue()

    def run(self):
        for foot in self.feet():
            request = urllib.request.Request(self.url, data=self.picture(*foot), headers={"Content-Type": "image/jpeg"})
            with urllib.request.urlopen(request, timeout=30):
                pass
            if self.over.wait(0.03):
                return


@pytest.fixture
def walking(serve, tmp_path):
    """A server whose one camera sees a Walker."""
    config = tmp_path / "walking.yaml"
    config.write_text(GATE)
    server = serve("--config", str(config))
    server_ready(server)
    walker = Walker(f"{server.url}/api/camera/gate/frame?max_latency_ms=0&order=fifo")
    yield server
    walker.over.set()
    walker.join(30)


def zones(server, room="hall") -> dict:
    with urllib.request.urlopen(f"{server.url}/api/camera/{room}/zones", timeout=10) as answer:
        return json.load(answer)


def click(page, x: float, y: float) -> None:
    """At a place of the picture, 0 to 1."""
    box = page.locator("#drawing").bounding_box()
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


def test_draw_name_save(server, open_page):
    page = open_page(f"{server.url}/zones/hall")
    wait(page, READY)
    assert page.evaluate("fovea.stats().origin") == "settings"
    assert page.is_disabled("#save")
    page.click("#draw")
    assert page.inner_text("#hint") == "Click the corners, one after the other."
    for x, y in ((0.05, 0.05), (0.998, 0.05), (0.998, 0.998), (0.05, 0.998)):  # edges are caught
        click(page, x, y)
    click(page, 0.051, 0.051)  # the first one again: closed
    wait(page, "fovea.stats().zones.length === 3")
    page.locator("#list input").last.fill("gate")
    page.click("#save")
    wait(page, "fovea.stats().origin === 'drawn' && !fovea.stats().busy")
    drawn = zones(server)
    assert [z["name"] for z in drawn["zones"]] == ["door", "way", "gate"]
    assert drawn["zones"][2]["points"] == [[pytest.approx(v, abs=0.01) for v in p]
                                           for p in ((0.05, 0.05), (1, 0.05), (1, 1), (0.05, 1))]
    assert drawn["zones"][2]["points"][2] == [1, 1]
    # the rule of that zone is active at once, and its alert appears
    page.wait_for_selector("#alerts li.up:has-text('somebody at the gate')", timeout=10000)
    assert "used by: somebody at the gate" in page.inner_text("#list")
    assert "needs a tracker" in page.inner_text("#list")
    page.wait_for_selector(".zone.up")
    # a corner is moved with the mouse
    page.locator(".zone[data-zone='0']").click()
    box = page.locator("#drawing").bounding_box()
    page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.1 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.2 * box["height"], steps=4)
    page.mouse.up()
    moved = page.evaluate("fovea.stats().zones[0].points[0]")
    assert moved == [pytest.approx(0.2, abs=0.01), pytest.approx(0.2, abs=0.01)]
    page.click("#undo")
    wait(page, "fovea.stats().zones[0].points[0][0] === 0.1")
    page.click("#settings")
    wait(page, "fovea.stats().origin === 'settings'")
    assert zones(server)["origin"] == "settings"


def test_what_the_server_refuses_is_said(server, open_page):
    page = open_page(f"{server.url}/zones/hall")
    wait(page, READY)
    page.click("#draw")
    for x, y in ((0.2, 0.2), (0.8, 0.8), (0.8, 0.2), (0.2, 0.8)):
        click(page, x, y)
    page.keyboard.press("Enter")
    wait(page, "fovea.stats().zones.length === 3")
    page.click("#save")
    page.wait_for_selector("#note:not([hidden])")
    assert "crosses itself" in page.inner_text("#note")
    assert zones(server)["origin"] == "settings"
    page.locator("#list li").last.locator("button").click()
    wait(page, "fovea.stats().zones.length === 2")


def test_with_the_keyboard_alone(server, open_page):
    page = open_page(f"{server.url}/zones/hall")
    wait(page, READY)
    page.keyboard.press("r")
    wait(page, "fovea.stats().zones.length === 3")
    page.keyboard.press("ArrowLeft")
    size = page.viewport_size
    page.set_viewport_size({**size, "width": size["width"] - 40})  # all is painted anew under the keys
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    for _ in range(2):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowUp")
    assert page.evaluate("fovea.stats().zones[2].points[0]") == pytest.approx([0.27, 0.25])
    page.keyboard.press("Tab")
    page.keyboard.press("Delete")
    assert len(page.evaluate("fovea.stats().zones[2].points")) == 3
    page.keyboard.press("Delete")  # three are the least
    assert len(page.evaluate("fovea.stats().zones[2].points")) == 3
    page.keyboard.press("n")
    click(page, 0.5, 0.5)
    page.keyboard.press("Escape")
    assert page.evaluate("fovea.stats().zones.length") == 3
    assert page.is_hidden("#hint")


def test_a_line_takes_two_clicks(server, open_page):
    page = open_page(f"{server.url}/zones/hall")
    wait(page, READY)
    page.click("#line")
    click(page, 0.1, 0.5)
    click(page, 0.9, 0.5)
    wait(page, "fovea.stats().zones.length === 3")
    page.click("#save")
    wait(page, "fovea.stats().origin === 'drawn'")
    assert zones(server)["zones"][2]["state"] == "needs_tracker"


def way(page) -> str:
    return page.inner_text("[data-counts='way']")


def test_lines_show_which_way_is_in_and_count(walking, open_page):
    page = open_page(f"{walking.url}/zones/gate")
    wait(page, READY)
    # the arrow leads to the right of a line that leads up: who walks through it to the right is in
    tip = page.evaluate("document.querySelector(\".arrow[data-arrow='way']\").getAttribute('points').split(' ').map((p) => p.split(',').map(Number))")
    assert tip[1][0] > tip[0][0] + 20 and tip[1][1] == pytest.approx(tip[0][1], abs=0.5)
    wait(page, "/^in [1-9]/.test(document.querySelector(\"[data-counts='way']\").textContent)", 30)
    wait(page, "document.querySelector(\"[data-count='way'][data-way='in']\").textContent === document.querySelector(\"[data-counts='way']\").textContent.split(' · ')[0]")
    assert way(page).endswith("out 0")
    page.wait_for_selector("#alerts li:has-text('through')", timeout=10000)
    assert page.locator("#alerts li.up").count() == 0, "a crossing is over at once"
    assert "in · active" in page.inner_text("#rules")
    # a rule for it
    page.locator("#list li").first.locator("summary").click()
    page.locator("#list li").first.locator("select").select_option("out")
    assert 'zone: "way", direction: out}' in page.locator("#list pre").first.inner_text()
    # turned round, in is out
    page.locator("#list li").first.get_by_text("Turn round").click()
    turned = page.evaluate("document.querySelector(\".arrow[data-arrow='way']\").getAttribute('points').split(' ').map((p) => p.split(',').map(Number))")
    assert turned[1][0] < turned[0][0] - 20
    page.click("#save")
    wait(page, "fovea.stats().origin === 'drawn' && !fovea.stats().busy")
    assert next(z for z in zones(walking, "gate")["zones"] if z["name"] == "way")["points"] == [[0.5, 0.05], [0.5, 0.95]]
    page.locator("#list li").first.get_by_text("Count anew").click()
    wait(page, "/^in 0 · out [1-9]/.test(document.querySelector(\"[data-counts='way']\").textContent)", 30)


def test_zones_in_metres_are_listed_and_stay(walking, open_page):
    page = open_page(f"{walking.url}/zones/gate")
    wait(page, READY)
    row = page.locator("#list li").nth(2)
    assert "in metres on the pitch: 0.0 13.8 · 16.5 13.8" in row.inner_text() and "needs a view of the pitch" in row.inner_text()
    assert "needs a view of the pitch" in page.inner_text("#rules")
    assert page.locator(".zone[data-zone='2']").count() == 0, "metres are no shares of the picture"
    row.locator("input").focus()
    row.locator("input").fill("penalty area")
    page.click("#save")
    wait(page, "fovea.stats().origin === 'drawn' && !fovea.stats().busy")
    kept = zones(walking, "gate")["zones"][2]
    assert (kept["name"], kept["space"], kept["points"][1]) == ("penalty area", "pitch_m", [16.5, 13.84])


MATCH = "pattern:football?size=640x360&fps=10&seed=3"
FRAMES = 300


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    """The truth of the match's first pictures: metres to px."""
    writer = BINARY.parent / "tests/media/write_football"
    if not writer.exists():
        pytest.skip(f"{writer} is not built: make build")
    folder = tmp_path_factory.mktemp("match")
    subprocess.run([writer, MATCH, str(FRAMES), folder], check=True, capture_output=True, timeout=120)
    rows = [line.replace(",", " ").split() for line in (folder / "H.txt").read_text().splitlines()]
    return [[float(n) for n in row[1:10]] for row in rows]


@pytest.fixture
def ground(serve, tmp_path, maps):
    """ground(more settings, k1=0) → a server with that match, seen from where it is seen in the first picture."""
    def start(settings: str = "", **bend):
        file, config = tmp_path / "camera.json", tmp_path / "ground.yaml"
        file.write_text(json.dumps({"matrix": [maps[0][0:3], maps[0][3:6], maps[0][6:9]], "picture": [640, 360], **bend}))
        config.write_text(f"""{settings}
cameras:
  ground:
    source: "{MATCH}"
    kind: football
    model: drawn
    homography: "{file}"
    zones: {{middle: {{line: [[50, 20], [50, 48]], space: pitch_m}}, circle: {{polygon: [[44, 26], [61, 26], [61, 42], [44, 42]], space: pitch_m}}}}
alerts: [{{name: over the middle, zone: middle}}]
""")
        return serve("--config", str(config))
    return start


def view_of(server) -> dict:
    with urllib.request.urlopen(f"{server.url}/api/v1/realtime/football/ground/homography", timeout=10) as answer:
        return json.load(answer)


def in_picture(page, zone: int) -> list[list[float]]:
    """Places of a zone as it is drawn, as shares of the picture."""
    return page.evaluate("""(zone) => { const box = document.getElementById('drawing').getBoundingClientRect();
        return document.querySelector(`.zone[data-zone='${zone}']`).getAttribute('points').split(' ')
          .map((p) => p.split(',').map(Number)).map(([x, y]) => [x / box.width, y / box.height]); }""", zone)


def straight(view, place) -> tuple[float, float]:
    """Share of the picture that a place on the pitch has in it, through a lens that bends nothing."""
    u, v, w = (sum(m * p for m, p in zip(view[i:i + 3], (*place, 1))) for i in (0, 3, 6))
    return u / w / 640, v / w / 360


def test_zones_in_metres_are_drawn_where_the_camera_sees_them(ground, maps, open_page, tmp_path):
    server = ground()
    page = open_page(f"{server.url}/zones/ground", viewport={"width": 1440, "height": 900})
    wait(page, "fovea.stats().ready && document.querySelectorAll('.zone').length === 2")
    frame = min(view_of(server)["frame_id"], FRAMES - 1)
    for place, seen in zip(((50, 20), (50, 48)), in_picture(page, 0), strict=True):
        u, v = straight(maps[frame], place)
        assert seen == [pytest.approx(u, abs=0.06), pytest.approx(v, abs=0.06)], "the camera turns a little meanwhile"
    # right of a line that leads away from the camera is the right of the picture
    tip = page.evaluate("document.querySelector(\".arrow[data-arrow='middle']\").getAttribute('points').split(' ').map((p) => p.split(',').map(Number))")
    assert tip[1][0] > tip[0][0] + 15
    assert "in metres on the pitch: 50.0 20.0 · 50.0 48.0" in page.inner_text("#list")
    wait(page, "/in [1-9]|out [1-9]/.test(document.querySelector(\"[data-counts='middle']\").textContent)", timeout=40)
    page.screenshot(path=Path(os.environ.get("FOVEA_SHOTS") or tmp_path) / "metres.png")
    assert page.is_disabled("#save"), "looking changes nothing"


def test_zones_in_metres_bend_with_the_lens(ground, maps, open_page):
    k1 = -0.1
    server = ground("football: {still_camera: true}", k1=k1)
    page = open_page(f"{server.url}/zones/ground")
    wait(page, "fovea.stats().ready && document.querySelectorAll('.zone').length === 2")

    def bent(place):
        x, y = (share - 0.5 for share in straight(maps[0], place))
        by = 1 + k1 * 4 * ((x * 640) ** 2 + (y * 360) ** 2) / (640 ** 2 + 360 ** 2)
        return [pytest.approx(0.5 + x * by, abs=2e-3), pytest.approx(0.5 + y * by, abs=2e-3)]

    for zone, corners in enumerate((((50, 20), (50, 48)), ((44, 26), (61, 26), (61, 42), (44, 42)))):
        drawn = in_picture(page, zone)
        assert len(drawn) > 2 * len(corners), "edges have bends"
        for corner in corners:
            assert bent(corner) in drawn, corner
    tip = page.evaluate("document.querySelector(\".arrow[data-arrow='middle']\").getAttribute('points').split(' ').map((p) => p.split(',').map(Number))")
    assert tip[1][0] > tip[0][0] + 15


def test_without_a_picture(server, open_page):
    page = open_page(f"{server.url}/zones/yard")
    wait(page, "fovea.stats().ready")
    assert page.is_visible("#empty") and page.is_hidden("#frame")
    page.keyboard.press("r")  # nothing to draw on
    assert page.evaluate("fovea.stats().zones.length") == 0


@pytest.mark.parametrize("size", ((390, 844), (1440, 900)))
@pytest.mark.parametrize("theme,language", (("dark", "en"), ("light", "fa")))
def test_screen(server, walking, open_page, tmp_path, size, theme, language):
    page = open_page(f"{server.url}/zones/hall", viewport={"width": size[0], "height": size[1]}, color_scheme=theme,
                     locale="fa-IR" if language == "fa" else "en-GB")
    wait(page, READY)
    page.wait_for_selector("#alerts li", timeout=10000)
    page.locator(".zone[data-zone='0']").click()
    page.wait_for_timeout(300)
    assert page.evaluate(STICKS_OUT) == []
    folder = Path(os.environ.get("FOVEA_SHOTS") or tmp_path)
    page.screenshot(path=folder / f"zones-{size[0]}-{theme}-{language}.png")
    page.goto(f"{walking.url}/zones/gate")
    wait(page, READY)
    page.wait_for_selector("#alerts li", timeout=10000)
    click(page, 0.5, 0.75)
    wait(page, "fovea.stats().selected === 0")
    page.locator("#list summary").first.click()
    page.wait_for_timeout(1300)
    assert page.evaluate(STICKS_OUT) == []
    page.screenshot(path=folder / f"lines-{size[0]}-{theme}-{language}.png")
