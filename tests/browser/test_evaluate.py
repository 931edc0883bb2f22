"""A person's path through Evaluate: the truth of an image adds up, at any moment, and what is measured stays."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from vae.config.schema import ModelConfig, RunConfig, TrainConfig
from vae.data.dataset import load_dataset
from vae.evaluation.exact_posterior import exact_posterior
from vae.runs.run import Run
from vae.runs.snapshots import load_model

if TYPE_CHECKING:
    from tests.browser.server import Server
    from tests.browser.shelf import Shelf
    from tests.browser.tab import App, Watch


@pytest.fixture(scope="module")
def run(server: Server, shelf: Shelf) -> Run:
    train = TrainConfig(epochs=4, batch_size=64, seed=3, device="cpu", num_snapshots=4, learning_rate=3e-3)
    return shelf.train(server.runs / "known", RunConfig(model=ModelConfig(hidden=(32,)), train=train))


@pytest.fixture
def evaluating(kept: App, watch: Watch, run: Run) -> App:
    return watch(kept).open("evaluate", "truth", "time", run=run.id)


def numbers(app: App) -> list[float]:
    """ELBO, gap and log p(x), as they read."""
    cells = app.part("truth").locator(".sum td").all_inner_texts()
    return [float(text.replace("−", "-")) for text in cells]


def adds_up(app: App) -> bool:
    """Whether the printed sum is right to its last digit."""
    cells = app.part("truth").locator(".sum td").all_inner_texts()
    elbo, gap, log_prob = (int(text.replace("−", "-").replace(".", "")) for text in cells)
    return elbo + gap == log_prob


def settled(app: App) -> None:
    def done() -> bool:
        told = app.part("truth").inner_text()
        return app.marks("truth").get("settled") == "true" and "Your drawing" in told

    app.until(done, "the drawing has no truth")


def expected(run: Run, at: str | int, row: int) -> float:
    dataset = load_dataset(run.config.data)
    x = dataset.pixels(dataset.part("test")[0][row : row + 1])
    return exact_posterior(load_model(run, at), x).log_prob  # type: ignore[arg-type]


def test_the_sum_adds_up_for_any_image_and_moment(evaluating: App, run: Run) -> None:
    app = evaluating
    _, gap, log_prob = numbers(app)
    assert adds_up(app)
    assert gap > 0
    assert log_prob == pytest.approx(expected(run, "best", 0), abs=2e-3)
    app.part("truth").locator("input[value='5']").check(force=True)
    wanted = expected(run, "best", 5)
    app.until(lambda: abs(float(app.marks("truth")["log"]) - wanted) < 2e-3, "the chosen image is not shown")
    app.until(lambda: app.query().get("image") == "5", "the link does not name the image")
    app.page.locator('[data-component="time"] input[type=range]').focus()
    app.page.keyboard.press("Home")
    before = expected(run, 0, 5)
    app.until(lambda: abs(float(app.marks("truth")["log"]) - before) < 2e-3, "it does not follow the time")
    assert adds_up(app)


@pytest.mark.thorough
def test_a_drawing_has_a_truth_too_and_the_link_draws_it_again(evaluating: App) -> None:
    app = evaluating
    app.part("truth").locator('[data-tab="draw"]').click()
    pad = app.part("truth").locator(".pad")
    box = pad.bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2
    app.page.mouse.move(middle, box["y"] + 0.2 * box["height"])
    app.page.mouse.down()
    app.page.mouse.move(middle, box["y"] + 0.8 * box["height"], steps=5)
    app.page.mouse.up()
    app.until(lambda: app.query().get("drawing"), "the link does not say the drawing")
    settled(app)
    before = numbers(app)
    assert all(map(math.isfinite, before))
    app.page.goto(app.page.url)
    app.ready("truth")
    settled(app)
    assert numbers(app) == before


def test_a_bound_is_measured_beside_the_page_and_is_there_the_next_time(evaluating: App) -> None:
    app = evaluating
    app.page.get_by_text("50", exact=True).first.click()
    app.until(lambda: app.query().get("k") == "50", "k is not in the link")
    app.button("Measure the bound").click()
    app.ready("chart")
    told = app.page.locator('[data-testid="stMetric"]').all_inner_texts()
    bound = next(text for text in told if text.startswith("Bound on −log p(x), k = 50"))
    app.open("evaluate", "chart", run="known", k="50")
    again = app.page.locator('[data-testid="stMetric"]').all_inner_texts()
    assert bound in again
