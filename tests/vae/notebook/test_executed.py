"""A notebook, executed as `nbclient` does it: the cell keeps the widget and a picture, and the value is Python's."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from vae.runs.run import Run

# Jupyter's own packages warn of their ways into later versions.
pytestmark = pytest.mark.filterwarnings("default")


def test_a_notebook_is_executed(trained_run: Run, tmp_path: Path) -> None:
    cells = [
        f"import vae\nrun = vae.Run.open({str(trained_run.path)!r})\nw = vae.show(run)\nw",
        "w.value = {'selection': [1, 2]}\nprint(w.value['selection'])",
        "run",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    client = NotebookClient(
        notebook, timeout=90, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    shown, said, card = (cell["outputs"][-1] for cell in notebook.cells)
    assert {"application/vnd.jupyter.widget-view+json", "image/png"} <= set(shown["data"])
    assert said["text"].strip() == "[1, 2]"
    assert "latent dimensions" in card["data"]["text/html"]
