"""The queue of slow measurements: one at a time, with progress, until finished or cancelled."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from vae.errors import UserError

State = Literal["waiting", "running", "done", "failed", "cancelled"]
#: Told how many of how many are done; it raises `Cancelled` when nobody wants them any more.
Progress = Callable[[int, int], None]
_log = logging.getLogger(__name__)
#: Seconds after which the pace of a job says something.
_SOON = 1.0
#: Jobs whose end is remembered.
_REMEMBERED = 200


class Cancelled(Exception):
    """The measurement was called off."""


@dataclass
class Job:
    """One measurement.

    Attributes:
        key: What is measured: of equal keys one job is under way at most.
        state: Where it is.
        done, total: Parts done and in all; 0 of 0 before that is known.
        error: Why it failed, in a sentence.
        began: When its first part was begun, by `time.monotonic`; 0 before that.
    """

    key: str
    work: Callable[[Progress], Any]
    state: State = "waiting"
    done: int = 0
    total: int = 0
    error: str = ""
    began: float = 0.0

    @property
    def is_open(self) -> bool:
        """Whether it waits or works."""
        return self.state in ("waiting", "running")

    @property
    def share(self) -> float:
        """Of the parts that are done."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def seconds_left(self) -> float | None:
        """By the pace so far; None while there is too little to go by."""
        passed = time.monotonic() - self.began
        if not self.began or passed < _SOON or self.share < 0.02:
            return None
        return passed * (1 - self.share) / self.share


class Background:
    """The measurements of this server, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._thread: threading.Thread | None = None

    def start(self, key: str, work: Callable[[Progress], Any]) -> None:
        """Begin when its turn comes, unless it waits or works already.

        Args:
            key: Names it.
            work: Does it, and keeps the result itself; a `UserError` says why it cannot.
        """
        with self._lock:
            known = self._jobs.get(key)
            if known is not None and known.is_open:
                return
            self._jobs.pop(key, None)
            self._jobs[key] = Job(key, work)
            for old in [name for name, job in self._jobs.items() if not job.is_open][:-_REMEMBERED]:
                del self._jobs[old]
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="measurements", daemon=True)
                self._thread.start()

    def get(self, key: str) -> Job | None:
        """What became of it; None if it was never asked for."""
        with self._lock:
            return self._jobs.get(key)

    def open(self, begins: str) -> list[Job]:
        """The jobs that wait or work, of those whose keys begin so."""
        with self._lock:
            return [job for key, job in self._jobs.items() if key.startswith(begins) and job.is_open]

    def overview(self) -> list[tuple[str, State, int, int]]:
        """Of each job that is remembered: its key, its state, and how many parts of how many are done."""
        with self._lock:
            return [(key, job.state, job.done, job.total) for key, job in self._jobs.items()]

    def cancel(self, key: str) -> None:
        """Call it off: at once if it waits, after the part that is under way if it works."""
        with self._lock:
            job = self._jobs.get(key)
            if job is not None and job.is_open:
                job.state = "cancelled"

    def _run(self) -> None:
        while True:
            with self._lock:
                job = next((job for job in self._jobs.values() if job.state == "waiting"), None)
                if job is None:
                    self._thread = None
                    return
                job.state, job.began = "running", time.monotonic()
            outcome: State = "done"
            try:
                job.work(lambda done, total, job=job: _told(job, done, total))  # type: ignore[misc]
            except Cancelled:
                outcome = "cancelled"
            except UserError as error:
                outcome, job.error = "failed", str(error)
            except BaseException as error:  # the next ones go on, whatever a library raises
                _log.exception("a measurement failed", exc_info=error)
                outcome = "failed"
                job.error = "something went wrong; details are in the server's log"
            with self._lock:
                if job.state == "running":
                    job.state = outcome


def _told(job: Job, done: int, total: int) -> None:
    job.done, job.total = done, total
    if job.state == "cancelled":
        raise Cancelled


background = Background()
