r"""p(z): the standard normal, or what a user registers; and the closed forms that belong to it.

A new one is a class derived from `Prior` under `vae.config.registries.PRIORS`::

    @PRIORS.register("mixture", title="Two Gaussians")
    class Mixture(Prior): ...

What it must say is its density and how to draw from it. A KL in closed form and quantiles it may have: without the
first the rate is estimated from samples, without the second the pages leave out what is spaced by them.
"""

from __future__ import annotations

import copy
import functools
import math
from abc import ABC, abstractmethod
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from vae.config.registries import PRIORS
from vae.config.schema import ModelConfig

_LOG_2PI = math.log(2 * math.pi)
#: Pairs of opposite samples by which the rate is estimated where there is no closed form and no sample is given.
_NUM_PAIRS = 32


def gaussian_kl(mean: Tensor, log_var: Tensor) -> Tensor:
    r"""KL from a diagonal Gaussian posterior to the standard normal prior, dimension by dimension.

    .. math:: R_d = \tfrac12 (\sigma_d^2 + \mu_d^2 - 1 - \log \sigma_d^2)

    Args:
        mean: Posterior means, shape ``(B, D)``.
        log_var: Posterior log-variances, shape ``(B, D)``.

    Returns:
        Nats, shape ``(B, D)``.

    Raises:
        ValueError: If the shapes differ.

    Source:
        Kingma & Welling (2014), appendix B, https://arxiv.org/abs/1312.6114
    """
    check_shapes_agree(mean, log_var)
    # expm1 keeps the digits of σ² − 1 where the posterior is close to the prior.
    return 0.5 * (torch.expm1(log_var) + mean.square() - log_var)


def check_shapes_agree(mean: Tensor, log_var: Tensor) -> None:
    """Refuse means and log-variances that are not of one encoder call.

    Raises:
        ValueError: If their shapes differ.
    """
    if mean.shape != log_var.shape:
        raise ValueError(
            f"mean and log_var must have one shape, got {tuple(mean.shape)} and {tuple(log_var.shape)}; "
            "pass both outputs of one encoder call"
        )


def standard_normal_log_prob(z: Tensor) -> Tensor:
    """Log-density of N(0, I) at latent points ``(N, D)``, nats, shape ``(N,)``."""
    return -0.5 * (z.square().sum(1) + z.shape[1] * _LOG_2PI)


def posterior_log_prob(noise: Tensor, log_var: Tensor) -> Tensor:
    """log q(z|x) dimension by dimension, of z = μ + σ ⊙ noise, nats, the shape of ``noise``."""
    return -0.5 * (noise.square() + log_var + _LOG_2PI)


class Prior(nn.Module, ABC):
    """A distribution of latent points z ``(N, D)``; what is learned of it is an `nn.Parameter`.

    Args:
        latent_dim: D.
    """

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim

    @classmethod
    def from_config(cls, config: ModelConfig) -> Self:
        """The prior of a configuration: made of the latent dimensions, and of its own options if it registered some."""
        options = config.prior_options
        return cls(config.latent_dim) if options is None else cls(config.latent_dim, options)  # type: ignore[call-arg]

    @abstractmethod
    def log_prob(self, z: Tensor) -> Tensor:
        """log p(z), nats, shape ``(N,)``."""

    @abstractmethod
    def sample(self, num: int, generator: torch.Generator | None = None) -> Tensor:
        """Points ``(num, D)``, drawn on the CPU in single precision: the same on every device."""

    def kl(self, mean: Tensor, log_var: Tensor) -> Tensor | None:
        """KL(q(z|x) ‖ p(z)) by dimension, ``(B, D)``, for diagonal Gaussians; None where it has no closed form."""
        return None

    def quantile(self, share: Tensor) -> Tensor | None:
        """The place below which a dimension has such a share of its probability, for shares ``(N, D)`` from 0 to 1.

        None for a prior whose dimensions depend on each other, or whose quantiles are not known.
        """
        return None

    def log_prob_per_dim(self, z: Tensor) -> Tensor:
        """log p(z) taken apart by dimension, ``(N, D)``: the sum over dimensions is `log_prob`.

        Unless a prior says better, each dimension has the standard normal's density, and what the prior differs from it
        is shared evenly. A prior of independent dimensions gives theirs.
        """
        apart = self.log_prob(z) - standard_normal_log_prob(z)
        return -0.5 * (z.square() + _LOG_2PI) + apart[:, None] / z.shape[1]

    def rate_per_dim(self, mean: Tensor, log_var: Tensor, z: Tensor | None = None) -> Tensor:
        """KL(q(z|x) ‖ p(z)) by dimension, nats, ``(B, D)``: exact, or an estimate without bias.

        Args:
            mean: Posterior means, shape ``(B, D)``.
            log_var: Posterior log-variances, shape ``(B, D)``.
            z: One sample of each posterior, ``(B, D)``: where there is no closed form, the estimate is of it. Without,
                it is the mean over 64 fixed samples, the same for every image.

        Raises:
            ValueError: If the shapes differ.
        """
        check_shapes_agree(mean, log_var)
        exact = self.kl(mean, log_var)
        if exact is not None:
            return exact
        scale = torch.exp(0.5 * log_var)
        if z is not None:
            return posterior_log_prob((z - mean) / scale, log_var) - self.log_prob_per_dim(z)
        total = torch.zeros_like(mean)
        noises = _opposite_pairs(mean.shape[1]).to(mean)
        for noise in noises:
            total = total + posterior_log_prob(noise, log_var) - self.log_prob_per_dim(mean + scale * noise)
        return total / len(noises)

    @property
    def has_exact_rate(self) -> bool:
        """Whether the rate has a closed form."""
        nothing = torch.zeros(1, self.latent_dim, dtype=torch.float64)
        return self.exact().kl(nothing, nothing) is not None

    @property
    def has_quantiles(self) -> bool:
        """Whether there are places of equal probability."""
        return self.exact().quantile(torch.full((1, self.latent_dim), 0.5, dtype=torch.float64)) is not None

    def exact(self) -> Prior:
        """The same in double precision on the CPU, without gradients: not all devices have double precision."""
        return copy.deepcopy(self).cpu().double().eval().requires_grad_(False)


class StandardNormal(Prior):
    """N(0, I), the prior of Kingma & Welling (2014)."""

    def log_prob(self, z: Tensor) -> Tensor:
        return standard_normal_log_prob(z)

    def log_prob_per_dim(self, z: Tensor) -> Tensor:
        return -0.5 * (z.square() + _LOG_2PI)

    def sample(self, num: int, generator: torch.Generator | None = None) -> Tensor:
        return torch.randn(num, self.latent_dim, generator=generator)

    def kl(self, mean: Tensor, log_var: Tensor) -> Tensor:
        return gaussian_kl(mean, log_var)

    def quantile(self, share: Tensor) -> Tensor:
        return torch.distributions.Normal(0.0, 1.0).icdf(share)

    def exact(self) -> Prior:
        return self  # it has no numbers of its own


def prior(config: ModelConfig) -> Prior:
    """The prior that a configuration names.

    Raises:
        UserError: If it is not registered here, or cannot be made.
    """
    found = PRIORS[config.prior].load().from_config(config)
    assert isinstance(found, Prior), "the registry checks what is registered"
    return found


@functools.lru_cache(maxsize=8)
def _opposite_pairs(latent_dim: int) -> Tensor:
    """Standard normal noise ``(64, D)``, each followed by its opposite, double precision.

    Of numpy: an exporter that follows what torch does would put the drawing itself into its graph.
    """
    noise = np.random.RandomState(0).standard_normal((_NUM_PAIRS, latent_dim))
    return torch.from_numpy(np.stack([noise, -noise], 1).reshape(2 * _NUM_PAIRS, latent_dim))


class ClassPrior(nn.Module):
    r"""A learned Gaussian prior for each class, as a change of variables at the decoder's door.

    The decoder gets :math:`z = m_y + e^{s_y} \odot u`, where u is the latent point that encoder, rate, samples and maps
    speak of, with the standard normal as its prior. Then z has the prior :math:`N(m_y, e^{2 s_y})`, and the KL between
    posterior and prior is the same for z as for u, because it does not change under a map that can be undone. So the
    learned prior is trained through the distortion alone, and everything that is written for u stays as it is.

    Source:
        Sohn, Lee & Yan (2015), a prior that depends on the condition.
    """

    def __init__(self, num_classes: int, latent_dim: int) -> None:
        super().__init__()
        # The standard normal at first.
        self.mean = nn.Parameter(torch.zeros(num_classes, latent_dim, dtype=torch.float32))
        self.log_scale = nn.Parameter(torch.zeros(num_classes, latent_dim, dtype=torch.float32))

    def forward(self, u: Tensor, condition: Tensor) -> Tensor:
        """z for u ``(B, D)`` and the condition ``(B, K)``."""
        return condition @ self.mean + torch.exp(condition @ self.log_scale) * u
