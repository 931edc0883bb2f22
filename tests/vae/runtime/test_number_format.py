"""Sums that add up as they are printed, and numbers that a person can read."""

from __future__ import annotations

import math
import random

import pytest

from vae.runtime.number_format import adding_up, counted, equals, readable, significant


def test_what_would_be_printed_wrong_adds_up() -> None:
    # 24.789 + 1.276 = 26.065: plainly 24.79 + 1.28 = 26.06, with 26.0649….
    assert adding_up([24.7888, 1.2761], 26.0649, 2) == ([24.79, 1.28], 26.07)
    assert adding_up([-23.6066, 0.1153], -23.4913, 3) == ([-23.606, 0.115], -23.491)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (24.684039, ("24.684", 0)),
        (0.0378129, ("0.037813", 0)),
        (-2.62519, ("-2.6252", 0)),
        (0.02, ("0.02", 0)),
        (123456.0, ("123456", 0)),
        (0, ("0", 0)),
        (1234567.8, ("1.2346", 6)),
        (-0.0000123456, ("-1.2346", -5)),
        (math.inf, ("inf", 0)),
    ],
)
def test_five_digits_have_no_zeros_that_say_nothing(value: float, shown: tuple[str, int]) -> None:
    assert significant(value) == shown


def test_five_digits_are_off_by_a_ten_thousandth_at_most() -> None:
    numbers = random.Random(0)
    for _ in range(2000):
        value = numbers.choice([-1, 1]) * 10 ** numbers.uniform(-9, 9)
        text, power = significant(value)
        assert float(text) * 10.0**power == pytest.approx(value, rel=0.51e-4)


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


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1 / 614_400, "1 / 614,400"),
        (2_457_600, "≈ 2.5 million"),
        (2_500_000, "2.5 million"),
        (3_200_000_000, "3.2 billion"),
        (12_345.6, "12,346"),
        (784, "784"),
        (39.2, "39.2"),
        (0.02151, "0.02151"),
        (0.00013, "0.00013"),
        (1.63e-6, "≈ 1 / 610,000"),
        (-3e-8, "≈ −1 / 33,000,000"),
        (-0.5, "−0.5"),
        (6e15, "≈ 6 × 10¹⁵"),
        (1e-15, "≈ 1 × 10⁻¹⁵"),
        (999.96, "1,000"),
        (999_999.9, "≈ 1 million"),
        (0.0, "0"),
        (math.nan, "not a number"),
    ],
)
def test_numbers_are_written_as_a_person_reads_them(value: float, text: str) -> None:
    assert readable(value) == text


def test_no_number_of_any_size_is_written_with_a_power_of_e() -> None:
    numbers = random.Random(1)
    for _ in range(2000):
        value = numbers.choice([1, -1]) * 10 ** numbers.uniform(-20, 20)
        for digits in (2, 3, 4):
            assert "e" not in readable(value, digits)
    assert equals(784) == "= 784"
    assert equals(2_457_600) == "≈ 2.5 million"


def test_one_is_singular() -> None:
    assert [counted(num, "dimension") for num in (0, 1, 2, 1000)] == [
        "0 dimensions",
        "1 dimension",
        "2 dimensions",
        "1,000 dimensions",
    ]
