"""The second group of Learn: the lessons, with what each takes and a button that begins it."""

from __future__ import annotations

import streamlit as st

from dashboard.link import keys, session
from dashboard.look.markdown import plain
from dashboard.shell import lesson_rail, run_picker, stage
from dashboard.shell.lesson_rail import shelf
from dashboard.views.learn import link
from dashboard.views.learn.lesson_marks import lesson_marks
from vae.lessons.lesson import Lesson

_WIDGET = "learn-group"
_GROUPS = {"theory": "Theory", "lessons": "Lessons"}


def is_wanted() -> bool:
    """Whether the link, or else the switch, asks for the lessons."""
    session.seat(link.GROUP, _WIDGET, session.read(link.GROUP, "theory"))
    group = str(st.session_state[_WIDGET] or "theory")
    session.write(link.GROUP, group)
    return group == "lessons"


def switch() -> None:
    """Draw the switch between theory and lessons."""
    st.segmented_control(
        "Part of the page",
        list(_GROUPS),
        format_func=_GROUPS.__getitem__,
        required=True,
        key=_WIDGET,
        label_visibility="collapsed",
    )


def draw() -> None:
    """Draw the list, and what is wrong with files that cannot be shown."""
    modes = run_picker.head("Learn", "Which lesson comes next? Each leads through the app.", page="learn")
    with modes:
        switch()
    language = session.read(keys.LANGUAGE, "")
    found, broken = shelf.all_lessons(language)
    cards = [f"lesson-{lesson.name.replace('_', '-')}"[:40] for lesson in found]
    # One grid, in which the lessons stand in their order, however many columns there are.
    with st.container(key="lesson-list"):
        for place, (lesson, card) in enumerate(zip(found, cards, strict=True), start=1):
            with stage.card(card, f"{place} · {lesson.title}"):
                _one(lesson)
    lesson_marks(found, cards, language)
    if not found:
        st.info("There is no lesson in the folder of lessons.", icon=":material/info:")
    if broken:
        lines = "\n".join(f"- {plain(name)}: {plain(sentence)}" for name, sentence in broken.items())
        st.warning(f"These lessons cannot be shown:\n\n{lines}", icon=":material/block:")


def _one(lesson: Lesson) -> None:
    st.markdown(lesson.about)
    with st.container(horizontal=True, vertical_alignment="center"):
        needs = f"{lesson.needs[:1].lower()}{lesson.needs[1:]}"
        st.caption(plain(f"{lesson.minutes} min · {len(lesson.steps)} steps · needs: {needs}"))
        if st.button(
            "Start",
            icon=":material/play_arrow:",
            key=f"start-lesson:{lesson.name}",
            help=f"Start “{plain(lesson.title)}”",
        ):
            lesson_rail.begin(lesson, 1, "learn")
