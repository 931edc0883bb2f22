"""A person's path through Compare: dots, one selection and one scrubber for all runs, and a sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from vae.config.schema import ModelConfig, ObjectiveConfig, RunConfig, TrainConfig
from vae.data.dataset import load_dataset
from vae.runs.run import Run
from vae.runs.snapshots import load_model

if TYPE_CHECKING:
    from tests.browser.server import Server
    from tests.browser.shelf import Shelf
    from tests.browser.tab import App, Watch


@pytest.fixture(scope="module")
def runs(server: Server, shelf: Shelf) -> list[Run]:
    """Two runs that differ in β alone, one trained twice as long as the other."""
    made = []
    for name, beta, epochs in (("low", 0.5, 3), ("high", 4.0, 6)):
        train = TrainConfig(
            epochs=epochs, batch_size=64, seed=3, device="cpu", num_snapshots=5, learning_rate=3e-3
        )
        config = RunConfig(model=ModelConfig(hidden=(32,)), objective=ObjectiveConfig(beta=beta), train=train)
        made.append(shelf.train(server.runs / name, config, name))
    return made


@pytest.fixture
def comparing(kept: App, watch: Watch, runs: list[Run]) -> App:
    return watch(kept).open("compare", "plane", "beside", runs="low,high")


def cells(app: App, pick: str) -> Any:
    return app.page.locator(f'[data-component="beside"] [data-pick="{pick}"]')


def reconstructed(run: Run, at: Any, row: int) -> list[int]:
    dataset = load_dataset(run.config.data)
    x = dataset.pixels(dataset.part("test")[0][row : row + 1])
    model = load_model(run, at)
    with torch.no_grad():
        image = model.decode(model.posterior(x)[0])[0, 0]
    return [round(float(value) * 255) for value in image.flatten()]


def shows(app: App, line: int, pick: str, expected: list[int]) -> bool:
    found = cells(app, pick).nth(line).locator("canvas").evaluate(
        """canvas => {
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
          return Array.from({ length: data.length / 4 }, (_, k) => data[4 * k])
        }"""
    )  # fmt: skip
    return len(found) == len(expected) and max(abs(a - b) for a, b in zip(found, expected, strict=True)) <= 1


def told_of(app: App, dot: Any) -> str | None:
    """Whose figures are told when the pointer comes to a dot; a plane drawn anew meanwhile has not seen it come."""
    app.page.mouse.move(0, 0)
    dot.hover(force=True)
    app.frames()
    return app.marks("plane").get("shown")


def test_both_runs_stand_in_the_plane_and_a_dot_tells_its_figures(comparing: App) -> None:
    app = comparing
    app.until(lambda: app.number("plane", "dots") == 2, "there are not two dots", 30)
    told = app.part("plane").locator(".card").inner_text()
    for words in ("β", "−ELBO", "±", "Active units"):
        assert words in told, words
    points = app.page.locator('[data-component="plane"] .scatterlayer .point')
    for number, name in enumerate(("low", "high")):
        app.until(lambda n=number, name=name: told_of(app, points.nth(n)) == name, f"{name}'s dot is silent")
    assert "Remove from the comparison" in app.part("plane").inner_text()
    app.page.mouse.move(0, 0)
    app.page.get_by_label("Run whose test metrics are shown").select_option("low")  # the keyboard's way
    app.until(lambda: app.marks("plane").get("shown") == "low", "the list of runs does not show what it says")


def test_one_scrubber_moves_every_run_to_its_own_share_and_the_link_says_it(
    comparing: App, runs: list[Run]
) -> None:
    app = comparing
    rail = app.page.locator('[data-component="beside"] input[type=range]')
    rail.focus()
    app.page.keyboard.press("Home")
    app.until(lambda: app.marks("beside").get("steps") == "0,0", "the runs are not at their beginning")
    app.until(lambda: app.query().get("share") == "0", "the link does not say the share")
    rail.fill("50")
    halves = [min(run.snapshots(), key=lambda step: abs(step - run.snapshots()[-1] / 2)) for run in runs]
    assert halves[0] != halves[1]
    app.until(lambda: app.marks("beside").get("steps") == ",".join(map(str, halves)), "they are not half-way")
    app.until(lambda: app.marks("beside").get("settled") == "true", "the images do not follow")
    told = cells(app, "image-0").first.get_attribute("aria-label")
    first = int(told.removeprefix("Test image ").partition(",")[0])
    for line, (run, step) in enumerate(zip(runs, halves, strict=True), 1):
        assert shows(app, line, "image-0", reconstructed(run, step, first)), run.id


@pytest.mark.thorough
def test_an_image_that_is_chosen_is_chosen_and_enlarged_for_all_and_stays_in_the_link(comparing: App) -> None:
    app = comparing
    cells(app, "image-3").first.click()
    app.until(lambda: app.query().get("pick") == "image-3", "the link does not say what is chosen")
    pressed = cells(app, "image-3").evaluate_all("nodes => nodes.map((node) => node.ariaPressed)")
    assert pressed == ["true"] * 3
    large = app.part("beside").locator(".large figure")
    assert large.count() == 3
    assert "nats" in large.nth(1).inner_text()
    address = app.page.url
    app.page.goto(address)
    app.ready("beside")
    app.until(lambda: app.marks("beside").get("pick") == "image-3", "the link does not show what it says")


@pytest.mark.thorough
def test_a_sweep_from_the_page_brings_its_dots(comparing: App, server: Server) -> None:
    app = comparing
    app.page.get_by_text("Start a sweep").click()
    for label, text in (("Name", "swept"), ("Values of β", "0.5 4"), ("Epochs", "1")):
        box = app.page.get_by_label(label, exact=True)
        box.fill(text)
        box.press("Tab")
        app.idle()
    app.button("Start the runs").click()
    app.until(lambda: app.query().get("sweep") == "swept", "no sweep was begun")
    app.until(lambda: app.number("plane", "dots") == 2, "the dots did not appear", 60)
    assert app.query()["plane"] == "sweep"
    found = sorted(path.name for path in server.runs.glob("swept-*"))
    assert found == ["swept-beta-0.5-seed-0", "swept-beta-4-seed-0"]
