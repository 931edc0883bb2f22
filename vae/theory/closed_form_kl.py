"""Chapter 6, the KL of a Gaussian posterior in closed form: its terms, its gradient, and slips that notes carry."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vae.models.priors import gaussian_kl


@dataclass(frozen=True)
class KLTerms:
    r"""KL(N(μ, σ²) ‖ N(0, 1)) = ½ (σ² + μ² − 1 − log σ²), nats, and its parts, dimension by dimension.

    Attributes:
        mean, log_var: μ and log σ², each ``(D,)``.
        kl: ``(D,)``.
        d_mean: ∂KL/∂μ, which is μ, ``(D,)``.
        d_log_var: ∂KL/∂(log σ²), which is ½ (σ² − 1), ``(D,)``.
    """

    mean: Tensor
    log_var: Tensor
    kl: Tensor
    d_mean: Tensor
    d_log_var: Tensor

    @property
    def without_square(self) -> Tensor:
        """½ (σ² + μ − 1 − log σ²), a slip of some notes, ``(D,)``: negative for some μ, which no KL is."""
        return self.kl + 0.5 * (self.mean - self.mean.square())

    @property
    def wrong_sign(self) -> Tensor:
        """½ (1 + log σ² − μ² − σ²), ``(D,)``: the KL with its sign turned, which is what the ELBO adds."""
        return -self.kl

    @property
    def d_sigma(self) -> Tensor:
        """∂KL/∂σ = σ − 1/σ, ``(D,)``: by the chain rule, ∂log σ²/∂σ = 2/σ."""
        return self.d_log_var * 2 / torch.exp(0.5 * self.log_var)


def kl_terms(mean: Tensor, log_var: Tensor) -> KLTerms:
    """The KL of a diagonal Gaussian posterior to N(0, I), with its gradient by automatic differentiation.

    Args:
        mean: μ, shape ``(D,)``.
        log_var: log σ², shape ``(D,)``.

    Raises:
        ValueError: If the shapes differ.

    Source:
        Kingma & Welling (2014), appendix B, https://arxiv.org/abs/1312.6114
    """
    with torch.enable_grad():
        inputs = [values.detach().clone().requires_grad_() for values in (mean, log_var)]
        kl = gaussian_kl(*inputs)
        d_mean, d_log_var = torch.autograd.grad(kl.sum(), inputs)
    return KLTerms(mean.detach(), log_var.detach(), kl.detach(), d_mean, d_log_var)
