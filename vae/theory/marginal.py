"""Chapter 1, the model: ancestral sampling, and p(x) as a mean of p(x|z) over the prior, which needs many samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vae.errors import UserError
from vae.evaluation.exact_posterior import MOST_DIMS, exact_posterior
from vae.evaluation.importance import log_weights, max_rows, repeated
from vae.models.vae import VAE
from vae.runtime.eval_mode import at_rest
from vae.runtime.seeding import generator

#: Sizes at which the estimate is looked at, and how often it is made anew.
COUNTS, REPEATS = (1, 3, 10, 30, 100, 300, 1000, 3000), 16
#: Samples of q(z|x) by which log p(x) is estimated where no grid covers the latent space.
_REFERENCE_SAMPLES = 5000


@dataclass(frozen=True)
class PriorSampling:
    r"""log p(x) of one image, estimated by samples of the prior: :math:`\hat p_n = \tfrac1n \sum_i p(x|z_i)`.

    Attributes:
        counts: Numbers of samples n.
        log_estimate: log of the estimate, nats, for each repeat and n, shape ``(R, len(counts))``. The first n samples
            of a repeat are among its first n + 1.
        log_prob: log p(x) to compare with: by quadrature over a grid for one or two latent dimensions, else the
            importance-weighted bound.
        is_exact: Whether it is by quadrature.
        relative_variance: Var[p(x|z)] / p(x)² of one sample, from all samples together; of n samples it is the n-th
            part. Where few samples come near the posterior it is itself too small.
    """

    counts: tuple[int, ...]
    log_estimate: Tensor
    log_prob: float
    is_exact: bool
    relative_variance: float

    def spread(self, count: int) -> float:
        """Standard deviation of the log estimate over the repeats, nats, at one of the counts."""
        return float(self.log_estimate[:, self.counts.index(count)].std())

    def middle(self, count: int) -> float:
        """The median of the log estimate over the repeats, nats, at one of the counts."""
        return float(self.log_estimate[:, self.counts.index(count)].quantile(0.5))


@torch.no_grad()
@at_rest
def prior_sampling(
    model: VAE,
    x: Tensor,
    y: Tensor | None = None,
    *,
    counts: Sequence[int] = COUNTS,
    repeats: int = REPEATS,
    seed: int = 0,
) -> PriorSampling:
    """Estimate p(x) by the definition, an integral over the prior.

    Args:
        model: The model.
        x: One image, ``(1, C, H, W)``, as `Dataset.pixels` makes it.
        y: Its label ``(1,)``, or weights of the classes ``(1, K)``, for a conditional model: then it is p(x|y).
        counts: Numbers of samples, ascending.
        repeats: How often the largest number is drawn, two at least.
        seed: Of the samples.

    Raises:
        UserError: If there is more than one image, or the numbers are not as they should be.
    """
    _check_one(x)
    counts = tuple(counts)
    if not counts or counts[0] < 1 or list(counts) != sorted(set(counts)) or repeats < 2:
        raise UserError(
            f"counts must ascend from 1 and repeats be at least 2, got {counts[:8]} and {repeats}; leave them out"
        )
    condition = model.condition(y, 1)
    noise = generator(seed, "prior")
    rows = []
    for _ in range(repeats):
        z = model.prior.sample(counts[-1], noise).to(x)
        parts = [
            model.log_prob_of_many(piece, *repeated(x, condition, len(piece)))
            for piece in z.split(max_rows(model))
        ]
        rows.append(torch.cat(parts).cpu().double())
    each = torch.stack(rows)
    log_estimate = torch.stack([each[:, :n].logsumexp(1) - math.log(n) for n in counts], 1)
    num = each.numel()
    log_mean = each.flatten().logsumexp(0) - math.log(num)
    log_square = (2 * each.flatten()).logsumexp(0) - math.log(num)
    is_exact = model.config.latent_dim <= MOST_DIMS
    if is_exact:
        log_prob = exact_posterior(model, x, y).log_prob
    else:
        drawn = log_weights(model, x, y, _REFERENCE_SAMPLES, generator(seed, "importance"))
        log_prob = float(drawn.logsumexp(1) - math.log(_REFERENCE_SAMPLES))
    return PriorSampling(
        counts, log_estimate, log_prob, is_exact, float((log_square - 2 * log_mean).exp() - 1)
    )


@torch.no_grad()
@at_rest
def ancestral(
    model: VAE, num: int, y: Tensor | None = None, *, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    """New images from top to bottom: z of the prior, then x of p(x|z).

    Args:
        model: The model.
        num: How many.
        y: Labels ``(num,)`` for a conditional model; without, each class in turn.
        seed: Of both draws.

    Returns:
        z ``(num, D)``, the means of p(x|z) and a draw of it, each ``(num, C, H, W)``.
    """
    draws = generator(seed, "prior")
    z = model.prior.sample(num, draws).to(next(model.parameters()))
    if model.num_conditions and y is None:
        y = torch.arange(num) % model.num_conditions
    output = model.decoder(z, model.condition(y, num))
    return z, model.likelihood.mean(output), model.likelihood.sample(output, draws)


def _check_one(x: Tensor) -> None:
    if len(x) != 1:
        raise UserError(f"this is computed for one image at a time, got {len(x)}; pass one")
