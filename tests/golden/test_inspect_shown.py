"""`fovea models inspect` at a terminal: what a file says of itself is shown, and obeyed by nobody."""
import re

import pytest
from conftest import fovea
from test_inspect import small


@pytest.mark.parametrize("task", ["detect", "detect\x1b[31m"])
def test_what_a_file_says_cannot_steer_the_terminal(tmp_path, task):
    """With the task in order its labels are shown; without, what it says is."""
    said = {"task": task, "description": "a\x7f\u009b2Jb", "license": "MIT\x1b]0;x\x07",
            "names": "{0: 'cat\x1b[2J', 1: 'dog\u009b1m', 2: 'bird'}"}
    (tmp_path / "m.onnx").write_bytes(small(metadata=said))
    done = fovea("models", "inspect", tmp_path / "m.onnx", "--no-run")
    shown = done.stdout + done.stderr
    assert "MIT" in shown and "detect" in shown and ("cat" in shown or task != "detect")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", shown), repr(shown)
