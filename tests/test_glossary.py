"""The same words everywhere: terms of the glossary are used, and what they replace appears in no text for users.

What counts as a text for users is said in `tests.support.user_text`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import pytest

from tests.support import user_text
from tests.support.user_text import ROOT, Sentence, files, sentences

#: Terms that pages, errors and documents use.
USED = (
    "Reconstruction (distortion)",
    "KL (rate)",
    "test metrics",
    "snapshot",
    "time machine",
    "image",
    "sheet",
    "class",
    "condition",
    "diagnosis",
    "verdict",
    "remedy",
    "not active",
    "dataset not downloaded",
    "Exact log p(x)",
    "one change",
    "not comparable",
)
#: Words that have a better one, and the better one. Patterns, without regard to capitals.
REPLACED = {
    r"distortion \(reconstruction\)": "Reconstruction (distortion)",
    r"rate \(kl\)": "KL (rate)",
    r"\bfigures?\b": "test metrics, number, result",
    r"\bmoments?\b": "snapshot",
    r"\bpictures?\b": "image",
    r"\bspots?\b": "point",
    r"\bcures?\b": "remedy",
    r"\bsilent\b|\bfell silent\b|hardly listens|listens? to (any )?z": "not active, does not use z",
    r"not on this machine": "dataset not downloaded, images not available",
    r"data sets?\b": "dataset",
    r"\btruths?\b": "exact log p(x), exact posterior",
    r"\byardsticks?\b": "protocol",
    r"\bwish(es)?\b": "control",
    r"did not foresee": "something went wrong",
    r"let go\b": "release",
    r"a nat of one is not a nat": "not comparable",
    r"\bgo(es)? on\b|\bgone on\b|\bor Train on\b": "continue",
    r"by heart": "memorised",
    r"with commas between,|with blanks between": "separated by commas",
    r", for (it|they|which) (is|are)\b": "because",
    r"knows? the class|tells? the class": "contains the class",
    r"in the place of": "instead of",
    r"without a word": "(leave it out)",
}
#: Names of options and files, and text on other things, in which such a word is right.
ALLOWED = (
    re.compile(r"^Cure$"),  # a class
    re.compile(r"assets/pictures"),
    re.compile(
        r"^(figure|figures|truth|picture|cure|moment|silent|spot)[-\w:./…]*$"
    ),  # keys, classes, routes
    re.compile(
        r"class=|<[a-z]+[ >]|var\(--|\{ ?\w+:|cure must be one of"
    ),  # HTML and CSS; an option by its name
)


@cache
def texts() -> list[Sentence]:
    found = (replace(one, text=one.text.replace("--truth", "")) for one in sentences())  # an option
    return [one for one in found if not any(each.search(one.text) for each in ALLOWED)]


@pytest.mark.parametrize("term", USED)
def test_terms_of_the_glossary_are_used(term: str) -> None:
    assert any(term.lower() in sentence.text.lower() for sentence in texts()), term


@pytest.mark.parametrize("pattern", REPLACED)
def test_replaced_words_appear_in_no_text(pattern: str) -> None:
    search = re.compile(pattern, re.IGNORECASE).search
    found = [str(sentence) for sentence in texts() if search(sentence.text)]
    assert not found, f"say {REPLACED[pattern]}:\n" + "\n".join(found)


def test_reconstruction_stands_before_kl() -> None:
    swapped = re.compile(r"\b(KL|rate)( \(rate\))?(,| and) (reconstruction|distortion)\b", re.IGNORECASE)
    assert not [str(one) for one in texts() if swapped.search(one.text)]


#: Two lines of a caption at 1366 px.
MOST_LETTERS = 185


def test_captions_have_two_lines_at_most() -> None:
    long = [
        f"{name}:{line}: {len(text)} letters: {text}"
        for path in files("*.py")
        if (name := str(path.relative_to(ROOT))).startswith("dashboard/")
        for text, line in user_text.captions(path.read_text())
        if len(text) > MOST_LETTERS
    ]
    assert not long, "\n".join(long)


def test_notes_of_components_have_two_lines_at_most() -> None:
    # The third argument of `sayWithHelp` is what stands behind the question mark.
    long = []
    for path in files("*.js"):
        source = re.sub(
            r"(?<=sayWithHelp\()(.*?)\n\s+`[^\n]*`,\n\s+\)", r"\1)", path.read_text(), flags=re.DOTALL
        )
        long += [
            f"{path.name}: {text}"
            for text, _ in user_text.javascript_texts(source)
            if len(text) > MOST_LETTERS
        ]
    assert not long, "\n".join(long)


def test_titles_that_help_names_are_on_the_pages() -> None:
    on_pages = " ".join(one.text for one in texts() if not one.file.endswith(".md")).lower()
    missing = [
        f"{path.relative_to(ROOT)}: {title}"
        for path in files("help.md")
        for title in re.findall(r"\*\*([^*]+)\*\*", path.read_text().partition("**Keys**")[0])
        if title.lower() not in on_pages
    ]
    assert not missing, missing


def test_every_page_has_help() -> None:
    from dashboard.shell.navigation import _PAGES

    assert {path.parent.name for path in files("help.md")} == set(_PAGES)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('st.caption(f"{n} images of a moment")', ["… images of a moment"]),
        ('"""A moment in a docstring."""\nassert x, "a moment in an assertion"', []),
        ('raise UserError("one moment", "name")', ["one moment"]),
    ],
)
def test_python_texts_are_found(source: str, expected: list[str]) -> None:
    found = [text for text, _ in user_text.python_texts(source)]
    assert found == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('element("p", { class: "ll-note two words" }, "Two words")', ["Two words"]),
        (
            'say(node, `${count(n)} images at ${at ? `one moment` : "never again"}`)',
            ["… images at …", "one moment"],
        ),
        ('// "two words" in a comment\nconst a = /"two words"/', []),
    ],
)
def test_javascript_texts_are_found(source: str, expected: list[str]) -> None:
    found = [text for text, _ in user_text.javascript_texts(source)]
    assert set(expected) <= set(found) and "ll-note two words" not in found
    assert bool(expected) == bool(found)
