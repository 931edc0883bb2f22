"""A person's path through Learn: the pipeline follows the hand with the run's own numbers, and chapters turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from vae.data.dataset import load_dataset
from vae.runs.run import Run
from vae.runs.snapshots import load_model
from vae.theory.one_pass import OnePass, one_pass

if TYPE_CHECKING:
    from tests.browser.server import Server
    from tests.browser.shelf import Shelf
    from tests.browser.tab import App, Watch


@pytest.fixture(scope="module")
def run(server: Server, shelf: Shelf) -> Run:
    return shelf.put("digits", server, "flat")


@pytest.fixture
def learning(kept: App, watch: Watch, run: Run) -> App:
    app = watch(kept)
    link = {"run": run.id, "chapter": "pipeline", "image": "3", "eps": "0.5,-1"}
    if not link.items() <= app.query().items():
        app.open("learn", "pipeline", **link)
    return app


def shown(app: App) -> tuple[float, float, list[float]]:
    """Reconstruction, KL and z, as the drawing has them."""
    marks = app.marks("pipeline")
    z = [float(value) for value in marks["z"].split(",")]
    return float(marks["distortion"]), float(marks["rate"]), z


def expected(run: Run, noise: list[float]) -> OnePass:
    dataset = load_dataset(run.config.data)
    x = dataset.pixels(dataset.part("test")[0][3:4])
    return one_pass(load_model(run, "best"), x, noise=torch.tensor(noise))


def agrees(app: App, run: Run, noise: list[float]) -> bool:
    found = expected(run, noise)
    return shown(app) == (
        pytest.approx(found.distortion, rel=1e-4),
        pytest.approx(found.rate, rel=1e-4),
        pytest.approx(found.z.tolist(), abs=1e-4),
    )


def slider(app: App, name: str) -> object:
    return app.part("pipeline").get_by_label(name, exact=True)


def written(app: App) -> list[list[float]]:
    """μ, σ, ε, z and KL of each dimension, as a person reads them in the drawing."""
    rows = app.part("pipeline").locator(".dim:not(.names)").all()
    cells = [
        [*row.locator("b").all_inner_texts(), *row.locator(":scope > span").all_inner_texts()[1:]]
        for row in rows
    ]
    return [[float(text.replace("−", "-")) for text in row] for row in cells]


def test_each_number_is_the_library_s(learning: App, run: Run) -> None:
    learning.until(lambda: agrees(learning, run, [0.5, -1.0]), "the numbers differ from the library's")
    found = expected(run, [0.5, -1.0])
    wanted = zip(found.mean, found.sigma, torch.tensor([0.5, -1.0]), found.z, found.rate_per_dim, strict=True)
    for row, numbers in zip(written(learning), wanted, strict=True):
        assert row == pytest.approx([float(one) for one in numbers], rel=1e-4)
    # x̂ is the mean of p(x|z), one grey value for each pixel of the image.
    pixels = (
        learning.part("pipeline")
        .locator(".out canvas")
        .evaluate(
            """(canvas) => {
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
          return [canvas.height, canvas.width, ...data.filter((_, k) => k % 4 === 0)]
        }"""
        )
    )
    assert tuple(pixels[:2]) == found.image.shape[1:]
    assert pixels[2:] == pytest.approx((255 * found.image).flatten().tolist(), abs=0.51)


def test_dragging_is_followed_without_a_message_until_release(learning: App, run: Run) -> None:
    app = learning
    app.until(lambda: agrees(app, run, [0.5, -1.0]), "the image was not encoded")
    app.idle()
    box = slider(app, "ε of z₁").bounding_box()  # type: ignore[attr-defined]
    middle = box["y"] + box["height"] / 2
    app.page.mouse.move(box["x"] + box["width"] / 2, middle)
    app.page.mouse.down()
    before, decoded = app.num_sent, app.number("pipeline", "decoded")
    for step in range(20):
        app.page.mouse.move(box["x"] + box["width"] * (0.3 + 0.02 * step), middle)
    app.until(lambda: app.number("pipeline", "decoded") > decoded + 5, "nothing followed")
    assert app.num_sent == before
    app.page.mouse.up()
    app.until(lambda: app.query().get("eps", "").split(",")[0] not in ("", "0.5"), "the link has no ε")
    app.idle()
    noise = [float(value) for value in app.query()["eps"].split(",")]
    app.until(lambda: agrees(app, run, noise), "the numbers are not those of the link's ε")


@pytest.mark.thorough
def test_modes_switch_parts_of_the_drawing(learning: App, run: Run) -> None:
    app = learning
    app.until(lambda: agrees(app, run, [0.5, -1.0]), "the image was not encoded")
    app.part("pipeline").get_by_label("Reconstruction", exact=True).check(force=True)
    app.until(lambda: agrees(app, run, [0.0, 0.0]), "a reconstruction has noise")
    app.part("pipeline").get_by_label("Generation", exact=True).check(force=True)
    app.until(lambda: shown(app)[2] == pytest.approx([0.5, -1.0], abs=1e-4), "z is not drawn from the prior")
    assert app.part("pipeline").locator(".encoder").get_attribute("data-off") == "true"
    app.until(lambda: app.query().get("pass") == "generation", "the link does not say so")
    app.part("pipeline").get_by_label("Training", exact=True).check(force=True)
    app.until(lambda: agrees(app, run, [0.5, -1.0]), "training is not on again")


@pytest.mark.thorough
def test_the_class_can_be_left_out_at_one_end(learning: App, server: Server, shelf: Shelf) -> None:
    run = shelf.put("digits-conditional", server, "told")
    app = learning.open("learn", "pipeline", run=run.id, chapter="pipeline", image=3, eps="0,0")
    dataset = load_dataset(run.config.data)
    images, labels = dataset.part("test")
    assert labels is not None
    model, x, y = load_model(run, "best"), dataset.pixels(images[3:4]), labels[3:4]
    both = one_pass(model, x, y)
    app.until(lambda: shown(app)[0] == pytest.approx(both.distortion, rel=1e-4), "not the condition's cost")
    app.part("pipeline").locator(".decoder input[type=checkbox]").uncheck()
    with torch.no_grad():
        alone = -float(model.log_prob(both.z[None], x, torch.zeros(1, 10)))
    app.until(lambda: shown(app)[0] == pytest.approx(alone, rel=1e-4), "the decoder is still told")
    assert alone > both.distortion


@pytest.mark.thorough
def test_a_drawing_goes_through_and_the_link_draws_it_again(learning: App) -> None:
    app = learning.open("learn", "pipeline", run="flat", chapter="pipeline", eps="0,0")
    app.part("pipeline").get_by_label("Draw", exact=True).check(force=True)
    box = app.part("pipeline").locator(".pad").bounding_box()
    assert box is not None
    before = app.marks("pipeline").get("z")
    app.page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.2)
    app.page.mouse.down()
    app.page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.8, steps=6)
    app.page.mouse.up()
    app.until(lambda: app.query().get("x") == "draw" and "drawing" in app.query(), "the link has no drawing")
    app.idle()
    app.until(lambda: app.marks("pipeline").get("z") != before, "the drawing was not encoded")
    z = shown(app)[2]
    app.page.reload()
    app.ready("pipeline")
    app.until(lambda: shown(app)[2] == pytest.approx(z, abs=1e-3), "the link draws something else")


def test_the_closed_form_follows_its_sliders(kept: App, watch: Watch, run: Run) -> None:
    app = watch(kept).open("learn", "kl", "figure", run="flat", chapter="kl")
    for name, value in (("μ", "1"), ("σ", "0.5")):
        app.part("kl").get_by_label(name, exact=True).fill(value)
    app.until(
        lambda: float(app.marks("kl")["kl"]) == pytest.approx(0.8181, abs=1e-4), "the KL did not follow"
    )


def test_chapters_turn_and_the_link_follows(kept: App, watch: Watch, run: Run) -> None:
    app = watch(kept).open("learn", "figure", run="flat", chapter="elbo")
    app.page.locator(".st-key-learn-next button").first.click()
    app.until(lambda: app.query().get("chapter") == "identity", "the next chapter did not open")
    app.ready("figure").idle()
    assert app.page.locator(".katex").count() > 2
    assert app.page.locator(".katex-error").count() == 0
