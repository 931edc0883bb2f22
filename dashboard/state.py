"""Session and URL keys, spelt here alone. The URL says all that makes a view what it is; the session remembers it when
the page changes.

What a script run writes waits for its end (`settle`), so that the browser hears of one address a run: its history gets
one entry for one choice (`components/lib/address.js`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import streamlit as st

from dashboard import drawings, stops, unit_question
from vae.names import is_id

T = TypeVar("T")

_RUN, _POINT, _LABEL, _SNAPSHOT = "run", "z", "y", "at"
_IMAGE, _TARGET = "image", "to"
_MIX, _POSTERIOR = "mix", "posterior"
_STOPS = "stops"
#: The run that is selected in the table of runs.
SELECTED = "_selected"
_WATCH = "_watch"
_NOTICES = "_notices"
_FRESH = "_fresh"
_WAITING = "_url_waiting"
#: What a link says of one run, and of no other.
_OF_A_RUN: tuple[str, ...] = (
    _POINT,
    _LABEL,
    _SNAPSHOT,
    _IMAGE,
    _TARGET,
    _STOPS,
    _MIX,
    _POSTERIOR,
    "view",
    "hidden",
    "colour",
)
_OF_A_RUN += ("drawing", "radius", "sum", "before", "units")
#: In place of a test image's number, where the drawing's posterior is meant.
DRAWN = -2
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

    rule = f"between −{MAX_COORDINATE:g} and {MAX_COORDINATE:g}"
    rule = f"a number {rule}" if latent_dim == 1 else f"{latent_dim} numbers {rule}, separated by commas"
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
#: How near an image must lie to a point of the path to be counted there.
PATH_RADIUS = number("radius", stops.MIN_RADIUS, stops.MAX_RADIUS)


def path_stops(latent_dim: int, num_images: int) -> Key[list[stops.Stop]]:
    """The stops of the path: test images, or points."""
    return Key(
        _STOPS,
        lambda text: stops.parse(text, latent_dim, num_images, MAX_COORDINATE),
        stops.rule(latent_dim, num_images, MAX_COORDINATE),
        stops.write,
    )


def difference(num_classes: int, num_stops: int) -> Key[stops.Difference]:
    """The arithmetic: two groups, whose means are subtracted, and the weight of the difference."""
    return Key(
        "sum",
        lambda text: stops.parse_difference(text, num_classes, num_stops),
        stops.difference_rule(num_classes, num_stops),
        stops.write_difference,
    )


#: The Explore page: what the sliders span, and where its images come from.
RANGE = choice("range", ("data", "prior"))
PANEL = choice("panel", ("test", "draw", "picture"))
#: Whether the map is beside them, and what is drawn on the pad.
SHOW_MAP = choice("map", ("on", "off"))
DRAWING = Key("drawing", drawings.check, drawings.RULE)


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
    """Whose posterior the point is the mean or a draw of: a test image's, by its number from 0, or `DRAWN`."""
    numbered = whole(_POSTERIOR, 0, max(0, num_images - 1))
    return Key(
        _POSTERIOR,
        lambda text: DRAWN if text == "drawing" else numbered.parse(text),
        f"{numbered.rule}, or drawing",
        lambda value: "drawing" if value == DRAWN else str(value),
    )


#: The Map page: which images, which plane, and what lies over it.
PART = choice("part", ("test", "validation", "train", "all"))
PROJECTION = choice("projection", ("pca", "tsne", "umap"))
MAP_LAYERS = ("contours", "density", "ellipses", "manifold", "images")


#: The tiles of the decoded plane: equally large, or equally probable under the prior.
TILES = choice("tiles", ("even", "quantiles"))
#: A zoom of 1 shows all; further values are as far as the map lets one go.
ZOOMS = 0.1, 2000.0


def colour(latent_dim: int, columns: Sequence[str] = ()) -> Key[str]:
    """What a point's colour on the map says: its label, a term of the objective, σ of the posterior, or a column."""
    sigmas = tuple(f"sigma-{dim + 1}" for dim in range(latent_dim))
    own = tuple(f"column:{name}" for name in columns)
    return choice(
        "colour", ("label", "distortion", "rate", "sigma", *own[:3], *sigmas, *own), shown=4 + len(own[:3])
    )


def hidden(num_classes: int) -> Key[list[int]]:
    """Classes of the map's legend that stand back, by their numbers; −1 is the images without one."""

    def parse(text: str) -> list[int]:
        values = [] if text == "none" else [int(part) for part in text.split(",")]
        if not all(-1 <= value < num_classes for value in values):
            raise ValueError
        return sorted(set(values))

    rule = f"numbers of classes from −1 to {num_classes - 1} with commas between, or none"
    return Key("hidden", parse, rule, lambda values: ",".join(map(str, values)) or "none")


def _area(text: str) -> tuple[float, float, float] | None:
    if text == "all":
        return None
    across, up, zoom = map(float, text.split(","))
    if not (abs(across) <= MAX_COORDINATE and abs(up) <= MAX_COORDINATE and ZOOMS[0] <= zoom <= ZOOMS[1]):
        raise ValueError
    return across, up, zoom


#: What of the map's plane is in view: its centre, and how many times larger than where all is seen.
VIEW: Key[tuple[float, float, float] | None] = Key(
    "view",
    _area,
    f"two coordinates between −{MAX_COORDINATE:g} and {MAX_COORDINATE:g} and a zoom from {ZOOMS[0]:g} to "
    f"{ZOOMS[1]:g}, separated by commas, or all",
    lambda area: "all" if area is None else ",".join(f"{value:.5g}" for value in area),
)

#: The Compare page: the runs that stand side by side, which runs are in the plane, what is enlarged, from which test
#: image on, and how far through their training all of them are shown.
MOST_RUNS = 6


def _run_ids(text: str) -> list[str]:
    found = list(dict.fromkeys(text.split(",")))
    if not 1 <= len(found) <= MOST_RUNS or not all(map(is_id, found)):
        raise ValueError
    return found


RUNS = Key("runs", _run_ids, f"1 to {MOST_RUNS} ids of runs, separated by commas", ",".join)
PLANE = choice("plane", ("chosen", "all", "sweep"))
PICK = choice("pick", tuple(f"{kind}-{place}" for kind in ("image", "z") for place in range(20)), shown=2)
SHARE = number("share", 0.0, 1.0)


def first_image(num_images: int) -> Key[int]:
    """The test image that the row begins with, from 0."""
    return whole("first", 0, max(0, num_images - 1))


def _sweep_name(text: str) -> str:
    if not is_id(text):
        raise ValueError
    return text


#: The sweep whose runs the plane shows.
SWEEP = Key("sweep", _sweep_name, "the name of a sweep: letters, digits, dots, dashes and underscores")


#: The Evaluate page: samples of the importance-weighted bound and of how many images, and of annealing how many images
#: and intermediate distributions.
SAMPLES = choice("k", ("50", "500", "5000"))
NUM_IMAGES = choice("images", ("100", "1000", "all"))
ANNEALED = choice("annealed", ("10", "50", "100"))
STEPS = choice("steps", ("100", "500", "2000"))
#: Whether the true posterior is that of a test image or of the drawing.
WHOSE = choice("of", ("test", "draw"))


#: The Collapse page: the part that is open, the variance above which a dimension is active, what the heat map shows,
#: the run that stands before the cured one, and the question about units.
TAB = choice("tab", ("run", "recipes", "units"))
TAB_WIDGET = "collapse-tab"
THRESHOLDS = 1e-6, 10.0
THRESHOLD = number("threshold", *THRESHOLDS)
HEAT = choice("heat", ("rate", "sigma", "variance"))
UNITS = Key("units", unit_question.parse, unit_question.RULE, unit_question.write)


def _run_id(text: str) -> str:
    if not is_id(text):
        raise ValueError
    return text


BEFORE = Key("before", _run_id, "the id of a run")


#: The Train page: the horizontal axis of the curves.
AXIS = choice("axis", ("epoch", "step", "seconds"))


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
    for text in (_address(key.name), st.session_state.get(_slot(key.name))):
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
    _put(key.name, text)


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
    _put(key.name, None)


def keep(key: Key[T], value: T | None) -> None:
    """Put the value into the URL and the session, or take it out if there is none."""
    if value is None:
        forget(key)
    else:
        write(key, value)


def run_id() -> str | None:
    """The run that the URL names, else the one that was chosen before."""
    return _address(_RUN) or st.session_state.get(_slot(_RUN))


def choose_run(wanted: str) -> None:
    """Show another run: its point and label begin anew. Where the address names the run, it says those of that run."""
    named, before = _address(_RUN), st.session_state.get(_slot(_RUN))
    if wanted == before == named:
        return
    if before not in (None, wanted):
        for name in _OF_A_RUN:
            st.session_state.pop(_slot(name), None)
            if named != wanted:
                _put(name, None)
    st.session_state[_slot(_RUN)] = wanted
    _put(_RUN, wanted)


def forget_run(gone: str) -> None:
    """Do not ask for a run again that was deleted here."""
    for slot in (_slot(_RUN), SELECTED):
        if st.session_state.get(slot) == gone:
            del st.session_state[slot]
    if _address(_RUN) == gone:
        _put(_RUN, None)


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
    return _address(_POINT) is not None or _slot(_POINT) in st.session_state


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


def begin_watch(name: str) -> None:
    """A page is about to draw a fragment that looks, from then on, for what changes."""
    st.session_state[f"{_WATCH}:{name}"] = True


def is_watched(name: str) -> bool:
    """Whether the fragment runs by itself, and so may draw the page anew; a page that is being drawn is not broken off.

    What a button said would be lost.
    """
    return not st.session_state.pop(f"{_WATCH}:{name}", False)


def is_finite(values: Sequence[Any]) -> bool:
    """Whether all are numbers that a point may have."""
    return all(isinstance(v, int | float) and math.isfinite(v) and abs(v) <= MAX_COORDINATE for v in values)


def seat(key: Key[T], widget: str, value: Any) -> None:
    """Give a widget its value: at first, and where the address says another than this session did (a link, Back)."""
    said = _address(key.name)
    travelled = said is not None and said != st.session_state.get(_slot(key.name), said)
    if travelled or widget not in st.session_state:
        st.session_state[widget] = value


def settle() -> None:
    """Tell the browser the address that the script run has come to, once."""
    waiting = _waiting()
    st.session_state.pop(_WAITING, None)
    if not waiting:
        return
    query = {**dict(st.query_params), **waiting}
    st.query_params.from_dict({name: text for name, text in query.items() if text is not None})


def _waiting() -> dict[str, str | None]:
    """What the address is to become; what was left by a run that was broken off on another address is void."""
    found = st.session_state.get(_WAITING)
    return found[1] if found and found[0] == dict(st.query_params) else {}


def _address(name: str) -> str | None:
    """A value of the address, as it will be."""
    waiting = _waiting()
    return waiting[name] if name in waiting else st.query_params.get(name)


def _put(name: str, text: str | None) -> None:
    """Let the address have a value, or none, when the script run ends."""
    if _address(name) == text:
        return
    waiting = {**_waiting(), name: text}
    st.session_state[_WAITING] = (dict(st.query_params), waiting)


def _slot(name: str) -> str:
    return f"_url:{name}"
