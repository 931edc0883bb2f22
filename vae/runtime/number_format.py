"""Numbers as they are printed: sums that add up, and standard errors."""

from __future__ import annotations

import math
from collections.abc import Sequence


def adding_up(parts: Sequence[float], total: float, decimals: int) -> tuple[list[float], float]:
    """The parts of a sum and their total, rounded so that the printed parts add up to the printed total.

    Each is rounded up or down, together as near to the true numbers as that allows: 22.814 + 2.148 = 24.962 is printed
    as 22.81 + 2.15 = 24.96, and 0.4 + 0.4 = 0.8 without decimals as 0 + 1 = 1.

    Args:
        parts: The numbers that are added.
        total: Their sum, or what should be: it may differ by an error of its own.
        decimals: Printed ones.

    Returns:
        The parts and the total. Where the sum is further off than rounding can mend, or a number is not finite, each is
        rounded by itself.
    """
    values = [*parts, total]
    plain = [round(value, decimals) for value in values]
    scale = 10.0**decimals
    if not all(map(math.isfinite, values)) or max(map(abs, values)) * scale > 2**50:
        return plain[:-1], plain[-1]
    signs = [1] * len(parts) + [-1]
    units = [round(value * scale) for value in values]
    excess = sum(sign * unit for sign, unit in zip(signs, units, strict=True))
    # How far each would lie from its value if it were moved by one unit, so that the excess shrinks.
    moves = sorted(
        (abs(units[place] - sign * math.copysign(1, excess) - values[place] * scale), place)
        for place, sign in enumerate(signs)
    )
    moves = [(cost, place) for cost, place in moves if cost < 1]
    if len(moves) < abs(excess):
        return plain[:-1], plain[-1]
    for _, place in moves[: abs(excess)]:
        units[place] -= signs[place] * int(math.copysign(1, excess))
    found = [unit / scale for unit in units]
    return found[:-1], found[-1]


def significant(value: float, digits: int = 5) -> tuple[str, int]:
    """A number with so many digits that it is off by 1e-4 of itself at most: 24.684, 0.037813, 12,346 as 12346.

    Returns:
        The text, and the power of ten that it is to be multiplied with: 0 from a ten-thousandth to a million. A
        number with fewer digits has no zeros behind them.
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g}", 0
    text = f"{value:.{digits - 1}e}"
    mantissa, _, power = text.partition("e")
    if not -4 <= int(power) < 6:
        return mantissa, int(power)
    if float(value).is_integer():
        return f"{value:.0f}", 0
    if float(f"{value:.{digits - 1}g}") == value:  # it has no more digits
        return f"{value:.{digits - 1}g}", 0
    return f"{float(text):.{max(0, digits - 1 - int(power))}f}", 0


def plus_minus(error: float | None, decimals: int = 3) -> str:
    """A standard error as a person reads it: a question mark where it is unknown."""
    return "± ?" if error is None or math.isnan(error) else f"± {error:.{decimals}f}"


_NAMED = ((1e9, "billion"), (1e6, "million"))
#: A number from here on is written with a word, one below is written as a part of one.
_LARGE, _SMALL, _TINY, _HUGE = 1e6, 1e-3, 1e-12, 1e12
#: A small number has decimals from here on; one part of so many, if that is a whole number but for rounding.
_FEW_DECIMALS, _WHOLE = 1e-5, 1e-3
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def readable(value: float, digits: int = 4) -> str:
    """A number as a person reads it: 0.0215, 12,346, ≈ 2.5 million, 1 / 614,400; never 1.628e-06.

    Args:
        value: The number.
        digits: Significant ones of a number from a thousandth to a thousand; larger ones are rounded to whole numbers.

    Returns:
        The text, with a true minus sign. A number that is not finite is “not a number”.
    """
    value = float(value)
    if not math.isfinite(value):
        return "not a number"
    sign, size = "−" if value < 0 else "", abs(value)
    if size == 0:
        return "0"
    if size >= _HUGE or size < _TINY:
        mantissa, _, power = f"{size:.1e}".partition("e")
        return f"≈ {sign}{float(mantissa):g} × 10{str(int(power)).translate(_SUPERSCRIPTS)}"
    if size < _SMALL:
        return _small(size, sign)
    rounded = float(f"{size:.{digits}g}") if size < 1000 and not size.is_integer() else round(size)
    if rounded >= _LARGE:
        unit, word = next((one for one in _NAMED if size >= one[0] * 0.9995), _NAMED[-1])
        share = float(f"{size / unit:.2g}")
        is_exact = math.isclose(share * unit, size, rel_tol=1e-12)
        return f"{'' if is_exact else '≈ '}{sign}{share:,.{0 if share >= 10 else 1}f} {word}".replace(
            ".0 ", " "
        )
    return f"{sign}{rounded:,.0f}" if rounded >= 1000 else f"{sign}{rounded:g}"


def equals(value: float, digits: int = 4) -> str:
    """What stands behind the name of a quantity: ``= 784``, or ``≈ 2.5 million``."""
    text = readable(value, digits)
    return text if text.startswith("≈") else f"= {text}"


def _small(size: float, sign: str) -> str:
    """A number below a thousandth: one part of a whole number if it is that, else decimals, else about one part."""
    parts = 1 / size
    if abs(parts - round(parts)) < _WHOLE:
        return f"{sign}1 / {round(parts):,}"
    if size >= _FEW_DECIMALS:
        return f"{sign}{size:.{1 - math.floor(math.log10(size))}f}"
    return f"≈ {sign}1 / {float(f'{parts:.2g}'):,.0f}"


def counted(num: int, noun: str) -> str:
    """So many of something: 1 dimension, 2 dimensions, 1,000 images."""
    return f"{num:,} {noun}{'' if num == 1 else 's'}"
