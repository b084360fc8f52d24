"""Makes docs/screenshots/football*.jpg: the pages of football over a running stream of the drawn match. Needs `make build`.

    python tests/browser/make_football_screenshots.py [FOLDER]
"""
from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from conftest import BINARY, FLAGS, Server, chromium_path, wait
from make_screenshots import join
from match import FRAMES, SIZE, SOURCE, Truth, call, homography, start

DESK, PHONE = (1440, 900), (390, 844)
SHOWN = "fovea.stats().known && fovea.stats().state === 'live' && fovea.dots().length > 10 && document.querySelectorAll('#rows tr').length > 10"


def point(page, truth: Truth, count: int) -> None:
    """Clicks true points, as somebody careful would."""
    wait(page, "fovea.stats().ready && document.querySelectorAll('#landmark option').length > 30", 20)
    box = page.locator("#drawing").bounding_box()
    for name, (u, v) in truth.landmarks(page.evaluate("fovea.stats().frameId"), count).items():
        page.mouse.click(box["x"] + u * box["width"] / SIZE[0], box["y"] + v * box["height"] / SIZE[1])
        page.select_option("#landmark", name)
    wait(page, "fovea.stats().fit")
    page.mouse.move(2, 2)


def shoot(browser, url: str, to: Path, size, theme="dark", language="en", ready=SHOWN, before=lambda page: None) -> None:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=theme,
                                  locale="fa-IR" if language == "fa" else "en-GB")
    page = context.new_page()
    page.goto(url)
    before(page)
    wait(page, ready, 30)
    page.wait_for_timeout(2500 if "dots" in ready else 300)
    wait(page, ready, 30)  # a busy machine may be delayed for a moment
    for _ in range(20):  # until the page in the picture was live, too
        page.screenshot(path=to)
        if page.evaluate(f"Boolean({ready})") and page.evaluate("document.getElementById('pill')?.dataset.state ?? 'live'") == "live":
            break
        page.wait_for_timeout(300)
    context.close()


def shrink(picture: Image.Image, to: Path, width: int) -> None:
    picture = picture.convert("RGB").resize((width, round(picture.height * width / picture.width)), Image.Resampling.LANCZOS)
    picture.save(to, quality=87, optimize=True, progressive=True, subsampling=0)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        raw = Path(scratch)
        subprocess.run([str(BINARY.parent / "tests/media/write_football"), SOURCE, str(FRAMES), str(raw)], check=True)
        truth = Truth(raw)
        server = Server(raw, (), "fake:boxes=bright")
        start(server)
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        page, cal = f"{server.url}/football/match", f"{server.url}/football/match/calibrate"
        shoot(browser, page, raw / "p1.png", PHONE, "light", ready="fovea.stats().known === false && fovea.lastResult.tracks.length > 8")
        for _ in range(5):  # on a busy machine the camera cannot always be followed from the picture to now
            shoot(browser, cal, raw / "calibrate.png", DESK, ready="fovea.stats().saved || !document.getElementById('note').hidden",
                  before=lambda p: (point(p, truth, 7), p.click("#save")))
            if homography(server)["known"]:
                break
        shoot(browser, page, raw / "football.png", DESK, ready=f"{SHOWN} && fovea.lastResult.teams.sides.every((s) => s.possession > 0.1)")
        shoot(browser, page, raw / "p2.png", PHONE)
        shoot(browser, page, raw / "p3.png", PHONE, "light", "fa")
        shoot(browser, cal, raw / "p4.png", PHONE, "dark", ready="fovea.stats().fit", before=lambda p: point(p, truth, 6))
        call(server, "POST", "/api/v1/realtime/video/stop-stream", {"stream_id": "stream-1"})
        browser.close()
        server.stop()
        shrink(Image.open(raw / "football.png"), folder / "football.jpg", 1200)
        shrink(Image.open(raw / "calibrate.png"), folder / "football-calibrate.jpg", 1200)
        phones = join([Image.open(raw / f"p{i}.png") for i in (1, 4, 2, 3)])
        shrink(phones, folder / "football-phones.jpg", phones.width)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2] / "docs/screenshots")
