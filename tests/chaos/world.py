"""What all actors share: the server, its numbers, the pictures, chance, and the counts that have to agree in the end."""
from __future__ import annotations

import io
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import requests
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))
from conftest import BIN, DEPS, environment  # noqa: E402
from realtime import PROCESS, STATS, picture, spot  # noqa: E402

# Runs cost a little, some fail, and now and then one does not come back until it is asked to.
MODEL = "fake:cost_ms=3,jitter_ms=6,boxes=bright,fail_every=211,hang_every=900"
USUAL_PACE = 5  # what this play alone makes of two processors; limits are for that, and longer on a machine that others use too
PACE_S = 60     # as long a look back
DEFECT = re.compile(r"ERROR: \w+Sanitizer|runtime error:|WARNING: ThreadSanitizer")


class Finding(Exception):
    """A promise of the server that did not hold."""


def pictures() -> list[bytes]:
    """Real ones in several sizes, and drawn ones."""
    made = [picture(320, 240), spot(100, 80), spot(300, 200, 64, 1280, 720)]
    for path in sorted((DEPS / "media").glob("*.png")):
        for width in (320, 640, 960):
            with Image.open(path) as image:
                out = io.BytesIO()
                image.convert("RGB").resize((width, width * 3 // 4)).save(out, "JPEG", quality=80)
                made.append(out.getvalue())
    return made


def size_of(jpeg: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(jpeg)) as image:
        return image.size


def merged(parts: list[dict]) -> dict:
    """One tree of settings out of several; lists are joined."""
    whole: dict = {}
    for part in parts:
        for key, value in part.items():
            if isinstance(value, dict):
                whole[key] = merged([whole.get(key, {}), value])
            else:
                whole[key] = [*whole.get(key, []), *value] if isinstance(value, list) else value
    return whole


def steady_port() -> int:
    """A port that is free and stays so while nobody listens there: no connection gets it as its own end."""
    least = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", random.randrange(10_000, max(least, 10_100))))
                return one.getsockname()[1]
            except OSError:
                continue


class World:
    def __init__(self, folder: Path, seed: int, settings: list[dict]):
        self.folder, self.seed = folder, seed
        self.random = random.Random(seed)
        self.stopping = threading.Event()
        self.pictures = [(body, *size_of(body)) for body in pictures()]
        self.lock = threading.Lock()
        self.sent: Counter[str] = Counter()       # pictures given to the server, by label of /metrics
        self.exact: set[str] = set()              # labels whose clients all counted to the end
        self.uncounted: set[str] = set()          # labels of frames that nobody here can count
        self.episodes: Counter[str] = Counter()   # what actors did, and how it ended
        self.times: dict[str, list[float]] = {}   # s that something took, by what it was
        self.findings: list[str] = []
        self.log = folder / "server.log"
        self.local = threading.local()
        self.paces: list[tuple[float, float]] = []
        self.meter = subprocess.Popen([sys.executable, str(Path(__file__).with_name("pace.py"))], stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self.follow_pace, daemon=True).start()
        try:
            self.start(merged(settings))
        except BaseException:
            self.kill()
            raise

    # --- the machine ---

    def follow_pace(self) -> None:
        for line in self.meter.stdout:
            self.paces.append((time.monotonic(), float(line)))

    def limit(self, seconds: float) -> float:
        """This many seconds where this play has the machine for itself; more where others take its processors as well. So a
        finding is about the server, not about the machine."""
        since = time.monotonic() - PACE_S
        lately = [pace for at, pace in self.paces[-4 * PACE_S:] if at > since]
        return seconds * min(10.0, max([1.0, *[pace / USUAL_PACE for pace in lately]]))

    # --- the server ---

    def start(self, settings: dict) -> None:
        config = self.folder / "fovea.yaml"
        config.write_text(json.dumps(settings))
        words = [str(BIN), "serve", "--port", "0", "--state-dir", str(self.folder / "state"), "--model", MODEL,
                 "--config", str(config)]
        with self.log.open("w") as to:
            self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=to, stdin=subprocess.DEVNULL, text=True,
                                            env=environment(), cwd=self.folder)
        line = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        if not found:
            raise Finding(f"no address was printed: {line!r} {self.log.read_text()}")
        self.port = int(found.group(1))
        self.url, self.ws = f"http://127.0.0.1:{self.port}", f"ws://127.0.0.1:{self.port}"
        self.wait(lambda: self.get("/readyz").status_code == 200, 60, "readiness")

    @property
    def session(self) -> requests.Session:
        if not hasattr(self.local, "session"):
            self.local.session = requests.Session()
            self.local.session.trust_env = False
        return self.local.session

    def get(self, path: str, **more) -> requests.Response:
        return self.session.get(self.url + path, **{"timeout": self.limit(30), **more})

    def post(self, path: str, **more) -> requests.Response:
        return self.session.post(self.url + path, **{"timeout": self.limit(30), **more})

    def stats(self, stream: str | None = None) -> dict:
        answer = self.get(STATS, params={"stream_id": stream} if stream else {})
        if answer.status_code != 200:
            raise Finding(f"stats of {stream or 'all'}: {answer.status_code} {answer.text[:200]}")
        return answer.json()

    def wait(self, condition, seconds: float, what: str) -> None:
        began = time.monotonic()
        while not condition():
            if time.monotonic() - began > self.limit(seconds):
                raise Finding(f"{what} did not come within {self.limit(seconds):.0f} s")
            if self.process.poll() is not None:
                raise Finding(f"the server ended with {self.process.returncode} while {what} was waited for")
            time.sleep(0.1)

    def kill(self) -> None:
        self.meter.kill()
        self.meter.wait()
        if hasattr(self, "process") and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop_server(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(self.limit(20))
        except subprocess.TimeoutExpired:
            self.kill()
            raise Finding("the server did not end in time after SIGTERM") from None

    def works(self) -> None:
        """A new picture gets its result, whatever happened before; some runs fail, which the model says."""
        def answered() -> bool:
            self.count("post")
            answer = self.post(PROCESS, data=self.pictures[0][0], headers={"Content-Type": "image/jpeg"})
            if answer.status_code == 503:
                self.count("post", -1)  # refused, not taken
            return answer.status_code == 200
        self.wait(answered, 20, "a result for a new picture")

    # --- its size ---

    def size(self) -> dict[str, int]:
        """Resident bytes, descriptors and threads, as the kernel counts them."""
        at = Path(f"/proc/{self.process.pid}")
        return {"memory": int((at / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"),
                "descriptors": len(os.listdir(at / "fd")), "threads": len(os.listdir(at / "task"))}

    def frames_by_label(self) -> dict[str, Counter]:
        """fovea_frames_total of /metrics: label → outcome → frames."""
        found: dict[str, Counter] = {}
        pattern = r'^fovea_frames_total\{stream="([^"]*)",outcome="([^"]*)"\} (\d+)$'
        for label, outcome, number in re.findall(pattern, self.get("/metrics").text, re.M):
            found.setdefault(label, Counter())[outcome] += int(number)
        return found

    # --- what actors tell ---

    def count(self, label: str, number: int = 1) -> None:
        with self.lock:
            self.sent[label] += number

    def note(self, what: str) -> None:
        with self.lock:
            self.episodes[what] += 1

    def took(self, what: str, seconds: float) -> None:
        with self.lock:
            self.times.setdefault(what, []).append(seconds)

    def find(self, what: str) -> None:
        with self.lock:
            self.findings.append(what)
        print(f"  finding: {what}", flush=True)

    def pause(self, seconds: float) -> None:
        self.stopping.wait(seconds)

    def connection(self) -> socket.socket:
        """A raw connection. From several addresses, or the bound for one of them would end the play."""
        source = f"127.0.{self.random.randrange(1, 8)}.{self.random.randrange(1, 200)}"
        return socket.create_connection(("127.0.0.1", self.port), 10, (source, 0))


def check_sums(stats: dict, what: str) -> int:
    """in = delivered + dropped by reason + failed + waiting; returns in."""
    parts = stats["delivered"] + stats["failed"] + stats["waiting"] + sum(stats["dropped"].values())
    if stats["total_frames"] != parts:
        raise Finding(f"{what}: {stats['total_frames']} frames in, {parts} accounted for: {json.dumps(stats)[:400]}")
    return stats["total_frames"]
