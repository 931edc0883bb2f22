"""What the Train page says of a loop of the user's own: how it was understood, and what cannot be steered from here."""

from __future__ import annotations

import streamlit as st

from dashboard.look.markdown import plain
from vae.runs.run import Run
from vae.runs.status import Status
from vae.runs.watch_notes import WatchNotes


def set_by_the_loop(run: Run, status: Status, notes: WatchNotes) -> bool:
    """Whether the loop sets β by itself, so that no slider moves it; then β is said in its place."""
    if notes.reads_beta is not False:
        return False
    beta = run.config.objective.beta if status.beta is None else status.beta
    st.caption(
        f"β = {beta:.4g}, set by your own loop. To control it from here, use `watcher.beta` as the weight of the KL "
        "in your loop."
    )
    return True


def cannot_be_stopped(notes: WatchNotes) -> bool:
    """Whether the loop never asks if it shall stop; then that is said in the place of the button."""
    if notes.reads_stop is not False:
        return False
    st.caption("Your loop does not check `watcher.stop_requested`, so it cannot be stopped from here.")
    return True


def guesses(notes: WatchNotes) -> None:
    """What was taken for granted of the user's networks, data and loop, and how to say otherwise."""
    if not notes.guesses:
        return
    with st.expander("How your networks were understood", icon=":material/rule:", key="watched-networks"):
        for sentence in notes.guesses:
            st.markdown(f"- {plain(sentence)}")
