"""Settings that do nothing, are never reached or do not go together are told."""

from __future__ import annotations

import re
from typing import Any, Literal

import pytest

from vae.config.base import Config, ConfigError
from vae.config.checks import warnings
from vae.config.schema import (
    DataConfig,
    DataInfo,
    ModelConfig,
    ObjectiveConfig,
    RunConfig,
    TrainConfig,
)


@pytest.mark.parametrize("schedule", ["linear", "sigmoid"])
@pytest.mark.parametrize("warmup, is_warned", [(10, False), (10.5, True), (40, True)])
def test_a_warm_up_longer_than_the_training_is_warned_of(
    schedule: str, warmup: float, is_warned: bool
) -> None:
    objective = ObjectiveConfig(beta=4, schedule=schedule, warmup_epochs=warmup)
    found = warnings(RunConfig(objective=objective, train=TrainConfig(epochs=10)))
    assert found == [
        f"objective.warmup_epochs ({warmup:g}) is longer than train.epochs (10): beta never reaches 4"
    ] * (is_warned)


@pytest.mark.parametrize("cycle, is_warned", [(20, False), (21, True)])
def test_a_cycle_that_never_reaches_beta_is_warned_of(cycle: float, is_warned: bool) -> None:
    objective = ObjectiveConfig(schedule="cyclical", cycle_epochs=cycle)
    found = warnings(RunConfig(objective=objective, train=TrainConfig(epochs=10)))
    assert len(found) == is_warned
    assert all("beta never reaches 1" in warning for warning in found)


def test_a_schedule_that_is_not_used_is_not_said_to_be_too_long() -> None:
    objective = ObjectiveConfig(warmup_epochs=1000, cycle_epochs=1000)
    assert warnings(RunConfig(objective=objective, train=TrainConfig(epochs=1))) == [
        "objective.warmup_epochs (1000.0) has no effect: it applies only to objective.schedule = linear or sigmoid",
        "objective.cycle_epochs (1000.0) has no effect: it applies only to objective.schedule = cyclical",
    ]


@pytest.mark.parametrize(
    "idle, needed, setting",
    [
        ("data.threshold", "data.binarize = threshold", {"threshold": 0.3}),
        ("data.emnist_split", "data.name = emnist", {"emnist_split": "letters"}),
        ("model.channels", "model.network = conv", {"channels": (8, 16)}),
        ("model.sigma", "model.likelihood = gaussian or gaussian-learned", {"sigma": 0.5}),
        ("objective.schedule", "objective.beta above 0", {"schedule": "linear", "beta": 0}),
        ("objective.free_bits", "objective.beta above 0", {"free_bits": 1, "beta": 0}),
        ("objective.free_bits_per", "objective.free_bits above 0", {"free_bits_per": "total"}),
        ("objective.capacity", "objective.beta above 0", {"capacity": 25, "beta": 0}),
        ("objective.capacity_epochs", "objective.capacity above 0", {"capacity_epochs": 3}),
        ("train.encoder_steps_epochs", "train.encoder_steps above 0", {"encoder_steps_epochs": 3}),
    ],
)
def test_a_setting_without_effect_is_warned_of(idle: str, needed: str, setting: dict[str, Any]) -> None:
    section = idle.split(".")[0]
    (warning,) = warnings(RunConfig.from_dict({section: setting}))
    assert re.fullmatch(
        rf"{re.escape(idle)} \(.+\) has no effect: it applies only to {re.escape(needed)}", warning
    )


@pytest.mark.parametrize(
    "section, setting, sentence",
    [
        (
            "objective",
            {"capacity": 25, "capacity_epochs": 11},
            "objective.capacity_epochs (11) is longer than train.epochs (10): "
            "the rate's target never reaches 25 nats",
        ),
        (
            "train",
            {"epochs": 10, "encoder_steps": 1, "encoder_steps_epochs": 11},
            "train.encoder_steps_epochs (11) is longer than train.epochs (10): the extra encoder steps never end",
        ),
    ],
)
def test_a_value_that_is_never_reached_is_warned_of(
    section: str, setting: dict[str, Any], sentence: str
) -> None:
    assert warnings(RunConfig.from_dict({"train": {"epochs": 10}, section: setting})) == [sentence]


def test_settings_that_take_effect_are_not_warned_of() -> None:
    values = {
        "objective": {"free_bits": 0.5, "free_bits_per": "total", "schedule": "sigmoid", "warmup_epochs": 5},
        "train": {"encoder_steps": 5, "encoder_steps_epochs": 3},
    }
    assert warnings(RunConfig.from_dict(values)) == []
    assert warnings(RunConfig(objective=ObjectiveConfig(capacity=25, capacity_epochs=20))) == []


@pytest.mark.parametrize(
    "part, values, sentence",
    [
        (
            ObjectiveConfig,
            {"free_bits": 0.5, "capacity": 25},
            "free_bits must be 0 where there is a capacity, got free_bits = 0.5 and capacity = 25; use one of them",
        ),
        (
            ModelConfig,
            {"decoder": "autoregressive", "likelihood": "gaussian"},
            "decoder must be 'independent' for likelihood = 'gaussian', got 'autoregressive'; "
            "use likelihood bernoulli, or decoder independent",
        ),
        (
            ModelConfig,
            {"learned_prior": True},
            "learned_prior must be false for an unconditional model, got true; use it with conditional = true",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    part: type[Config], values: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        part(**values)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    "channels, height, width, fits",
    [(1, 16, 16, True), (1, 8, 32, True), (1, 1, 257, False), (3, 8, 8, False)],
)
def test_an_autoregressive_decoder_is_for_small_grey_images(
    channels: Literal[1, 3], height: int, width: int, fits: bool
) -> None:
    info = DataInfo(
        channels=channels,
        height=height,
        width=width,
        class_names=(),
        num_train=1,
        num_validation=0,
        num_test=0,
        fingerprint="",
    )
    found = ModelConfig(decoder="autoregressive").misfit(info)
    if fits:
        assert found is None
    else:
        assert found is not None
        assert (
            f"at most 256 pixels for model.decoder = 'autoregressive', got {channels} × {height} × {width}; use"
            in found
        )
    assert ModelConfig().misfit(info) is None
    assert "got 'external'; use vae.watch" in str(ModelConfig(network="external").misfit(info))


@pytest.mark.parametrize("binarize", ["none", "threshold", "static", "dynamic"])
@pytest.mark.parametrize("likelihood", ["bernoulli", "continuous-bernoulli", "gaussian", "gaussian-learned"])
def test_binary_pixels_under_a_density_are_warned_of(binarize: str, likelihood: str) -> None:
    config = RunConfig(data=DataConfig(binarize=binarize), model=ModelConfig(likelihood=likelihood))
    assert len(warnings(config)) == (binarize != "none" and likelihood != "bernoulli")
