"""In which directions images vary by more than noise: eigenvalues found on one half of them, measured on the other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vae.runtime.seeding import generator

if TYPE_CHECKING:
    from vae.data.dataset import Dataset
    from vae.models.likelihoods import Likelihood

#: Training images that are looked at, at most, and numbers in all of them.
_MOST_IMAGES, _MOST_NUMBERS = 2000, 8_000_000
#: Of fewer training images nothing is said of what pays, nor of more where the error of it is larger than this.
FEWEST_IMAGES, LARGEST_ERROR = 20, 0.25
#: Standard errors by which the main direction must pay for any to be said to, and by which each is counted then.
_ERRORS, _COUNTED = 3.0, 2.0
#: So many main directions may change places between the two halves.
_LEADING = 3


def some_of_train(dataset: Dataset) -> Tensor:
    """Places in the data set of training images, spread evenly over them, so few that memory takes their pixels."""
    train = dataset.places("train")
    most = max(2, min(_MOST_IMAGES, _MOST_NUMBERS // dataset.images[0].numel()))
    rows = torch.linspace(0, len(train) - 1, min(most, len(train)), dtype=torch.float64).round().long()
    return train[rows]


@dataclass(frozen=True)
class Spectrum:
    r"""Variances of images along their main directions, in units of the noise that a likelihood expects there.

    In a linear model with Gaussian noise a direction with the variance λ pays for its rate if and only if λ > β, and a
    latent dimension that is given to it saves :math:`\tfrac12 (\lambda - \beta - \beta \log (\lambda / \beta))` nats of
    the objective, its rate paid.

    Attributes:
        variances: The largest first, as far as chance lets one tell.
        errors: Their standard errors.

    Source:
        Tipping & Bishop (1999), Probabilistic principal component analysis; Lucas et al. (2019), Don't blame the ELBO!,
        https://arxiv.org/abs/1911.02469
    """

    variances: tuple[float, ...]
    errors: tuple[float, ...]

    def scaled(self, factor: float) -> Spectrum:
        """The same in other units of the noise."""
        return Spectrum(
            tuple(factor * value for value in self.variances), tuple(factor * error for error in self.errors)
        )

    def num_paying(self, beta: float = 1.0) -> int:
        """Directions that pay at a β by more than chance: none, unless one of the first leaves no doubt of it."""
        pairs = list(zip(self.variances, self.errors, strict=True))
        if not any(variance - _ERRORS * error > beta for variance, error in pairs[:_LEADING]):
            return 0
        return sum(variance - _COUNTED * error > beta for variance, error in pairs)

    def is_known(self, beta: float = 1.0) -> bool:
        """Whether these images are enough to say that something pays at a β, or that nothing does.

        That none was shown to pay is no sign that none does: none of the first may look as if it did.
        """
        if not self.variances or self.num_paying(beta):
            return bool(self.variances)
        pairs = zip(self.variances[:_LEADING], self.errors[:_LEADING], strict=True)
        return self.errors[0] <= LARGEST_ERROR * beta and all(
            variance - _COUNTED * error <= beta for variance, error in pairs
        )

    def gain(self, beta: float, num_dims: int) -> float:
        """Nats that so many latent dimensions save at a β, each given to one of the directions that pay."""
        num = min(num_dims, self.num_paying(beta))
        largest = sorted(self.variances, reverse=True)[:num]
        return math.fsum(0.5 * (value - beta - beta * math.log(value / beta)) for value in largest)


def spectrum(rows: Tensor, most: int | None = None) -> Spectrum:
    """The spectrum of residuals in units of the noise, ``(N, P)``, whose mean is 0.

    Directions come from one half of the rows and the variances along them from the other, which knows nothing of the
    accidents of the first; both ways, and averaged. Of the same rows the largest eigenvalue of nothing but noise would
    be far above 1.

    Args:
        rows: The residuals.
        most: Directions, at most.
    """
    if len(rows) < FEWEST_IMAGES:
        return Spectrum((), ())
    order = torch.randperm(len(rows), generator=generator(0, "diagnosis"))
    first, second = rows[order[::2]], rows[order[1::2]]
    ways = [_variances_along(first, second), _variances_along(second, first)]
    num = min(len(mean) for mean, _ in ways)
    num = num if most is None else min(num, most)
    (one, its_error), (other, other_error) = ((mean[:num], error[:num]) for mean, error in ways)
    errors = torch.hypot(its_error, other_error) / 2
    return Spectrum(tuple(((one + other) / 2).tolist()), tuple(errors.tolist()))


def _variances_along(rows: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Mean square of the others along the main directions of the rows, and its standard error, largest rows' first."""
    if rows.shape[1] <= len(rows):
        along = others @ torch.linalg.eigh(rows.T @ rows).eigenvectors.flip(1)
    else:  # the directions are mixtures of the rows
        values, mixtures = torch.linalg.eigh(rows @ rows.T)
        kept = values > 1e-9 * values[-1].clamp_min(1e-12)
        along = (others @ rows.T) @ (mixtures[:, kept] / values[kept].sqrt()).flip(1)
    squares = along.square()
    return squares.mean(0), squares.std(0, correction=1) / len(others) ** 0.5


@torch.enable_grad()
def noise_variance(likelihood: Likelihood, output: Tensor) -> Tensor:
    """Of a pixel: the output is the natural parameter, so that the slope of the mean is the variance."""
    output = output.detach().requires_grad_()
    (variance,) = torch.autograd.grad(likelihood.mean(output).sum(), output)
    return variance.clamp_min(1e-12)
