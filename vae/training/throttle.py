"""Throttle side work to a share of the time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable


class Throttle:
    """When something that takes time is due again, so that it takes no more than its share.

    Args:
        share: Of the time, at most; between 0 and 1.
        seconds: From the end of one turn to the next, at least.
    """

    def __init__(self, share: float, seconds: float = 0.0) -> None:
        self._share, self._seconds = share, seconds
        self._due = -math.inf

    @property
    def is_due(self) -> bool:
        """Whether it is."""
        return time.perf_counter() >= self._due

    def take(self, work: Callable[[], None]) -> None:
        """Do it now, and measure how long it takes."""
        began = time.perf_counter()
        work()
        now = time.perf_counter()
        self._due = now + max(self._seconds, (now - began) / self._share)
