"""What `make install` lays down is whole: the example builds against it and runs."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("FOVEA_BUILD", ROOT / "build"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The prefix folder inside a DESTDIR."""
    if not shutil.which("meson"):
        pytest.skip("meson is not here")
    destdir = tmp_path_factory.mktemp("destdir")
    subprocess.run(["meson", "install", "-C", str(BUILD), "--no-rebuild", "--quiet",
                    "--destdir", str(destdir)], check=True)
    packages = list(destdir.rglob("fovea.pc"))
    assert len(packages) == 1
    prefix = re.search(r"^prefix=(.*)$", packages[0].read_text(), re.M).group(1)
    return destdir, pathlib.Path(str(destdir) + prefix), packages[0]


def test_files_are_there(installed):
    _, prefix, _ = installed
    for path in ["bin/fovea", "include/fovea/fovea.h", "share/man/man1/fovea.1",
                 "lib/systemd/system/fovea.service"]:
        assert list(prefix.glob(path + "*")), path
    assert list(prefix.rglob("libfovea.so")), "the development link"


def test_unit_starts_what_is_installed(installed):
    destdir, prefix, _ = installed
    unit = (prefix / "lib/systemd/system/fovea.service").read_text()
    assert not re.search(r"@\w+@", unit), "every place is filled in"
    words = re.search(r"^ExecStart=(.*)$", unit, re.M).group(1).split()
    assert words[1:3] == ["serve", "--config"] and len(words) == 4
    for path in (words[0], words[3]):
        assert pathlib.Path(str(destdir) + path).is_file(), path


def check(path):
    return subprocess.run([str(BUILD / "fovea"), "config", "check", str(path)], capture_output=True, text=True, timeout=30)


def test_sample_settings_are_accepted_each_part_of_them(installed, tmp_path):
    destdir, _, _ = installed
    sample, = destdir.rglob("fovea.yaml")
    assert check(sample).returncode == 0
    assert not re.search(r"^[^#\n]", sample.read_text(), re.M), "installed settings change nothing"
    parts = re.findall(r"(?:^#[ \w].*\n)+", re.sub(r"^# .*\n", "", sample.read_text(), flags=re.M), re.M)
    assert len(parts) >= 5
    for part in parts:
        one = tmp_path / "one.yaml"
        one.write_text(re.sub(r"^#", "", part, flags=re.M).replace("  tls:", "  # tls:"))
        done = check(one)
        assert done.returncode == 0, part + done.stdout + done.stderr


def test_edited_settings_are_kept(installed):
    destdir, _, _ = installed
    sample, = destdir.rglob("fovea.yaml")
    before = sample.read_text()
    sample.write_text("realtime: {target_fps: 10}\n")
    subprocess.run(["meson", "install", "-C", str(BUILD), "--no-rebuild", "--quiet", "--destdir", str(destdir)], check=True)
    assert sample.read_text() == "realtime: {target_fps: 10}\n"
    sample.write_text(before)


def test_manual_knows_every_command():
    page = (BUILD / "packaging/fovea.1").read_text().replace("\\-", "-")
    helps = subprocess.run([str(BUILD / "fovea"), "--help"], capture_output=True, text=True, timeout=30).stdout
    commands = re.findall(r"^  (\w+)  +(.*)$", helps, re.M)
    assert len(commands) >= 9
    for command, told in commands:
        assert f".TP\n.B {command}\n{told}\n" in page, command
        assert f".BR fovea-{command} (1)" in page, command
    assert "@" not in page, "something was not filled in"


@pytest.fixture
def built_example(installed, tmp_path):
    """Builds an example as its users would and gives a function that runs it, which goes well."""
    destdir, _, package = installed
    environment = dict(os.environ, PKG_CONFIG_PATH=str(package.parent), PKG_CONFIG_SYSROOT_DIR=str(destdir))

    def build(name):
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "fovea"], env=environment, check=True,
                               capture_output=True, text=True).stdout.split()
        program = tmp_path / name
        subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", str(ROOT / f"examples/{name}.c"), *flags, "-o", str(program)], check=True)

        def run(*words):
            result = subprocess.run([str(program), *words], env=dict(os.environ, LD_LIBRARY_PATH=str(package.parent.parent)),
                                    capture_output=True, text=True, timeout=60)
            assert result.returncode == 0, result.stderr
            return result
        return run
    return build


def test_example_builds_and_runs(built_example):
    result = built_example("detect")("fake:boxes=2", "pattern:width=320,height=240")
    assert re.search(r"^2 found; decode [\d.]+ ms, inference [\d.]+ ms$", result.stdout, re.M)


def test_stream_example_builds_and_runs(built_example):
    result = built_example("stream")("fake:boxes=bright", "pattern:width=320,height=240,fps=20,frames=50")
    frames = [int(n) for n in re.findall(r"^frame (\d+), [\d.]+ ms: box", result.stdout, re.M)]
    assert frames == sorted(frames) and len(frames) >= 40
    assert len(re.findall(r"^[\d.]+ fps, [\d.]+ ms", result.stderr, re.M)) >= 2
    wrong = subprocess.run([str(BUILD / "examples/stream"), "nowhere.xml", "pattern:"], capture_output=True, text=True, timeout=60)
    assert wrong.returncode == 3 and "nowhere.xml" in wrong.stderr


def test_batch_example_builds_and_runs(built_example):
    batch = built_example("batch")

    def times(*words):
        result = batch("fake:boxes=bright", "pattern:width=320,height=240,fps=20,frames=50", *words)
        return [int(n) for n in re.findall(r"^ *(\d+) ms: \w+ 0\.\d\d", result.stdout, re.M)]
    assert times() == [50 * i for i in range(50)], "every frame, in order, the last two in a short batch"
    assert times("4", "10") == [100 * i for i in range(25)]
    assert subprocess.run([str(BUILD / "examples/batch"), "fake:", "nowhere.mp4"], capture_output=True, timeout=60).returncode == 3
    assert subprocess.run([str(BUILD / "examples/batch"), "fake:", "pattern:", "17"], capture_output=True, timeout=60).returncode == 2


def test_example_says_what_is_wrong(installed, tmp_path):
    result = subprocess.run([str(BUILD / "examples/detect"), "nowhere.xml", "pattern:"],
                            capture_output=True, text=True, timeout=60)
    assert result.returncode == 3
    assert "nowhere.xml" in result.stderr


def test_installed_program_finds_its_library(installed):
    _, prefix, package = installed
    result = subprocess.run([str(prefix / "bin/fovea"), "version"],
                            env=dict(os.environ, LD_LIBRARY_PATH=str(package.parent.parent)),
                            capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("fovea ")
