"""Tells a page what a trainer writes into its run, whichever process or cell it trains in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from vae.errors import UserError
from vae.runs.metric_lines import Line, thinned
from vae.runs.metrics import MetricsReader
from vae.runs.run import Run
from vae.runs.weight_stamp import stamp

#: Seconds between two looks at a run that trains, and at one at rest.
POLL, POLL_AT_REST = 0.25, 1.0
#: Seconds after which a page is told the whole again: one that came while the kernel was busy could not ask for it.
WHOLE_SECONDS = 5.0
#: Lines of each kind that are told.
HISTORY = 1000


class Follower:
    """Looks at a run in a thread of its own, so that it goes on while a cell trains.

    Args:
        run: The run.
        tell: Called with each message, from the thread.
        changed: Called when there are first weights, and when a training has ended.
    """

    def __init__(self, run: Run, tell: Callable[[dict[str, Any]], None], changed: Callable[[], None]) -> None:
        self._run, self._tell, self._changed = run, tell, changed
        self._reader = MetricsReader(run.metrics_path)
        self._history: list[Line] = []
        self._status: dict[str, Any] | None = None
        self._told_whole = 0.0
        self._is_asked = True
        #: Set to have it look at once, or end.
        self._news = threading.Event()
        self._is_stopped = False
        self._thread = threading.Thread(target=self._work, name=f"follow {run.id}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def again(self) -> None:
        """Somebody has come who knows nothing yet."""
        self._is_asked = True
        self._news.set()

    def stop(self) -> None:
        """End."""
        self._is_stopped = True
        self._news.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(5)

    def _work(self) -> None:
        while not self._is_stopped:
            # A file is being replaced, or the run was deleted: the next look sees what has become of it.
            with suppress(UserError, OSError):
                self._look()
            active = self._status is not None and self._status["is_active"]
            self._news.wait(POLL if active else POLL_AT_REST)
            self._news.clear()

    def _look(self) -> None:
        asked, self._is_asked = self._is_asked, False
        reset, found, _ = self._reader.read(HISTORY)
        lines = [{name: value for name, value in line.items() if name != "rate_per_dim"} for line in found]
        self._history = lines if reset else [*self._history, *lines]
        if len(self._history) > 4 * HISTORY:
            self._history = thinned(self._history, HISTORY)
        now = time.monotonic()
        if reset or asked or (lines and now - self._told_whole > WHOLE_SECONDS):
            self._told_whole = now
            self._tell({"kind": "lines", "reset": True, "lines": self._history})
        elif lines:
            self._tell({"kind": "lines", "reset": False, "lines": lines})
        self._look_at_status(asked)

    def _look_at_status(self, asked: bool) -> None:
        status = self._run.status()
        told = {
            "state": status.state,
            "is_active": status.is_active,
            "step": status.step,
            "num_steps": status.num_steps,
            "epoch": status.epoch,
            "live_step": status.live_step,
            "stamp": stamp(self._run, "last"),
        }
        before, self._status = self._status, told
        if asked or told != before:
            self._tell({"kind": "status", "status": told})
        if before is None:
            return
        has_ended = before["is_active"] and not told["is_active"]
        if has_ended or (told["stamp"] and not before["stamp"]):
            self._changed()
