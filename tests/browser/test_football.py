"""The page of a football stream against a real server and the drawn match: the pitch shows where people are, of the same
frame as the picture, and nothing that is not known or not of now."""
from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from conftest import wait
from match import SOURCE, calibrate, call, homography, server_ready, start, truth  # noqa: F401 (a fixture)
from test_screens import STICKS_OUT

KNOWN = "fovea.stats().known && fovea.dots().length > 8"


# Of the first team's boxes as they are painted: whether a pixel of the left edge has the colour of its shirts.
EDGES = """new Promise((done) => requestAnimationFrame(() => {
  const canvas = document.getElementById('canvas'), c = canvas.getContext('2d');
  const { tracks, teams } = fovea.lastResult, scale = canvas.width / fovea.lastFrame.width;
  const want = [1, 3, 5].map((i) => parseInt(teams.sides[0].color.slice(i, i + 2), 16));
  done(tracks.filter((t) => t.team === 'first' && t.class === 'player' && t.state === 'active' && t.box[0] > 4).map((t) => {
    const x = Math.round(t.box[0] * scale), y = Math.round((t.box[1] + t.box[3]) / 2 * scale);
    const { data } = c.getImageData(x - 1, y, 3, 1);
    const far = [0, 4, 8].map((p) => Math.max(...want.map((v, i) => Math.abs(v - data[p + i]))));
    return { id: t.track_id, near: Math.min(...far) < 40, far };
  }));
}))"""


@pytest.fixture
def match(serve):
    server = serve()
    start(server)
    return server


def grey(page) -> bool:
    return "grayscale" in page.evaluate("getComputedStyle(document.querySelector('#ground canvas')).filter")


def test_without_a_calibration_nobody_is_anywhere(match, open_page):
    page = open_page(f"{match.url}/football/match")
    wait(page, "fovea.stats().state === 'live' && fovea.lastResult?.tracks.length > 8", 20)
    page.wait_for_selector("#unknown:not([hidden])")
    assert page.inner_text("#unknown-why") == "Not calibrated: where players stand is not known."
    assert page.evaluate("fovea.dots()") == []
    assert page.evaluate("fovea.lastResult.tracks.every((track) => track.pitch_m === null)")
    assert "not about real" in page.inner_text("#detector") or "nothing about real pictures" in page.inner_text("#detector")
    page.click("#unknown-link")
    page.wait_for_url("**/football/match/calibrate")


def test_dots_are_where_people_are(match, open_page, truth):  # noqa: F811
    calibrate(match, truth)
    page = open_page(f"{match.url}/football/match")
    wait(page, KNOWN, 20)
    # the same frame on both, and each dot where its metres are
    both = page.evaluate("""new Promise((done) => requestAnimationFrame(() => done({dots: fovea.dots(), frame: fovea.lastFrame,
      pitchOf: fovea.stats().pitchOf, box: document.getElementById('ground').getBoundingClientRect().toJSON()})))""")
    assert both["pitchOf"] == both["frame"]["seq"]
    scale = min(both["box"]["width"] / 113, both["box"]["height"] / 76)
    for dot in both["dots"]:
        assert dot["x"] == pytest.approx(both["box"]["width"] / 2 + (dot["m"][0] - 52.5) * scale, abs=1)
        assert dot["y"] == pytest.approx(both["box"]["height"] / 2 - (dot["m"][1] - 34) * scale, abs=1)
    # near to where somebody truly stands: the median, because views and boxes shake
    people = truth.people(both["frame"]["frameNumber"])
    away = [np.hypot(*(people - dot["m"]).T).min() for dot in both["dots"] if not dot["lost"]]
    assert np.median(away) < 1.5, away
    # they move
    first = {d["id"]: d["m"] for d in both["dots"]}
    page.wait_for_timeout(2000)
    then = {d["id"]: d["m"] for d in page.evaluate("fovea.dots()")}
    common = first.keys() & then.keys()
    assert len(common) > 3
    assert max(np.hypot(*np.subtract(first[i], then[i])) for i in common) > 0.5


def test_teams_have_a_colour_and_a_shape(match, open_page, truth):  # noqa: F811
    calibrate(match, truth)
    page = open_page(f"{match.url}/football/match")
    wait(page, f"{KNOWN} && fovea.lastResult.teams.state === 'known' && ['circle', 'square'].every((s) => fovea.dots().filter((d) => d.shape === s).length > 2)", 30)
    dots = page.evaluate("fovea.dots()")
    colours = {shape: {d["colour"] for d in dots if d["shape"] == shape} for shape in ("circle", "square")}
    assert all(len(c) == 1 for c in colours.values()) and colours["circle"] != colours["square"]
    page.wait_for_selector("#legend li")
    assert page.locator("#legend [data-shape=circle]").count() >= 1 and page.locator("#legend [data-shape=square]").count() >= 1
    assert page.inner_text("#versus .names").split("\n") == ["First team", "Second team"]
    # the boxes on the picture have the same colours: pixels of the upper edges
    page.keyboard.press("l")
    page.keyboard.press("t")
    seen = page.evaluate(EDGES)
    assert len(seen) > 3 and np.mean([s["near"] for s in seen]) > 0.7, seen


def test_table_and_figures(match, open_page, truth):  # noqa: F811
    calibrate(match, truth)
    page = open_page(f"{match.url}/football/match")
    wait(page, f"{KNOWN} && document.querySelectorAll('#rows tr').length > 8", 20)
    page.wait_for_timeout(2500)

    def column(n: int) -> list[float]:
        cells = page.evaluate(f"[...document.querySelectorAll('#rows tr')].map((r) => r.children[{n}].textContent)")
        return [-1.0 if c == "–" else float(c) for c in cells]

    for n in (4, 2, 3):  # distance first, as it opens
        button = page.locator("#heads th").nth(n).locator("button")
        button.focus()
        if n != 4:
            page.keyboard.press("Enter")
        assert page.locator("#heads th").nth(n).get_attribute("aria-sort") == "descending"
        values = column(n)
        assert values == sorted(values, reverse=True) and max(values) > 0, (n, values)
    assert max(column(3)) < 44  # km/h: nobody runs faster
    total = page.inner_text("#part-rows [data-stage=sum] dd")
    assert total.endswith(" ms") and float(total.split()[0]) > 0
    assert page.inner_text("#deadline-ms") == "2000 ms"
    assert page.inner_text("#ball") in ("not found", *(f"{s}{h}" for s in ("seen", "not seen, where it should be")
                                                        for h in ("", " · on the ground", " · in the air")))


def test_one_person_and_heat_maps(match, open_page, truth):  # noqa: F811
    calibrate(match, truth)
    page = open_page(f"{match.url}/football/match")
    wait(page, f"{KNOWN} && document.querySelectorAll('#rows tr').length > 8", 20)
    page.wait_for_timeout(3000)
    page.click("#heats summary")
    wait(page, "['heat-first', 'heat-second'].every((id) => document.getElementById(id).naturalWidth > 500)", 15)
    button = page.locator("#rows tr:not(.lost) button").first
    who = button.inner_text()
    button.click()
    page.wait_for_selector("#rows button[aria-pressed=true]")
    assert page.inner_text("#rows button[aria-pressed=true]") == who
    assert page.inner_text("#heat-first-name") == f"No. {who}" and page.is_hidden("#heat-second")
    page.keyboard.press("Escape")
    assert page.locator("#rows button[aria-pressed=true]").count() == 0
    assert page.inner_text("#heat-first-name") == "First team"


def test_keys(match, open_page, truth):  # noqa: F811
    calibrate(match, truth)
    page = open_page(f"{match.url}/football/match")
    wait(page, KNOWN, 20)
    for key, button in (("b", "boxes"), ("l", "labels"), ("g", "lines"), ("t", "trails"), ("m", "means")):
        before = page.get_attribute(f"#{button}", "aria-pressed")
        page.keyboard.press(key)
        assert page.get_attribute(f"#{button}", "aria-pressed") != before
    page.keyboard.press("?")
    assert page.is_visible("#help")
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    assert page.is_hidden("#ground") and page.is_visible("#canvas")
    page.keyboard.press("Escape")
    assert page.is_visible("#ground")


def test_old_positions_are_grey(serve, open_page, truth):  # noqa: F811
    server = serve()
    start(server, f"{SOURCE}&frames=80")
    calibrate(server, truth)
    page = open_page(f"{server.url}/football/match")
    wait(page, KNOWN, 20)
    assert not grey(page) and page.is_hidden("#old")
    wait(page, "fovea.stats().state === 'no_signal'", 20)
    assert grey(page) and page.is_visible("#old") and page.inner_text("#old") == "NO SIGNAL"
    assert float(page.evaluate("getComputedStyle(document.getElementById('scroll')).opacity")) < 0.6
    rows = page.inner_text("#rows")
    page.wait_for_timeout(1200)
    assert page.inner_text("#rows") == rows  # nothing goes on


CUT = """
  const Real = WebSocket;
  window.WebSocket = class extends Real {
    set onmessage(f) {
      super.onmessage = (event) => { if (!window.cut || typeof event.data !== 'string' || !event.data.includes('"detections"')) f(event); };
    }
  };
"""


def test_without_results_nobody_is_anywhere(match, open_page, truth):  # noqa: F811
    """Pictures come, results do not: the pitch empties when a picture without boxes is shown."""
    calibrate(match, truth)
    page = open_page(f"{match.url}/football/match", script=CUT)
    wait(page, KNOWN, 20)
    page.evaluate("window.cut = true")
    wait(page, "fovea.stats().aiOff !== null && fovea.lastResult === null && fovea.dots().length === 0", 15)
    page.wait_for_selector("#unknown:not([hidden])")
    assert page.inner_text("#unknown-why") == "AI OFF: nobody is looked for."
    assert page.is_hidden("#unknown-link") and page.locator("#rows tr").count() == 0
    assert page.evaluate("fovea.stats().state") in ("live", "delayed")
    page.evaluate("window.cut = false")
    wait(page, KNOWN, 20)


def test_persian(match, open_page, truth):  # noqa: F811
    calibrate(match, truth)
    page = open_page(f"{match.url}/football/match", locale="fa-IR")
    wait(page, f"{KNOWN} && document.querySelectorAll('#rows tr').length > 8", 20)
    assert page.evaluate("document.documentElement.dir") == "rtl"
    stage, ground = page.locator("#stage").bounding_box(), page.locator("#ground").bounding_box()
    assert ground["x"] + ground["width"] <= stage["x"]  # the panel is at the left
    dots = page.evaluate("fovea.dots()")  # but left on the pitch stays left
    low, high = min(dots, key=lambda d: d["m"][0]), max(dots, key=lambda d: d["m"][0])
    assert low["x"] < high["x"]
    assert any("۰" <= c <= "۹" for c in page.inner_text("#rows")) and not any(c.isascii() and c.isdigit() for c in page.inner_text("#rows"))
    page.click("#language")
    wait(page, "document.documentElement.lang === 'en'")
    page.wait_for_timeout(700)
    assert "First team" in page.inner_text("#versus")


def test_card_and_adding(match, open_page):
    page = open_page(f"{match.url}/")
    card = page.wait_for_selector(".card[href^='/football/']")
    assert "football" in card.inner_text()
    assert page.get_attribute(".to-zones a", "href") == "/view/match"
    page.click("#add-button")
    page.fill("#add-url", f"{SOURCE}&seed=3")
    page.fill("#add-name", "second")
    page.check("#add-football")
    page.check("#add-still")
    page.click("#add-test")
    page.wait_for_selector("#add-open:not([hidden])", timeout=20000)
    assert page.get_attribute("#add-open", "href").startswith("/football/")
    state = homography(match, "second")
    assert state["still_camera"] is True


@pytest.mark.parametrize("size", ((390, 844), (1440, 900), (1024, 700), (768, 1024)))
def test_screen(match, open_page, truth, tmp_path, size):  # noqa: F811
    calibrate(match, truth)
    for theme, language in (("dark", "en"), ("light", "fa")):
        page = open_page(f"{match.url}/football/match", viewport={"width": size[0], "height": size[1]}, color_scheme=theme,
                         locale="fa-IR" if language == "fa" else "en-GB")
        wait(page, f"{KNOWN} && document.querySelectorAll('#rows tr').length > 8", 20)
        page.wait_for_timeout(600)
        assert page.evaluate(STICKS_OUT) == []
        folder = Path(os.environ.get("FOVEA_SHOTS") or tmp_path)
        page.screenshot(path=folder / f"football-{size[0]}-{theme}-{language}.png")
        assert json.loads(json.dumps(page.evaluate("fovea.stats()")))["painted"] > 0
        page.close()


def test_another_stream_says_so(serve, open_page):
    server = serve()
    server_ready(server)
    assert isinstance(call(server, "POST", "/api/v1/realtime/video/start-stream", {"source": "pattern:", "token": "hall"}), dict)
    page = open_page(f"{server.url}/football/hall")
    page.wait_for_selector("#note:not([hidden])", timeout=20000)
    assert "no football stream" in page.inner_text("#note") and page.evaluate("fovea.dots()") == []
