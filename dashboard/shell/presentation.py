"""Presentation (`?present=1`): the same pages, larger, without settings and notes."""

from __future__ import annotations

import streamlit as st

from dashboard.link import session
from dashboard.look.markdown import plain

#: Streamlit writes what is chosen in the accent on a shade of the accent, which is too faint on dark.
_CHOSEN = """[data-testid="stButtonGroup"] button[data-selected][role="radio"] { color: inherit; font-weight: 600; }"""

#: What has nothing to show (`components/signal`) takes no room.
_HIDDEN = """[class*="st-key-signal-"] { display: none; }"""

#: What Streamlit sizes is in rem; `vae/browser/lib/tokens.css` reads the three variables for our components.
_STYLE = f"""<style>
{_CHOSEN}
{_HIDDEN}
html {{ font-size: 20px; }}
:root {{ --ll-scale: 1.25; --ll-zoom: 1.25; --ll-technical: none; }}
[data-testid="stMain"] :is([data-testid="stCaptionContainer"], [data-testid="stTooltipIcon"]),
[data-testid="stSidebar"], [data-testid="stExpandSidebarButton"] {{ display: none; }}
[data-testid="stMainBlockContainer"] {{ padding: 4.5rem 2rem 2rem; }}
[data-testid="stBottomBlockContainer"] {{ padding: 0.5rem 2rem 0.75rem; }}
</style>"""


#: Streamlit leaves wide margins, which a page of many parts needs itself.
_PLAIN = f"""<style>
{_CHOSEN}
{_HIDDEN}
[data-testid="stMainBlockContainer"] {{ padding: 4rem 3rem 2rem; }}
[data-testid="stBottomBlockContainer"] {{ padding: 0.5rem 3rem 0.75rem; }}
[data-testid="stSidebar"] [data-testid="stSelectbox"] input {{ text-overflow: ellipsis; }}
</style>"""


def plain_style() -> None:
    """Give the page the room that Streamlit's margins take."""
    st.html(_PLAIN)


def style() -> None:
    """Make the page larger, and hide notes, help and captions."""
    st.html(_STYLE)


def headline(title: str, run_name: str | None) -> None:
    """The title of a page, the run's name beside it, and the way out."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(title if run_name is None else f"{title} · {plain(run_name)}", anchor=False)
        st.button(
            "Leave presentation",
            icon=":material/close_fullscreen:",
            type="tertiary",
            on_click=session.present,
            args=(False,),
            key="leave-presentation",
        )


def offer() -> None:
    """The way in, for the sidebar."""
    st.sidebar.button(
        "Present",
        icon=":material/slideshow:",
        on_click=session.present,
        args=(True,),
        width="stretch",
        help="Enlarges the page and hides settings and notes, for a projector. The link then says `present=1`.",
        key="present",
    )
