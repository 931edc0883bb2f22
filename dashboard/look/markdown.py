"""Text of users and files inside Streamlit's Markdown: escaped, so that it is shown as it is and nothing is
fetched."""

from __future__ import annotations

import re

from vae.errors import printable

#: Code in our sentences stays code; what a user wrote between single backticks is shown letter by letter there too.
_CODE = re.compile(r"(?<!`)(`[^`\n]+`)(?!`)")
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")
#: What Streamlit looks for when the backslashes are gone: `:smile:`, `:material/…:`, addresses, and arrows to beautify.
_FOUND_LATER = re.compile(r"(\\[:@](?=\S)|www|\\[-<>~](?=\\[-=>]))")


def plain(text: str) -> str:
    """The text as Markdown that reads as the text itself, on one line; code between backticks stays code."""
    parts = _CODE.split(printable(text))
    return "".join(part if place % 2 else _escaped(part) for place, part in enumerate(parts))


def _escaped(text: str) -> str:
    return _FOUND_LATER.sub("\\1\N{WORD JOINER}", _PUNCTUATION.sub(r"\\\g<0>", text))
