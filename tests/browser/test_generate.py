"""New images: of the class that was picked, and the same ones again by their link."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from vae.data import Dataset

if TYPE_CHECKING:
    from tests.browser.conftest import App, Browse, Server, Shelf

GAP = 2


@pytest.fixture(scope="module", autouse=True)
def runs(server: Server, shelf: Shelf) -> Iterator[None]:
    """The runs that these tests generate from."""
    shelf.put("digits", server, "generate-digits")
    shelf.put("digits-conditional", server, "generate-conditional")
    yield


def shown(app: App) -> bytes:
    """The sheet as the page shows it."""
    picture = app.page.locator('[data-testid="stImage"] img')
    picture.wait_for()
    address = picture.evaluate("node => node.currentSrc")
    return bytes(
        app.page.evaluate("async url => [...new Uint8Array(await (await fetch(url)).arrayBuffer())]", address)
    )


def downloaded(app: App) -> NDArray[np.uint8]:
    """The images of the sheet that the page offers, pixel for pixel, (N, 8, 8)."""
    with app.page.expect_download() as waiting:
        app.button("Download PNG").click()
    picture = np.asarray(Image.open(io.BytesIO(Path(waiting.value.path()).read_bytes())).convert("RGBA"))
    rows, columns = ((size + GAP) // (8 + GAP) for size in picture.shape[:2])
    padded = np.pad(picture, ((0, GAP), (0, GAP), (0, 0)))
    cells = (
        padded.reshape(rows, 8 + GAP, columns, 8 + GAP, 4)[:, :8, :, :8].swapaxes(1, 2).reshape(-1, 8, 8, 4)
    )
    return cells[cells[..., 3].min((1, 2)) == 255][..., 0]


def pick(app: App, name: str) -> None:
    app.page.get_by_role("radiogroup").get_by_text(name, exact=True).click()
    app.until(lambda: app.query().get("y") == name, "the address did not follow")
    app.idle()


def test_picked_digit_is_what_the_grid_shows(app: App, digits: Dataset) -> None:
    images, labels = digits.part("train")
    assert labels is not None
    means = (
        np.stack([images[labels == label].float().mean(0)[0].numpy() for label in range(10)])
        / digits.max_value
    )
    app.open("generate", run="generate-conditional")
    sheets = []
    for digit in (0, 3, 7):
        pick(app, str(digit))
        cells = downloaded(app) / 255.0
        assert cells.shape == (36, 8, 8)
        distances = ((means - cells.mean(0)) ** 2).sum((1, 2))
        assert distances.argmin() == digit
        assert cells.std(0).max() > 0.05, "all images are the same"
        sheets.append(cells)
    assert not np.array_equal(sheets[0], sheets[1])


def test_seed_temperature_and_number_are_in_the_link_and_give_the_same_images(
    app: App, browse: Browse, server: Server
) -> None:
    app.open("generate", run="generate-conditional", y=5)
    first = shown(app)
    app.button("Draw again").click()
    app.until(lambda: app.query().get("seed") == "1", "no other seed")
    app.idle()
    assert shown(app) != first
    move(app, "Temperature", "Home")
    app.until(lambda: app.query().get("temperature") == "0", "the address did not follow")
    app.idle()
    same = downloaded(app)
    assert (same == same[0]).all(), "temperature 0 is the prior's mean alone"
    move(app, "Temperature", *["ArrowRight"] * 10)
    app.until(lambda: app.query().get("temperature") == "0.5", "the address did not follow")
    move(app, "Images", *["ArrowLeft"] * 2)
    app.until(lambda: app.query().get("num") == "34", "the address did not follow")
    app.idle()
    assert len(downloaded(app)) == 34
    assert app.query() == {
        "run": "generate-conditional",
        "y": "5",
        "seed": "1",
        "temperature": "0.5",
        "num": "34",
    }
    other = browse(server)
    other.page.goto(app.page.url)
    other.ready()
    other.idle()
    assert shown(other) == shown(app)
    assert "class 5" in other.page.locator('[data-testid="stImage"]').inner_text()


def test_run_without_labels_says_why_no_class_can_be_picked(app: App) -> None:
    app.open("generate", run="generate-digits")
    shown(app)
    assert "trained without labels" in app.page.locator('[data-testid="stMain"]').inner_text()
    assert app.page.get_by_role("radiogroup").count() == 0
    assert len(downloaded(app)) == 36


def move(app: App, label: str, *keys: str) -> None:
    """Move one of Streamlit's sliders by its keyboard."""
    handle: Any = app.page.get_by_role("group", name=label, exact=True).locator("input[type=range]")
    handle.focus()
    for key in keys:
        app.page.keyboard.press(key)
