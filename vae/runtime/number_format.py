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


def plus_minus(error: float | None, decimals: int = 3) -> str:
    """A standard error as a person reads it: a question mark where it is unknown."""
    return "± ?" if error is None or math.isnan(error) else f"± {error:.{decimals}f}"
