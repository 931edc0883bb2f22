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
