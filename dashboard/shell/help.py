"""Help: what a page is for, its keys, and the terms that all pages use, in a dialog beside the page.

The text of a page is in ``help.md`` in the page's folder; the terms are in ``terms.md`` beside this module.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import streamlit as st

_TERMS = Path(__file__).with_name("terms.md")
_VIEWS = Path(__file__).parents[1] / "views"


def offer(page: str, title: str) -> None:
    """Draw the button that opens the help of a page, in its head; nothing for a page without help.

    Args:
        page: Name of the page, which its folder has too.
        title: Title of the dialog.
    """
    if (text := help_of(page)) and st.button(
        "Help",
        icon=":material/help:",
        type="tertiary",
        key="help",
        help="Help: what this page is for, its keys, and its terms.",
    ):
        st.dialog(title, width="medium", icon=":material/help:")(_draw)(text)


@cache
def help_of(page: str) -> str:
    """The help text of a page as Markdown; empty where it has none."""
    path = _VIEWS / page / "help.md"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _draw(text: str) -> None:
    st.markdown(text)
    st.markdown(f"**Terms**\n\n{_TERMS.read_text(encoding='utf-8')}")
