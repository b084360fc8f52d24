"""`fovea models pull` against a server of this file that serves well and badly, and a registry that points to it."""
import hashlib
import json
import os
import pty
import resource
import shutil
import signal
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import BIN, ROOT, SANITIZED, environment

DATA = Path(os.environ.get("FOVEA_TEST_DATA", ROOT.parent / "shared/data"))
BYTES = bytes(i * 7 % 251 for i in range(300_000))
SUM = hashlib.sha256(BYTES).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """The path says how: /good, /wrong, /short, /norange, /slow, /long, /404, /500, /416, /to/N/…, /file, /other,
    /signed/N, /colour."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, code, body=b"", length=None, **headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path, asked = self.path, self.headers.get("Range")
        self.server.seen.append((path, asked))
        start = int(asked[6:-1]) if asked else 0
        try:
            self.serve(path.strip("/").split("/"), start)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def serve(self, words, start):
        kind, port = words[0], self.server.server_port
        body = self.server.files.get(kind.split("?")[0], BYTES)
        if kind == "404" or kind == "500":
            self.answer(int(kind), b"sorry")
        elif kind == "to":  # /to/3/good: three times on
            left = int(words[1])
            self.answer(302, b"elsewhere", Location=f"/to/{left - 1}/{words[2]}" if left > 1 else f"/{words[2]}")
        elif kind == "loop":
            self.answer(301, Location="/loop")
        elif kind == "file":
            self.answer(302, Location="file:///etc/passwd")
        elif kind == "other":
            self.answer(302, Location=f"http://example.invalid:{port}/good")
        elif kind == "signed":  # what stores of large files send: a long signature
            self.answer(302, Location="/good?" + "s" * int(words[1]))
        elif kind == "colour":
            self.answer(302, Location="ftp://x/\x1b[31mred\x7f")
        elif kind == "plain":  # from TLS to none
            self.answer(302, Location=f"http://127.0.0.1:{port}/good")
        elif kind == "nowhere":
            self.answer(302)
        elif kind == "wrong":
            self.answer(200, b"x" + body[1:])
        elif kind == "long":
            self.answer(200, body + b"more")
        elif kind == "short" and not start:
            self.answer(200, body[:100_000], length=len(body))
            self.close_connection = True
            self.wfile.flush()
            self.connection.close()
        elif kind == "less":  # says it is all
            self.answer(200, body[:100_000])
        elif kind == "norange":
            self.answer(200, body)
        elif kind == "416" and start:
            self.answer(416)
        elif kind == "slow":
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            for i in range(0, len(body), 30_000):
                self.wfile.write(body[i:i + 30_000])
                time.sleep(0.15)
        else:
            part = body[start:]
            self.answer(206 if start else 200, part,
                        **({"Content_Range": f"bytes {start}-{len(body) - 1}/{len(body)}"} if start else {}))


@pytest.fixture(scope="module")
def web():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen, server.files = [], {}
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


@pytest.fixture(scope="module")
def safe(tmp_path_factory):
    """The same over TLS, with a certificate of its own."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not here: apt-get install openssl")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(folder / "key.pem"),
                    "-out", str(folder / "cert.pem")], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.seen, server.files, server.certificate, server.daemon_threads = [], {}, folder / "cert.pem", True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def entry(web, path, name="boats", file="boats.onnx", body=BYTES, **more):
    return {"name": name, "title": "Boats", "origin": "https://boats.example", "licence": "MIT",
            "licence_url": "https://boats.example/licence",
            "downloads": [{"file": file, "url": f"http://127.0.0.1:{web.server_port}/{path}", "bytes": len(body),
                           "sha256": hashlib.sha256(body).hexdigest()}], **more}


class Place:
    """A home with a registry of its own."""

    def __init__(self, folder, web):
        self.folder, self.web = folder, web
        self.models = folder / "data/fovea/models"
        self.file, self.part = self.models / "boats.onnx", self.models / "boats.onnx.part"

    def registry(self, *entries):
        (self.folder / "reg.json").write_text(json.dumps({"version": 1, "models": entries}))

    def env(self, **more):
        return environment(XDG_DATA_HOME=str(self.folder / "data"), HOME=str(self.folder),
                           FOVEA_REGISTRY=str(self.folder / "reg.json"), https_proxy="", http_proxy="", **more)

    def fovea(self, *words, code=0, env=None, **more):
        self.web.seen.clear()
        done = subprocess.run([str(BIN), *words], env=env or self.env(), text=True, capture_output=True, timeout=60,
                              cwd=self.folder, stdin=subprocess.DEVNULL, **more)
        assert done.returncode == code, f"exit {done.returncode}: {done.stdout}{done.stderr}"
        return done

    def pull(self, path, *words, code=0, **more):
        self.registry(entry(self.web, path))
        return self.fovea("models", "pull", "boats", *words, code=code, **more)


@pytest.fixture
def place(tmp_path, web):
    if not BIN.exists():
        pytest.skip(f"{BIN} is not built: make build")
    return Place(tmp_path, web)


def test_a_model_is_fetched_with_its_licence_shown(place):
    done = place.pull("good")
    assert place.file.read_bytes() == BYTES and not place.part.exists()
    for word in ("Boats", "https://boats.example", "MIT (https://boats.example/licence)", "0.3 MB", str(place.file),
                 "--model boats"):
        assert word in done.stdout
    assert "fetching boats.onnx (0.3 MB)" in done.stderr and "\r" not in done.stderr
    again = place.pull("good")
    assert "already" in again.stdout and place.web.seen == []


def test_json_is_one_object(place):
    done = place.pull("good", "--json")
    [line] = done.stdout.splitlines()
    said = json.loads(line)
    assert (said["name"], said["licence"]) == ("boats", "MIT")
    assert said["files"] == [{"path": str(place.file), "sha256": SUM, "bytes": len(BYTES), "resumed_at": 0, "fetched": True}]
    assert "MIT" in done.stderr  # shown all the same
    assert json.loads(place.pull("good", "--json").stdout)["files"][0]["fetched"] is False


def test_a_broken_download_goes_on_where_it_ended(place):
    done = place.pull("short", code=3)
    assert "the same command goes on" in done.stderr and "0.1 of 0.3 MB" in done.stderr
    assert place.part.read_bytes() == BYTES[:100_000] and not place.file.exists()
    done = place.pull("short", "--json")
    assert place.web.seen == [("/short", "bytes=100000-")]
    assert place.file.read_bytes() == BYTES and json.loads(done.stdout)["files"][0]["resumed_at"] == 100_000


def test_a_server_without_ranges_begins_anew(place):
    for path in ("norange", "416"):
        place.models.mkdir(parents=True, exist_ok=True)
        place.part.write_bytes(BYTES[:50_000])
        assert json.loads(place.pull(path, "--json").stdout)["files"][0]["resumed_at"] == 0
        assert place.file.read_bytes() == BYTES
        place.file.unlink()


def test_a_part_that_is_too_long_or_whole(place):
    place.models.mkdir(parents=True)
    place.part.write_bytes(BYTES + b"more")
    place.pull("good")
    assert place.file.read_bytes() == BYTES and place.web.seen == [("/good", None)]
    place.file.rename(place.part)
    place.pull("404")  # nothing is missing: the network is not asked
    assert place.file.read_bytes() == BYTES and place.web.seen == []


def test_other_bytes_are_deleted(place):
    done = place.pull("wrong", code=3)
    assert "another SHA-256" in done.stderr and "deleted" in done.stderr
    assert not place.file.exists() and not place.part.exists()
    place.part.write_bytes(b"x" * 100)  # a part of something else
    assert "deleted" in place.pull("good", code=3).stderr
    assert not place.part.exists()


def test_too_many_and_too_few_bytes(place):
    assert "more bytes than the registry says" in place.pull("long", code=3).stderr
    assert not place.file.exists()
    place.part.unlink(missing_ok=True)
    assert "0.1 of 0.3 MB" in place.pull("less", code=3).stderr
    assert not place.file.exists()


@pytest.mark.parametrize("path, code, words", [
    ("404", 3, ["no longer at", "404"]), ("500", 3, ["answers 500", "later"]),
    ("loop", 3, ["on more than 5 times"]), ("to/6/good", 3, ["on more than 5 times"]),
    ("file", 1, ["not followed", "file:///etc/passwd"]), ("other", 1, ["not followed", "example.invalid"]),
    ("nowhere", 1, ["not followed"]), ("signed/4096", 1, ["not followed"])])
def test_what_a_server_may_not_do(place, path, code, words):
    done = place.pull(path, code=code)
    for word in words:
        assert word in done.stderr
    assert not place.file.exists() and not place.part.exists()


@pytest.mark.parametrize("path", ["to/5/good", "signed/2000"])
def test_a_few_redirects_are_followed(place, path):
    place.pull(path)
    assert place.file.read_bytes() == BYTES


def test_a_redirect_colours_no_terminal(place):
    error = place.pull("colour", code=1).stderr
    assert "not followed: ftp://x/ [31mred " in error and "\x1b" not in error and "\x7f" not in error


def test_over_tls(place, safe):
    def pull(path, code, **env):
        one = entry(safe, path)
        one["downloads"][0]["url"] = f"https://127.0.0.1:{safe.server_port}/{path}"
        place.registry(one)
        return place.fovea("models", "pull", "boats", code=code, env=place.env(**env)).stderr
    assert "certificate is not trusted" in pull("good", 3) and not place.file.exists()
    assert "not followed" in pull("plain", 1, SSL_CERT_FILE=str(safe.certificate))
    pull("to/2/good", 0, SSL_CERT_FILE=str(safe.certificate))
    assert place.file.read_bytes() == BYTES


def test_no_network(place):
    place.registry(entry(place.web, "good", downloads=[{"file": "a.onnx", "url": "https://models.invalid/a.onnx",
                                                        "bytes": 3, "sha256": SUM}]))
    done = place.fovea("models", "pull", "boats", code=3)
    assert "no connection" in done.stderr and "check the network" in done.stderr
    place.registry(entry(place.web, "good", downloads=[{"file": "a.onnx", "url": "http://127.0.0.1:1/a.onnx",
                                                        "bytes": 3, "sha256": SUM}]))
    assert "no connection" in place.fovea("models", "pull", "boats", code=3).stderr
    assert list(place.models.iterdir()) == []


def test_without_libcurl(place):
    """A loader that meets something else under that name, as on a machine where it is damaged or missing."""
    (place.folder / "lib").mkdir()
    for name in ("libcurl.so.4", "libcurl-gnutls.so.4"):
        (place.folder / "lib" / name).write_text("")
    done = place.pull("good", code=3, env=place.env(LD_LIBRARY_PATH=str(place.folder / "lib")))
    assert "libcurl 7.68 or newer is not here" in done.stderr and "apt install libcurl4" in done.stderr
    assert place.web.seen == [] and not place.file.exists()


def test_offline_means_offline(place):
    done = place.pull("good", code=1, env=place.env(FOVEA_OFFLINE="1"))
    assert "FOVEA_OFFLINE" in done.stderr and str(place.models) in done.stderr
    assert place.web.seen == [] and not place.models.exists()


def test_the_proxy_is_not_asked_for_this_machine(place):
    place.pull("good", env={**place.env(), "http_proxy": "http://127.0.0.1:1", "all_proxy": "http://127.0.0.1:1"})
    assert place.file.read_bytes() == BYTES


@pytest.mark.parametrize("licence", ["AGPL-3.0", None])
def test_a_licence_that_asks_for_more_is_asked_about(place, licence):
    one = entry(place.web, "good", licence=licence)
    if licence is None:
        del one["licence"]
    place.registry(one)
    name = licence or "unknown"
    done = place.fovea("models", "pull", "boats", code=1)
    assert f"--accept-licence '{name}'" in done.stderr and name in done.stdout
    place.fovea("models", "pull", "boats", "--accept-licence", "MIT", code=1)
    assert place.web.seen == [] and not place.models.exists()
    assert f"{name} !" in place.fovea("models", "list").stdout
    place.fovea("models", "pull", "boats", "--accept-licence", name)
    assert place.file.read_bytes() == BYTES


def test_another_file_of_that_name_is_left_alone(place):
    place.models.mkdir(parents=True)
    place.file.write_text("mine")
    assert "another file" in place.pull("good", code=1).stderr
    assert place.file.read_text() == "mine"
    place.file.unlink()
    (place.folder / "elsewhere").write_text("mine")
    place.part.symlink_to(place.folder / "elsewhere")
    place.pull("good", code=1)
    assert (place.folder / "elsewhere").read_text() == "mine"


def test_a_full_disk_is_named(place):
    def small():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
    done = place.pull("good", code=1, preexec_fn=small)
    assert "no room" in done.stderr and "FOVEA_MODELS_DIR" in done.stderr
    place.pull("good")  # with room again it goes on
    assert place.file.read_bytes() == BYTES


def test_a_folder_that_cannot_be_made(place):
    (place.folder / "data").write_text("")
    done = place.pull("good", code=1)
    assert "FOVEA_MODELS_DIR" in done.stderr


def test_two_at_once(place):
    place.registry(entry(place.web, "slow"))
    first = subprocess.Popen([str(BIN), "models", "pull", "boats"], env=place.env(), stdout=subprocess.DEVNULL)
    for _ in range(200):
        if place.part.exists() and place.part.stat().st_size:
            break
        time.sleep(0.02)
    assert "another fovea" in place.fovea("models", "pull", "boats", code=1).stderr
    assert first.wait(30) == 0 and place.file.read_bytes() == BYTES


def test_a_terminal_sees_a_bar(place):
    place.registry(entry(place.web, "slow"))
    ours, theirs = pty.openpty()
    process = subprocess.Popen([str(BIN), "models", "pull", "boats"], env=place.env(), stdout=subprocess.DEVNULL,
                               stderr=theirs, stdin=subprocess.DEVNULL)
    os.close(theirs)
    text = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:
            break
        text += piece
        if not piece:
            break
    assert process.wait(30) == 0
    assert b"100 %" in text and b"MB/s" in text and b"s left" in text and text.count(b"\r") > 3


def test_names_that_are_not_there(place):
    place.registry(entry(place.web, "good"))
    assert "did you mean boats?" in place.fovea("models", "pull", "boat", code=3).stderr
    assert "models list" in place.fovea("models", "pull", "xyzzyx", code=3).stderr
    assert "models pull boats" in place.fovea("models", "inspect", "boats", code=3).stderr
    place.fovea("models", "pull", code=2)


def test_a_broken_registry_names_the_entry(place):
    place.registry(entry(place.web, "good", licens="MIT"))
    for words in (("list",), ("pull", "boats")):
        done = place.fovea("models", *words, code=3)
        assert 'model "boats": licens is not known, did you mean licence?' in done.stderr
    (place.folder / "reg.json").unlink()
    assert "FOVEA_REGISTRY" in place.fovea("models", "list", code=3).stderr


def test_the_list_says_what_is_here(place):
    place.registry(entry(place.web, "good", task="detect"), {"name": "made", "title": "Made", "files": ["none/m.xml"]})
    head, row, made, *_ = place.fovea("models", "list").stdout.splitlines()
    assert head.split() == ["NAME", "TASK", "LICENCE", "SIZE", "HERE"]
    assert row.split() == ["boats", "detect", "MIT", "0.3", "MB", "no"] and "make build" in made
    place.pull("good")
    assert place.fovea("models", "list").stdout.splitlines()[1].split()[-1] == "yes"
    said = [json.loads(line) for line in place.fovea("models", "list", "--json").stdout.splitlines()]
    assert said[0]["present"] and said[0]["permissive"] and said[0]["bytes"] == len(BYTES)


def test_the_folder_of_the_settings_is_filled(place):
    place.pull("good", env=place.env(FOVEA_MODELS_DIR=str(place.folder / "mine")))
    assert (place.folder / "mine/boats.onnx").read_bytes() == BYTES and not place.models.exists()


@pytest.fixture
def real(place):
    model = DATA / "models/yolox_nano_416.onnx"
    if SANITIZED or not model.exists():
        pytest.skip(f"{model} or a runtime for it is not here")
    body = model.read_bytes()
    place.web.files["yolox"] = body
    place.registry(entry(place.web, "yolox", name="cars", file="cars.onnx", body=body))
    place.fovea("models", "pull", "cars")
    return model


def test_a_fetched_model_is_found_by_its_name(place, real, start_server):
    done = json.loads(place.fovea("models", "inspect", "cars", "--json").stdout)
    assert done["head"] == "yolox" and done["path"] == str(place.models / "cars.onnx")
    server = start_server(env={k: v for k, v in place.env().items() if k in ("XDG_DATA_HOME", "HOME", "FOVEA_REGISTRY")})
    assert server.get("/api/v1/models").json()["available"] == ["cars"]
    made = server.post("/api/v1/models", json={"name": "cars"}, timeout=60)
    assert made.status_code == 201 and made.json()["head"] == "yolox"


def test_a_client_names_no_file_elsewhere(place, start_server):
    place.registry()
    server = start_server(env={"XDG_DATA_HOME": str(place.folder / "data")})
    folder = server.config or server.log_path.parent
    shutil.copy(ROOT / "tests/infer/tiny_open.tflite", Path(folder) / "here.tflite")  # in its working folder
    assert server.post("/api/v1/models", json={"name": "here"}).status_code == 404
    assert server.post("/api/v1/models", json={"name": "here.tflite"}).status_code == 404


def test_a_file_is_known_by_its_sum(place, real):
    shutil.copy(real, place.folder / "renamed.onnx")
    env = {**place.env()}
    assert json.loads(place.fovea("models", "inspect", "renamed.onnx", "--json", env=env).stdout)["licence"].startswith("MIT")
    with (place.folder / "renamed.onnx").open("ab") as file:
        file.write(b"\x32\x00")
    said = json.loads(place.fovea("models", "inspect", "renamed.onnx", "--json", env=env).stdout)
    assert said["licence"].startswith("unknown: see where")


def test_every_model_of_the_registry_is_read_as_it_says(place):
    """Fetched from here instead of its address, found by its name, recognised without options."""
    if SANITIZED or not (DATA / "models/nanodet_m_320.onnx").exists():
        pytest.skip(f"{DATA}/models or a runtime is not here")
    sums = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in (DATA / "models").iterdir() if path.is_file()}
    models = [m for m in json.loads((ROOT / "models/registry.json").read_text())["models"] if "downloads" in m]
    for file in (file for model in models for file in model["downloads"]):
        place.web.files[file["file"]] = sums[file["sha256"]].read_bytes()
        file["url"] = f"http://127.0.0.1:{place.web.server_port}/{file['file']}"
    place.registry(*models)
    for model in models:
        place.fovea("models", "pull", model["name"])
        said = json.loads(place.fovea("models", "inspect", model["name"], "--json").stdout)
        assert [said[key] for key in ("head", "task", "licence")] == [model[key] for key in ("head", "task", "licence")]
        assert said["labels"][0] in ("person", "face", "background")


def test_the_registry_tells_the_truth_about_its_files():
    """Sizes and sums are those of the test data, whose origins are the registry's addresses."""
    manifest = DATA / "MANIFEST.tsv"
    if not manifest.exists():
        pytest.skip(f"{manifest} is not here")
    origins = {}
    for line in manifest.read_text().splitlines():
        name, size, digest, origin, *_ = line.split("\t") + [""] * 4
        if origin.startswith("github.com/"):
            origins[digest] = (name, size, origin)
    models = json.loads((ROOT / "models/registry.json").read_text())["models"]
    files = [(m, f) for m in models for f in m.get("downloads", [])]
    assert len(files) >= 8
    for model, file in files:
        name, size, origin = origins[file["sha256"]]
        body = (DATA / name).read_bytes()
        assert hashlib.sha256(body).hexdigest() == file["sha256"] and len(body) == file["bytes"] == int(size)
        repository, path = origin.removeprefix("github.com/").split(":", 1)
        repository, commit = repository.split("@")
        full = file["url"].split("/")[5]
        assert file["url"] == f"https://raw.githubusercontent.com/{repository}/{full}/{path}"
        assert len(full) == 40 and full.startswith(commit) and model["licence_url"].startswith("https://")
