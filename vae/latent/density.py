"""Densities on one scale, so that contours of any shape can be read beside a Gaussian's."""

from __future__ import annotations

import torch
from torch import Tensor

#: Deeper than this is all one.
DEEPEST = 6.0


def sigma_equivalent(density: Tensor) -> Tensor:
    r"""How far below its peak a density lies, as the number of σ at which a Gaussian lies so far below its own.

    .. math:: r = \sqrt{-2 \log (p / p_{\max})}

    The contours at 1, 2 and 3 of a Gaussian are its ellipses of 1, 2 and 3 σ, whatever its number of dimensions.

    Args:
        density: On a grid, not negative, of any shape.

    Returns:
        Of the same shape, from 0 at the peak to `DEEPEST`.
    """
    shares = (density / density.max()).clamp(min=torch.finfo(density.dtype).tiny)
    return (-2 * shares.log()).clamp(min=0).sqrt().clamp(max=DEEPEST)
