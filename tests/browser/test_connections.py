"""What a browser's tabs hold of its six connections to the server, and what is left for the next one."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.live import LiveRuns, live_runs
from tests.browser.server import wait_until
from tests.support.thorough import few

if TYPE_CHECKING:
    from tests.browser.server import Server
    from tests.browser.shelf import Shelf
    from tests.browser.tab import App, Browse

NAMES = [f"live-{number}" for number in range(6)]

#: Makes a tab look hidden, or shown again, to its scripts.
HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden })
  document.dispatchEvent(new Event("visibilitychange"))
}"""

#: Steps of the newest lines that the page holds of a run.
HELD = """
  const { stream, stop } = module.listen(argument, {})
  stop()
  return stream.history.train.map(({ step }) => step).filter((step) => step > 10000)
"""


@pytest.fixture(scope="module")
def live(shelf: Shelf, server: Server) -> Iterator[LiveRuns]:
    with live_runs(shelf, server, NAMES, 0.25) as found:
        yield found


@pytest.fixture(scope="module")
def ended(shelf: Shelf, server: Server) -> str:
    return shelf.put("digits", server, "ended").id


def health(server: Server) -> dict[str, int]:
    with urllib.request.urlopen(f"{server.url}/api/health", timeout=5) as answer:
        found: dict[str, int] = json.load(answer)
        return found


def own_streams(app: App) -> list[str]:
    """Streams that the tab itself has asked for, and not the worker that all tabs share."""
    return [address for address in app.addresses if "/stream?" in address and "_stcore" not in address]


@pytest.mark.thorough
def test_many_live_pages_of_a_browser_leave_connections_for_the_next(
    browse: Browse, server: Server, live: LiveRuns, ended: str
) -> None:
    compared = browse(server).open("compare", "beside", runs=",".join(NAMES))
    tab = browse(server).open("train", "curves", run=NAMES[0])
    tab.until(lambda: tab.marks("curves").get("state") == "running", "it is not followed", 40)
    # Six runs and two tabs: one stream, of the worker that the tabs share.
    tab.until(
        lambda: {**health(server), "waiting": 0} == {"streams": 1, "runs": 6, "waiting": 0}, "more than one"
    )
    assert not own_streams(compared) and not own_streams(tab)
    began = time.monotonic()
    newcomer = browse(server).open("train", "curves", run=ended)
    assert newcomer.number("curves", "points") > 0
    # Before, it waited for ever; so much may a busy machine take.
    assert time.monotonic() - began < 40
    before = tab.number("curves", "received")
    tab.until(lambda: tab.number("curves", "received") > before, "the tab before does not go on")


@pytest.mark.thorough
def test_seven_tabs_on_train_leave_connections_for_a_new_page(
    browse: Browse, server: Server, live: LiveRuns, ended: str
) -> None:
    tabs = [browse(server).open("train", "curves", run=NAMES[number % 6]) for number in range(7)]
    assert health(server)["streams"] == 1
    newcomer = browse(server).open("explore", "image", "sliders", run=ended)
    assert newcomer.marks("image")["source"] == "browser"
    received = [tab.number("curves", "received") for tab in tabs]
    for tab, before in zip(tabs, received, strict=True):
        tab.until(lambda t=tab, b=before: t.number("curves", "received") > b, "a tab does not go on")


def test_ended_runs_hold_no_stream_and_are_noticed_when_they_go_on(
    browse: Browse, server: Server, shelf: Shelf
) -> None:
    run = shelf.put("digits", server, "rests")
    app = browse(server).open("train", "curves", run=run.id)
    app.until(lambda: health(server)["streams"] == 0, "a run at rest holds a stream")
    before = app.number("curves", "received")
    live = LiveRuns([], 1)
    live.steps[run.id] = 10_000
    with run.lock():
        live.write(run)
        app.until(lambda: app.marks("curves").get("state") == "running", "nobody noticed that it goes on")
        app.until(lambda: app.number("curves", "received") == before + 1, "its line did not come")
        app.until(lambda: health(server)["streams"] == 1, "a run at work is not followed")
        run.write_status(run.status_as_written().replace(state="stopped"))
    live.stop()
    app.until(lambda: health(server)["streams"] == 0, "it holds a stream though it has stopped")


@pytest.mark.parametrize("shared", few([True, False], 1))
def test_a_hidden_tab_holds_nothing_and_catches_up_when_it_is_shown(
    browse: Browse, server: Server, shelf: Shelf, shared: bool
) -> None:
    name = f"hidden-{shared}".lower()
    with live_runs(shelf, server, [name]) as live:
        app = browse(server)
        if not shared:
            app.goes_on = False
            app.page.add_init_script("delete window.SharedWorker")
        app.open("train", "curves", run=name)
        assert bool(own_streams(app)) is not shared
        app.until(lambda: health(server)["streams"] == 1, "it is not followed")
        app.page.evaluate(HIDE, True)
        app.until(lambda: health(server)["streams"] == 0, "a hidden tab holds a stream")
        known = len(app.module("/source/stream.js", HELD, name))
        goal = live.steps[name] + 5
        app.until(lambda: live.steps[name] > goal, "nothing is written")
        assert len(app.module("/source/stream.js", HELD, name)) == known
        app.page.evaluate(HIDE, False)
        app.until(lambda: max(app.module("/source/stream.js", HELD, name)) > goal, "it does not catch up")
        live.stop()
        run = live.runs[0]
        expected = [
            found["step"]
            for found in map(json.loads, run.metrics_path.read_text().splitlines())
            if found.get("split") == "train" and found["step"] > 10_000
        ]
        app.until(
            lambda: app.module("/source/stream.js", HELD, name) == expected,
            "it holds other lines than were written",
        )


@pytest.mark.thorough
def test_tabs_of_two_browsers_have_a_stream_each(
    browse: Browse, server: Server, live: LiveRuns, context: Any
) -> None:
    from tests.browser.tab import App

    browse(server).open("train", "curves", run=NAMES[0])
    other = context.browser.new_context()
    try:
        second = App(other, server).open("train", "curves", run=NAMES[1])
        second.until(lambda: health(server)["streams"] == 2, "two browsers share a stream")
        second.page.close()
        wait_until(lambda: health(server)["streams"] == 1, "a closed tab holds a stream")
    finally:
        other.close()
