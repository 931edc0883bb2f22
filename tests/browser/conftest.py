"""A real server, a real browser, and real runs, for tests that walk a person's path through the pages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="browser tests need playwright; pip install -e '.[test]'"
)

from tests.browser.mapped import on_the_map  # noqa: E402
from tests.browser.server import Server  # noqa: E402
from tests.browser.shelf import Shelf  # noqa: E402
from tests.browser.tab import FLAGS, VIEWPORT, App, Browse, Tabs, Watch  # noqa: E402
from vae.runs.run import Run  # noqa: E402

HERE = Path(__file__).resolve().parent
_failed = pytest.StashKey[bool]()

#: The browser's second compiler of WebAssembly makes the decoder faster after seconds, and costs each page load about a
#: quarter of all that the page computes; those that optimise JavaScript cost a tenth. In tests, which load hundreds of
#: pages, they never pay. Measurements keep them.
ONE_COMPILER = "--js-flags=--liftoff-only --no-opt --no-maglev"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("browser")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report: Any = yield
    item.stash[_failed] = item.stash.get(_failed, False) or report.failed
    return report  # type: ignore[return-value]


# The server ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="package")
def shared_server(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for all files."""
    found = Server(tmp_path_factory.mktemp("server"))
    try:
        yield found.start()
    finally:
        found.stop()


@pytest.fixture(scope="module")
def server(shared_server: Server) -> Iterator[Server]:
    """The server that most tests share; the tests of each file begin without runs, and bring their own."""
    yield shared_server
    shared_server.clear()


@pytest.fixture(scope="module")
def own_server(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for the tests of one file, with no run of its own."""
    found = Server(tmp_path_factory.mktemp("own"))
    try:
        yield found.start()
    finally:
        found.stop()


# The browser ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="package")
def chromium() -> str:
    """The path of Chromium; without it the tests are skipped, or fail where LATENT_LAB_REQUIRE_BROWSER=1."""
    named = os.environ.get("LATENT_LAB_CHROMIUM")
    names = [named] if named else ["chromium", "chromium-browser", "google-chrome"]
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        sentence = (
            f"a browser must be there for this test, found none of {', '.join(names)}; install Chromium "
            "(on Debian: apt-get install chromium), or name it in LATENT_LAB_CHROMIUM"
        )
        if os.environ.get("LATENT_LAB_REQUIRE_BROWSER") == "1":
            pytest.fail(sentence, pytrace=False)
        pytest.skip(sentence)
    return found


@pytest.fixture(scope="package")
def context(chromium: str) -> Iterator[Any]:
    """A browser window that all tests share, so that it loads Streamlit's own files once."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS, ONE_COMPILER])
        context = browser.new_context(viewport=VIEWPORT, accept_downloads=True)
        context.set_default_timeout(20_000)
        yield context
        context.close()
        browser.close()


@pytest.fixture(scope="package")
def spare_tabs(context: Any) -> Tabs:
    """Opens tabs, and whoever asked for them gives them back."""
    return Tabs(context)


@pytest.fixture(scope="module")
def kept(spare_tabs: Tabs, server: Server) -> Iterator[App]:
    """A tab that the tests of a file share."""
    tab = spare_tabs.open(server)
    yield tab
    spare_tabs.close(tab)


@pytest.fixture
def watch(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Watch]:
    """Hand it a tab, and an error there that was not expected fails the test."""
    found = Watch(tmp_path)
    yield found
    unexpected = [error for tab in found.tabs for error in tab.unexpected()]
    if unexpected or request.node.stash.get(_failed, False):
        found.keep_pictures()
    assert not unexpected, "errors in the browser:\n" + "\n".join(unexpected)


@pytest.fixture
def opened(spare_tabs: Tabs) -> Iterator[list[App]]:
    """Tabs that are closed when the test has been looked at."""
    found: list[App] = []
    yield found
    for tab in found:
        spare_tabs.close(tab)


@pytest.fixture
def browse(spare_tabs: Tabs, opened: list[App], watch: Watch) -> Browse:
    """Opens tabs for one test: ``browse(server)``."""

    def make(server: Server) -> App:
        opened.append(spare_tabs.open(server))
        return watch(opened[-1])

    return make


@pytest.fixture
def app(browse: Browse, server: Server) -> App:
    """A tab on the shared server."""
    return browse(server)


# Runs made in advance ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="package")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """Where the runs made in advance are; workers share it."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shelf"
    folder.mkdir(exist_ok=True)
    return Shelf(folder)


@pytest.fixture(scope="module")
def map_run(server: Server, shelf: Shelf) -> Run:
    """The run whose map is drawn."""
    return shelf.put("digits", server, "map-digits")


@pytest.fixture
def mapped(kept: App, watch: Watch, map_run: Run) -> App:
    """A tab on the map of that run, with the pointer away from it."""
    return on_the_map(watch(kept), map_run)
