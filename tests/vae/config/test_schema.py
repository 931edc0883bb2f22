"""Options: checked when they are made, told as sentences, and the same again after JSON."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import annotated_types
import pytest
from pydantic import ValidationError

import vae
from vae.config.base import Config, ConfigError
from vae.config.checks import warnings
from vae.config.own_options import chosen_by, registry_of
from vae.config.registries import DATASETS
from vae.config.schema import (
    MAX_SEED,
    DataConfig,
    DataInfo,
    ModelConfig,
    ObjectiveConfig,
    RunConfig,
    TrainConfig,
    suggest,
)

PARTS: list[type[Config]] = [DataConfig, ModelConfig, ObjectiveConfig, TrainConfig]
#: Anything that is no number of the rule's kind but `got` must repeat.
SENTENCE = re.compile(r"(?P<name>\w+) (must be|is not valid:) .+, got .+; use .+")
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


def bounds() -> list[Any]:
    """Every bound that an option declares, as (class, option, sign, bound); a new option joins by itself."""
    kinds = {
        annotated_types.Ge: (">=", "ge"),
        annotated_types.Gt: (">", "gt"),
        annotated_types.Le: ("<=", "le"),
        annotated_types.Lt: ("<", "lt"),
    }
    return [
        pytest.param(part, name, *[(sign, getattr(rule, word))], id=f"{part.__name__}.{name}{sign}")
        for part in PARTS
        for name, field in part.model_fields.items()
        for rule in field.metadata
        for kind, (sign, word) in kinds.items()
        if isinstance(rule, kind)
    ]


def numeric_options() -> list[Any]:
    return [
        pytest.param(part, name, id=f"{part.__name__}.{name}")
        for part in PARTS
        for name, field in part.model_fields.items()
        if field.annotation in (int, float)
    ]


def choices() -> list[Any]:
    return [
        pytest.param(part, name, get_args(field.annotation), id=f"{part.__name__}.{name}")
        for part in PARTS
        for name, field in part.model_fields.items()
        if get_origin(field.annotation) is Literal
    ] + [
        pytest.param(part, name, registry.names, id=f"{part.__name__}.{name}")
        for part in PARTS
        for name in part.model_fields
        if (registry := registry_of(part, name)) is not None
    ]


def beyond(part: type[Config], name: str, rule: tuple[str, float]) -> float:
    """The nearest number on the wrong side of a bound."""
    sign, bound = rule
    outwards = -math.inf if ">" in sign else math.inf
    if sign in (">", "<"):
        return bound
    if part.model_fields[name].annotation is int:
        return int(bound) + (1 if outwards > 0 else -1)
    return math.nextafter(bound, outwards)


@pytest.mark.parametrize("part, name, rule", bounds())
def test_a_value_out_of_range_is_refused_with_rule_value_and_remedy(
    part: type[Config], name: str, rule: tuple[str, float]
) -> None:
    value, (sign, bound) = beyond(part, name, rule), rule
    with pytest.raises(ConfigError) as caught:
        part(**{name: value})
    (problem,) = caught.value.problems
    assert problem.startswith(f"{name} must be {sign} {bound}, got {value!r}; use ")


@pytest.mark.parametrize("part, name, rule", [case for case in bounds() if "=" in case.values[2][0]])
def test_a_value_at_its_bound_is_taken(part: type[Config], name: str, rule: tuple[str, float]) -> None:
    assert getattr(part(**{name: rule[1]}), name) == rule[1]


def test_every_number_has_a_lower_bound() -> None:
    bounded = {(case.values[0], case.values[1]) for case in bounds() if ">" in case.values[2][0]}
    assert {(case.values[0], case.values[1]) for case in numeric_options()} == bounded


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("part, name", numeric_options())
def test_nan_and_infinities_are_refused(part: type[Config], name: str, value: float) -> None:
    with pytest.raises(ConfigError) as caught:
        part(**{name: value})
    (problem,) = caught.value.problems
    found = SENTENCE.fullmatch(problem)
    assert found is not None and found["name"] == name
    assert f"got {value!r}; " in problem


@pytest.mark.parametrize(
    "value", ["many", None, [], {}, 0.25, 10**400, "1" * 5000, pytest.param(10**5000, id="huge")]
)
def test_what_is_no_whole_number_is_refused_by_a_sentence(value: object) -> None:
    with pytest.raises(ConfigError) as caught:
        TrainConfig(batch_size=value)
    (problem,) = caught.value.problems
    assert SENTENCE.fullmatch(problem)
    assert len(problem) < 400


@pytest.mark.parametrize(
    "part, name, value, rule",
    [
        (TrainConfig, "epochs", "abc", "a whole number, got 'abc'; use at least 1"),
        (TrainConfig, "epochs", 1.5, "a whole number, got 1.5; use at least 1"),
        (TrainConfig, "learning_rate", "fast", "a number, got 'fast'; use 0.001"),
        (TrainConfig, "learning_rate", math.nan, "a finite number, got nan; use 0.001"),
        (ModelConfig, "conditional", "perhaps", "true or false, got 'perhaps'"),
        (DataInfo, "class_names", [1], "text, got 1"),
    ],
)
def test_a_value_of_another_kind_is_told_the_kind(
    part: type[Config], name: str, value: object, rule: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        part(**{name: value})
    assert f"{name} must be {rule}" in caught.value.problems


def test_what_is_missing_is_told() -> None:
    with pytest.raises(ConfigError, match=r"(^|; )num_train must be given, got none(;|$)"):
        DataInfo.from_dict({"channels": 1})


@pytest.mark.parametrize("part, name, allowed", choices())
def test_an_unknown_choice_is_told_the_choices(
    part: type[Config], name: str, allowed: tuple[str, ...]
) -> None:
    with pytest.raises(ConfigError) as caught:
        part(**{name: "bogus"})
    (problem,) = caught.value.problems
    assert problem.startswith(f"{name} must be one of ") and problem.endswith(", got 'bogus'")
    assert re.findall(r"'([\w-]+)'", problem)[:-1] == list(allowed)


@pytest.mark.parametrize(
    "values, sentence",
    [
        (
            {"hidden": (400, 0)},
            "hidden must be at most 8 sizes from 1 to 8192, got [400, 0]; use for example 400",
        ),
        (
            {"hidden": (10,) * 9},
            f"hidden must be at most 8 sizes from 1 to 8192, got {[10] * 9}; use for example 400",
        ),
        (
            {"channels": (2000,)},
            "channels must be at most 8 sizes from 1 to 1024, got [2000]; use for example 32 64",
        ),
        (
            {"network": "conv", "channels": ()},
            "channels must name at least one layer for network = conv, got none; use 32 64",
        ),
        ({"hidden": ("abc",)}, "hidden must be whole numbers, got 'abc'; use for example 400, or 200 200"),
        ({"hidden": (400, 1.5)}, "hidden must be whole numbers, got 1.5; use for example 400, or 200 200"),
        ({"hidden": 400}, "hidden must be a list, got 400; use for example 400, or 200 200"),
    ],
)
def test_layers_have_sizes_that_fit(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ModelConfig(**values)
    assert str(caught.value) == sentence


def test_an_mlp_needs_neither_hidden_layers_nor_channels() -> None:
    assert ModelConfig(hidden=(), channels=()).hidden == ()


@pytest.mark.parametrize("name", ["npz", "folder"])
def test_own_images_need_a_path(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"^path must be given for name = '{name}', got none; use "):
        DataConfig(name=name)


def test_a_path_beside_a_named_set_is_refused_rather_than_ignored() -> None:
    with pytest.raises(
        ConfigError, match=r"^path must be left out for name = 'digits', got 'mine\.npz'; use "
    ):
        DataConfig(path=Path("mine.npz"))


def test_an_unknown_option_is_refused_and_the_known_ones_named() -> None:
    with pytest.raises(ConfigError) as caught:
        ObjectiveConfig(bata=2)
    assert str(caught.value) == (
        "bata is not an option (options: " + ", ".join(ObjectiveConfig.model_fields) + ")"
    )


def test_every_problem_is_told_with_its_place() -> None:
    with pytest.raises(ConfigError) as caught:
        RunConfig.from_dict({"objective": {"beta": -1}, "train": {"epochs": 0, "speed": 1}})
    assert str(caught.value) == (
        "objective.beta must be >= 0, got -1; use 0 to drop the KL term; "
        "train.epochs must be >= 1, got 0; use at least 1; "
        "train.speed is not an option (options: " + ", ".join(TrainConfig.model_fields) + ")"
    )


@pytest.mark.parametrize("values", [None, [], "{}", 3, {1: 2}])
def test_what_is_no_json_object_is_refused(values: object) -> None:
    with pytest.raises(ConfigError, match=r"^a RunConfig must be a JSON object, got "):
        RunConfig.from_dict(values)


@pytest.mark.parametrize("part", ["data", "model", "objective", "train"])
@pytest.mark.parametrize("value", [None, 3, "fast", [1]])
def test_a_part_that_is_no_object_is_refused_by_a_sentence(part: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"^{part} .+, got "):
        RunConfig.from_dict({part: value})


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


def test_json_gives_the_same_description_of_images_back() -> None:
    info = DataInfo(
        channels=3,
        height=32,
        width=31,
        class_names=("β", "<b>"),
        num_train=5,
        num_validation=0,
        num_test=1,
        fingerprint="ab",
    )
    assert DataInfo.from_dict(json.loads(json.dumps(info.to_dict()))) == info
    assert info.num_pixels == 3 * 32 * 31
    assert info.num_classes == 2


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


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("name", DATASETS.names)
def test_a_suggestion_is_the_main_job_for_every_data_set(name: str, conditional: bool) -> None:
    config = suggest(name, conditional=conditional)
    assert config.data.name == name
    assert config.model.conditional is conditional
    assert (config.model.latent_dim, config.model.likelihood, config.objective.beta) == (2, "bernoulli", 1)
    assert warnings(config) == []


def test_every_option_has_words_for_the_form_and_the_command_line() -> None:
    for part in PARTS:
        for name, field in part.model_fields.items():
            assert field.description and field.description.endswith("."), name
            assert isinstance(field.json_schema_extra, dict) and field.json_schema_extra["label"], name


@pytest.mark.parametrize(
    "changes", [{"channels": 2}, {"height": 0}, {"width": 1025}, {"num_train": 0}, {"num_test": -1}]
)
def test_impossible_images_are_refused(changes: dict[str, int]) -> None:
    good: dict[str, Any] = {
        "channels": 1,
        "height": 8,
        "width": 8,
        "class_names": (),
        "num_train": 1,
        "num_validation": 0,
        "num_test": 0,
        "fingerprint": "",
    }
    DataInfo(**good)
    with pytest.raises(ConfigError, match=rf"^{next(iter(changes))} must be .+, got "):
        DataInfo(**{**good, **changes})


def test_help_does_not_wait_for_torch() -> None:
    code = "import sys, vae, vae.config.schema; assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_exported_name_is_there() -> None:
    for name in vae.__all__:
        assert getattr(vae, name).__name__ == name
    with pytest.raises(AttributeError, match="attribute Vae"):
        _ = vae.Vae
