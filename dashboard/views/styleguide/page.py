"""The style page (`/styleguide`, not in the menu): each part in each state, for contributors and the visual tests.

What a page is made of stands here once; a new part, or another state of one, comes here first.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard.look.colours import CURVES, DIGITS, HEAT, SCALE, ThemeName
from dashboard.shell import page_head, stage
from dashboard.views.styleguide.parts import parts

#: Kinds of buttons, as Streamlit calls them.
_BUTTONS = ("primary", "secondary", "tertiary")


def page() -> None:
    """Draw the page."""
    modes = page_head.head("Style", "How does each part look, in each of its states?", page="styleguide")
    with modes:
        st.segmented_control(
            "Mode",
            ["Chosen", "Other", "Third"],
            default="Chosen",
            label_visibility="collapsed",
            key="style-modes",
        )
    left, right = stage.columns(1, 1)
    with left:
        _card("controls", "Controls", _controls)
        _card("buttons", "Buttons", _buttons)
    with right, stage.card("parts", bare=True):
        parts()
    left, middle, right = stage.columns(1, 1, 1, name="below")
    with left:
        _card("words", "Words", _words)
    with middle:
        _card("waiting", "Waiting", _waiting)
    with right:
        _card("colours", "Colours", _colours)
    body, actions = stage.card_with_actions(
        "actions", "A card with its own controls, and a title that may be longer than it"
    )
    actions.segmented_control(
        "Axis", ["Epochs", "Steps"], default="Epochs", label_visibility="collapsed", key="style-axis"
    )
    body.caption(
        "A caption: one or two lines, small and muted. What needs more stands behind the help icon.",
        help="More.",
    )


def _card(name: str, title: str, draw: Callable[[], None]) -> None:
    with stage.card(name, title):
        draw()


def _controls() -> None:
    st.segmented_control("Segmented control", ["One", "Two", "Three"], default="One", key="style-segments")
    st.selectbox(
        "Select", ["First", "A choice with a longer name"], key="style-select", help="What is chosen."
    )
    st.slider("Slider", 0.0, 4.0, 1.0, key="style-slider")
    st.toggle("Switch", True, key="style-switch")
    st.number_input("Number", 1, 100, 20, key="style-number")
    st.text_input("Text", placeholder="optional", key="style-text")
    st.slider("Disabled", 0, 4, 1, disabled=True, key="style-slider-off")


def _buttons() -> None:
    for disabled in (False, True):
        with st.container(horizontal=True, key=f"style-buttons-{disabled}"):
            for kind in _BUTTONS:
                st.button(
                    kind.capitalize(),
                    type=kind,  # type: ignore[arg-type]
                    icon=":material/play_arrow:",
                    disabled=disabled,
                    key=f"style-{kind}-{disabled}",
                )


def _words() -> None:
    st.markdown("Text, **strong**, `code`, and [a link](#style).")
    st.caption("A caption.")
    st.info("Something to know.")
    st.warning("Something to heed.")
    st.error("Something that failed.")
    st.success("Something that is done.")
    with st.expander("Folded", icon=":material/tune:"):
        st.write("What was folded.")


def _waiting() -> None:
    st.progress(0.4, "40 of 100")
    stage.skeleton(120)
    stage.skeleton(32)


def _colours() -> None:
    theme: ThemeName = "dark" if st.context.theme.type == "dark" else "light"
    for name, colours in (
        ("Classes", DIGITS[theme]),
        ("Curves", tuple(CURVES[theme].values())),
        ("A number", SCALE[theme]),
        ("KL", HEAT[theme]),
    ):
        cells = "".join(
            f'<span title="{colour}" style="background: {colour}; flex: 1; height: 32px"></span>'
            for colour in colours
        )
        st.caption(name)
        st.html(f'<div style="display: flex; overflow: hidden" role="img" aria-label="{name}">{cells}</div>')
