"""What chapters compute, kept while the run's weights and images stay the same."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

from dashboard.cache import lru, models
from dashboard.shell.subject import Subject
from vae.runs.run import Run

T = TypeVar("T")

_found = lru.Cache(200, max_bytes=96 << 20)


def of_run(run: Run, name: str, make: Callable[[], T], *key: Hashable) -> T:
    """A result of a run's best weights, by its name and what else it depends on."""
    return _found.get((run.path, models.stamp(run, "best"), name, *key), make)


def of_image(run: Run, subject: Subject, name: str, make: Callable[[], T], *key: Hashable) -> T:
    """A result of one image of a run."""
    return of_run(run, name, make, subject.is_decoded, subject.row, *key)


def made(name: str, *key: Hashable) -> object | None:
    """A result that belongs to no run, if it is there."""
    return _found.peek((name, *key))


def shared(name: str, make: Callable[[], T], *key: Hashable) -> T:
    """A result that belongs to no run."""
    return _found.get((name, *key), make)
