"""Generate: new images from the prior, and what a condition, another prior or a linear classifier make of z."""

from __future__ import annotations

import streamlit as st

from dashboard import chooser, state, studio
from dashboard.plain import plain
from vae.errors import UserError
from vae.runs import Run


def page() -> None:
    """Draw the page."""
    chooser.headline(
        "Generate",
        "Draw z and decode it: images that nobody has ever drawn, and what z and the class each decide.",
    )
    run = chooser.chosen()
    if run is None:
        st.info("There is no run yet. Train one on the Train page.")
        return
    mode = _mode(run)
    try:
        studio.MODES[mode][2](run)
    except UserError as error:
        st.error(plain(str(error)))


def _mode(run: Run) -> str:
    """What is shown: one of the modes that the run can have."""
    modes = studio.offered(run)
    wanted = state.read(state.MODE, "samples")
    if wanted not in modes:
        title, need, _ = studio.MODES[wanted]
        words = {
            "conditional": "a conditional run",
            "unconditional": "a run without condition",
            "labelled": "labels",
        }
        state.notice(f"“{title}” needs {words[need]}; samples are shown instead.")
        wanted = "samples"
    picked = st.segmented_control(
        "Show",
        modes,
        default=wanted,
        format_func=lambda mode: studio.MODES[mode][0],
        required=True,
        key=f"generate-mode:{run.id}",
        label_visibility="collapsed",
    )
    mode = str(picked or wanted)
    state.write(state.MODE, mode)
    return mode
