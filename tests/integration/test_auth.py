"""Access control: roles, tokens in header, cookie, query and path, their end, and requests from other sites."""
import json
import os
import re
import stat
import time

import pytest
from conftest import fovea
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

PUBLIC = {"/healthz", "/readyz", "/api/version", "/ca.crt", "/login"}


@pytest.fixture(scope="module")
def tokens(locked):
    """One token a kind, each with its text."""
    return {"push": locked.make_token("push")["token"], "view": locked.make_token("view")["token"],
            "admin": locked.token, "push@hall": locked.make_token("push", "hall")["token"],
            "view@hall": locked.make_token("view", "hall")["token"]}


def path_of(route, room="hall"):
    path = route["path"].replace("{token}", room).replace("{path...}", "favicon.svg")
    return re.sub(r"\{[^}]+\}", "nothing", path)


def answer(server, route, token, room="hall"):
    """The status of a bare request; bodies and parameters are wrong on purpose, so 4xx but 401 and 403 is `let in`."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if route["socket"]:
        try:
            with connect(server.ws + path_of(route, room), additional_headers=headers):
                return 101
        except InvalidStatus as refused:
            return refused.response.status_code
    with server.request(route["method"], path_of(route, room), headers=headers, stream=True) as reply:
        return reply.status_code


def test_every_route_by_every_role(locked, tokens, routes):
    assert len(routes) >= 15
    wrong = []
    for route in routes:
        for who in (None, "view", "push", "admin"):
            status = answer(locked, route, tokens.get(who))
            let_in = status not in (401, 403)
            should = not route["roles"] or who in route["roles"]
            if route["path"] == "/login":
                should = let_in  # it answers 401 to a form without a good token
            if let_in != should or (not should and status != (403 if who else 401)):
                wrong.append((route["method"], route["path"], who, status))
    assert not wrong


def test_nothing_else_is_open_without_a_token(routes):
    assert {route["path"] for route in routes if not route["roles"]} == PUBLIC


def test_token_of_a_camera_opens_only_that_camera(locked, tokens, routes):
    for route in routes:
        if not route["roles"] or set(route["roles"]) == {"admin"} or route["path"] == "/api/qr" or \
                route["path"].startswith("/assets"):
            continue
        for role in ("push", "view"):
            if role not in route["roles"]:
                continue
            token = tokens[f"{role}@hall"]
            if "{token}" in route["path"]:
                assert answer(locked, route, token, "hall") not in (401, 403), route
                assert answer(locked, route, token, "kitchen") == 403, route
            else:
                assert answer(locked, route, token) == 403, route


def test_no_bypass_by_forwarded_headers_or_address(locked):
    for headers in ({"X-Forwarded-For": "127.0.0.1"}, {"X-Real-IP": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"},
                    {"X-Original-URL": "/healthz"}, {"Authorization": "Basic YWRtaW46YWRtaW4="}):
        assert locked.get("/api/cameras", headers=headers).status_code == 401, headers


def test_unknown_token_gets_401_then_429(start_server):
    server = start_server("--auth", "on")
    codes = [server.get("/api/cameras", headers=server.bearer("fov_" + "x" * 43)).status_code for _ in range(4)]
    assert codes[0] == 401 and 429 in codes[1:]
    refused = server.get("/api/cameras", headers=server.bearer("fov_" + "x" * 43))
    assert refused.status_code == 429 and int(refused.headers["Retry-After"]) >= 1
    assert server.get("/api/cameras", headers=server.bearer()).status_code == 200, "a good token is not locked out"
    assert server.get("/api/cameras").status_code == 401, "no token is no failure"


def test_token_in_the_query_becomes_a_cookie(locked, tokens):
    reply = locked.get("/view/hall?render=server&token=" + tokens["view"])
    assert reply.status_code == 303 and reply.headers["Location"] == "/view/hall?render=server"
    cookie = reply.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Secure" not in cookie
    name, value = cookie.split(";")[0].split("=", 1)
    locked.session.cookies.clear()
    assert locked.get("/view/hall", headers={"Cookie": f"{name}={value}"}).status_code == 200
    assert locked.get("/api/cameras", headers={"Cookie": f"{name}={value}"}).status_code == 403


def test_admin_token_opens_pages_by_query_and_nothing_else(locked):
    reply = locked.get("/?token=" + locked.token)
    assert reply.status_code == 303 and reply.headers["Location"] == "/"
    locked.session.cookies.clear()
    assert locked.get("/api/cameras?token=" + locked.token).status_code == 401
    assert locked.get("/api/camera/hall/stats?token=" + locked.token).status_code in (401, 403)
    assert locked.get("/camera/" + locked.token).status_code == 403


def test_token_in_the_path_names_its_camera(locked):
    made = locked.make_token("push", "door")
    page = locked.get(f"/camera/{made['token']}?fps=5")
    assert page.status_code == 303 and page.headers["Location"] == "/camera/door?fps=5", "no token stays in the address"
    assert "HttpOnly" in page.headers["Set-Cookie"]
    locked.session.cookies.clear()
    cookie = {"Cookie": page.headers["Set-Cookie"].split(";")[0]}
    assert locked.get("/camera/door?fps=5", headers=cookie).status_code == 200
    assert locked.get("/camera/hall", headers=cookie).status_code == 403
    assert locked.get("/assets/favicon.svg", headers=cookie).status_code == 200
    assert locked.get("/view/" + made["token"]).status_code == 403, "push does not view"
    assert locked.get("/camera/fov_" + "y" * 43).status_code in (401, 429)
    with connect(f"{locked.ws}/ws/camera/{made['token']}"):
        pass
    with pytest.raises(InvalidStatus):
        connect(f"{locked.ws}/ws/view/{made['token']}")


def test_token_in_the_path_leaves_a_better_cookie(locked):
    made = locked.make_token("push", "door")
    mine = locked.get("/?token=" + locked.token).headers["Set-Cookie"].split(";")[0]
    locked.session.cookies.clear()
    page = locked.get("/camera/" + made["token"], headers={"Cookie": mine})
    assert page.status_code == 303 and "Set-Cookie" not in page.headers


def test_code_of_an_administrator_lets_a_phone_in(locked, tokens):
    """The QR code holds a token of its own; others' codes hold the bare address."""
    cv2 = pytest.importorskip("cv2")
    numpy = pytest.importorskip("numpy")

    def read(path, token):
        svg = locked.get("/api/qr", params={"text": path}, headers=locked.bearer(token)).text
        side = int(re.search(r'viewBox="0 0 (\d+)', svg).group(1))
        picture = numpy.full((side, side), 255, numpy.uint8)
        for x, y, run in re.findall(r"M(\d+) (\d+)h(\d+)v1", svg):
            picture[int(y), int(x):int(x) + int(run)] = 0
        big = cv2.resize(picture, None, fx=8, fy=8, interpolation=cv2.INTER_NEAREST)
        return cv2.QRCodeDetectorAruco().detectAndDecode(big)[0]  # the other one misses one code in fifty

    first = read("/camera/phone", locked.token)
    assert first == read("/camera/phone", locked.token), "the same code each time"
    token = first.removeprefix(locked.url + "/camera/")
    assert token.startswith("fov_")
    assert locked.get("/camera/phone", headers=locked.bearer(token)).status_code == 200
    assert locked.get("/camera/door", headers=locked.bearer(token)).status_code == 403
    assert read("/camera/phone", tokens["push"]) == locked.url + "/camera/phone"


def test_the_form_takes_a_token(locked, tokens):
    page = locked.get("/view/hall", headers={"Accept": "text/html"})
    assert page.status_code == 401 and "<form" in page.text and "text/html" in page.headers["Content-Type"]
    reply = locked.post("/login", data={"token": tokens["view"], "next": "/view/hall"})
    assert reply.status_code == 303 and reply.headers["Location"] == "/view/hall"
    locked.session.cookies.clear()
    for elsewhere in ("//evil.example/", "https://evil.example/", "/\\evil.example"):
        reply = locked.post("/login", data={"token": tokens["view"], "next": elsewhere})
        assert reply.headers["Location"] == "/"
        locked.session.cookies.clear()
    assert locked.post("/login", data={"token": "nonsense", "next": "/"}).status_code in (401, 429)


# --- other sites ------------------------------------------------------------------------------------------------

STOP = "/api/v1/realtime/video/stop-stream"
STREAM = "/api/v1/realtime/video/stream"


def origins(server):
    port = server.host.rsplit(":", 1)[1]
    return [(f"http://127.0.0.1:{port}", True), ("http://evil.example", False), ("null", False),
            (f"https://127.0.0.1:{port}", False), ("http://127.0.0.1", False), (f"http://localhost:{port}", False),
            (f"http://127.0.0.1:{port}.evil.example", False), (f"http://127.0.0.1.evil.example:{port}", False),
            (f"http://127.0.0.1:{port}/", False), ("file://", False), ("", False), ("http://[::1]:1", False)]


def test_origin_of_state_changes(server):
    for origin, allowed in origins(server):
        status = server.post(STOP, json={"stream_id": "none"}, headers={"Origin": origin}).status_code
        assert (status != 403) == allowed, (origin, status)
    assert server.post(STOP, json={"stream_id": "none"}).status_code != 403, "programs send no Origin"


def test_origin_of_sockets(server):
    for origin, allowed in origins(server):
        try:
            with connect(server.ws + STREAM, origin=origin or "x"):
                opened = True
        except InvalidStatus as refused:
            assert refused.response.status_code == 403
            opened = False
        assert opened == allowed, origin


def test_cookie_needs_an_origin_to_change_anything(locked):
    reply = locked.get("/?token=" + locked.token)
    cookie = {"Cookie": reply.headers["Set-Cookie"].split(";")[0]}
    locked.session.cookies.clear()
    assert locked.post(STOP, json={"stream_id": "none"}, headers=cookie).status_code == 403
    own = {**cookie, "Origin": locked.url}
    assert locked.post(STOP, json={"stream_id": "none"}, headers=own).status_code == 404


def test_public_url_is_an_origin(start_server):
    server = start_server(config="server: {public_url: 'https://cam.example', allowed_hosts: [other.example]}\n")
    body = {"stream_id": "none"}
    assert server.post(STOP, json=body, headers={"Origin": "https://cam.example"}).status_code == 404
    for host, status in (("cam.example", 200), ("other.example:99", 200), ("third.example", 403)):
        assert server.get("/healthz", headers={"Host": host}).status_code == status


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1",
                                  "[2001:db8::1]"])
def test_other_hosts_are_refused_on_loopback(server, host):
    assert server.get("/api/cameras", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.9.9.9:80", "[::1]:8440"])
def test_own_names_are_accepted(server, host):
    assert server.get("/api/cameras", headers={"Host": host}).status_code == 200


# --- the end of a token -----------------------------------------------------------------------------------------

def closed_within(socket_, seconds):
    began = time.monotonic()
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            socket_.recv(timeout=seconds)
    return time.monotonic() - began, closed.value.rcvd.code if closed.value.rcvd else None


@pytest.mark.parametrize("role, path", [("push", STREAM), ("push", "/ws/camera/hall"), ("view", "/ws/view/hall")])
def test_revocation_closes_sockets_within_a_second(locked, role, path):
    made = locked.make_token(role)
    with connect(locked.ws + path, additional_headers=locked.bearer(made["token"])) as first:
        locked.revoke(made["id"])
        seconds, code = closed_within(first, 5)
    assert code == 1008 and seconds <= 1.2
    with pytest.raises(InvalidStatus):
        connect(locked.ws + path, additional_headers=locked.bearer(made["token"]))


def test_expiry_closes_sockets(locked):
    made = locked.make_token("push", ttl="2s")
    with connect(locked.ws + STREAM, additional_headers=locked.bearer(made["token"])) as opened:
        seconds, code = closed_within(opened, 6)
    assert code == 1008 and seconds <= 4
    assert locked.get("/metrics", headers=locked.bearer(made["token"])).status_code in (401, 429)


def test_other_tokens_stay_when_one_is_revoked(locked):
    gone, stays = locked.make_token("push"), locked.make_token("push")
    with connect(locked.ws + STREAM, additional_headers=locked.bearer(stays["token"])) as opened:
        locked.revoke(gone["id"])
        time.sleep(1.3)
        opened.send(json.dumps({"type": "time", "t0": 5}))
        assert json.loads(opened.recv(timeout=5))["type"] == "time"


# --- the store --------------------------------------------------------------------------------------------------

def test_store_is_private_and_holds_no_token(locked, tokens):
    store = locked.state / "tokens.json"
    assert stat.S_IMODE(os.stat(store).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(locked.state).st_mode) == 0o700
    for text in (*tokens.values(), locked.token):
        assert text not in store.read_text()
        assert text not in locked.log


def test_first_token_is_long_and_shown_once(start_server, tmp_path):
    first = start_server("--auth", "on", state=tmp_path / "state")
    assert re.fullmatch(r"fov_[A-Za-z0-9_-]{43}", first.token)
    first.stop()
    again = start_server("--auth", "on", state=tmp_path / "state")
    assert again.token is None
    assert again.get("/api/cameras", headers=again.bearer(first.token)).status_code == 200


def test_damaged_store_stops_the_start_with_a_sentence(tmp_path):
    (tmp_path / "tokens.json").write_text("{broken")
    done = fovea("serve", "--port", "0", "--auth", "on", "--state-dir", str(tmp_path), "--model", "fake:", code=None)
    assert done.returncode != 0 and "tokens.json" in done.stderr


def test_damaged_store_keeps_the_tokens_of_a_running_server(start_server):
    server = start_server("--auth", "on")
    (server.state / "tokens.json").write_text("{broken")
    server.wait_for(lambda: "stay as they were" in server.log)
    assert server.get("/api/cameras", headers=server.bearer()).status_code == 200


def test_token_file_serves_containers(start_server, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("# comment\n" + "a" * 32 + "\npush hall " + "b" * 32 + "\n")
    server = start_server("--auth", "on", config=f"server: {{token_file: {secret}}}\n")
    assert server.token is None, "no first token beside a token file"
    assert server.get("/api/cameras", headers=server.bearer("a" * 32)).status_code == 200
    assert server.get("/camera/hall", headers=server.bearer("b" * 32)).status_code == 200
    assert server.get("/camera/door", headers=server.bearer("b" * 32)).status_code == 403
    secret.write_text("c" * 32 + "\n")
    server.wait_for(lambda: server.get("/api/cameras", headers=server.bearer("c" * 32)).status_code == 200)


@pytest.mark.parametrize("text", ["short\n", "boss " + "a" * 32, "push a b " + "a" * 32])
def test_bad_token_files_are_named(tmp_path, text):
    secret = tmp_path / "secret"
    secret.write_text(text)
    done = fovea("serve", "--port", "0", "--auth", "on", "--state-dir", str(tmp_path / "s"), "--model", "fake:",
                 f"server.token_file={secret}", code=None)
    assert done.returncode != 0 and "secret:1" in done.stderr


def test_token_command(tmp_path):
    state = ["--state-dir", str(tmp_path)]
    made = json.loads(fovea("token", "create", "--json", "--role", "push", "--camera", "hall", "--ttl", "1d", *state).stdout)
    assert made["role"] == "push" and made["camera"] == "hall" and made["expires"] - made["created"] == 86400
    plain = fovea("token", "create", *state)
    assert re.fullmatch(r"fov_[A-Za-z0-9_-]{43}\n", plain.stdout) and "view token" in plain.stderr
    listed = [json.loads(line) for line in fovea("token", "list", "--json", *state).stdout.splitlines()]
    assert [one["role"] for one in listed] == ["push", "view"] and all("token" not in one for one in listed)
    fovea("token", "revoke", made["id"], *state)
    fovea("token", "revoke", plain.stdout.strip(), *state)
    assert fovea("token", "list", "--json", *state).stdout == ""
    fovea("token", "revoke", "nothing", *state, code=1)
    for words in (["create", "--role", "boss"], ["create", "--ttl", "soon"], ["create", "--camera", "a/b"],
                  ["make"], [], ["create", "--role", "admin", "--camera", "hall"]):
        assert fovea("token", *words, *state, code=None).returncode == 2, words


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act beside another user's service")
def test_tokens_made_by_root_can_be_read_by_the_service(tmp_path):
    os.chown(tmp_path, 12345, 12346)
    fovea("token", "create", "--state-dir", str(tmp_path))
    for name in ("tokens.json", "tokens.lock"):
        about = (tmp_path / name).stat()
        assert (about.st_uid, about.st_gid, about.st_mode & 0o777) == (12345, 12346, 0o600), name


def test_commands_beside_each_other_lose_no_token(tmp_path):
    import concurrent.futures
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: fovea("token", "create", "--state-dir", str(tmp_path)), range(12)))
    assert len(fovea("token", "list", "--json", "--state-dir", str(tmp_path)).stdout.splitlines()) == 12


# --- where it is on ---------------------------------------------------------------------------------------------

def test_access_control_cannot_be_off_beyond_loopback(tmp_path):
    for words in (["--no-auth"], ["--auth", "off"]):
        done = fovea("serve", "--host", "0.0.0.0", "--port", "0", *words, "--state-dir", str(tmp_path), code=2)
        assert "access control" in done.stderr and done.stdout == ""


def test_other_addresses_have_it_on(start_server):
    server = start_server("--host", "0.0.0.0")
    assert server.token and server.get("/api/cameras").status_code == 401
    assert server.get("/api/cameras", headers=server.bearer()).status_code == 200


def test_off_on_loopback(server):
    assert server.token is None and server.get("/api/cameras").status_code == 200


@pytest.mark.parametrize("setting", ["public_url: https://cam.example", "trusted_proxies: [127.0.0.1]"])
def test_a_proxy_before_an_open_server_is_warned_of(start_server, setting):
    warned = "for all whom a proxy passes on"
    assert warned in start_server(config=f"server: {{{setting}}}\n").log
    assert warned not in start_server("--auth", "on", config=f"server: {{{setting}}}\n").log


def test_no_auth_on_loopback_beats_settings(start_server):
    server = start_server("--no-auth", config="server: {auth: on}\n")
    assert server.get("/api/cameras").status_code == 200
