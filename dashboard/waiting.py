"""A page whose run cannot be shown: why, and where weights are still to come, the page as soon as they are there."""

from __future__ import annotations

import streamlit as st

from dashboard import chooser, model_cache
from dashboard.plain import plain
from vae.errors import UserError
from vae.runs.listing import Run
from vae.watching.notes import why_no_networks


def instead(run: Run, error: UserError) -> None:
    """Say why a page cannot show a run; before the first weights of one that trains, look out for them.

    Args:
        run: The run.
        error: What kept the page from showing it.
    """
    if model_cache.stamp(run, "best"):
        st.error(plain(str(error)))
        return
    if why := why_no_networks(run):  # and so none will come
        st.info(plain(f"“{run.name}” has no networks to show: {why}."), icon=":material/info:")
        return
    if run.status().state not in chooser.BUSY:
        st.info(
            f"“{plain(run.name)}” has no weights ({chooser.describe(run.status())}), and nothing trains it now.",
            icon=":material/info:",
        )
        return

    @st.fragment(run_every=1.0)
    def look() -> None:
        if model_cache.stamp(run, "best") or run.status().state not in chooser.BUSY or why_no_networks(run):
            st.rerun()
        st.info(
            f"“{plain(run.name)}” has no weights yet ({chooser.describe(run.status())}). They are shown here as soon "
            "as training writes the first.",
            icon=":material/hourglass_empty:",
        )

    look()
