"""Every page in every state at two sizes, in both themes and both languages: nothing sticks out, and the pictures are
written to $FOVEA_SHOTS (default: a temporary folder) to be looked at."""
from __future__ import annotations

import os
from pathlib import Path

import pytest

SIZES = {"phone": (390, 844), "desk": (1440, 900)}
STATES = {  # name: path, scene of the start page, what must be there before the picture is taken
    "start": ("/", "full", ".card img:not([hidden])"),
    "start-empty": ("/", "empty", "#nothing:not([hidden])"),
    "start-lan": ("/", "lan", "#qr:not([hidden])"),
    "start-token": ("/", "token", "#note:not([hidden])"),
    "camera": ("/camera/theatre-2", "full", "#qr:not([hidden])"),
    "camera-on": ("/camera/theatre-2?autostart=1", "full", "#pill[data-state=live]"),
    "view-live": ("/view/live", "full", "#pill[data-state=live]"),
    "view-delayed": ("/view/delayed", "full", "#pill[data-state=delayed]"),
    "view-no-signal": ("/view/nosignal", "full", "#stage[data-state=no_signal] canvas:not([hidden])"),
    "view-ai-off": ("/view/aioff", "full", "#ai:not([hidden])"),
    "view-adapted": ("/view/adapted", "full", "#changes:not([hidden])"),
    "view-segment": ("/view/segment", "full", "#pill[data-state=live]"),
    "view-pose": ("/view/pose", "full", "#pill[data-state=live]"),
    "view-turned": ("/view/turned", "full", "#pill[data-state=live]"),
    "view-classes": ("/view/classify", "full", "#pill[data-state=live]"),
    "zones": ("/zones/north-gate", "full", "#alerts li.up"),
    "view-waiting": ("/view/never", "full", "#empty:not([hidden])"),
}
LOOKS = [("dark", "en"), ("light", "fa")]
if "FOVEA_SHOTS" in os.environ:
    LOOKS += [("light", "en"), ("dark", "fa")]

STICKS_OUT = """() => {
  const width = document.documentElement.clientWidth;
  const out = [...document.querySelectorAll('body *')].filter((e) => {
    const r = e.getBoundingClientRect();
    return e.checkVisibility() && r.width && !e.closest('.sr, svg, code') && (r.left < -1 || r.right > width + 1);
  }).map((e) => e.outerHTML.slice(0, 90));
  const cut = [...document.querySelectorAll('button, .button, .pill, dt, dd')].filter((e) => e.checkVisibility() &&
    e.scrollWidth > e.clientWidth + 1).map((e) => `cut: ${e.outerHTML.slice(0, 90)}`);
  return [...out, ...cut, ...(document.documentElement.scrollWidth > width ? ['the page scrolls sideways'] : [])];
}"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    path = Path(os.environ.get("FOVEA_SHOTS") or tmp_path_factory.mktemp("shots"))
    path.mkdir(parents=True, exist_ok=True)
    print(f"screenshots in {path}")
    return path


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("size", SIZES)
def test_screen(mock, open_page, folder, state, size):
    path, scene, ready = STATES[state]
    mock.post(f"scene/{scene}")
    width, height = SIZES[size]
    for theme, language in LOOKS:
        page = open_page(mock.url + path, viewport={"width": width, "height": height}, color_scheme=theme,
                         locale="fa-IR" if language == "fa" else "en-GB")
        page.wait_for_selector(ready, timeout=10000)
        page.wait_for_timeout(800 if state.startswith(("view", "camera-on")) else 200)
        assert page.evaluate(STICKS_OUT) == [], (theme, language)
        page.screenshot(path=folder / f"{state}-{size}-{theme}-{language}.png")
        page.close()
