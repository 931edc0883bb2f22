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
from typing import Any

from vae.errors import printable
from vae.lessons.conditions import NUMBERS, WORDS
from vae.lessons.lesson import Choice, Lesson, LessonError, Prediction, Step
from vae.lessons.step_settings import (
    MAX_SENTENCE,
    MAX_TITLE,
    check_keys,
    condition_of,
    names_of,
    shown,
    table_of,
    text_of,
    whole_of,
)

#: Bytes of a file, letters of a step's words, and steps, at most.
MAX_BYTES, MAX_WORDS, MAX_STEPS = 200_000, 4_000, 20
PAGES = WORDS["page"]
#: A link is the part of a page's address after the question mark.
_LINK = re.compile(r"(?:[a-z][a-z_]*=[^&#\s<>\"]*)(?:&[a-z][a-z_]*=[^&#\s<>\"]*)*")
#: What Markdown takes for HTML, also over several lines: a tag, its end, a comment, a declaration.
_HTML = re.compile(r"<(?:[A-Za-z][A-Za-z0-9-]*(?:\s[^<>]*)?/?>|/[A-Za-z][^<>]*>|!--|![A-Za-z]|\?)")
_PICTURE = re.compile(r"!\[")


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
        title=text_of(front, "title", MAX_TITLE, 1),
        minutes=whole_of(front, "minutes", 1, 240),
        needs=text_of(front, "needs", MAX_SENTENCE, 1, default=""),
        about=about,
        steps=steps,
        language=language,
    )


def _front_matter(lines: list[str]) -> tuple[dict[str, Any], int]:
    """The table between the two lines of plus signs, and the number of the line after it."""
    if not lines or lines[0].strip() != "+++":
        raise LessonError(
            1,
            f"a lesson must begin with a line +++ and its title and minutes, got {shown(lines[0])}; put them there",
        )
    for number, line in enumerate(lines[1:], start=1):
        if line.strip() == "+++":
            front = table_of("\n".join(lines[1:number]), 2)
            check_keys(front, ("title", "minutes", "needs"), 1)
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
                number, f"a step must begin with ## and its title, got {shown(line)}; add one more #"
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
    if not title or len(title) > MAX_TITLE:
        raise LessonError(
            line, f"a step's title must have 1 to {MAX_TITLE} letters, got {len(title)}; shorten it"
        )
    title = printable(title)
    numbered, table, block = _take_block(list(enumerate(lines, start=line + 1)), line)
    words = _words(numbered)
    if not words:
        raise LessonError(line, "a step must have words, got none; say what to do and what to look at")
    check_keys(table, ("page", "link", "highlight", "done", "hint", "predict"), block)
    page = text_of(table, "page", 20, block, default="")
    if page and page not in PAGES:
        raise LessonError(block, f"page must be one of {', '.join(PAGES)}, got {page!r}")
    link = text_of(table, "link", 2_000, block, default="").removeprefix("?")
    if link and not _LINK.fullmatch(link):
        raise LessonError(
            block, f"link must be keys of a page's link such as beta=0&run=digits-2d, got {shown(link)}"
        )
    return Step(
        title=title,
        words=words,
        page=page,
        link=link,
        highlight=names_of(table, "highlight", block),
        done=condition_of(table["done"], block) if "done" in table else None,
        hint=text_of(table, "hint", MAX_SENTENCE, block, default=""),
        predict=_prediction(table["predict"], block) if "predict" in table else None,
        line=line,
    )


def _take_block(lines: list[tuple[int, str]], line: int) -> tuple[list[tuple[int, str]], dict[str, Any], int]:
    """The lines of a step without its block of settings, that block, and the number of the line where it begins."""
    begins = [place for place, (_, one) in enumerate(lines) if one.strip() == "```step"]
    for number, one in lines:
        if re.match(r"[`~]{3,}\s*step\b", one.strip(), re.IGNORECASE) and one.strip() != "```step":
            raise LessonError(
                number, f"a block of settings must begin with ```step alone, got {shown(one)}; correct it"
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
            f"a block ```step must end with ```, got {shown(lines[end][1])}; put ``` before it",
        )
    table = table_of("\n".join(one for _, one in lines[begin + 1 : end]), first + 1)
    return [*lines[:begin], *lines[end + 1 :]], table, first


def _prediction(found: Any, line: int) -> Prediction:
    if not isinstance(found, dict):
        raise LessonError(line, f"predict must be a table with ask, got {shown(found)}; write [predict]")
    check_keys(found, ("ask", "choices", "value", "unit", "covers", "why"), line)
    ask, covers = text_of(found, "ask", MAX_SENTENCE, line), names_of(found, "covers", line)
    why = text_of(found, "why", 2 * MAX_SENTENCE, line, default="")
    if ("choices" in found) == ("value" in found):
        raise LessonError(
            line, "predict must have choices, or the value that is asked for, and not both; give one"
        )
    if "value" in found:
        value = text_of(found, "value", 40, line)
        if value not in NUMBERS:
            raise LessonError(line, f"value must be one of {', '.join(NUMBERS)}, got {value!r}")
        return Prediction(
            ask, value=value, unit=text_of(found, "unit", 20, line, default=""), covers=covers, why=why
        )
    choices = found["choices"]
    if (
        not isinstance(choices, list)
        or not 2 <= len(choices) <= 6
        or not all(isinstance(c, dict) for c in choices)
    ):
        raise LessonError(line, f"choices must be 2 to 6 tables {{ text, when }}, got {shown(choices)}")
    made = []
    for choice in choices:
        check_keys(choice, ("text", "when"), line)
        made.append(Choice(text_of(choice, "text", 120, line), condition_of(choice.get("when"), line)))
    if len({choice.text for choice in made}) < len(made):
        raise LessonError(line, "choices must have different texts, got one of them twice; change one")
    return Prediction(ask, choices=tuple(made), covers=covers, why=why)


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
            line_of(html), f"words must be Markdown without HTML, got {shown(html[0])}; leave it out"
        )
    if (image := _PICTURE.search(whole)) is not None:
        raise LessonError(
            line_of(image), "words must have no images, got one; show what you mean on the page itself"
        )
    return words
