"""The diagnosis of a run's weights for the Collapse page, cached while the weights stay the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dashboard.cache import datasets, lru, models
from dashboard.cache.models import At
from vae.errors import UserError
from vae.runs.newest_weights import step_of
from vae.runs.run import Run

if TYPE_CHECKING:
    from vae.diagnostics.diagnosis import Diagnosis

_measured = lru.Cache(64)
_courses = lru.Cache(8)


def diagnosis(run: Run, at: At) -> Diagnosis:
    """What `vae.diagnostics.diagnose.diagnose` says of a run's weights.

    Raises:
        DataError: If the images are not on this machine.
        UserError: If they are too few, or the weights are missing or damaged.
    """
    from vae.diagnostics.diagnose import diagnose

    if missing := datasets.missing_images(run):
        from vae.data.types import DataError

        raise DataError(missing)
    return _measured.get(
        (run.path, at, models.stamp(run, at), run.config, run.status().state),
        lambda: diagnose(run, datasets.dataset(run), at=at),
    )


def told(run: Run, at: At, threshold: float) -> dict[str, Any]:
    """The diagnosis as JSON values, or as much of it as the snapshots say where the images are not on this machine.

    Args:
        run: The run.
        at: Which weights.
        threshold: Variance above which a dimension is active; the findings follow it.

    Raises:
        UserError: If not even that is there.
    """
    try:
        found = with_threshold(run, diagnosis(run, at), at, threshold)
    except UserError as error:
        return _outline(run, at, threshold, str(error))
    return {**found.to_dict(), "missing": "", "step": step_of(run, at)}


def with_threshold(run: Run, found: Diagnosis, at: At, threshold: float) -> Diagnosis:
    """The same numbers with another threshold of activity, and what they mean then."""
    if threshold == found.active_threshold:
        return found
    from vae.diagnostics.rules.verdicts import decide
    from vae.runs.history import history_until

    moved = replace(found, active_threshold=threshold)
    return replace(moved, findings=decide(moved, run.config, history_until(run, at)))


def _outline(run: Run, at: At, threshold: float, missing: str) -> dict[str, Any]:
    from vae.diagnostics.posterior_history import posterior_summary

    step = at if isinstance(at, int) else None
    key = ("outline", run.path, step, models.stamp(run, "best"), tuple(run.snapshots()))
    found = _measured.get(key, lambda: posterior_summary(run, step))
    return found.outline(missing, threshold)


def course(run: Run) -> list[dict[str, Any]]:
    """Every dimension at every snapshot, see `vae.diagnostics.posterior_history`."""
    from vae.diagnostics.posterior_history import training_stages as over

    key = (run.path, tuple(models.stamp(run, step) for step in run.snapshots()))
    return _courses.get(key, lambda: [stage.to_dict() for stage in over(run)])
