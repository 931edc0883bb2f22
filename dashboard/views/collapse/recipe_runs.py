"""Runs made from recipes and remedies: one click, a clear name, the trainers' queue."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, count

from dashboard import settings
from dashboard.jobs.new_runs import create
from dashboard.jobs.trainers import trainers
from vae.config.schema import RunConfig
from vae.diagnostics.findings import Name
from vae.experiments.failure_modes import RECIPES, Cure, Recipe
from vae.experiments.remedies import cures
from vae.runs.beta_history import config_as_left
from vae.runs.listing import list_runs
from vae.runs.run import Run

#: Of a run's name, see `vae.runs.naming`.
MOST_LETTERS = 80


@dataclass(frozen=True)
class Origin:
    """Which recipe a run was made from, and with which of its cures, if with one."""

    recipe: Recipe
    cure: Cure | None = None


def origin(config: RunConfig) -> Origin | None:
    """The recipe that has these settings, whatever the seed and the number of epochs; None if none has."""
    for recipe in RECIPES.values():
        if _alike(recipe.config, config):
            return Origin(recipe)
    for recipe in RECIPES.values():
        for cure in recipe.cures:
            if _alike(cure.applied(recipe.config), config):
                return Origin(recipe, cure)
    return None


def _alike(one: RunConfig, other: RunConfig) -> bool:
    train = one.train.replace(seed=other.train.seed, epochs=other.train.epochs)
    return (one.data.name, one.model, one.objective, train) == (
        other.data.name,
        other.model,
        other.objective,
        other.train,
    )


def cures_of(run: Run, verdict: Name | None = None) -> tuple[Cure, ...]:
    """What can be tried on a run: its recipe's cures, else what helps runs of its verdict, or runs in general."""
    return own_cures(run) or cures(config_as_left(run), verdict)


def own_cures(run: Run) -> tuple[Cure, ...]:
    """Those of the recipe that a run was made from; none of a run that has other settings, or is cured."""
    found = origin(config_as_left(run))
    return found.recipe.cures if found is not None and found.cure is None else ()


def begin(recipe: Recipe) -> Run:
    """Make the run of a recipe and train it.

    Raises:
        UserError, OSError: If it cannot be made or trained.
    """
    return _begin(recipe.config, recipe.title)


def rerun(run: Run, cure: Cure) -> Run:
    """Make a run like another, from the same seed, with a cure, and train it; with the β that it was left at by hand.

    Raises:
        UserError, OSError: If it cannot be made or trained.
    """
    return _begin(cure.applied(config_as_left(run)), f"{_short(run)} + {cure.title}"[:MOST_LETTERS])


def _short(run: Run) -> str:
    """The run's name, with the β that it was left at where it names the first."""
    first, last = (f"β={config.objective.beta:g}" for config in (run.config, config_as_left(run)))
    return f"{run.name.removesuffix(first)}{last}" if run.name.endswith(first) else run.name


def _begin(config: RunConfig, title: str) -> Run:
    run = create(config, _unused(title))
    trainers.start(run)
    return run


def _unused(title: str) -> str:
    """The title, with a number behind it where runs have it already, so that lists tell them apart."""
    taken = {run.name for run in list_runs(settings.runs_root()) if isinstance(run, Run)}
    numbered = (f"{title[: MOST_LETTERS - 4]} {num}" for num in count(2))
    return next(name for name in chain([title], numbered) if name not in taken)
