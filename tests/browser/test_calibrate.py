"""The page that shows where the pitch is, against a real server and the drawn match: clicking true points gives a view whose
lines lie on the true ones; what cannot be is refused in words."""
from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from conftest import wait
from match import SIZE, call, homography, start, truth  # noqa: F401 (a fixture)
from test_screens import STICKS_OUT

READY = "fovea.stats().ready && document.querySelectorAll('#landmark option').length > 30"
URL = "/football/match/calibrate"


@pytest.fixture
def match(serve):
    server = serve()
    start(server)
    return server


def opened(server, open_page, **options):
    page = open_page(server.url + URL, **options)
    wait(page, READY, 20)
    return page, page.evaluate("fovea.stats().frameId")


def click(page, px) -> None:
    box = page.locator("#drawing").bounding_box()
    page.mouse.click(box["x"] + px[0] * box["width"] / SIZE[0], box["y"] + px[1] * box["height"] / SIZE[1])


def place(page, points: dict) -> None:
    """Clicks each point in the picture and chooses its name."""
    for name, px in points.items():
        click(page, px)
        page.select_option("#landmark", name)


def plan(page, metres) -> None:
    """Clicks a place of the drawn pitch."""
    box = page.locator("#pitch").bounding_box()
    scale = box["width"] / 115
    page.mouse.click(box["x"] + (metres[0] + 5) * scale, box["y"] + (68 - metres[1] + 5) * scale)


def true_lines(truth, frame: int) -> np.ndarray:  # noqa: F811
    """Px of points along the lines of the pitch, every decimetre."""
    def along(a, b):
        n = int(np.hypot(*np.subtract(b, a)) * 10) + 1
        return [np.add(a, np.multiply(np.subtract(b, a), t)) for t in np.linspace(0, 1, n)]

    def box(x, y, w, h):
        return along((x, y), (x + w, y)) + along((x + w, y), (x + w, y + h)) + along((x + w, y + h), (x, y + h)) + along((x, y + h), (x, y))

    def arc(x, y, r, a, b):
        return [(x + r * np.cos(t), y + r * np.sin(t)) for t in np.linspace(a, b, 800)]

    reach = np.arccos(5.5 / 9.15)
    metres = box(0, 0, 105, 68) + along((52.5, 0), (52.5, 68)) + arc(52.5, 34, 9.15, 0, 2 * np.pi)
    half = box(0, 13.84, 16.5, 40.32) + box(0, 24.84, 5.5, 18.32) + arc(11, 34, 9.15, -reach, reach) + arc(11, 34, 0.15, 0, 7)
    half += arc(0, 0, 1, 0, np.pi / 2) + arc(0, 68, 1, -np.pi / 2, 0)
    metres += half + [(105 - x, y) for x, y in half] + arc(52.5, 34, 0.15, 0, 7)
    return truth.px(frame, metres)


def off_the_lines(page, truth, frame: int) -> np.ndarray:  # noqa: F811
    """Px from each drawn point that is in the picture to the nearest true line."""
    drawn = np.array([p for line in page.evaluate("fovea.lines()") for p in line])
    drawn = drawn[(drawn[:, 0] > 0) & (drawn[:, 0] < SIZE[0]) & (drawn[:, 1] > 0) & (drawn[:, 1] < SIZE[1])]
    lines = true_lines(truth, frame)
    lines = lines[np.isfinite(lines).all(1)]
    assert len(drawn) > 40
    return np.array([np.hypot(*(lines - p).T).min() for p in drawn])


def test_clicking_true_points(match, open_page, truth):  # noqa: F811
    page, frame = opened(match, open_page)
    assert page.is_disabled("#save") and "Click a point" in page.inner_text("#hint")
    points = truth.landmarks(frame, 7)
    first, *rest = points
    click(page, points[first])
    assert page.inner_text("#hint").startswith("Now click the same point on this pitch")
    page.select_option("#landmark", first)
    assert page.evaluate("fovea.stats().points[0].name") == first
    place(page, {name: points[name] for name in rest})
    wait(page, "fovea.stats().fit?.quality.points === 7")
    assert page.get_attribute("#verdict", "data-verdict") == "good"
    assert "px off in the picture" in page.inner_text("#verdict")
    off = off_the_lines(page, truth, frame)
    assert np.mean(off) < 0.7 and off.max() < 4, (np.mean(off), off.max())
    assert homography(match)["known"] is False  # only looked at so far
    page.click("#save")
    wait(page, "fovea.stats().saved")
    assert "Saved" in page.inner_text("#force") and page.is_disabled("#save")
    assert homography(match)["known"] is True
    page.click("#back")
    page.wait_for_url("**/football/match")
    wait(page, "fovea.stats().known && fovea.dots().length > 8", 20)


def test_picking_on_the_drawn_pitch(match, open_page, truth):  # noqa: F811
    from match import LANDMARKS
    page, frame = opened(match, open_page)
    points = truth.landmarks(frame, 5)
    for i, (name, px) in enumerate(points.items()):
        if i == 4:  # the other way round: first the pitch, then the picture
            page.keyboard.press("Escape")  # nothing is selected
            plan(page, LANDMARKS[name])
            assert page.evaluate("fovea.stats().armed") == name
            click(page, px)
            assert page.evaluate("fovea.stats().armed") is None and page.evaluate("fovea.stats().selected") == -1
        else:
            click(page, px)
            plan(page, (52.5, 34) if name != "centre" else (0, 0))  # a slip
            plan(page, LANDMARKS[name])
        assert page.evaluate(f"fovea.stats().points[{i}].name") == name
    wait(page, "fovea.stats().fit?.quality.points === 5")
    assert off_the_lines(page, truth, frame).mean() < 1.5


def test_what_cannot_be_is_refused_in_words(match, open_page, truth):  # noqa: F811
    page, frame = opened(match, open_page)
    line = {name: truth.px(frame, [(52.5, y)])[0] for name, y in
            (("near_halfway", 0), ("far_halfway", 68), ("centre", 34), ("near_circle", 24.85), ("far_circle", 43.15))}
    line = {n: px for n, px in line.items() if 4 < px[1] < SIZE[1] - 4 and 4 < px[0] < SIZE[0] - 4}
    if len(line) < 4:
        pytest.skip("the camera does not see the half-way line now")
    place(page, line)
    wait(page, "fovea.stats().refused")
    assert page.get_attribute("#verdict", "data-verdict") == "refused"
    assert "line" in page.inner_text("#verdict")
    assert page.is_disabled("#save") and page.evaluate("fovea.lines()") == []


def test_a_wrong_point_is_named(match, open_page, truth):  # noqa: F811
    page, frame = opened(match, open_page)
    points = truth.landmarks(frame, 7)
    wrong = list(points)[3]
    points[wrong] = points[wrong] + [60 if points[wrong][0] < SIZE[0] / 2 else -60, 12]
    place(page, points)
    wait(page, "fovea.stats().fit || fovea.stats().refused")
    wait(page, "fovea.stats().fit?.quality.points === 7 || fovea.stats().refused")
    assert page.evaluate("fovea.stats().refused") is None
    assert "does not count" in page.locator("#points li").nth(3).inner_text()
    assert "contradict the others" in page.inner_text("#verdict")
    assert page.locator(".point").nth(3).get_attribute("data-out") == "true"
    before = off_the_lines(page, truth, frame).mean()
    assert before < 1.5  # the others hold the view
    page.locator("#points li").nth(3).locator("button").click()
    wait(page, "fovea.stats().fit?.quality.points === 6")
    assert "contradict" not in page.inner_text("#verdict")


def test_drag_undo_delete(match, open_page, truth):  # noqa: F811
    page, frame = opened(match, open_page)
    points = truth.landmarks(frame, 4)
    place(page, points)
    wait(page, "fovea.stats().fit")
    assert "Four points always fit" in page.inner_text("#verdict")
    box = page.locator("#drawing").bounding_box()
    u, v = points[list(points)[0]]
    x, y = box["x"] + u * box["width"] / SIZE[0], box["y"] + v * box["height"] / SIZE[1]
    page.mouse.move(x + 3, y + 2)  # held beside its middle it does not jump there
    page.mouse.down()
    page.mouse.move(x + 43, y + 32, steps=5)
    assert page.is_visible("#lens")
    page.mouse.up()
    moved = page.evaluate("fovea.stats().points[0].image")
    scale = SIZE[0] / box["width"]
    assert moved == [pytest.approx(u + 40 * scale, abs=1.2), pytest.approx(v + 30 * scale, abs=1.2)]
    page.keyboard.press("Control+z")
    assert page.evaluate("fovea.stats().points[0].image") == [pytest.approx(u, abs=1), pytest.approx(v, abs=1)]
    page.locator("#points li button").first.click()
    assert len(page.evaluate("fovea.stats().points")) == 3
    assert page.get_attribute("#verdict", "data-verdict") == "few" and page.is_disabled("#save")
    page.click("#undo")
    assert len(page.evaluate("fovea.stats().points")) == 4
    wait(page, "fovea.stats().fit")


def test_with_the_keyboard_alone(match, open_page, truth):  # noqa: F811
    page, frame = opened(match, open_page)
    for name, px in truth.landmarks(frame, 4).items():
        page.keyboard.press("n")
        index = len(page.evaluate("fovea.stats().points")) - 1
        assert page.evaluate("document.activeElement.dataset.index") == str(index)
        u, v = page.evaluate(f"fovea.stats().points[{index}].image")
        for steps, keys in ((round(px[0] - u), ("ArrowRight", "ArrowLeft")), (round(px[1] - v), ("ArrowDown", "ArrowUp"))):
            key = keys[steps < 0]
            for _ in range(abs(steps) // 10):
                page.keyboard.press(f"Shift+{key}")
            for _ in range(abs(steps) % 10):
                page.keyboard.press(key)
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "landmark"
        page.select_option("#landmark", name)
        page.evaluate("document.activeElement.blur()")
    wait(page, "fovea.stats().fit")
    assert off_the_lines(page, truth, frame).mean() < 2.5
    assert page.get_attribute("#verdict", "data-verdict") in ("good", "fair")
    page.locator(".point").first.focus()
    page.keyboard.press("Delete")
    assert len(page.evaluate("fovea.stats().points")) == 3


def test_forget_and_the_view_in_force(match, open_page, truth):  # noqa: F811
    frame = homography(match)["frame_id"]
    told = call(match, "PUT", "/api/v1/realtime/football/match/homography",
                {"matrix": truth.maps[frame].tolist(), "picture": list(SIZE), "frame_id": frame})
    assert told["known"]
    page, _ = opened(match, open_page)
    wait(page, "fovea.lines().length > 5")  # where the pitch is thought to be, before any point
    assert "A view is in force" in page.inner_text("#force")
    page.click("#forget")
    wait(page, "fovea.stats().known === false && fovea.lines().length === 0")
    assert homography(match)["known"] is False
    assert page.is_disabled("#forget")
    old = page.evaluate("fovea.stats().frameId")
    page.wait_for_timeout(500)
    page.click("#fresh")
    wait(page, f"fovea.stats().frameId > {old}")


def test_the_camera_comes_to_rest(match, open_page, truth):  # noqa: F811
    page, _ = opened(match, open_page)
    assert not page.is_checked("#still") and "carried along" in page.inner_text("#camera")
    page.check("#still")
    wait(page, "document.querySelector('#camera').textContent.includes('stands still')")
    assert homography(match)["still_camera"] is True
    page.uncheck("#still")
    wait(page, "document.querySelector('#camera').textContent.includes('carried along')")
    assert homography(match)["still_camera"] is False


def test_no_such_stream(match, open_page):
    page = open_page(f"{match.url}/football/nobody/calibrate")
    page.wait_for_selector("#note:not([hidden])")
    assert "nobody" in page.inner_text("#note")
    assert page.is_visible("#empty") and page.is_disabled("#save")


@pytest.mark.parametrize("size", ((390, 844), (1440, 900), (768, 1024)))
def test_screen(match, open_page, truth, tmp_path, size):  # noqa: F811
    for theme, language in (("dark", "en"), ("light", "fa")):
        page, frame = opened(match, open_page, viewport={"width": size[0], "height": size[1]}, color_scheme=theme,
                             locale="fa-IR" if language == "fa" else "en-GB")
        points = truth.landmarks(frame, 6)
        place(page, points)
        wait(page, "fovea.stats().fit")
        assert (page.evaluate("document.documentElement.dir") == "rtl") == (language == "fa")
        page.wait_for_timeout(200)
        assert page.evaluate(STICKS_OUT) == []
        folder = Path(os.environ.get("FOVEA_SHOTS") or tmp_path)
        page.screenshot(path=folder / f"calibrate-{size[0]}-{theme}-{language}.png")
        page.close()


def test_with_a_finger(match, open_page, truth):  # noqa: F811
    """A tap sets a point, a drag moves it by less than the finger's way."""
    page, frame = opened(match, open_page, viewport={"width": 390, "height": 844}, has_touch=True)
    box = page.locator("#drawing").bounding_box()
    scale = SIZE[0] / box["width"]
    page.touchscreen.tap(box["x"] + 100, box["y"] + 120)
    wait(page, "fovea.stats().points.length === 1")
    u, v = page.evaluate("fovea.stats().points[0].image")
    assert [u, v] == [pytest.approx(100 * scale, abs=2), pytest.approx(120 * scale, abs=2)] and page.is_hidden("#lens")
    touch = page.context.new_cdp_session(page)

    def finger(kind, x, y):
        points = [] if kind == "touchEnd" else [{"x": box["x"] + x, "y": box["y"] + y}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    finger("touchStart", 102, 121)
    finger("touchMove", 132, 131)
    finger("touchMove", 152, 141)
    wait(page, f"Math.abs(fovea.stats().points[0].image[0] - {u + 0.4 * 50 * scale}) < 3")
    assert page.is_visible("#lens")
    finger("touchEnd", 152, 141)
    assert page.is_hidden("#lens")
    page.locator("#pitch").scroll_into_view_if_needed()
    plan = page.locator("#pitch").bounding_box()
    page.touchscreen.tap(plan["x"] + plan["width"] / 2, plan["y"] + plan["height"] / 2)
    wait(page, "fovea.stats().points[0].name === 'centre'")
