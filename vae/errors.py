"""The root of all errors that a user can cause and mend, and the one place where words are made fit to be shown.

Names, texts and reasons come from files that anybody may have written. A terminal obeys control characters, and a page
or a terminal lets bidirectional overrides turn a sentence round. So all that reaches a user passes `clean` or
`printable`: every `UserError` does when it is made.
"""

from __future__ import annotations

import re

#: Letters of a sentence for a user, at most: what can be read at a glance.
MAX_SENTENCE = 400
#: Where a longer one is cut: its rule and value stand first, its remedy last.
_TAIL = 130
#: Invisible letters that belong to words (Persian, Devanagari) and to composed emoji, and turn nothing round.
_JOINERS = "\u200c\u200d"
#: White space with anything but blanks in it: line ends, tabs, no-break spaces.
_GAP = re.compile(r" *[^\S ]\s*")


class UserError(ValueError):
    """Something the user asked for cannot be; the message gives rule, value and remedy in one sentence.

    The command line prints it and exits with code 2; the dashboard shows it in place of the part that failed.
    """

    def __init__(self, *words: object) -> None:
        super().__init__(clean(" ".join(map(str, words))))


def printable(text: str) -> str:
    """A text on one line in which every character can be seen: no terminal and no page obeys anything in it.

    Line ends, tabs and their like are one blank, and whatever else has no picture (control characters, escapes,
    bidirectional overrides, halves of surrogate pairs) is written out, as ``\\x1b``.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in _JOINERS else char.encode("unicode_escape").decode()
        for char in _GAP.sub(" ", text)
    )


def clean(text: object, most: int = MAX_SENTENCE) -> str:
    """A sentence fit for a terminal and a page: `printable`, and of so many letters at most.

    A longer one loses its middle, so that rule and remedy stay. What is clean already stays as it is.
    """
    try:
        words = str(text)
    except Exception:  # whatever a library's error does when it is asked what it says
        words = type(text).__name__
    # Whatever its length, little of it is looked at.
    if len(words) > 20 * most:
        words = words[: 10 * most] + words[-10 * most :]
    words = printable(words).strip()
    if len(words) <= most:
        return words
    tail = min(_TAIL, most // 3)
    return f"{words[: most - tail - 3].rstrip()} … {words[-tail:].lstrip()}"


def first_line(error: BaseException, most: int = 200) -> str:
    """What a library's error says in its first line, or its name if it says nothing."""
    said = str(error).strip().splitlines()
    return clean(said[0] if said else type(error).__name__, most)


def memory_sentence(error: Exception) -> str | None:
    """What to do when the memory of the machine or of its GPU is used up; None if that is not what happened."""
    # By name and text: torch raises a plain RuntimeError for the CPU, and this module does not import torch.
    said = str(error)
    if (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "allocate memory" in said
    ):
        return (
            "the model and its batches must fit into memory, and do not; use a smaller train.batch_size, or "
            "narrower model.hidden or model.channels"
        )
    return None
