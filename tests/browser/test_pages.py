"""The pages against the mock server: each state, each control, each way things go wrong."""
from __future__ import annotations

import time

import pytest

from clips import coded_clip
from conftest import wait


def pill(page) -> str:
    return page.inner_text("#pill").split("\n")[0].strip()


def test_live(mock, open_page):
    page = open_page(f"{mock.url}/view/live")
    wait(page, "fovea.stats().painted > 60")
    stats = page.evaluate("fovea.stats()")
    assert stats["state"] == "live" and stats["aiOff"] is None
    assert pill(page).startswith("LIVE")
    assert 25 < stats["p50"] < 150  # 21 ms of camera are told by the mock server, 15 ms is its model
    painted = page.evaluate("fovea.history()")
    assert all(f["boxesOf"] == f["frameNumber"] for f in painted if f["boxes"])
    assert sum(1 for f in painted if f["boxes"]) > 40
    assert mock.post("live")["feedback"]["fps"] > 10


def test_delayed(mock, open_page):
    page = open_page(f"{mock.url}/view/delayed")
    wait(page, "document.getElementById('pill').dataset.state === 'delayed'")
    time.sleep(0.5)
    assert pill(page).startswith("DELAYED")
    mock.post("delayed", {"age_ms": 0})
    wait(page, "document.getElementById('pill').dataset.state === 'live'", 3)


def test_no_signal_and_back(mock, open_page):
    page = open_page(f"{mock.url}/view/live")
    wait(page, "fovea.stats().painted > 20")
    mock.post("live", {"pictures": False})
    begun = time.monotonic()
    wait(page, "document.getElementById('pill').dataset.state === 'delayed'", 1)
    wait(page, "document.getElementById('pill').dataset.state === 'no_signal'", 2)
    assert 0.8 < time.monotonic() - begun < 1.6
    assert "grayscale" in page.evaluate("getComputedStyle(document.getElementById('canvas')).filter")
    wait(page, "document.getElementById('pill-number').textContent.trim() === '2 s'", 3)
    assert page.is_hidden("#ai")
    assert page.inner_text("#spoken") == "No signal."
    mock.post("live", {"pictures": True})
    wait(page, "document.getElementById('pill').dataset.state === 'live'", 3)


def test_ai_off_and_back(mock, open_page):
    page = open_page(f"{mock.url}/view/live")
    wait(page, "fovea.stats().painted > 30")
    mock.post("live", {"ai_stop_after": 0})
    wait(page, "!document.getElementById('ai').hidden", 2)
    number = page.evaluate("fovea.stats().painted")
    wait(page, f"fovea.stats().painted > {number + 20}", 3)  # pictures go on
    last = page.evaluate("fovea.lastFrame")
    assert last["boxes"] == [] and not last["analysed"]
    assert page.inner_text("#pill-word") == "LIVE"
    mock.post("live", {"ai_stop_after": 1e9})
    wait(page, "document.getElementById('ai').hidden && fovea.lastFrame.boxes.length > 0", 3)


@pytest.mark.parametrize("room", ("slowai", "damaged"))
def test_boxes_only_on_their_own_picture(mock, open_page, room):
    page = open_page(f"{mock.url}/view/{room}")
    wait(page, "fovea.stats().painted > 25", 20)
    painted = page.evaluate("fovea.history()")
    assert all(f["boxesOf"] == f["frameNumber"] for f in painted if f["boxes"])
    assert any(f["boxes"] for f in painted)
    numbers = [f["frameNumber"] for f in painted]
    assert numbers == sorted(set(numbers))
    if room == "damaged":
        assert all(n % 3 for n in numbers)


def test_live_sync_paints_before_the_detections(mock, open_page):
    page = open_page(f"{mock.url}/view/live?sync=live")
    wait(page, "fovea.stats().painted > 60")
    stats = page.evaluate("fovea.stats()")
    assert stats["held"] <= 1 and stats["patience"] == 0
    assert all(f["boxesOf"] == f["frameNumber"] for f in page.evaluate("fovea.history()") if f["boxes"])


def test_the_server_draws_on_request(mock, open_page):
    page = open_page(f"{mock.url}/view/live")
    page.check("input[value=server]")
    wait(page, "fovea.stats().painted > 30")
    page.evaluate("window.before = fovea.stats().painted")
    wait(page, "fovea.stats().painted > window.before + 30")
    assert page.evaluate("fovea.lastFrame.boxes") == []  # they are in the picture already


# The mean difference of the canvas, within what the task draws into, to the same picture with nothing drawn.
DIFFERENCE = """() => {
  const canvas = document.getElementById('canvas'), context = canvas.getContext('2d', { alpha: false });
  const read = () => context.getImageData(0, 0, canvas.width, canvas.height).data;
  const with_ = read();
  document.getElementById('boxes').click();
  const without = read();
  document.getElementById('boxes').click();
  let changed = 0;
  for (let i = 0; i < with_.length; i += 4)
    changed += Math.abs(with_[i] - without[i]) + Math.abs(with_[i + 1] - without[i + 1]) > 12;
  return changed / (with_.length / 4);
}"""


@pytest.mark.parametrize("room, least, most", [("segment", .02, .2), ("pose", .004, .06), ("turned", .005, .06), ("classify", .004, .06)])
def test_other_tasks_are_drawn(mock, open_page, room, least, most):
    page = open_page(f"{mock.url}/view/{room}")
    wait(page, "fovea.stats().painted > 20")
    mock.post(room, {"pictures": False})
    page.wait_for_timeout(300)
    share = page.evaluate(DIFFERENCE)
    assert least < share < most  # masks tint, the others are lines and words; nothing hides the picture


def test_clock_of_the_viewer_may_be_wrong(mock, open_page):
    """The server's clock is 5 s ahead of the page's; the camera's stamps come with its own offset of 0."""
    mock.post("live", {"offset_ms": 5000.0, "age_ms": -5000})
    page = open_page(f"{mock.url}/view/live")
    wait(page, "fovea.stats().painted > 40")
    stats = page.evaluate("fovea.stats()")
    assert abs(stats["offset"] - 5000) < 50
    assert 0 < stats["lastSecond"]["p50"] < 200


def test_adaptation_is_told_in_sentences(mock, open_page):
    page = open_page(f"{mock.url}/view/adapted")
    page.wait_for_selector("#log li:nth-child(6)")
    told = [line.split("\n")[-1] for line in page.locator("#log li").all_inner_texts()]
    assert "fps 24 → 27: headroom, answers within 88 ms" in told[0]
    assert "fps 30 → 24: inference 41 ms of 33 ms" in told[1]
    assert "confidence 0.25 → 0.35: a reason that this page does not know" in told[2]
    assert "quality 0.85 → 0.80: 50 % of the viewers cannot keep up" in told[3]
    assert "size 640 → 480: each frame is 61 ms of work, frames were lost" in told[4]
    assert "fps 30 → 15: each frame is 20 ms of work, frames were lost" in told[5]
    assert "fps 24 → 27: headroom, answers within 88 ms" in page.inner_text("#turned"), "the newest stands with the numbers"
    page.wait_for_selector("#drops dt")
    assert "superseded" in page.inner_text("#drops")


def test_a_lost_connection_comes_back(mock, open_page):
    page = open_page(f"{mock.url}/view/live")
    wait(page, "fovea.stats().painted > 20")
    mock.post("live", {"close_sockets": True})
    page.wait_for_selector("#note:not([hidden])")
    assert "connecting again" in page.inner_text("#note").lower()
    number = page.evaluate("fovea.stats().painted")
    wait(page, f"document.getElementById('note').hidden && fovea.stats().painted > {number + 20}", 6)


def test_keys_and_controls(mock, open_page):
    page = open_page(f"{mock.url}/view/live")
    wait(page, "fovea.stats().painted > 10")
    page.keyboard.press("b")
    assert page.get_attribute("#boxes", "aria-pressed") == "false"
    wait(page, "fovea.lastFrame.boxes.length === 0")
    page.keyboard.press("b")
    page.keyboard.press("p")
    assert page.is_hidden(".side") and page.is_visible("#leave")
    page.keyboard.press("Escape")
    assert page.is_visible(".side")
    page.keyboard.press("?")
    assert page.is_visible("#help")
    page.keyboard.press("Escape")
    page.keyboard.press("f")
    wait(page, "document.fullscreenElement?.id === 'stage'")


def test_every_control_has_a_name_and_can_be_reached(mock, open_page):
    for path in ("/", "/camera/c1", "/view/live"):
        page = open_page(mock.url + path)
        time.sleep(0.5)
        nameless = page.evaluate("""() => [...document.querySelectorAll('button, a[href], input, select')].filter((e) =>
            e.offsetParent && !e.textContent.trim() && !e.getAttribute('aria-label') && !e.labels?.length).map((e) => e.outerHTML)""")
        assert nameless == []
        seen = set()
        for _ in range(30):
            page.keyboard.press("Tab")
            seen.add(page.evaluate("document.activeElement.id || document.activeElement.name || document.activeElement.className"))
        assert {"theme", "language"} <= seen
        if path.startswith("/view"):
            assert {"boxes", "labels", "sync", "render", "full", "only", "ask"} <= seen


def test_live_regions_speak_changes_only(mock, open_page):
    page = open_page(f"{mock.url}/view/live")
    page.evaluate("""() => { window.spoken = []; new MutationObserver(() =>
        window.spoken.push(document.getElementById('spoken').textContent)).observe(
        document.getElementById('spoken'), { childList: true, characterData: true, subtree: true }); }""")
    wait(page, "fovea.stats().painted > 90")
    spoken = page.evaluate("window.spoken")  # a busy machine may be delayed for a moment
    assert len(spoken) <= 10 and not any(char.isdigit() for line in spoken for char in line)
    assert all(a != b for a, b in zip(spoken, spoken[1:]))


def test_language_and_theme_switch_in_place_and_stay(mock, open_page):
    page = open_page(f"{mock.url}/view/live")
    wait(page, "fovea.stats().painted > 10")
    page.click("#language")
    wait(page, "document.documentElement.dir === 'rtl'")
    time.sleep(1.2)
    assert any(digit in page.inner_text("#pill-number") for digit in "۰۱۲۳۴۵۶۷۸۹")
    page.click("#theme")
    theme = page.get_attribute("html", "data-theme")
    page.reload()
    assert page.get_attribute("html", "data-theme") == theme and page.get_attribute("html", "lang") == "fa"


def test_reduced_motion(mock, open_page):
    for path in ("/", "/view/live", "/camera/c1"):
        page = open_page(mock.url + path, reduced_motion="reduce")
        time.sleep(0.5)
        assert page.evaluate("document.getAnimations().length") == 0


# --- camera page ---------------------------------------------------------------------------------------------------

def test_camera_to_viewer(mock, open_page):
    camera = open_page(f"{mock.url}/camera/c1?autostart=1")
    view = open_page(f"{mock.url}/view/c1")
    wait(view, "fovea.stats().painted > 30", 20)
    stats = camera.evaluate("foveaCamera.stats()")
    assert stats["way"] == "worker" and stats["state"] == "live"
    assert stats["width"] == 1280 and stats["sent"] <= stats["credits"]
    assert 0 < view.evaluate("fovea.stats().p50") < 400
    camera.click("#go")
    wait(view, "document.getElementById('pill').dataset.state === 'no_signal'", 4)
    assert camera.inner_text("#go") == "Start"


def test_camera_obeys_control(mock, open_page):
    mock.post("c2", {"fps": 10, "credits": 2})
    camera = open_page(f"{mock.url}/camera/c2?autostart=1")
    wait(camera, "foveaCamera.stats().sent > 15", 20)
    stats = camera.evaluate("foveaCamera.stats()")
    assert 7 <= stats["fps"] <= 11 and stats["drops"]["rate"] > 0
    mock.post("c2", {"credits": -10_000_000})  # the server stops giving credit
    time.sleep(1)
    first = camera.evaluate("foveaCamera.stats()")
    time.sleep(1)
    second = camera.evaluate("foveaCamera.stats()")
    assert second["sent"] == first["sent"] and second["drops"]["credit"] > first["drops"]["credit"]


@pytest.mark.parametrize("way, script", [
    ("bitmap", "delete self.MediaStreamTrackProcessor"),
    ("page", "delete self.MediaStreamTrackProcessor; delete self.OffscreenCanvas"),
])
def test_camera_in_lesser_browsers(mock, browser, way, script):
    context = browser.new_context()
    context.add_init_script(script)
    page = context.new_page()
    page.goto(f"{mock.url}/camera/c3?autostart=1")
    wait(page, "foveaCamera.stats().sent > 10", 20)
    assert page.evaluate("foveaCamera.stats().way") == way
    context.close()


def test_camera_by_post_when_sockets_are_refused(mock, open_page):
    mock.post("c4", {"refuse_sockets": True})
    camera = open_page(f"{mock.url}/camera/c4?autostart=1")
    view = open_page(f"{mock.url}/view/c4")
    wait(view, "fovea.stats().painted > 10", 20)
    assert camera.evaluate("foveaCamera.stats().post") is True
    assert "one by one" in camera.inner_text("#note")


@pytest.mark.parametrize("error, sentence", [("NotAllowedError", "address bar"), ("NotFoundError", "Plug one in"),
                                             ("NotReadableError", "Another program")])
def test_camera_refused_says_what_to_do(mock, browser, error, sentence):
    context = browser.new_context(locale="en-GB")
    context.add_init_script(f"navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', '{error}'))")
    page = context.new_page()
    page.goto(f"{mock.url}/camera/c5")
    page.click("#go")
    page.wait_for_selector("#note:not([hidden])")
    assert sentence in page.inner_text("#note")
    assert page.inner_text("#go") == "Start" and page.is_enabled("#go")
    context.close()


def test_insecure_page_says_why_there_is_no_camera(mock, open_page):
    page = open_page(mock.url.replace("127.0.0.1", "insecure.test") + "/camera/c6")
    assert "https://insecure.test" in page.inner_text("#note")
    assert page.is_disabled("#go")


def test_the_barcode_of_the_clip_is_on_the_viewers_canvas(mock, launch, tmp_path):
    """Camera, relay, viewer: the box the stand-in model computed from a picture's number lies on that picture."""
    from barcode import READ_IN_PAGE
    browser = launch(coded_clip(tmp_path / "clip.y4m", frames=64, fps=10))
    context = browser.new_context()
    mock.post("coded", {"fps": 10})
    camera, view = context.new_page(), context.new_page()
    camera.goto(f"{mock.url}/camera/coded?autostart=1")
    view.goto(f"{mock.url}/view/coded")
    view.bring_to_front()
    wait(view, "window.fovea?.lastFrame?.boxes.length > 0", 20)
    seen = read_canvas(view, READ_IN_PAGE, 40)
    assert len(seen) >= 40
    unread = [s for s in seen if s[0] is None]
    assert len(unread) <= len(seen) // 20
    assert [s for s in seen if s[0] is not None and s[1] != s[0] % 256] == []
    context.close()


def read_canvas(view, reader: str, count: int) -> list[list]:
    """[number in the picture on the canvas, left edge of its first box] of `count` painted pictures."""
    return view.evaluate("""(count) => new Promise((done) => {
        const read = READER; const seen = []; let last = -1;
        const look = () => {
          const f = fovea.lastFrame;
          if (f && f.frameNumber !== last && f.boxes.length) { last = f.frameNumber; seen.push([read(f.width), f.boxes[0][0]]); }
          if (seen.length >= count) done(seen); else requestAnimationFrame(look);
        };
        look();
      })""".replace("READER", reader), count)


# --- start page ----------------------------------------------------------------------------------------------------

def test_start_page_shows_cameras(mock, open_page):
    page = open_page(mock.url)
    page.wait_for_selector(".card")
    names = page.locator(".card .name").all_inner_texts()
    assert names == ["demo", "theatre-2", "north-gate", "loading-dock", "phone-1"]
    assert "LIVE" in page.locator(".card").nth(1).inner_text() and "71 ms" in page.locator(".card").nth(1).inner_text()
    assert page.get_attribute("#use", "href") == "/camera/camera-1"
    assert "CPU · OpenVINO 2026.4.1 · SSD MobileNetV2 FP16" in page.inner_text("#footer")
    assert page.is_hidden("#nothing") and page.is_hidden("#qr")
    assert page.inner_text("#phone-code") == "fovea serve --lan"


def test_start_page_asks_once_each_two_seconds(mock, open_page):
    page = open_page(mock.url)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(5000)
    assert 2 <= sum(url.endswith("/api/cameras") for url in asked) <= 3
    assert not any("mjpeg" in url for url in asked)


def test_start_page_without_cameras_says_what_to_do(mock, open_page):
    mock.post("scene/empty")
    page = open_page(mock.url)
    page.wait_for_selector("#nothing:not([hidden])")
    assert "press the button above" in page.inner_text("#nothing")


def test_start_page_shows_a_code_for_the_phone(mock, open_page):
    mock.post("scene/lan")
    page = open_page(mock.url)
    page.wait_for_selector("#qr:not([hidden])")
    assert page.inner_text("#phone-code") == "https://192.168.1.7:8440/camera/phone-2"


def test_start_page_without_a_token(mock, open_page):
    mock.post("scene/token")
    page = open_page(mock.url)
    page.wait_for_selector("#note:not([hidden])")
    assert "needs a token" in page.inner_text("#note")


def test_add_a_camera(mock, open_page):
    page = open_page(mock.url)
    page.wait_for_selector(".card")
    page.click("#add-button")
    page.fill("#add-url", "rtsp://10.0.0.9/x")
    page.click("#add-test")
    page.wait_for_selector("#add-error:not([hidden])")
    assert "sources.allow" in page.inner_text("#add-error")
    page.fill("#add-url", "pattern:")
    page.click("#add-test")
    page.wait_for_selector("#add-picture:not([hidden])")
    assert page.get_attribute("#add-open", "href") == "/view/hall-1"


def test_api_page_without_swagger(mock, open_page):
    page = open_page(f"{mock.url}/docs")
    page.wait_for_selector("#missing:not([hidden])")
