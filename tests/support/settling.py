"""Waits for what pages compute beside themselves."""

from __future__ import annotations

import time

from dashboard.jobs.queue import background


def settled() -> None:
    """Wait until nothing is measured any more."""
    deadline = time.monotonic() + 30
    while background.open(""):
        assert time.monotonic() < deadline
        time.sleep(0.01)
