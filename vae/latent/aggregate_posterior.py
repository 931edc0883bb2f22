"""The aggregate posterior, and its divergence from the prior."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vae.errors import UserError
from vae.latent.embedding import Embedding
from vae.models.priors import Prior, StandardNormal, posterior_log_prob
from vae.runtime.mean_of import MeanOf
from vae.runtime.seeding import generator
from vae.storage.finite_tensors import check_finite

if TYPE_CHECKING:
    from vae.latent.generation import Mixture

#: Draws of the prior; and images whose posteriors make the aggregate, at most: of more, so many evenly spaced ones.
NUM_DRAWS, MOST_IMAGES = 10_000, 10_000
#: Posteriors that one block of samples is compared with at once, times samples: bounds the memory.
_BLOCK_NUMBERS = 4_000_000
_LOG_2PI = math.log(2 * math.pi)


@dataclass(frozen=True)
class PriorGap:
    r"""How far the prior p and the aggregate posterior :math:`q(z) = \tfrac1N \sum_n q(z|x_n)` are apart, in nats.

    Each number is a mean over draws of the difference of two log-densities that are known exactly, so that nothing but
    the draws is uncertain. They are of the mixture of N given posteriors: where these are narrow, more images fill its
    holes, and both divergences of the aggregate posterior of all images there could be are smaller.

    Attributes:
        prior_to_aggregate: KL(p ‖ q): large where the prior puts points and the aggregate posterior has none (holes).
        aggregate_to_prior: KL(q ‖ p), the marginal KL: large where the aggregate posterior lies outside the prior, or
            is denser.
        misfit: KL(q ‖ mixture), of the mixture that stands for it where points are drawn; None without one.
        num_images: N.
        saturated: Whether each posterior lies so much by itself that with more images these numbers may be far smaller:
            the mutual information is near log N.
    """

    prior_to_aggregate: MeanOf
    aggregate_to_prior: MeanOf
    misfit: MeanOf | None
    num_images: int
    saturated: bool


def prior_gap(
    embedding: Embedding,
    mixture: Mixture | None = None,
    *,
    seed: int = 0,
    num_draws: int = NUM_DRAWS,
    prior: Prior | None = None,
) -> PriorGap:
    """Monte Carlo estimates of both divergences between the prior and the aggregate posterior.

    Both are 0 if and only if the two agree. One point is drawn from each posterior, and so many from the prior; none of
    them was seen by a mixture that `vae.latent.generation.fit_mixture` fitted.

    Args:
        embedding: Posteriors of the images, two at least.
        mixture: Whose distance from the aggregate posterior is asked for besides.
        seed: Of the draws.
        num_draws: From the prior.
        prior: p(z); None is the standard normal.

    Raises:
        UserError: If there are fewer than two images, or a posterior is not finite.

    Source:
        KL(q ‖ p): Hoffman & Johnson (2016), ELBO surgery,
        http://approximateinference.org/accepted/HoffmanJohnson2016.pdf
    """
    num = len(embedding.mean)
    if num < 2:
        raise UserError(f"an aggregate posterior needs two images at least, got {num}; use a larger part")
    places = torch.linspace(0, num - 1, min(num, MOST_IMAGES), dtype=torch.float64).round().long()
    mean, log_var = (values[places].cpu().double() for values in (embedding.mean, embedding.log_var))
    check_finite("the posteriors", torch.cat([mean, log_var]))
    noise = torch.randn(mean.shape, dtype=torch.float64, generator=generator(seed, "diagnosis"))
    drawn = mean + torch.exp(0.5 * log_var) * noise
    own = posterior_log_prob(noise, log_var).sum(1)
    aggregate = log_aggregate(drawn, mean, log_var, own)
    exactly = (StandardNormal(mean.shape[1]) if prior is None else prior).exact()
    points = exactly.sample(num_draws, generator(seed, "prior")).cpu().double()
    return PriorGap(
        prior_to_aggregate=MeanOf.of(
            exactly.log_prob_per_dim(points).sum(1) - log_aggregate(points, mean, log_var)
        ),
        aggregate_to_prior=MeanOf.of(aggregate - exactly.log_prob_per_dim(drawn).sum(1)),
        misfit=None if mixture is None else MeanOf.of(aggregate - mixture.log_prob(drawn)),
        num_images=len(mean),
        saturated=float((own - aggregate).mean()) > math.log(len(mean)) - SATURATION_NATS,
    )


#: Below this distance from log N, in nats, an estimate says "at least so much".
SATURATION_NATS = 0.5


def log_aggregate(z: Tensor, mean: Tensor, log_var: Tensor, own: Tensor | None = None) -> Tensor:
    """log q(z) of points under the mixture of N posteriors, the aggregate posterior of their images.

    Args:
        z: The points, shape ``(M, D)``, double precision as all the others.
        mean: Means of the posteriors, shape ``(N, D)``.
        log_var: Their log-variances, shape ``(N, D)``.
        own: For points drawn one from each of the posteriors: log q(z_n|x_n) under its own, exactly, shape ``(N,)``.

    Returns:
        Nats, shape ``(M,)``.
    """
    num, num_dims = mean.shape
    # Squares are multiplied out into two matrix products; around the common centre fewer digits cancel.
    centre = mean.mean(0)
    z, mean = z - centre, mean - centre
    precision = torch.exp(-log_var)
    weighted = mean * precision
    constant = -0.5 * ((mean * weighted).sum(1) + log_var.sum(1) + num_dims * _LOG_2PI)
    peak = -0.5 * (log_var.sum(1) + num_dims * _LOG_2PI)
    block = max(1, _BLOCK_NUMBERS // num)
    found = []
    for start in range(0, len(z), block):
        points = z[start : start + block]
        log_prob = points @ weighted.T - 0.5 * points.square() @ precision.T + constant
        log_prob = torch.minimum(log_prob, peak)  # no density exceeds that at its mean, whatever was rounded
        if own is not None:
            rows = torch.arange(len(points))
            log_prob[rows, start + rows] = own[start : start + block]
        found.append(torch.logsumexp(log_prob, 1))
    return torch.cat(found) - math.log(num)
