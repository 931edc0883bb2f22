"""Natural sort order: 2 before 10, `digit 2` before `digit 10`, −1 before 0."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DIGITS = re.compile(r"(\d+)")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")

Key = tuple[int, tuple[str | Decimal, ...], str]


def natural_key(name: str) -> Key:
    """By this key names are sorted as people count.

    Each run of digits, of any script, counts as one number; what is between is compared letter by letter, capitals
    first. A name that is a number has its sign and decimals. Numbers that are equal (1, 01) are in the order of their
    characters.

    Args:
        name: Of a class or a file.
    """
    text = name.replace("\N{MINUS SIGN}", "-")
    if _NUMBER.fullmatch(text):
        value = Decimal(text)
        return (0, (value,), name) if value < 0 else (1, ("", value, ""), name)
    parts = (Decimal(part) if place % 2 else part for place, part in enumerate(_DIGITS.split(name)))
    return (1, tuple(parts), name)


def in_natural_order(
    names: Sequence[str], indices: NDArray[np.integer[Any]]
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Names in natural order, and indices into them that name what they named before."""
    order = sorted(range(len(names)), key=lambda place: natural_key(names[place]))
    ranks = np.empty(len(names), np.int64)
    ranks[order] = np.arange(len(names))
    return tuple(names[place] for place in order), ranks[indices]
