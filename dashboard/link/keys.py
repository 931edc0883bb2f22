"""What a link may say, spelt here alone: each value's name, how it is read and written, and what it must be."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from dashboard.link import drawing
from dashboard.views.collapse import beta_question_text
from dashboard.views.explore import path_text
from vae.runs.naming import is_id

T = TypeVar("T")

RUN, POINT, LABEL, SNAPSHOT = "run", "z", "y", "at"
_IMAGE, _TARGET = "image", "to"
_MIX, _POSTERIOR = "mix", "posterior"
_STOPS, _PROJECTION = "stops", "projection"
#: What a link says of one run, and of no other.
OF_A_RUN: tuple[str, ...] = (
    POINT,
    LABEL,
    SNAPSHOT,
    _IMAGE,
    _TARGET,
    _STOPS,
    _MIX,
    _POSTERIOR,
    _PROJECTION,
    "view",
    "lasso",
    "span",
    "hidden",
    "colour",
    "drawing",
    "radius",
    "sum",
    "before",
    "units",
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

    def parse(text: str) -> list[float]:
        values = [float(part) for part in text.split(",")]
        if len(values) != latent_dim or not all(abs(value) <= MAX_COORDINATE for value in values):
            raise ValueError
        return values

    rule = f"between −{MAX_COORDINATE:g} and {MAX_COORDINATE:g}"
    rule = f"a number {rule}" if latent_dim == 1 else f"{latent_dim} numbers {rule}, separated by commas"
    return Key(POINT, parse, rule, lambda values: ",".join(map(path_text.short, values)))


def label(num_classes: int) -> Key[int]:
    """The condition, for a conditional run."""
    return whole(LABEL, 0, max(0, num_classes - 1))


def snapshot(steps: Sequence[int]) -> Key[int]:
    """The snapshot that the page shows; without one, it shows the run's own weights."""

    def parse(text: str) -> int:
        value = int(text)
        if value not in steps:
            raise ValueError
        return value

    rule = f"the step of one of the run's {len(steps)} snapshots"
    if len(steps) == 1:
        rule = f"{steps[0]}, the step of the run's one snapshot"
    return Key(SNAPSHOT, parse, rule) if steps else left_out(SNAPSHOT, "this run has no snapshots")


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
PATH_RADIUS = number("radius", path_text.MIN_RADIUS, path_text.MAX_RADIUS)


def path_stops(latent_dim: int, num_images: int) -> Key[list[path_text.Stop]]:
    """The stops of the path: test images, or points."""
    return Key(
        _STOPS,
        lambda text: path_text.parse(text, latent_dim, num_images, MAX_COORDINATE),
        path_text.rule(latent_dim, num_images, MAX_COORDINATE),
        path_text.write,
    )


def difference(num_classes: int, num_stops: int) -> Key[path_text.Difference]:
    """The arithmetic: two groups, whose means are subtracted, and the weight of the difference."""
    return Key(
        "sum",
        lambda text: path_text.parse_difference(text, num_classes, num_stops),
        path_text.difference_rule(num_classes, num_stops),
        path_text.write_difference,
    )


#: The Explore page: what the sliders span, and where its images come from.
RANGE = choice("range", ("data", "prior"))
PANEL = choice("panel", ("test", "draw", "picture"))
#: Whether the map is beside them, and what is drawn on the pad.
SHOW_MAP = choice("map", ("on", "off"))
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


#: The Map page: which images, which plane, and what lies over it.
PART = choice("part", ("test", "validation", "train", "all"))
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


def projection(latent_dim: int) -> Key[str]:
    """The plane that the map shows; up to two dimensions are shown as they are."""
    if latent_dim > 2:
        return choice(_PROJECTION, ("pca", "tsne", "umap"))
    flat = choice(_PROJECTION, ("pca",))
    return Key(flat.name, flat.parse, "pca, or left out, for a run of one or two latent dimensions")


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

#: A lasso has at most so many corners.
MOST_CORNERS = 64


def _corners(text: str) -> tuple[float, ...]:
    if text == "none":
        return ()
    values = tuple(map(float, text.split(",")))
    if len(values) % 2 or not 3 <= len(values) // 2 <= MOST_CORNERS or not is_finite(values):
        raise ValueError
    return values


#: The lasso around the images that are selected on the map: across and up of each corner in the plane.
LASSO: Key[tuple[float, ...]] = Key(
    "lasso",
    _corners,
    f"two coordinates between −{MAX_COORDINATE:g} and {MAX_COORDINATE:g} for each of 3 to {MOST_CORNERS} corners, "
    "separated by commas, or none",
    lambda values: ",".join(f"{value:.6g}" for value in values) or "none",
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


#: The Evaluate page: samples of the importance-weighted bound, of how many images, and what they are drawn from; and of
#: annealing how many images and intermediate distributions.
SAMPLES = choice("k", ("50", "500", "5000"))
NUM_IMAGES = choice("images", ("100", "1000", "all"))
PROPOSAL = choice("proposal", ("posterior", "mixture"))
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
UNITS = Key("units", beta_question_text.parse, beta_question_text.RULE, beta_question_text.write)


def _run_id(text: str) -> str:
    if not is_id(text):
        raise ValueError
    return text


BEFORE = Key("before", _run_id, "the id of a run")


#: The Train page: the horizontal axis of the curves, and what of it is in view.
AXIS = choice("axis", ("epoch", "step", "seconds"))
_FARTHEST = 1e12


def _span(text: str) -> tuple[float, float] | None:
    if text == "all":
        return None
    start, end = map(float, text.split(","))
    if not -_FARTHEST <= start < end <= _FARTHEST:
        raise ValueError
    return start, end


SPAN: Key[tuple[float, float] | None] = Key(
    "span",
    _span,
    "two numbers of the horizontal axis, the smaller one first, separated by a comma, or all",
    lambda span: "all" if span is None else ",".join(f"{value:.7g}" for value in span),
)


def _layers(text: str) -> list[str]:
    values = [] if text == "none" else text.split(",")
    if not set(values) <= set(MAP_LAYERS):
        raise ValueError
    return [name for name in MAP_LAYERS if name in values]


LAYERS = Key(
    "layers", _layers, f"some of {', '.join(MAP_LAYERS)}, or none", lambda values: ",".join(values) or "none"
)
