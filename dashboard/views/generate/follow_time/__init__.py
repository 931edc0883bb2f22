"""Sheets of images that Python drew, decoded again in the browser while the time machine moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dashboard.components import plain, register

_COMPONENT = register("follow", height=16, folder=Path(__file__).parent)


@dataclass(frozen=True)
class Sheet:
    """Images on the page that can be decoded anew: each latent point under each condition, point by point.

    Attributes:
        images: CSS selector of the `<img>` elements, one for each image.
        z: Latent points, P of them, D numbers each.
        conditions: The weights of classes by their numbers, Q of them; None for a model without condition.
    """

    images: str
    z: Sequence[Sequence[float]]
    conditions: Sequence[Mapping[int, float]] | None = None


@dataclass(frozen=True)
class Shown:
    """Which weights: their name and stamp as the routes take them, and what they are in a sentence."""

    at: str
    stamp: str
    words: str


@dataclass(frozen=True)
class SheetState:
    """A sheet as the browser is told: the weights of a condition are pairs of class and weight."""

    images: str
    z: Sequence[Sequence[float]]
    conditions: Sequence[Sequence[tuple[int, float]]] | None


@dataclass(frozen=True)
class State:
    """What the browser is told; `state.d.ts` is made of it."""

    run: str
    sheets: Sequence[SheetState]
    shown: Shown
    end: Shown
    classes: int
    later: str


def follow(
    run_id: str,
    sheets: Sequence[Sheet],
    *,
    shown: Shown,
    end: Shown,
    num_classes: int,
    later: str = "",
    key: str,
) -> None:
    """Say which weights the page's sheets are of, and let them follow the page's time until Python draws them again.

    Args:
        run_id: The run.
        sheets: What can follow.
        shown: The weights that Python drew with.
        end: The weights at the right end of the page's time.
        num_classes: Length of a condition, 0 without.
        later: What is computed by Python alone, and so follows when the scrubber is let go.
        key: Streamlit's key of this component.
    """
    _COMPONENT(
        key=key,
        data=plain(
            State(
                run=run_id,
                sheets=[_json(sheet) for sheet in sheets],
                shown=shown,
                end=end,
                classes=num_classes,
                later=later,
            )
        ),
    )


def _json(sheet: Sheet) -> SheetState:
    conditions = sheet.conditions
    pairs = None if conditions is None else [list(one.items()) for one in conditions]
    return SheetState(sheet.images, [[float(value) for value in point] for point in sheet.z], pairs)
