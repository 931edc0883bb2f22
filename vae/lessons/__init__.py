"""Lessons: text files of steps with words, links, predictions and the conditions that complete a step.

May import `errors`, `storage` and the names of verdicts; the dashboard shows lessons, the command line checks them.
Nothing in a lesson is executed: conditions have a grammar of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from vae.lessons.conditions import Condition, parse_condition
    from vae.lessons.files import lessons_in, read_lesson
    from vae.lessons.lesson import Choice, Lesson, LessonError, Prediction, Step
    from vae.lessons.parsing import parse_lesson

__all__ = [
    "Choice",
    "Condition",
    "Lesson",
    "LessonError",
    "Prediction",
    "Step",
    "lessons_in",
    "parse_condition",
    "parse_lesson",
    "read_lesson",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "conditions": ["Condition", "parse_condition"],
        "files": ["lessons_in", "read_lesson"],
        "lesson": ["Choice", "Lesson", "LessonError", "Prediction", "Step"],
        "parsing": ["parse_lesson"],
    },
)
