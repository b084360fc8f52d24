"""How fovea is run for others: behind nginx as packaging/nginx/fovea.conf says, with the settings of compose.yaml."""
from __future__ import annotations

import re
import socket as sockets
import ssl
import threading
import time

import nginx
import pytest
import requests
import yaml
from conftest import ROOT, free_port
from realtime import PROCESS, STREAM, picture, receive, send_pair, wait_for
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

COMPOSE = yaml.safe_load((ROOT / "packaging/compose.yaml").read_text())
TOKENS = {role: f"fov_{role}{'0' * 24}" for role in ("admin", "push", "view")}
ORIGIN = "http://localhost:8080"  # what compose.yaml makes of the address that browsers use
EVENTS = "/stream/events/"


def compose_environment() -> dict[str, str]:
    """The settings of compose.yaml with its defaults, as a shell would fill them in."""
    def fill(text):
        return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
    return {name: fill(value) for name, value in COMPOSE["services"]["fovea"]["environment"].items()}


@pytest.fixture(scope="module")
def behind(start_server, tmp_path_factory):
    """(fovea, nginx): fovea as in compose.yaml, but that nginx comes from loopback and not from a container's network."""
    if not nginx.find():
        pytest.skip("nginx is not here: scripts/setup check")
    folder = tmp_path_factory.mktemp("nginx")
    (folder / "tokens").write_text("".join(f"{role} {token}\n" for role, token in TOKENS.items()))
    settings = compose_environment()
    assert settings["FOVEA_SERVER_TOKEN_FILE"] == "/run/secrets/fovea_tokens"
    settings |= {"FOVEA_SERVER_TOKEN_FILE": str(folder / "tokens"), "FOVEA_SERVER_TRUSTED_PROXIES": "127.0.0.1/32",
                 "FOVEA_SERVER_HOST": "0.0.0.0"}
    settings.pop("FOVEA_SERVER_PORT")
    server = start_server(env=settings)
    proxy = nginx.Nginx(folder, f"127.0.0.1:{server.host.rsplit(':', 1)[1]}")
    yield server, proxy
    assert proxy.stop() == 0
    assert "[crit]" not in proxy.errors and "[emerg]" not in proxy.errors, proxy.errors


@pytest.fixture(scope="module")
def web(behind):
    """A session of requests to nginx, as the name that compose.yaml allows."""
    session = requests.Session()
    session.trust_env = False
    session.headers["Host"] = "localhost:8080"

    def ask(path, method="GET", **more):
        more.setdefault("timeout", 20)
        return session.request(method, behind[1].url + path, allow_redirects=False, **more)
    yield ask
    session.close()


def open_socket(proxy, path, token, **more):
    """As a browser: the token in the query, its page's Origin, the address that compose.yaml publishes."""
    more.setdefault("origin", ORIGIN)
    return connect(f"{ORIGIN.replace('http', 'ws')}{path}{'&' if '?' in path else '?'}token={token}", proxy=None,
                   sock=sockets.create_connection(("127.0.0.1", proxy.port), 10), max_size=None, open_timeout=10,
                   close_timeout=5, **more)


def bearer(role):
    return {"Authorization": f"Bearer {TOKENS[role]}"}


# --- sockets ------------------------------------------------------------------------------------------------------

def test_camera_and_viewer_through_nginx(behind):
    _, proxy = behind
    with open_socket(proxy, "/ws/view/hall?render=client", TOKENS["view"]) as viewer, \
            open_socket(proxy, "/ws/camera/hall?max_latency_ms=0", TOKENS["push"]) as camera:
        for number in range(5):
            wait_for(camera, "stream_control")
            body = picture(level=20 * number)
            send_pair(camera, number, body)
            head = wait_for(viewer, "frame_metadata")
            assert head["frameNumber"] == number and receive(viewer) == body
            assert wait_for(viewer, "detections")["analysed"] is True


def test_frames_and_answers_through_nginx(behind):
    with open_socket(behind[1], STREAM + "?max_latency_ms=0", TOKENS["push"]) as ws:
        ws.send(b"".join([picture(1280, 720)]))
        assert receive(ws)["type"] == "result"
        assert ws.ping().wait(5)


@pytest.mark.parametrize("path, role", [("/ws/view/hall", "push"), ("/ws/camera/hall", "view"), ("/ws/view/hall", "admin"),
                                        ("/ws/camera/hall", None)])
def test_sockets_need_the_right_token(behind, path, role):
    token = TOKENS.get(role, "fov_unknown")
    with pytest.raises(InvalidStatus) as refused, open_socket(behind[1], path, token):
        pass
    assert refused.value.response.status_code in (401, 403)


def test_sockets_of_other_sites_are_refused(behind):
    with pytest.raises(InvalidStatus) as refused, \
            open_socket(behind[1], "/ws/view/hall", TOKENS["view"], origin="https://evil.example"):
        pass
    assert refused.value.response.status_code == 403


# --- answers without an end -----------------------------------------------------------------------------------------

def test_pictures_of_mjpeg_are_not_held_back(behind):
    """Each picture is there before the next one is sent: nothing between waits for a buffer to fill."""
    _, proxy = behind
    with sockets.create_connection(("127.0.0.1", proxy.port), 10) as raw, \
            open_socket(proxy, "/ws/camera/yard?max_latency_ms=0", TOKENS["push"]) as camera:
        raw.sendall(f"GET /api/camera/yard/mjpeg?token={TOKENS['view']} HTTP/1.1\r\nHost: localhost:8080\r\n"
                    "Accept-Encoding: gzip\r\n\r\n".encode())
        raw.settimeout(5)
        got = raw.recv(65536)  # the head: from now on it watches
        for number in range(5):
            wait_for(camera, "stream_control")
            send_pair(camera, number, picture(level=30 * number))
            while got.count(b"--frame") <= number or not got.rstrip().endswith(b"\xff\xd9"):
                chunk = raw.recv(65536)
                assert chunk, got[:400]
                got += chunk
        head = got.partition(b"\r\n\r\n")[0].decode()
        assert head.startswith("HTTP/1.1 200") and "multipart/x-mixed-replace" in head and "Content-Encoding" not in head


class SlowEvents(threading.Thread):
    """An SSE server of a few lines: one event every 200 ms, so that the rules for /stream/events/ are seen at work."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = sockets.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.asked = b""
        self.start()

    def run(self):
        peer, _ = self.listener.accept()
        with peer:
            self.asked = peer.recv(65536)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
            for number in range(5):
                peer.sendall(b"id: %d\ndata: x\n\n" % number)
                time.sleep(0.2)


def test_events_are_not_held_back(behind, tmp_path):
    """By a server of the test: what the file says of /stream/events/ holds for any."""
    events = SlowEvents()
    proxy = nginx.Nginx(tmp_path, events.address)
    try:
        with requests.get(f"{proxy.url}{EVENTS}one?token=x", headers={"Host": "localhost:8080", "Accept-Encoding": "gzip"},
                          stream=True, timeout=10) as reply:
            assert reply.headers["Content-Type"] == "text/event-stream" and "Content-Encoding" not in reply.headers
            came = [time.monotonic() for line in reply.iter_lines(chunk_size=1) if line.startswith(b"id:")]
        assert len(came) == 5 and came[-1] - came[0] > 0.5, "one by one, not all at the end"
        assert b"Host: localhost:8080\r\n" in events.asked and b"X-Forwarded-For: 127.0.0.1\r\n" in events.asked
        assert b"X-Forwarded-Proto: http\r\n" in events.asked and b"Upgrade" not in events.asked
    finally:
        proxy.stop()


# --- names, tokens, addresses ---------------------------------------------------------------------------------------

def test_wrong_names_are_refused(web):
    assert web("/healthz").status_code == 200
    for host in ("evil.example", "localhost.evil.example", "fovea"):
        refused = web("/healthz", headers={"Host": host})
        assert refused.status_code == 403 and refused.json()["code"] == "wrong_host", host


def test_roles_through_nginx(web):
    assert web("/api/cameras").status_code == 401
    assert web("/api/cameras", headers=bearer("view")).status_code == 403
    assert web("/api/cameras", headers=bearer("admin")).status_code == 200
    assert web("/metrics", headers=bearer("view")).status_code == 200
    done = web(PROCESS, "POST", data=picture(), headers={**bearer("push"), "Content-Type": "image/jpeg"})
    assert done.status_code == 200 and done.json()["annotations"]


def test_pages_take_the_token_once(web):
    """?token= becomes a cookie, and the way back stays on the name that the browser used."""
    page = web(f"/view/hall?token={TOKENS['view']}")
    assert page.status_code in (302, 303) and page.headers["Location"] == "/view/hall"
    cookie = page.headers["Set-Cookie"].partition(";")[0]
    assert web("/view/hall", headers={"Cookie": cookie}).status_code == 200
    assert web("/camera/hall", headers={"Cookie": cookie}).status_code == 403


def test_pictures_of_ten_megabytes_pass(web):
    done = web(PROCESS, "POST", data=bytes(11 << 20), headers={**bearer("push"), "Content-Type": "image/jpeg"})
    assert done.status_code == 413
    done = web(PROCESS, "POST", data=bytes(9 << 20), headers={**bearer("push"), "Content-Type": "image/jpeg"})
    assert done.status_code == 400, "it reached fovea, which reads no picture in it"


def test_cookies_are_secure_when_the_proxy_speaks_tls(behind):
    """What a proxy before this one says of the scheme is believed only from a trusted address."""
    server, _ = behind
    head = {"Host": "localhost:8080", "X-Forwarded-Proto": "https"}
    page = server.get(f"/view/hall?token={TOKENS['view']}", headers=head)
    assert "; Secure" in page.headers["Set-Cookie"]


def ask_from(proxy, source, *fields):
    """The status of a request with a wrong token, from one of loopback's own addresses."""
    with sockets.create_connection(("127.0.0.1", proxy.port), 5, (source, 0)) as raw:
        lines = ["GET /metrics HTTP/1.1", "Host: localhost:8080", "Authorization: Bearer fov_wrong", "Connection: close", *fields]
        raw.sendall("\r\n".join([*lines, "", ""]).encode())
        data = b""
        while chunk := raw.recv(65536):
            data += chunk
    return int(data.split()[1])


def test_real_addresses_behind_the_proxy(behind):
    """Who guesses tokens is held up by its own address, whatever it writes into X-Forwarded-For; others are not."""
    _, proxy = behind
    seen = [ask_from(proxy, "127.0.0.21", f"X-Forwarded-For: 10.9.8.{number}") for number in range(40)]
    assert seen[0] == 401 and seen[-1] == 429, seen
    assert ask_from(proxy, "127.0.0.22") == 401
    assert ask_from(proxy, "127.0.0.23", "X-Forwarded-For: 127.0.0.21") == 401, "a made-up address is not believed"


def test_neither_log_shows_a_token(behind, web):
    server, proxy = behind
    web(f"/view/{TOKENS['view']}")
    web(f"/api/camera/hall/latest.jpg?token={TOKENS['view']}")
    server.wait_for(lambda: "/view/***" in proxy.log and "/api/camera/hall/latest.jpg" in proxy.log, what="the log of nginx")
    for token in TOKENS.values():
        assert token not in proxy.log and token not in server.log


def test_no_token_in_the_errors_of_nginx(tmp_path):
    """Nothing answers behind it, which nginx would tell with the whole request."""
    if not nginx.find():
        pytest.skip("nginx is not here: scripts/setup check")
    proxy = nginx.Nginx(tmp_path, f"127.0.0.1:{free_port()}")
    try:
        for path in (f"/view/hall?token={TOKENS['view']}", f"/camera/{TOKENS['push']}", f"/stream/events/a?token={TOKENS['view']}"):
            assert requests.get(proxy.url + path, headers={"Host": "localhost:8080"}, timeout=20).status_code == 502
    finally:
        proxy.stop()
    assert "502" in proxy.log
    for token in TOKENS.values():
        assert token not in proxy.log and token not in proxy.errors


def test_with_a_certificate(start_server, tmp_path):
    """The three lines that the file has ready, and the settings of docs/deployment.md: https outside, loopback inside."""
    if not nginx.find():
        pytest.skip("nginx is not here: scripts/setup check")
    (tmp_path / "tokens").write_text(f"view {TOKENS['view']}\npush {TOKENS['push']}\n")
    server = start_server(config="server:\n  auth: on\n  public_url: https://cam.example\n  trusted_proxies: [127.0.0.1, '::1']\n"
                                 f"  token_file: {tmp_path}/tokens\n")
    proxy = nginx.Nginx(tmp_path, server.host, tls=True)
    trust = ssl.create_default_context(cafile=f"{tmp_path}/cert.pem")

    def line():
        return sockets.create_connection(("127.0.0.1", proxy.tls_port), 10)
    try:
        with connect(f"wss://cam.example/ws/camera/hall?token={TOKENS['push']}", sock=line(), ssl=trust, proxy=None,
                     origin="https://cam.example") as camera:
            wait_for(camera, "stream_control")
        with trust.wrap_socket(line(), server_hostname="cam.example") as raw:
            raw.sendall(f"GET /view/hall?token={TOKENS['view']} HTTP/1.1\r\nHost: cam.example\r\nConnection: close\r\n\r\n".encode())
            answer = b"".join(iter(lambda: raw.recv(65536), b"")).decode()
        assert answer.startswith("HTTP/1.1 30") and "Location: /view/hall\r\n" in answer
        assert re.search(r"Set-Cookie: [^\r]*; Secure", answer), "the cookie is for https only"
    finally:
        assert proxy.stop() == 0


# --- compose.yaml ---------------------------------------------------------------------------------------------------

def test_compose_names_what_is_there():
    services = COMPOSE["services"]
    assert set(services) == {"fovea", "nginx"}
    fovea, proxy = services["fovea"], services["nginx"]
    assert (ROOT / "packaging" / fovea["build"]["context"]).resolve() == ROOT
    assert (ROOT / fovea["build"]["dockerfile"]).is_file()
    conf, place, mode = proxy["volumes"][0].split(":")
    assert (ROOT / "packaging" / conf).resolve() == nginx.CONF and place.endswith("default.conf") and mode == "ro"
    assert f"server fovea:{fovea['environment']['FOVEA_SERVER_PORT']};" in nginx.CONF.read_text()
    assert set(fovea["secrets"]) == set(COMPOSE["secrets"]) == {"fovea_tokens"}
    assert set(fovea["networks"]) | set(proxy["networks"]) == set(COMPOSE["networks"])
    assert {volume.split(":")[0] for volume in fovea["volumes"]} == set(COMPOSE["volumes"])
    subnet = COMPOSE["networks"]["inside"]["ipam"]["config"][0]["subnet"]
    assert fovea["environment"]["FOVEA_SERVER_TRUSTED_PROXIES"] == subnet
    assert "ports" not in fovea, "only nginx is reached from outside"
    assert {"token_file", "allowed_hosts", "public_url", "trusted_proxies"} <= {
        name.removeprefix("FOVEA_SERVER_").lower() for name in fovea["environment"]}
