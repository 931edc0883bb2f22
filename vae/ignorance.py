"""What a decoder can do without z, and up to which β it pays to say anything through z at all."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vae.likelihoods import Gaussian, LearnedGaussian, Likelihood
from vae.memory import rows_within
from vae.minibatches import Seen, slices
from vae.randomness import generator

if TYPE_CHECKING:
    from vae.data import Dataset

#: Training images that the estimates are made of, at most, and numbers in all of them.
_MOST_IMAGES, _MOST_NUMBERS = 2000, 8_000_000
#: Copies of an image's pixels that its likelihood makes, the pixels and the output among them.
_COPIES = 6
#: No pixel's mean is taken to be nearer to black or white than this share of an image.
_HALF_AN_IMAGE = 0.5
#: Of fewer training images nothing is said of what pays, nor of more where the error of it is larger than this.
_FEWEST_IMAGES, _LARGEST_ERROR = 20, 0.25
#: Standard errors by which the main direction must pay for any to be said to, and by which each is counted then.
_ERRORS, _COUNTED = 3.0, 2.0
#: So many main directions may change places between the two halves.
_LEADING = 3
_NUM_BISECTIONS = 60
_LARGEST_LOGIT = 30.0


@dataclass(frozen=True)
class Ignorance:
    r"""The best decoder that ignores z: one picture for all images, or one for each class if there is a condition.

    Around it the objective is that of a linear model with Gaussian noise: with the residuals divided by the noise's
    standard deviation, a direction of their covariance with the eigenvalue λ pays for its rate if and only if λ > β.
    So by the linear model the largest eigenvalue is the β above which a model collapses; far below it a collapse is an
    accident of training. Of a deeper model it says that the first, faintest word does not pay above it; whether a
    louder one would, a result of second order cannot say.

    The eigenvalues are held out: the directions come from one half of the images, and the variances along them from the
    other, which knows nothing of the accidents of the first; both ways, and averaged. Of the same images the largest
    eigenvalue of nothing but noise would be far above 1.

    Attributes:
        distortion: Of the given images under that decoder, nats per example.
        critical_beta: The largest eigenvalue; None if there are too few images to know it.
        num_paying: Eigenvalues above 1, by more than chance: the dimensions that the linear model uses at β = 1, if it
            has as many; None likewise.
        num_images: Training images that it was estimated from.

    Source:
        Tipping & Bishop (1999), Probabilistic principal component analysis; Lucas et al. (2019), Don't blame the ELBO!,
        https://arxiv.org/abs/1911.02469
    """

    distortion: float
    critical_beta: float | None
    num_paying: int | None
    num_images: int


@torch.no_grad()
def ignorance(
    likelihood: Likelihood, dataset: Dataset, x: Tensor | Seen, y: Tensor | None, *, conditional: bool
) -> Ignorance:
    """What the images of a data set allow a decoder that ignores z.

    Args:
        likelihood: Of pixels that are independent given z.
        dataset: Its training images are measured.
        x: Pixels whose distortion is asked for, ``(N, C, H, W)``.
        y: Their labels ``(N,)``, for a conditional model.
        conditional: Whether the decoder gets the class.
    """
    likelihood = copy.deepcopy(likelihood).cpu()  # not all devices have double precision
    train = dataset.places("train")
    most = max(2, min(_MOST_IMAGES, _MOST_NUMBERS // dataset.images[0].numel()))
    places = torch.linspace(0, len(train) - 1, min(most, len(train)), dtype=torch.float64).round().long()
    pixels = dataset.seen(train[places]).cpu().double()
    if conditional and dataset.labels is not None and y is not None:
        groups, own = dataset.labels[train[places]], y.cpu()
    else:
        groups, own = torch.zeros(len(pixels), dtype=torch.long), torch.zeros(len(x), dtype=torch.long)
    num_groups = max(int(groups.max()), int(own.max())) + 1
    counts = torch.bincount(groups, minlength=num_groups).cpu().double()[:, None, None, None]
    sums = torch.zeros(num_groups, *pixels.shape[1:], dtype=torch.float64).index_add_(0, groups, pixels)
    overall = (pixels.sum(0) + _HALF_AN_IMAGE) / (len(pixels) + 2 * _HALF_AN_IMAGE)
    means = (sums + overall) / (counts + 1)  # a class of few images leans on all of them
    residual = (pixels - means[groups]).flatten(1)
    if isinstance(likelihood, Gaussian):
        # A learned σ fits the residuals of the decoder that it belongs to.
        learned = isinstance(likelihood, LearnedGaussian)
        sigma = residual.square().mean().sqrt() if learned else likelihood.sigma.cpu().double()
        output, scale = means, sigma.expand(num_groups, residual.shape[1])
    else:
        output = _output_of(likelihood, means)
        scale = _standard_deviation(likelihood, output).flatten(1)
    distortion = -_log_probs(likelihood, output, own, x).mean()
    if len(pixels) < _FEWEST_IMAGES:
        return Ignorance(float(distortion), None, None, len(pixels))
    eigenvalues, errors = _held_out(residual / scale[groups])
    largest, error = float(eigenvalues[:_LEADING].max()), float(errors[0])
    if eigenvalues[0] - _ERRORS * error <= 1:  # no evidence that any pays
        is_unknown = error > _LARGEST_ERROR
        critical, num_paying = (None, None) if is_unknown else (float(eigenvalues[0]), 0)
    else:
        critical, num_paying = largest, int((eigenvalues - _COUNTED * errors > 1).sum())
    return Ignorance(float(distortion), critical, num_paying, len(pixels))


def _log_probs(likelihood: Likelihood, output: Tensor, own: Tensor, x: Tensor | Seen) -> Tensor:
    """log p of each image ``(N,)`` under the output that is its own, in double precision, a few at a time."""
    size = rows_within(_COPIES * output[0].numel() * torch.float64.itemsize, most=_MOST_IMAGES)
    return torch.cat(
        [
            likelihood.log_prob(output[own[some]].cpu().double(), x[some].cpu().double())
            for some in slices(len(x), size)
        ]
    )


def _output_of(likelihood: Likelihood, mean: Tensor) -> Tensor:
    """The decoder's output at which the likelihood has a mean, found by bisection; it grows with the output."""
    low, high = torch.full_like(mean, -_LARGEST_LOGIT), torch.full_like(mean, _LARGEST_LOGIT)
    for _ in range(_NUM_BISECTIONS):
        middle = (low + high) / 2
        below = likelihood.mean(middle) < mean
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    return (low + high) / 2


@torch.enable_grad()
def _standard_deviation(likelihood: Likelihood, output: Tensor) -> Tensor:
    """Of a pixel: the output is the natural parameter, so that the slope of the mean is the variance."""
    output = output.detach().requires_grad_()
    (variance,) = torch.autograd.grad(likelihood.mean(output).sum(), output)
    return variance.clamp_min(1e-12).sqrt()


def _held_out(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues of the covariance of the rows, ``(N, P)``, whose mean is 0, and their standard errors.

    The directions with the largest variance in one half of the rows come first; what is given is the variance along
    them in the other half.
    """
    order = torch.randperm(len(rows), generator=generator(0, "diagnosis"))
    first, second = rows[order[::2]], rows[order[1::2]]
    ways = [_variances_along(first, second), _variances_along(second, first)]
    num = min(len(mean) for mean, _ in ways)
    (one, its_error), (other, other_error) = ((mean[:num], error[:num]) for mean, error in ways)
    return (one + other) / 2, torch.hypot(its_error, other_error) / 2


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
