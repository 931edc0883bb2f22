"""What pages follow that is not of one run: the list of all runs, and the measurements beside the pages.

A client follows a topic as it follows a run, by its name; a topic's status has one field, `mark`, which is another one
as soon as something that pages show of it is.
"""

from __future__ import annotations

import hashlib
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from dashboard import settings
from dashboard.jobs.queue import background
from dashboard.server.watched import Watched
from vae.errors import UserError
from vae.runs.run import Run
from vae.runs.status import Status
from vae.storage.confined import lstat

#: Seconds for which a mark that was read is taken for the mark of now.
_FRESH = 0.4
#: States of a run from which more is to come.
BUSY = ("queued", "starting", "running", "paused")
#: Of a run's folder: what the list of runs and the rate-distortion plane are drawn from.
_FILES = ("config.json", "name.json", "status.json", "metrics.jsonl", "evaluation.json")


class Topic(ABC):
    """Something whose changes pages follow.

    Attributes:
        name: What streams call it; no run's id begins so.
        pause: Seconds between two looks.
    """

    name: str
    pause: float

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read_at = -float("inf")
        self._mark, self._is_busy = "", False

    @abstractmethod
    def _read(self) -> tuple[Any, bool]:
        """What is shown, and whether more is to come by itself."""

    def read(self) -> tuple[str, bool]:
        """The mark, and whether it is about to change by itself."""
        with self._lock:
            if time.monotonic() - self._read_at > _FRESH:
                shown, self._is_busy = self._read()
                self._mark = hashlib.sha256(repr(shown).encode()).hexdigest()[:16]
                self._read_at = time.monotonic()
            return self._mark, self._is_busy

    def drawn(self) -> dict[str, dict[str, Any]]:
        """The mark of now, as `rerun_when_changed` takes it."""
        return {self.name: {"mark": self.read()[0]}}


class _Runs(Topic):
    """All runs, with their states, how far they are, and what is known of them."""

    name, pause = "@runs", 1.0

    def __init__(self) -> None:
        super().__init__()
        self._rows: dict[Path, tuple[Any, Any]] = {}

    def _read(self) -> tuple[Any, bool]:
        rows: dict[Path, tuple[Any, Any]] = {}
        shown: list[Any] = []
        is_busy = False
        for root in settings.roots():
            folders: list[Path] = []
            with suppress(OSError):
                folders = sorted(path for path in root.iterdir() if not path.name.startswith("."))
            for path in folders:
                stamps = [_changed(path / name) for name in _FILES]
                before = self._rows.get(path)
                row = before[1] if before is not None and before[0] == stamps else _row(path, stamps)
                rows[path] = (None if row[0] in BUSY else stamps, row)
                is_busy = is_busy or row[0] in BUSY
                shown.append((str(path), row))
        self._rows = rows
        return shown, is_busy


def _row(path: Path, stamps: Any) -> tuple[Any, ...]:
    """Of one run: its state, and whatever else of it is shown. One that trains writes its files all the time."""
    status, elbo = Status(state="unknown"), None
    with suppress(UserError, OSError):
        run = Run.open(path)
        status = run.status()
        if status.state in BUSY:
            elbo = run.latest_metrics().get("validation", {}).get("elbo")
            steady = [_changed(path / name) for name in ("config.json", "name.json", "evaluation.json")]
            return (status.state, round(status.epoch, 1), elbo, steady)
    return (status.state, stamps)


def _changed(path: Path) -> tuple[int, int]:
    try:
        found = lstat(path)
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


class _Jobs(Topic):
    """The measurements beside the pages, and how far they are."""

    name, pause = "@jobs", 0.5

    def _read(self) -> tuple[Any, bool]:
        jobs = background.overview()
        return jobs, any(state in ("waiting", "running") for _, state, *_ in jobs)


runs, jobs = _Runs(), _Jobs()
TOPICS: dict[str, Topic] = {topic.name: topic for topic in (runs, jobs)}


class TopicWatcher(Watched):
    """Follows a topic for streams."""

    def __init__(self, topic: Topic, ended: Callable[[], None] = lambda: None) -> None:
        super().__init__(topic.name, ended)
        self._topic = topic
        self._mark, self._is_busy = "", True

    @property
    def is_busy(self) -> bool:
        """Whether more is to come by itself."""
        return self._is_busy

    def _look(self) -> None:
        before = self._mark
        self._mark, self._is_busy = self._topic.read()
        if before != self._mark:
            self._tell(self._text())

    def _known(self, after: str | None) -> list[str]:
        return [self._text()]

    def _pause(self) -> float:
        return self._topic.pause

    def _text(self) -> str:
        return self._event("status", {"mark": self._mark})
