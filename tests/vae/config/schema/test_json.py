"""A configuration is the same again after JSON, does not change, and its defaults are those that are promised."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from vae.config.base import Config, ConfigError
from vae.config.own_options import chosen_by, registry_of
from vae.config.schema import (
    MAX_SEED,
    DataConfig,
    ModelConfig,
    ObjectiveConfig,
    RunConfig,
    TrainConfig,
)

PARTS: list[type[Config]] = [DataConfig, ModelConfig, ObjectiveConfig, TrainConfig]
NOT_THE_DEFAULTS = RunConfig(
    data=DataConfig(
        name="npz",
        path=Path("faces.npz"),
        root=Path("cache"),
        emnist_split="letters",
        binarize="static",
        threshold=0.3,
        validation=0.25,
        test=0.125,
        split_seed=3,
    ),
    model=ModelConfig(
        network="conv",
        hidden=(),
        channels=(8, 16, 32),
        activation="silu",
        latent_dim=16,
        conditional=True,
        learned_prior=True,
        likelihood="gaussian-learned",
        sigma=0.5,
    ),
    objective=ObjectiveConfig(
        beta=4.5,
        schedule="cyclical",
        warmup_epochs=3,
        cycle_epochs=2.5,
        free_bits=0.5,
        free_bits_per="total",
        capacity_epochs=7,
    ),
    train=TrainConfig(
        epochs=7,
        batch_size=20,
        learning_rate=3e-4,
        learning_rate_schedule="stages",
        adam_eps=1e-4,
        encoder_steps=2,
        encoder_steps_epochs=1.5,
        seed=MAX_SEED,
        device="cpu",
        precision="bf16",
        max_images_per_second=100,
        eval_every=2,
        num_snapshots=0,
        max_gigabytes=1.5,
        checkpoint_seconds=0.5,
    ),
)


@pytest.mark.parametrize("config", [RunConfig(), NOT_THE_DEFAULTS], ids=["defaults", "others"])
def test_json_gives_the_same_configuration_back(config: RunConfig) -> None:
    assert RunConfig.from_dict(json.loads(json.dumps(config.to_dict(), allow_nan=False))) == config


def test_the_round_trip_leaves_no_option_at_its_default() -> None:
    # What cannot be together with the others takes the trip in a configuration of its own.
    others = {
        "model": ModelConfig(decoder="autoregressive"),
        "objective": ObjectiveConfig(capacity=25),
    }
    for part, (section, default) in zip(PARTS, RunConfig(), strict=True):
        ours = [getattr(NOT_THE_DEFAULTS, section), others.get(section, default)]
        for config in ours:
            assert part.from_dict(json.loads(json.dumps(config.to_dict()))) == config
        kept = [getattr(default, name) for name in part.model_fields]
        for name, value in zip(part.model_fields, kept, strict=True):
            registry = registry_of(part, name)
            alone = registry is not None and len(registry.names) == 1
            if alone or chosen_by(part, name) is not None:  # tests/vae/plugins have others
                continue
            assert any(getattr(config, name) != value for config in ours), name


@pytest.mark.parametrize("values", [None, [], "{}", 3, {1: 2}])
def test_what_is_no_json_object_is_refused(values: object) -> None:
    with pytest.raises(ConfigError, match=r"^a RunConfig must be a JSON object, got "):
        RunConfig.from_dict(values)


@pytest.mark.parametrize("part", ["data", "model", "objective", "train"])
@pytest.mark.parametrize("value", [None, 3, "fast", [1]])
def test_a_part_that_is_no_object_is_refused_by_a_sentence(part: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"^{part} .+, got "):
        RunConfig.from_dict({part: value})


@pytest.mark.parametrize("part", [*PARTS, RunConfig])
def test_a_configuration_does_not_change(part: type[Config]) -> None:
    config = part()
    for name in part.model_fields:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(config, name, getattr(config, name))


def test_a_changed_copy_is_checked_and_keeps_the_rest() -> None:
    changed = NOT_THE_DEFAULTS.train.replace(epochs=9)
    assert changed.epochs == 9
    assert changed.replace(epochs=7) == NOT_THE_DEFAULTS.train
    with pytest.raises(ConfigError, match=r"^epochs must be >= 1, got 0; "):
        changed.replace(epochs=0)
    with pytest.raises(ConfigError, match=r"^epoch is not an option "):
        changed.replace(epoch=3)
    with pytest.raises(ConfigError, match=r"^channels must name at least one layer "):
        NOT_THE_DEFAULTS.model.replace(channels=())


def test_the_defaults_are_those_that_the_first_page_promises() -> None:
    assert RunConfig().to_dict() == {
        "data": {
            "name": "digits",
            "root": None,
            "path": None,
            "emnist_split": "balanced",
            "binarize": "none",
            "threshold": 0.5,
            "validation": 0.1,
            "test": 0.2,
            "split_seed": 0,
        },
        "model": {
            "network": "mlp",
            "decoder": "independent",
            "hidden": [400],
            "channels": [32, 64],
            "activation": "relu",
            "latent_dim": 2,
            "conditional": False,
            "learned_prior": False,
            "likelihood": "bernoulli",
            "sigma": 0.1,
        },
        "objective": {
            "beta": 1.0,
            "schedule": "constant",
            "warmup_epochs": 10.0,
            "cycle_epochs": 10.0,
            "free_bits": 0.0,
            "free_bits_per": "dimension",
            "capacity": 0.0,
            "capacity_epochs": 10.0,
        },
        "train": {
            "epochs": 40,
            "batch_size": 128,
            "learning_rate": 1e-3,
            "learning_rate_schedule": "constant",
            "adam_eps": 1e-8,
            "encoder_steps": 0,
            "encoder_steps_epochs": 0.0,
            "seed": 0,
            "device": "auto",
            "precision": "float32",
            "max_images_per_second": 0,
            "eval_every": 0,
            "num_snapshots": 60,
            "max_gigabytes": 0.0,
            "checkpoint_seconds": 20.0,
        },
    }
