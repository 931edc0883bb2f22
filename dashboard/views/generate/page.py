"""Generate: new images from the prior, and what a condition, another prior or a linear classifier make of z."""

from __future__ import annotations

import streamlit as st

from dashboard.link import session
from dashboard.shell import no_weights_yet, run_picker, time_machine
from dashboard.shell.time_machine import Weights
from dashboard.views.generate import link, parts
from dashboard.views.generate import modes as studio
from dashboard.views.generate.follow_time import Shown, follow
from vae.errors import UserError
from vae.runs.run import Run


def page() -> None:
    """Draw the page."""
    modes = run_picker.head(
        "Generate",
        "What does the model make up? Sample images by z and class.",
    )
    run = run_picker.chosen_or_told()
    if run is None:
        return
    end = time_machine.of_right_end(run)
    title = "Newest" if end.at == "last" else "Best"
    step = time_machine.draw(run, end=title, decoders=True)
    weights = end if step is None else time_machine.of_snapshot(run, step)
    with modes:
        mode = _mode(run)
    try:
        following = studio.MODES[mode][2](run, weights)
    except UserError as error:
        no_weights_yet.instead(run, error)
        return
    with following.place or parts.weights_line():
        follow(
            run.id,
            following.sheets,
            shown=_shown(weights),
            end=_shown(end),
            num_classes=run.info.num_classes if run.config.model.conditional else 0,
            later=following.later,
            key=f"generate-follow:{run.id}",
        )


def _shown(weights: Weights) -> Shown:
    return Shown(str(weights.at), weights.stamp, weights.words)


def _mode(run: Run) -> str:
    """What is shown: one of the modes that the run can have."""
    modes = studio.offered(run)
    wanted = session.read(link.MODE, "samples")
    if wanted not in modes:
        title, need, _ = studio.MODES[wanted]
        words = {
            "conditional": "a conditional run",
            "unconditional": "an unconditional run",
            "labelled": "labels",
        }
        session.notice(f"“{title}” needs {words[need]}; samples are shown instead.")
        wanted = "samples"
    session.seat(link.MODE, widget := f"generate-mode:{run.id}", wanted)
    picked = st.segmented_control(
        "Show",
        modes,
        format_func=lambda mode: studio.MODES[mode][0],
        required=True,
        key=widget,
        label_visibility="collapsed",
    )
    mode = str(picked or wanted)
    session.write(link.MODE, mode)
    return mode
