"""Cures for any run: valid configurations that change what they say and nothing else."""

from __future__ import annotations

import pytest

from vae.comparison import differences
from vae.config import ModelConfig, ObjectiveConfig, RunConfig, TrainConfig
from vae.cures import cures
from vae.recipes import RECIPES

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
        assert len(cured.warnings()) <= len(config.warnings())


def test_what_a_run_does_already_is_not_offered() -> None:
    assert "beta-1" not in {cure.name for cure in cures(RunConfig())}
    assert "learned-sigma" not in {cure.name for cure in cures(RunConfig())}
    gaussian = RunConfig(model=ModelConfig(likelihood="gaussian"), objective=ObjectiveConfig(beta=4))
    assert {"beta-1", "learned-sigma"} <= {cure.name for cure in cures(gaussian)}
    done = CONFIGS["everything"]
    assert not {"cyclical", "free-bits", "encoder-steps", "warm-up"} & {cure.name for cure in cures(done)}


def test_networks_of_somebody_elses_cannot_be_trained_again_here() -> None:
    assert cures(RunConfig(model=ModelConfig(network="external"))) == ()
