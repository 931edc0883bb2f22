"""A page whose connection broke is drawn again when it is back, by a new server too."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st


@st.fragment(run_every=timedelta(days=1))
def redrawn_when_back() -> None:
    """Stand on a page, so that Streamlit's browser side asks for the whole of it after an outage.

    It does so for pages of which a part runs by a timer (`handleConnectionStateChanged` in its `App.tsx`, version
    1.67). On others, parts that run by themselves would be dead: a new server does not know them. This is such a part,
    with nothing to draw and a timer that hardly ever rings.
    """
