"""What became of each latent dimension."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vae.latent import Embedding, ranges, rate_order
from vae.objective import rate_per_dim

#: Variance of the posterior mean over images above which a dimension counts as active.
ACTIVE_THRESHOLD = 0.01


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
    if len(mean) < 2:
        return torch.zeros(mean.shape[1], dtype=torch.bool)
    return mean.double().var(0) > threshold


@dataclass(frozen=True)
class Dimension:
    """One latent dimension over a set of images.

    Attributes:
        index: From 0.
        rate: KL of this dimension, the mean over the images, nats per example.
        low, high: Where the aggregate posterior lies, see `vae.latent.ranges`.
        active: By `active_units`.
    """

    index: int
    rate: float
    low: float
    high: float
    active: bool


def dimensions(embedding: Embedding) -> list[Dimension]:
    """Every latent dimension, the largest rate first."""
    rates = rate_per_dim(embedding.mean, embedding.log_var).double().mean(0)
    active, bounds = active_units(embedding.mean), ranges(embedding.mean, embedding.log_var)
    return [
        Dimension(index, float(rates[index]), *bounds[index], bool(active[index]))
        for index in rate_order(rates)
    ]
