"""Pages of a run whose images or weights are not there ask the server for nothing that it must refuse."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from vae.runs.run import Run

if TYPE_CHECKING:
    from tests.browser.server import Server
    from tests.browser.shelf import Shelf
    from tests.browser.tab import App

PAGES = ("learn", "train", "explore", "map", "generate", "collapse", "evaluate", "compare", "runs")


@pytest.fixture(scope="module")
def runs(shelf: Shelf, server: Server) -> dict[str, Run]:
    """One whose images have gone, one whose weights have gone too, and one that is whole."""
    found = {name: shelf.put("shapes-mlp", server, name) for name in ("no-images", "nothing", "whole")}
    for name in ("no-images", "nothing"):
        config = found[name].path / "config.json"
        config.write_text(config.read_text().replace("shapes.npz", "gone.npz"))
    for name in ("checkpoints", "snapshots"):
        shutil.rmtree(found["nothing"].path / name)
    return found


@pytest.mark.parametrize("name", ["no-images", "nothing"])
@pytest.mark.thorough
def test_no_page_asks_for_what_it_can_know_to_be_refused(
    app: App, server: Server, runs: dict[str, Run], name: str
) -> None:
    refused: list[str] = []
    app.goes_on = False
    app.page.on(
        "response",
        lambda answer: (
            refused.append(f"{answer.status} {answer.url}")
            if answer.status >= 400 and "/api/" in answer.url
            else None
        ),
    )
    for page in PAGES:
        query = {"run": name, "runs": f"{name},whole"} if page == "compare" else {"run": name}
        app.open(page, **query)
        app.idle()
        app.fetched()
    assert not refused
