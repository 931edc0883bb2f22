"""Words of users and files stay words: proved in a browser too (browser/test_bad_links.py)."""

from __future__ import annotations

import re

import pytest

from dashboard.look.markdown import plain


def read(markdown: str) -> str:
    """What CommonMark makes of text in which all punctuation is escaped, code spans left as they are."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown).replace("\N{WORD JOINER}", "")


@pytest.mark.parametrize(
    "text",
    [
        "digits, 2-D", "β = 4 · example", "<img src=x onerror=alert(1)>", "**b** _i_ ~~s~~", "[l](javascript:alert(1))",
        "![p](http://a.example/p.png)", "# head", "1. list", "- list", "> quote", "$x^2$",
        ":red[x] :smile: :material/home:",
        "a -- b -> c <- d >= e <= f", "www.example.com a@example.com", "back\\slash \\` tick", "", "ünïcode 数字",
    ],
)  # fmt: skip
def test_text_reads_as_itself(text: str) -> None:
    assert read(plain(text)) == text


@pytest.mark.parametrize(
    "text", ["**b**", "![p](http://a.example/p.png)", "<b>", "$x$", "# h", "a_b_c", "~~s~~", "[l](u)"]
)
def test_no_punctuation_is_left_to_be_markdown(text: str) -> None:
    assert not re.search(r"(?<!\\)[*!<\[\]$#_~(]", plain(text))


def test_what_is_looked_for_after_the_backslashes_is_broken() -> None:
    for text in (
        ":smile:",
        ":red[x]",
        "http://a.example",
        "www.a.example",
        "a@a.example",
        "a->b",
        "a--b",
        "a>=b",
    ):
        assert "\N{WORD JOINER}" in plain(text), text
    assert "\N{WORD JOINER}" not in plain("After: β, a-b, x > y")


def test_code_in_our_sentences_stays_code() -> None:
    assert plain("use `vae data --x_y`.") == "use `vae data --x_y`\\."


@pytest.mark.parametrize("text", ["a ` b", "``a` b", "`a\nb", "a`` b ` ![p](u)"])
def test_backticks_that_are_no_pair_open_no_code(text: str) -> None:
    outside = re.sub(r"(?<!`)(?<!\\)`[^`\n]+`(?!`)", "", plain(text))
    assert not re.search(r"(?<!\\)`", outside)


def test_lines_become_one() -> None:
    assert plain("a\nb\r\nc") == "a b c"
