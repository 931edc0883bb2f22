"""The one objective: distortion plus β times rate, in nats per example, and how β changes during training."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vae.config import ObjectiveConfig


def rate_per_dim(mean: Tensor, log_var: Tensor) -> Tensor:
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
    if mean.shape != log_var.shape:
        raise ValueError(
            f"mean and log_var must have one shape, got {tuple(mean.shape)} and {tuple(log_var.shape)}; "
            "pass both outputs of one encoder call"
        )
    # expm1 keeps the digits of σ² − 1 where the posterior is close to the prior.
    return 0.5 * (torch.expm1(log_var) + mean.square() - log_var)


@dataclass(frozen=True)
class Terms:
    """The parts of the objective, example by example, in nats.

    Attributes:
        distortion: −log p(x|z) for the sampled z, summed over pixels, shape ``(B,)``.
        rate_per_dim: KL(q(z|x) ‖ p(z)) of each latent dimension, shape ``(B, D)``.
    """

    distortion: Tensor
    rate_per_dim: Tensor

    @property
    def rate(self) -> Tensor:
        """KL(q(z|x) ‖ p(z)), shape ``(B,)``."""
        return self.rate_per_dim.sum(1)

    @property
    def elbo(self) -> Tensor:
        """The evidence lower bound at β = 1, whatever β is trained with, shape ``(B,)``."""
        return -(self.distortion + self.rate)

    def mean(self) -> MeanTerms:
        """The means over examples."""
        return MeanTerms(self.distortion.mean(), self.rate_per_dim.mean(0))

    def loss(self, beta: float) -> Tensor:
        """The loss of their means, see `MeanTerms.loss`."""
        return self.mean().loss(beta)


@dataclass(frozen=True)
class MeanTerms:
    """The parts of the objective as means over examples, in nats per example.

    Attributes:
        distortion: The mean distortion, a scalar.
        rate_per_dim: The mean rate of each latent dimension, shape ``(D,)``.
    """

    distortion: Tensor
    rate_per_dim: Tensor

    def loss(self, beta: float) -> Tensor:
        """What training lowers: distortion + β · rate, a scalar.

        Source:
            Higgins et al. (2017), https://openreview.net/forum?id=Sy2fzU9gl; β = 1 is the negative ELBO.
        """
        return self.distortion + beta * self.rate_per_dim.sum()

    def detach(self) -> MeanTerms:
        """The same numbers without their graph."""
        return MeanTerms(self.distortion.detach(), self.rate_per_dim.detach())


def beta_at(config: ObjectiveConfig, epoch: float) -> float:
    """β of the schedule at a moment of training.

    Args:
        config: The schedule and the value it reaches.
        epoch: Epochs done so far, with the fraction of the current one.

    Source:
        Linear warm-up: Sønderby et al. (2016), https://arxiv.org/abs/1602.02282. Cyclical: Fu et al. (2019),
        https://arxiv.org/abs/1903.10145, with half of each cycle rising.
    """
    match config.schedule:
        case "constant":
            return config.beta
        case "linear":
            return config.beta * min(1.0, epoch / config.warmup_epochs)
        case "cyclical":
            position = (epoch % config.cycle_epochs) / config.cycle_epochs
            return config.beta * min(1.0, 2 * position)
