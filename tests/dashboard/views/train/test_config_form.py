"""The form of a run is drawn from the configuration: each option has a widget, and what it says is what is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.views.train import config_form
from vae.config.base import ConfigError
from vae.config.checks import has_effect
from vae.config.own_options import chosen_by
from vae.config.registries import DATASETS
from vae.config.schema import RunConfig
from vae.config.suggestions import suggest

#: Options that the form leaves out: data set and file are chosen above it, and the download folder is this machine's.
ELSEWHERE = {("data", "name"), ("data", "path"), ("data", "root")}
NAMES = list(DATASETS.names)


def script(name: str) -> None:
    import streamlit as st

    from dashboard.views.train import config_form

    st.session_state["values"] = config_form.config_form(name, key="form")


def form(name: str) -> AppTest:
    at = AppTest.from_function(script, args=(name,), default_timeout=60).run()
    assert not at.exception
    return at


def widget_of(option: str) -> str:
    """Its key."""
    return f"option-{option}:form"


def widgets(at: AppTest) -> dict[str, Any]:
    """The widgets by their key."""
    listed = [at.selectbox, at.select_slider, at.toggle, at.number_input, at.text_input]
    return {str(widget.key): widget for several in listed for widget in several}


#: What must be set for an option to have an effect, where it has none in the form as it first shows.
WAKES: dict[str, dict[str, Any]] = {
    "data.threshold": {"data.binarize": "threshold"},
    "model.channels": {"model.network": "conv"},
    "model.sigma": {"model.likelihood": "gaussian"},
    "model.learned_prior": {"model.conditional": True},
    "objective.warmup_epochs": {"objective.schedule": "linear"},
    "objective.cycle_epochs": {"objective.schedule": "cyclical"},
    "objective.free_bits_per": {"objective.free_bits": 0.5},
    "objective.capacity_epochs": {"objective.capacity": 5.0},
    "train.encoder_steps_epochs": {"train.encoder_steps": 2},
}
#: Settings beside which an option has no effect.
STILLS: dict[str, dict[str, Any]] = {
    "model.decoder": {"model.likelihood": "gaussian-learned"},
    "objective.schedule": {"objective.beta": 0},
    "objective.free_bits": {"objective.capacity": 5.0},
    "objective.capacity": {"objective.free_bits": 0.5},
    "train.eval_every": {"data.validation": 0.0},
    "train.learning_rate_schedule": {"train.epochs": 1},
}
#: Options without a choice, as long as nothing is registered besides what the package brings.
SINGLE = {"model.prior", "objective.name"}


def every_option(name: str) -> dict[str, Any]:
    """All options that a form of a data set can show, by section and name."""
    found = {}
    for section, owner in RunConfig.model_fields.items():
        for field, info in owner.annotation.model_fields.items():  # type: ignore[union-attr]
            if chosen_by(owner.annotation, field) is not None:  # type: ignore[arg-type]
                continue  # own options: tests/vae/plugins
            if (section, field) in ELSEWHERE or f"{section}.{field}" in SINGLE:
                continue
            if (field != "emnist_split" or name == "emnist") and (
                (section, field) != ("data", "test") or name in ("digits", "npz", "folder")
            ):
                found[f"{section}.{field}"] = info
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_option_that_does_something_has_one_widget_with_its_label_and_its_words(name: str) -> None:
    found = widgets(form(name))
    expected = {key: info for key, info in every_option(name).items() if key not in WAKES}
    assert set(found) == {widget_of(key) for key in expected}
    for key, info in expected.items():
        assert found[widget_of(key)].label == info.json_schema_extra["label"]
        assert found[widget_of(key)].help == info.description


@pytest.mark.parametrize("option", [*WAKES, *STILLS])
def test_option_is_there_only_where_it_does_something(option: str) -> None:
    at = form("digits")
    before = widget_of(option) in widgets(at)
    for key, value in {**WAKES, **STILLS}[option].items():
        widgets(at)[widget_of(key)].set_value(value)
    at.run()
    assert not at.exception
    assert (before, widget_of(option) in widgets(at)) == (option in STILLS, option in WAKES)
    config = config_form.make_config(at.session_state["values"])  # what is not shown breaks no rule
    assert has_effect(config, option) == (option in WAKES)


def test_what_was_chosen_before_it_lost_its_effect_is_not_kept() -> None:
    at = form("digits")
    widgets(at)[widget_of("data.binarize")].set_value("threshold")
    at.run()
    widgets(at)[widget_of("data.threshold")].set_value(7.0)  # nothing that could be trained
    at.run()
    widgets(at)[widget_of("data.binarize")].set_value("none")
    at.run()
    assert config_form.make_config(at.session_state["values"]).data.threshold == 0.5


@pytest.mark.parametrize("name", NAMES)
def test_form_as_it_first_shows_gives_the_suggested_run(name: str) -> None:
    path = Path("your-images") if name in ("npz", "folder") else None
    assert config_form.make_config(form(name).session_state["values"], path=path) == suggest(name)


def test_each_widget_sets_its_own_option() -> None:
    at = form("digits")
    changes: dict[str, tuple[Any, Any]] = {
        "model.conditional": (True, True),
        "model.latent_dim": (5, 5),
        "objective.beta": (4, 4),
        "model.likelihood": ("gaussian", "gaussian"),
        "train.epochs": (3, 3),
        "model.hidden": ("64, 32 16", (64, 32, 16)),
        "model.network": ("conv", "conv"),
        "train.learning_rate": (0.01, 0.01),
        "data.binarize": ("dynamic", "dynamic"),
        "objective.schedule": ("cyclical", "cyclical"),
    }
    for key, (given, _) in changes.items():
        widgets(at)[widget_of(key)].set_value(given)
    at.run()
    config = config_form.make_config(at.session_state["values"])
    for key, (_, meant) in changes.items():
        section, field = key.split(".")
        assert getattr(getattr(config, section), field) == meant, key


def test_list_of_options_is_in_words() -> None:
    at = form("digits")
    assert widgets(at)[widget_of("model.likelihood")].options == [
        "Bernoulli", "Continuous Bernoulli", "Gaussian, fixed σ", "Gaussian, learned σ",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "given", "rule"),
    [
        ("model.hidden", "64 many", r"model\.hidden"),
        ("model.hidden", "0", r"hidden must be at most 8 sizes from 1 to 8192, got \[0\]"),
        ("model.sigma", 0.0, r"model\.sigma must be >= 0\.001, got 0"),
        ("train.learning_rate", -1.0, r"train\.learning_rate must be > 0, got -1"),
        ("data.threshold", 7.0, r"data\.threshold must be <= 1, got 7"),
        ("objective.warmup_epochs", 0.0, r"objective\.warmup_epochs must be > 0, got 0"),
    ],
)
def test_impossible_value_is_refused_with_its_rule(key: str, given: Any, rule: str) -> None:
    at = form("digits")
    for needed, value in WAKES.get(key, {}).items():
        widgets(at)[widget_of(needed)].set_value(value)
    at.run()
    widgets(at)[widget_of(key)].set_value(given)
    at.run()
    assert not at.exception
    with pytest.raises(ConfigError, match=rule):
        config_form.make_config(at.session_state["values"])


def test_slider_of_beta_has_the_current_value_among_its_steps() -> None:
    assert config_form.with_current(config_form.BETAS, 1) == list(config_form.BETAS)
    steps = config_form.with_current(config_form.BETAS, 2.5)
    assert steps == sorted(steps)
    assert 2.5 in steps
    assert [config_form.beta_word(beta) for beta in (0, 0.01, 1.5, 200)] == ["0", "0.01", "1.5", "200"]
