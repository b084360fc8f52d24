"""The notebook runs from its first cell to its last, and shows what it promises."""
import os

import pytest
from places import DOG, EXAMPLES, SANITIZED, YOLOX

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
pytest.importorskip("matplotlib")
NOTEBOOK = EXAMPLES / "fovea.ipynb"


def outputs(notebook, kind):
    return [out for cell in notebook.cells if cell.cell_type == "code" for out in cell.outputs if out.output_type == kind]


def test_it_is_committed_without_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code and all(not cell.outputs and cell.execution_count is None for cell in code)


@pytest.mark.skipif(SANITIZED, reason="the notebook's kernel is no sanitized program")
@pytest.mark.parametrize("real", [False, True])
def test_it_runs(real, monkeypatch, tmp_path):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path))
    if real:
        if not YOLOX.exists():
            pytest.skip("no shared models")
        monkeypatch.setenv("FOVEA_EXAMPLE_PICTURE", str(DOG))
    monkeypatch.setenv("FOVEA_EXAMPLE_MODEL", str(YOLOX) if real else "fake:")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(EXAMPLES)}}).execute()
    said = "".join(out.text for out in outputs(notebook, "stream") if out.name == "stdout")
    pictures = [out for out in outputs(notebook, "display_data") if "image/png" in out.data]
    assert len(pictures) == 3 and all(len(picture.data["image/png"]) > 10_000 for picture in pictures), "boxes, latency, pitch"
    assert "of 60 frames within 200 ms" in said and "teams" in said, said
    people = int(said.rsplit(" people", 1)[0].split()[-1])
    assert people >= 5 and (f"{YOLOX.stem}" in said) == real, said
    if os.environ.get("FOVEA_KEEP_NOTEBOOK"):
        nbformat.write(notebook, os.environ["FOVEA_KEEP_NOTEBOOK"])
