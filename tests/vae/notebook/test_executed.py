"""A notebook, executed as `nbclient` does it: cells keep widgets and pictures, which its page shows without widgets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vae.runs.run import Run

# Jupyter's own packages warn of their ways into later versions.
pytestmark = pytest.mark.filterwarnings("default")


def test_a_notebook_is_executed_and_read_without_widgets(trained_run: Run, tmp_path: Path) -> None:
    # They take seconds to load, which every worker of the tests would wait for.
    import nbformat
    from nbclient import NotebookClient
    from nbconvert import HTMLExporter

    cells = [
        f"import vae\nrun = vae.Run.open({str(trained_run.path)!r})\nw = vae.show(run)\nw",
        "w.value = {'selection': [1, 2]}\nprint(w.value['selection'])",
        "run",
        "run.show(parts=['map'])",
        "run.show(parts=['curves'])",
        "vae.load_model(run)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    client = NotebookClient(
        notebook, timeout=90, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    shown, said, card, on_map, curves, model = (cell["outputs"][-1] for cell in notebook.cells)
    for output in (shown, on_map, curves):
        assert {"application/vnd.jupyter.widget-view+json", "image/png"} <= set(output["data"])
    assert said["text"].strip() == "[1, 2]"
    assert "latent dimensions" in card["data"]["text/html"] and "likelihood" in model["data"]["text/html"]

    # Whoever keeps the widgets' state keeps their pictures with it: they are shown while no kernel answers.
    states = notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    kept = [one["state"]["_picture"] for one in states.values() if "_library" in one["state"]]
    assert kept == [output["data"]["image/png"].strip() for output in (shown, on_map, curves)]

    del notebook.metadata["widgets"]
    page, _ = HTMLExporter().from_notebook_node(notebook)
    pictures = re.findall(r'<img[^>]*src="data:image/png;base64,([^"]+)"', page)
    assert len(pictures) == 3 and len(set(pictures)) == 3
    assert "widget-view+json" not in page
