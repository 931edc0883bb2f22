"""The state of the training behind a diagnosis: whether and how it ended, and which snapshot the weights are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vae.runs.metric_lines import Line
from vae.runs.status import State

if TYPE_CHECKING:
    from vae.models.vae import At
    from vae.runs.run import Run


@dataclass(frozen=True)
class Training:
    """What is known of it beside the lines of its history.

    Attributes:
        state: Of the run, as its trainer says.
        step: That the weights are of; None if it is not known.
        epochs: Epochs that it was to have.
        is_last: Whether the weights are those that training came to, and no snapshot or best ones before.
        error: What the trainer said of a bad end; empty otherwise.
        id: Of the run, for commands that go on with it.
    """

    state: State
    step: int | None
    epochs: int
    is_last: bool
    error: str = ""
    id: str = ""

    @classmethod
    def of(cls, run: Run, at: At, history: Sequence[Line]) -> Training:
        """That of a run.

        Args:
            run: The run.
            at: Which weights.
            history: Its lines up to these.
        """
        from vae.runs.history import best_step

        status = run.status()
        step = at if isinstance(at, int) else best_step(run) if at == "best" else None
        if step is None:
            step = max((line["step"] for line in history), default=None)
        return cls(
            state=status.state,
            step=step,
            epochs=run.config.train.epochs,
            is_last=at == "last",
            error=status.error or "",
            id=run.id,
        )

    @property
    def has_ended(self) -> bool:
        """Whether nobody trains it now."""
        return self.state in ("finished", "stopped", "diverged", "failed", "interrupted")
