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
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Page, sync_playwright

from tests.browser.server import free_port
from tests.browser.tab import FLAGS
from vae import DataConfig, Run, Trainer, load_dataset
from vae.config.schema import suggest

CELLS = [
    "import json, vae\nrun = vae.Run.open('first')\nw = vae.show(run)\nw",
    "print('VALUE', json.dumps(w.value))",
    "w.value = {'point': [0.5, -0.5], 'selection': w.value['selection'][:5]}\nprint('SET')",
    "second = vae.Run.open('second')\nlive = second.show(parts=['curves', 'image'])\nlive",
    "trainer = vae.Trainer(second, vae.load_dataset(second.config.data))\nfor _ in trainer.train():\n    pass\n"
    "print('TRAINED')",
]


def main() -> None:
    """Print the table; the exit code is 1 if anything does not work."""
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder))
    width = max(len(name) for name, _ in rows)
    for name, found in rows:
        print(f"{name:<{width}}  {found}")
    sys.exit(any(found.startswith("no") for _, found in rows))


def measure(folder: Path) -> list[tuple[str, str]]:
    """What works, and in what time."""
    prepare(folder)
    write(folder / "explorer.ipynb", CELLS)
    with jupyter(folder) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        elsewhere: list[str] = []
        errors: list[str] = []

        def answer(route: Any) -> None:
            if route.request.url.startswith(address):
                route.continue_()
            else:
                elsewhere.append(route.request.url)
                route.abort()

        page.route("http*://**", answer)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{address}lab/tree/explorer.ipynb")
        rows = explore(page)
        rows.append(("requests elsewhere", str(len(elsewhere)) if not elsewhere else f"no: {elsewhere[:3]}"))
        rows.append(("errors of the page", "none" if not errors else f"no: {errors[:2]}"))
        browser.close()
    return rows + saved(folder / "explorer.ipynb")


def prepare(folder: Path) -> None:
    """A run that is trained, and one that is not."""
    data = load_dataset(DataConfig())
    for name, epochs in (("first", 3), ("second", 30)):
        config = suggest("digits")
        config = config.replace(
            model=config.model.replace(latent_dim=2), train=config.train.replace(epochs=epochs)
        )
        run = Run.create(folder / name, config, data.info())
        if name == "first":
            for _ in Trainer(run, data).train():
                pass


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
    process = subprocess.Popen(
        [sys.executable, "-m", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}/"
    try:
        wait(lambda: answers(f"{address}api"), "JupyterLab did not start", 60)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def answers(address: str) -> bool:
    """Whether somebody is there."""
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def wait(holds: Callable[[], Any], words: str, seconds: float = 60) -> float:
    """Until something holds; the seconds that it took."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > seconds:
            raise TimeoutError(words)
        time.sleep(0.1)
    return time.monotonic() - began


MARKS = """([part, last]) => {
  const hosts = [...document.querySelectorAll(".jp-OutputArea-output *")]
    .filter((node) => node.shadowRoot?.querySelector(".ll-explorer"))
  const place = hosts.at(last ? -1 : 0)?.shadowRoot.querySelector(`[data-part=${part}]`)
  return {...place?.shadowRoot?.querySelector(".ll")?.dataset}
}"""


def explore(page: Page) -> list[tuple[str, str]]:
    """Drag, click, lasso, set, and train."""
    rows: list[tuple[str, str]] = []

    def marks(part: str, last: bool = False) -> dict[str, str]:
        return page.evaluate(MARKS, [part, last])  # type: ignore[no-any-return]

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
        page.evaluate("() => {}")
        run_cell(1)
        wait(
            lambda: "VALUE" in output(1) and "[*]" not in page.locator(".jp-CodeCell").nth(1).inner_text(),
            "no value",
        )
        page.wait_for_timeout(600)
        return json.loads(output(1).split("VALUE", 1)[1].strip())  # type: ignore[no-any-return]

    page.locator(".jp-CodeCell").first.wait_for(timeout=60_000)
    wait(
        lambda: (
            "Idle"
            in page.locator(".jp-Notebook-ExecutionIndicator, .jp-NotebookPanel-toolbar").first.evaluate(
                "(node) => node.dataset.status ? 'Idle' : node.innerText + ' Idle'"
            )
        ),
        "no kernel",
    )
    page.wait_for_timeout(2000)
    run_cell(0)
    seconds = wait(
        lambda: marks("map").get("ready") and marks("image").get("source") == "browser", "no explorer", 90
    )
    rows.append(("cell run to explorer with image and map", f"{seconds:.1f} s"))

    rail = page.locator("[data-part=sliders] input[type=range]").first.bounding_box()
    assert rail is not None
    decoded, y = int(marks("image")["decoded"]), rail["y"] + rail["height"] / 2
    page.mouse.move(rail["x"] + rail["width"] / 2, y)
    page.mouse.down()
    for step in range(1, 11):
        page.mouse.move(rail["x"] + rail["width"] * (0.5 + 0.03 * step), y)
        page.wait_for_timeout(30)
    during = int(marks("image")["decoded"]) - decoded
    page.mouse.up()
    first = value()
    rows.append(
        (
            "drag: images meanwhile, point in Python",
            f"{during}, {first['point']}" if first["point"][0] else "no",
        )
    )

    chart = page.locator("[data-part=map] .chart").first
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 0.4 * box["width"], box["y"] + 0.45 * box["height"])
    second = value()
    rows.append(
        ("map click reaches Python", str(second["point"]) if second["point"] != first["point"] else "no")
    )

    page.locator("[data-part=map] [data-action=lasso]").first.click()
    box = chart.bounding_box()
    assert box is not None
    corners = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.85), (0.1, 0.85), (0.1, 0.12)]
    places = [(box["x"] + u * box["width"], box["y"] + v * box["height"]) for u, v in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=5)
    page.mouse.up()
    third = value()
    rows.append(("lasso reaches Python", f"{len(third['selection'])} images" if third["selection"] else "no"))

    run_cell(2)
    wait(lambda: "SET" in output(2), "not set")
    seconds = wait(
        lambda: marks("map").get("selected") == "5", "the page did not hear Python's selection", 20
    )
    slider = page.locator("[data-part=sliders] input[type=range]").first.evaluate(
        "(node) => Number(node.value)"
    )
    rows.append(
        (
            "Python sets point and selection",
            f"{seconds:.1f} s" if abs(abs(slider) - 0.5) < 0.01 else f"no: {slider}",
        )
    )

    run_cell(3)
    wait(lambda: "lines" in marks("curves", True), "no curves")
    run_cell(4)
    began = time.monotonic()
    wait(lambda: int(marks("curves", True).get("lines", "0")) > 0, "no line while training")
    while_training = "TRAINED" not in output(4)
    early = marks("curves", True)["step"]
    rows.append(
        (
            "live curves of a Trainer in another cell",
            f"step {early} after {time.monotonic() - began:.1f} s"
            if while_training
            else "no: only at the end",
        )
    )
    wait(lambda: "TRAINED" in output(4), "training did not end", 180)
    wait(lambda: int(marks("curves", True)["step"]) > int(early), "curves do not go on", 20)
    wait(lambda: marks("image", True).get("source") == "browser", "no image of the trained run", 30)
    rows.append(("curves at the end, image of the trained run", f"step {marks('curves', True)['step']}"))
    page.keyboard.press("Control+s")
    page.wait_for_timeout(2500)
    return rows


def saved(path: Path) -> list[tuple[str, str]]:
    """What a saved notebook holds for where no widgets run."""
    notebook = nbformat.read(path, 4)
    pictures = [
        output["data"]["image/png"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    rows = [
        (
            "saved notebook keeps pictures",
            f"{len(pictures)}, {path.stat().st_size // 1024} kB" if pictures else "no",
        )
    ]
    page = subprocess.run(
        [sys.executable, "-m", "jupyter", "nbconvert", "--to", "html", "--stdout", str(path)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    rows.append(("shown where widgets do not run", "picture" if "data:image/png;base64" in page else "no"))
    return rows


if __name__ == "__main__":
    main()
