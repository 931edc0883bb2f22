"""A server and a tab of one's own, and the way to places of the app: for measurements that walk through the pages."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Any

from playwright.sync_api import sync_playwright

from tests.browser.server import Server
from tests.browser.tab import FLAGS, App

#: Seconds after which a page has drawn what it draws late.
REST = 3.0


@contextmanager
def own_tab(**context: Any) -> Iterator[App]:
    """A tab on a server without runs of its own; both end with the block."""
    server = Server(Path(tempfile.mkdtemp(prefix="visits-")))
    try:
        server.start()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=which("chromium"), args=FLAGS)
            yield App(browser.new_context(**context), server)
            browser.close()
    finally:
        server.stop()


def visit(app: App, place: str, run: str) -> dict[str, str]:
    """Open a place, ``PAGE[?QUERY]``, of a run unless it names another, and let it rest; what its query asks for."""
    page, _, query = place.partition("?")
    keys = dict(pair.split("=", 1) for pair in query.split("&") if pair)
    app.open(page, **{"run": run, **keys})
    app.idle()
    app.pause(REST)
    return keys
