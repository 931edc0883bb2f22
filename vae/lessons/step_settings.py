"""Tables of settings in a lesson's file: each value is checked, and told with its line where it is wrong."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any, get_args

from vae.diagnostics.findings import Name
from vae.errors import UserError, printable
from vae.lessons.conditions import Condition, parse_condition
from vae.lessons.lesson import LessonError

#: Letters of a title and of a sentence, at most.
MAX_TITLE, MAX_SENTENCE = 80, 300
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
#: Letters of a line of settings, at most: a key of very many parts takes very long to read.
_MAX_LINE = 3_000
_LINE = re.compile(r"\(at line (\d+), column \d+\)")


def condition_of(text: Any, line: int) -> Condition:
    """A condition, from its text."""
    if not isinstance(text, str):
        raise LessonError(
            line, f'a condition must be text such as "kl < 0.5", got {shown(text)}; put it in quotes'
        )
    try:
        return parse_condition(text, get_args(Name))
    except UserError as error:
        raise LessonError(line, str(error)) from None


def names_of(table: Mapping[str, Any], key: str, line: int) -> tuple[str, ...]:
    """One name of a card or control, or several; none where the key is not there."""
    names = table.get(key, [])
    names = [names] if isinstance(names, str) else names
    if (
        not isinstance(names, list)
        or len(names) > 8
        or not all(isinstance(n, str) and _NAME.fullmatch(n) for n in names)
    ):
        raise LessonError(line, f"{key} must be at most 8 names of cards or controls, got {shown(names)}")
    return tuple(names)


def check_keys(table: Mapping[str, Any], known: tuple[str, ...], line: int) -> None:
    """Refuse a key that means nothing."""
    for key in table:
        if key not in known:
            raise LessonError(
                line, f"settings must be {', '.join(known)}, got {shown(key)}; correct its spelling"
            )


def text_of(table: Mapping[str, Any], key: str, most: int, line: int, default: str | None = None) -> str:
    """Text of a bounded length; without a default it must be there."""
    found = table.get(key, default)
    if found is None:
        raise LessonError(line, f'{key} must be given, got none; write {key} = "…"')
    if not isinstance(found, str) or len(found) > most or (default is None and not found.strip()):
        raise LessonError(line, f"{key} must be text of 1 to {most} letters in quotes, got {shown(found)}")
    return printable(found)


def whole_of(table: Mapping[str, Any], key: str, low: int, high: int) -> int:
    """A whole number within its bounds."""
    found = table.get(key)
    if type(found) is not int or not low <= found <= high:
        raise LessonError(1, f"{key} must be a whole number from {low} to {high}, got {shown(found)}")
    return found


def table_of(text: str, first: int) -> dict[str, Any]:
    """Settings as TOML has them, from the lines that begin at a number."""
    for number, one in enumerate(text.split("\n"), start=first):
        if len(one) > _MAX_LINE:
            raise LessonError(
                number,
                f"a line of settings must have at most {_MAX_LINE:,} letters, got {len(one):,}; shorten it",
            )
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        said = str(error)
        match = _LINE.search(said)
        at_end = text.count("\n") if "(at end of document)" in said else 0
        line = first + (int(match[1]) - 1 if match else at_end)
        reason = _LINE.sub("", said).replace("(at end of document)", "").strip() or "too deep"
        raise LessonError(
            line, f'settings must be written as name = "text" or name = 12, and are not: {reason}'
        ) from None


def shown(value: object) -> str:
    """A value as a message has it; never its depths, nor a number of thousands of digits."""
    match value:
        case dict():
            return "a table"
        case list():
            return f"a list of {len(value)}"
        case int() if abs(value) >= 10**30:
            return "a number of more than 30 digits"
        case str():
            value = value[:60]
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
