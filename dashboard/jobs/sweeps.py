"""A sweep from the page: runs for each β and seed, through the trainers' queue, with the ids of `vae sweep`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dashboard import settings
from dashboard.jobs.test_metrics import AT_WORK
from dashboard.jobs.trainers import trainers
from vae.config.schema import RunConfig
from vae.errors import UserError
from vae.runs.run import Run
from vae.training.preconditions import why_not_trainable

#: Runs that one press of the button starts, at most; `vae sweep` makes more.
MOST = 60


@dataclass(frozen=True)
class Started:
    """What was begun: runs in the queue, and those that were done before."""

    queued: list[str]
    done: list[str]


def numbers(text: str, name: str) -> list[float]:
    """Numbers between blanks or commas.

    Raises:
        UserError: If there are none, or one is no number.
    """
    parts = re.split(r"[\s,;]+", text.strip())
    try:
        return [float(part) for part in parts]
    except ValueError:
        raise UserError(
            f"{name} must be numbers separated by spaces, got {text[:60]!r}; use 0.5 1 2"
        ) from None


def seeds(text: str) -> list[int]:
    """Whole numbers between blanks or commas.

    Raises:
        UserError: If there are none, or one is no whole number.
    """
    found = numbers(text, "seeds")
    if not all(value.is_integer() and abs(value) < 2**53 for value in found):
        raise UserError(f"seeds must be whole numbers separated by spaces, got {text[:60]!r}; use 0 1 2")
    return [int(value) for value in found]


def start(name: str, config: RunConfig, betas: list[float], chosen_seeds: list[int]) -> Started:
    """Make the runs of a sweep and put them into the queue; those that are there already are gone on with.

    Raises:
        UserError: If the sweep breaks a rule, its images are not here, or a run of that id has other settings.
    """
    from vae.data.dataset import load_dataset
    from vae.experiments.sweep import points

    planned = points(name, config, betas, chosen_seeds)
    if len(planned) > MOST:
        raise UserError(
            f"a sweep from this page must have at most {MOST} runs, got {len(planned)}; use `vae sweep` for more"
        )
    info = load_dataset(config.data).info()
    root = settings.runs_root()
    found: list[Run | None] = []
    for point in planned:  # all are looked at before one is made
        path = root / point.run_id
        run = Run.open(path) if (path / "config.json").is_file() else None
        if run is not None and run.config != point.config:
            raise UserError(
                f"run {point.run_id} must have the settings of this sweep, got others; give the sweep another name"
            )
        found.append(run)
    begun = Started([], [])
    for point, old in zip(planned, found, strict=True):
        words = f"{name} β={point.config.objective.beta:g} seed {point.config.train.seed}"
        run = old or Run.create(root / point.run_id, point.config, info, words[:80])
        state = run.status().state
        if state == "finished":
            begun.done.append(run.id)
        elif state not in AT_WORK:
            trainers.start(run)
            begun.queued.append(run.id)
    return begun


def name_of(run: Run) -> str | None:
    """The sweep that a run is of, by its id, whoever started it; None if it is of none."""
    found = re.fullmatch(r"(.+)-beta-[^-]*(?:e-?[0-9]+)?-seed-[0-9]+", run.id)
    return None if found is None else found[1]


def is_of(run: Run, name: str) -> bool:
    """Whether a run is of the sweep of a name."""
    return name_of(run) == name


def names(runs: Sequence[Run]) -> list[str]:
    """The sweeps that runs are of, in the order in which they come."""
    return list(dict.fromkeys(name for run in runs if (name := name_of(run)) is not None))


def undone(runs: Sequence[Run]) -> list[Run]:
    """Those that can go on and neither are finished nor wait nor are at work: failed, diverged, stopped, broken off."""
    rest = [run for run in runs if run.status().state not in ("finished", *AT_WORK)]
    return [run for run in rest if not why_not_trainable(run)]


def again(runs: Sequence[Run]) -> list[str]:
    """Put runs into the queue again, each to go on from where it was left.

    Returns:
        Why some could not be, in sentences.
    """
    refusals = []
    for run in runs:
        try:
            trainers.start(run)
        except UserError as error:
            refusals.append(str(error))
    return refusals
