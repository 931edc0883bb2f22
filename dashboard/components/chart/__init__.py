"""A small chart of a few measured points with their errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboard.components import plain, register
from dashboard.look.colours import CURVES, ThemeName

_COMPONENT = register("chart", height=220, charts=True)


@dataclass(frozen=True)
class Series:
    """Points that a line joins.

    Attributes:
        name: What they are.
        x, y, error: Places, values, and standard errors, of which None is unknown; an empty `error` draws none.
        colour: One of the palette's names: `distortion`, `rate`, `elbo`, `beta`.
        dashed: Whether the line is dashed, as for a level to compare with.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    error: Sequence[float | None] = ()
    colour: str = "elbo"
    dashed: bool = False


@dataclass(frozen=True)
class State:
    """What the browser is told; `state.d.ts` is made of it."""

    series: Sequence[Series]
    x: str
    y: str
    log: bool
    height: int
    decimals: int
    name: str
    palette: Mapping[ThemeName, Mapping[str, str]]


def chart(
    series: Sequence[Series],
    *,
    x: str,
    y: str,
    log: bool = False,
    height: int = 220,
    decimals: int = 2,
    name: str = "",
    key: str,
) -> None:
    """Draw series over one axis.

    Args:
        series: At least one.
        x, y: Titles of the axes.
        log: Whether the horizontal axis is logarithmic.
        height: CSS pixels.
        decimals: Of values on hover.
        name: What a saved file is called; the vertical axis's title if it is left out.
        key: Streamlit's key of this component.
    """
    data = plain(
        State(
            series=series,
            x=x,
            y=y,
            log=log,
            height=height,
            decimals=decimals,
            name=name,
            palette=CURVES,
        )
    )
    _COMPONENT(key=key, data=data)
