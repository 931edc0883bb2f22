"""A student's path through a lesson: predict, do it, see what came; and what does not complete a step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dashboard.views.train.config_form import BETAS

if TYPE_CHECKING:
    from tests.browser.server import Server
    from tests.browser.tab import App, Watch

NAME = "03-turning-beta"


@pytest.fixture
def student(kept: App, watch: Watch) -> App:
    return watch(kept)


def rail(app: App) -> dict[str, str]:
    return app.marks("lesson_rail")


def press(app: App, name: str) -> None:
    app.part("lesson_rail").locator(f"button.{name}").click()


def on_step(app: App, step: int) -> None:
    app.until(lambda: rail(app).get("step") == str(step), f"step {step} did not open", 30)
    app.idle()


def predict(app: App, choice: int) -> None:
    app.part("lesson_rail").locator("input[name=answer]").nth(choice).check()
    app.part("lesson_rail").get_by_role("button", name="Commit").click()
    app.until(lambda: rail(app).get("committed") == "true", "the prediction was not committed")


def is_done(app: App) -> bool:
    return rail(app).get("done") == "true"


def move_beta(app: App, *keys: str) -> None:
    thumb = app.page.locator(
        '.st-key-card-steering [role="slider"], .st-key-card-steering input[type="range"]'
    ).first
    thumb.focus()
    for key in keys:
        app.page.keyboard.press(key)


def begin_training(app: App) -> None:
    before = app.query().get("run")
    app.idle()
    app.button("Train").click()
    app.until(lambda: app.query().get("run") != before, "no run was made", 40)


def answers(app: App) -> Any:
    return json.loads(app.page.evaluate("localStorage.getItem('latent-lab-lessons')"))[NAME]["steps"]


@pytest.mark.thorough
def test_turning_beta_is_walked_to_its_end(student: App, server: Server, tmp_path: Path) -> None:
    app = student.open("learn", group="lessons")
    app.page.locator(f".st-key-start-lesson-{NAME} button").first.click()
    on_step(app, 1)
    assert app.headline() == "Train"
    app.until(lambda: app.page.evaluate("location.pathname") == "/train", "the address has another page")

    # Not done before the prediction, nor before the training.
    app.until(lambda: rail(app).get("committed") == "false", "no prediction is asked for")
    assert not is_done(app)
    predict(app, 1)
    app.idle()
    assert not is_done(app)
    begin_training(app)
    app.until(lambda: is_done(app), "the first step was not completed", 60)
    # By this run, not by the example before it, which has trained for longer.
    lines = server.newest().metrics_path.read_text().splitlines()
    assert json.loads(lines[-1])["epoch"] >= 20
    assert answers(app)["1"]["predicted"].startswith("From half a nat")
    assert answers(app)["1"]["came"]

    # Progress and place survive a reload.
    app.page.reload()
    on_step(app, 1)
    app.until(lambda: is_done(app), "the reload lost it")

    press(app, "next")
    on_step(app, 2)
    predict(app, 0)
    app.until(
        lambda: app.page.locator(".st-key-card-steering [data-testid='stSlider']").count(), "no slider of β"
    )
    app.idle()
    assert not is_done(app)
    move_beta(app, "End")
    app.until(lambda: is_done(app), "β had no effect", 60)

    press(app, "next")
    on_step(app, 3)
    assert not is_done(app)
    press(app, "next")
    on_step(app, 4)
    assert answers(app)["3"]["done"]
    predict(app, 0)
    app.idle()
    assert not is_done(app)
    move_beta(app, "Home", *["ArrowRight"] * BETAS.index(1))
    app.until(lambda: is_done(app), "100 epochs did not pass", 60)
    assert answers(app)["4"]["came"].startswith(("Yes", "No"))

    press(app, "next")
    on_step(app, 5)
    predict(app, 1)
    app.idle()
    assert not is_done(app)
    move_beta(app, "Home")
    app.until(lambda: is_done(app), "100 epochs did not pass", 60)
    server.rest()

    press(app, "next")
    on_step(app, 6)
    app.until(lambda: app.headline() == "Collapse", "Collapse did not open")
    press(app, "next")
    app.until(lambda: is_done(app), "the lesson does not end")

    with app.page.expect_download() as download:
        press(app, "csv")
    text = Path(download.value.path()).read_text("utf-8-sig")
    assert text.splitlines()[0] == "lesson,step,title,predicted,came,right,completed"
    assert len(text.splitlines()) == 7
    app.part("lesson_rail").locator("button.leave").click()
    app.until(lambda: "lesson" not in app.query(), "the lesson is still open")
    app.until(lambda: not rail(app), "the rail is still there")
    sidebar = app.page.locator('[data-testid="stSidebar"]')
    app.until(lambda: sidebar.get_attribute("data-collapsed") == "false", "the sidebar stays folded")


def test_a_step_is_not_completed_by_the_page_itself(student: App) -> None:
    """The page writes a point into its link when it opens; nobody moved it."""
    app = student.open(
        "explore", "sliders", "lesson_rail", lesson="09-style-and-class", step=2, run="digits-conditional"
    )
    on_step(app, 2)
    app.until(lambda: app.query().get("z"), "the page has no point")
    app.ready("sliders", "image").idle()
    assert not is_done(app)
    before = app.z()
    app.part("sliders").get_by_role("slider").first.press("ArrowRight")
    app.until(lambda: app.z() != before, "the slider did not move the point")
    app.until(lambda: is_done(app), "the point was moved in vain")
    assert app.query()["lesson"] == "09-style-and-class"
