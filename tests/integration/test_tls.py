"""HTTPS by an own certificate and by --lan with the local authority; certificates change while it runs."""
import os
import pty
import re
import shutil
import signal
import socket
import ssl
import subprocess

import pytest
from conftest import BIN, environment, fovea


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """make(name) → (cert, key) of a self-signed certificate for 127.0.0.1."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not here: apt-get install openssl")
    folder = tmp_path_factory.mktemp("cert")

    def make(name):
        cert, key = folder / f"{name}.pem", folder / f"{name}.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                        "2", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out",
                        str(cert)], check=True, capture_output=True)
        return cert, key
    return make


def common_name(server):
    host, port = server.host.rsplit(":", 1)
    pem = ssl.get_server_certificate((host, int(port)), timeout=5)
    done = subprocess.run(["openssl", "x509", "-noout", "-subject"], input=pem, text=True, capture_output=True, check=True)
    return re.search(r"CN\s*=\s*(\S+)", done.stdout).group(1)


@pytest.fixture(scope="module")
def secured(start_server, certificate):
    cert, key = certificate("first")
    server = start_server("--auth", "on", config=f"server: {{tls: {{cert: {cert}, key: {key}}}}}\n", ready=False)
    server.session.verify = str(cert)
    server.cert, server.key = cert, key
    return server.wait_ready()


def test_own_certificate(secured):
    assert secured.url.startswith("https://") and secured.get("/healthz").status_code == 200


def test_cookie_is_for_https_only(secured):
    reply = secured.get("/?token=" + secured.token)
    assert reply.status_code == 303 and "Secure" in reply.headers["Set-Cookie"]
    secured.session.cookies.clear()


def test_origin_is_https_as_well(secured):
    stop = "/api/v1/realtime/video/stop-stream"
    for origin, allowed in ((secured.url, True), (secured.url.replace("https", "http"), False)):
        reply = secured.post(stop, json={"stream_id": "none"}, headers={**secured.bearer(), "Origin": origin})
        assert (reply.status_code != 403) == allowed


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_protocols_are_refused(secured, version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    try:
        context.minimum_version = context.maximum_version = version
    except ValueError:
        pytest.skip("this Python cannot speak it either")
    host, port = secured.host.rsplit(":", 1)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        with socket.create_connection((host, int(port)), 5) as plain:
            context.wrap_socket(plain)


def test_plain_http_on_the_https_port(secured):
    host, port = secured.host.rsplit(":", 1)
    with socket.create_connection((host, int(port)), 5) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        plain.settimeout(8)
        try:
            assert b"200 OK" not in plain.recv(4096)
        except ConnectionResetError:
            pass
    assert secured.get("/healthz").status_code == 200


def test_certificate_is_read_again(start_server, certificate):
    cert, key = certificate("before")
    server = start_server(config=f"server: {{tls: {{cert: {cert}, key: {key}}}}}\n", ready=False)
    assert common_name(server) == "before"
    fresh, fresh_key = certificate("after")
    shutil.copy(fresh, cert)
    shutil.copy(fresh_key, key)
    server.process.send_signal(signal.SIGHUP)
    server.wait_for(lambda: common_name(server) == "after")
    cert.write_text("broken")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for(lambda: "old certificate stays" in server.log)
    assert common_name(server) == "after"


def test_missing_and_foreign_keys_stop_the_start(start_server, certificate, tmp_path):
    cert, _ = certificate("a")
    _, other = certificate("b")
    for words in ([f"server.tls.cert={cert}", "server.tls.key=/nowhere"], [f"server.tls.cert={cert}", f"server.tls.key={other}"]):
        done = fovea("serve", "--port", "0", "--model", "fake:", "--state-dir", str(tmp_path), *words, code=None)
        assert done.returncode in (1, 2, 3) and done.stderr and done.stdout == ""


# --- --lan ------------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def lan(start_server):
    server = start_server("--lan", ready=False)
    server.session.verify = str(server.state / "tls" / "ca.crt")
    return server.wait_ready()


def test_lan_is_https_with_access_control(lan):
    assert lan.url.startswith("https://") and lan.token
    assert lan.get("/api/cameras").status_code == 401
    cameras = lan.get("/api/cameras", headers=lan.bearer()).json()
    assert cameras["lan"]["enabled"] and cameras["lan"]["url"] == lan.url


def test_lan_authority_is_given_out(lan):
    reply = lan.get("/ca.crt")
    assert reply.headers["Content-Type"] == "application/x-x509-ca-cert" and b"BEGIN CERTIFICATE" in reply.content
    assert reply.content == (lan.state / "tls" / "ca.crt").read_bytes()


def test_lan_shows_a_code_on_a_terminal_only(lan, tmp_path):
    assert "▀" not in lan.log and "fov_" not in lan.log, "a log keeps no tokens"
    ours, theirs = pty.openpty()
    process = subprocess.Popen([str(BIN), "serve", "--lan", "--port", "0", "--model", "fake:", "--state-dir", str(tmp_path)],
                               stdout=subprocess.PIPE, stderr=theirs, text=True, env=environment())
    os.close(theirs)
    process.stdout.readline()
    process.terminate()
    shown = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # what a terminal says at its end
            break
        if not chunk:
            break
        shown += chunk
    assert process.wait(15) == 0
    process.stdout.close()
    os.close(ours)
    text = shown.decode()
    assert "▀" in text and "/ca.crt" in text and "fov_" not in text, "the code holds the token, the text does not"


def test_lan_refuses_strange_names(lan):
    assert lan.get("/healthz", headers={"Host": "evil.example"}).status_code == 403


def test_lan_keeps_its_authority(lan, start_server):
    before = (lan.state / "tls" / "ca.crt").read_bytes()
    lan.stop()
    again = start_server("--lan", state=lan.state, ready=False)
    again.session.verify = str(again.state / "tls" / "ca.crt")
    again.wait_ready()
    assert (again.state / "tls" / "ca.crt").read_bytes() == before
