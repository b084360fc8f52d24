"""What packaging/ makes: the .deb unpacked into a plain folder and run, the image's steps without an engine, the unit."""
from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import BIN, DEPS, ROOT, environment, free_port
from realtime import PROCESS, picture

PACKAGING = ROOT / "packaging"
BUILD = Path(os.environ.get("FOVEA_BUILD", ROOT / "build"))
DOCKERFILE = PACKAGING / "Dockerfile"
WITH_MODEL = (DEPS / "models/ssd_mobilenet_v2/model.xml").exists() and (DEPS / "openvino/lib").exists()


def run(*words, **more):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
                          **more)
    assert done.returncode == 0, f"{words[0]} ended with {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout


# --- the package --------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def deb():
    """Without compression, which takes minutes and changes nothing else."""
    if not shutil.which("dpkg-shlibdeps"):
        pytest.skip("dpkg-dev is not here: apt-get install dpkg-dev")
    if not WITH_MODEL:
        pytest.skip("the runtimes and the default model are not set up: make build")
    run(PACKAGING / "make_deb", "none", env={**os.environ, "FOVEA_BUILD": str(BUILD)})
    made = list((BUILD / "deb").glob("fovea_*.deb"))
    assert len(made) == 1
    yield made[0]
    made[0].unlink()


@pytest.fixture(scope="module")
def unpacked(deb, tmp_path_factory):
    """The package's files in a folder that is not /."""
    folder = tmp_path_factory.mktemp("unpacked")
    run("dpkg-deb", "-x", deb, folder)
    yield folder
    shutil.rmtree(folder)


def field(deb, name):
    return run("dpkg-deb", "-f", deb, name).strip()


def test_its_dependencies_hold_here(deb):
    """Each is a package of this system, in a version that suits, and what the program links to is among them."""
    for alternatives in field(deb, "Depends").split(", "):
        name, version = re.fullmatch(r"(\S+)(?: \(>= (\S+)\))?", alternatives).groups()
        have = run("dpkg-query", "-W", "-f", "${Version}", name)
        if version:
            run("dpkg", "--compare-versions", have, "ge", version)
    names = re.findall(r"(\S+)(?: \([^)]*\))?(?:, |$)", field(deb, "Depends"))
    for part in ("libc6", "libssl3", "libevent", "libavformat", "libjpeg", "libstdc++6", "zlib1g"):
        assert any(name.startswith(part) for name in names), part
    assert not [name for name in names if name.endswith("-dev")]


def test_maintainer_scripts_and_settings(deb, tmp_path):
    run("dpkg-deb", "-e", deb, tmp_path)
    for script in ("postinst", "prerm", "postrm"):
        assert os.access(tmp_path / script, os.X_OK)
        run("sh", "-n", tmp_path / script)
    assert (tmp_path / "conffiles").read_text() == "/etc/fovea/fovea.yaml\n", "edited settings are never overwritten"
    assert "ldconfig" in (tmp_path / "triggers").read_text()
    assert int(field(deb, "Installed-Size")) > 100_000
    run("sh", tmp_path / "postinst", "configure", "", env={"PATH": os.environ["PATH"]})


def test_files_of_the_package(unpacked):
    for path in ("usr/bin/fovea", "usr/include/fovea/fovea.h", "usr/share/man/man1/fovea.1.gz", "etc/fovea/fovea.yaml",
                 "usr/lib/systemd/system/fovea.service", "usr/share/doc/fovea/copyright",
                 "usr/share/fovea/models/ssd_mobilenet_v2/model.xml"):
        assert (unpacked / path).is_file(), path
    assert list(unpacked.glob("usr/lib/*/pkgconfig/fovea.pc")) and list(unpacked.glob("usr/lib/*/libfovea.so"))
    assert not list(unpacked.rglob("*.pb")), "what only set-up needs stays out"
    unit = (unpacked / "usr/lib/systemd/system/fovea.service").read_text()
    assert "ExecStart=/usr/bin/fovea serve --config /etc/fovea/fovea.yaml" in unit
    for path in unpacked.rglob("*"):
        assert not path.stat().st_mode & 0o022, f"{path} could be changed by others"


def test_it_sees_something_from_where_it_lies(unpacked, tmp_path):
    """Program, library, runtime and model find each other without any path being told."""
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    told = json.loads(run(unpacked / "usr/bin/fovea", "predict", DEPS / "media/coffee.png", "--json", env=env, cwd=tmp_path))
    assert {"cup", "dining table"} & {box["class"] for box in told["detections"]}, told
    found = run("fovea", "predict", DEPS / "media/coffee.png", "--json", env={**env, "PATH": f"{unpacked}/usr/bin:/bin"}, cwd=tmp_path)
    assert json.loads(found)["detections"] == told["detections"], "found by PATH it is the same"


def test_manual_of_every_command(unpacked):
    helps = run(unpacked / "usr/bin/fovea", "--help")
    commands = re.findall(r"^  (\w+)  ", helps, re.M)
    assert len(commands) >= 11
    if not shutil.which("man"):
        pytest.skip("man is not here: apt-get install man-db")
    for command in commands:
        page = unpacked / f"usr/share/man/man1/fovea-{command}.1.gz"
        shown = subprocess.run(["man", "--warnings", "-l", str(page)], capture_output=True, text=True, timeout=60,
                               env={**os.environ, "MANWIDTH": "160", "LC_ALL": "C.UTF-8", "MANROFFOPT": "-c"})
        assert shown.returncode == 0 and shown.stderr == "", f"{command}: {shown.stderr}"
        text = re.sub(r".\x08", "", shown.stdout)
        for option in re.findall(r"^  (--[\w-]+)", run(unpacked / "usr/bin/fovea", command, "--help"), re.M):
            assert option in text, f"{command}: {option}"


# --- the image ----------------------------------------------------------------------------------------------------

def instructions():
    """(WORD, rest) of each instruction, parted by stages."""
    text = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.M))
    stages = []
    for word, rest in re.findall(r"^([A-Z]+) +(.+)$", text, re.M):
        if word == "FROM":
            stages.append([])
        stages[-1].append((word, rest))
    return stages


def words_of(stage, word):
    return [rest for name, rest in stage if name == word]


def test_dockerfile_passes_the_linter():
    tool = DEPS / "hadolint/bin/hadolint"
    if not tool.exists():
        pytest.skip("hadolint is not here: scripts/setup check")
    run(tool, "--failure-threshold", "info", DOCKERFILE)


def test_dockerfile_is_slim_and_not_root():
    build, final = instructions()
    assert words_of(build, "FROM") == ["debian:12-slim AS build"] and words_of(final, "FROM") == ["debian:12-slim"]
    installs = " ".join(words_of(final, "RUN"))
    assert re.findall(r"apt-get install -y --no-install-recommends (\S+)", installs) == ["/tmp/deb/fovea_*.deb"]
    assert [copy.split()[0] for copy in words_of(final, "COPY")] == ["packaging/healthcheck"]
    user = final.index(("USER", "8440:8440"))
    assert all(word not in ("RUN", "COPY") for word, _ in final[user:]), "what comes after it runs as the user"


def ignored(path: str) -> bool:
    """By the rules of Dockerfile.dockerignore, as far as they are used there: names at the root, `*` and a leading `**/`."""
    rules = [line for line in (PACKAGING / "Dockerfile.dockerignore").read_text().split("\n") if line and line[0] != "#"]
    parts = path.split("/")
    return any(fnmatch.fnmatch(parts[0], rule) or (rule.startswith("**/") and rule[3:] in parts) for rule in rules)


def test_what_is_copied_is_enough_to_build(tmp_path):
    """The build stage's COPY in a plain folder: all that meson and make_deb name is among it."""
    copies = [copy.split()[0] for stage in instructions() for copy in words_of(stage, "COPY")]
    assert copies == ["scripts", "models", ".", "packaging/healthcheck"]
    for path in ROOT.iterdir():
        if not ignored(path.name):
            copy = shutil.copytree if path.is_dir() else shutil.copy
            copy(path, tmp_path / path.name, **({"ignore": shutil.ignore_patterns("__pycache__")} if path.is_dir() else {}))
    assert not (tmp_path / ".deps").exists() and not (tmp_path / "build").exists() and (tmp_path / "packaging/make_deb").exists()
    (tmp_path / ".deps").symlink_to(DEPS)  # what the step before has fetched
    run("meson", "setup", tmp_path / "build", "--prefix", "/usr", cwd=tmp_path)
    assert "Nothing" not in run("ninja", "-C", tmp_path / "build", "-n")


def test_the_first_layers_hold_all_that_set_up_reads(tmp_path):
    """scripts/ and models/ alone: set-up says offline what is missing, and that it misses no file of the repository."""
    build, _ = instructions()
    copied = [copy.split()[0] for copy in words_of(build, "COPY")[:-1]]
    assert copied == ["scripts", "models"]
    for folder in copied:
        shutil.copytree(ROOT / folder, tmp_path / folder)
    complete = {**os.environ, "FOVEA_OFFLINE": "1", "FOVEA_DEPS": str(DEPS)}
    if not WITH_MODEL:
        pytest.skip("the runtimes and the default model are not set up: make build")
    done = subprocess.run([tmp_path / "scripts/setup", "build"], env=complete, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 or "No such file" not in done.stdout + done.stderr, done.stderr
    assert "SSD MobileNetV2" not in done.stderr, "the model's key is made of files that are in the layer"


@pytest.fixture
def container(unpacked, tmp_path):
    """The last stage's command with its environment, in the package's folder in place of /."""
    _, final = instructions()
    settings = dict(re.findall(r"(\w+)=(\S+)", " ".join(words_of(final, "ENV"))))
    assert settings["FOVEA_SERVER_HOST"] == "0.0.0.0" and settings["FOVEA_SERVER_PORT"] == words_of(final, "EXPOSE")[0]
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME"):
        assert f'"{settings[name]}/fovea"' in words_of(final, "VOLUME")[0], "what is kept lies in volumes"
        settings[name] = str(tmp_path) + settings[name]
    port = str(free_port())
    env = {"PATH": f"{unpacked}/usr/bin:{PACKAGING}:/usr/bin:/bin", **settings, "FOVEA_SERVER_PORT": port}
    process = subprocess.Popen(json.loads(words_of(final, "CMD")[0]), env=env, stdout=subprocess.PIPE, text=True,
                               stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=tmp_path)
    yield process, env
    if process.poll() is None:
        process.kill()
        process.wait()


def healthy(env):
    """The image's own check: 0 healthy, 1 not."""
    words = json.loads(re.search(r"CMD (\[.*\])", words_of(instructions()[1], "HEALTHCHECK")[0]).group(1))
    assert words == ["fovea-healthcheck"]
    return subprocess.run([PACKAGING / "healthcheck"], env=env, capture_output=True, timeout=30).returncode


def test_the_image_runs(container):
    """It becomes healthy with the real model, needs a token, and ends by SIGTERM within the time an engine gives."""
    process, env = container
    until = time.monotonic() + 60
    while healthy(env) != 0:
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            pytest.fail(f"never healthy: {process.stdout.read()}")
        time.sleep(0.2)
    address = re.search(r"open (http://\S+)/\?token=(\S+)", process.stdout.readline() + process.stdout.readline())
    assert address, "the first token is in the log"
    import requests
    url = f"http://127.0.0.1:{env['FOVEA_SERVER_PORT']}"
    assert requests.post(url + PROCESS, data=picture(), timeout=20).status_code == 401
    done = requests.post(url + PROCESS, data=picture(), timeout=20, headers={"Authorization": f"Bearer {address.group(2)}"})
    assert done.status_code == 200 and done.json()["backend"] == "openvino"
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert healthy(env) == 1


def test_health_check_tells_a_server_that_is_not_ready(start_server):
    server = start_server(model="nowhere.xml", ready=False)
    env = {"PATH": "/usr/bin:/bin", "FOVEA_SERVER_PORT": server.host.rsplit(":", 1)[1]}
    server.wait_for(lambda: "no model" in server.log, 20)
    assert healthy(env) == 1


# --- the unit -----------------------------------------------------------------------------------------------------

def test_unit_is_hardened(tmp_path):
    """systemd's own verdict, 0 best, 10 worst: 4 is where it begins to say `OK`."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not here: apt-get install systemd")
    unit = tmp_path / "fovea.service"
    text = (BUILD / "packaging/fovea.service").read_text()
    unit.write_text(re.sub(r"^ExecStart=\S+", f"ExecStart={BIN}", text, flags=re.M))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, timeout=60)
    ours = [line for line in done.stderr.splitlines() if "fovea.service" in line]
    assert not ours, "\n".join(ours)
    run("systemd-analyze", "security", "--offline=true", "--threshold=20", unit)


def test_unit_finds_no_fault_with_the_programs_calls(tmp_path):
    """What the unit's filter of system calls lets through is all that serving with the real model needs."""
    if not (shutil.which("strace") and shutil.which("systemd-analyze")) or not WITH_MODEL:
        pytest.skip("strace or systemd-analyze is not here, or there is no model")
    unit = (BUILD / "packaging/fovea.service").read_text()
    assert re.findall(r"^SystemCallFilter=(.*)$", unit, re.M) == ["@system-service"]
    allowed, waiting = set(), ["@system-service"]
    while waiting:
        for line in run("systemd-analyze", "syscall-filter", "--no-pager", waiting.pop()).splitlines()[1:]:
            word = line.strip()
            if word.startswith("@"):
                waiting.append(word)
            elif re.fullmatch(r"\w+", word):
                allowed.add(word)
    assert len(allowed) > 200
    trace = tmp_path / "trace"
    subprocess.run(["strace", "-f", "-qq", "-o", trace, BIN, "serve", "--demo", "--port", "0", "--state-dir", tmp_path / "state"],
                   env=environment(FOVEA_DEMO_SECONDS="2"), capture_output=True, timeout=120)
    made = set(re.findall(r"^\d+ +(?:<\.\.\. )?(\w+)[( ]", trace.read_text(), re.M)) - {"execve", "resumed", "exited", "killed"}
    assert len(made) > 40 and made <= allowed, made - allowed
