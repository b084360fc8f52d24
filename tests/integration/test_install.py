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
    assert "@" not in (prefix / "lib/systemd/system/fovea.service").read_text()


def test_example_builds_and_runs(installed, tmp_path):
    destdir, _, package = installed
    environment = dict(os.environ, PKG_CONFIG_PATH=str(package.parent),
                       PKG_CONFIG_SYSROOT_DIR=str(destdir))
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "fovea"], env=environment,
                           check=True, capture_output=True, text=True).stdout.split()
    program = tmp_path / "detect"
    subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", str(ROOT / "examples/detect.c"), *flags,
                    "-o", str(program)], check=True)
    libraries = str(package.parent.parent)
    result = subprocess.run([str(program), "fake:boxes=2", "pattern:width=320,height=240"],
                            env=dict(os.environ, LD_LIBRARY_PATH=libraries),
                            capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert re.search(r"^2 found; decode [\d.]+ ms, inference [\d.]+ ms$", result.stdout, re.M)


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
