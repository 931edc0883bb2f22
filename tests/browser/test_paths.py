"""Paths and arithmetic on the Explore page: stops, strip, neighbours, files to keep, and the link."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from vae.latent.embedding import kept_embedding
from vae.latent.interpolation import Kind, default_radius, neighbours, path
from vae.runs.run import Run
from vae.runs.snapshots import load_model

if TYPE_CHECKING:
    from tests.browser.server import Server
    from tests.browser.shelf import Shelf
    from tests.browser.tab import App, Watch

IMAGE = '[data-component="image"] canvas'
TILES = '[data-component="paths"] .tiles canvas'


@pytest.fixture(scope="module")
def run(server: Server, shelf: Shelf) -> Iterator[Run]:
    """The run through which the paths lead."""
    shelf.put("digits-conditional", server, "paths-conditional")
    yield shelf.put("digits", server, "paths-digits")


@pytest.fixture(scope="module")
def means(run: Run) -> torch.Tensor:
    found = kept_embedding(run)
    assert found is not None
    return found.mean


@pytest.fixture
def section(kept: App, watch: Watch, run: Run) -> App:
    """A tab with a path from test image 3 by way of a point to test image 40."""
    app = watch(kept)
    if app.query().get("stops") != "n3_0.5,-1_n40":
        app.open("explore", "image", "paths", run=run.id, stops="n3_0.5,-1_n40")
    app.until(lambda: app.number("paths", "frames") == 121, "no path")
    app.idle()
    return app


def stops(app: App) -> str:
    return app.query().get("stops", "")


def scrubber(app: App) -> Any:
    return app.part("paths").get_by_role("slider", name="Frame of the path")


def frames(means: torch.Tensor, kind: Kind = "straight") -> torch.Tensor:
    return path(torch.stack([means[3], torch.tensor([0.5, -1]), means[40]]), 121, kind).z


def readout(app: App) -> str:
    return str(app.part("paths").locator(".readout").inner_text()).replace(",", "")


def test_link_shows_the_decoded_path_and_the_neighbours_along_it(
    section: App, run: Run, means: torch.Tensor
) -> None:
    app, model, z = section, load_model(run, "best"), frames(means)
    num = app.page.locator(TILES).count()
    shown = [round(k * 120 / (num - 1)) for k in range(num)]
    with torch.inference_mode():
        expected = np.rint(model.decode(z[shown]).numpy() * 255).reshape(num, -1)
    assert num > 8
    app.until(
        lambda: (
            all(
                np.abs(np.array(app.pixels(f"{TILES}:nth-child({place + 1})")) - expected[place]).max() <= 1
                for place in (0, num // 2, num - 1)
                if len(app.pixels(f"{TILES}:nth-child({place + 1})")) == 64
            )
            and len(app.pixels(f"{TILES}:nth-child({num})")) == 64
        ),
        "the strip does not show the decoded frames",
    )
    radius = default_radius(means)
    counts = neighbours(z, means, radius)
    for frame in (0, 60, 120):
        scrubber(app).fill(str(frame))
        near = int(re.search(r"(\d+) of 359 test images within ([\d.]+) here", readout(app))[1])  # type: ignore[index]
        assert abs(near - int(counts[frame])) <= 1
    assert f"10 others within {float(f'{radius:.2g}'):g}" in app.part("paths").inner_text()


def test_scrubbing_moves_the_point_and_the_server_hears_of_the_release(
    section: App, means: torch.Tensor
) -> None:
    app, z = section, frames(means)
    scrubber(app).fill("60")
    app.until(lambda: app.z() == pytest.approx([0.5, -1], abs=1e-3), "the address did not follow")
    app.idle()
    box = scrubber(app).bounding_box()
    middle, height = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    sent, before, picture = app.num_sent, app.z(), app.pixels(IMAGE)
    app.page.mouse.move(middle, height)
    app.page.mouse.down()
    app.page.mouse.move(middle + 150, height, steps=8)
    app.until(lambda: app.pixels(IMAGE) != picture, "the image did not follow")
    frame = int(scrubber(app).input_value())
    assert frame > 70
    for dim in (0, 1):
        field = app.page.locator(f'.dim[data-dim="{dim}"] input[type=range]')
        assert float(field.input_value()) == pytest.approx(float(z[frame, dim]), abs=2e-3)
    assert (app.num_sent, app.z()) == (sent, before)
    app.page.mouse.up()
    app.until(lambda: app.z() == pytest.approx(z[frame].tolist(), abs=1e-3), "the address did not follow")
    scrubber(app).press("End")
    app.until(
        lambda: app.z() == pytest.approx(means[40].tolist(), abs=1e-3), "the End key did not lead to the end"
    )


def test_path_is_played_and_a_pause_keeps_the_point(section: App, means: torch.Tensor) -> None:
    app = section
    scrubber(app).fill("0")
    app.until(lambda: app.z() == pytest.approx(means[3].tolist(), abs=1e-3), "the address did not follow")
    app.idle()
    button = app.part("paths").locator('[data-action="play"]')
    before, sent = app.z(), app.num_sent
    button.click()
    app.until(lambda: int(scrubber(app).input_value()) > 5, "nothing moved")
    assert (app.num_sent, app.z()) == (sent, before)
    button.click()
    app.until(lambda: app.z() != before, "the pause was not told")
    assert app.marks("paths")["playing"] == "false"


@pytest.mark.thorough
def test_spherical_path_is_another_one_and_the_link_keeps_it(section: App, means: torch.Tensor) -> None:
    app = section
    for kind in ("spherical", "straight"):
        app.part("paths").locator("label", has_text=kind.capitalize()).click()
        app.until(lambda kind=kind: app.query()["path"] == kind, "the address did not follow")
        app.until(lambda: app.number("paths", "frames") == 121, "no path")
        scrubber(app).fill("30")
        expected = frames(means, kind)[30].tolist()  # type: ignore[arg-type]
        app.until(lambda z=expected: app.z() == pytest.approx(z, abs=1e-3), f"the {kind} path goes elsewhere")


def test_path_can_be_kept_as_png_csv_and_gif(section: App, means: torch.Tensor) -> None:
    app = section
    with app.page.expect_download() as download:
        app.part("paths").locator("a", has_text="GIF").click()
    assert download.value.suggested_filename == "paths-digits-path.gif"
    gif = Path(download.value.path()).read_bytes()
    assert Image.open(io.BytesIO(gif)).n_frames > 20  # type: ignore[attr-defined]
    menu = app.part("paths").locator(".controls .ll-save")
    kept = {}
    for kind in ("png", "svg", "csv"):
        menu.locator("summary").click()
        with app.page.expect_download() as download:
            menu.locator(f'[data-save="{kind}"]').click()
        assert download.value.suggested_filename == f"paths-digits-path.{kind}"
        kept[kind] = Path(download.value.path()).read_bytes()
    header, *rows = csv.reader(io.StringIO(kept["csv"].decode()))
    assert header[:2] == ["frame", "stop"] and header[-2:] == [f"z{d} (σ of the prior = 1)" for d in (1, 2)]
    np.testing.assert_allclose(np.float32([row[-2:] for row in rows]), frames(means), atol=1e-4)
    assert kept["svg"].count(b"<image") == app.page.locator(TILES).count()
    assert b"of the path is empty space" in kept["svg"] or b"A typical test image" in kept["svg"]
    assert Image.open(io.BytesIO(kept["png"])).width % 2 == 0


@pytest.mark.thorough
def test_difference_of_group_means_is_added_to_the_point(section: App, run: Run, means: torch.Tensor) -> None:
    app, found = section, kept_embedding(run)
    assert found is not None and found.labels is not None
    scrubber(app).fill("60")
    app.until(lambda: app.z() == pytest.approx([0.5, -1], abs=1e-3), "the address did not follow")
    app.part("paths").locator("label", has_text="Arithmetic").click()
    app.part("paths").locator('[data-group="a"]').select_option("7")
    app.part("paths").locator('[data-group="b"]').select_option("stops")
    app.part("paths").get_by_role("group", name="Stops in group B").get_by_label("Stop 2").uncheck()
    app.part("paths").get_by_role("slider", name="Weight").fill("-0.5")
    app.until(lambda: "2 stops" in app.part("paths").inner_text(), "no mean of two stops")
    app.part("paths").locator('[data-action="send"]').click()
    plus, minus = means[found.labels == 7].mean(0), (means[3] + means[40]) / 2
    expected = torch.tensor([0.5, -1]) - 0.5 * (plus - minus)
    app.until(lambda: app.z() == pytest.approx(expected.tolist(), abs=2e-3), f"not at {expected.tolist()}")
    assert app.part("paths").get_by_role("slider", name="Weight").input_value() == "0"
    app.part("paths").locator("label", has_text=re.compile("^Path$")).click()


@pytest.mark.thorough
def test_radius_of_the_neighbours_and_the_arithmetic_are_in_the_link(
    section: App, means: torch.Tensor
) -> None:
    app, part = section, section.part("paths")
    field = part.get_by_label("Radius within which images count as neighbours")
    assert float(field.get_attribute("placeholder")) == pytest.approx(default_radius(means), rel=0.1)
    field.fill("-1")
    field.press("Enter")
    assert (
        "The radius must be a number from 0.0001 to 1000, got -1" in part.get_by_role("status").inner_text()
    )
    field.fill("0.50")
    field.press("Enter")
    app.until(lambda: app.query().get("radius") == "0.5", "the address did not follow")
    app.until(lambda: "within 0.5 here" in readout(app), "they were not counted anew")
    part.locator("label", has_text="Arithmetic").click()
    part.locator('[data-group="a"]').select_option("7")
    part.locator('[data-group="b"]').select_option("stops")
    part.get_by_role("group", name="Stops in group B").get_by_label("Stop 2").uncheck()
    weight = part.get_by_role("slider", name="Weight")
    weight.fill("-0.5")
    app.until(lambda: app.query().get("sum") == "c7,s13,-0.5", "the address did not follow")
    app.idle()
    app.page.reload()
    app.ready("image", "paths")
    app.until(lambda: "2 stops" in part.inner_text(), "the groups were lost")
    assert weight.input_value() == "-0.5"
    assert app.query()["sum"] == "c7,s13,-0.5"
    part.locator("label", has_text=re.compile("^Path$")).click()
    app.until(lambda: "sum" not in app.query(), "the arithmetic is still in the link")
    assert field.input_value() == "0.5"
    near = int(re.search(r"(\d+) of 359 test images within 0.5 here", readout(app))[1])  # type: ignore[index]
    assert abs(near - int(neighbours(frames(means)[:1], means, 0.5)[0])) <= 1
    field.fill("")
    field.press("Enter")
    app.until(lambda: "radius" not in app.query(), "the usual radius is still in the link")


def test_stops_are_added_put_in_order_and_removed(section: App) -> None:
    app, part = section, section.part("paths")
    part.get_by_label("Number of a test image").fill("7")
    part.locator('[data-action="add-number"]').click()
    app.until(lambda: stops(app) == "n3_0.5,-1_n40_n7", "no fourth stop")
    part.locator('[data-action="earlier"]').nth(3).press("Enter")
    app.until(lambda: stops(app) == "n3_0.5,-1_n7_n40", "the key did not move it")
    first, last = (part.locator(".picture").nth(place).bounding_box() for place in (0, 3))
    app.page.mouse.move(first["x"] + 20, first["y"] + 20)
    app.page.mouse.down()
    app.page.mouse.move(last["x"] + 20, last["y"] + 20, steps=12)
    app.page.mouse.up()
    app.until(lambda: stops(app) == "0.5,-1_n7_n40_n3", "dragging did not move it")
    part.locator('[data-action="remove"]').nth(1).click()
    app.until(lambda: stops(app) == "0.5,-1_n40_n3", "it was not removed")
    app.part("sliders").locator('[data-action="centre"]').click()
    app.until(lambda: app.z() == [0, 0], "no centre")
    part.locator('[data-action="add-point"]').click()
    app.until(lambda: stops(app) == "0.5,-1_n40_n3_0,0", "the point was not added")
    part.get_by_label("Class of the random image").select_option("4")
    part.locator('[data-action="add-random"]').click()
    app.until(lambda: re.fullmatch(r"0.5,-1_n40_n3_0,0_n\d+", stops(app)), "no image of the class")
    assert part.locator(".stop .words").nth(4).inner_text().startswith("4 · no. ")
    part.locator('[data-action="clear"]').click()
    app.until(lambda: "stops" not in app.query() and "path" not in app.query(), "the link was not cleared")
    part.get_by_label("Number of a test image").fill("359")
    part.get_by_label("Number of a test image").press("Enter")
    assert "a whole number from 0 to 358, got 359" in part.get_by_role("status").inner_text()


@pytest.mark.thorough
def test_section_is_closed_until_it_is_asked_for_and_its_frames_go_from_class_to_class(
    app: App, run: Run, shelf: Shelf
) -> None:
    app.open("explore", "image", run="paths-conditional", y=2, z="0,0")
    app.idle()
    assert app.page.locator('[data-component="paths"]').count() == 0
    app.page.get_by_text("Paths and arithmetic").click()
    app.ready("paths")
    found = kept_embedding(shelf.make("digits-conditional"))
    assert found is not None and found.labels is not None
    first, second = int(found.labels[1]), int(found.labels[2])
    assert len({first, second, 2, 8}) == 4
    for number in ("1", "2"):
        app.part("paths").get_by_label("Number of a test image").fill(number)
        app.part("paths").locator('[data-action="add-number"]').click()
        app.until(lambda end=number: stops(app).endswith(f"n{end}"), "no stop")
    tile = f"{TILES}:first-child"
    app.until(lambda: app.page.locator(tile).count() and len(app.pixels(tile)) == 64, "no strip")
    # An image is decoded under its own class, and so is the page's point that is moved along.
    assert f"decoded as class {first} ·" in readout(app)
    scrubber(app).fill("15")
    assert f"decoded as class {first} 75 % + {second} 25 %" in readout(app)
    app.until(
        lambda: (app.query()["y"], app.query().get("mix")) == (str(first), f"{second},0.25"),
        "the page's class did not follow",
    )
    # A point has the page's class, whichever that becomes.
    app.part("paths").locator('[data-action="remove"]').nth(0).click()
    app.part("paths").locator('[data-action="add-point"]').click()
    app.until(lambda: "," in stops(app) and app.number("paths", "frames") == 61, "no path to a point")
    scrubber(app).fill("60")
    tile = f"{TILES}:last-child"
    app.until(lambda: app.page.locator(tile).count() and len(app.pixels(tile)) == 64, "no strip")
    app.idle()
    picture = app.pixels(tile)
    app.part("sliders").locator("fieldset label", has_text="8").first.click()
    app.until(lambda: app.pixels(tile) != picture, "the strip did not follow the class")
    app.until(lambda: "decoded as class 8 ·" in readout(app), "the class of the point is not told")


@pytest.mark.thorough
def test_stops_of_a_link_that_are_none_are_told(app: App, run: Run) -> None:
    app.open(
        "explore", "image", **{"run": run.id, "stops": "n999_<b>", "pace": "fast", "radius": 0, "sum": "c7"}
    )
    said = app.until(lambda: len(app.alerts()) == 4 and app.alerts(), "four things were to be told")
    assert "The link's stops must be at most 8 stops" in said[0]
    assert "got 'n999_<b>'" in said[0]
    assert any("The link's pace must be one of legs, length, got 'fast'" in sentence for sentence in said)
    assert any(
        "The link's radius must be a number from 0.0001 to 1000, got '0'" in sentence for sentence in said
    )
    assert any("The link's sum must be two groups and a weight" in sentence for sentence in said)
    app.idle()
    assert "stops" not in app.query()
    assert "pace" not in app.query()
