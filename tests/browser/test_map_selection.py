"""Images are taken out, caught and found on the map, and the link says which."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.browser.mapped import chart, drawn, lonely, point_at, region, screen
from vae.data.dataset import Dataset
from vae.latent.embedding import embed, kept_embedding
from vae.runs.run import Run
from vae.runs.snapshots import load_model

if TYPE_CHECKING:
    from tests.browser.tab import App


def test_lasso_tells_of_what_it_caught(mapped: App, map_run: Run, digits: Dataset) -> None:
    app = mapped
    part = app.part("map")
    found = kept_embedding(map_run)
    assert found is not None and found.labels is not None
    corners = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]
    caught = (found.mean.abs() < 1).all(1)
    app.page.keyboard.down("Shift")
    app.page.mouse.move(*screen(app, list(corners[0])))
    app.page.mouse.down()
    for corner in (*corners[1:], corners[0]):
        app.page.mouse.move(*screen(app, list(corner)), steps=3)
    app.page.mouse.up()
    app.page.keyboard.up("Shift")
    app.until(
        lambda: abs(app.number("map", "selected") - int(caught.sum())) <= 2, "another number was caught"
    )
    panel = part.locator(".selected")
    num = app.marks("map")["selected"]
    app.until(lambda: app.query()["lasso"].count(",") >= 7, "the address does not say it")
    app.page.reload()
    app.ready("map")
    app.until(lambda: app.marks("map").get("selected") == num, "it is lost on the way of a link")
    assert panel.is_visible()
    part.locator('[data-action="clear-selection"]').click()
    app.until(lambda: app.query()["lasso"] == "none", "the address still says it")
    app.idle()
    app.page.go_back()
    app.until(lambda: app.marks("map")["selected"] == num, "Back does not lead to it")
    assert (drawn(app)["back"] == 0).sum() == app.number("map", "selected")
    app.until(lambda: "nats" in panel.inner_text(), "no distortion and rate")
    with app.page.expect_download() as download:
        part.locator('[data-action="export-csv"]').click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert lines[0] == "part,number,row,label,z1,z2" and len(lines) - 1 == app.number("map", "selected")
    assert {line.split(",")[0] for line in lines[1:]} == {"test"}
    table = np.array([[float(text.strip('"')) for text in line.split(",")[1:]] for line in lines[1:]])
    rows = table[:, 0].astype(int)
    np.testing.assert_array_equal(table[:, 1], found.index[rows].numpy())
    np.testing.assert_allclose(table[:, 3:], found.mean[rows].numpy(), rtol=1e-5)
    np.testing.assert_array_equal(table[:, 2], found.labels[rows].numpy())
    mean = digits.images[found.index[rows].long()].double().mean(0).flatten() * 255 / digits.max_value
    shown = app.pixels('[aria-label="Mean image of the selection"]')
    assert np.abs(np.array(shown) - mean.numpy()).max() <= 1
    part.locator('[data-action="send-centroid"]').click()
    app.until(
        lambda: app.z() == pytest.approx(table[:, 3:].mean(0).tolist(), abs=1e-3), "the centroid was not sent"
    )
    app.idle()
    # The same by keyboard: a label alone, and what is shown.
    part.locator('[data-action="none"]').click()
    part.locator('input[data-label="0"]').focus()
    app.page.keyboard.press("Space")
    part.locator('[data-action="select"]').press("Enter")
    assert app.number("map", "selected") == int((found.labels == 0).sum())
    part.locator('[data-action="clear-selection"]').press("Enter")
    part.locator('[data-action="all"]').click()
    assert (drawn(app)["back"] == 0).all()


@pytest.mark.thorough
def test_what_is_selected_and_pinned_stays_while_the_weights_change_and_its_facts_and_explore_follow(
    app: App, map_run: Run, digits: Dataset
) -> None:
    row, mean, label = lonely(map_run)
    app.open("map", "map", run=map_run.id, hidden=str((label + 1) % 10), view=f"{mean[0]:.4},{mean[1]:.4},2")
    part = app.part("map")
    app.page.set_viewport_size({"width": 1366, "height": 768})
    app.frames(9)  # the plot has the window's height by then
    app.page.mouse.click(*point_at(app, mean))
    app.until(lambda: app.query().get("posterior") == str(row), "the click was not heard")
    # The card of the click is in the window, above the foot, and the page has not moved.
    foot = app.page.locator('[data-testid="stBottom"]').bounding_box()["y"]
    assert foot < 768, "no bar at the foot of the window"
    app.until(lambda: part.locator(".pinned").is_visible(), "no card")

    def is_above_the_foot() -> bool:
        card = part.locator(".pinned").bounding_box()
        return bool(card["y"] + card["height"] < foot)

    app.until(is_above_the_foot, "the card is hidden below the time bar")
    assert app.page.locator('[data-testid="stMain"]').evaluate("node => node.scrollTop") == 0
    app.page.set_viewport_size({"width": 1366, "height": 900})
    part.locator('[data-action="select"]').click()
    num = app.number("map", "selected")
    before = region(app)
    app.idle()
    app.until(lambda: "nats" in part.locator(".selected").inner_text(), "no distortion and rate")
    facts = part.locator(".selected").inner_text()
    step = map_run.snapshots()[0]
    app.module("/source/source.js", "module.timeOf(argument[0]).set(argument[1])", [map_run.id, step])
    app.until(lambda: app.marks("map").get("step") == str(step), "the map did not follow")
    then = embed(load_model(map_run, step), digits, "test").mean
    nearest = [int(digits.test[k]) for k in (then - then[row]).norm(dim=1).argsort()[1:9]]
    buttons = part.locator(".neighbour")
    assert buttons.evaluate_all("all => all.map(one => Number(one.dataset.index))") == nearest
    assert f"Test image {row}, {label}" in part.locator(".pinned").inner_text()
    assert (app.number("map", "selected"), region(app)) == (num, pytest.approx(before))
    app.until(lambda: "nats" in part.locator(".selected").inner_text(), "no distortion and rate of then")
    assert part.locator(".selected").inner_text() != facts
    faded = drawn(app)
    assert (faded["back"][faded["labels"] == (label + 1) % 10] == 1).all()
    # Weights of another content, as a training brings them: what Python passes has another stamp.
    app.module("/source/source.js", "module.timeOf(argument).set(null)", map_run.id)
    app.until(lambda: app.marks("map").get("step") == "", "it did not come back")
    (map_run.path / "checkpoints" / "best.safetensors").touch()
    part.locator('[data-action="layers"]').click()
    part.locator('[data-layer="density"]').click()
    app.until(lambda: "density" in app.query()["layers"], "the address does not say it")
    app.idle()
    assert app.number("map", "selected") == num and app.number("map", "pinned") == int(digits.test[row])
    assert part.locator(".pinned").is_visible() and region(app) == pytest.approx(before)
    # The point goes along to the other pages, and whose posterior's mean it is.
    address = app.z()
    assert address == pytest.approx(mean.tolist(), rel=1e-3, abs=1e-3)
    app.click("Explore")
    app.until(lambda: app.z() == address, "Explore shows another point")
    app.until(lambda: app.marks("draw").get("posterior") == "true", "Explore does not show the posterior")
    assert app.query()["posterior"] == str(row)


def lasso(app: App, corners: list[tuple[float, float]], key: str) -> None:
    """Draw around a rectangle with a key held."""
    app.page.keyboard.down(key)
    app.page.mouse.move(*screen(app, list(corners[0])))
    app.page.mouse.down()
    for corner in (*corners[1:], corners[0]):
        app.page.mouse.move(*screen(app, list(corner)), steps=3)
    app.page.mouse.up()
    app.page.keyboard.up(key)


def square(low: float, high: float) -> list[tuple[float, float]]:
    return [(low, low), (high, low), (high, high), (low, high)]


@pytest.mark.thorough
def test_a_lasso_adds_and_takes_away_and_the_link_says_it(app: App, map_run: Run) -> None:
    app.open("map", "map", run=map_run.id)
    part = app.part("map")
    found = kept_embedding(map_run)
    assert found is not None
    chart(app).scroll_into_view_if_needed()
    lasso(app, square(-1.5, 1.5), "Shift")
    whole = int((found.mean.abs() < 1.5).all(1).sum())
    app.until(lambda: abs(app.number("map", "selected") - whole) <= 3, "another number was caught")
    lasso(app, square(-0.5, 0.5), "Alt")
    hole = whole - int((found.mean.abs() < 0.5).all(1).sum())
    app.until(lambda: abs(app.number("map", "selected") - hole) <= 5, "nothing was taken away")
    lasso(app, square(-0.3, 0.3), "Shift")
    num = hole + int((found.mean.abs() < 0.3).all(1).sum())
    app.until(lambda: abs(app.number("map", "selected") - num) <= 7, "nothing was added")
    exactly = app.number("map", "selected")
    app.until(
        lambda: ";less," in app.query()["lasso"] and ";add," in app.query()["lasso"], "no lassos in the link"
    )
    app.page.reload()
    app.ready("map")
    app.until(lambda: app.number("map", "selected") == exactly, "the selection is lost on the way of a link")
    part.locator('[data-action="clear-selection"]').click()
    app.until(lambda: app.query()["lasso"] == "none", "the link still says it")


def test_a_brushed_range_takes_images_out_within_a_frame_and_the_link_says_it(
    mapped: App, map_run: Run
) -> None:
    app = mapped
    part = app.part("map")
    part.locator(".ranges > summary").click()
    histogram = part.locator('[data-quantity="rate"] canvas')
    histogram.scroll_into_view_if_needed()
    box = histogram.bounding_box()
    y = box["y"] + box["height"] / 2
    app.page.mouse.move(box["x"] + 0.25 * box["width"], y)
    app.page.mouse.down()
    app.page.mouse.move(box["x"] + 0.6 * box["width"], y, steps=6)
    app.page.mouse.up()
    app.until(lambda: app.query().get("within", "none") != "none", "the link does not say it")
    name, low, high = app.query()["within"].split("~")
    found = kept_embedding(map_run)
    assert found is not None and name == "rate"
    rate = (0.5 * (found.log_var.exp() + found.mean**2 - 1 - found.log_var)).sum(1)
    inside = (rate >= float(low)) & (rate <= float(high))
    assert 0 < int(inside.sum()) < len(rate)
    assert app.number("map", "inside") == pytest.approx(int(inside.sum()), abs=1)
    assert (drawn(app)["back"] == 0).sum() == app.number("map", "inside")
    app.page.reload()
    app.ready("map")
    app.until(lambda: app.number("map", "inside") == int((drawn(app)["back"] == 0).sum()) < len(rate), "lost")
    part.locator('[data-action="clear-ranges"]').click()
    app.until(lambda: (drawn(app)["back"] == 0).all(), "images still stand back")
    # By keyboard, too.
    lowest = part.locator('[data-range="rate-0"]')
    lowest.fill(f"{float(rate.median()):.3f}")
    lowest.press("Enter")
    half = int((rate >= round(float(rate.median()), 3)).sum())
    app.until(lambda: abs(app.number("map", "inside") - half) <= 1, "a number that is typed does not count")
    part.locator('[data-action="clear-ranges"]').click()
    app.until(lambda: app.query().get("within", "none") == "none", "the link still says it")


def test_images_are_found_by_number_by_class_and_by_a_drawing(
    mapped: App, map_run: Run, digits: Dataset
) -> None:
    app = mapped
    part = app.part("map")
    part.locator('[data-find="number"]').fill("17")
    part.locator('[data-action="find-number"]').click()
    app.until(lambda: app.number("map", "pinned") == int(digits.test[17]), "the image was not pinned")
    assert "Test image 17" in part.locator(".pinned").inner_text()
    part.locator('[data-find="number"]').fill("99999")
    part.locator('[data-action="find-number"]').click()
    app.until(lambda: "Choose a number from 0 to" in part.locator(".find").inner_text(), "no refusal")
    found = kept_embedding(map_run)
    assert found is not None and found.labels is not None
    part.locator('[data-find="class"]').select_option("3")
    app.until(lambda: app.number("map", "selected") == int((found.labels == 3).sum()), "not the class")
    part.locator('[data-find="drawing"] > summary').click()
    pad = part.locator("canvas.pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    app.page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.15 * box["height"])
    app.page.mouse.down()
    app.page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.85 * box["height"], steps=6)
    app.page.mouse.up()
    buttons = part.locator(".find .neighbour")
    app.until(lambda: buttons.count() == 12, "no images that are like the drawing")
    distances = [
        float(text.split("distance ")[1])
        for text in buttons.evaluate_all("all => all.map((one) => one.ariaLabel)")
    ]
    assert distances == sorted(distances)
    part.locator('.find input[value="kl"]').check(force=True)
    app.until(lambda: "nats away" in part.locator(".find").inner_text(), "not by the KL")
    buttons.first.click()
    index = int(buttons.first.get_attribute("data-index"))
    app.until(lambda: app.number("map", "pinned") == index, "the image that is most alike was not pinned")
