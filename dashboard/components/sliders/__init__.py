"""Sliders of the latent dimensions, and the class of a conditional model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dashboard.components import hold, is_point, plain, register, told
from dashboard.link import keys

#: What the sliders span: where the data lie, or three standard deviations of the prior.
Range = Literal["data", "prior"]
RANGES: tuple[Range, ...] = ("data", "prior")
#: A second class of a conditional model and its share, from 0 to 1.
Mix = tuple[int, float]

_COMPONENT = register("sliders", height=160, styles=("sliders/sliders.css",))


@dataclass(frozen=True)
class Dim:
    """One slider.

    Attributes:
        index: Latent dimension, from 0; shown as z₁.
        low, high: Where the data lie; the slider goes further where 0 or the point lies beyond.
        rate: KL of this dimension in nats per example, or None if unknown.
        collapsed: The decoder ignores this dimension; it is greyed and can still be moved.
    """

    index: int
    low: float = -3.0
    high: float = 3.0
    rate: float | None = None
    collapsed: bool = False


@dataclass(frozen=True)
class Position:
    """The latent point, the class of a conditional model with what it is blended with, and what the sliders span."""

    z: list[float]
    y: int | None
    mix: Mix | None = None
    range: Range = "data"


@dataclass(frozen=True)
class State:
    """What the browser is told; `state.d.ts` is made of it."""

    run: str
    dims: Sequence[Dim]
    z: Sequence[float]
    y: int | None
    mix: Mix | None
    classes: Sequence[str]
    y_label: str
    range: Range
    prior_range: float
    prior_points: Sequence[Sequence[float]]
    full: bool
    shape: tuple[int, int, int]
    at: str
    stamp: str
    height: int | None
    bound: float


def sliders(
    run_id: str,
    dims: Sequence[Dim],
    *,
    z: Sequence[float],
    y: int | None = None,
    mix: Mix | None = None,
    classes: Sequence[str] = (),
    class_title: str = "Class",
    range: Range = "data",
    prior_range: float = 3.0,
    prior_points: Sequence[Sequence[float]] = (),
    full: bool = False,
    shape: tuple[int, int, int] = (1, 1, 1),
    at: str = "best",
    stamp: str = "",
    height: int | None = None,
    fill: bool = False,
    key: str,
) -> Position:
    """Draw the sliders; they move the page's point at every pointer event and tell Python on release.

    Args:
        run_id: The run whose point this page moves.
        dims: The sliders from top to bottom.
        z: Where the point is, one number for each latent dimension; news moves the sliders.
        y: Chosen class of a conditional model.
        mix: A second class that it is blended with, and its share.
        classes: Names of the classes of a conditional model; none for another.
        class_title: What the classes are called.
        range: What the sliders span at first.
        prior_range: How far they reach to either side if that is the prior.
        prior_points: Points of the prior, of which one is taken at random; none for the standard normal.
        full: With a strip of decoded steps along each slider, the choice of range, and blends of classes.
        shape: Channels, height and width of the images.
        at: Which weights decode the strips: `best`, `last` or a snapshot's step.
        stamp: Names the content of these weights (`model_cache.stamp`).
        height: CSS pixels of the card at most, then the sliders scroll in it; None lets it be as tall as they are.
        fill: Whether it takes the height that its place has.
        key: Streamlit's key of this component.

    Returns:
        Where the sliders were released if that is why the page runs, else what was given.
    """
    _COMPONENT(
        key=key,
        height="stretch" if fill else "content",
        data=plain(
            State(
                run=run_id,
                dims=dims,
                z=list(z),
                y=y,
                mix=mix,
                classes=classes,
                y_label=class_title,
                range=range,
                prior_range=prior_range,
                prior_points=prior_points,
                full=full,
                shape=shape,
                at=at,
                stamp=stamp,
                height=height,
                bound=keys.MAX_COORDINATE,
            )
        ),
        on_point_change=hold(key, "point", keys.POINT),
    )
    said = told(key, "point")
    if not isinstance(said, dict) or not is_point(said.get("z"), len(z)):
        return Position(list(z), y, mix, range)
    label, span = said.get("y"), said.get("range")
    return Position(
        [float(value) for value in said["z"]],
        int(label) if isinstance(label, int | float) and 0 <= label < len(classes) else y,
        _mix(said.get("mix"), len(classes)),
        span if span in RANGES else range,
    )


def _mix(said: Any, num_classes: int) -> Mix | None:
    """What the browser said, checked: it is input like any other."""
    match said:
        case [int() | float() as second, int() | float() as share]:
            return (int(second), float(share)) if 0 <= second < num_classes and 0 <= share <= 1 else None
    return None
