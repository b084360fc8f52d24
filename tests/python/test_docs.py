"""docs/python.md, and the README of it: the programs run, and the names in its tables are there."""
import inspect
import re

import fovea
import pytest
from fovea import client, realtime
from places import ROOT
from servers import picture, server, start_server  # noqa: F401

PAGE = (ROOT / "docs/python.md").read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE + (ROOT / "README.md").read_text(), re.S)


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_programs_run(number, server, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "street.jpg").write_bytes(picture())
    text = PROGRAMS[number]
    for said, here in (("fovea.Model()", 'fovea.Model("fake:")'), ("Stream(max", 'Stream("fake:", max'), ("rtsp://10.0.0.7/1", "pattern:frames=20"),
                       ("http://127.0.0.1:8440", server.url)):
        text = text.replace(said, here)
    exec(compile(text, f"program {number} of docs/python.md", "exec"), {"pictures": [picture()] * 5})
    assert len(capsys.readouterr().out.splitlines()) >= 1


def test_the_page_has_programs():
    assert len(PROGRAMS) == 3


def rows():
    for line in PAGE.splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def test_classes_in_the_tables_are_there():
    """The first word of a row, where it is a name of the documents: `Name(argument=default, …)`."""
    seen = 0
    for row in rows():
        found = re.match(r"`([A-Za-z]\w+)\(([^`]*)\)`", row[0])
        if not found or found[1] in dir(client.Server):
            continue
        made = getattr(realtime, found[1])
        parameters = inspect.signature(made).parameters
        for argument in filter(None, re.split(r",\s*(?![^(\[]*[)\]])", found[2])):
            name, _, default = argument.partition("=")
            if name.strip() in ("…", "*"):
                continue
            assert name.strip() in parameters, f"{found[1]} has no {name}"
            if default:
                assert repr(parameters[name.strip()].default) == repr(eval(default)), argument
        seen += 1
    assert seen >= 15


def test_calls_of_the_client_are_there():
    table = PAGE.split("| call | endpoint |")[1].split("\n\n")[0]
    names = set(re.findall(r"`(\w+)(?:\(|`)", table)) - {"config"}
    assert len(names) > 20
    for name in names:
        where = client.DetectionSession if name in ("configure",) else client.Server
        assert hasattr(where, name) or hasattr(client, name), name
        assert hasattr(client.AsyncServer, name) or where is client.DetectionSession or hasattr(client, name), name


def test_functions_of_c_in_the_tables_are_there():
    declared = "".join(path.read_text() for path in (ROOT / "include/fovea").glob("*.h"))
    names = {name for row in rows() for name in re.findall(r"\bfov_\w+", row[-1])}
    assert len(names) > 20
    for name in names:
        assert re.search(rf"\b{name}\b", declared), name


def test_errors_of_the_page_are_there():
    section = PAGE.split("## Errors")[1].split("## A client")[0]
    for name in re.findall(r"`([A-Z]\w+)`", section):
        assert hasattr(fovea, name) or hasattr(__builtins__, name) or name in dir(__import__("builtins")), name
    for name in re.findall(r"`([A-Z]\w+)`", PAGE.split("`fovea.client` raises")[1].split("\n\n")[0]):
        assert hasattr(client, name), name
