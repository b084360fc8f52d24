"""Starting, health, version, metrics, pages, settings while running, the end."""
import json
import re
import signal
import socket
import subprocess
import time
import xml.etree.ElementTree as ElementTree

import pytest
from conftest import BIN, ROOT, environment, fovea
from realtime import picture
from realtime import socket as socket_to

HEADERS = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
           "Cross-Origin-Opener-Policy": "same-origin"}


# --- start ------------------------------------------------------------------------------------------------------

def test_one_line_with_the_address(start_server):
    server = start_server()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", server.url)
    server.stop()
    assert server.process.stdout.read() == "", "nothing else on standard output"


def test_pages_are_served_while_the_model_loads_or_is_missing(start_server):
    server = start_server(model="/nowhere/model.xml", ready=False)
    server.wait_for(lambda: "no model" in server.log)
    ready = server.get("/readyz")
    assert ready.status_code == 503 and ready.json()["code"] == "model_missing"
    assert "/nowhere/model.xml" in ready.json()["detail"] and "make build" in ready.json()["detail"]
    assert int(ready.headers["Retry-After"]) > 0
    assert server.get("/healthz").status_code == 200 and server.get("/").status_code == 200
    model = server.get("/api/cameras").json()["model"]
    assert model["state"] == "missing" and "/nowhere" in model["problem"]
    frame = server.post("/api/v1/realtime/video/process-frame", data=b"x", headers={"Content-Type": "image/jpeg"})
    assert frame.status_code == 503
    assert server.stop() == 0


def test_a_model_that_does_not_load_is_explained(start_server):
    server = start_server(model="fake:load_fails=1", ready=False)
    server.wait_for(lambda: "no model" in server.log)
    assert server.get("/readyz").status_code == 503 and server.get("/healthz").status_code == 200


def test_port_in_use(start_server, server, tmp_path):
    port = server.host.rsplit(":", 1)[1]
    done = fovea("serve", "--port", port, "--model", "fake:", "--state-dir", str(tmp_path), code=1)
    assert f"port {port} is in use" in done.stderr and "--port" in done.stderr and done.stdout == ""


def test_demo_takes_the_next_free_port(start_server, server):
    port = int(server.host.rsplit(":", 1)[1])
    demo = start_server("--demo", port=str(port))
    assert port < int(demo.host.rsplit(":", 1)[1]) <= port + 19
    assert demo.get("/api/cameras").json()["demo"]["name"] == "demo"
    assert demo.stop() == 0


def test_demo_ends_by_itself(start_server):
    demo = start_server("--demo", env={"FOVEA_DEMO_SECONDS": "2"})
    assert demo.process.wait(15) == 0


def test_demo_without_a_detection_fails(start_server):
    demo = start_server("--demo", model="fake:boxes=none", env={"FOVEA_DEMO_SECONDS": "1"})
    assert demo.process.wait(15) == 1


@pytest.mark.parametrize("words, says", [
    (["--port", "99999"], "server.port"), (["--host", "nonsense"], "nonsense"), (["--prot", "1"], "--port"),
    (["server.prot=1"], "server.prot"), (["hello"], "KEY=VALUE"), (["--config", "/nowhere.yaml"], "/nowhere.yaml")])
def test_wrong_use_ends_with_2_and_a_sentence(tmp_path, words, says):
    done = fovea("serve", "--model", "fake:", "--state-dir", str(tmp_path), *words, code=2)
    assert says in done.stderr and done.stdout == ""


def test_mistakes_in_the_file_stop_the_start(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_text("server:\n  prot: 1\n")
    done = fovea("serve", "--config", str(path), "--state-dir", str(tmp_path), code=2)
    assert f"{path}:2:3: server.prot: no such setting, did you mean port?" in done.stderr


def test_cameras_and_models_of_the_settings(start_server):
    server = start_server(config="""
models:
  second: {path: "fake:score=0.5"}
  broken: /nowhere/model.onnx
cameras:
  hall: "pattern:width=320,height=240,fps=10"
  door: {}
""")
    server.wait_for(lambda: [c["state"] for c in server.get("/api/cameras").json()["cameras"] if c["name"] == "hall"] == ["live"])
    assert server.get("/api/camera/hall/latest.jpg").content[:2] == b"\xff\xd8"
    server.wait_for(lambda: "model broken cannot be used" in server.log)
    picture = server.get("/api/camera/hall/latest.jpg").content
    for model, score in (("second", 0.5), ("fake", 0.9)):
        reply = server.post(f"/api/v1/realtime/video/process-frame?model_id={model}", data=picture,
                            headers={"Content-Type": "image/jpeg"})
        assert reply.status_code == 200 and reply.json()["confidence"] == score
    missing = server.post("/api/v1/realtime/video/process-frame?model_id=broken", data=picture,
                          headers={"Content-Type": "image/jpeg"})
    assert missing.status_code == 404


def test_metrics_count_frames(start_server):
    server = start_server(config="cameras: {hall: 'pattern:width=320,height=240,fps=20'}\n")
    line = re.compile(r'fovea_frames_total\{stream="hall",outcome="delivered"\} (\d+)')

    def delivered():
        found = line.search(server.get("/metrics").text)
        return int(found.group(1)) if found else 0
    server.wait_for(lambda: delivered() > 5)
    text = server.get("/metrics").text
    latency = [float(v) for v in re.findall(r'fovea_frame_latency_seconds_bucket\{stream="hall",le="[^"]+"\} (\d+)', text)]
    assert latency == sorted(latency) and latency[-1] >= 5, "buckets only grow"
    total = float(re.search(r'fovea_frame_latency_seconds_count\{stream="hall"\} (\d+)', text).group(1))
    assert total == latency[-1]
    stages = sum(float(v) for v in re.findall(r'fovea_frame_stage_seconds_sum\{stream="hall",stage="\w+"\} ([0-9.]+)', text))
    whole = float(re.search(r'fovea_frame_latency_seconds_sum\{stream="hall"\} ([0-9.]+)', text).group(1))
    assert stages == pytest.approx(whole, abs=1e-3 * total), "the stages add up to the whole"


# --- health and figures ------------------------------------------------------------------------------------------

def test_health_and_version(server):
    assert server.get("/healthz").text == "ok\n" and server.get("/readyz").text == "ready\n"
    version = server.get("/api/version").json()
    assert version["name"] == "fovea" and re.fullmatch(r"\d+\.\d+\.\d+.*", version["version"])


def test_head_is_get_without_a_body(server):
    got, head = server.get("/api/version"), server.request("HEAD", "/api/version")
    assert head.status_code == 200 and head.content == b""
    assert head.headers["Content-Length"] == str(len(got.content))


def test_metrics_are_prometheus_text(server):
    reply = server.get("/metrics")
    assert reply.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    types, names = {}, set()
    for line in reply.text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name not in types, "one TYPE a name"
            types[name] = kind
        elif not line.startswith("#"):
            found = re.fullmatch(r'([a-z_]+)(\{([a-z]+="[^"]*",?)*\})? (-?[0-9.e+]+|\+Inf)', line)
            assert found, line
            names.add(found.group(1))
    for name in names:
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        assert name in types or types.get(base) == "histogram", name
        assert types.get(name) != "counter" or name.endswith("_total"), name
    for name in ("fovea_frames_total", "fovea_viewers", "fovea_source_reconnects_total", "fovea_ready"):
        assert name in types
    assert types["fovea_frame_stage_seconds"] == types["fovea_frame_latency_seconds"] == "histogram"


def test_device_info(server):
    info = server.get("/api/v1/realtime/edge/device-info").json()
    for key in ("device_type", "name", "accelerators", "runtimes", "selected", "precision", "recommended_format",
                "recommended_precision", "cpu", "memory_mb"):
        assert key in info
    assert info["memory_mb"] > 0 and any(one["name"] == "openvino" for one in info["runtimes"])


def test_qr_codes_of_own_addresses_only(server):
    picture = server.get("/api/qr", params={"text": "/camera/hall"})
    assert picture.headers["Content-Type"] == "image/svg+xml"
    assert ElementTree.fromstring(picture.text).tag.endswith("svg")
    assert server.get("/api/qr", params={"text": server.url + "/view/x"}).status_code == 200
    for text in ("", "http://evil.example/", "//evil.example", server.url + ".evil.example/", "javascript:1",
                 "/" + "x" * 600):
        assert server.get("/api/qr", params={"text": text}).status_code == 422, text


def test_qr_code_can_be_read(server):
    cv2 = pytest.importorskip("cv2")
    numpy = pytest.importorskip("numpy")
    text = server.url + "/camera/hall"
    svg = ElementTree.fromstring(server.get("/api/qr", params={"text": text}).text)
    side = int(svg.get("viewBox").split()[2])
    picture = numpy.full((side, side), 255, numpy.uint8)
    for x, y, run in re.findall(r"M(\d+) (\d+)h(\d+)v1", svg[1].get("d")):
        picture[int(y), int(x):int(x) + int(run)] = 0
    read, *_ = cv2.QRCodeDetector().detectAndDecode(cv2.resize(picture, None, fx=8, fy=8, interpolation=cv2.INTER_NEAREST))
    assert read == text


def test_events_are_an_honest_empty_list(server):
    assert server.get("/api/events?stream=nobody").json() == {"events": [], "total": 0, "stored": True, "problem": None}
    assert server.get("/api/events?limit=0").status_code == 422


# --- pages --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("path", ["/", "/camera/hall", "/view/hall", "/zones/hall", "/docs"])
def test_pages_and_all_their_files(server, path):
    page = server.get(path)
    assert page.status_code == 200 and page.headers["Content-Type"].startswith("text/html")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy or path == "/docs"
    assert not re.search(r"<script(?![^>]*\bsrc=)", page.text), "no inline script"
    for file in re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.text):
        if "/swagger/" not in file:
            assert server.get(file).status_code == 200, file


def test_files_are_kept_by_browsers_until_they_change(server):
    first = server.get("/assets/favicon.svg")
    assert first.status_code == 200 and first.headers["ETag"]
    again = server.get("/assets/favicon.svg", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304 and again.content == b""


@pytest.mark.parametrize("path", ["/api/version", "/", "/nothing", "/assets/nothing", "/healthz", "/openapi.json"])
def test_security_headers_on_every_answer(server, path):
    reply = server.get(path)
    for name, value in HEADERS.items():
        assert reply.headers[name] == value
    assert "default-src" in reply.headers["Content-Security-Policy"]
    assert not re.search(r"\d+\.\d+", reply.headers.get("Server", "")), "no version"
    assert "Access-Control-Allow-Origin" not in reply.headers


PATHS = ["/assets/../server.h", "/assets/%2e%2e/etc/passwd", "/assets/..%2f..%2fetc/passwd", "/assets/%00", "/%5c..",
         "/assets//etc/passwd", "/assets/js/%2e%2e/%2e%2e/x", "/assets/....//x", "//evil.example/", "/assets/\\x"]


@pytest.mark.parametrize("path", PATHS)
def test_paths_out_of_the_tree_give_nothing(server, path):
    host, port = server.host.rsplit(":", 1)
    with socket.create_connection((host, int(port)), 5) as raw:
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: {server.host}\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while chunk := raw.recv(65536):
            answer += chunk
    assert answer.split(b" ")[1] in (b"400", b"404"), answer[:200]
    assert b"root:" not in answer


# --- settings while it runs ----------------------------------------------------------------------------------------

def test_disabled_realtime_answers_503(start_server):
    server = start_server(env={"REALTIME_ENABLED": "false"})
    reply = server.get("/api/v1/realtime/edge/device-info")
    assert reply.status_code == 503 and reply.json()["code"] == "disabled"
    assert server.get("/healthz").status_code == 200


def test_reload_is_all_or_nothing(start_server):
    server = start_server(config="realtime: {enabled: true}\n")
    path = "/api/v1/realtime/edge/device-info"
    server.config.write_text("realtime: {enabled: false}\nserver: {port: 1234}\n")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for(lambda: server.get(path).status_code == 503)
    server.wait_for(lambda: "settings read again" in server.log)
    server.config.write_text("realtime: {enabled: true}\nsevrer: {}\n")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for(lambda: "stay as they were" in server.log)
    assert "did you mean server?" in server.log
    assert server.get(path).status_code == 503, "nothing of a broken file is taken"


def test_uvicorn_names_are_noted_once(start_server):
    server = start_server(env={"UVICORN_WORKERS": "4"})
    assert server.log.count("UVICORN_WORKERS") == 1


def test_config_command(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_text("cameras:\n  hall: rtsp://u:secret@h/1\n")
    assert fovea("config", "check", str(path)).stdout == f"{path}: ok\n"
    shown = fovea("config", "show", str(path)).stdout
    assert "secret" not in shown and "hall" in shown
    path.write_text("cameras:\n  hall: {sorce: x}\n")
    done = fovea("config", "check", str(path), code=1)
    assert f"{path}:2:10: cameras.hall.sorce: no such setting, did you mean source?" in done.stderr
    assert fovea("config", "check", "/nowhere", code=3).stderr
    fovea("config", "chekc", code=2)


def test_schema_describes_what_is_accepted(tmp_path):
    jsonschema = pytest.importorskip("jsonschema")
    yaml = pytest.importorskip("yaml")
    schema = json.loads(fovea("config", "schema").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    good = yaml.safe_load("server: {port: 1, tls: {cert: a, key: b}}\ncameras: {a: x, b: {source: y, pin: {fps: 5}}}\n"
                          "models: {default: m, m: {path: x}, n: y}\n")
    jsonschema.validate(good, schema)
    for bad in ("server: {prot: 1}", "cameras: {a: {sorce: x}}", "models: {m: {pat: x}}", "server: {port: 70000}"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(yaml.safe_load(bad), schema)


def test_reference_page_is_up_to_date():
    assert (ROOT / "docs/settings.md").read_text() == fovea("config", "reference").stdout, \
        "run: build/fovea config reference > docs/settings.md"


# --- description of the API ------------------------------------------------------------------------------------------

def test_route_table_and_description_agree(server, routes):
    described = {(method.upper(), path) for path, item in server.get("/openapi.json").json()["paths"].items()
                 for method in item}
    table = {(route["method"], route["path"]) for route in routes if not route["hidden"] and not route["socket"]}
    assert table == described


def test_sockets_are_in_prose(routes):
    text = (ROOT / "docs/api/websocket.md").read_text()
    for route in routes:
        assert not route["socket"] or route["path"] in text, route["path"]


def test_description_is_valid_and_its_references_lead_somewhere(server):
    description = server.get("/openapi.json").json()
    yaml = pytest.importorskip("yaml")
    assert description == yaml.safe_load((ROOT / "docs/api/openapi.yaml").read_text()), "converted without a loss"
    assert description["openapi"].startswith("3.1")
    ids = [op["operationId"] for item in description["paths"].values() for op in item.values()]
    assert len(ids) == len(set(ids))

    def walk(node):
        if isinstance(node, dict):
            if "$ref" in node:
                at = description
                for part in node["$ref"].removeprefix("#/").split("/"):
                    at = at[part]
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)
    walk(description)


def test_answers_follow_the_description(server):
    """Each GET without parameters: its status is described, its body fits the schema."""
    jsonschema = pytest.importorskip("jsonschema")
    description = server.get("/openapi.json").json()

    def resolve(node):
        while isinstance(node, dict) and "$ref" in node:
            at = description
            for part in node["$ref"].removeprefix("#/").split("/"):
                at = at[part]
            node = at
        return node

    checked = 0
    for path, item in description["paths"].items():
        for method in item:
            bare = re.sub(r"\{[^}]+\}", "nothing", path)
            with server.request(method.upper(), bare, stream=True) as reply:
                described = item[method]["responses"].get(str(reply.status_code))
                assert described is not None, (method, path, reply.status_code)
                kind = reply.headers.get("Content-Type", "").split(";")[0]
                content = resolve(described).get("content", {})
                if not content:
                    continue
                assert kind in content, (method, path, reply.status_code, kind)
                if kind.endswith("json"):
                    schema = {**content[kind]["schema"], "components": description["components"]}
                    jsonschema.validate(reply.json(), schema)
                    checked += 1
    assert checked >= 5


def test_examples_of_the_description_are_what_is_answered(server):
    """Each example fits its schema, and a real answer has every member that the example has."""
    jsonschema = pytest.importorskip("jsonschema")
    schemas = server.get("/openapi.json").json()["components"]["schemas"]
    start = server.post("/api/v1/realtime/video/start-stream", json={"source": "pattern:width=320,height=240"}).json()
    real = {"Result": server.post("/api/v1/realtime/video/process-frame", files={"file": picture()}).json(),
            "Stats": server.get("/api/v1/realtime/video/stats").json(),
            "StreamControl": server.post("/api/camera/described/frame", data=picture(),
                                         headers={"Content-Type": "image/jpeg"}).json(),
            "Stream": start, "Model": server.get("/api/v1/models").json()["models"][0],
            "Problem": server.get("/api/v1/realtime/video/stats?stream_id=nothing").json()}
    server.post("/api/v1/realtime/video/stop-stream", json={"stream_id": start["stream_id"]})
    with_example = {name for name, schema in schemas.items() if "example" in schema}
    assert with_example == real.keys()
    for name in with_example:
        whole = {**schemas[name], "components": {"schemas": schemas}}
        jsonschema.validate(schemas[name]["example"], whole)
        jsonschema.validate(real[name], whole)
        assert schemas[name]["example"].keys() <= real[name].keys(), name
        assert real[name].keys() <= schemas[name]["properties"].keys(), f"{name}: a member is not described"


def test_final_figures_viewers_and_events_are_described(start_server):
    """Of these there is no example: a real answer fits its schema, which names every member."""
    jsonschema = pytest.importorskip("jsonschema")
    server = start_server(config="cameras: {lane: {source: 'pattern:width=320,height=240,fps=20'}}\n"
                                 "alerts: [{name: any, min_confidence: 0}]", model="fake:boxes=bright")
    schemas = server.get("/openapi.json").json()["components"]["schemas"]

    def check(name, answer, members):
        jsonschema.validate(answer, {**schemas[name], "components": {"schemas": schemas}})
        assert answer.keys() <= members.keys(), f"{name}: {answer.keys() - members.keys()} not described"

    events = server.wait_for(lambda: server.get("/api/events").json()["events"])
    for event in events:
        check("Event", event, schemas["Event"]["properties"])
    with socket_to(server, "/ws/view/lane"):
        viewer, = server.wait_for(lambda: server.get("/api/camera/lane/stats").json()["viewers"])
    assert viewer.keys() == schemas["CameraStats"]["properties"]["viewers"]["items"]["properties"].keys()
    stream, = server.get("/api/v1/realtime/video/streams").json()["streams"]
    final = server.post("/api/v1/realtime/video/stop-stream", json={"stream_id": stream["stream_id"]}).json()
    check("FinalStats", final, {**schemas["Stats"]["properties"], **schemas["FinalStats"]["allOf"][1]["properties"]})


def test_every_operation_and_parameter_is_explained(server):
    description = server.get("/openapi.json").json()
    for path, item in description["paths"].items():
        for method, operation in item.items():
            assert operation.get("description") or path in ("/docs", "/openapi.json"), (method, path)
            for parameter in operation.get("parameters", []):
                name = parameter.get("$ref", "").rsplit("/", 1)[-1]
                whole = description["components"]["parameters"][name] if name else parameter
                assert whole.get("description") or whole["name"] in ("stream", "class", "limit"), (path, whole["name"])


# --- the end ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly(start_server, number):
    server = start_server()
    began = time.monotonic()
    assert server.stop(number) == 0
    assert time.monotonic() - began < 6


def test_end_while_connections_are_open(start_server):
    server = start_server()
    idle = [socket.create_connection(tuple(server.host.rsplit(":", 1))) for _ in range(5)]
    half = socket.create_connection(tuple(server.host.rsplit(":", 1)))
    half.sendall(b"GET / HTT")
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 7
    for one in (*idle, half):
        one.close()


def test_end_while_the_model_loads(tmp_path):
    process = subprocess.Popen([str(BIN), "serve", "--port", "0", "--model", "fake:", "--state-dir", str(tmp_path)],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment())
    process.stdout.readline()
    process.terminate()
    assert process.wait(15) == 0
    process.stdout.close()


def test_ready_soon_after_the_start(start_server):
    """The figure itself is for `make bench`; here only that nothing waits for seconds."""
    began = time.monotonic()
    start_server()
    assert time.monotonic() - began < 10
