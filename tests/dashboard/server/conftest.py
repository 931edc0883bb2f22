"""A real server of the routes, and a run on it that a test may write to."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette

from dashboard import routes, settings
from tests.dashboard.server.http_client import Client
from vae.runs.run import Run


@pytest.fixture(scope="module")
def client(root: Path) -> Iterator[Client]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(settings.RUNS_VARIABLE, str(root))
        app = Starlette(routes=routes.routes(), middleware=routes.middleware(), lifespan=routes.lifespan)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            try:
                yield Client(listener.getsockname()[1])
            finally:
                routes._streams.closing = True
                server.should_exit = True
                thread.join(10)


@pytest.fixture
def live(root: Path, trained_run: Run) -> Iterator[Run]:
    """A copy of the run that a test may write to."""
    path = root / "live"
    shutil.copytree(trained_run.path, path)
    try:
        yield Run.open(path)
    finally:
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
