"""What tests of the pages' routes share: a client of a server that has the trained run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette

from dashboard import routes, settings
from dashboard.cache import lru
from tests.support.asgi_client import Client
from vae.runs.run import Run


@pytest.fixture(scope="module")
def client(root: Path) -> Iterator[Client]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(settings.RUNS_VARIABLE, str(root))
        lru.clear()
        yield Client(Starlette(routes=routes.routes()))


@pytest.fixture
def run(root: Path) -> Run:
    return Run.open(root / "short")
