"""Live curves of a run."""

from __future__ import annotations

from typing import Literal

from dashboard.components import register
from dashboard.figures import CURVES

_COMPONENT = register("curves", height=460, charts=True)


def curves(
    run_id: str, *, x: Literal["epoch", "step", "seconds"] = "epoch", height: int = 400, key: str
) -> None:
    """Draw a run's reconstruction, KL and −ELBO as they are written, with β and the marks of its changes.

    The numbers come from the run directory by server-sent events; the page is not run again for them.

    Args:
        run_id: The run.
        x: Horizontal axis at the start; the person can change it.
        height: Height of the charts in CSS pixels.
        key: Streamlit's key of this component.
    """
    _COMPONENT(key=key, data={"run": run_id, "x": x, "height": height, "palette": CURVES})
