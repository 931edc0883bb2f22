"""The diagnosis of a run at the page's snapshot: its verdict in words, and the charts behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from dashboard.components import hold, is_number, plain, register, take
from dashboard.look.colours import CURVES, HEAT, ThemeName

_COMPONENT = register(
    "diagnosis",
    height=160,
    folder=Path(__file__).parent,
    charts=True,
    styles=("diagnosis/diagnosis.css",),
)

Part = Literal["verdict", "rates", "course", "variance", "information", "usage", "curves", "table"]
Quantity = Literal["rate", "sigma", "variance"]
QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)


@dataclass(frozen=True)
class Chosen:
    """What the person chose in the charts: the threshold of activity, and the quantity along training."""

    threshold: float | None = None
    quantity: Quantity | None = None


@dataclass(frozen=True)
class Probe:
    """The images that I(x; z) along training is estimated over.

    Attributes:
        num: How many, N.
        cap: log N, nats: the estimate cannot exceed it.
        near: The estimate above which it is so close to the cap that I(x; z) may be larger, nats.
    """

    num: int
    cap: float
    near: float


@dataclass(frozen=True)
class Palette:
    """Colours of heat maps and of curves, by theme."""

    heat: Mapping[ThemeName, Sequence[str]]
    curves: Mapping[ThemeName, Mapping[str, str]]


@dataclass(frozen=True)
class State:
    """What the browser is told; `state.d.ts` is made of it."""

    run: str
    at: str
    stamp: str
    live: bool
    threshold: float
    bounds: tuple[float, float]
    probe: Probe
    quantity: Quantity
    parts: Sequence[Part]
    beside: str
    palette: Palette


def diagnosis(
    run_id: str,
    *,
    at: str,
    stamp: str,
    live: bool,
    threshold: float,
    bounds: tuple[float, float],
    probe: Probe,
    quantity: Quantity = "rate",
    parts: Sequence[Part],
    beside: str = "",
    key: str,
) -> Chosen:
    """Draw parts of a run's diagnosis; the numbers come from the server when they are ready, at every newer weights.

    Args:
        run_id: The run.
        at: The weights at the right end of the page's time: `best` or `last`.
        stamp: Names the content of these weights; empty if there are none yet.
        live: Whether curves along training are followed and the newest weights taken up.
        threshold: Variance of the posterior mean above which a dimension is active.
        bounds: The smallest and the largest threshold.
        probe: The images of the numbers along training.
        quantity: What the heat map shows.
        parts: What to draw, in this order.
        beside: Another run whose diagnosis stands beside this one; both are then drawn to one scale.
        key: Streamlit's key of this component.

    Returns:
        What was chosen, if that is why the page runs.
    """
    result = _COMPONENT(
        key=key,
        data=plain(
            State(
                run=run_id,
                at=at,
                stamp=stamp,
                live=live,
                threshold=threshold,
                bounds=bounds,
                probe=probe,
                quantity=quantity,
                parts=parts,
                beside=beside,
                palette=Palette(HEAT, CURVES),
            )
        ),
        on_threshold_change=hold(key, "threshold"),
        on_quantity_change=hold(key, "quantity"),
    )
    threshold, quantity = take(result, key, "threshold"), take(result, key, "quantity")
    return Chosen(_threshold(threshold, bounds), _quantity(quantity))


def _threshold(said: Any, bounds: tuple[float, float]) -> float | None:
    """What the browser said, checked: it is input like any other."""
    return float(said) if is_number(said) and bounds[0] <= said <= bounds[1] else None


def _quantity(said: Any) -> Quantity | None:
    return next((name for name in QUANTITIES if name == said), None)
