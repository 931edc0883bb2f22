"""Statistics of many posteriors: which latent dimensions are active."""

from __future__ import annotations

import torch
from torch import Tensor

#: Variance of the posterior mean over images above which a dimension counts as active.
ACTIVE_THRESHOLD = 0.01


def active_variance(mean: Tensor) -> Tensor:
    """Variance over images of the posterior mean ``(N, D)``, shape ``(D,)``; 0 for fewer than two images."""
    if len(mean) < 2:
        return torch.zeros(mean.shape[1], dtype=torch.float64)
    return mean.cpu().double().var(0)  # MPS has no double precision


def active_units(mean: Tensor, threshold: float = ACTIVE_THRESHOLD) -> Tensor:
    """Which latent dimensions carry something: the variance over images of the posterior mean exceeds the threshold.

    Args:
        mean: Posterior means of a set of images, shape ``(N, D)``.
        threshold: A variance; the prior's is 1.

    Returns:
        Booleans, shape ``(D,)``; none is active for fewer than two images.

    Source:
        Burda, Grosse & Salakhutdinov (2016), section 5, https://arxiv.org/abs/1509.00519
    """
    return active_variance(mean) > threshold
