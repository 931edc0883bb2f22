"""A run's history up to the weights that are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae.checkpoints import CheckpointError, inspect
from vae.lines import Line
from vae.metrics import MetricsReader

if TYPE_CHECKING:
    from vae.model import At
    from vae.runs import Run

#: Lines of each kind that are looked at; more are put together, see `vae.lines.thin`.
_AT_MOST = 2000


def history_until(run: Run, at: At) -> list[Line]:
    """The lines of a run's history that were written when its weights were what is asked for.

    A loop's scale is said once and holds for all of it, so that it stays whenever it was said.

    Args:
        run: The run.
        at: Which weights, as for `vae.snapshots.load_weights`: up to the last ones it is all of the history.
    """
    history = MetricsReader(run.metrics_path).read(at_most=_AT_MOST)[1]
    step = at if isinstance(at, int) else best_step(run) if at == "best" else None
    if step is None:
        return history
    return [line for line in history if line["step"] <= step or line.get("event") == "scale"]


def best_step(run: Run) -> int | None:
    """The step of the best weights; None if there are none of their own, or they do not say it."""
    try:
        step = inspect(run.checkpoints_dir / "best.safetensors").get("step")
    except CheckpointError:
        return None
    return step if isinstance(step, int) else None
