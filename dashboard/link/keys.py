"""Keys of links that several pages share: each value's name, how it is read and written, and its rule."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from dashboard.link import drawing
from dashboard.look import controls

T = TypeVar("T")

RUN, POINT, LABEL, SNAPSHOT = "run", "z", "y", "at"
_IMAGE = "image"
_MIX, _POSTERIOR = "mix", "posterior"
#: What a link says of one run, and of no other.
OF_A_RUN: tuple[str, ...] = (
    POINT,
    LABEL,
    SNAPSHOT,
    _IMAGE,
    "to",
    "stops",
    _MIX,
    _POSTERIOR,
    "projection",
    "view",
    "lasso",
    "within",
    "span",
    "hidden",
    "colour",
    "drawing",
    "radius",
    "sum",
    "before",
    "units",
    "eps",
)
#: What of it a conditional run alone has.
OF_A_CONDITION = (LABEL, _MIX)
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


def is_finite(values: Sequence[Any]) -> bool:
    """Whether all are numbers that a point may have."""
    return all(isinstance(v, int | float) and math.isfinite(v) and abs(v) <= MAX_COORDINATE for v in values)


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


def left_out(name: str, why: str) -> Key[Any]:
    """A value that makes no sense where the page is: none is right."""

    def parse(text: str) -> Any:
        raise ValueError

    return Key(name, parse, f"left out, because {why}")


def point(latent_dim: int) -> Key[list[float]]:
    """The latent point that sliders, map and image share: comma-separated coordinates."""
    return named_point(POINT, latent_dim)


def named_point(name: str, latent_dim: int) -> Key[list[float]]:
    """A latent point of a name of its own."""

    def parse(text: str) -> list[float]:
        values = [float(part) for part in text.split(",")]
        if len(values) != latent_dim or not all(abs(value) <= MAX_COORDINATE for value in values):
            raise ValueError
        return values

    rule = f"between −{MAX_COORDINATE:g} and {MAX_COORDINATE:g}"
    rule = f"a number {rule}" if latent_dim == 1 else f"{latent_dim} numbers {rule}, separated by commas"
    return Key(name, parse, rule, lambda values: ",".join(map(short, values)))


def label(num_classes: int) -> Key[int]:
    """The condition, for a conditional run."""
    return whole(LABEL, 0, max(0, num_classes - 1))


def snapshot(steps: Sequence[int]) -> Key[int]:
    """The snapshot that the page shows, by its step or as `last`; without one, it shows the run's own weights."""

    def parse(text: str) -> int:
        value = max(steps) if text == "last" else int(text)
        if value not in steps:
            raise ValueError
        return value

    rule = f"the step of one of the run's {len(steps)} snapshots"
    if len(steps) == 1:
        rule = f"{steps[0]}, the step of the run's one snapshot"
    return Key(SNAPSHOT, parse, rule) if steps else left_out(SNAPSHOT, "this run has no snapshots")


#: Presentation: what a class does not need is hidden.
PRESENT = Key("present", choice("present", ("1",)).parse, "1, or left out")
_NAMED = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def _card(text: str) -> str:
    if not _NAMED.fullmatch(text):
        raise ValueError
    return text


#: Above the page stands what a newcomer needs.
WELCOME = Key("welcome", choice("welcome", ("1",)).parse, "1, or left out")
#: One card of the page alone, for a lesson or a frame.
CARD = Key("card", _card, "the name of a card: small letters, digits and hyphens")


def _controls(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if not all(re.fullmatch(controls.NAME, name) for name in names):
        raise ValueError
    return names


_NAMES = "names of controls or cards with commas between them, as in seed,map.lasso"
#: What the page does not show, and what it shows but nobody can change.
HIDE: Key[tuple[str, ...]] = Key("hide", _controls, _NAMES, ",".join)
LOCK: Key[tuple[str, ...]] = Key("lock", _controls, _NAMES, ",".join)
#: The lesson in the rail, its step from 1, and the language of its words.
_LESSON = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")


def _fits(pattern: re.Pattern[str]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError
        return text

    return parse


LESSON = Key("lesson", _fits(_LESSON), "the name of a lesson: small letters, digits, hyphens and underscores")
STEP = whole("step", 1, 20)
LANGUAGE = Key("lang", _fits(re.compile(r"[a-z]{2}")), "two small letters, as in de")
SEED = whole("seed", 0, 2**31 - 1)


def image(num_images: int) -> Key[int]:
    """The number of a test image, from 0."""
    return whole(_IMAGE, 0, max(0, num_images - 1))


PANEL = choice("panel", ("test", "draw", "picture"))
DRAWING = Key("drawing", drawing.check, drawing.RULE)


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


def short(value: float) -> str:
    """Four decimals at most, as the page's components tell a point: so they know its echo."""
    return f"{round(value, 4) + 0.0:.4f}".rstrip("0").rstrip(".")
