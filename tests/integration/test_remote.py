"""Models on another machine: a real model through a server gives what the file gives; whatever a server does wrong has its
sentence and exit code; streams outlive their server."""
import contextlib
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest
from conftest import BIN, DEPS, ROOT, environment, fovea
from oip_server import OipServer, Served
from realtime import PROCESS, START, picture

DATA = Path(os.environ.get("FOVEA_TEST_DATA", ROOT.parent / "shared/data"))
JPEG = {"Content-Type": "image/jpeg"}


@pytest.fixture
def stand_in():
    """A server with a small model of its own."""
    if not BIN.exists():
        pytest.skip(f"{BIN} is not built: make build")
    if subprocess.run([BIN, "doctor"], capture_output=True, text=True, env=environment()).stdout.count("ok       remote") != 1:
        pytest.skip("no libcurl on this machine: apt install libcurl4")
    made = OipServer()
    yield made
    made.stop()


@pytest.fixture
def jpeg(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(picture(level=200))
    return path


def predict(path, model, *words, code=0, **more):
    done = fovea("predict", str(path), "--model", str(model), *words, "--json", code=code, env=environment(**more))
    return json.loads(done.stdout) if code == 0 else done.stderr


@pytest.mark.parametrize("name", ["yolox_nano_416", "yolov8n_640_int8dyn"])
def test_a_server_gives_what_the_file_gives(stand_in, name):
    path = DATA / "models" / f"{name}.onnx"
    if not path.exists():
        pytest.skip(f"the test data is not in {DATA} (FOVEA_TEST_DATA)")
    if os.environ.get("FOVEA_SANITIZED") or not (DEPS / "openvino").exists():
        pytest.skip("OpenVINO is not in .deps (run `make build`), or does not run under sanitizers")
    stand_in.model = Served(path)
    for picture_name in ("bus", "zidane", "dog"):
        image = DATA / "images" / f"{picture_name}.jpg"
        there = predict(image, stand_in.address(), "--exact")
        here = predict(image, path, "--exact", "--backend", "openvino")    # what the stand-in runs
        assert len(here["detections"]) >= 2
        assert [d["class"] for d in there["detections"]] == [d["class"] for d in here["detections"]]
        for a, b in zip(there["detections"], here["detections"]):
            assert a["box"] == pytest.approx(b["box"], abs=0.02)
            assert a["confidence"] == pytest.approx(b["confidence"], abs=1e-4)


def test_labels_and_head_come_from_the_server(stand_in, jpeg):
    found = predict(jpeg, stand_in.address())["detections"]
    assert [(d["class"], d["class_id_raw"]) for d in found] == [("bright", 2)]
    assert found[0]["box"] == pytest.approx([80, 60, 240, 180], abs=0.1)
    about = fovea("models", "inspect", stand_in.address("model/3")).stdout
    assert "dark, bright" in about and "remote tiny 1.0" in about and "image u8[1,32,32,3]" in about
    assert about.startswith("model      model\n")
    assert {path.split("/")[4:6][0] for method, path, _ in stand_in.requests if method == "POST"} == {"infer", "versions"}


def test_what_is_sent_is_the_protocol(stand_in, jpeg):
    predict(jpeg, stand_in.address())
    method, path, headers = next(r for r in stand_in.requests if r[0] == "POST")
    assert path == "/v2/models/model/infer"
    assert headers["Content-Type"] == "application/octet-stream" and "Expect" not in headers
    assert int(headers["Content-Length"]) == int(headers["Inference-Header-Content-Length"]) + 32 * 32 * 3
    assert {"Authorization", "Cookie", "Proxy-Connection"}.isdisjoint(headers)


def test_open_dimensions(stand_in, jpeg):
    """640 × 640, or what is asked for; outputs are as the first runs show them."""
    about = fovea("models", "inspect", stand_in.address("model~open")).stdout
    assert "image u8[1,640,640,3]" in about and "boxes f32[1,16,4]" in about and "scores f32[1,16,3]" in about
    found = predict(jpeg, stand_in.address("model~open"), "--imgsz", "64")["detections"]
    assert [d["class"] for d in found] == ["bright"]


def test_outputs_may_come_in_another_order(stand_in, jpeg):
    assert predict(jpeg, stand_in.address("model~swapped"))["detections"] == predict(jpeg, stand_in.address())["detections"]


FAULTS = [  # what the server does, a part of the sentence, exit code
    ("redirect", "302: redirects are not followed", 3), ("bytes", "boxes is BYTES", 3),
    ("unknown_size", "image has no fixed size", 3), ("too_many", "17 outputs, more than 16", 3),
    ("huge", "too large", 3), ("header", "64 KiB of headers", 3), ("big_json", "more bytes", 3),
    ("html", "not valid JSON", 3), ("shape", "another type or shape", 1), ("rank", "another type or shape", 1),
    ("datatype", "another type or shape", 1), ("size", "252 bytes, its shape needs 256", 1),
    ("negative", "-1 bytes, its shape needs 256", 1), ("twice", "or twice", 1), ("missing", "1 outputs, 2 were asked for", 1),
    ("name", "not asked for", 1), ("text", "binary tensor extension", 1), ("long", "452 bytes of outputs", 1),
    ("few", "444 bytes of outputs", 1), ("nonsense", "not valid JSON", 1), ("array", "not a JSON object", 1),
    ("deep", "nested deeper", 1), ("refused", "400: no room for  [31mthis  model", 1), ("broken", "500: without a reason", 1),
    ("absent", "404: without a reason", 1), ("length", "larger than its reply", 1), ("length_text", "that cannot be", 1),
    ("half", "connection failed", 1), ("silent", "connection failed", 1), ("garbage", "connection failed", 1),
    ("endless", "more bytes than", 1),
]


@pytest.mark.parametrize("fault,sentence,code", FAULTS, ids=[fault for fault, _, _ in FAULTS])
def test_each_fault_has_its_sentence(stand_in, jpeg, fault, sentence, code):
    elsewhere = OipServer()
    stand_in.elsewhere = f"http://127.0.0.1:{elsewhere.port}/v2/models/model"
    told = predict(jpeg, stand_in.address(f"model~{fault}"), code=code)
    elsewhere.stop()
    assert sentence in told and "127.0.0.1" in told
    assert len(told.strip().splitlines()) == 1 and told.strip().isprintable()
    assert elsewhere.requests == [], "a redirect is not followed"


@pytest.mark.parametrize("address,sentence", [
    ("oip://127.0.0.1:1/model", "no connection"), ("oip://no-such-host.invalid:80/model", "no connection"),
    ("oip://127.0.0.1:80", "an address is oip://host:port/model"), ("oip://user:secret@127.0.0.1:80/model", "no password"),
    ("oip://127.0.0.1:80/../x", "an address is")])
def test_addresses_that_lead_nowhere(stand_in, jpeg, address, sentence):
    told = predict(jpeg, address, code=3)
    assert sentence in told and "secret" not in told


def test_an_unknown_model_is_named(stand_in, jpeg):
    assert "404: Request for unknown model: 'other' is not found" in predict(jpeg, stand_in.address("other"), code=3)


def test_a_host_that_does_not_answer(stand_in, jpeg):
    """A listener whose queue is full: the system drops what comes, as a host behind a firewall does."""
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        assert "no connection within 1000 ms" in predict(jpeg, f"oip://127.0.0.1:{full.getsockname()[1]}/model", code=1)


SLOW_NAMES = """#include <netdb.h>
#include <unistd.h>
int getaddrinfo(const char *a, const char *b, const struct addrinfo *c, struct addrinfo **d)
{ (void)a; (void)b; (void)c; (void)d; sleep(40); return EAI_AGAIN; }
"""


def test_a_slow_name_server_is_not_waited_for(stand_in, jpeg, tmp_path):
    version = re.search(r"remote +(\d+)\.(\d+)", fovea("doctor", code=None).stdout)
    if os.environ.get("FOVEA_SANITIZED") or not shutil.which("cc") or tuple(map(int, version.groups())) < (7, 87):
        pytest.skip("needs cc and libcurl 7.87, and no sanitizer")
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", tmp_path / "slow.so"], input=SLOW_NAMES, text=True, check=True)
    start = time.monotonic()
    told = predict(jpeg, "oip://gpu-box.example:80/model", code=1, LD_PRELOAD=str(tmp_path / "slow.so"))
    assert "no connection within 1000 ms" in told and time.monotonic() - start < 30


def test_a_missing_libcurl_is_explained(stand_in, jpeg, tmp_path):
    """Files that are no libraries stand where the system looks first."""
    for name in ("libcurl.so.4", "libcurl-gnutls.so.4"):
        (tmp_path / name).write_bytes(b"")
    told = predict(jpeg, stand_in.address(), code=3, LD_LIBRARY_PATH=str(tmp_path))
    assert "libcurl" in told and "apt install libcurl4" in told
    doctor = fovea("doctor", code=None, env=environment(LD_LIBRARY_PATH=str(tmp_path))).stdout
    assert "absent   remote" in doctor and "apt install libcurl4" in doctor
    assert predict(jpeg, "fake:", LD_LIBRARY_PATH=str(tmp_path))["detections"]


@pytest.fixture
def certificate(tmp_path):
    path = tmp_path / "server.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-keyout", path.with_suffix(".key"), "-out", path], check=True, capture_output=True)
    return path


def test_certificates_are_checked(stand_in, jpeg, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    server = OipServer(context=context)
    try:
        assert "ertificate" in predict(jpeg, server.address(scheme="oips"), code=3)
        assert server.requests == []
        asan = f"{os.environ.get('ASAN_OPTIONS', '')}:fast_unwind_on_malloc=0"  # whole stacks: tests/lsan.supp names one of OpenSSL's
        found = predict(jpeg, server.address(scheme="oips"), SSL_CERT_FILE=str(certificate), ASAN_OPTIONS=asan)["detections"]
        assert [d["class"] for d in found] == ["bright"]
    finally:
        server.stop()


# --- in the server ----------------------------------------------------------------------------------------------

@pytest.fixture
def serving(stand_in, start_server):
    return start_server(model=stand_in.address())


def frame(server, **more):
    return server.post(PROCESS, data=picture(level=200), headers=JPEG, **more)


def test_frames_of_a_stream_name_the_backend(serving):
    answer = frame(serving).json()
    assert answer["backend"] == "remote" and [a["class"] for a in answer["annotations"]] == ["bright"]


def test_a_stream_outlives_its_server(stand_in, serving):
    assert frame(serving).status_code == 200
    port = stand_in.port
    stand_in.stop()
    start = time.monotonic()
    refused = frame(serving)
    assert refused.status_code == 500 and "no connection" in refused.json()["detail"]
    assert time.monotonic() - start < 4, "a dead server is noticed, not waited for"
    assert serving.get("/healthz").status_code == 200
    again = OipServer(port=port)
    try:
        assert serving.wait_for(lambda: frame(serving).status_code == 200, what="the server's return")
        assert frame(serving).json()["backend"] == "remote"
    finally:
        again.stop()
        stand_in.stop = lambda: None


def test_clients_reach_no_address(stand_in, start_server):
    """Only the operator names servers: what a client sends is the id of a model that is loaded, and nothing else."""
    server = start_server()
    for name in (stand_in.address(), stand_in.address(scheme="oips"), "oip:", "fake:"):
        for more in ({"params": {"model_id": name}}, {"data": {"model_id": name}, "files": {"file": ("f.jpg", picture())}}):
            if "files" in more:
                answer = server.post(PROCESS, **more)
            else:
                answer = frame(server, **more)
            assert answer.status_code == 404, answer.text
        started = server.post(START, json={"source": "pattern:", "model_id": name})
        assert started.status_code == 404, started.text
    assert stand_in.opened == 0


def test_a_frame_waits_no_longer_than_its_time(stand_in, start_server):
    """The remaining time of a strict frame is the time limit of the request to the other machine."""
    server = start_server(model=stand_in.address("model~later"))
    assert frame(server, params={"strict": "true", "max_latency_ms": "5000"}).status_code == 200
    stand_in.fault, stand_in.pause = "slow", 30
    start = time.monotonic()
    late = frame(server, params={"strict": "true", "max_latency_ms": "300"})
    assert (late.status_code, late.json()["code"]) == (503, "too_late"), late.text
    assert time.monotonic() - start < 15
    stand_in.fault = ""
    assert frame(server, params={"strict": "true", "max_latency_ms": "5000"}).status_code == 200
