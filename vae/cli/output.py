"""What the command line says: in letters that a terminal shows and does not obey."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

from vae.config.reading import Reading
from vae.errors import printable


def tell(sentence: str) -> None:
    """Say something that is not the command's answer, on standard error."""
    print(printable(sentence), file=sys.stderr)


def tell_of(reading: Reading) -> None:
    """Say what was made of the user's own data, and what was left out."""
    for sentence in reading.remarks():
        tell(f"data: {sentence}")
    for sentence in reading.warnings():
        tell(f"warning: {sentence}")


def unboxed(text: str) -> str:
    """What a box of the parser says, as one sentence: without its frame, its title and its rules."""
    lines = [line.strip(" │|").strip() for line in text.splitlines()]
    parts: list[list[str]] = [[]]
    for line in lines:
        if line.startswith("─"):
            parts.append([])
        elif line and not line.startswith(("╭", "╰", "+-")):
            parts[-1].append(line)
    said = "; ".join(" ".join(part).rstrip(".") for part in parts if part)
    return said or "these words mean no command; see `vae --help`"


@contextmanager
def showing_all() -> Iterator[None]:
    """All that is printed in this block is `printable`, line by line, and whatever the terminal's letters are it ends.

    Names of runs, classes and columns come from files; JSON passes as it is, for it has escaped them itself.
    """
    with redirect_stdout(_Shown(sys.stdout)):
        yield


class _Shown:
    """Standard output, which nothing can be hidden in."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        shown = "\n".join(map(printable, text.split("\n")))
        letters = getattr(self._stream, "encoding", None) or "utf-8"
        self._stream.write(shown.encode(letters, "backslashreplace").decode(letters))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
