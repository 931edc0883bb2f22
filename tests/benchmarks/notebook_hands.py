"""A person's hands on an explorer in a notebook, whichever notebook it is: what its parts say, drag, click, lasso."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Error, Page

from tests.browser.stroke import stroke
from vae import DataConfig, Run, Trainer, load_dataset
from vae.config.suggestions import suggest


def prepare(folder: Path) -> None:
    """Two runs on the digits: ``first`` is trained, ``second`` is not."""
    data = load_dataset(DataConfig())
    for name, epochs in (("first", 40), ("second", 60)):
        config = suggest("digits")
        config = config.replace(
            model=config.model.replace(latent_dim=2), train=config.train.replace(epochs=epochs)
        )
        run = Run.create(folder / name, config, data.info())
        if name == "first":
            for _ in Trainer(run, data).train():
                pass


def answers(address: str) -> bool:
    """Whether a server is there."""
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def notebooks(folder: Path, words: list[str], address: str, **variables: str) -> Iterator[None]:
    """A server of notebooks in a folder, `python -m` so many words, until the block ends; it answers at an address."""
    process = subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=folder,
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait(lambda: answers(address), f"{words[0]} did not start", 60)
        yield
    finally:
        process.terminate()
        process.wait(30)


def wait(holds: Callable[[], Any], words: str, seconds: float = 60) -> float:
    """Until something holds; the seconds that it took."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > seconds:
            raise TimeoutError(words)
        time.sleep(0.1)
    return time.monotonic() - began


class Rows(list[tuple[str, str]]):
    """A table that is printed as it grows."""

    def add(self, name: str, found: str) -> None:
        """One line; what begins with "no" did not work."""
        self.append((name, found))
        print(f"{name:<46}  {found}", flush=True)


def walked(page: Page, rows: Rows, *walks: Callable[[Page, Rows], None]) -> None:
    """All walks, as far as they come; LATENT_LAB_PICTURE names a file for a picture of the end."""
    try:
        for walk in walks:
            walk(page, rows)
    except (TimeoutError, Error) as error:
        rows.add("broken off", f"no: {str(error).splitlines()[0]}")
    if picture := os.environ.get("LATENT_LAB_PICTURE"):
        page.screenshot(path=picture)


class Guard:
    """Refuses every request that leaves a server of one's own, and remembers these and the page's errors."""

    def __init__(self, page: Page, address: str) -> None:
        self.elsewhere: list[str] = []
        self.errors: list[str] = []
        self._address = address
        page.route("http*://**", self._answer)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)

    def _answer(self, route: Any) -> None:
        if route.request.url.startswith(self._address):
            route.continue_()
        else:
            self.elsewhere.append(route.request.url)
            route.abort()

    def tell(self, rows: Rows) -> None:
        """As lines of the table."""
        rows.add(
            "requests elsewhere", "0" if not self.elsewhere else f"no: {sorted(set(self.elsewhere))[:4]}"
        )
        rows.add("errors in the console", "0" if not self.errors else f"no: {self.errors[:3]}")


class Hands:
    """One explorer of a page.

    Args:
        page: The page.
        place: Which of its explorers, from 0.
    """

    def __init__(self, page: Page, place: int = 0) -> None:
        self.page, self.place = page, place

    def part(self, name: str) -> Any:
        """A part of it, through all shadow roots."""
        return self.page.locator(".ll-explorer").nth(self.place).locator(f"[data-part={name}]")

    def marks(self, name: str) -> dict[str, str]:
        """What a part says of itself; empty before it is drawn."""
        drawn = self.part(name).locator(".ll")
        if not drawn.count():
            return {}
        found: dict[str, str] = drawn.first.evaluate("(node) => ({...node.dataset})")
        return found

    def is_ready(self) -> bool:
        """Whether the image is decoded in the browser."""
        return self.marks("image").get("source") == "browser"

    def slider(self) -> float:
        """Where the first slider stands."""
        return float(
            self.part("sliders").locator("input[type=range]").first.evaluate("(node) => Number(node.value)")
        )

    def drag(self) -> int:
        """Drag the first slider to the right and let go; the images that were decoded meanwhile."""
        rail = self.part("sliders").locator("input[type=range]").first
        rail.scroll_into_view_if_needed()
        box = rail.bounding_box()
        decoded, y = int(self.marks("image")["decoded"]), box["y"] + box["height"] / 2
        self.page.mouse.move(box["x"] + box["width"] / 2, y)
        self.page.mouse.down()
        for step in range(1, 11):
            self.page.mouse.move(box["x"] + box["width"] * (0.5 + 0.03 * step), y)
            self.page.wait_for_timeout(30)
        during = int(self.marks("image")["decoded"]) - decoded
        self.page.mouse.up()
        return during

    def _chart(self) -> Any:
        chart = self.part("map").locator(".chart").first
        chart.scroll_into_view_if_needed()
        return chart.bounding_box()

    def click(self) -> None:
        """Click the map."""
        box = self._chart()
        self.page.mouse.click(box["x"] + 0.4 * box["width"], box["y"] + 0.45 * box["height"])

    def lasso(self) -> None:
        """A lasso around nearly everything."""
        self.part("map").locator("[data-action=lasso]").first.click()
        box = self._chart()
        corners = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.85), (0.1, 0.85), (0.1, 0.12)]
        places = [(box["x"] + u * box["width"], box["y"] + v * box["height"]) for u, v in corners]
        stroke(self.page, places)


def value_in(text: str, word: str) -> dict[str, Any] | None:
    """The value that a cell prints between two words; None if it does not yet. Code that names them is none."""
    found = re.search(rf'{word}({{"point".*?}}){word}END', text)
    return None if found is None else json.loads(found[1])
