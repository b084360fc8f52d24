"""Makes docs/screenshots/: the pages over a drawn street from the mock server (its numbers are made up, too).

    python tests/browser/make_screenshots.py [FOLDER]
"""
from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from conftest import FLAGS, MockServer, chromium_path
from street import PERIOD, Street

HERE = Path(__file__).resolve().parent
DESK, PHONE = (1440, 900), (390, 844)
# name: path, scene of the start page, settings of the room, what must hold, size, theme, language, seconds before
SHOTS = {
    "view": ("/view/north-gate", "full", {"inference_ms": 18, "adapt": True}, "live", DESK, "dark", "en", 62),
    "view-persian": ("/view/hall", "full", {}, "live", DESK, "dark", "fa", 20),
    "start": ("/", "lan", {}, None, DESK, "dark", "en", 3),
    "camera": ("/camera/theatre-2?autostart=1", "full", {}, None, DESK, "light", "en", 6),
    "zones": ("/zones/north-gate", "full", {}, None, DESK, "dark", "en", 4),
    "phone-view": ("/view/hall", "full", {}, "live", PHONE, "light", "en", 12),
    "phone-delayed": ("/view/east-gate", "full", {"age_ms": 210}, "delayed", PHONE, "dark", "en", 8),
    "phone-no-signal": ("/view/dock", "full", {"stop_after": 7}, "no_signal", PHONE, "dark", "en", 10),
    "phone-ai-off": ("/view/lobby", "full", {"ai_stop_after": 5}, "live", PHONE, "dark", "fa", 8),
    "phone-camera": ("/camera/theatre-2?autostart=1", "full", {}, None, PHONE, "dark", "en", 6),
    "phone-start": ("/", "empty", {}, None, PHONE, "light", "fa", 2),
}
TOGETHER = {"phones": ["phone-view", "phone-delayed", "phone-no-signal", "phone-ai-off", "phone-camera", "phone-start"]}
CAMERA_NAME = "Object.defineProperty(InputDeviceInfo.prototype, 'label', { get: () => 'Back camera' })"


def clip(path: Path) -> Path:
    street = Street(1280, 720)
    path.write_bytes(b"".join(street.jpeg(number) for number in range(PERIOD)))
    return path


def shoot(browser, mock: MockServer, shot: tuple, to: Path) -> None:
    path, scene, settings, state, (width, height), theme, language, seconds = shot
    mock.post(f"scene/{scene}")
    if path.startswith("/view"):
        mock.post(path.split("/")[2], {"play": True, **settings})
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme,
                                  locale="fa-IR" if language == "fa" else "en-GB")
    context.add_init_script(CAMERA_NAME)
    page = context.new_page()
    page.goto(mock.url + path)
    page.wait_for_timeout(seconds * 1000)
    for _ in range(100):  # a busy machine may be delayed for a moment
        if state is None or page.evaluate("fovea.stats().state") == state:
            break
        page.wait_for_timeout(200)
    if path.startswith("/zones"):  # one is chosen, its corners show
        page.locator(".zone[data-zone='0']").click()
    page.screenshot(path=to)
    context.close()


def shrink(picture: Image.Image, to: Path) -> None:
    picture.convert("RGB").save(to, optimize=True)


def join(pictures: list[Image.Image], gap: int = 24) -> Image.Image:
    width = sum(p.width for p in pictures) + gap * (len(pictures) - 1)
    sheet = Image.new("RGB", (width, max(p.height for p in pictures)), "#8a93a0")
    x = 0
    for picture in pictures:
        sheet.paste(picture, (x, 0))
        x += picture.width + gap
    return sheet.resize((sheet.width * 5 // 8, sheet.height * 5 // 8), Image.Resampling.LANCZOS)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    server = subprocess.Popen([sys.executable, str(HERE / "mock_server.py"), "--port", "0"], stdout=subprocess.PIPE, text=True)
    mock = MockServer(server.stdout.readline().strip())
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        flags = [*FLAGS, f"--use-file-for-fake-video-capture={clip(Path(scratch) / 'street.mjpeg')}"]
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=flags)
        raw = {name: Path(scratch) / f"{name}.png" for name in SHOTS}
        for name, shot in SHOTS.items():
            shoot(browser, mock, shot, raw[name])
        browser.close()
        for name, members in TOGETHER.items():
            shrink(join([Image.open(raw[m]) for m in members]), folder / f"{name}.png")
        for name in raw.keys() - {m for members in TOGETHER.values() for m in members}:
            shrink(Image.open(raw[name]), folder / f"{name}.png")
    server.terminate()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parents[1] / "docs/screenshots")
