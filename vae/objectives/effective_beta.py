"""The effective β of a loss: the weight of the KL if both terms were sums, in nats per example.

The objective here is −log p(x|z) summed over pixels plus β times the KL summed over latent dimensions. Code that takes
a mean where a sum belongs, or a squared error where a density belongs, has another β than the one that it is given.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from vae.errors import UserError
from vae.runtime.number_format import equals, readable

#: What is averaged: nothing but the batch, also what belongs to one image, or everything.
Reconstruction = Literal["sum over pixels", "mean over pixels"]
Divergence = Literal["sum over dimensions", "mean over dimensions", "mean over dimensions and pixels"]
#: How the reconstruction is measured: in nats, as a squared error, or as half of one.
Error = Literal["nats", "squared error", "half squared error"]


@dataclass(frozen=True)
class EffectiveBeta:
    """The scale of a model's objective.

    Attributes:
        beta: As the code has it.
        effective_beta: The β in front of the rate in nats where the reconstruction is in nats, summed over pixels: 1
            is the ELBO.
        normalised_beta: ``effective_beta`` · latent dimensions / pixels, for models of different sizes.
        num_pixels: Values per image, channels included.
        latent_dim: Latent dimensions.
        sigma: The decoder's standard deviation that the effective β assumes; None for likelihoods without one.
        equivalent_sigma: For a Gaussian: the σ at which the very same model is trained by β = 1; None for others.
        is_summed: Whether both terms are sums over what belongs to one image, and nothing but the batch is averaged.
    """

    beta: float
    effective_beta: float
    normalised_beta: float
    num_pixels: int
    latent_dim: int
    sigma: float | None
    equivalent_sigma: float | None
    is_summed: bool

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        return asdict(self)

    @property
    def sentence(self) -> str:
        """The answer in words."""
        effective = readable(self.effective_beta)
        if math.isclose(self.beta, self.effective_beta, rel_tol=1e-9):
            if self.is_summed:
                return f"Your β is {effective}: only the batch is averaged."
            if self.beta == 0:
                return "Your β is 0: the KL term does not count, whatever is averaged."
            return (
                f"Your β is {effective}: more than the batch is averaged, but it cancels out at these sizes."
            )
        return (
            f"Your code says β {equals(self.beta)}, but trains like β {equals(self.effective_beta)}: the KL term "
            f"weighs {readable(self.effective_beta / self.beta)} times what it seems to."
        )


def effective_beta(
    beta: float,
    num_pixels: int,
    latent_dim: int,
    *,
    reconstruction: Reconstruction = "sum over pixels",
    divergence: Divergence = "sum over dimensions",
    error: Error = "nats",
    sigma: float | None = None,
) -> EffectiveBeta:
    r"""What is my β if my code uses the mean?

    A loss may be multiplied by any number without a change of its optimum. So a mean over P pixels in the
    reconstruction multiplies β by P, a mean over D dimensions in the KL divides it by D. A squared error
    :math:`\lVert x - \hat x \rVert^2` is :math:`2 \sigma^2` times the nats of a Gaussian with that σ, up to a constant:
    without a σ of its own the code trains as if σ² were ½ (or 1 with half the squared error).

    Args:
        beta: The weight in front of the KL term in the code.
        num_pixels: Values per image, channels included.
        latent_dim: Latent dimensions.
        reconstruction: Whether the reconstruction is averaged over pixels. The mean over the batch does not count
            here: both terms have it. ``mean`` reductions of a framework over a batch of images are "mean over pixels".
        divergence: Whether the KL is averaged over dimensions, or divided by the pixels too.
        error: How the reconstruction is measured.
        sigma: For a squared error: the σ of the Gaussian in whose nats the answer shall be. Without one it is that of
            the density which the error belongs to, √½ (or 1 for half the squared error). For nats: the fixed σ of a
            Gaussian likelihood, if it is one.

    Raises:
        UserError: If a number is out of its range.

    Source:
        Higgins et al. (2017), section 3 and appendix (normalised β), https://openreview.net/forum?id=Sy2fzU9gl; Rybkin,
        Daniilidis & Levine (2021), section 3 (σ² and β), https://arxiv.org/abs/2006.13202
    """
    if not (math.isfinite(beta) and beta >= 0):
        raise UserError(f"beta must be >= 0, got {beta:g}; use 1 for the ELBO")
    for name, count in (("num_pixels", num_pixels), ("latent_dim", latent_dim)):
        if count < 1:
            raise UserError(f"{name} must be >= 1, got {count}; count the values of one example")
    if sigma is not None and not (math.isfinite(sigma) and sigma > 0):
        raise UserError(f"sigma must be > 0, got {sigma:g}; use 0.1 for pixels between 0 and 1")
    weight = beta
    if reconstruction == "mean over pixels":
        weight *= num_pixels
    if divergence != "sum over dimensions":
        weight /= latent_dim
    if divergence == "mean over dimensions and pixels":
        weight /= num_pixels
    if error != "nats":
        own_variance = 0.5 if error == "squared error" else 1.0
        if sigma is None:
            sigma = math.sqrt(own_variance)
        # The loss divided by 2σ² (or σ²) is in nats of that σ.
        weight *= own_variance / sigma**2
    return EffectiveBeta(
        beta=beta,
        effective_beta=weight,
        normalised_beta=weight * latent_dim / num_pixels,
        num_pixels=num_pixels,
        latent_dim=latent_dim,
        sigma=sigma,
        equivalent_sigma=None if sigma is None else sigma * math.sqrt(weight),
        is_summed=reconstruction == "sum over pixels" and divergence == "sum over dimensions",
    )


def beta_of_sigma(sigma: float, residual: float) -> float:
    """The β that a fixed σ amounts to: training as a model with the σ that fits would by that β.

    Args:
        sigma: The decoder's standard deviation.
        residual: Root mean squared residual of a pixel, which is the σ that fits best.

    Source:
        Rybkin, Daniilidis & Levine (2021), section 3, https://arxiv.org/abs/2006.13202
    """
    return (sigma / max(residual, 1e-12)) ** 2


@dataclass(frozen=True)
class Coincidence:
    """A β that a mistaken reduction would give.

    Attributes:
        factor: What β equals.
        words: The reduction, as the end of the sentence "β is as large as if …".
    """

    factor: float
    words: str


def reductions(num_pixels: int, latent_dim: int) -> tuple[Coincidence, ...]:
    """The effective β of β = 1 under reductions that take a mean where a sum belongs, the heaviest mistake first."""
    return (
        Coincidence(float(num_pixels), "the reconstruction were averaged over pixels and the KL term summed"),
        Coincidence(num_pixels / latent_dim, "both terms were averaged, over pixels and over dimensions"),
        Coincidence(
            1 / latent_dim, "the KL term were averaged over dimensions and the reconstruction summed"
        ),
        Coincidence(
            1 / (latent_dim * num_pixels), "the KL term were divided by the dimensions and by the pixels"
        ),
    )


def coincidence(effective_beta: float, num_pixels: int, latent_dim: int) -> Coincidence | None:
    """The mistaken reduction whose β this one is, within 1 %; None if it is nobody's, or is 1."""
    if effective_beta <= 0 or math.isclose(effective_beta, 1, rel_tol=0.01):
        return None
    for found in reductions(num_pixels, latent_dim):
        if math.isclose(found.factor, effective_beta, rel_tol=0.01):
            return found
    return None


def is_round(beta: float) -> bool:
    """Whether a β is one that people choose: one digit, or a second that is 5, or a small power of two."""
    if not (math.isfinite(beta) and beta > 0):
        return True
    digits = f"{beta:.9e}".partition("e")[0].replace(".", "").rstrip("0")
    is_power = 2**-3 <= beta <= 2**10 and math.frexp(beta)[0] == 0.5
    return len(digits) == 1 or (len(digits) == 2 and digits[1] == "5") or is_power
