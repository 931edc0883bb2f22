"""The map of the test images: what is drawn, what the pointer brings, and where a click leads."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from vae.data import Dataset
from vae.latent import kept_embedding
from vae.runs import Run

if TYPE_CHECKING:
    from tests.browser.conftest import App, Server, Shelf, Watch

#: What plotly has drawn: for each trace its name, points, colour and opacity.
DRAWN = """chart => chart.data.map(({ name, x, y, marker }) =>
  ({ name, x: Array.from(x), y: Array.from(y), color: marker.color, opacity: marker.opacity }))"""
RANGE = "chart => [...chart._fullLayout.xaxis.range, ...chart._fullLayout.yaxis.range]"
#: Where a point of the plane is on the screen.
PLACE = """(chart, [u, v]) => {
  const { xaxis, yaxis } = chart._fullLayout
  const box = chart.getBoundingClientRect()
  return [box.left + xaxis._offset + xaxis.d2p(u), box.top + yaxis._offset + yaxis.d2p(v)]
}"""


@pytest.fixture(scope="module")
def run(server: Server, shelf: Shelf) -> Iterator[Run]:
    """The run whose map is drawn."""
    yield shelf.put("digits", server, "map-digits")


@pytest.fixture
def mapped(kept: App, watch: Watch, run: Run) -> App:
    """A tab on the map of the run, with the pointer away from it."""
    app = watch(kept)
    if app.headline() != "Map":
        app.open("map", "map", "image", run=run.id)
    app.page.mouse.move(5, 5)
    app.idle()
    return app


def chart(app: App) -> Any:
    return app.part("map").locator(".chart")


def lonely(run: Run) -> tuple[int, torch.Tensor, int]:
    """The row, mean and label of the image that is farthest from all others, within 3 of the middle."""
    found = kept_embedding(run)
    assert found is not None and found.labels is not None
    distances = torch.cdist(found.mean, found.mean) + torch.eye(len(found.mean)) * 1e9
    alone = distances.min(1).values.where(found.mean.norm(dim=1) < 3, torch.tensor(0.0))
    row = int(alone.argmax())
    return row, found.mean[row], int(found.labels[row])


def point_at(app: App, mean: torch.Tensor, steps: int = 3) -> tuple[float, float]:
    """Move the pointer to a latent point."""
    x, y = chart(app).evaluate(PLACE, mean.tolist())
    app.page.mouse.move(x, y, steps=steps)
    return x, y


def test_every_test_image_is_drawn_at_its_mean_in_the_colour_of_its_label(mapped: App, run: Run) -> None:
    found = kept_embedding(run)
    assert found is not None and found.labels is not None
    assert mapped.number("map", "points") == run.info.num_test == len(found.mean)
    drawn = {trace["name"]: trace for trace in chart(mapped).evaluate(DRAWN)}
    assert set(drawn) == set(run.info.class_names)
    for label, name in enumerate(run.info.class_names):
        mean = found.mean[found.labels == label].numpy()
        np.testing.assert_allclose(
            np.stack([drawn[name]["x"], drawn[name]["y"]], 1), mean, rtol=1e-6, atol=1e-6
        )
    assert len({trace["color"] for trace in drawn.values()}) == 10


def test_hovering_shows_the_image_and_decodes_the_spot(mapped: App, run: Run, digits: Dataset) -> None:
    app = mapped
    row, mean, label = lonely(run)
    app.until(lambda: "test part" in app.part("map").inner_text(), "no title")
    point_at(app, mean)
    app.until(
        lambda: app.marks("map").get("nearest") == str(row), "the image under the pointer is another one"
    )
    card = app.part("map").locator(".card")
    card.wait_for()
    app.until(lambda: app.number("map", "decoded"), "the spot was not decoded")
    original = app.until(lambda: (p := app.pixels('[aria-label="Nearest image"]'))[1:] and p, "no original")
    expected = digits.images[digits.test[row]].numpy().astype(float) * 255 / digits.max_value
    assert np.abs(np.array(original) - expected.flatten()).max() <= 1
    assert f"{label} · no. {int(digits.test[row])}" in card.inner_text()
    before = app.pixels('[aria-label="Decoded spot"]')
    point_at(app, mean + torch.tensor([0.7, 0.7]))
    app.until(lambda: app.pixels('[aria-label="Decoded spot"]') != before, "the decoded spot stood still")
    app.page.mouse.move(5, 5)
    card.wait_for(state="hidden")


def test_legend_takes_labels_out_and_puts_them_back(mapped: App, run: Run) -> None:
    app = mapped
    row, mean, label = lonely(run)
    colours = {trace["name"]: trace["color"] for trace in chart(app).evaluate(DRAWN)}
    box = app.part("map").locator(f'input[data-label="{label}"]')
    box.focus()
    app.page.keyboard.press("Space")
    faded = {trace["name"]: trace["color"] for trace in chart(app).evaluate(DRAWN)}
    assert [name for name in colours if colours[name] != faded[name]] == [run.info.class_names[label]]
    point_at(app, mean)
    app.pause(0.2)
    assert app.marks("map").get("nearest") != str(row)
    app.part("map").locator('[data-action="all"]').click()
    assert {trace["name"]: trace["color"] for trace in chart(app).evaluate(DRAWN)} == colours


def test_click_sends_the_point_to_sliders_image_and_address_and_keeps_the_zoom(mapped: App, run: Run) -> None:
    app = mapped
    row, mean, _ = lonely(run)
    whole = chart(app).evaluate(RANGE)
    point_at(app, mean)
    app.page.mouse.wheel(0, -400)
    zoomed = app.until(lambda: (now := chart(app).evaluate(RANGE)) != whole and now, "the wheel did not zoom")
    app.pause(0.5)
    zoomed = chart(app).evaluate(RANGE)
    point_at(app, mean)
    app.until(
        lambda: app.marks("map").get("nearest") == str(row), "the image under the pointer is another one"
    )
    picture = app.pixels('[data-component="image"] canvas')
    app.page.mouse.down()
    app.page.mouse.up()
    app.until(
        lambda: app.z() == pytest.approx(mean.tolist(), rel=1e-3, abs=1e-3), "the address did not follow"
    )
    app.idle()
    sliders = [
        float(app.page.locator(f'.dim[data-dim="{dim}"] input[type=range]').input_value()) for dim in (0, 1)
    ]
    assert sliders == pytest.approx(mean.tolist(), abs=2e-3)
    assert app.pixels('[data-component="image"] canvas') != picture
    assert chart(app).evaluate(RANGE) == pytest.approx(zoomed, rel=1e-6)
    # The point goes along to the other pages.
    address = app.z()
    app.click("Explore")
    app.until(lambda: app.z() == address, "Explore shows another point")


def test_map_without_the_data_set_says_that_originals_are_missing(
    app: App, server: Server, shelf: Shelf
) -> None:
    run = shelf.put("shapes-mlp", server, "map-without-images")
    config = (run.path / "config.json").read_text()
    (run.path / "config.json").write_text(config.replace("shapes.npz", "gone.npz"))
    app.expect_error(r"404 .*/api/runs/map-without-images/originals")
    app.open("map", "map", "image", run=run.id)
    assert app.number("map", "points") == run.info.num_test
    app.until(lambda: "gone.npz" in app.part("map").inner_text(), "it does not say what is missing")
    box = chart(app).bounding_box()
    app.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=3)
    app.until(lambda: app.number("map", "decoded"), "hovering decoded nothing")
    assert app.part("map").locator('[aria-label="Nearest image"]').is_hidden()
    # Four dimensions on a plane: said, too.
    assert "of the variance of 4 dimensions" in app.part("map").inner_text()
    shutil.rmtree(run.path)
