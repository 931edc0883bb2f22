"""Slow measurements of runs: those that came with a run, and those made on this machine."""

from __future__ import annotations

from dashboard.jobs import test_metrics
from vae.evaluation import saved_bounds
from vae.evaluation.saved_bounds import Measurements
from vae.runs.run import Run

#: What can be measured, beside the test figures.
KINDS = frozenset({"importance", "annealed", "lag"})


IMPORTANCE = ("importance", "mixture")


def kept(run: Run) -> Measurements:
    """The costly figures that are there: those that came with the run, and after them those of this machine."""
    came, place = saved_bounds.kept(run), test_metrics.folder(run)
    if place is None:
        return came
    here = saved_bounds.kept(run, place)
    asked = {one.asked for one in here.bounds}
    bounds = (*(one for one in came.bounds if one.asked not in asked), *here.bounds)
    newest = max((came, here), key=lambda one: (bool(one.lag), one.lag_step, one is here))
    return Measurements(bounds=bounds, lag=newest.lag, lag_step=newest.lag_step)


def kinds(run: Run) -> frozenset[str]:
    """Which of `KINDS` have been measured."""
    found = kept(run)
    bounds = {"importance" if one.kind in IMPORTANCE else one.kind for one in found.bounds}
    return frozenset(bounds | ({"lag"} if found.lag else set()))
