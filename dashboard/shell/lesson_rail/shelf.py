"""Where lessons come from: the user's folder, if one is named, then the one that is shipped."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Place:
    """Where a lesson stands in the list.

    Attributes:
        number: From 1; None if the list leaves it out, as it does those beyond the most of a folder.
        following: The lesson after it; None after the last.
    """

    number: int | None
    following: Lesson | None


def place(name: str, language: str = "") -> Place:
    """Where the lesson of that name stands in the list of a language. All files are read for it."""
    found, _ = all_lessons(language)
    number = next((number for number, one in enumerate(found, start=1) if one.name == name), None)
    return Place(number, None if number is None or number == len(found) else found[number])
