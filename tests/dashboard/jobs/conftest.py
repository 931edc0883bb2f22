"""A queue of trainers on a folder of runs of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboard.jobs import trainers as module
from dashboard.jobs.trainers import Trainers
from tests.support.queued_runs import end


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of runs; one trainer at once."""
    monkeypatch.setenv("LATENT_LAB_RUNS", str(tmp_path))
    monkeypatch.setenv("LATENT_LAB_TRAINERS", "1")
    return tmp_path


@pytest.fixture
def quick(forker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trainers of this process load in no time, and look around often."""
    monkeypatch.setattr(module, "_spawn", forker.standby)
    monkeypatch.setattr(module, "_HEAD_START", 0.0)
    monkeypatch.setattr(module, "_TICK", 0.05)
    monkeypatch.setattr(module, "_OTHERS", 0.1)
    monkeypatch.setattr(module, "_ROUND", 0.1)


@pytest.fixture
def trainers(root: Path, quick: None) -> Iterator[Trainers]:
    """A server's trainers; whatever they train is stopped in the end."""
    opened = Trainers()
    opened.open()
    yield opened
    end(opened)
