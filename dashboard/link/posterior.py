"""The posterior of a test image, as a page and its components name it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Posterior:
    """The posterior of a test image: its number from 0, means and standard deviations."""

    row: int
    mean: Sequence[float]
    sigma: Sequence[float]
