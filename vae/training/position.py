"""Where training is, in steps and epochs, and how long it has taken."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field


@dataclass
class Position:
    """Where training is: whole epochs done, and batches of the current one. All else follows.

    Args:
        num_images: Training images.
        batch_size: Images per step; the last step of an epoch may have fewer.
    """

    num_images: int
    batch_size: int
    epochs: int = 0
    batch: int = 0

    def advance(self) -> bool:
        """Count one step; True if it was the last of its epoch."""
        self.batch += 1
        if self.batch < self.batches_per_epoch:
            return False
        self.epochs, self.batch = self.epochs + 1, 0
        return True

    @property
    def batches_per_epoch(self) -> int:
        """Steps of an epoch."""
        return math.ceil(self.num_images / self.batch_size)

    @property
    def step(self) -> int:
        """Steps done in all."""
        return self.epochs * self.batches_per_epoch + self.batch

    @property
    def images(self) -> int:
        """Images seen in all."""
        return self.epochs * self.num_images + self.batch * self.batch_size

    @property
    def epoch(self) -> float:
        """Epochs done, with the fraction of the current one."""
        return self.epochs + self.batch / self.batches_per_epoch


@dataclass
class Stopwatch:
    """Seconds of training, pauses left out.

    Args:
        before: Seconds to begin with: those of the processes that trained the run before.
    """

    before: float = 0.0
    _since: float | None = field(default_factory=lambda: time.perf_counter())

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return self.before + (0.0 if self._since is None else time.perf_counter() - self._since)

    def halt(self) -> None:
        """Stand still until `go_on`."""
        self.before, self._since = self.seconds, None

    def go_on(self) -> None:
        """Run on, if it stands still."""
        if self._since is None:
            self._since = time.perf_counter()
