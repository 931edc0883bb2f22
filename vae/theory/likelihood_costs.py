"""Chapter 8, likelihoods: what one image costs under each, with the same decoded image as the parameter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vae.models.likelihoods import Bernoulli, ContinuousBernoulli, Gaussian
from vae.models.vae import VAE
from vae.objectives.effective_beta import EffectiveBeta, effective_beta
from vae.runtime.eval_mode import at_rest

#: Standard deviations of the Gaussian, in units of a pixel's range 0 to 1.
SIGMAS = (0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
#: Means are kept so far from 0 and 1 where a logit is taken of them.
_EDGE = 1e-4


@dataclass(frozen=True)
class LikelihoodCosts:
    r"""−log p(x|z) of one image at the posterior's mean under several likelihoods, nats.

    The decoded image stands for the parameter of each: the probability of the Bernoulli and the continuous Bernoulli,
    the mean of the Gaussian. The densities are not comparable with the Bernoulli's probabilities; what is compared is
    what they ask of the decoder.

    Attributes:
        bernoulli: The cross-entropy (BCE), summed over pixels.
        continuous_bernoulli: With the normaliser that makes it a density on [0, 1].
        sigmas: Standard deviations of the Gaussian.
        gaussian: The cost under each of them.
        squared_error: ‖x − x̂‖², summed over pixels.
        rate: KL(q(z|x) ‖ p(z)) of the image.
        num_pixels: Values of the image.
        mean_over_pixels: The β that a mean over pixels hides: that of a code with β = 1.
    """

    bernoulli: float
    continuous_bernoulli: float
    sigmas: tuple[float, ...]
    gaussian: tuple[float, ...]
    squared_error: float
    rate: float
    num_pixels: int
    mean_over_pixels: EffectiveBeta

    @property
    def best_sigma(self) -> float:
        """The σ under which the image costs least: the root mean squared error of a pixel."""
        return math.sqrt(self.squared_error / self.num_pixels)

    def beta_of_squared_error(self, sigma: float) -> float:
        """β in ‖x − x̂‖² + β KL that trains the same model as a Gaussian with this σ at β = 1: 2 σ²."""
        return 2 * sigma**2


@torch.no_grad()
@at_rest
def likelihood_costs(
    model: VAE, x: Tensor, y: Tensor | None = None, *, sigmas: Sequence[float] = SIGMAS
) -> LikelihoodCosts:
    """Price one image under each likelihood.

    Args:
        model: The model, whose decoded image at the posterior's mean is priced.
        x: One image with values from 0 to 1, ``(1, C, H, W)``.
        y: Its label ``(1,)``, or weights of the classes ``(1, K)``, for a conditional model.
        sigmas: Standard deviations of the Gaussian.

    Source:
        Loaiza-Ganem & Cunningham (2019), https://arxiv.org/abs/1907.06845 (continuous Bernoulli); Rybkin, Daniilidis &
        Levine (2021), https://arxiv.org/abs/2006.13202 (σ and the balance of the terms)
    """
    found = model.at_mean(x, y)
    image, x = found.image.cpu().double(), x.cpu().double()
    logit = torch.logit(image.clamp(_EDGE, 1 - _EDGE))
    config = model.config
    return LikelihoodCosts(
        bernoulli=-float(Bernoulli().log_prob(logit, x)),
        continuous_bernoulli=-float(ContinuousBernoulli().log_prob(logit, x)),
        sigmas=tuple(sigmas),
        gaussian=tuple(-float(Gaussian(sigma).log_prob(image, x)) for sigma in sigmas),
        squared_error=float((x - image).square().sum()),
        rate=float(found.terms.rate),
        num_pixels=model.info.num_pixels,
        mean_over_pixels=effective_beta(
            1.0, model.info.num_pixels, config.latent_dim, reconstruction="mean over pixels"
        ),
    )


def pixel_costs(value: float, num: int = 101) -> tuple[Tensor, Tensor, Tensor]:
    """What one pixel costs as a function of what the decoder says of it.

    Args:
        value: The pixel, from 0 to 1.
        num: Points.

    Returns:
        x̂ from 0.01 to 0.99, the cross-entropy and the squared error, each ``(num,)``.
    """
    guess = torch.linspace(0.01, 0.99, num, dtype=torch.float64)
    x = torch.full((num, 1, 1, 1), value, dtype=torch.float64)
    cross_entropy = -Bernoulli().log_prob(torch.logit(guess).reshape(-1, 1, 1, 1), x)
    return guess, cross_entropy, (guess - value).square()
