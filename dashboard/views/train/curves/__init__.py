"""Live curves of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from dashboard.components import hold, is_number, plain, register, told
from dashboard.look.colours import CURVES, ThemeName

_COMPONENT = register("curves", height=460, folder=Path(__file__).parent, charts=True)


Axis = Literal["epoch", "step", "seconds"]
AXES: tuple[Axis, ...] = get_args(Axis)


@dataclass(frozen=True)
class Extent:
    """What of the curves is in view.

    Attributes:
        x: Horizontal axis.
        span: From where to where on it; None for all.
    """

    x: Axis = "epoch"
    span: tuple[float, float] | None = None


@dataclass(frozen=True)
class State:
    """What the browser is told; `state.d.ts` is made of it."""

    run: str
    x: Axis
    span: tuple[float, float] | None
    height: int
    begun: str
    palette: Mapping[ThemeName, Mapping[str, str]]


def curves(
    run_id: str,
    *,
    view: Extent | None = None,
    height: int = 400,
    begun: bool = False,
    asks_for_diagnosis: Callable[[], None] | None = None,
    key: str,
) -> Extent:
    """Draw a run's reconstruction, KL and −ELBO as they are written, with β and the marks of its changes.

    The numbers come from the run directory by server-sent events; the page is not run again for them.

    Args:
        run_id: The run.
        view: What is in view; the person can change it.
        height: Height of the charts in CSS pixels, where they do not fill the card.
        begun: Whether the run was started just now: then the page is scrolled to its top.
        asks_for_diagnosis: Called where the person wants to know why the KL fell to zero.
        key: Streamlit's key of this component.

    Returns:
        What the person brought into view if that is why the page runs, else what was given.
    """
    # What was chosen goes back as it is, so that the component knows later news of it (Back) from its own echo.
    now = _extent(told(key, "view")) or view or Extent()
    _COMPONENT(
        key=key,
        data=plain(
            State(
                run=run_id,
                x=now.x,
                span=now.span,
                height=height,
                begun=run_id if begun else "",
                palette=CURVES,
            )
        ),
        on_view_change=hold(key, "view"),
        on_diagnose_change=hold(key, "diagnose"),
    )
    if told(key, "diagnose") == run_id and asks_for_diagnosis is not None:
        asks_for_diagnosis()
    return now


def _extent(said: object) -> Extent | None:
    """What the browser said, checked: it is input like any other."""
    match said:
        case {"x": "epoch" | "step" | "seconds" as x, "span": None}:
            return Extent(x)
        case {"x": "epoch" | "step" | "seconds" as x, "span": [start, end]}:
            if is_number(start) and is_number(end) and start < end:
                return Extent(x, (float(start), float(end)))
    return None
