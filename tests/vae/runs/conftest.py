"""A run that nobody has trained, and a process that is at work on it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.empty_runs import CONFIG, INFO, start_holder
from vae.runs.run import Run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "a", CONFIG, INFO)


@pytest.fixture
def holder(run: Run) -> Iterator[subprocess.Popen[str]]:
    process = start_holder(run.path)
    yield process
    process.kill()
    process.communicate()
