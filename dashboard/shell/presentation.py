"""Presentation (`?present=1`): the same pages, larger, without settings and notes. The style sheet does the rest."""

from __future__ import annotations

import streamlit as st

from dashboard.link import session


def leave() -> None:
    """The way out, in the head of the page."""
    st.button(
        "Leave presentation",
        icon=":material/close_fullscreen:",
        type="tertiary",
        on_click=session.present,
        args=(False,),
        key="leave-presentation",
    )


def offer() -> None:
    """The way in, in the head of the page."""
    st.button(
        "Present",
        icon=":material/slideshow:",
        on_click=session.present,
        args=(True,),
        type="tertiary",
        help="Present: enlarges the page and hides settings and notes. The link then says `present=1`.",
        key="present",
    )
