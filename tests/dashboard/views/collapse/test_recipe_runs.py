"""Runs made from recipes: known again by their settings, named so that lists tell them apart, and cured."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard import settings
from dashboard.jobs.trainers import trainers
from dashboard.views.collapse import recipe_runs
from dashboard.views.collapse.recipe_runs import Origin
from vae.config.schema import ModelConfig, RunConfig, TrainConfig
from vae.data.dataset import Dataset
from vae.experiments.failure_modes import RECIPES
from vae.experiments.remedies import cures
from vae.runs.metrics import MetricsWriter
from vae.runs.run import Run


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Run]:
    """The runs that were handed to the trainers; none is trained."""
    found: list[Run] = []
    monkeypatch.setenv(settings.RUNS_VARIABLE, str(tmp_path))
    monkeypatch.setattr(trainers, "start", found.append)
    return found


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_known_by_its_settings_with_any_seed_and_length(name: str) -> None:
    recipe = RECIPES[name]
    config = recipe.with_seed(5)
    assert recipe_runs.origin(config.replace(train=config.train.replace(epochs=7))) == Origin(recipe)


def test_a_cured_run_is_no_recipe_and_other_settings_are_nobodys() -> None:
    recipe = RECIPES["unlucky-start"]
    cure = recipe.cure("one-layer")
    assert recipe_runs.origin(cure.applied(recipe.config)) == Origin(recipe, cure)
    assert recipe_runs.origin(RunConfig(model=ModelConfig(latent_dim=5))) is None


def test_a_recipe_begun_twice_has_two_names(started: list[Run]) -> None:
    runs = [recipe_runs.begin(RECIPES["beta-too-high"]) for _ in range(3)]
    assert [run.name for run in runs] == ["β too high", "β too high 2", "β too high 3"]
    assert started == runs


def test_a_cure_changes_what_it_says_and_keeps_the_seed(digits: Dataset, tmp_path: Path) -> None:
    recipe = RECIPES["beta-too-high"]
    run = Run.create(tmp_path / "mine", recipe.with_seed(3), digits.info(), "Mine")
    cured = recipe_runs.rerun(run, recipe.cure("beta-1"))
    assert cured.name == "Mine + β = 1"
    assert cured.config.train == run.config.train
    assert cured.config.objective == run.config.objective.replace(beta=1.0)
    assert cured.config.model == run.config.model


def test_a_run_that_was_left_at_another_beta_is_tried_again_with_that_one(
    digits: Dataset, tmp_path: Path
) -> None:
    """One change, not two: its collapse came of the β that somebody set, not of the first."""
    run = Run.create(tmp_path / "mine", RunConfig(), digits.info(), "digits vae 2d β=1")
    with MetricsWriter(run.metrics_path) as writer:
        line = {"event": "beta", "step": 3, "epoch": 0.3, "seconds": 1.0}
        writer.write({**line, "before": 1.0, "beta": 4.0, "by_hand": True})
    found = {cure.name: cure for cure in recipe_runs.cures_of(run, "over-regularised")}
    assert list(found) == ["beta-1", "capacity", "free-bits"]
    freed = recipe_runs.rerun(run, found["free-bits"])
    assert (freed.name, freed.config.objective.beta) == ("digits vae 2d β=4 + Free bits", 4)
    back = recipe_runs.rerun(run, found["beta-1"])
    assert (back.name, back.config) == ("digits vae 2d β=4 + β = 1", run.config)


def test_names_that_are_full_keep_to_their_length(digits: Dataset, tmp_path: Path) -> None:
    run = Run.create(tmp_path / "long", RECIPES["beta-too-high"].config, digits.info(), "n" * 80)
    names = [recipe_runs.rerun(run, RECIPES["beta-too-high"].cures[0]).name for _ in range(2)]
    assert len(set(names)) == 2
    assert all(len(name) <= 80 for name in names)


def test_recipes_offer_their_own_cures_and_other_runs_the_general_ones(
    digits: Dataset, tmp_path: Path
) -> None:
    recipe = RECIPES["strong-decoder"]
    run = Run.create(tmp_path / "recipe", recipe.config, digits.info())
    assert recipe_runs.cures_of(run) == recipe.cures
    own = Run.create(tmp_path / "own", RunConfig(train=TrainConfig(epochs=9)), digits.info())
    assert recipe_runs.cures_of(own) == cures(own.config)
    cured = Run.create(tmp_path / "cured", recipe.cures[0].applied(recipe.config), digits.info())
    assert recipe_runs.cures_of(cured) == cures(cured.config)
