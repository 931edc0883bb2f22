"""The server is killed while a run trains: the run goes on, and the curves lose and double nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.live import holds_all, written
from vae.runs.run import Run

if TYPE_CHECKING:
    from tests.browser.server import Server
    from tests.browser.tab import App, Tabs, Watch

#: What Chromium and Streamlit write to the console while no server answers.
OUTAGE = (
    "ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED_ENCODING|WebSocket|"
    "when disconnected|reaching server endpoint|server is not responding|Failed to fetch dynamically imported module"
)


@pytest.fixture(scope="module")
def run(spare_tabs: Tabs, own_server: Server) -> Iterator[Run]:
    """A run that the Train button started."""
    app = spare_tabs.open(own_server).open("train", run="digits-2d")
    app.button("Train").click()
    app.until(lambda: app.query()["run"] != "digits-2d", "no run was made")
    found = Run.open(own_server.runs / app.query()["run"])
    found.request(max_images_per_second=5000)
    app.until(lambda: len(written(found)) > 3, "it did not begin", 60)
    spare_tabs.close(app)
    yield found


@pytest.fixture(scope="module")
def tab(spare_tabs: Tabs, own_server: Server, run: Run) -> Iterator[App]:
    """The tab that watches the run all the time."""
    app = spare_tabs.open(own_server).open("train", "curves", run=run.id)
    app.expect_error(OUTAGE)
    yield app
    spare_tabs.close(app)


@pytest.fixture
def watching(tab: App, watch: Watch) -> App:
    """The tab that watches the run, looked after."""
    return watch(tab)


@pytest.mark.thorough
def test_page_whose_server_is_killed_and_restarted_holds_each_point_once(
    watching: App, own_server: Server, run: Run
) -> None:
    app, pid = watching, run.status().pid
    before = app.number("curves", "points")
    own_server.kill()
    num = len(written(run))
    app.until(lambda: len(written(run)) > num + 10, "the trainer stopped with the server")
    own_server.start()
    # Without a reload: the stream takes up where it broke off.
    app.until(
        lambda: app.number("curves", "points") > before + 10, "the page did not come back by itself", 30
    )
    app.ready()
    app.until(
        lambda: "could not be" not in app.page.inner_text("body"), "a part of the page did not come back"
    )
    assert run.status().pid == pid
    assert run.is_locked()
    holds_all(app, run)
    # The new server's page steers the trainer that the old one started.
    app.button("Resume").click()
    app.until(lambda: run.status().state == "running", "the page does not steer")
    app.page.reload()
    app.ready("curves")
    holds_all(app, run)


@pytest.mark.thorough
def test_server_that_is_asked_to_end_leaves_its_trainer_and_nobody_else(
    watching: App, own_server: Server, run: Run
) -> None:
    app = watching
    run.request(command="run")
    own_server.terminate()
    pid = run.status().pid
    app.until(lambda: own_server.processes() in ([], [pid]), f"others than the trainer, {pid}, are left", 15)
    num = len(written(run))
    app.until(lambda: len(written(run)) > num + 3, "the trainer stopped with the server")
    run.request(command="stop")
    app.until(lambda: run.status().state == "stopped", "it did not stop")
    app.until(lambda: own_server.processes() == [], "somebody is left")
