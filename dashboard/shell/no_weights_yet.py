"""A page whose run has no weights: says why, and shows the page as soon as there are some."""

from __future__ import annotations

import streamlit as st

from dashboard.cache import models
from dashboard.components.signal import rerun_when_changed
from dashboard.jobs.run_news import some_news
from dashboard.look.markdown import plain
from dashboard.shell import run_picker
from vae.errors import UserError
from vae.runs.beta_history import title_of
from vae.runs.run import Run
from vae.runs.watch_notes import why_no_networks


def chosen_with_weights() -> Run | None:
    """The run that the page shows, if it has weights; else the page says why it shows none."""
    run = run_picker.chosen_or_told()
    if run is None:
        return None
    try:
        models.model(run, "best")
    except UserError as error:
        instead(run, error)
        return None
    return run


def instead(run: Run, error: UserError) -> None:
    """Say why a page cannot show a run; before the first weights of one that trains, look out for them.

    Args:
        run: The run.
        error: What kept the page from showing it.
    """
    if models.stamp(run, "best"):
        st.error(plain(str(error)))
        return
    if why := why_no_networks(run):  # and so none will come
        st.info(plain(f"“{title_of(run)}” has no networks to show: {why}."), icon=":material/info:")
        return
    if run.status().state not in run_picker.BUSY:
        st.info(
            f"“{plain(title_of(run))}” has no weights ({run_picker.describe(run.status())}), and it is not training "
            "now. Train it on the Train page.",
            icon=":material/info:",
        )
        return

    @st.fragment
    def look() -> None:
        rerun_when_changed(some_news(run, "state", "best", "notes"), key=f"waiting:{run.id}")
        if models.stamp(run, "best") or run.status().state not in run_picker.BUSY or why_no_networks(run):
            st.rerun()
        st.info(
            f"“{plain(title_of(run))}” has no weights yet ({run_picker.describe(run.status())}). They appear here "
            "after the first checkpoint.",
            icon=":material/hourglass_empty:",
        )

    look()
