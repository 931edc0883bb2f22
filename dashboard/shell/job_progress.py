"""A bar that follows a measurement beside the page."""

from __future__ import annotations

import streamlit as st

from dashboard.components.signal import rerun_when_changed
from dashboard.jobs.queue import Job, background
from dashboard.link import session
from dashboard.server import topics


def follow(key: str, *, bytes: bool = False, place: str = "") -> None:
    """A bar that follows a job from now on, what is left of it, and the way to call it off.

    The page is drawn anew when it ends.

    Args:
        key: Of the job.
        bytes: Whether its parts are bytes, which are told as megabytes.
        place: Tells this bar from another one of the same job.
    """
    session.begin_watch(key + place)
    progress(key, bytes, place)


@st.fragment
def progress(key: str, bytes: bool = False, place: str = "") -> None:
    """The same for a page that has said itself that it watches the job."""
    rerun_when_changed(topics.jobs.drawn(), pause=0.7, key=key + place)
    job, by_itself = background.get(key), session.is_watched(key + place)
    if job is None or not job.is_open:
        if by_itself:
            st.rerun()
        return
    with st.container(horizontal=True, vertical_alignment="center", key=f"job-{key}{place}"):
        st.progress(job.share, words(job, bytes=bytes))
        if st.button("Cancel", key=f"cancel-job:{key}{place}"):
            background.cancel(key)
            st.rerun()


def words(job: Job, *, bytes: bool = False) -> str:
    """How far a job is and what is left of it: ``40 of 100, about 12 s left``."""
    if job.state == "waiting":
        return "Waiting for another job…"
    if job.total < 2:
        return "Working…"
    done, total = (
        (f"{job.done / 1e6:.1f}", f"{job.total / 1e6:.1f} MB")
        if bytes
        else (f"{job.done:,}", f"{job.total:,}")
    )
    left = job.seconds_left
    return f"{done} of {total}" + ("" if left is None else f", about {_duration(left)} left")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min"
