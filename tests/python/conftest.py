"""The package as it lies in the tree, on the library of the build folder."""
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("FOVEA_BUILD", ROOT / "build"))
DATA = Path(os.environ.get("FOVEA_TEST_DATA", ROOT.parent / "shared/data"))
PACKAGE = ROOT / "python"

# Programs that tests start use it too.
os.environ["FOVEA_LIBRARY"] = str(BUILD / "libfovea.so")
os.environ["PYTHONPATH"] = os.pathsep.join([str(PACKAGE), *filter(None, [os.environ.get("PYTHONPATH")])])
sys.path.insert(0, str(PACKAGE))


def pytest_configure(config):
    """The bindings are those of the headers as they are now."""
    del config
    subprocess.run([sys.executable, str(PACKAGE / "build_cdef.py")], check=True, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="session")
def picture_path():
    path = DATA / "images/zidane.jpg"
    if not path.exists():
        pytest.skip("no shared pictures")
    return path


@pytest.fixture(scope="session")
def photo(picture_path):
    """A real picture, height x width x 3 BGR, and its file."""
    import cv2

    return cv2.imread(str(picture_path)), picture_path


def run_python(code, *, timeout=60, **environment):
    """A program of its own; (exit code, output)."""
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=timeout, env={**os.environ, **environment}, check=False)
    return done.returncode, done.stdout


@pytest.fixture(scope="session")
def picture_bytes(picture_path):
    return picture_path.read_bytes()
