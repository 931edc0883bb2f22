"""Pages follow what changes without a timer: they draw anew when they must, and ask for nothing while they need not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.live import LiveRuns, live_runs
from tests.browser.test_connections import HIDE

if TYPE_CHECKING:
    from tests.browser.server import Server
    from tests.browser.shelf import Shelf
    from tests.browser.tab import App, Browse


@pytest.fixture(scope="module")
def live(shelf: Shelf, server: Server) -> Iterator[LiveRuns]:
    with live_runs(shelf, server, ["signal-0", "signal-1"], 0.1) as found:
        yield found


def state_words(app: App) -> str:
    return str(
        app.page.locator('[data-testid="stMain"] [data-testid="stMarkdown"] strong').first.inner_text()
    )


def opened(browse: Browse, server: Server, page: str, *parts: str, **query: str) -> App:
    app = browse(server).open(page, *parts, **query)
    app.idle()
    return app


def written(app: App, live: LiveRuns, num: int) -> None:
    """Wait until the first run has so many lines more."""
    goal = live.steps["signal-0"] + num
    app.until(lambda: live.steps["signal-0"] >= goal, "nothing is written")


@pytest.mark.parametrize(
    ("page", "part", "per_second"),
    [
        ("train", "curves", 0.0),
        pytest.param("collapse", "diagnosis", 1.0, marks=pytest.mark.thorough),
        pytest.param("runs", "signal", 0.5, marks=pytest.mark.thorough),
        pytest.param("compare", "beside", 1.0, marks=pytest.mark.thorough),
    ],
)
def test_page_of_a_run_at_work_is_drawn_no_more_often_than_it_changes(
    browse: Browse, server: Server, live: LiveRuns, page: str, part: str, per_second: float
) -> None:
    query = {"runs": "signal-0,signal-1"} if page == "compare" else {"run": "signal-0"}
    app = opened(browse, server, page, part, **query)
    written(app, live, 3)
    before, began = app.num_reruns, time.monotonic()
    written(app, live, 10)
    assert app.num_reruns - before <= per_second * (time.monotonic() - began) + 1
    if per_second:
        app.until(lambda: app.num_reruns > before, "it does not follow the run")
    app.page.evaluate(HIDE, True)
    app.idle()
    before = app.num_reruns
    written(app, live, 8)
    assert app.num_reruns == before, "a hidden tab is drawn"
    app.page.evaluate(HIDE, False)
    if per_second:
        app.until(lambda: app.num_reruns > before, "a tab that is shown again does not catch up")


def test_buttons_follow_a_state_and_a_slider_a_beta_that_were_changed_elsewhere(
    browse: Browse, server: Server, live: LiveRuns
) -> None:
    app = opened(browse, server, "train", "curves", run="signal-1")
    run = next(run for run in live.runs if run.id == "signal-1")
    assert state_words(app) == "Training"
    before = app.num_reruns
    run.request(beta=4.0)
    handle = app.page.get_by_role("group", name="β, the weight of the KL", exact=True).locator(
        "input[type=range]"
    )
    app.until(lambda: handle.get_attribute("aria-valuetext") == "4", "the slider stays where it was")
    live.runs.remove(run)
    live.write(run)
    run.write_status(run.status_as_written().replace(state="paused"))
    app.button("Resume").wait_for()
    assert state_words(app) == "Paused"
    app.page.evaluate(HIDE, True)
    app.idle()
    run.write_status(run.status_as_written().replace(state="failed", error="the disk is full; make room"))
    written(app, live, 5)
    assert app.button("Resume").is_visible(), "a hidden tab is drawn"
    app.page.evaluate(HIDE, False)
    app.button("Continue training").wait_for()
    app.until(lambda: any("the disk is full" in text for text in app.alerts()), "the error is not told")
    # Each change is drawn once, and perhaps once more for what the page could not know yet.
    assert app.num_reruns - before <= 8


@pytest.mark.thorough
def test_signal_takes_no_room_on_the_page(browse: Browse, server: Server, live: LiveRuns) -> None:
    app = opened(browse, server, "runs", "signal")
    assert (
        app.page.locator('[class*="st-key-signal-"]').first.evaluate("node => node.getClientRects().length")
        == 0
    )
