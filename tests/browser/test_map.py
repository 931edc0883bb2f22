"""The map of the test images: what is drawn, what the pointer brings, and where a click leads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from tests.browser.mapped import AT, chart, drawn, lonely, point_at, region, screen
from tests.browser.one_screen import Pair, outside
from vae.data.dataset import Dataset
from vae.latent.embedding import embed, kept_embedding
from vae.runs.run import Run
from vae.runs.snapshots import load_model

if TYPE_CHECKING:
    from tests.browser.server import Server
    from tests.browser.shelf import Shelf
    from tests.browser.tab import App


def test_every_test_image_is_drawn_at_its_mean_in_the_colour_of_its_label(mapped: App, map_run: Run) -> None:
    found = kept_embedding(map_run)
    assert found is not None and found.labels is not None
    assert mapped.number("map", "points") == map_run.info.num_test == len(found.mean)
    points = drawn(mapped)
    np.testing.assert_allclose(np.stack([points["x"], points["y"]], 1), found.mean.numpy(), rtol=1e-6)
    np.testing.assert_array_equal(points["labels"], found.labels.numpy())
    # One colour for each label, and another for each other label.
    pairs = set(zip(points["labels"].tolist(), points["colours"].tolist(), strict=True))
    assert len(pairs) == len(set(points["colours"].tolist())) == 10


def test_points_are_on_the_canvas_where_the_axes_say(mapped: App, map_run: Run) -> None:
    _, mean, label = lonely(map_run)
    points = drawn(mapped)
    colour = int(points["colours"][points["labels"] == label][0])
    x, y = screen(mapped, mean.tolist())
    seen = (
        mapped.part("map")
        .locator("canvas.plot")
        .evaluate(
            """(canvas, [x, y]) => {
          const box = canvas.getBoundingClientRect()
          const ratio = canvas.width / box.width
          const [left, top] = [(x - box.left) * ratio, (y - box.top) * ratio]
          return Array.from(canvas.getContext("2d").getImageData(left, top, 1, 1).data)
        }""",
            [x, y],
        )
    )
    expected = [colour >> shift & 255 for shift in (0, 8, 16)]
    # Nearly opaque: closer to its own colour than to the background.
    assert np.abs(np.array(seen[:3]) - expected).max() < 64


def test_hovering_shows_the_image_and_decodes_the_spot(mapped: App, map_run: Run, digits: Dataset) -> None:
    app = mapped
    row, mean, label = lonely(map_run)
    app.until(lambda: f"{map_run.info.num_test} test images" in app.part("map").inner_text(), "no title")
    point_at(app, mean)
    app.until(
        lambda: app.marks("map").get("nearest") == str(row), "the image under the pointer is another one"
    )
    card = app.part("map").locator(".card")
    app.until(lambda: "Decoded here" in card.inner_text(), "the card does not say what it shows")
    app.until(lambda: app.number("map", "decoded"), "the spot was not decoded")
    original = app.until(lambda: (p := app.pixels('[aria-label="Nearest image"]'))[1:] and p, "no original")
    expected = digits.images[digits.test[row]].numpy().astype(float) * 255 / digits.max_value
    assert np.abs(np.array(original) - expected.flatten()).max() <= 1
    assert f"Test image {row}\n" in card.inner_text() and card.inner_text().endswith(str(label))
    before = app.pixels('[aria-label="Decoded point"]')
    point_at(app, mean + torch.tensor([0.7, 0.7]))
    app.until(lambda: app.pixels('[aria-label="Decoded point"]') != before, "the decoded spot stood still")
    # In a hole there is no image, and none is shown.
    left, _, _, high = region(app)
    point_at(app, torch.tensor([left + 0.05, high - 0.05]))
    app.until(lambda: app.marks("map").get("nearest") == "-1", "an image is near the corner")
    assert "none near" in card.inner_text()
    assert not app.page.locator('[aria-label="Nearest image"]').is_visible()
    # Nothing is laid over the plot, and nothing moves; away from it, the card shows the page's point.
    plot = app.part("map").locator(".chart").bounding_box()
    box = card.bounding_box()
    assert box["x"] >= plot["x"] + plot["width"]
    app.page.mouse.move(5, 5)
    app.until(lambda: "The point" in card.inner_text(), "the card still shows what was pointed at")
    assert card.bounding_box() == box


def test_legend_takes_labels_out_and_puts_them_back(mapped: App, map_run: Run) -> None:
    app = mapped
    row, mean, label = lonely(map_run)
    before = drawn(app)
    box = app.part("map").locator(f'input[data-label="{label}"]')
    box.focus()
    app.page.keyboard.press("Space")
    faded = drawn(app)
    assert set(before["labels"][before["colours"] != faded["colours"]]) == {label}
    point_at(app, mean)
    app.until(lambda: app.marks("map").get("nearest") not in (None, str(row)), "it is still pointed at")
    app.part("map").locator('[data-action="all"]').click()
    np.testing.assert_array_equal(drawn(app)["colours"], before["colours"])


def test_click_sends_the_point_to_sliders_image_and_address_and_keeps_the_zoom(
    mapped: App, map_run: Run
) -> None:
    app = mapped
    row, mean, _ = lonely(map_run)
    whole = region(app)
    x, y = point_at(app, mean)
    app.page.mouse.wheel(0, -400)
    zoomed = app.until(lambda: (now := region(app)) != whole and now, "the wheel did not zoom")
    assert zoomed[1] - zoomed[0] < 0.7 * (whole[1] - whole[0])
    assert screen(app, mean.tolist()) == pytest.approx((x, y), abs=1)
    app.until(
        lambda: app.marks("map").get("nearest") == str(row), "the image under the pointer is another one"
    )
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
    assert region(app) == pytest.approx(zoomed, rel=1e-6)
    # The image is pinned with those nearest to it in the latent space, and each of them leads on.
    found = kept_embedding(map_run)
    assert found is not None
    distances = (found.mean - mean).norm(dim=1)
    nearest = [int(found.index[k]) for k in distances.argsort()[1:9]]
    buttons = app.part("map").locator(".neighbour")
    assert buttons.evaluate_all("all => all.map(one => Number(one.dataset.index))") == nearest
    buttons.first.click()
    app.until(lambda: app.number("map", "pinned") == nearest[0], "the neighbour was not pinned")
    neighbour = found.mean[found.index.tolist().index(nearest[0])].tolist()
    app.until(lambda: app.z() == pytest.approx(neighbour, rel=1e-3, abs=1e-3), "the address did not follow")
    app.part("map").locator('[data-action="reset-view"]').click()
    app.until(lambda: region(app) == pytest.approx(whole), "the view was not reset")
    number = str(found.index.tolist().index(nearest[0]))
    app.until(lambda: app.query().get("posterior") == number, "the address does not say whose mean it is")
    # The link says whose card is open.
    app.until(lambda: app.query()["view"] == "all", "the address does not say that all is in view")
    app.page.reload()
    app.ready("map")
    app.until(lambda: app.number("map", "pinned") == nearest[0], "the card is lost on the way of a link")
    part = app.part("map").locator(".pinned")
    assert f"Test image {number}" in part.inner_text() and part.locator(".neighbour").count() == 8
    # The person has seen enough of it: the link does not name it any longer, and the point stays.
    there = app.z()
    part.locator('[data-action="unpin"]').click()
    app.until(lambda: "posterior" not in app.query(), "the address still names the card")
    app.idle()
    assert app.z() == there and not part.is_visible() and "pinned" not in app.marks("map")


def test_colours_of_a_number_come_with_a_scale_in_nats_and_go_to_the_address(
    mapped: App, map_run: Run
) -> None:
    app = mapped
    part = app.part("map")
    part.locator('[data-control="colour"]').select_option("rate")
    app.until(lambda: app.marks("map").get("colour") == "rate", "no other colours")
    found = kept_embedding(map_run)
    assert found is not None
    rate = (0.5 * (found.log_var.exp() + found.mean**2 - 1 - found.log_var)).sum(1).numpy()
    colours = drawn(app)["colours"]
    darkness = -np.sum(
        [(colours >> shift & 255) * weight for shift, weight in ((0, 0.2126), (8, 0.7152), (16, 0.0722))], 0
    )
    inner = (rate > np.quantile(rate, 0.02)) & (rate < np.quantile(rate, 0.98))
    order = np.argsort(rate[inner])
    assert (np.diff(darkness[inner][order]) >= -2).all(), "a larger rate is not darker"
    assert "nats" in part.locator(".bar").get_attribute("aria-label")
    app.until(lambda: app.query().get("colour") == "rate", "the address does not say it")
    part.locator('[data-control="colour"]').select_option("label")
    app.until(lambda: app.marks("map").get("colour") == "label", "no way back")


@pytest.mark.thorough
def test_layers_decode_the_plane_and_show_images_when_few_are_in_view(mapped: App) -> None:
    app = mapped
    part = app.part("map")
    part.locator('[data-action="layers"]').click()
    for name in ("density", "ellipses", "manifold", "images"):
        part.locator(f'[data-layer="{name}"]').click()
    decoded = app.until(lambda: app.number("map", "manifold"), "the plane was not decoded")
    x, y = screen(app, [0.5, 0.5])
    app.page.mouse.move(x, y)
    app.page.mouse.wheel(0, -1200)
    app.until(lambda: app.number("map", "manifold") > decoded, "it was not decoded anew for the view")
    app.until(lambda: 0 < app.number("map", "sprites") <= 300, "no images")
    app.until(
        lambda: (
            set(app.query()["layers"].split(","))
            == {"contours", "names", "density", "ellipses", "manifold", "images"}
        ),
        "the address does not say it",
    )
    app.page.keyboard.press("Escape")
    part.locator('[data-action="layers"]').click()
    for name in ("density", "ellipses", "manifold", "images"):
        part.locator(f'[data-layer="{name}"]').click()
    app.until(lambda: app.query()["layers"] == "contours,names", "the address does not say it")
    app.page.keyboard.press("Escape")  # the open list lies over the row below it
    part.locator('[data-action="reset-view"]').click()
    app.idle()


def test_points_glide_to_where_another_moment_of_training_puts_them(
    mapped: App, map_run: Run, digits: Dataset
) -> None:
    app = mapped
    step = map_run.snapshots()[0]
    expected = embed(load_model(map_run, step), digits, "test").mean.numpy()
    app.module(
        "/source/source.js",
        """
        window.__seen = []
        const look = () => { window.__seen.push(window.__latentLab.map.at().x[0]); requestAnimationFrame(look) }
        look()
        module.timeOf(argument[0]).set(argument[1])
        """,
        [map_run.id, step],
    )
    app.until(lambda: app.marks("map").get("step") == str(step), "the map did not follow")
    points = drawn(app)
    np.testing.assert_allclose(np.stack([points["x"], points["y"]], 1), expected, atol=1e-4)
    goal = pytest.approx(expected[0, 0], abs=1e-4)
    app.until(lambda: app.page.evaluate(AT)["x"][0] == goal, "the points did not arrive")
    seen = app.page.evaluate("window.__seen")
    low, high = sorted([seen[0], seen[-1]])
    assert any(low + 1e-6 < x < high - 1e-6 for x in seen), "the points jumped"
    app.module("/source/source.js", "module.timeOf(argument).set(null)", map_run.id)
    app.until(lambda: app.marks("map").get("step") == "", "it did not come back")
    found = kept_embedding(map_run)
    assert found is not None
    np.testing.assert_allclose(drawn(app)["x"], found.mean[:, 0].numpy(), rtol=1e-6)


def test_arrow_keys_reach_the_address(mapped: App) -> None:
    app = mapped
    across, up = app.until(app.z, "the address names no point")
    chart(app).focus()
    for _ in range(6):
        app.page.keyboard.press("ArrowUp")
    goal = pytest.approx([across, up + 0.3], abs=1e-3)
    app.until(lambda: app.z() == goal, "the address did not follow the keys")


def test_at_least_two_sigma_of_the_prior_are_in_view_wherever_the_points_are(
    app: App, server: Server, shelf: Shelf
) -> None:
    import shutil

    run = shelf.put("digits", server, "map-collapsed")
    from vae.storage.safetensors_io import load, save

    tensors, state = load(run.path, "latent")
    save(run.path, "latent", {**tensors, "mean": tensors["mean"] * 0.02}, state)
    app.open("map", "map", run=run.id)
    left, right, low, high = region(app)
    assert left < -2 < 2 < right and low < -2 < 2 < high
    app.part("map").locator('[data-action="fit-points"]').click()
    left, right, low, high = region(app)
    assert max(-left, right, -low, high) < 1
    app.part("map").locator('[data-action="reset-view"]').click()
    assert region(app)[0] < -2
    shutil.rmtree(run.path)


def test_sliders_below_the_map_stand_beside_the_image_that_they_change(mapped: App) -> None:
    slider = mapped.part("sliders").locator('.dim input[type="range"]').first
    slider.scroll_into_view_if_needed()
    parts = ('[data-component="image"] canvas', '[data-component="sliders"] .dim >> nth=0')
    assert not outside(mapped, Pair("slider–image", "map", {}, parts))
    where = mapped.part("image").locator(".where")
    before = where.inner_text()
    slider.press("Shift+ArrowRight")
    mapped.until(lambda: where.inner_text() != before, "the image does not follow the slider")
