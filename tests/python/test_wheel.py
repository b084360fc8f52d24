"""What `python -m build` makes installs into a fresh environment and works there, with no compiler and nothing of the tree."""
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from conftest import BUILD, PACKAGE

pytest.importorskip("build")
SITE = Path(next(path for path in sys.path if path.endswith("site-packages")))


def run(*words, env=None, **more):
    """What it prints; nothing of this process' Python but what `env` says."""
    env = env or {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(list(map(str, words)), env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Through a source package, as `python -m build` does, out of a copy: the tree stays as it is."""
    tree, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("dist")
    shutil.copytree(PACKAGE, tree / "python", ignore=shutil.ignore_patterns("build", "lib", "*.egg-info", "_cdef.py", "__pycache__"))
    shutil.copytree(PACKAGE.parent / "include", tree / "include")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, tree / "python",
        env={**os.environ, "FOVEA_LIBRARY": str(BUILD / "libfovea.so"), "PYTHONPATH": ""})
    (found,) = out.glob("*.whl")
    assert len(list(out.glob("*.tar.gz"))) == 1
    return found


def test_what_is_in_it(wheel):
    assert wheel.name.startswith("fovea-") and wheel.name.endswith(f"-py3-none-linux_{os.uname().machine}.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in ("fovea/py.typed", "fovea/_cdef.py", "fovea/lib/libfovea.so.0.1", "fovea/lib/libfovea-ffmpeg.so",
                   "fovea/lib/libcjson.so.1", "fovea/lib/libyaml-0.so.2", "fovea/lib/libz.so.1"):
        assert wanted in names
    assert any(name.startswith("fovea/lib/libjpeg.so") for name in names)
    for part in ("libav", "libsw", "openvino", "libc.so", "libm.so"):  # the machine's own
        assert not [name for name in names if part in name.rsplit("/", 1)[1]]


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """A fresh environment with numpy and cffi as they are here, and the wheel."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=True)
    site = next(folder.glob("lib/python*/site-packages"))
    for pattern in ("numpy*", "cffi*", "_cffi_backend*", "pycparser*"):
        for path in SITE.glob(pattern):
            (site / path.name).symlink_to(path)
    run(folder / "bin/python", "-m", "pip", "install", "--no-index", "--no-deps", "-q", wheel)
    return folder


def in_it(environment, code, **more):
    """A program there: no compiler in PATH, nothing that names the tree."""
    return run(environment / "bin/python", "-I", "-c", code, cwd=environment,
               env={"PATH": str(environment / "bin"), "HOME": str(environment), **more})


def test_it_runs_with_no_compiler(environment, photo):
    told = in_it(environment, f"""if True:
        import shutil, fovea, fovea._library
        assert not any(map(shutil.which, ("cc", "gcc", "clang")))
        with fovea.Model("fake:boxes=2") as model, fovea.Stream("fake:boxes=2", tracker="bytetrack") as stream:
            picture = open({str(photo[1])!r}, "rb").read()
            stream.put(picture)
            print(fovea.version(), len(model.predict(picture)), len(stream.get(10).detections))
        maps = open("/proc/self/maps").read()
        for name in ("libfovea.so", "libcjson", "libjpeg", "libyaml"):
            assert "site-packages/fovea/lib/" + name in maps, name  # its own, whatever the machine has
        """)
    assert told == "0.1.0 2 2\n"


def test_it_predicts_with_the_machines_runtime(environment, photo):
    """OpenVINO and the model are what set-up fetched; $FOVEA_DEPS names them."""
    deps = os.environ.get("FOVEA_DEPS") or str(PACKAGE.parent / ".deps")
    told = in_it(environment, f"""if True:
        import fovea
        found = fovea.Model().predict(open({str(photo[1])!r}, "rb").read(), conf=0.8)
        print(found.class_name)
        """, FOVEA_DEPS=deps)
    assert told == "['person', 'person']\n"


def test_a_runtime_beside_it_is_found(environment):
    """`pip install openvino` is all that is needed: nothing names its place."""
    if not (SITE / "openvino/libs").is_dir():
        pytest.skip("the Python package of OpenVINO is not installed")
    site = next(environment.glob("lib/python*/site-packages"))
    (site / "openvino").symlink_to(SITE / "openvino")
    told = in_it(environment, """if True:
        import fovea._library as _, pathlib
        from fovea._library import ffi, lib, text
        probe = ffi.new("fov_backend_probe *")
        lib.fov_backend_at(0).probe(ffi.NULL, probe)
        print(probe.available, text(probe.library), text(probe.reason))
        """)
    assert told.startswith("True") and "site-packages/fovea/lib/../../openvino/libs/libopenvino_c.so" in told


def test_an_editable_install_is_the_tree(tmp_path):
    """`pip install -e ./python` builds the bindings in place."""
    tree = tmp_path / "tree"
    shutil.copytree(PACKAGE, tree / "python", ignore=shutil.ignore_patterns("build", "lib", "*.egg-info", "_cdef.py", "__pycache__"))
    shutil.copytree(PACKAGE.parent / "include", tree / "include")
    venv.create(tmp_path / "env", with_pip=True)
    site = next((tmp_path / "env").glob("lib/python*/site-packages"))
    for old in site.glob("setuptools*"):  # of Python itself, where it brings one
        shutil.rmtree(old)
    (site / "here.pth").write_text(f"{SITE}\n")
    run(tmp_path / "env/bin/python", "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-build-isolation", "-e",
        tree / "python", env={**os.environ, "FOVEA_LIBRARY": str(BUILD / "libfovea.so"), "PYTHONPATH": ""})
    told = run(tmp_path / "env/bin/python", "-c", "import fovea; print(fovea.__file__, fovea.version())", cwd=tmp_path,
               env={"PATH": os.environ["PATH"]})
    assert str(tree) in told and "0.1.0" in told
