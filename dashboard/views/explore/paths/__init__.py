"""Paths through the latent space, and arithmetic with means of groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboard.components import hold, is_point, plain, register, take
from dashboard.components.sliders import Mix
from dashboard.link import keys
from dashboard.views.explore.path_text import MAX_RADIUS, MAX_STOPS, MIN_RADIUS

_COMPONENT = register("paths", height=280, folder=Path(__file__).parent)
#: Longest text of stops that a browser is believed.
_LONGEST = 100_000


@dataclass(frozen=True)
class Route:
    """The stops, how the path goes between them, and what else is said of it, as the URL has it; not checked further.

    Attributes:
        stops: As `dashboard.views.explore.path_text` writes them.
        kind, pace: How the path goes.
        radius: Within which neighbours are counted; empty for the usual one.
        sum: The arithmetic, as `dashboard.views.explore.path_text` writes it; empty where the path is shown.
    """

    stops: str
    kind: str
    pace: str
    radius: str = ""
    sum: str = ""


@dataclass(frozen=True)
class Said:
    """What the person did: where the point was left, under which class and blend, and the path if it was changed."""

    z: list[float] | None = None
    y: int | None = None
    mix: Mix | None = None
    route: Route | None = None


@dataclass(frozen=True)
class State:
    """What the browser is told; `state.d.ts` is made of it."""

    run: str
    stops: str
    kind: str
    pace: str
    radius: str
    sum: str
    classes: Sequence[str]
    conditional: bool
    num_images: int
    max_stops: int
    radii: tuple[float, float]
    shape: tuple[int, int, int]
    at: str
    stamp: str


def paths(
    run_id: str,
    *,
    latent_dim: int,
    route: Route,
    classes: Sequence[str] = (),
    conditional: bool = False,
    num_images: int,
    shape: tuple[int, int, int],
    at: str = "best",
    stamp: str = "",
    key: str,
) -> Said:
    """Draw stops, the path through them with the number of images along it, and arithmetic with group means.

    Playing and scrubbing move the page's point at every frame; Python hears of the end of it.

    Args:
        run_id: The run whose point this page moves.
        latent_dim: Number of latent dimensions.
        route: The path of the link; news changes what is shown.
        classes: Names of the labels; none if the images have none.
        conditional: Whether the model takes the label: then a frame is decoded between the classes of its two stops, a
            point's being the page's.
        num_images: How many test images there are.
        shape: Channels, height and width of the images.
        at: Which weights: `best`, `last` or a snapshot's step.
        stamp: Names the content of these weights (`model_cache.stamp`).
        key: Streamlit's key of this component.
    """
    result = _COMPONENT(
        key=key,
        data=plain(
            State(
                run=run_id,
                stops=route.stops,
                kind=route.kind,
                pace=route.pace,
                radius=route.radius,
                sum=route.sum,
                classes=classes,
                conditional=conditional,
                num_images=num_images,
                max_stops=MAX_STOPS,
                radii=(MIN_RADIUS, MAX_RADIUS),
                shape=shape,
                at=at,
                stamp=stamp,
            )
        ),
        on_point_change=hold(key, "point", keys.POINT),
        on_route_change=hold(key, "route"),
    )
    point = take(result, key, "point")
    z = _point(point, latent_dim)
    y, mix = (None, None) if z is None else _condition(point, len(classes) if conditional else 0)
    return Said(z, y, mix, _route(take(result, key, "route")))


def _point(said: Any, latent_dim: int) -> list[float] | None:
    """What the browser said, checked: it is input like any other."""
    z = said.get("z") if isinstance(said, dict) else None
    return list(map(float, z)) if isinstance(z, list) and is_point(z, latent_dim) else None


def _condition(said: Any, num_classes: int) -> tuple[int | None, Mix | None]:
    """As `_point`: a class, and what it is blended with."""
    match said.get("y"), said.get("mix"):
        case int() as y, [int() as second, int() | float() as share] if max(y, second) < num_classes:
            return (y, (second, float(share))) if min(y, second) >= 0 and 0 <= share <= 1 else (None, None)
        case int() as y, None if 0 <= y < num_classes:
            return y, None
    return None, None


def _route(said: Any) -> Route | None:
    """As `_point`."""
    texts = (
        [said.get(name) for name in ("stops", "kind", "pace", "radius", "sum")]
        if isinstance(said, dict)
        else []
    )
    known = [text for text in texts if isinstance(text, str) and len(text) <= _LONGEST]
    return Route(*known) if len(known) == 5 else None
