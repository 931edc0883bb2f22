"""Live curves of a run."""

from __future__ import annotations

from typing import Literal, get_args

from dashboard.components import register, told
from dashboard.figures import CURVES

_COMPONENT = register("curves", height=460, charts=True)


Axis = Literal["epoch", "step", "seconds"]
AXES: tuple[Axis, ...] = get_args(Axis)


def curves(run_id: str, *, x: Axis = "epoch", height: int = 400, key: str) -> Axis:
    """Draw a run's reconstruction, KL and −ELBO as they are written, with β and the marks of its changes.

    The numbers come from the run directory by server-sent events; the page is not run again for them.

    Args:
        run_id: The run.
        x: Horizontal axis; the person can change it.
        height: Height of the charts in CSS pixels.
        key: Streamlit's key of this component.

    Returns:
        The axis that the person chose if that is why the page runs, else what was given.
    """
    said = told(key, "axis")
    # What was chosen goes back as it is, so that the component knows later news of it (Back) from its own echo.
    now: Axis = next((axis for axis in AXES if axis == said), x)
    _COMPONENT(
        key=key,
        data={"run": run_id, "x": now, "height": height, "palette": CURVES},
        on_axis_change=_nothing,
    )
    return now


def _nothing() -> None:
    """Streamlit keeps the name of a trigger only if it has a callback."""
