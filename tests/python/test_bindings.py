"""The bindings are made of the headers, and nothing of them is written twice."""
import ast
import re
import subprocess
import sys

import fovea
import numpy as np
import pytest
from conftest import PACKAGE, ROOT
from fovea import _errors, _results, detections
from fovea._library import ffi, lib


def headers():
    return "".join(path.read_text() for path in sorted((ROOT / "include/fovea").glob("*.h")))


def test_every_function_of_the_headers_is_there():
    names = set(re.findall(r"FOV_API[^;]*?\b(fov_\w+)\(", headers()))
    assert len(names) > 150
    missing = [name for name in names if not hasattr(lib, name)]
    assert not missing


def test_constants_and_rows_are_those_of_the_headers():
    assert lib.FOV_BATCH_MAX == 64 and lib.FOV_LABEL_BALL == 1023
    assert lib.FOV_OK == 0 and lib.FOV_EINTERNAL == lib.FOV_STATUS_COUNT - 1
    assert [ffi.string(lib.fov_drop_name(i)).decode() for i in range(lib.FOV_DROP_COUNT)] == re.findall(
        r'X\(\w+, "(\w+)"\)', headers().split("#define FOV_DROP_MAP")[1].split("typedef")[0])
    assert ffi.sizeof("fov_error") == 244 and ffi.sizeof("fov_detection") == detections.ROW.itemsize == 32


def test_the_layout_of_a_detection():
    one = ffi.new("fov_detection *", {"x1": 1, "y1": 2, "x2": 3, "y2": 4, "score": 0.5, "class_id": 6, "class_id_raw": 7,
                                      "track_id": 8})
    row = np.frombuffer(ffi.buffer(one), detections.ROW)[0]
    assert row["xyxy"].tolist() == [1, 2, 3, 4] and row["score"] == 0.5
    assert (row["class_id"], row["class_id_raw"], row["track_id"]) == (6, 7, 8)
    assert set(_results.STAGES) == set(dir(ffi.new("fov_timings *")))


def test_every_status_has_its_exception():
    for status in range(1, lib.FOV_STATUS_COUNT):
        code = ffi.string(lib.fov_status_code(status)).decode()
        raised = _errors.failure(status, "why")
        assert type(raised).code == code and str(raised) == "why"
        assert type(raised).__name__ in fovea.__all__
        assert str(_errors.failure(status)) == ffi.string(lib.fov_status_text(status)).decode()
    assert len({type(_errors.failure(status)) for status in range(1, lib.FOV_STATUS_COUNT)}) == lib.FOV_STATUS_COUNT - 1


def test_the_makers_of_bindings_say_what_they_do_not_know(tmp_path):
    (tmp_path / "fovea").mkdir()
    sys.path.insert(0, str(PACKAGE))
    import build_cdef

    def read(text):
        (tmp_path / "fovea/fovea.h").write_text(text)
        return build_cdef.declarations(tmp_path)

    text = read('#ifndef A\n#define A\n#define MAP(X) \\\n  X(ONE, "a, b") \\\n  X(TWO, f(1, 2))\n/* int no; */\n'
                'enum e {\n#define ROW(name, word) E_##name,\nMAP(ROW)\n#undef ROW\n};\n#define N 4\nint a[N];\n#endif\n')
    assert re.sub(r"\s+", "", text) == "#defineN4enume{E_ONE,E_TWO,};inta[4];"
    with pytest.raises(SystemExit, match="#elif"):
        read("#elif X\n")


def test_types_are_whole():
    """mypy --strict over the package, as it would be for its users."""
    pytest.importorskip("mypy")
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--cache-dir", "/dev/null", "fovea"], cwd=PACKAGE,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_it_is_written_for_python_3_10():
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.name != "_cdef.py" and "build" not in path.relative_to(PACKAGE).parts:
            ast.parse(path.read_text(), str(path), feature_version=(3, 10))
