"""A bar that follows a measurement beside the page."""

from __future__ import annotations

import streamlit as st

from dashboard.components.signal import rerun_when_changed
from dashboard.jobs.queue import background
from dashboard.link import session
from dashboard.server import topics


@st.fragment
def progress(key: str) -> None:
    """A bar that follows a measurement, and the way to call it off; the page is drawn anew when it ends."""
    rerun_when_changed(topics.jobs.drawn(), pause=0.7, key=key)
    job, by_itself = background.get(key), session.is_watched(key)
    if job is None or not job.is_open:
        if by_itself:
            st.rerun()
        return
    left, right = st.columns([6, 1], vertical_alignment="center")
    words = (
        "Waiting for another measurement…"
        if job.state == "waiting"
        else f"{job.done:,} of {job.total:,}"
        if job.total
        else "Getting ready…"
    )
    left.progress(job.share, words)
    if right.button("Cancel", key=f"{key}:cancel", width="stretch"):
        background.cancel(key)
        st.rerun()
