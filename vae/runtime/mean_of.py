"""A mean over images, with its standard error."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from vae.runtime.number_format import plus_minus


@dataclass(frozen=True)
class MeanOf:
    """A mean over images with its standard error."""

    mean: float
    standard_error: float

    @classmethod
    def of(cls, values: Tensor) -> MeanOf:
        """Of one number for each image; a single image's error is unknown, and not a number stands for it."""
        values = values.cpu().double()
        num = len(values)
        spread = float(values.std(correction=1)) if num > 1 else math.nan
        return cls(float(values.mean()), spread / math.sqrt(num))

    def __str__(self) -> str:
        return f"{self.mean:10.3f} {plus_minus(self.standard_error)}"


def known(error: float) -> float | None:
    """A standard error as JSON has it: null where it is unknown."""
    return None if math.isnan(error) else error
