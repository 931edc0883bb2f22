"""Cures for any run: valid configurations that change what they say and nothing else."""

from __future__ import annotations

import pytest

from vae.config.checks import warnings
from vae.config.diff import differences
from vae.config.schema import ModelConfig, ObjectiveConfig, RunConfig, TrainConfig
from vae.experiments.failure_modes import RECIPES
from vae.experiments.remedies import cures, mends

CONFIGS = {
    **{name: recipe.config for name, recipe in RECIPES.items()},
    **{
        f"{name}+{cure.name}": cure.applied(recipe.config)
        for name, recipe in RECIPES.items()
        for cure in recipe.cures
    },
    "everything": RunConfig(
        objective=ObjectiveConfig(beta=4, free_bits=0.1, schedule="cyclical"),
        train=TrainConfig(encoder_steps=2),
    ),
}


def value_of(config: RunConfig, path: str) -> object:
    section, option = path.split(".")
    return getattr(getattr(config, section), option)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_cure_is_a_valid_configuration_of_the_same_seed_and_data(name: str) -> None:
    config = CONFIGS[name]
    for cure in cures(config):
        cured = cure.applied(config)
        changed = {difference.option for difference in differences([config, cured])}
        assert changed
        # What the changes leave without effect is as if it had never been set.
        idle = {path for path in changed if path not in dict(cure.changes)}
        assert all(value_of(cured, path) == value_of(RunConfig(), path) for path in idle)
        assert not changed & {"train.seed", "train.epochs"}
        # A cure that had no effect would be no cure.
        assert len(warnings(cured)) <= len(warnings(config))


def test_what_a_run_does_already_is_not_offered() -> None:
    assert "beta-1" not in {cure.name for cure in cures(RunConfig())}
    assert "learned-sigma" not in {cure.name for cure in cures(RunConfig())}
    gaussian = RunConfig(model=ModelConfig(likelihood="gaussian"), objective=ObjectiveConfig(beta=4))
    assert {"beta-1", "learned-sigma"} <= {cure.name for cure in cures(gaussian)}
    done = CONFIGS["everything"]
    assert not {"cyclical", "free-bits", "encoder-steps", "warm-up"} & {cure.name for cure in cures(done)}


def test_a_beta_that_is_too_high_is_not_cured_by_what_leaves_it_so() -> None:
    high = RunConfig(objective=ObjectiveConfig(beta=20))
    assert {"warm-up", "cyclical"} <= {cure.name for cure in cures(high)}
    found = cures(high, "over-regularised")
    assert [cure.name for cure in found] == ["beta-1", "capacity", "free-bits"]
    assert all(mends(cure, "over-regularised") for cure in found)
    low = RunConfig(objective=ObjectiveConfig(beta=0.5))
    assert "beta-1" not in {cure.name for cure in cures(low, "over-regularised")}


def test_what_mends_a_verdict_comes_first_and_nothing_mends_a_healthy_run() -> None:
    config = RunConfig(model=ModelConfig(likelihood="gaussian"), objective=ObjectiveConfig(beta=4))
    for verdict, first in (("early-collapse", "warm-up"), ("wrong-sigma", "learned-sigma")):
        found = cures(config, verdict)  # type: ignore[arg-type]
        assert found[0].name == first
        is_cure = [mends(cure, verdict) for cure in found]  # type: ignore[arg-type]
        assert is_cure == sorted(is_cure, reverse=True)
        assert {cure.name for cure in found} >= {cure.name for cure in cures(config)}
    assert not any(mends(cure, verdict) for cure in cures(config) for verdict in (None, "healthy"))  # type: ignore[arg-type]


def test_networks_of_somebody_elses_cannot_be_trained_again_here() -> None:
    assert cures(RunConfig(model=ModelConfig(network="external"))) == ()
