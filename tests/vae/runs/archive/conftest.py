"""A run to put into an archive, and where runs are imported to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.archives import make_run
from vae.runs.run import Run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run with something of everything, and with what does not belong into an archive."""
    return make_run(tmp_path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where runs are imported to."""
    return tmp_path / "here"
