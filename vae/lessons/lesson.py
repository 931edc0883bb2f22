"""A lesson as a text file: Markdown with front matter, one section a step; checked, with the line of what is wrong.

::

    +++
    title = "Turning β"
    minutes = 12
    needs = "Nothing: the digits are built in."
    +++

    One sentence that says what one will understand.

    ## Train with β = 1

    Words in Markdown, with $formulas$.

    ```step
    page = "train"
    link = "beta=1"
    highlight = ["beta", "curves"]
    done = "epoch >= 3"

    [predict]
    ask = "Where will the KL end?"
    choices = [
      { text = "At 0", when = "kl < 0.5" },
      { text = "Between 1 and 10 nats", when = "kl >= 0.5 and kl < 10" },
    ]
    ```
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from vae.diagnostics.findings import Name
from vae.errors import UserError, printable
from vae.lessons.conditions import NUMBERS, WORDS, Condition, parse_condition

#: Bytes of a file, letters of a step's words, and steps, at most.
MAX_BYTES, MAX_WORDS, MAX_STEPS = 200_000, 4_000, 20
PAGES = WORDS["page"]
_TITLE, _SENTENCE = 80, 300
#: A link is the part of a page's address after the question mark.
_LINK = re.compile(r"(?:[a-z][a-z_]*=[^&#\s<>\"]*)(?:&[a-z][a-z_]*=[^&#\s<>\"]*)*")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
#: What Markdown takes for HTML, also over several lines: a tag, its end, a comment, a declaration.
_HTML = re.compile(r"<(?:[A-Za-z][A-Za-z0-9-]*(?:\s[^<>]*)?/?>|/[A-Za-z][^<>]*>|!--|![A-Za-z]|\?)")
_PICTURE = re.compile(r"!\[")
#: Letters of a line of settings, at most: a key of very many parts takes very long to read.
_MAX_LINE = 3_000
_LINE = re.compile(r"\(at line (\d+), column \d+\)")


class LessonError(UserError):
    """A lesson that cannot be shown: the line, the rule, what was there and what to do.

    Attributes:
        line: Of the file, from 1.
        sentence: The message without the line.
    """

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(f"line {line}: {sentence}")
        self.line, self.sentence = line, sentence


@dataclass(frozen=True)
class Choice:
    """One answer to a prediction, and when it turns out to be right."""

    text: str
    when: Condition


@dataclass(frozen=True)
class Prediction:
    """What a student commits to before it is seen.

    Attributes:
        ask: The question.
        choices: Answers to choose from; empty where a number is asked for.
        value: The number of the state that is asked for; empty where there are choices.
        unit: Of that number.
        covers: Names of the cards that would show the answer: they are covered until the student has committed.
        why: Why it came out so, for whoever was right and whoever was not; shown with the outcome.
    """

    ask: str
    choices: tuple[Choice, ...] = ()
    value: str = ""
    unit: str = ""
    covers: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        title: Its heading.
        words: Its text, Markdown.
        page: Where it happens; empty is wherever one is.
        link: Keys of that page's link, as ``beta=0&run=digits-2d``.
        highlight: Names of the cards and controls that it speaks of.
        done: What completes it; None is a press on the button.
        hint: What helps if nothing happens.
        predict: What is predicted first.
        line: Where it begins in the file.
    """

    title: str
    words: str
    page: str = ""
    link: str = ""
    highlight: tuple[str, ...] = ()
    done: Condition | None = None
    hint: str = ""
    predict: Prediction | None = None
    line: int = 1


@dataclass(frozen=True)
class Lesson:
    """A whole lesson.

    Attributes:
        name: Of its file, which links use.
        title: Its heading.
        minutes: That a student takes.
        needs: What must be there, in a sentence.
        about: What one will understand, Markdown.
        steps: In order.
        language: Of its words, as in ``de``; empty for the file without one.
    """

    name: str
    title: str
    minutes: int
    needs: str
    about: str
    steps: tuple[Step, ...]
    language: str = ""

    @property
    def pages(self) -> tuple[str, ...]:
        """The pages that it visits, in order, each once."""
        return tuple(dict.fromkeys(step.page for step in self.steps if step.page))


def parse_lesson(text: str, name: str = "lesson", language: str = "") -> Lesson:
    """Read a lesson.

    Args:
        text: The file's.
        name: Of the lesson.
        language: Of its words.

    Raises:
        LessonError: If something in it is wrong: the line, what must be, what is, and what to do.
    """
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise LessonError(
            1, f"a lesson must have at most {MAX_BYTES:,} bytes, got more; take it apart into two"
        )
    lines = text.replace("\r\n", "\n").split("\n")
    front, first = _front_matter(lines)
    sections = _sections(lines, first)
    about = _words(list(enumerate(sections[0][1], start=sections[0][2])))
    steps = tuple(_step(*section) for section in sections[1:])
    if not 1 <= len(steps) <= MAX_STEPS:
        raise LessonError(
            first,
            f"a lesson must have 1 to {MAX_STEPS} steps, got {len(steps)}; begin each with a line ## Title",
        )
    return Lesson(
        name=name,
        title=_text(front, "title", _TITLE, 1),
        minutes=_whole(front, "minutes", 1, 240),
        needs=_text(front, "needs", _SENTENCE, 1, default=""),
        about=about,
        steps=steps,
        language=language,
    )


def _front_matter(lines: list[str]) -> tuple[dict[str, Any], int]:
    """The table between the two lines of plus signs, and the number of the line after it."""
    if not lines or lines[0].strip() != "+++":
        raise LessonError(
            1,
            f"a lesson must begin with a line +++ and its title and minutes, got {_shown(lines[0])}; put them there",
        )
    for number, line in enumerate(lines[1:], start=1):
        if line.strip() == "+++":
            front = _table("\n".join(lines[1:number]), 2)
            _check_keys(front, ("title", "minutes", "needs"), 1)
            return front, number + 2
    raise LessonError(1, "the title and minutes must end with a second line +++, got none; put it below them")


def _sections(lines: list[str], first: int) -> list[tuple[str, list[str], int]]:
    """Title, lines and number of the first line of each section; the one before the first title has none."""
    found: list[tuple[str, list[str], int]] = [("", [], first)]
    fence = ""
    for number, line in enumerate(lines[first - 1 :], start=first):
        stripped = line.lstrip()
        if stripped.startswith("```"):
            fence = "" if fence else stripped
        if not fence and line.startswith("# "):
            raise LessonError(
                number, f"a step must begin with ## and its title, got {_shown(line)}; add one more #"
            )
        if not fence and line.startswith("## "):
            found.append((line[3:].strip(), [], number))
        else:
            found[-1][1].append(line)
    if fence:
        raise LessonError(
            found[-1][2], "a block that begins with ``` must end with ```, got none; put it below"
        )
    return found


def _step(title: str, lines: list[str], line: int) -> Step:
    if not title or len(title) > _TITLE:
        raise LessonError(
            line, f"a step's title must have 1 to {_TITLE} letters, got {len(title)}; shorten it"
        )
    title = printable(title)
    numbered, table, block = _take_block(list(enumerate(lines, start=line + 1)), line)
    words = _words(numbered)
    if not words:
        raise LessonError(line, "a step must have words, got none; say what to do and what to look at")
    _check_keys(table, ("page", "link", "highlight", "done", "hint", "predict"), block)
    page = _text(table, "page", 20, block, default="")
    if page and page not in PAGES:
        raise LessonError(block, f"page must be one of {', '.join(PAGES)}, got {page!r}")
    link = _text(table, "link", 2_000, block, default="").removeprefix("?")
    if link and not _LINK.fullmatch(link):
        raise LessonError(
            block, f"link must be keys of a page's link such as beta=0&run=digits-2d, got {_shown(link)}"
        )
    return Step(
        title=title,
        words=words,
        page=page,
        link=link,
        highlight=_names(table, "highlight", block),
        done=_condition(table["done"], block) if "done" in table else None,
        hint=_text(table, "hint", _SENTENCE, block, default=""),
        predict=_prediction(table["predict"], block) if "predict" in table else None,
        line=line,
    )


def _take_block(lines: list[tuple[int, str]], line: int) -> tuple[list[tuple[int, str]], dict[str, Any], int]:
    """The lines of a step without its block of settings, that block, and the number of the line where it begins."""
    begins = [place for place, (_, one) in enumerate(lines) if one.strip() == "```step"]
    for number, one in lines:
        if re.match(r"[`~]{3,}\s*step\b", one.strip(), re.IGNORECASE) and one.strip() != "```step":
            raise LessonError(
                number, f"a block of settings must begin with ```step alone, got {_shown(one)}; correct it"
            )
    if not begins:
        return lines, {}, line
    if len(begins) > 1:
        raise LessonError(lines[begins[1]][0], "a step must have one block ```step, got two; join them")
    begin = begins[0]
    first = lines[begin][0]
    ends = [place for place in range(begin + 1, len(lines)) if lines[place][1].lstrip().startswith("```")]
    end = ends[0]  # every block has an end, see `_sections`
    if lines[end][1].strip() != "```":
        raise LessonError(
            lines[end][0],
            f"a block ```step must end with ```, got {_shown(lines[end][1])}; put ``` before it",
        )
    table = _table("\n".join(one for _, one in lines[begin + 1 : end]), first + 1)
    return [*lines[:begin], *lines[end + 1 :]], table, first


def _prediction(found: Any, line: int) -> Prediction:
    if not isinstance(found, dict):
        raise LessonError(line, f"predict must be a table with ask, got {_shown(found)}; write [predict]")
    _check_keys(found, ("ask", "choices", "value", "unit", "covers", "why"), line)
    ask, covers = _text(found, "ask", _SENTENCE, line), _names(found, "covers", line)
    why = _text(found, "why", 2 * _SENTENCE, line, default="")
    if ("choices" in found) == ("value" in found):
        raise LessonError(
            line, "predict must have choices, or the value that is asked for, and not both; give one"
        )
    if "value" in found:
        value = _text(found, "value", 40, line)
        if value not in NUMBERS:
            raise LessonError(line, f"value must be one of {', '.join(NUMBERS)}, got {value!r}")
        return Prediction(
            ask, value=value, unit=_text(found, "unit", 20, line, default=""), covers=covers, why=why
        )
    choices = found["choices"]
    if (
        not isinstance(choices, list)
        or not 2 <= len(choices) <= 6
        or not all(isinstance(c, dict) for c in choices)
    ):
        raise LessonError(line, f"choices must be 2 to 6 tables {{ text, when }}, got {_shown(choices)}")
    made = []
    for choice in choices:
        _check_keys(choice, ("text", "when"), line)
        made.append(Choice(_text(choice, "text", 120, line), _condition(choice.get("when"), line)))
    if len({choice.text for choice in made}) < len(made):
        raise LessonError(line, "choices must have different texts, got one of them twice; change one")
    return Prediction(ask, choices=tuple(made), covers=covers, why=why)


def _condition(text: Any, line: int) -> Condition:
    if not isinstance(text, str):
        raise LessonError(
            line, f'a condition must be text such as "kl < 0.5", got {_shown(text)}; put it in quotes'
        )
    try:
        return parse_condition(text, get_args(Name))
    except UserError as error:
        raise LessonError(line, str(error)) from None


def _names(table: Mapping[str, Any], key: str, line: int) -> tuple[str, ...]:
    names = table.get(key, [])
    names = [names] if isinstance(names, str) else names
    if (
        not isinstance(names, list)
        or len(names) > 8
        or not all(isinstance(n, str) and _NAME.fullmatch(n) for n in names)
    ):
        raise LessonError(line, f"{key} must be at most 8 names of cards or controls, got {_shown(names)}")
    return tuple(names)


def _words(lines: list[tuple[int, str]]) -> str:
    """Numbered lines as Markdown, checked."""
    words = "\n".join(one for _, one in lines).strip()
    if len(words) > MAX_WORDS:
        raise LessonError(
            lines[0][0], f"words must have at most {MAX_WORDS:,} letters, got {len(words):,}; shorten them"
        )
    whole = "\n".join(one for _, one in lines)

    def line_of(found: re.Match[str]) -> int:
        return lines[whole.count("\n", 0, found.start())][0]

    if (html := _HTML.search(whole)) is not None:
        raise LessonError(
            line_of(html), f"words must be Markdown without HTML, got {_shown(html[0])}; leave it out"
        )
    if (image := _PICTURE.search(whole)) is not None:
        raise LessonError(
            line_of(image), "words must have no images, got one; show what you mean on the page itself"
        )
    return words


def _check_keys(table: Mapping[str, Any], known: tuple[str, ...], line: int) -> None:
    for key in table:
        if key not in known:
            raise LessonError(
                line, f"settings must be {', '.join(known)}, got {_shown(key)}; correct its spelling"
            )


def _text(table: Mapping[str, Any], key: str, most: int, line: int, default: str | None = None) -> str:
    found = table.get(key, default)
    if found is None:
        raise LessonError(line, f'{key} must be given, got none; write {key} = "…"')
    if not isinstance(found, str) or len(found) > most or (default is None and not found.strip()):
        raise LessonError(line, f"{key} must be text of 1 to {most} letters in quotes, got {_shown(found)}")
    return printable(found)


def _whole(table: Mapping[str, Any], key: str, low: int, high: int) -> int:
    found = table.get(key)
    if type(found) is not int or not low <= found <= high:
        raise LessonError(1, f"{key} must be a whole number from {low} to {high}, got {_shown(found)}")
    return found


def _table(text: str, first: int) -> dict[str, Any]:
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


def _shown(value: object) -> str:
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
