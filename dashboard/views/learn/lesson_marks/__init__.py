"""How far one is in each lesson of the list: the browser alone knows it, so it writes it beside the titles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dashboard.components import plain, register
from dashboard.streamlit_internals import selector_of_key
from vae.lessons import rail_words
from vae.lessons.lesson import Lesson

_COMPONENT = register("lesson_marks", height=1, folder=Path(__file__).resolve().parent)


@dataclass(frozen=True)
class Marked:
    """A lesson, how many steps it has, and the CSS selector of its card."""

    name: str
    steps: int
    card: str


@dataclass(frozen=True)
class State:
    """What the browser is told; `state.d.ts` is made of it."""

    lessons: Sequence[Marked]
    done: str
    part: str


def lesson_marks(lessons: Sequence[Lesson], cards: Sequence[str], language: str) -> None:
    """Write beside each title whether the lesson is done, or how many of its steps are.

    Args:
        lessons: Those of the list.
        cards: The names of their cards.
        language: Of the words.
    """
    words = rail_words.of(language)
    marked = [
        Marked(lesson.name, len(lesson.steps), selector_of_key(f"card-{card}"))
        for lesson, card in zip(lessons, cards, strict=True)
    ]
    state = State(marked, words["marked_done"], words["marked_part"])
    _COMPONENT(key="lesson-marks", data=plain(state))
