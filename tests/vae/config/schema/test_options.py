"""Options: checked when they are made, and what is wrong with a value is told as a sentence."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from typing import Any, Literal, get_args, get_origin

import annotated_types
import pytest

import vae
from vae.config.base import Config, ConfigError
from vae.config.own_options import registry_of
from vae.config.schema import (
    DataConfig,
    DataInfo,
    ModelConfig,
    ObjectiveConfig,
    RunConfig,
    TrainConfig,
)

PARTS: list[type[Config]] = [DataConfig, ModelConfig, ObjectiveConfig, TrainConfig]
#: Anything that is no number of the rule's kind but `got` must repeat.
SENTENCE = re.compile(r"(?P<name>\w+) (must be|is not valid:) .+, got .+; use .+")


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


@pytest.mark.parametrize("part, name, allowed", choices())
def test_an_unknown_choice_is_told_the_choices(
    part: type[Config], name: str, allowed: tuple[str, ...]
) -> None:
    with pytest.raises(ConfigError) as caught:
        part(**{name: "bogus"})
    (problem,) = caught.value.problems
    assert problem.startswith(f"{name} must be one of ") and problem.endswith(", got 'bogus'")
    assert re.findall(r"'([\w-]+)'", problem)[:-1] == list(allowed)


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


def test_every_option_has_words_for_the_form_and_the_command_line() -> None:
    for part in PARTS:
        for name, field in part.model_fields.items():
            assert field.description and field.description.endswith("."), name
            assert isinstance(field.json_schema_extra, dict) and field.json_schema_extra["label"], name


def test_help_does_not_wait_for_torch() -> None:
    code = "import sys, vae, vae.config.schema; assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_exported_name_is_there() -> None:
    for name in vae.__all__:
        assert getattr(vae, name).__name__ == name
    with pytest.raises(AttributeError, match="attribute Vae"):
        _ = vae.Vae
