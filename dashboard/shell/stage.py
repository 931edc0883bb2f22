"""The first screen of a page: columns of cards, as high as the window; and the cards, each of which has a name.

::

    left, right = stage.columns(5, 7)
    with left, stage.card("image", "Decoded image"):
        ...
    with right, stage.card("sliders", bare=True):  # a component that draws its own cards
        ...

Below 900 px the columns stack; what stands in ``stage.sticky()`` stays in sight. ``?card=image`` shows one card alone.
Heights: a component reads ``var(--stage)``, the height of the first screen (see `dashboard/look/streamlit.css`), or
fills a card with ``fill=True``. A card that takes a while begins as ``stage.skeleton(height)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Literal

import streamlit as st

from dashboard.components import NAMES
from dashboard.link import keys, session
from dashboard.look.controls import CONTROLS, MENU_NAME, words_of_components

if TYPE_CHECKING:
    from dashboard.streamlit_internals import DeltaGenerator

_DRAWN = "_cards"


def columns(*weights: float, name: str = "") -> list[DeltaGenerator]:
    """Columns of the first screen, with these shares of the width; a page that has several stages names them, and those
    that are no first screen `below`."""
    with st.container(key=f"stage-{name}" if name else "stage"):
        return list(st.columns(list(weights), gap="small"))


def sticky() -> DeltaGenerator:
    """Where the picture goes that stays in sight on a phone, at most 45 % of its height."""
    return st.container(key="sticky")


def card(name: str, title: str = "", *, bare: bool = False, fill: bool = False) -> DeltaGenerator:
    """A card, or for a component that draws its own, a place of that name.

    Args:
        name: What the link's `card` calls it: small letters and hyphens, once on a page.
        title: Its heading; without one it has none.
        bare: Whether what stands in it has a border of its own.
        fill: Whether it takes the height that its column has left.
    """
    body = _card(name, bare=bare, fill=fill)
    if title:
        body.html(_heading(title))
    return body


def card_with_actions(name: str, title: str, *, fill: bool = False) -> tuple[DeltaGenerator, DeltaGenerator]:
    """A card, and the place for its own controls at the right of its title."""
    body = _card(name, bare=False, fill=fill)
    with body, st.container(key=f"cardhead-{name}", horizontal=True, vertical_alignment="center"):
        st.html(_heading(title))
        actions = st.container(horizontal=True, vertical_alignment="center", width="content")
    return body, actions


def skeleton(height: int) -> None:
    """A grey block of the height of what is to come."""
    st.html(f'<div class="ll-skeleton" style="height: {height}px" role="status" aria-label="Loading"></div>')


def begin() -> None:
    """No card of this script run has been drawn yet."""
    st.session_state[_DRAWN] = []


def settle() -> None:
    """Say so if the link asks for a card or a control that the page does not have; then the whole page is shown."""
    drawn = st.session_state.get(_DRAWN, [])
    for key in (keys.HIDE, keys.LOCK):
        names: tuple[str, ...] = session.read(key, ())
        _check_controls(key.name, names, drawn)
    wanted = session.read(keys.CARD, "")
    if wanted in drawn:
        return
    if wanted:
        known = f"has {', '.join(drawn)}" if drawn else "has none"
        session.notice(f"This page has no card {wanted!r}; it {known}. The whole page is shown.")
    session.forget(keys.CARD)


def _check_controls(key: str, names: Sequence[str], cards: Sequence[str]) -> None:
    """Tell of what is hidden or fixed and is no control of any page, nor a card of this one."""
    for name in names:
        component, _, own = name.partition(".")
        if own and component in NAMES and own in words_of_components():
            continue
        if not own and (name in CONTROLS or name == MENU_NAME or name in cards):
            continue
        session.notice(
            f"The link's {key} names controls of the page, and there is none called {name!r}. The list is beside "
            "“Copy link”."
        )


def _card(name: str, *, bare: bool, fill: bool) -> DeltaGenerator:
    st.session_state.setdefault(_DRAWN, []).append(name)
    height: Literal["stretch", "content"] = "stretch" if fill else "content"
    outer = st.container(key=f"card-{name}", height=height)
    return outer if bare else outer.container(key=f"framed-{name}", height=height)


def _heading(title: str) -> str:
    return f'<h3 class="ll-card-title" title="{escape(title)}">{escape(title)}</h3>'
