"""Read `control.json` while training: β, pause, step, stop."""

from __future__ import annotations

import math
import time

from vae.runs.run import Run

#: Seconds between two looks; β must be in force within 0.2 s.
CONTROL_SECONDS = 0.05


class ControlReader:
    """The user's wishes, as of the last look.

    Args:
        run: Whose `control.json` is read.
        images_per_second: The pace if the user sets none; 0 is full speed.
    """

    def __init__(self, run: Run, images_per_second: int) -> None:
        self._run, self._own_pace = run, images_per_second
        self._control = run.control()
        self._steps_done = self._control.steps
        self._looked = self._paced = -math.inf

    def look(self) -> bool:
        """Read them anew if the last look is old enough; says whether it did."""
        if time.perf_counter() - self._looked < CONTROL_SECONDS:
            return False
        self._looked = time.perf_counter()
        self._control = self._run.control()
        # Single steps count from the pause on, and anew where the file was removed.
        if not self.pause or self._control.steps < self._steps_done:
            self._steps_done = self._control.steps
        return True

    @property
    def beta(self) -> float | None:
        """The weight of the rate set by hand; None follows the schedule."""
        return self._control.beta

    @property
    def stop(self) -> bool:
        """Whether training shall end, to go on another time perhaps."""
        return self._control.command == "stop"

    @property
    def pause(self) -> bool:
        """Whether training shall wait."""
        return self._control.command in ("pause", "step")

    def take_step(self) -> bool:
        """Whether a single step was asked for in the pause; each is granted once."""
        is_granted = self._control.steps > self._steps_done
        self._steps_done += is_granted
        return is_granted

    def seconds_to_wait(self, num_images: int) -> float:
        """Slow motion: seconds until the next step is due; 0 means now, and that it will be taken.

        Args:
            num_images: Images of a step.
        """
        by_hand = self._control.max_images_per_second
        pace = self._own_pace if by_hand is None else by_hand
        now = time.perf_counter()
        due = self._paced + num_images / pace if pace else now
        if due > now:
            return due - now
        # A late step may be made up for, but not more than a moment's worth of them.
        self._paced = max(due, now - CONTROL_SECONDS)
        return 0.0
