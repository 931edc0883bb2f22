"""The head of a page: one row with its title, the question it answers, its modes, and its buttons.

A page begins with ``modes = head("Explore", "What does each latent dimension control?")``. What it draws into ``modes``
stands in the same row (below it on a phone): a segmented control, a switch. In a presentation the row shares the line
of the menu, and names the run.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.link import session
from dashboard.look.markdown import plain
from dashboard.shell import help, presentation
from dashboard.shell.copy_link import copy_link

if TYPE_CHECKING:
    from dashboard.streamlit_internals import DeltaGenerator


def head(
    title: str, question: str, *, run_name: str | None = None, page: str | None = None
) -> DeltaGenerator:
    """Draw the row.

    Args:
        title: Of the page.
        question: Which question the page answers, in one sentence. One line is shown; the rest is a tooltip.
        run_name: The run that a presentation names.
        page: The page's address, whose help is offered; the title in small letters if left out.

    Returns:
        Where the page's modes go.
    """
    is_presenting = session.presenting()
    with st.container(key="head", horizontal=True, vertical_alignment="center", gap="small"):
        named = is_presenting and run_name is not None
        st.header(f"{title} · {plain(run_name or '')}" if named else title, anchor=False)
        st.html(f'<p class="ll-question" title="{escape(question)}">{escape(question)}</p>')
        modes = st.container(key="head-modes", width="content", horizontal=True, vertical_alignment="center")
        with st.container(key="head-buttons", width="content", horizontal=True, vertical_alignment="center"):
            copy_link()
            if is_presenting:
                presentation.leave()
            else:
                presentation.offer()
                help.offer(page or title.lower(), title)
    return modes
