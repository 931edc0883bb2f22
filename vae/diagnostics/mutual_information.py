"""What z tells of the image, measured by the aggregate posterior: mutual information and marginal KL."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from vae.diagnostics.findings import Evidence
from vae.errors import UserError
from vae.latent.aggregate_posterior import SATURATION_NATS, log_aggregate
from vae.models.priors import Prior, StandardNormal, check_shapes_agree, posterior_log_prob
from vae.runtime.seeding import generator

_LOG_2PI = math.log(2 * math.pi)


@dataclass(frozen=True)
class Information:
    r"""The rate taken apart: what z tells of its image, and how far all z together lie from the prior.

    .. math:: \mathbb E_x \mathrm{KL}(q(z|x) \| p(z)) = I_q(x; z) + \mathrm{KL}(q(z) \| p(z))

    All three numbers are means over the same samples of z, so that they add up exactly, and none is clamped: a marginal
    KL near 0 may come out negative.

    Attributes:
        mutual_information: I(x; z) under q, nats.
        marginal_kl: KL(q(z) ‖ p(z)), nats.
        rate: Their sum: the mean over the samples of log q(z|x) − log p(z), nats.
        rate_exact: The rate of the prior on the same images, in closed form if it has one; ``rate`` differs from it by
            the noise of the samples.
        standard_error: Of ``rate_exact − rate``'s noise over the examples, nats.
        num_examples: N. The estimate of the mutual information cannot exceed log N.
        cap: log N, nats.
        saturated: Whether the mutual information is so close to log N that it may be larger; the marginal KL, which is
            what it leaves of the rate, is then an upper bound.
    """

    mutual_information: float
    marginal_kl: float
    rate: float
    rate_exact: float
    standard_error: float
    num_examples: int
    cap: float
    saturated: bool

    def to_dict(self) -> dict[str, Any]:
        """The numbers and the caution as JSON values."""
        return {**asdict(self), "caution": self.caution}

    @property
    def caution(self) -> str:
        """What to know where the mutual information is near its cap, as a sentence; empty if it is not."""
        if not self.saturated:
            return ""
        return (
            f"{self.num_examples:,} images can show at most log N = {self.cap:.2f} nats of I(x; z): it is at least, "
            "and the marginal KL at most, what is shown; more images tell more."
        )

    def mutual_evidence(self) -> Evidence:
        """The mutual information as evidence."""
        bound = ", at least" if self.saturated else ""
        return Evidence(f"mutual information I(x; z){bound}", self.mutual_information, "nats")

    def marginal_evidence(self) -> Evidence:
        """The marginal KL as evidence."""
        return Evidence(f"marginal KL{', at most' if self.saturated else ''}", self.marginal_kl, "nats")


def information(mean: Tensor, log_var: Tensor, *, seed: int = 0, prior: Prior | None = None) -> Information:
    r"""Mutual information and marginal KL of diagonal Gaussian posteriors.

    The aggregate posterior is the mixture :math:`q(z) = \tfrac1N \sum_n q(z|x_n)` of all N given posteriors; one z is
    drawn from each of them, and the mixture contains the posterior that z was drawn from.

    Args:
        mean: Posterior means, shape ``(N, D)``.
        log_var: Posterior log-variances, shape ``(N, D)``.
        seed: Of the noise.
        prior: p(z); None is the standard normal.

    Raises:
        UserError: If there are fewer than two examples.
        ValueError: If the shapes differ.

    Source:
        Hoffman & Johnson (2016), ELBO surgery, http://approximateinference.org/accepted/HoffmanJohnson2016.pdf
    """
    check_shapes_agree(mean, log_var)
    num, num_dims = mean.shape
    if num < 2:
        raise UserError(
            f"mutual information needs at least 2 examples, got {num}; use a larger part of the data"
        )
    mean, log_var = mean.detach().cpu().double(), log_var.detach().cpu().double()
    noise = torch.randn(num, num_dims, dtype=torch.float64, generator=generator(seed, "diagnosis"))
    z = mean + torch.exp(0.5 * log_var) * noise
    own = posterior_log_prob(noise, log_var).sum(1)
    exactly = (StandardNormal(num_dims) if prior is None else prior).exact()
    of_prior = exactly.log_prob_per_dim(z).sum(1)
    aggregate = log_aggregate(z, mean, log_var, own)
    told, apart, rates = own - aggregate, aggregate - of_prior, own - of_prior
    exact = exactly.rate_per_dim(mean, log_var).sum(1)
    mutual, cap = float(told.mean()), math.log(num)
    return Information(
        mutual_information=mutual,
        marginal_kl=float(apart.mean()),
        rate=float(rates.mean()),
        rate_exact=float(exact.mean()),
        standard_error=float((rates - exact).std(correction=1)) / math.sqrt(num),
        num_examples=num,
        cap=cap,
        saturated=mutual > cap - SATURATION_NATS,
    )
