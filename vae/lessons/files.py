"""Lessons in a folder: ``name.md``, and ``name.de.md`` for its German."""

from __future__ import annotations

import re
import stat
from pathlib import Path

from vae.errors import UserError
from vae.lessons.lesson import Lesson, LessonError
from vae.lessons.parsing import MAX_BYTES, parse_lesson

_FILE = re.compile(r"(?P<name>[a-z0-9][a-z0-9_-]{0,59})(?:\.(?P<language>[a-z]{2}))?\.md")
#: Lessons of a folder, at most.
MOST = 200
_PACKAGE = Path(__file__).resolve().parents[1]


def shipped_lessons() -> Path:
    """Folder of the lessons that come with the project: inside the package when installed, else the repository's."""
    packaged = _PACKAGE / "_lessons"
    return packaged if packaged.is_dir() else _PACKAGE.parent / "assets" / "lessons"


def check_name(file: str) -> tuple[str, str]:
    """The name and the language that a file's name says.

    Raises:
        UserError: If no lesson is called so.
    """
    match = _FILE.fullmatch(file)
    if match is None:
        raise UserError(
            f"a lesson's file must be called like turning-beta.md or turning-beta.de.md, got {file!r}; rename it"
        )
    return match["name"], match["language"] or ""


def read_lesson(path: Path) -> Lesson:
    """Read a lesson's file.

    Raises:
        LessonError: If something in it is wrong, with the line.
        UserError: If there is no such file, or its name is not that of a lesson.
    """
    name, language = check_name(path.name)
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise UserError(
                f"a lesson must be a file, got {path}, which is none; give a file that ends in .md"
            )
        if found.st_size > MAX_BYTES:
            raise LessonError(
                1, f"a lesson must have at most {MAX_BYTES:,} bytes, got {found.st_size:,}; shorten it"
            )
        content = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"cannot read the lesson {path}: {error.strerror or error}; give a file that is there"
        ) from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise LessonError(line, "a lesson must be text in UTF-8, got other bytes; save it as UTF-8") from None
    return parse_lesson(text, name, language)


def lessons_in(folder: Path, language: str = "") -> tuple[list[Lesson], dict[str, str]]:
    """The lessons of a folder by name, in the wanted language where there is one, and what is wrong with the others.

    Args:
        folder: Where the files lie; other files are passed over.
        language: Two letters; empty for the files without a language.

    Raises:
        UserError: If there is no such folder.
    """
    if not folder.is_dir():
        raise UserError(
            f"lessons must be in a folder, got {folder}, which is none; give a folder of .md files"
        )
    chosen: dict[str, Path] = {}
    try:
        paths = sorted(folder.iterdir())[: 10 * MOST]
    except OSError as error:
        raise UserError(
            f"cannot read the folder of lessons {folder}: {error.strerror or error}; give one that can be read"
        ) from None
    for path in paths:
        match = _FILE.fullmatch(path.name)
        if match is None:
            continue
        # The file without a language stands in for a translation that is not there.
        if (match["language"] or "") == language or (
            match["language"] is None and match["name"] not in chosen
        ):
            chosen[match["name"]] = path
    found: list[Lesson] = []
    broken: dict[str, str] = {}
    for path in list(chosen.values())[:MOST]:
        try:
            found.append(read_lesson(path))
        except UserError as error:
            broken[path.name] = str(error)
    return found, broken
