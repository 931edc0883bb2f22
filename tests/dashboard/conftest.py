"""Runs for pages without a browser, and a session of their own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboard import settings
from dashboard.link import session as link_session
from tests.support.addresses import Query
from tests.support.pages_without_browser import SHIPPED, Put
from vae.runs.run import Run


@pytest.fixture
def put(empty_runs: Path, trained_run: Run) -> Put:
    """Copies the short trained run: ``put("a", name="…", shipped=True)``."""

    def copy(run_id: str, *, name: str | None = None, shipped: bool = False) -> Run:
        folder = settings.shipped_root() if shipped else empty_runs
        shutil.copytree(trained_run.path, folder / run_id)
        run = Run.open(folder / run_id)
        if name is not None:
            run.rename(name)
        return run

    return copy


@pytest.fixture
def conditional(empty_runs: Path) -> Run:
    """A copy of the shipped conditional run of the digits."""
    shutil.copytree(SHIPPED / "digits-conditional", empty_runs / "conditional")
    return Run.open(empty_runs / "conditional")


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A session of its own, and its address."""
    found: dict[str, Any] = {}
    monkeypatch.setattr(link_session.st, "session_state", found)
    monkeypatch.setattr(link_session.st, "query_params", Query())
    yield found
