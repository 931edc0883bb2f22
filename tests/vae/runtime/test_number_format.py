"""Sums that add up as they are printed."""

from __future__ import annotations

import math
import random

import pytest

from vae.runtime.number_format import adding_up


def test_what_would_be_printed_wrong_adds_up() -> None:
    # 24.789 + 1.276 = 26.065: plainly 24.79 + 1.28 = 26.06, with 26.0649….
    assert adding_up([24.7888, 1.2761], 26.0649, 2) == ([24.79, 1.28], 26.07)
    assert adding_up([-23.6066, 0.1153], -23.4913, 3) == ([-23.606, 0.115], -23.491)


def test_printed_parts_add_up_and_none_is_off_by_a_whole_unit() -> None:
    numbers = random.Random(0)
    for _ in range(2000):
        decimals = numbers.choice([0, 1, 2, 3])
        parts = [numbers.uniform(-300, 300) for _ in range(numbers.choice([1, 2, 3]))]
        total = sum(parts) + numbers.uniform(-1e-5, 1e-5)
        rounded, whole = adding_up(parts, total, decimals)
        printed = [f"{value:.{decimals}f}".replace(".", "") for value in [*rounded, whole]]
        assert sum(map(int, printed[:-1])) == int(printed[-1])
        for before, after in zip([*parts, total], [*rounded, whole], strict=True):
            assert abs(before - after) < 10.0**-decimals


def test_numbers_that_add_up_when_rounded_by_themselves_are_left_alone() -> None:
    assert adding_up([22.814, 2.148], 24.962, 2) == ([22.81, 2.15], 24.96)


@pytest.mark.parametrize("total", [3.5, math.inf, math.nan])
def test_what_rounding_cannot_mend_is_not_mended(total: float) -> None:
    parts, found = adding_up([1.004, 2.004], total, 2)
    assert parts == [1.0, 2.0]
    assert found == total or math.isnan(found)
