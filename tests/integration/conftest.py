"""A real server for each test module: `fovea serve` on a free port, with the fake model unless told otherwise.

The program is $FOVEA_BIN, else $FOVEA_BUILD/fovea, else build/fovea. Tokens and certificates go to a folder of the test.
"""
from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]
DEPS = Path(os.environ.get("FOVEA_DEPS", ROOT / ".deps"))
BIN = Path(os.environ.get("FOVEA_BIN") or Path(os.environ.get("FOVEA_BUILD", ROOT / "build")) / "fovea")
# What a developer's own shell may have set must not change what is tested.
OURS = re.compile(r"^(FOVEA_(?!BUILD|BIN|DEPS|TEST_DATA)|REALTIME_|STREAMING_|OPENVINO_|UVICORN_|CONFIDENCE_|IOU_|MODEL_PATH)")


# A sanitized program stops when OpenVINO's libraries load (they ask for RTLD_DEEPBIND): there it finds none.
SANITIZED = {"FOVEA_DEPS": tempfile.mkdtemp(prefix="fovea-no-deps-")} if os.environ.get("FOVEA_SANITIZED") else {}
# How much longer what is waited for may take: sanitized programs are that much slower. No test measures by it.
PATIENCE = 4 if SANITIZED else 1
DEFECT = re.compile(r"ERROR: \w+Sanitizer|runtime error:|WARNING: ThreadSanitizer")


def environment(**more: str) -> dict[str, str]:
    return {**{k: v for k, v in os.environ.items() if not OURS.match(k)}, **SANITIZED, **more}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, seconds: float, what: str, more=lambda: ""):
    """The first value of `condition` that counts as true; `more` is asked for what a failure has to say."""
    until = time.monotonic() + seconds * PATIENCE
    while time.monotonic() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come within {seconds * PATIENCE} s{more()}")


@dataclass
class Server:
    """A running server. `url` has no slash at its end; `token` is the admin's when access control is on."""
    process: subprocess.Popen
    url: str
    token: str | None
    state: Path
    log_path: Path
    config: Path | None = None
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self):
        self.session.trust_env = False  # no proxies, no certificates of the shell

    @property
    def ws(self) -> str:
        return self.url.replace("http", "ws", 1)

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def request(self, method: str, path: str, **more) -> requests.Response:
        more.setdefault("timeout", 20)
        more.setdefault("allow_redirects", False)
        return self.session.request(method, self.url + path, **more)

    def get(self, path: str, **more) -> requests.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more) -> requests.Response:
        return self.request("POST", path, **more)

    def bearer(self, token: str | None = None) -> dict[str, str]:
        return {"Authorization": f"Bearer {token or self.token}"}

    def make_token(self, role: str, camera: str | None = None, ttl: str | None = None) -> dict:
        """Through the command line, beside the running server; returns {"id", "token", …}."""
        words = ["token", "create", "--json", "--role", role, "--state-dir", str(self.state)]
        words += ["--camera", camera] if camera else []
        words += ["--ttl", ttl] if ttl else []
        made = json.loads(fovea(*words).stdout)
        self.wait_for(lambda: self.get("/metrics", headers=self.bearer(made["token"])).status_code not in (401, 429))
        return made

    def revoke(self, token_id: str) -> None:
        fovea("token", "revoke", token_id, "--state-dir", str(self.state))

    def wait_for(self, condition, seconds: float = 10, what: str = "the condition"):
        return wait_for(condition, seconds, what, lambda: f"; log:\n{self.log}")

    def wait_ready(self, seconds: float = 20) -> "Server":
        self.wait_for(lambda: self.get("/readyz").status_code == 200, seconds, "readiness")
        return self

    def stop(self, number: int = signal.SIGTERM, seconds: float = 20) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server did not end within {seconds} s; log:\n{self.log}")
        finally:
            self.session.close()


def fovea(*words: str, code: int | None = 0, **more) -> subprocess.CompletedProcess:
    """Runs the command line; checks the exit code unless `code` is None."""
    more.setdefault("env", environment())
    done = subprocess.run([str(BIN), *words], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, timeout=60, **more)
    assert code is None or done.returncode == code, f"exit {done.returncode}: {done.stdout}{done.stderr}"
    return done


def read_line(process: subprocess.Popen, seconds: float) -> str:
    """The first line of standard output; "" when it ended or nothing came."""
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    return process.stdout.readline() if ready else ""


@pytest.fixture(scope="module")
def start_server(tmp_path_factory):
    """start_server(*words, config=…, model=…, env=…, state=…, ready=True) → Server; all are stopped after the module."""
    if not BIN.exists():
        pytest.skip(f"{BIN} is not built: make build")
    servers: list[Server] = []

    def start(*words: str, config: str | None = None, model: str | None = "fake:", env: dict | None = None,
              state: Path | None = None, port: str = "0", ready: bool = True) -> Server:
        folder = tmp_path_factory.mktemp("server")
        state = state or folder / "state"
        command = [str(BIN), "serve", "--port", port, "--state-dir", str(state), *words]
        command += ["--model", model] if model else []
        path = None
        if config is not None:
            path = folder / "fovea.yaml"
            path.write_text(config)
            command += ["--config", str(path)]
        log = folder / "log"
        with log.open("w") as to:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=to, stdin=subprocess.DEVNULL, text=True,
                                       env=environment(**(env or {})), cwd=folder)
        found = re.search(r"(https?://\S+)", read_line(process, 30))
        if not found:
            process.kill()
            process.wait()
            raise AssertionError(f"no address was printed (exit {process.returncode}):\n{log.read_text()}")
        parts = urlsplit(found.group(1))
        token = parse_qs(parts.query).get("token", [None])[0]
        servers.append(Server(process, f"{parts.scheme}://{parts.netloc}", token, state, log, path))
        return servers[-1].wait_ready() if ready else servers[-1]

    yield start
    defects = []
    for server in servers:  # all of them, whatever the first one's end was
        code = server.process.poll()
        if code is None:
            code = server.stop()
        if code not in (0, 1, 2) or DEFECT.search(server.log):
            defects.append(f"a server ended with {code}:\n{server.log[-8000:]}")
    assert not defects, "\n".join(defects)


@pytest.fixture(scope="module")
def server(start_server) -> Server:
    """On loopback, without access control, with the fake model."""
    return start_server()


@pytest.fixture(scope="module")
def locked(start_server) -> Server:
    """The same with access control; `locked.token` is the admin's."""
    return start_server("--auth", "on")


@pytest.fixture(scope="session")
def routes() -> list[dict]:
    """The route table of the program."""
    if not BIN.exists():
        pytest.skip(f"{BIN} is not built: make build")
    return [json.loads(line) for line in fovea("serve", "--routes").stdout.splitlines()]
