"""Which cases of a test run each time, and which only when all are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def few(cases: Iterable[Any], num: int) -> list[Any]:
    """The cases of a parametrised test; all after the first `num` are thorough."""
    return [
        case if number < num else pytest.param(case, marks=pytest.mark.thorough)
        for number, case in enumerate(cases)
    ]


def crossed(firsts: Iterable[Any], seconds: Iterable[Any]) -> list[Any]:
    """All pairs; thorough are those that are neither of the first of all `firsts` nor on the diagonals of the others.

    So each run each time has every one of the `seconds` with the first, and at least once more with another.
    """
    named, found = list(firsts), list(seconds)
    return [
        (one, other)
        if place in (0, 1 + number % (len(named) - 1))
        else pytest.param(one, other, marks=pytest.mark.thorough)
        for place, one in enumerate(named)
        for number, other in enumerate(found)
    ]
