"""The explorer in marimo, opened in Chromium: what of it works, as a table.

    python -m tests.benchmarks.notebook_in_marimo            # marimo edit
    python -m tests.benchmarks.notebook_in_marimo run        # marimo run, as an app

Needs the extra `notebooks` and Chromium. It trains a small run on the digits, starts a marimo of its own on 127.0.0.1,
and refuses every request to elsewhere.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.benchmarks.notebook_hands import Guard, Hands, Rows, notebooks, prepare, value_in, wait, walked
from tests.browser.server import free_port
from tests.browser.tab import FLAGS

NOTEBOOK = """
import marimo

app = marimo.App(width="full")


@app.cell
def _():
    import json

    import marimo as mo
    import vae

    run = vae.Run.open("first")
    return json, mo, run, vae


@app.cell
def _(mo, run):
    explorer = mo.ui.anywidget(run.show())
    explorer
    return (explorer,)


@app.cell
def _(explorer, json, mo):
    mo.plain_text("WRAPPED" + json.dumps(explorer.value["value"]) + "WRAPPEDEND")
    return


@app.cell
def _(mo):
    move = mo.ui.run_button(label="Set the point")
    move
    return (move,)


@app.cell
def _(explorer, move):
    if move.value:
        explorer.widget.value = {"point": [0.5, -0.5], "selection": explorer.widget.value["selection"][:5]}
    return


@app.cell
def _(run):
    plain = run.show(parts=["sliders", "image"])
    plain
    return (plain,)


@app.cell
def _(mo):
    read = mo.ui.run_button(label="Read the plain one")
    read
    return (read,)


@app.cell
def _(json, mo, plain, read):
    mo.plain_text(f"PLAIN{json.dumps(plain.value)}PLAINEND" if read.value else "")
    return


@app.cell
def _(vae):
    second = vae.Run.open("second")
    live = second.show(parts=["curves", "image"])
    live
    return (second,)


@app.cell
def _(mo):
    train = mo.ui.run_button(label="Train it")
    train
    return (train,)


@app.cell
def _(mo, second, train, vae):
    if train.value:
        trainer = vae.Trainer(second, vae.load_dataset(second.config.data))
        for _ in trainer.train():
            pass
    mo.plain_text(f"TRAINED {1 + 1}" if train.value else "")
    return


@app.cell
def _(second):
    second
    return


if __name__ == "__main__":
    app.run()
"""


def main() -> None:
    """Print the table; the exit code is 1 if anything does not work."""
    mode = sys.argv[1] if len(sys.argv) > 1 else "edit"
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder), mode)
    sys.exit(any(found.startswith("no") for _, found in rows))


def measure(folder: Path, mode: str) -> Rows:
    """What works, and in what time."""
    prepare(folder)
    (folder / "explorer.py").write_text(NOTEBOOK, "utf-8")
    with marimo(folder, mode) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        guard = Guard(page, address)
        page.goto(address)
        rows = Rows()
        rows.add("marimo", mode)
        walked(page, rows, explore)
        guard.tell(rows)
        browser.close()
    return rows


@contextmanager
def marimo(folder: Path, mode: str) -> Iterator[str]:
    """A marimo of one's own."""
    settings = folder / "config" / "marimo" / "marimo.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text("[runtime]\nauto_instantiate = true\n", "utf-8")
    port = free_port()
    words = [mode, "explorer.py", "--headless", "--no-token", "--host=127.0.0.1", f"--port={port}"]
    words += ["--skip-update-check"] if mode == "edit" else []
    address = f"http://127.0.0.1:{port}/"
    places = {"XDG_CONFIG_HOME": str(folder / "config"), "XDG_STATE_HOME": str(folder / "state")}
    with notebooks(folder, ["marimo", "-q", *words], f"{address}health", **places):
        yield address


def explore(page: Page, rows: Rows) -> None:
    """Drag, click, lasso, set, train, and open again."""
    first, plain, live = Hands(page), Hands(page, 1), Hands(page, 2)

    def text() -> str:
        return page.locator("body").inner_text()

    def value(word: str) -> Any:
        return value_in(text(), word)

    def press(label: str) -> None:
        page.get_by_role("button", name=label).first.click()

    seconds = wait(lambda: first.is_ready() and first.marks("map").get("ready"), "no explorer", 120)
    rows.add("page opened to explorer with image and map", f"{seconds:.1f} s")
    during = first.drag()
    wait(lambda: any(value("WRAPPED")["point"]), "a drag did not reach Python", 20)
    rows.add("drag: images meanwhile, point in another cell", f"{during}, {value('WRAPPED')['point']}")
    before = value("WRAPPED")["point"]
    first.click()
    wait(lambda: value("WRAPPED")["point"] != before, "a click did not reach Python", 20)
    rows.add("map click reaches another cell", str(value("WRAPPED")["point"]))
    first.lasso()
    wait(lambda: value("WRAPPED")["selection"], "a lasso did not reach Python", 20)
    rows.add("lasso reaches another cell", f"{len(value('WRAPPED')['selection'])} images")

    press("Set the point")
    seconds = wait(lambda: first.marks("map").get("selected") == "5", "the page did not hear Python", 20)
    stands = first.slider()
    good = abs(abs(stands) - 0.5) < 0.01
    rows.add("Python sets point and selection", f"{seconds:.1f} s" if good else f"no: {stands}")

    wait(plain.is_ready, "no plain explorer", 60)
    during = plain.drag()
    page.wait_for_timeout(300)
    press("Read the plain one")
    wait(lambda: value("PLAIN"), "no plain value", 20)
    found = value("PLAIN")["point"]
    rows.add("plain run.show(): drag, point in Python", f"{during}, {found}" if any(found) else "no")

    wait(lambda: "lines" in live.marks("curves"), "no curves", 30)
    press("Train it")
    began = time.monotonic()
    wait(lambda: int(live.marks("curves").get("lines", "0")) > 0, "no line while training")
    early, while_training = live.marks("curves")["step"], "TRAINED 2" not in text()
    words = f"step {early} after {time.monotonic() - began:.1f} s"
    rows.add("live curves of a Trainer in another cell", words if while_training else "no: only at the end")
    wait(lambda: "TRAINED 2" in text(), "training did not end", 240)
    wait(lambda: int(live.marks("curves")["step"]) > int(early), "curves do not go on", 20)
    wait(live.is_ready, "no image of the trained run", 30)
    rows.add("curves at the end, image of the trained run", f"step {live.marks('curves')['step']}")
    rows.add("a run draws itself", "yes" if "latent dimensions" in text() else "no")

    point = first.slider()
    page.reload()
    seconds = wait(
        lambda: first.is_ready() and first.marks("map").get("ready"), "no explorer after a reload", 120
    )
    rows.add("page opened again", f"{seconds:.1f} s, first slider at {first.slider():g} (was {point:g})")


if __name__ == "__main__":
    main()
