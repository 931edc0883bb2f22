"""The explorer in JupyterLab, opened in Chromium: what of it works, as a table.

    python -m tests.benchmarks.notebook_in_jupyterlab

Needs the extra `notebooks` and Chromium. It trains a small run on the digits, starts a JupyterLab of its own on
127.0.0.1, and refuses every request to elsewhere.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Page, sync_playwright

from tests.benchmarks.notebook_hands import Guard, Hands, Rows, notebooks, prepare, wait, walked
from tests.browser.server import free_port
from tests.browser.tab import FLAGS

CELLS = [
    "import json, vae\nrun = vae.Run.open('first')\nw = vae.show(run)\nw",
    "print('VALUE', json.dumps(w.value))",
    "w.value = {'point': [0.5, -0.5], 'selection': w.value['selection'][:5]}\nprint('SET')",
    "w",
    "second = vae.Run.open('second')\nlive = second.show(parts=['curves', 'image'])\nlive",
    "trainer = vae.Trainer(second, vae.load_dataset(second.config.data))\nfor _ in trainer.train():\n    pass\n"
    "print('TRAINED')",
]


def main() -> None:
    """Print the table; the exit code is 1 if anything does not work."""
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder))
    sys.exit(any(found.startswith("no") for _, found in rows))


def measure(folder: Path) -> Rows:
    """What works, and in what time."""
    prepare(folder)
    write(folder / "explorer.ipynb", CELLS)
    with jupyter(folder) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        guard = Guard(page, address)
        page.goto(f"{address}lab/tree/explorer.ipynb")
        rows = Rows()
        walked(page, rows, explore, restarted)
        guard.tell(rows)
        browser.close()
    saved(folder / "explorer.ipynb", rows)
    return rows


def write(path: Path, cells: list[str]) -> None:
    """A notebook of code cells."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)


@contextmanager
def jupyter(folder: Path) -> Iterator[str]:
    """A JupyterLab of one's own."""
    port = free_port()
    words = ["jupyter", "lab", "--no-browser", f"--ServerApp.port={port}", "--IdentityProvider.token="]
    words += [
        "--allow-root",
        f"--ServerApp.root_dir={folder}",
        "--LabApp.news_url=",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    address = f"http://127.0.0.1:{port}/"
    with notebooks(folder, words, f"{address}api"):
        yield address


def explore(page: Page, rows: Rows) -> None:
    """Drag, click, lasso, set, show twice, and train."""
    first = Hands(page)

    def output(index: int) -> str:
        return str(
            page.evaluate(
                "(k) => document.querySelectorAll('.jp-CodeCell')[k]?.querySelector('.jp-OutputArea')?.innerText ?? ''",
                index,
            )
        )

    def run_cell(index: int) -> None:
        page.locator(".jp-CodeCell").nth(index).locator(".cm-content").click()
        page.keyboard.press("Control+Enter")

    def value() -> dict[str, Any]:
        run_cell(1)
        wait(
            lambda: "VALUE" in output(1) and "[*]" not in page.locator(".jp-CodeCell").nth(1).inner_text(),
            "no value",
        )
        page.wait_for_timeout(600)
        return json.loads(output(1).split("VALUE", 1)[1].strip())  # type: ignore[no-any-return]

    page.locator(".jp-CodeCell").first.wait_for(timeout=60_000)
    page.locator("[data-status=idle]").first.wait_for(timeout=60_000)
    page.wait_for_timeout(2000)
    run_cell(0)
    seconds = wait(lambda: first.marks("map").get("ready") and first.is_ready(), "no explorer", 90)
    rows.add("cell run to explorer with image and map", f"{seconds:.1f} s")

    during = first.drag()
    found = value()
    words = f"{during}, {found['point']}" if any(found["point"]) else "no"
    rows.add("drag: images meanwhile, point in Python", words)
    first.click()
    clicked = value()
    rows.add(
        "map click reaches Python", str(clicked["point"]) if clicked["point"] != found["point"] else "no"
    )
    first.lasso()
    selection = value()["selection"]
    rows.add("lasso reaches Python", f"{len(selection)} images" if selection else "no")

    run_cell(2)
    wait(lambda: "SET" in output(2), "not set")
    seconds = wait(lambda: first.marks("map").get("selected") == "5", "the page did not hear Python", 20)
    stands = first.slider()
    good = abs(abs(stands) - 0.5) < 0.01
    rows.add("Python sets point and selection", f"{seconds:.1f} s" if good else f"no: {stands}")

    run_cell(3)
    again = Hands(page, 1)
    wait(lambda: again.is_ready() and again.marks("map").get("ready"), "no second view", 30)
    again.drag()
    try:
        wait(lambda: abs(first.slider() - again.slider()) < 1e-6 and again.slider() != stands, "apart", 5)
        rows.add("shown twice: both views at", f"{first.slider():g}")
    except TimeoutError:
        rows.add("shown twice: both views at", f"no: {first.slider():g} and {again.slider():g}")

    run_cell(4)
    live = Hands(page, 2)
    wait(lambda: "lines" in live.marks("curves"), "no curves")
    run_cell(5)
    began = time.monotonic()
    wait(lambda: int(live.marks("curves").get("lines", "0")) > 0, "no line while training")
    early, while_training = live.marks("curves")["step"], "TRAINED" not in output(5)
    words = f"step {early} after {time.monotonic() - began:.1f} s"
    rows.add("live curves of a Trainer in another cell", words if while_training else "no: only at the end")
    wait(lambda: "TRAINED" in output(5), "training did not end", 180)
    wait(lambda: int(live.marks("curves")["step"]) > int(early), "curves do not go on", 20)
    wait(live.is_ready, "no image of the trained run", 30)
    rows.add("curves at the end, image of the trained run", f"step {live.marks('curves')['step']}")
    page.keyboard.press("Control+s")
    page.wait_for_timeout(2500)


def restarted(page: Page, rows: Rows) -> None:
    """The kernel starts anew: what is shown stays, and is decoded in the browser."""
    page.evaluate(
        """async () => {
          const sessions = await (await fetch("/api/sessions")).json()
          const token = document.cookie.match(/_xsrf=([^;]+)/)?.[1] ?? ""
          const address = `/api/kernels/${sessions[0].kernel.id}/restart`
          await fetch(address, { method: "POST", headers: { "X-XSRFToken": token } })
        }"""
    )
    page.wait_for_timeout(3000)
    during = Hands(page).drag()
    rows.add("kernel restarted: images while dragging", str(during) if during else "no")


def saved(path: Path, rows: Rows) -> None:
    """What a saved notebook holds for where no widgets run."""
    notebook = nbformat.read(path, 4)
    pictures = [
        output["data"]["image/png"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    words = f"{len(pictures)}, {path.stat().st_size // 1024} kB" if pictures else "no"
    rows.add("saved notebook keeps pictures", words)
    page = subprocess.run(
        [sys.executable, "-m", "jupyter", "nbconvert", "--to", "html", "--stdout", str(path)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    rows.add("shown where widgets do not run", "picture" if "data:image/png;base64" in page else "no")


if __name__ == "__main__":
    main()
