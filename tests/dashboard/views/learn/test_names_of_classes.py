"""Names of classes, which somebody else has chosen, in the formulas and charts of chapters."""

from __future__ import annotations

import re

import pytest

from dashboard.views.learn.chapters.conditional import _axis
from dashboard.views.learn.frame import words_in_formula


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("7", r"\text{7}"),
        ("T-shirt/top", r"\text{T-shirt/t…}"),
        ("a_b", r"\text{a\_b}"),
        ("100 %", r"\text{100 \%}"),
        ("}$x", r"\text{\}\$x}"),
        ("\\frac", r"\text{\textbackslash{}frac}"),
        ("a^2 ~ b", r"\text{a\textasciicircum{}2 \textasciitilde{} b}"),
        ("class number 0 with a long name", r"\text{class num…}"),
    ],
)
def test_signs_of_a_name_mean_nothing_to_the_formula(name: str, shown: str) -> None:
    assert words_in_formula(name) == shown


def test_a_name_closes_no_group_and_marks_no_term() -> None:
    inside = words_in_formula("{«}»\n" + "x" * 200).removeprefix(r"\text{").removesuffix("}")
    assert not re.search(r"(?<!\\)[{}]|[«»\n]", inside)
    assert len(inside) <= 14


def test_bars_bear_names_as_long_as_there_is_room() -> None:
    assert _axis([str(k) for k in range(10)])["ticktext"] == [str(k) for k in range(10)]
    assert _axis(["a long name of a class", "b", "c"])["ticktext"] == ["a long name …", "b", "c"]
    assert _axis([f"class {k}" for k in range(100)])["showticklabels"] is False
