"""Widgets in, configurations out. The form is drawn from `vae.config.schema`, where each option is declared."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import streamlit as st
from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from vae.config.base import Config
from vae.config.own_options import chosen_by, options_field, registry_of
from vae.config.schema import ObjectiveConfig, RunConfig, suggest

#: β in steps that feel even to the hand: it is a weight, so its steps are ratios.
BETAS = (0, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50, 100, 200)

_TITLES = {
    "none": "No, grey as they are",
    "threshold": "At a threshold",
    "static": "Sampled once (static)",
    "dynamic": "Sampled again each time (dynamic)",
    "mlp": "Fully connected",
    "conv": "Convolutional",
    "independent": "Independent pixels given z",
    "autoregressive": "Autoregressive, each pixel sees those before it",
    "dimension": "Each dimension",
    "total": "All together",
    "stages": "Falling in stages",
    "cosine": "Falling to zero along a cosine",
    "constant": "Constant",
    "linear": "Linear warm-up",
    "sigmoid": "S-shaped warm-up",
    "cyclical": "Cyclical",
}


def with_current(values: Iterable[float], current: float) -> list[float]:
    """The steps of a slider, the current value among them."""
    return sorted({*values, current})


def beta_word(beta: float) -> str:
    """β as the slider shows it."""
    return f"{beta:g}"


def config_form(name: str, *, key: str) -> dict[str, dict[str, Any]]:
    """Draw the options of a run for a data set; what is rarely changed is folded away.

    Args:
        name: The data set; its suggested settings are shown at first.
        key: Prefix of the widgets' keys.

    Returns:
        The sections of a `RunConfig` as plain values, not yet checked.
    """
    start = suggest(name)
    values: dict[str, dict[str, Any]] = {"data": {"name": name}, "model": {}, "objective": {}, "train": {}}
    common = [
        ("model", "conditional"),
        ("model", "latent_dim"),
        ("objective", "beta"),
        ("model", "likelihood"),
        ("train", "epochs"),
    ]
    _draw_own(start, "data", "name", name, key, values["data"])
    for section, field in common:
        _draw(start, section, field, key, values[section])
    with st.expander("More options"):
        for section in values:
            st.caption({"data": "Pixels and split", "train": "Training"}.get(section, section.capitalize()))
            for field in type(getattr(start, section)).model_fields:
                if (section, field) in common or (section == "data" and field in ("name", "path", "root")):
                    continue
                if field == "emnist_split" and name != "emnist":
                    continue
                if chosen_by(type(getattr(start, section)), field) is None:
                    _draw(start, section, field, key, values[section])
    return values


def _draw(start: RunConfig, section: str, field: str, key: str, values: dict[str, Any]) -> None:
    """An option, and after one that chooses something registered the own options of what is chosen."""
    values[field] = _widget(getattr(start, section), field, f"{key}:{section}.{field}")
    _draw_own(start, section, field, values[field], key, values)


def _draw_own(
    start: RunConfig, section: str, field: str, chosen: str, key: str, values: dict[str, Any]
) -> None:
    """The own options of what an option chooses, if it chooses something that has some."""
    owner: Config = getattr(start, section)
    registry, own = registry_of(type(owner), field), options_field(type(owner), field)
    if registry is None or own is None or chosen not in registry:
        return
    options = registry[chosen].default_options()
    if options is not None:
        values[own] = {
            name: _widget(options, name, f"{key}:{section}.{field}-{chosen}.{name}")
            for name in type(options).model_fields
        }


def make_config(values: dict[str, dict[str, Any]], *, path: Path | None = None) -> RunConfig:
    """The checked configuration of a form.

    Raises:
        ConfigError: If a value breaks its rule.
    """
    data = values["data"] if path is None else {**values["data"], "path": str(path)}
    return RunConfig.from_dict({**values, "data": data})


def _widget(owner: Config, field: str, widget_key: str) -> Any:
    info = type(owner).model_fields[field]
    value, extra = getattr(owner, field), info.json_schema_extra
    assert isinstance(extra, dict), "vae.config.schema declares a label for each option"
    label, words = str(extra["label"]), info.description
    if isinstance(owner, ObjectiveConfig) and field == "beta":
        betas = with_current(BETAS, value)
        return st.select_slider(label, betas, value=value, format_func=beta_word, help=words, key=widget_key)
    if info.annotation is bool:
        return st.toggle(label, value=value, help=words, key=widget_key)
    registry = registry_of(type(owner), field)
    if registry is not None:
        names = [entry.name for entry in registry if not entry.facts.get("is_watched")]
        return st.selectbox(
            label, names, index=names.index(value), format_func=registry.title, help=words, key=widget_key
        )
    if info.annotation is str:
        return st.text_input(label, value, help=words, key=widget_key)
    if get_origin(info.annotation) is Literal:
        options = [
            option for option in get_args(info.annotation) if option != "external"
        ]  # no networks of ours
        return st.selectbox(
            label, options, index=options.index(value), format_func=_title, help=words, key=widget_key
        )
    if get_origin(info.annotation) is tuple:
        text = st.text_input(label, " ".join(map(str, value)), help=words, key=widget_key)
        return _sizes(text)
    low, high = _bounds(info)
    if info.annotation is int:
        return st.number_input(
            label,
            value=value,
            min_value=_whole(low),
            max_value=_whole(high),
            step=1,
            help=words,
            key=widget_key,
        )
    # Open bounds and small steps: the configuration itself checks, with a sentence.
    form = "%.6g" if value < 0.01 else None
    return st.number_input(label, value=float(value), format=form, step=None, help=words, key=widget_key)


def _title(option: str) -> str:
    return _TITLES.get(option, option)


def _sizes(text: str) -> list[Any]:
    """Widths as a person types them; what is no number stays as it is, for the configuration to refuse."""
    return [int(part) if part.isdecimal() else part for part in text.replace(",", " ").split()]


def _whole(bound: float | None) -> int | None:
    return None if bound is None else int(bound)


def _bounds(info: FieldInfo) -> tuple[float | None, float | None]:
    low: Any = None
    high: Any = None
    for rule in info.metadata:
        match rule:
            case Ge():
                low = rule.ge
            case Gt():
                low = rule.gt
            case Le():
                high = rule.le
            case Lt():
                high = rule.lt
    return low, high
