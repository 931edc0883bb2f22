"""Tensors must be finite before they are saved or shown.

Imports torch, as `vae.storage.finite` does not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from vae.errors import UserError


def check_finite(what: str, values: Tensor) -> None:
    """Refuse figures that are no numbers: those of a model that has diverged.

    Raises:
        UserError: If one of the values is not finite.
    """
    broken = int((~torch.isfinite(values)).sum())
    if broken:
        raise UserError(
            f"{what} must be finite, got {broken:,} of {values.numel():,} that are not; the training has diverged: "
            "take earlier weights, and train with a smaller learning rate"
        )


class Diverged(Exception):
    """The loss, or a weight, is not a finite number any more."""


def check_divergence(tensors: Mapping[str, Tensor]) -> None:
    """Check that all numbers are finite before they are saved.

    Raises:
        Diverged: If one is not, or they are so large that their sum is not.
    """
    # A sum is finite only if all its numbers are, and is several times faster than a look at each of them.
    if not all(math.isfinite(float(tensor.sum())) for tensor in tensors.values()):
        raise Diverged
