"""Where lessons come from: the user's folder, if one is named, then the one that is shipped."""

from __future__ import annotations

from dashboard import settings
from vae.errors import UserError
from vae.lessons.files import lessons_in, read_lesson
from vae.lessons.lesson import Lesson


def lesson(name: str, language: str = "") -> Lesson:
    """A lesson by its name, in the wanted language where there is one.

    Raises:
        UserError: If there is none of that name, or it cannot be shown.
    """
    for folder in settings.lesson_folders():
        for file in ([f"{name}.{language}.md"] if language else []) + [f"{name}.md"]:
            if (folder / file).is_file():
                return read_lesson(folder / file)
    known = ", ".join(found.name for found in all_lessons()[0])
    raise UserError(f"a lesson must be one of {known or 'none'}, got {name!r}; open one on the Learn page")


def all_lessons(language: str = "") -> tuple[list[Lesson], dict[str, str]]:
    """All lessons, the user's first, and what is wrong with the files that cannot be shown."""
    found: dict[str, Lesson] = {}
    broken: dict[str, str] = {}
    for folder in settings.lesson_folders():
        try:
            here, bad = lessons_in(folder, language)
        except UserError as error:
            broken[str(folder)] = str(error)
            continue
        found = {**{one.name: one for one in here}, **found}
        broken.update(bad)
    return sorted(found.values(), key=lambda one: one.name), broken


def place(lesson: Lesson) -> int:
    """Its number in the list of lessons, from 1."""
    return 1 + [one.name for one in all_lessons(lesson.language)[0]].index(lesson.name)


def after(lesson: Lesson) -> Lesson | None:
    """The lesson that follows in the list, in the same language; None after the last."""
    found = all_lessons(lesson.language)[0]
    return found[place(lesson)] if place(lesson) < len(found) else None
