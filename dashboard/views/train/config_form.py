"""Widgets in, configurations out. The form is drawn from `vae.config.schema`, where each option is declared."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, get_args, get_origin

import streamlit as st
from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from vae.config.base import Config
from vae.config.checks import has_effect
from vae.config.own_options import chosen_by, options_field, registry_of
from vae.config.registry import Registry
from vae.config.schema import ObjectiveConfig, RunConfig
from vae.config.suggestions import suggest

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

#: The groups of the panel: the section, and which of its options; the last group of a section has the rest.
_GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "Pixels and split": ("data", ()),
    "Networks": ("model", ()),
    "Objective": ("objective", ()),
    "Optimiser": (
        "train",
        (
            "batch_size",
            "learning_rate",
            "learning_rate_schedule",
            "adam_eps",
            "encoder_steps",
            "encoder_steps_epochs",
            "seed",
        ),
    ),
    "Machine and files": ("train", ()),
}
#: Options that are chosen above the form, or are this machine's.
_ELSEWHERE = (("data", "name"), ("data", "path"), ("data", "root"))


def with_current(values: Iterable[float], current: float) -> list[float]:
    """The steps of a slider, the current value among them."""
    return sorted({*values, current})


def beta_word(beta: float) -> str:
    """β as the slider shows it."""
    return f"{beta:g}"


def config_form(name: str, *, key: str, start: RunConfig | None = None) -> dict[str, dict[str, Any]]:
    """Draw the options of a run for a data set; what is rarely changed is in a panel, by what it is about.

    An option that would do nothing beside the other settings is not drawn, and keeps its first value.

    Args:
        name: The data set.
        key: Prefix of the widgets' keys.
        start: The settings that are shown at first; those suggested for the data set without it.

    Returns:
        The sections of a `RunConfig` as plain values, not yet checked.
    """
    start = suggest(name) if start is None else start
    values: dict[str, dict[str, Any]] = {"data": {"name": name}, "model": {}, "objective": {}, "train": {}}
    common = [
        ("model", "conditional"),
        ("model", "latent_dim"),
        ("objective", "beta"),
        ("model", "likelihood"),
        ("train", "epochs"),
    ]
    now = _now(start, name, key)
    _draw_own(start, "data", "name", name, key, values["data"])
    for section, field in common:
        _draw(start, section, field, key, values[section], now)
    with st.popover("More options", icon=":material/tune:", width="stretch", key="more-options"):
        for group, column in zip(_GROUPS, st.columns(len(_GROUPS), gap="medium"), strict=True):
            with column:
                st.markdown(f"**{group}**")
                for section, field in _fields(start, group):
                    if (section, field) not in common:
                        _draw(start, section, field, key, values[section], now)
    return values


def _fields(start: RunConfig, group: str) -> list[tuple[str, str]]:
    """The options of one group of the panel, in the order in which they are declared."""
    section, wanted = _GROUPS[group]
    fields = type(getattr(start, section)).model_fields
    claimed = {name for whose, names in _GROUPS.values() if whose == section and names for name in names}
    chosen = [name for name in fields if (name in wanted if wanted else name not in claimed)]
    return [
        (section, name)
        for name in chosen
        if chosen_by(type(getattr(start, section)), name) is None and (section, name) not in _ELSEWHERE
    ]


def _now(start: RunConfig, name: str, key: str) -> Any:
    """The settings as they are in the form now, unchecked; those that are not drawn have their first value."""
    sections = {}
    for section in RunConfig.model_fields:
        owner = getattr(start, section)
        found = {
            field: st.session_state.get(_widget_key(key, section, field), getattr(owner, field))
            for field in type(owner).model_fields
        }
        sections[section] = SimpleNamespace(**found)
    sections["data"].name = name
    return SimpleNamespace(**sections)


def _widget_key(key: str, section: str, field: str) -> str:
    """Streamlit's key of an option; its beginning is the control's (`dashboard.look.controls`)."""
    return f"option-{section}.{field}:{key}"


def _has_effect(start: RunConfig, section: str, field: str, now: Any) -> bool:
    registry = registry_of(type(getattr(start, section)), field)
    if registry is not None and len(_offered(registry)) < 2:
        return False  # nothing to choose from
    try:
        return has_effect(now, f"{section}.{field}")
    except TypeError:  # a field that somebody is still filling in
        return True


def _offered(registry: Registry) -> list[str]:
    return [entry.name for entry in registry if not entry.facts.get("is_watched")]


def _draw(start: RunConfig, section: str, field: str, key: str, values: dict[str, Any], now: Any) -> None:
    """An option, and after one that chooses something registered the own options of what is chosen."""
    if not _has_effect(start, section, field, now):
        value = getattr(getattr(start, section), field)
        values[field] = list(value) if isinstance(value, tuple) else value
        return
    values[field] = _widget(getattr(start, section), field, _widget_key(key, section, field))
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
            name: _widget(options, name, f"own-option:{key}:{section}.{field}-{chosen}.{name}")
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
        names = _offered(registry)
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
