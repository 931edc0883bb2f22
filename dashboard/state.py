"""Session and URL keys, spelt here alone. The URL says all that makes a view what it is; the session remembers it when
the page changes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import streamlit as st

T = TypeVar("T")

_RUN, _POINT, _LABEL = "run", "z", "y"
_NOTICES = "_notices"
_FRESH = "_fresh"
#: Largest coordinate of a latent point that a link may carry.
MAX_COORDINATE = 1000.0


@dataclass(frozen=True)
class Key(Generic[T]):
    """One value of the URL: how it is read, written and what it must be, in words."""

    name: str
    parse: Callable[[str], T]
    rule: str
    write: Callable[[T], str] = str


def whole(name: str, low: int, high: int) -> Key[int]:
    """A whole number from `low` to `high`."""

    def parse(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError
        return value

    return Key(name, parse, f"a whole number from {low} to {high}")


def number(name: str, low: float, high: float) -> Key[float]:
    """A number from `low` to `high`."""

    def parse(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise ValueError
        return value

    return Key(name, parse, f"a number from {low:g} to {high:g}", lambda value: f"{value:g}")


def choice(name: str, options: Sequence[str]) -> Key[str]:
    """One of some words."""

    def parse(text: str) -> str:
        if text not in options:
            raise ValueError
        return text

    return Key(name, parse, f"one of {', '.join(options)}")


def point(latent_dim: int) -> Key[list[float]]:
    """The latent point that sliders, map and image share: comma-separated coordinates."""

    def parse(text: str) -> list[float]:
        values = [float(part) for part in text.split(",")]
        if len(values) != latent_dim or not all(abs(value) <= MAX_COORDINATE for value in values):
            raise ValueError
        return values

    rule = f"{latent_dim} numbers between −{MAX_COORDINATE:g} and {MAX_COORDINATE:g}, separated by commas"
    return Key(_POINT, parse, rule, lambda values: ",".join(map(_short, values)))


def _short(value: float) -> str:
    """Four decimals, as the page's components tell a point: so they know its echo."""
    return f"{round(value, 4) + 0.0:.4f}".rstrip("0").rstrip(".")


def label(num_classes: int) -> Key[int]:
    """The condition, for a conditional run."""
    return whole(_LABEL, 0, max(0, num_classes - 1))


def read(key: Key[T], default: T) -> T:
    """The value of the URL, else what the session remembers, else the default; a bad one is told in a sentence."""
    for text in (st.query_params.get(key.name), st.session_state.get(_slot(key.name))):
        if text is None:
            continue
        try:
            return key.parse(text)
        except ValueError:
            shown = text if len(text) <= 40 else f"{text[:39]}…"
            notice(f"The link's {key.name} must be {key.rule}, got {shown!r}; the default is shown instead.")
            break
    return default


def write(key: Key[T], value: T) -> None:
    """Put the value into the URL and the session."""
    text = key.write(value)
    st.session_state[_slot(key.name)] = text
    if st.query_params.get(key.name) != text:
        st.query_params[key.name] = text


def run_id() -> str | None:
    """The run that the URL names, else the one that was chosen before."""
    return st.query_params.get(_RUN) or st.session_state.get(_slot(_RUN))


def choose_run(wanted: str) -> None:
    """Show another run: its point and label begin anew."""
    if wanted == st.session_state.get(_slot(_RUN)) == st.query_params.get(_RUN):
        return
    if st.session_state.get(_slot(_RUN)) not in (None, wanted):
        for name in (_POINT, _LABEL):
            st.session_state.pop(_slot(name), None)
            if name in st.query_params:
                del st.query_params[name]
    st.session_state[_slot(_RUN)] = wanted
    st.query_params[_RUN] = wanted


def link() -> dict[str, str]:
    """The query that carries run, point and label to another page."""
    names = (_RUN, _POINT, _LABEL)
    return {name: st.session_state[_slot(name)] for name in names if _slot(name) in st.session_state}


def notice(sentence: str) -> None:
    """Keep a sentence to show at the top of the page."""
    waiting = st.session_state.setdefault(_NOTICES, [])
    if sentence not in waiting:
        waiting.append(sentence)


def take_notices() -> list[str]:
    """The sentences to show now."""
    return list(st.session_state.pop(_NOTICES, []))


def fresh(name: str) -> str:
    """A widget key that `renew` changes: so a form can be emptied after it did its work."""
    return f"{name}:{st.session_state.get(f'{_FRESH}:{name}', 0)}"


def renew(name: str) -> None:
    """Let the widgets of that name begin anew."""
    slot = f"{_FRESH}:{name}"
    st.session_state[slot] = st.session_state.get(slot, 0) + 1


def is_finite(values: Sequence[Any]) -> bool:
    """Whether all are numbers that a point may have."""
    return all(isinstance(v, int | float) and math.isfinite(v) and abs(v) <= MAX_COORDINATE for v in values)


def _slot(name: str) -> str:
    return f"_url:{name}"
