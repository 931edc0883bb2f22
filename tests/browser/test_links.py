"""What a link says of map and curves, and where the Back button leads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.stats import norm

from vae.config.schema import DataConfig, ModelConfig, RunConfig, TrainConfig
from vae.runs.run import Run

if TYPE_CHECKING:
    from tests.browser.server import Server
    from tests.browser.shelf import Shelf
    from tests.browser.tab import App

KINDS = ["<b>new</b>", "old"]


@pytest.fixture(scope="module")
def own(server: Server, shelf: Shelf) -> Iterator[Run]:
    """A run on an .npz with a column of classes and one of numbers."""
    bars = np.load(shelf.images("bars", num=120, side=8))
    path = shelf.folder / "columns.npz"
    number = np.arange(120)
    np.savez(path, **bars, kind=np.array(KINDS)[number % 2], size=number / 8)
    config = RunConfig(
        data=DataConfig(name="npz", path=path),
        model=ModelConfig(hidden=(8,)),
        train=TrainConfig(epochs=1, batch_size=30, device="cpu", num_snapshots=1),
    )
    yield shelf.train(server.runs / "own-columns", config)


def colour(app: App, value: str) -> None:
    app.part("map").locator('[data-control="colour"]').select_option(value)
    app.until(lambda: app.query().get("colour") == value, f"the link does not say {value}")
    app.until(lambda: app.marks("map")["colour"] == value, f"the map does not show {value}")
    app.idle()


def drawn(app: App, name: str) -> np.ndarray[Any, Any]:
    return np.array(app.page.evaluate("window.__latentLab.map.drawn()")[name])


@pytest.mark.thorough
def test_map_is_coloured_by_the_datas_own_columns_and_back_undoes_one_choice(app: App, own: Run) -> None:
    app.page.goto("data:text/html,before")
    app.open("map", "map", run=own.id)
    app.until(lambda: app.query().get("view") == "all", "the link is not whole")
    app.idle()
    entries = app.page.evaluate("history.length")
    colour(app, "column:kind")
    legend = app.part("map").locator(".legend label")
    assert legend.all_inner_texts() == KINDS
    index = np.flatnonzero(np.isin(np.arange(120), _test_index(own)))
    colours = drawn(app, "colours")
    assert [len(set(colours[index % 2 == k])) for k in (0, 1)] == [1, 1]
    assert len(set(colours)) == 2
    legend.nth(1).click()
    app.until(lambda: app.query()["hidden"] == "1", "the link does not say what is hidden")
    np.testing.assert_array_equal(drawn(app, "back"), index % 2)
    app.idle()
    app.page.reload()
    app.ready("map")
    app.until(lambda: app.marks("map").get("colour") == "column:kind", "the column was forgotten")
    np.testing.assert_array_equal(drawn(app, "back"), index % 2)
    app.idle()
    colour(app, "column:size")
    assert app.query()["hidden"] == "none"
    assert "size" in app.part("map").locator(".bar").inner_text()
    assert app.page.evaluate("history.length") == entries + 3
    for hidden, shown in (("1", "column:kind"), ("none", "column:kind"), ("none", "label")):
        app.page.go_back()
        app.until(
            lambda shown=shown: app.marks("map").get("colour") == shown, f"Back did not lead to {shown}"
        )
        assert app.query()["hidden"] == hidden
        app.until(
            lambda hidden=hidden: (drawn(app, "back") == (index % 2) * (hidden == "1")).all(),
            "Back did not bring the legend back",
        )
        app.idle()
    app.page.go_back()
    assert app.page.url.startswith("data:")


def _test_index(run: Run) -> list[int]:
    from vae.data.dataset import load_dataset

    return [int(number) for number in load_dataset(run.config.data).test]


def test_back_goes_back_one_page_with_one_press(app: App, own: Run) -> None:
    app.open("map", "map", run=own.id)
    app.idle()
    for title in ("Explore", "Generate", "Runs"):
        app.click(title)
        app.until(lambda: app.query().get("run") == own.id, "the link names no run")
        app.idle()
    for title in ("Generate", "Explore", "Map"):
        app.page.go_back()
        app.until(lambda title=title: app.headline() == title, f"Back did not lead to {title}")
        app.idle()
        assert app.query()["run"] == own.id


def test_tiles_are_equally_probable_and_the_view_comes_back_with_the_link(app: App, own: Run) -> None:
    app.open("map", "map", run=own.id, layers="manifold", tiles="quantiles", view="0.3,-0.2,2")
    tiling = app.until(lambda: app.page.evaluate("window.__latentLab.map.tiles()"), "nothing was decoded")
    assert tiling["kind"] == "quantiles"
    left, right, low, high = app.page.evaluate("window.__latentLab.map.region()")
    assert ((left + right) / 2, (low + high) / 2) == pytest.approx((0.3, -0.2), abs=1e-6)
    for cuts, ends in ((tiling["across"], (left, right)), (tiling["up"], (low, high))):
        assert (cuts["edges"][0], cuts["edges"][-1]) == pytest.approx(ends)
        share = np.diff(norm.cdf(cuts["edges"]))
        np.testing.assert_allclose(share, share.sum() / 20, rtol=1e-6)
        medians = (norm.cdf(cuts["edges"][:-1]) + norm.cdf(cuts["edges"][1:])) / 2
        np.testing.assert_allclose(norm.cdf(cuts["spots"]), medians, rtol=1e-6)
    app.idle()
    entries = app.page.evaluate("history.length")
    box = app.part("map").locator(".chart").bounding_box()
    app.page.mouse.move(box["x"] + 200, box["y"] + 150)
    app.page.mouse.wheel(0, -300)
    app.until(lambda: app.query()["view"] != "0.3,-0.2,2", "the link does not say the zoom")
    assert app.page.evaluate("history.length") == entries
    app.page.mouse.move(5, 5)
    app.part("map").locator('[data-action="layers"]').click()
    app.part("map").locator('[data-control="tiles"]').select_option("even")
    app.until(lambda: app.query()["tiles"] == "even", "the link does not say the tiles")
    app.until(lambda: app.page.evaluate("window.__latentLab.map.tiles().kind") == "even", "the tiles stayed")


@pytest.mark.thorough
def test_axis_and_zoom_of_the_curves_are_in_the_link(app: App, own: Run) -> None:
    app.open("train", "curves", run=own.id, axis="step", span="1,2.5")
    checked = app.part("curves").locator("input:checked")
    reset = app.part("curves").get_by_role("button", name="Reset zoom")
    assert checked.get_attribute("value") == "step"
    reset.wait_for()
    assert across(app) == pytest.approx([1, 2.5])
    app.idle()
    app.part("curves").locator("label", has_text="Time").click()
    app.until(lambda: app.query()["axis"] == "seconds", "the link does not say the axis")
    assert app.query()["span"] == "all"
    app.idle()
    app.page.go_back()
    app.until(lambda: checked.get_attribute("value") == "step", "Back did not bring the axis back")
    app.until(lambda: across(app) == pytest.approx([1, 2.5]), "Back did not bring the zoom back")
    app.idle()
    # A zoom by hand: the first panel's middle half.
    box = app.part("curves").locator(".chart .nsewdrag").first.bounding_box()
    middle = box["y"] + box["height"] / 2
    app.page.mouse.move(box["x"] + box["width"] / 4, middle)
    app.page.mouse.down()
    app.page.mouse.move(box["x"] + 3 * box["width"] / 4, middle, steps=4)
    app.page.mouse.up()
    app.until(lambda: app.query()["span"] not in ("all", "1,2.5"), "the link does not say the zoom")
    said = [float(value) for value in app.query()["span"].split(",")]
    assert said == pytest.approx([1.375, 2.125], abs=0.05)
    assert said == pytest.approx(across(app), rel=1e-6)
    reset.click()
    app.until(lambda: app.query()["span"] == "all", "the link does not say that all is shown")


def across(app: App) -> list[float]:
    """From where to where the curves are shown."""
    found = app.part("curves").locator(".chart").evaluate("chart => chart._fullLayout.xaxis.range")
    return [float(value) for value in found]


@pytest.mark.thorough  # the map's test_link.py reads them without a browser
def test_bad_values_of_the_map_are_told_and_the_defaults_are_shown(app: App, own: Run) -> None:
    app.open("map", "map", run=own.id, colour="column:age", hidden="7", view="0,0,1e9", tiles="round")
    said = " ".join(app.until(lambda: len(app.alerts()) == 4 and app.alerts(), "four things were to be told"))
    said = said.replace("\N{WORD JOINER}", "")
    assert "colour must be one of label, distortion, rate, sigma, column:kind, column:size" in said
    for words in (
        "hidden must be numbers of classes",
        "view must be two coordinates",
        "tiles must be one of even",
    ):
        assert words in said
    defaults = {"colour": "label", "hidden": "none", "view": "all", "tiles": "even"}
    app.until(lambda: defaults.items() <= app.query().items(), "the link was not mended")
