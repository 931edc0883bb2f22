"""What a decoder can do without z, and up to which β it pays to say anything through z at all."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vae.diagnostics.held_out_variance import Spectrum, noise_variance, some_of_train, spectrum
from vae.models.batches import ModelInputs, slices
from vae.models.likelihoods import SMALLEST_LEARNED_SIGMA, Gaussian, LearnedGaussian, Likelihood
from vae.models.memory_budget import rows_within

if TYPE_CHECKING:
    from vae.data.dataset import Dataset

#: Images whose likelihood is computed at once, at most.
_MOST_IMAGES = 2000
#: Copies of an image's pixels that its likelihood makes, the pixels and the output among them.
_COPIES = 6
#: No pixel's mean is taken to be nearer to black or white than this share of an image.
_HALF_AN_IMAGE = 0.5
#: So many main directions may change places between the two halves.
_LEADING = 3
_NUM_BISECTIONS = 60
_LARGEST_LOGIT = 30.0


@dataclass(frozen=True)
class NoLatentBaseline:
    r"""The best decoder that ignores z: one picture for all images, or one for each class if there is a condition.

    Around it the objective is that of a linear model with Gaussian noise: with the residuals divided by the noise's
    standard deviation, a direction of their covariance with the eigenvalue λ pays for its rate if and only if λ > β.
    So by the linear model the largest eigenvalue is the β above which a model collapses; far below it a collapse is an
    accident of training. Of a deeper model it says that the first, faintest word does not pay above it; whether a
    louder one would, a result of second order cannot say.

    Attributes:
        distortion: Of the given images under that decoder, nats per example.
        critical_beta: The largest eigenvalue; None if there are too few images to know it.
        num_paying: Eigenvalues above 1, by more than chance: the dimensions that the linear model uses at β = 1, if it
            has as many; None likewise.
        num_images: Training images that it was estimated from.
        is_empty: Whether no direction pays at β = 1 where a Gaussian's σ is what these residuals are, whatever σ the
            likelihood has: whether there is nothing to encode; None likewise.
        spectrum: All the eigenvalues, held out, see `vae.diagnostics.held_out_variance`.
        distortions: Of each of the given images, nats, ``(N,)``.
        without_class: For a conditional model: of each image under one picture for all classes, nats, ``(N,)``.
    """

    distortion: float
    critical_beta: float | None
    num_paying: int | None
    num_images: int
    is_empty: bool | None = None
    spectrum: Spectrum = field(default_factory=lambda: Spectrum((), ()))
    distortions: Tensor = field(default_factory=lambda: torch.zeros(0), compare=False)
    without_class: Tensor | None = field(default=None, compare=False)


def is_simple(likelihood: Likelihood) -> bool:
    """Whether a likelihood's best output for a pixel and its noise are known: Gaussian, or a natural parameter."""
    return isinstance(likelihood, Gaussian) or likelihood.has_natural_output


@torch.no_grad()
def no_latent_baseline(
    likelihood: Likelihood, dataset: Dataset, x: Tensor | ModelInputs, y: Tensor | None, *, conditional: bool
) -> NoLatentBaseline:
    """What the images of a data set allow a decoder that ignores z.

    Args:
        likelihood: Of pixels that are independent given z; `is_simple`.
        dataset: Its training images are measured.
        x: Pixels whose distortion is asked for, ``(N, C, H, W)``.
        y: Their labels ``(N,)``, for a conditional model.
        conditional: Whether the decoder gets the class.
    """
    likelihood = copy.deepcopy(likelihood).cpu()  # not all devices have double precision
    places = some_of_train(dataset)
    pixels = dataset.seen(places).cpu().double()
    one, its_own = torch.zeros(len(pixels), dtype=torch.long), torch.zeros(len(x), dtype=torch.long)
    if not conditional or dataset.labels is None or y is None:
        best, residual = _best_pictures(likelihood, pixels, one, 1)
        own, without_class = its_own, None
    else:
        overall, _ = _best_pictures(likelihood, pixels, one, 1)
        without_class = _log_probs(overall, its_own, x).neg()
        groups, own = dataset.labels[places], y.cpu()
        num_groups = max(int(groups.max()), int(own.max())) + 1
        best, residual = _best_pictures(likelihood, pixels, groups, num_groups)
    distortions = _log_probs(best, own, x).neg()
    found = spectrum(residual)
    critical, num_paying = _critical(found)
    fitting = found
    if isinstance(likelihood, Gaussian):
        fitting = found.scaled((best.sigma / best.fitting_sigma) ** 2)
    return NoLatentBaseline(
        distortion=float(distortions.mean()),
        critical_beta=critical,
        num_paying=num_paying,
        num_images=len(pixels),
        is_empty=fitting.num_paying() == 0 if fitting.is_known() else None,
        spectrum=found,
        distortions=distortions,
        without_class=without_class,
    )


def _critical(found: Spectrum) -> tuple[float | None, int | None]:
    """The largest eigenvalue and how many are above 1; None where these images cannot tell."""
    if not found.is_known():
        return None, None
    num = found.num_paying()
    return (max(found.variances[:_LEADING]), num) if num else (found.variances[0], 0)


@dataclass(frozen=True)
class _Pictures:
    """One output of the decoder for each group of images, ``(G, C, H, W)``, and the likelihood that it is of.

    Of a Gaussian likelihood also its standard deviation, and the one that its residuals have.
    """

    likelihood: Likelihood
    output: Tensor
    sigma: float = 1.0
    fitting_sigma: float = 1.0


def _best_pictures(
    likelihood: Likelihood, pixels: Tensor, groups: Tensor, num_groups: int
) -> tuple[_Pictures, Tensor]:
    """The best pictures, and what they leave of the images in units of the noise, ``(N, P)``."""
    counts = torch.bincount(groups, minlength=num_groups).cpu().double()[:, None, None, None]
    sums = torch.zeros(num_groups, *pixels.shape[1:], dtype=torch.float64).index_add_(0, groups, pixels)
    overall = (pixels.sum(0) + _HALF_AN_IMAGE) / (len(pixels) + 2 * _HALF_AN_IMAGE)
    means = (sums + overall) / (counts + 1)  # a class of few images leans on all of them
    residual = (pixels - means[groups]).flatten(1)
    if isinstance(likelihood, Gaussian):
        fitting = max(float(residual.square().mean().sqrt()), SMALLEST_LEARNED_SIGMA)
        if isinstance(likelihood, LearnedGaussian):
            likelihood = Gaussian(fitting)  # a learned σ would have come to what these residuals are
        sigma = float(likelihood.sigma)
        return _Pictures(likelihood, means, sigma, fitting), residual / sigma
    output = _output_of(likelihood, means)
    scale = noise_variance(likelihood, output).sqrt().flatten(1)
    return _Pictures(likelihood, output), residual / scale[groups]


def _log_probs(pictures: _Pictures, own: Tensor, x: Tensor | ModelInputs) -> Tensor:
    """log p of each image ``(N,)`` under the picture that is its own, in double precision, a few at a time."""
    output = pictures.output
    size = rows_within(_COPIES * output[0].numel() * torch.float64.itemsize, most=_MOST_IMAGES)
    return torch.cat(
        [
            pictures.likelihood.log_prob(output[own[some]].cpu().double(), x[some].cpu().double())
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
