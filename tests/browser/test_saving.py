"""Every chart and grid of images can be saved: PNG of twice its size, SVG with its text as text, CSV with units."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest
from PIL import Image

from vae.config.schema import ModelConfig, RunConfig, TrainConfig
from vae.runs.run import Run

if TYPE_CHECKING:
    from tests.browser.server import Server
    from tests.browser.shelf import Shelf
    from tests.browser.tab import App, Watch

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def run(server: Server, shelf: Shelf) -> Run:
    train = TrainConfig(epochs=4, batch_size=64, seed=3, device="cpu", num_snapshots=4, learning_rate=3e-3)
    return shelf.train(server.runs / "known", RunConfig(model=ModelConfig(hidden=(32,)), train=train))


@pytest.fixture
def diagnosed(kept: App, watch: Watch, run: Run) -> App:
    """A tab with the run's diagnosis."""
    app = watch(kept)
    if app.headline() != "Collapse":
        app.open("collapse", "diagnosis", run=run.id)
    return app


def save(app: App, place: str, kind: str) -> bytes:
    """What a chart's button gives."""
    menu = app.page.locator(f"{place} .ll-save").first
    menu.scroll_into_view_if_needed()
    menu.locator("summary").click()
    button, told = menu.locator(f'[data-save="{kind}"]'), menu.locator(".ll-save-said")

    def is_saved() -> bool:
        if "wait until it is" in told.inner_text():  # as a person does who reads it
            button.click()
        return bool(menu.get_attribute("data-saved") == kind)

    with app.page.expect_download() as found:
        button.click()
        app.until(is_saved, "it was not saved")
    assert found.value.suggested_filename.endswith(f".{kind}")
    return Path(found.value.path()).read_bytes()


def words(svg: bytes) -> list[str]:
    """The text of a drawing."""
    return ["".join(node.itertext()) for node in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def table(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode())))


def size(app: App, place: str) -> tuple[float, float]:
    box: Any = app.page.locator(place).first.bounding_box()
    return box["width"], box["height"]


def background(app: App) -> tuple[int, ...]:
    colour = app.page.locator('[data-testid="stApp"]').evaluate(
        "node => getComputedStyle(node).backgroundColor"
    )
    return tuple(int(part) for part in colour[4:-1].split(","))


def test_a_chart_of_plotly_is_saved_in_the_pages_colours(diagnosed: App) -> None:
    app = diagnosed
    place = '[data-chart="rates"]'
    svg = save(app, place, "svg")
    assert "nats per image" in words(svg)
    assert "σ" in words(svg)
    picture = Image.open(io.BytesIO(save(app, place, "png"))).convert("RGB")
    wide, high = size(app, f"{place} .chart")
    assert picture.size == (pytest.approx(2 * wide, abs=4), pytest.approx(2 * high, abs=4))
    assert picture.getpixel((2, 2)) == background(app)
    header, *rows = table(save(app, place, "csv"))
    assert header[:3] == ["dimension", "KL (nats per image)", "posterior σ"]
    assert [row[0] for row in rows] == ["z1", "z2"]
    assert all(float(row[1]) > 0 for row in rows)


def test_curves_and_the_strip_of_dimensions_are_saved_too(diagnosed: App, run: Run) -> None:
    app = diagnosed
    header, *rows = table(save(app, '[data-chart="curves"]', "csv"))
    assert header == ["series", "epochs", "dimensions", "value (nats per image)"]
    assert {row[0] for row in rows} >= {"active units", "KL", "I(x; z)"}
    assert "z₁" in words(save(app, '[data-chart="course"]', "svg"))
    header, *rows = table(save(app, '[data-chart="course"]', "csv"))
    assert header[3] == "KL (nats per image)"
    assert len(rows) == 2 * len(run.snapshots())


@pytest.mark.thorough
def test_the_map_is_saved_with_its_points_axes_and_class_names(kept: App, watch: Watch, run: Run) -> None:
    app = watch(kept).open("map", "map", run=run.id)
    app.idle()
    place = '[data-component="map"]'
    svg = save(app, place, "svg")
    told = words(svg)
    assert {"z₁", "z₂", "2σ", "0", "7"} <= set(told)
    circles = list(ElementTree.fromstring(svg).iter(f"{SVG}circle"))
    assert len(circles) >= run.info.num_test
    picture = Image.open(io.BytesIO(save(app, place, "png"))).convert("RGB")
    wide, _ = size(app, f"{place} .chart")
    assert picture.width == pytest.approx(2 * wide, abs=24)
    assert picture.getpixel((2, 2)) == background(app)
    header, *rows = table(save(app, place, "csv"))
    assert len(rows) == run.info.num_test
    assert header[:4] == ["part", "number in the part", "row in the dataset", "class"]
    assert header[-2] == "z2 (posterior mean; σ of the prior = 1)"
    # Two dimensions are their own plane.
    assert [float(rows[0][4]), float(rows[0][5])] == pytest.approx(
        [float(rows[0][6]), float(rows[0][7])], abs=1e-5
    )


@pytest.mark.thorough
def test_grids_of_images_and_the_posterior_are_saved(kept: App, watch: Watch, run: Run) -> None:
    app = watch(kept).open("generate", "follow", run=run.id, num="9")
    app.page.locator(".which .ll-save").wait_for()
    picture = Image.open(io.BytesIO(save(app, ".which", "png")))
    assert picture.width == picture.height > 9 * 8
    header, *rows = table(save(app, ".which", "csv"))
    assert header == ["row", "column", "z1 (σ of the prior = 1)", "z2 (σ of the prior = 1)"]
    assert len(rows) == 9
    images = list(ElementTree.fromstring(save(app, ".which", "svg")).iter(f"{SVG}image"))
    assert len(images) == 9
    app.open("evaluate", "truth", run=run.id)
    header, *rows = table(save(app, '[data-component="truth"]', "csv"))
    assert header[2:] == ["p(z|x) (per unit of z₁ and z₂)", "q(z|x) (per unit of z₁ and z₂)"]
    assert len(rows) == 96 * 96
    app.open("collapse", "diagnosis", "samples", run=run.id)
    header, *rows = table(save(app, '[data-sheet="samples"]', "csv"))
    assert header == ["row (pixels)", "column (pixels)", "grey (0 to 255)"]
    assert {0 <= int(row[2]) <= 255 for row in rows} == {True}
