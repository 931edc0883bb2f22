"""New images: of the class that was picked, one style under every class, and the same ones again by their link."""

from __future__ import annotations

import base64
import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from vae.config.schema import ModelConfig, RunConfig, TrainConfig
from vae.data.dataset import Dataset
from vae.latent.embedding import prior_points, prior_samples
from vae.latent.generation import class_mix, every_class, truncate
from vae.runs.run import Run
from vae.runs.snapshots import load_model

if TYPE_CHECKING:
    from tests.browser.server import Server
    from tests.browser.shelf import Shelf
    from tests.browser.tab import App, Browse, Watch

GAP = 2
#: Snapshots of the runs through whose training the page goes.
NUM = 5


@pytest.fixture(scope="module", autouse=True)
def runs(server: Server, shelf: Shelf) -> Iterator[None]:
    """The runs that these tests generate from."""
    shelf.put("digits", server, "generate-digits")
    shelf.put("digits-conditional", server, "generate-conditional")
    train = TrainConfig(epochs=6, batch_size=64, seed=3, device="cpu", num_snapshots=NUM, learning_rate=3e-3)
    for conditional in (False, True):
        model = ModelConfig(hidden=(32,), conditional=conditional)
        shelf.train(
            server.runs / f"generate-timed{'-conditional' * conditional}", RunConfig(model=model, train=train)
        )
    yield


def shown(app: App, num: int = 36) -> NDArray[np.uint8]:
    """The samples as the page shows them, pixel for pixel, (N, 8, 8)."""
    return shown_cells(app, num)


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


@pytest.mark.thorough
def test_seed_temperature_and_number_are_in_the_link_and_give_the_same_images(
    app: App, browse: Browse, server: Server
) -> None:
    app.open("generate", run="generate-conditional", y=5)
    first = shown(app)
    app.button("Sample again").click()
    app.until(lambda: app.query().get("seed") == "1", "no other seed")
    app.idle()
    assert not np.array_equal(shown(app), first)
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
        "mode": "samples",
        "y": "5",
        "seed": "1",
        "temperature": "0.5",
        "num": "34",
    }
    other = browse(server)
    other.page.goto(app.page.url)
    other.ready()
    other.idle()
    assert np.array_equal(shown(other, 34), shown(app, 34))
    assert "34 images of class 5" in other.page.locator('[data-testid="stMain"]').inner_text()


@pytest.mark.thorough  # the words and the choices are seen without a browser too
def test_run_without_labels_says_why_no_class_can_be_picked(app: App) -> None:
    app.open("generate", run="generate-digits")
    shown(app)
    assert "is unconditional" in app.page.locator('[data-testid="stMain"]').inner_text()
    groups = app.page.get_by_role("radiogroup")
    assert groups.all_inner_texts()[0].split("\n\n") == ["Samples", "Prior and posterior", "Label leak"]
    assert groups.count() == 1
    assert len(downloaded(app)) == 36


class TestTables:
    @pytest.fixture(autouse=True)
    def _watched(self, kept: App, watch: Watch) -> None:
        watch(kept)

    def test_style_by_class_has_a_row_for_each_style_and_a_column_under_each_class(self, kept: App) -> None:
        kept.open("generate", run="generate-conditional", mode="styles", rows=3, seed=4)
        cells = table(kept)
        assert cells.shape == (3, 10, 8, 8)
        boxes = kept.page.locator(".ll-gallery img").evaluate_all(BOXES)
        heads = kept.page.locator(".ll-gallery th[scope=col]").evaluate_all(BOXES)
        assert {(box["width"], box["height"]) for box in boxes} == {(boxes[0]["width"],) * 2}
        assert boxes[0]["width"] % 8 == 0, "pixels are enlarged by a whole factor"
        assert boxes[0]["width"] > 40
        for place, box in enumerate(boxes):
            assert abs(middle(heads[place % 10]) - middle(box)) <= 1.5, "a header stands over its column"
        with kept.page.expect_download() as waiting:
            kept.button("Download zip").click()
        assert waiting.value.suggested_filename == "generate-conditional-styles-seed-4-best.zip"
        with zipfile.ZipFile(waiting.value.path()) as found:
            rows = list(csv.DictReader(io.StringIO(found.read("images.csv").decode())))
            pictures = [np.asarray(Image.open(io.BytesIO(found.read(row["file"])))) for row in rows]
        assert np.array_equal(np.reshape(pictures, cells.shape), cells)
        assert [row["class"] for row in rows] == [str(k % 10) for k in range(30)]
        assert {row["seed"] for row in rows} == {"4"}
        z = [(row["z1"], row["z2"]) for row in rows]
        assert len(set(z[:10])) == len(set(z[10:20])) == 1
        assert z[0] != z[10]

    def test_picked_test_image_is_rendered_as_every_class_its_original_first(
        self, kept: App, digits: Dataset
    ) -> None:
        images, labels = digits.part("test")
        assert labels is not None
        wanted = int((labels == 4).nonzero()[1])
        kept.open("generate", run="generate-conditional", mode="transfer")
        shown_cells(kept, 8 + 1 + 10)
        choose(kept, "Class", "4")
        kept.until(lambda: labels[int(kept.query()["image"])] == 4, "no image of class 4")
        kept.idle()
        kept.button(str(wanted)).click()
        kept.until(lambda: kept.query()["image"] == str(wanted), "the image was not picked")
        kept.idle()
        number = kept.page.get_by_role("spinbutton", name="Test image")
        number.fill("67216")
        number.press("Enter")
        (sentence,) = kept.until(kept.alerts, "a number without an image was not told")
        assert f"have the numbers 0 to {len(labels) - 1} on every page, got 67216" in sentence
        assert (number.input_value(), kept.query()["image"]) == (str(wanted), str(wanted))
        cells = shown_cells(kept, 8 + 1 + 10)[8:]
        expected = np.rint(images[wanted, 0].numpy() / digits.max_value * 255)
        assert np.array_equal(cells[0], expected)
        distances = ((cells[1:] / 255.0 - cells[0] / 255.0) ** 2).sum((1, 2))
        assert distances.argmin() == 4, "under its own class it looks most like itself"
        assert kept.page.locator(".ll-gallery th.ll-own").inner_text() == "4"

    @pytest.mark.thorough
    def test_point_of_explore_is_rendered_as_every_class(self, kept: App) -> None:
        kept.open("explore", "image", run="generate-conditional", z="1.5,-0.5")
        kept.click("Generate")
        pick_other(kept, None, "Style transfer")
        pick_other(kept, "z from", "Your drawing, or the point from Explore")
        kept.until(lambda: kept.query().get("from") == "point", "the point was not taken")
        kept.idle()
        cells = shown_cells(kept, 10)
        assert kept.z() == [1.5, -0.5]
        kept.open(
            "generate", run="generate-conditional", mode="mix", z="1.5,-0.5", y=3, to=8, **{"from": "point"}
        )
        strip = shown_cells(kept, 9)
        assert np.array_equal(strip[0], cells[3])
        assert np.array_equal(strip[-1], cells[8])
        assert not np.array_equal(strip[4], strip[0])

    @pytest.mark.thorough
    def test_prior_posterior_and_truncation_stand_side_by_side(self, kept: App) -> None:
        kept.open("generate", run="generate-digits", mode="compare", rows=3, components=5)
        cells = shown_cells(kept, 27).reshape(3, 9, 8, 8)
        assert not np.array_equal(cells[0], cells[1])
        assert not np.array_equal(cells[0], cells[2])
        lefts = kept.page.locator(".ll-gallery").evaluate_all(BOXES)
        assert lefts[0]["x"] < lefts[1]["x"] < lefts[2]["x"]
        assert len({box["y"] for box in lefts}) == 1
        assert kept.page.locator('[data-testid="stMetric"]').count() == 2
        assert kept.alerts() == []

    @pytest.mark.thorough
    def test_presentation_stays_over_pages_until_it_is_left(self, kept: App) -> None:
        kept.open("generate", run="generate-conditional", mode="styles", rows=2)
        small = shown_sizes(kept, 20)
        kept.page.get_by_role("button", name="Present", exact=True).click()
        kept.until(lambda: kept.query().get("present") == "1", "the link does not say so")
        kept.until(lambda: "generate-conditional" in kept.headline(), "the run is not named")
        kept.idle()
        assert not kept.page.locator('[data-testid="stSidebar"]').is_visible()
        assert kept.page.locator('[data-testid="stMain"] [data-testid="stSlider"]').count() == 0
        assert kept.until(lambda: shown_sizes(kept, 20) > small, "the images are no larger")
        kept.page.locator('[data-testid="stTopNavLink"]', has_text="Explore").click()
        kept.ready("image", "sliders")
        assert kept.query()["present"] == "1"
        assert kept.headline().startswith("Explore · ")
        assert not any(
            caption.is_visible() for caption in kept.page.locator('[data-testid="stCaptionContainer"]').all()
        )
        kept.page.reload()
        kept.ready("image")
        assert kept.query()["present"] == "1"
        kept.button("Leave presentation").click()
        kept.until(lambda: kept.headline() == "Explore", "it was not left")
        kept.page.get_by_role("button", name="Present", exact=True).wait_for()
        kept.click("Map")
        kept.idle()
        assert "present" not in kept.query()


class TestTime:
    """The scrubber at the foot of the page: images follow it in the browser, and Python when it is let go."""

    @pytest.fixture(autouse=True)
    def _watched(self, kept: App, watch: Watch) -> None:
        watch(kept)

    def test_samples_follow_while_dragging_and_the_page_and_its_downloads_say_which_weights(
        self, kept: App, server: Server
    ) -> None:
        run = Run.open(server.runs / "generate-timed-conditional")
        steps = run.snapshots()
        kept.open("generate", "follow", "time", run=run.id, y=3, num=4)
        kept.until(lambda: kept.marks("time").get("loaded") == str(NUM), "the decoders were not loaded")
        kept.idle()
        assert "best on validation" in words(kept)
        hold(kept, 1)
        sent = kept.num_sent
        for place in (3, 1, 2):
            drag(kept, place)
            kept.until(lambda place=place: kept.marks("follow").get("at") == str(steps[place]), "no images")
            _, expected = prior_samples(load_model(run, steps[place]), 4, seed=0, label=3)
            assert is_near(shown(kept, 4), expected.numpy()[:, 0])
            assert f"step {steps[place]:,}" in words(kept)
        assert kept.num_sent == sent, "the server hears of the release alone"
        kept.page.mouse.up()
        kept.until(lambda: kept.query().get("at") == str(steps[2]), "the link did not follow")
        kept.idle()
        with kept.page.expect_download() as waiting:
            kept.button("Download PNG").click()
        assert waiting.value.suggested_filename == f"{run.id}-seed-0-step-{steps[2]}.png"
        assert is_near(downloaded(kept), expected.numpy()[:, 0])
        kept.page.locator('[data-component="time"] [data-action="end"]').click()
        kept.until(lambda: "at" not in kept.query(), "the link kept its step")
        kept.idle()
        _, best = prior_samples(load_model(run), 4, seed=0, label=3)
        kept.until(lambda: is_near(shown(kept, 4), best.numpy()[:, 0]), "not the best weights' images")

    @pytest.mark.thorough
    def test_tables_follow_while_dragging_and_are_drawn_anew_on_release(
        self, kept: App, server: Server
    ) -> None:
        run = Run.open(server.runs / "generate-timed-conditional")
        step = run.snapshots()[1]
        model = load_model(run, step)
        z = prior_points(2, 2, seed=0)
        expected = {
            "styles": every_class(model, z).numpy().reshape(20, 8, 8),
            "mix": class_mix(model, prior_points(1, 2, seed=0)[0], 2, 7)[1].numpy()[:, 0],
        }
        for mode, images in expected.items():
            kept.open("generate", "follow", "time", run=run.id, mode=mode, rows=2, y=2, to=7)
            shown_cells(kept, len(images))
            hold(kept, 1)
            kept.until(lambda: kept.marks("follow").get("at") == str(step), "the images did not follow")
            assert is_near(shown_cells(kept, len(images)), images), mode
            kept.page.mouse.up()
            kept.until(lambda: kept.query().get("at") == str(step), "the link did not follow")
            assert is_near(shown_cells(kept, len(images)), images), mode

    @pytest.mark.thorough
    def test_what_needs_the_encoder_follows_on_release_and_says_so(self, kept: App, server: Server) -> None:
        run = Run.open(server.runs / "generate-timed")
        step = run.snapshots()[1]
        kept.open("generate", "follow", "time", run=run.id, mode="compare", rows=1, components=1)
        before = shown_cells(kept, 3)
        hold(kept, 1)
        kept.until(lambda: kept.marks("follow").get("at") == str(step), "the images did not follow")
        after = shown_cells(kept, 3)
        z = prior_points(1, 2, seed=0)
        with torch.no_grad():
            live = load_model(run, step).decode(torch.cat([z, truncate(z, 1.0)])).numpy()[:, 0]
        assert is_near(after[[0, 2]], live)
        assert np.array_equal(after[1], before[1])
        assert "update when you release the scrubber" in words(kept)
        kept.page.mouse.up()
        kept.until(lambda: not np.array_equal(shown_cells(kept, 3)[1], before[1]), "the mixture stayed")
        kept.until(lambda: "release the scrubber" not in words(kept), "it still says so")
        kept.open("generate", "follow", "time", run=f"{run.id}-conditional", mode="leak", at=step)
        assert words(kept) == f"Weights: snapshot of step {step}."
        assert kept.page.locator('[data-testid="stMetric"]').count() == 3


def words(app: App) -> str:
    """What the page says of its weights."""
    return str(app.part("follow").inner_text())


def hold(app: App, place: int) -> None:
    """Take the scrubber at its right end and drag it to a snapshot."""
    app.idle()
    box = app.page.locator('[data-component="time"] input[type=range]').bounding_box()
    app.page.mouse.move(box["x"] + box["width"] - 8, box["y"] + box["height"] / 2)
    app.page.mouse.down()
    drag(app, place)


def drag(app: App, place: int) -> None:
    box = app.page.locator('[data-component="time"] input[type=range]').bounding_box()
    app.page.mouse.move(box["x"] + 8 + place / NUM * (box["width"] - 16), box["y"] + box["height"] / 2)


def is_near(cells: NDArray[np.uint8], images: NDArray[Any]) -> bool:
    """Whether pictures are these images, from 0 to 1, but for one step of grey."""
    return bool(np.abs(cells.astype(int) - np.rint(images * 255)).max() <= 1)


BOXES = "nodes => nodes.map((node) => node.getBoundingClientRect().toJSON())"


def middle(box: dict[str, float]) -> float:
    return box["x"] + box["width"] / 2


def shown_cells(app: App, num: int) -> NDArray[np.uint8]:
    """All images of the page's tables, pixel for pixel, in their order."""
    cells = app.page.locator(".ll-gallery img")
    app.until(lambda: cells.count() == num, f"there are not {num} images")
    app.idle()
    addresses = cells.evaluate_all("nodes => nodes.map((node) => node.src)")
    return np.stack([grey(base64.b64decode(a.split("base64,")[1])) for a in addresses])


def grey(content: bytes) -> NDArray[np.uint8]:
    """A picture as grey: the browser's own have four equal channels."""
    pixels = np.asarray(Image.open(io.BytesIO(content)))
    return pixels if pixels.ndim == 2 else pixels[..., 0]


def shown_sizes(app: App, num: int) -> float:
    """The width of the images, of which there are so many."""
    cells = app.page.locator(".ll-gallery img")
    app.until(lambda: cells.count() == num, f"there are not {num} images")
    return float(cells.first.evaluate("node => node.getBoundingClientRect().width"))


def table(app: App) -> NDArray[np.uint8]:
    """The one table of the page, (R, N, H, W)."""
    app.page.locator(".ll-gallery img").first.wait_for()
    num_rows = app.page.locator(".ll-gallery tbody tr").count()
    cells = shown_cells(app, app.page.locator(".ll-gallery img").count())
    return cells.reshape(num_rows, -1, *cells.shape[1:])


def pick_other(app: App, group: str | None, name: str) -> None:
    """Choose in a segmented control, named or the first."""
    groups = app.page.get_by_role("radiogroup")
    found = groups.first if group is None else app.page.get_by_role("radiogroup", name=group)
    found.get_by_text(name, exact=True).click()
    app.idle()


def choose(app: App, label: str, name: str) -> None:
    """Choose in one of Streamlit's lists."""
    app.page.locator('[data-testid="stMain"]').get_by_role("combobox", name=label).click()
    app.page.get_by_role("option", name=name, exact=True).click()
    app.idle()


def move(app: App, label: str, *keys: str) -> None:
    """Move one of Streamlit's sliders by its keyboard."""
    handle: Any = app.page.get_by_role("group", name=label, exact=True).locator("input[type=range]")
    handle.focus()
    for key in keys:
        app.page.keyboard.press(key)
