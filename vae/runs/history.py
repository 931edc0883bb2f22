"""A run's history up to the weights that are looked at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING

from vae.objectives.schedules import Standing, beta_standing
from vae.runs.metric_lines import Line
from vae.runs.metrics import MetricsReader
from vae.storage.safetensors_header import CheckpointError, inspect

if TYPE_CHECKING:
    from vae.config.schema import RunConfig
    from vae.models.vae import At
    from vae.runs.run import Run

#: Lines of each kind that are looked at; more are put together, see `vae.runs.metric_lines.thin`.
_AT_MOST = 2000


def history_until(run: Run, at: At) -> list[Line]:
    """The lines of a run's history that were written when its weights were what is asked for.

    A loop's scale is said once and holds for all of it, so that it stays whenever it was said.

    Args:
        run: The run.
        at: Which weights, as for `vae.runs.snapshots.load_weights`: up to the last ones it is all of the history.
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


def standing_of_beta(config: RunConfig, history: Sequence[Line], num_train: int | None = None) -> Standing:
    """Where β stood at the end of a history: what its last step was taken with, and what it was to come to.

    Of a schedule the configuration says it, so that it is right for runs of older versions too, whose lines have the β
    of the step after them. Of a watched run only the lines do.

    Args:
        config: Of the run.
        history: Its lines up to the weights that are looked at, as `history_until` gives them.
        num_train: Training images, for the steps of an epoch; without it, the lines say how many there are.
    """
    measured = [line for line in history if "split" in line]
    if not measured:
        return beta_standing(config.objective, 0, 1)
    last, step = measured[-1], int(measured[-1]["step"])
    # What was set after the last step has moved nothing yet.
    changed = [line for line in history if line.get("event") == "beta" and line["step"] < step]
    newest = changed[-1] if changed else {}
    since = int(newest.get("step", 0))
    is_by_hand = bool(newest.get("by_hand")) and _is_number(newest.get("beta"))
    batches = _batches_per_epoch(config, measured, num_train)
    if config.model.network == "external":
        beta = float(last["beta"])
        same = list(takewhile(lambda line: line["beta"] == beta, reversed(measured)))
        began = 0 if len(same) == len(measured) else same[-1]["step"] - 1
        return Standing(beta, beta, 1.0, (step - began) / batches, is_by_hand)
    by_hand = float(newest["beta"]) if is_by_hand else None
    found = beta_standing(config.objective, step, batches, by_hand=by_hand, since=since)
    if is_by_hand or config.objective.schedule != "constant":
        return found
    return replace(found, value=float(last["beta"]))


def _batches_per_epoch(config: RunConfig, measured: Sequence[Line], num_train: int | None) -> int:
    if num_train is not None:
        return math.ceil(num_train / config.train.batch_size)
    counted = [line["step"] / line["epoch"] for line in measured if line["step"] and line["epoch"] > 0]
    return max(1, round(counted[-1])) if counted else 1


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
