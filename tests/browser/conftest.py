"""Chromium for the page tests, and the mock server they run against.

Chromium comes from $CHROMIUM, Debian's chromium or google-chrome; without one the tests are skipped with the
command that installs one. It never touches the network: only addresses of this machine resolve.
"""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--use-fake-ui-for-media-stream",
         "--use-fake-device-for-media-stream", "--host-resolver-rules=MAP insecure.test 127.0.0.1 , MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
         "--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding"]


def chromium_path() -> str | None:
    names = (os.environ.get("CHROMIUM"), "chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
    return next((path for path in map(lambda n: n and shutil.which(n), names) if path), None)


@pytest.fixture(scope="session")
def playwright():
    if chromium_path() is None:
        pytest.skip("no Chromium: apt-get install chromium, or set CHROMIUM to one")
    api = pytest.importorskip("playwright.sync_api", reason="no playwright: make check installs it")
    with api.sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def launch(playwright):
    """launch(clip=None) → a browser, whose camera plays `clip` (.y4m or .mjpeg) when one is given."""
    opened = []

    def start(clip: Path | None = None):
        more = [f"--use-file-for-fake-video-capture={clip}"] if clip else []
        opened.append(playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS + more))
        return opened[-1]

    yield start
    for browser in opened:
        browser.close()


@pytest.fixture(scope="session")
def browser(launch):
    return launch()


def wait(page, script: str, timeout: float = 10):
    """Waits until the JavaScript expression is true. (The pages' policy forbids Playwright's own way, which evals.)"""
    end = time.monotonic() + timeout
    while not page.evaluate(f"Boolean((window.fovea || window.foveaCamera) && ({script}))"):
        if time.monotonic() > end:
            state = page.evaluate("JSON.stringify(window.fovea?.stats() ?? window.foveaCamera?.stats())")
            raise AssertionError(f"not within {timeout} s: {script}; the page is at {state}")
        time.sleep(0.02)


class MockServer:
    def __init__(self, url: str):
        self.url = url

    def post(self, path: str, body=None):
        request = urllib.request.Request(f"{self.url}/mock/{path}", data=json.dumps(body or {}).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


@pytest.fixture(scope="session")
def mock_server():
    script = Path(__file__).with_name("mock_server.py")
    process = subprocess.Popen([sys.executable, str(script), "--port", "0"], stdout=subprocess.PIPE, text=True)
    yield MockServer(process.stdout.readline().strip())
    process.terminate()
    process.wait(10)


@pytest.fixture
def mock(mock_server):
    """The mock server, reset for each test: rooms play from their beginning."""
    mock_server.post("reset")
    return mock_server


BINARY = Path(os.environ.get("FOVEA_BIN")
              or Path(os.environ.get("FOVEA_BUILD", Path(__file__).resolve().parents[2] / "build")) / "fovea")


class Server:
    """`fovea serve` on a free port. `url` has no slash at its end, `token` is None without access control."""

    def __init__(self, folder: Path, words: tuple[str, ...], model: str | None):
        self.log = folder / "log"
        command = [str(BINARY), "serve", "--port", "0", "--state-dir", str(folder / "state"), *words]
        command += ["--model", model] if model else []
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("REALTIME_", "STREAMING_", "MODEL_PATH", "FOVEA_FAKE"))}
        with self.log.open("w") as to:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=to, text=True, env=clean, cwd=folder)
        line = self.process.stdout.readline()
        address = line[line.index("http"):].split()[0]
        self.url, _, self.token = address.partition("?token=")
        self.url, self.token = self.url.rstrip("/"), self.token or None

    def command(self, *words: str) -> dict:
        """Runs `fovea` beside the server, on its tokens; gives what it printed."""
        done = subprocess.run([str(BINARY), *words, "--state-dir", str(self.log.parent / "state")], check=True, text=True,
                              stdout=subprocess.PIPE, timeout=30)
        return json.loads(done.stdout) if "--json" in words else {}

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture
def serve(tmp_path):
    """serve(*words, model="fake:…") → a running Server; all are stopped at the end."""
    if not BINARY.exists():
        pytest.skip(f"{BINARY} is not built: make build")
    running = []

    def start(*words: str, model: str | None = "fake:boxes=bright") -> Server:
        folder = tmp_path / f"server-{len(running)}"
        folder.mkdir()
        running.append(Server(folder, words, model))
        return running[-1]

    yield start
    for server in running:
        server.stop()


@pytest.fixture
def open_page(browser):
    """open_page(url, **context options) → a page that fails the test on an error or a CSP breach in it.

    `on`: another browser than the common one; `script`: what runs before the page's own."""
    contexts, faults = [], []

    def start(url: str, on=None, script: str = "", **options):
        context = (on or browser).new_context(**{"viewport": {"width": 1440, "height": 900}, "locale": "en-GB", **options})
        contexts.append(context)
        if script:
            context.add_init_script(script)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(f"{url}: {error}"))
        page.on("console", lambda m: faults.append(f"{url}: {m.text}")
                if m.type == "error" and ("Security Policy" in m.text or "Uncaught" in m.text) else None)
        page.goto(url)
        return page

    yield start
    for context in contexts:
        context.close()
    assert not faults, faults
