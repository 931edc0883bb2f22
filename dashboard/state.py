"""Session and URL keys, spelt here alone. The URL says all that makes a view what it is; the session remembers it when
the page changes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import streamlit as st

from dashboard import stops

T = TypeVar("T")

_RUN, _POINT, _LABEL, _SNAPSHOT = "run", "z", "y", "at"
_IMAGE, _TARGET = "image", "to"
_MIX, _POSTERIOR = "mix", "posterior"
_STOPS = "stops"
#: The run that is selected in the table of runs.
SELECTED = "_selected"
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


def choice(name: str, options: Sequence[str], *, shown: int | None = None) -> Key[str]:
    """One of some words; the rule names the first so many of them."""

    def parse(text: str) -> str:
        if text not in options:
            raise ValueError
        return text

    more = ", …" if shown is not None and shown < len(options) else ""
    return Key(name, parse, f"one of {', '.join(options[:shown])}{more}")


def point(latent_dim: int) -> Key[list[float]]:
    """The latent point that sliders, map and image share: comma-separated coordinates."""

    def parse(text: str) -> list[float]:
        values = [float(part) for part in text.split(",")]
        if len(values) != latent_dim or not all(abs(value) <= MAX_COORDINATE for value in values):
            raise ValueError
        return values

    rule = f"{latent_dim} numbers between −{MAX_COORDINATE:g} and {MAX_COORDINATE:g}, separated by commas"
    return Key(_POINT, parse, rule, lambda values: ",".join(map(stops.short, values)))


def label(num_classes: int) -> Key[int]:
    """The condition, for a conditional run."""
    return whole(_LABEL, 0, max(0, num_classes - 1))


def snapshot(steps: Sequence[int]) -> Key[int]:
    """The snapshot that the page shows; without one, it shows the run's own weights."""

    def parse(text: str) -> int:
        value = int(text)
        if value not in steps:
            raise ValueError
        return value

    return Key(_SNAPSHOT, parse, f"the step of one of the run's {len(steps)} snapshots")


#: Presentation: what a class does not need is hidden.
PRESENT = Key("present", choice("present", ("1",)).parse, "1, or left out")
#: The Generate page: what it shows, how points are drawn, and what is made of them.
MODE = choice("mode", ("samples", "compare", "styles", "transfer", "mix", "leak"))
SEED = whole("seed", 0, 2**31 - 1)
TEMPERATURE = number("temperature", 0.0, 3.0)
NUM = whole("num", 1, 100)
ROWS = whole("rows", 1, 10)
LIMIT = number("limit", 0.1, 4.0)
COMPONENTS = choice("components", ("bic", "1", "2", "5", "10", "20", "40"))
SOURCE = choice("from", ("seed", "image", "point"))


def image(num_images: int) -> Key[int]:
    """The number of a test image, from 0."""
    return whole(_IMAGE, 0, max(0, num_images - 1))


def target(num_classes: int) -> Key[int]:
    """The class that another one is mixed towards."""
    return whole(_TARGET, 0, max(0, num_classes - 1))


#: The path through the stops: how it goes between them, and whether its steps are even over legs or over its length.
PATH_KIND = choice("path", ("straight", "spherical"))
PATH_PACE = choice("pace", ("legs", "length"))


def path_stops(latent_dim: int, num_images: int) -> Key[list[stops.Stop]]:
    """The stops of the path: test images, or points."""
    return Key(
        _STOPS,
        lambda text: stops.parse(text, latent_dim, num_images, MAX_COORDINATE),
        stops.rule(latent_dim, num_images, MAX_COORDINATE),
        stops.write,
    )


#: The Explore page: what the sliders span, and where its images come from.
RANGE = choice("range", ("data", "prior"))
PANEL = choice("panel", ("test", "draw", "picture"))


def mix(num_classes: int) -> Key[tuple[int, float]]:
    """A second class that the condition is blended with, and its share."""

    def parse(text: str) -> tuple[int, float]:
        second, share = text.split(",")
        if not (0 <= int(second) < num_classes and 0 <= float(share) <= 1):
            raise ValueError
        return int(second), float(share)

    rule = f"a class from 0 to {max(0, num_classes - 1)} and its share from 0 to 1, separated by a comma"
    return Key(_MIX, parse, rule, lambda value: f"{value[0]},{value[1]:g}")


def posterior(num_images: int) -> Key[int]:
    """The number of the test image whose posterior the point is the mean or a draw of, from 0."""
    return whole(_POSTERIOR, 0, max(0, num_images - 1))


#: The Map page: which images, which plane, and what lies over it.
PART = choice("part", ("test", "validation", "train", "all"))
PROJECTION = choice("projection", ("pca", "tsne", "umap"))
MAP_LAYERS = ("contours", "density", "ellipses", "manifold", "images")


def colour(latent_dim: int) -> Key[str]:
    """What a point's colour on the map says: its label, a term of the objective, or σ of the posterior."""
    sigmas = tuple(f"sigma-{dim + 1}" for dim in range(latent_dim))
    return choice("colour", ("label", "distortion", "rate", "sigma", *sigmas), shown=4)


def _layers(text: str) -> list[str]:
    values = [] if text == "none" else text.split(",")
    if not set(values) <= set(MAP_LAYERS):
        raise ValueError
    return [name for name in MAP_LAYERS if name in values]


LAYERS = Key(
    "layers", _layers, f"some of {', '.join(MAP_LAYERS)}, or none", lambda values: ",".join(values) or "none"
)


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


def write_text(key: Key[Any], text: str) -> None:
    """Put a value as its text into the URL and the session, if it keeps the rule: what a browser said may not."""
    try:
        value = key.parse(text)
    except ValueError:
        return
    write(key, value)


def forget(key: Key[T]) -> None:
    """Take the value out of the URL and the session."""
    st.session_state.pop(_slot(key.name), None)
    if key.name in st.query_params:
        del st.query_params[key.name]


def keep(key: Key[T], value: T | None) -> None:
    """Put the value into the URL and the session, or take it out if there is none."""
    if value is None:
        forget(key)
    else:
        write(key, value)


def run_id() -> str | None:
    """The run that the URL names, else the one that was chosen before."""
    return st.query_params.get(_RUN) or st.session_state.get(_slot(_RUN))


def choose_run(wanted: str) -> None:
    """Show another run: its point and label begin anew."""
    if wanted == st.session_state.get(_slot(_RUN)) == st.query_params.get(_RUN):
        return
    if st.session_state.get(_slot(_RUN)) not in (None, wanted):
        for name in (_POINT, _LABEL, _SNAPSHOT, _IMAGE, _TARGET, _STOPS, _MIX, _POSTERIOR):
            st.session_state.pop(_slot(name), None)
            if name in st.query_params:
                del st.query_params[name]
    st.session_state[_slot(_RUN)] = wanted
    st.query_params[_RUN] = wanted


def forget_run(gone: str) -> None:
    """Do not ask for a run again that was deleted here."""
    for slot in (_slot(_RUN), SELECTED):
        if st.session_state.get(slot) == gone:
            del st.session_state[slot]
    if st.query_params.get(_RUN) == gone:
        del st.query_params[_RUN]


def link() -> dict[str, str]:
    """The query that carries run, point and label to another page, and whether it is presented."""
    names = (_RUN, _POINT, _LABEL, _SNAPSHOT, PRESENT.name)
    return {name: st.session_state[_slot(name)] for name in names if _slot(name) in st.session_state}


def presenting() -> bool:
    """Whether the page is shown to a class: what it does not need is hidden."""
    return read(PRESENT, "") == "1"


def present(wanted: bool) -> None:
    """Begin or leave presentation, for this page and those that follow."""
    if wanted:
        write(PRESENT, "1")
    else:
        forget(PRESENT)


def has_point() -> bool:
    """Whether the link or the session names a latent point."""
    return _POINT in st.query_params or _slot(_POINT) in st.session_state


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
