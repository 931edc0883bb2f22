"""The time machine: the scrubber over a run's snapshots, the same at the foot of every page that follows it."""

from __future__ import annotations

import streamlit as st

from dashboard import state
from dashboard.components.time import scrubber
from vae.runs import Run

#: States of a run that will have more snapshots.
_GROWING = ("queued", "starting", "running", "paused")


def draw(run: Run, *, end: str, decoders: bool) -> None:
    """Draw the scrubber at the foot of the page, and keep its step in the URL.

    Args:
        run: The run.
        end: What the page shows at the right end: `Best` or `Newest` weights.
        decoders: Whether images are decoded in the browser on this page.
    """
    steps, now = run.snapshots(), run.status().state
    key = state.snapshot(steps)
    shown = state.read(key, -1)
    step = None if shown < 0 else shown
    if len(steps) < 2 and now not in _GROWING:
        state.forget(key)
        if not state.presenting():
            st.caption("No snapshots were kept of this run, so that its training cannot be shown again.")
        return
    with st.bottom:
        moved = scrubber(
            run.id,
            step=step,
            state=now,
            end=end,
            decoders=decoders,
            key=f"time:{run.id}",
        )
    if moved is not None and moved.step != step:
        step = moved.step if moved.step in steps else None
    state.keep(key, step)
