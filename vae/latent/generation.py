"""Conditional generation (one style as every class, class mixing), mixtures fitted to the posteriors, truncation."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vae.errors import UserError
from vae.latent.embedding import Embedding, prior_points
from vae.models.batches import decoded
from vae.models.vae import VAE
from vae.runtime.eval_mode import at_rest
from vae.runtime.seeding import generator
from vae.storage.finite_tensors import check_finite

#: Sizes of which `fit_mixture` takes the one with the lowest BIC.
MIXTURE_SIZES = (1, 2, 5, 10, 20)
#: Points that a mixture is fitted to at most; of more, so many are drawn.
MAX_FITTED = 20_000


@torch.no_grad()
@at_rest
def every_class(model: VAE, z: Tensor) -> Tensor:
    """Each latent point decoded under each class.

    Args:
        model: A conditional model with K classes.
        z: Latent points, ``(N, D)``.

    Returns:
        Means of p(x|z, y), ``(N, K, C, H, W)``: a row is one z, a column is one class.

    Raises:
        UserError: If the model is not conditional.
    """
    num_classes = _num_classes(model)
    z = z.to(next(model.parameters()))
    images = [
        decoded(model, z, torch.full((len(z),), label, device=z.device)).cpu() for label in range(num_classes)
    ]
    return torch.stack(images, 1)


@torch.no_grad()
@at_rest
def class_mix(model: VAE, z: Tensor, start: int, end: int, num: int = 9) -> tuple[Tensor, Tensor]:
    """One latent point decoded under conditions from one class to another.

    The condition is (1 − t) · one-hot(start) + t · one-hot(end). Training showed the model pure classes alone, so that
    what lies between them is its own invention.

    Args:
        model: A conditional model with K classes.
        z: A latent point, ``(D,)``.
        start: The class at t = 0.
        end: The class at t = 1.
        num: Steps, both ends among them, from 2.

    Returns:
        The shares t, ``(num,)``, and the means of p(x|z, y), ``(num, C, H, W)``.

    Raises:
        UserError: If the model is not conditional, a class is out of range, or there are fewer than two steps.
    """
    num_classes = _num_classes(model)
    if not (0 <= start < num_classes and 0 <= end < num_classes):
        raise UserError(
            f"classes must be from 0 to {num_classes - 1}, got {start} and {end}; number them from 0"
        )
    if num < 2:
        raise UserError(f"num must be >= 2, got {num}; use 9")
    z = z.to(next(model.parameters()))
    share = torch.linspace(0, 1, num).to(z)
    weights = z.new_zeros(num, num_classes)
    weights[:, start] += 1 - share
    weights[:, end] += share
    return share.cpu(), decoded(model, z.expand(num, -1), weights).cpu()


def truncate(z: Tensor, limit: float) -> Tensor:
    r"""Points of the standard normal prior moved into the box where every coordinate is at most ``limit`` in size.

    .. math:: z'_d = \operatorname{sign}(z_d) \sqrt 2 \, \operatorname{erf}^{-1}\bigl(
        \operatorname{erf}(|z_d| / \sqrt 2) \operatorname{erf}(t / \sqrt 2) \bigr)

    Each coordinate keeps its quantile, so that draws from the prior become draws from the prior truncated to
    :math:`|z_d| \le t`, and the same noise gives images that can be compared one by one.

    Args:
        z: Draws from N(0, I), any shape.
        limit: t, above 0.

    Returns:
        The shape and type of ``z``.

    Raises:
        UserError: If the limit is not a positive number.

    Source:
        Brock, Donahue & Simonyan (2019), section 3.1 (the truncation trick), https://arxiv.org/abs/1809.11096
    """
    if not limit > 0:
        raise UserError(f"limit must be > 0, got {limit:g}; use 1")
    root = math.sqrt(2)
    share = torch.erf(z.cpu().double().abs() / root) * math.erf(limit / root)
    return (z.cpu().double().sign() * root * torch.erfinv(share)).clamp(-limit, limit).to(z)


@dataclass(frozen=True)
class Mixture:
    """A mixture of Gaussians with full covariances, fitted to the aggregate posterior.

    Attributes:
        weights: Of the components, float64, ``(M,)``; they sum to 1.
        means: ``(M, D)``.
        factors: Lower Cholesky factors of the covariances, ``(M, D, D)``.
        bic: BIC of each number of components that was tried; the lowest was taken.
        num_points: Points that it was fitted to.
    """

    weights: Tensor
    means: Tensor
    factors: Tensor
    bic: dict[int, float]
    num_points: int

    @property
    def num_components(self) -> int:
        """M."""
        return len(self.weights)

    def sample(self, num: int, *, seed: int = 0) -> Tensor:
        """Latent points ``(num, D)``, float64; their noise is that of the prior's points of the same seed."""
        noise = prior_points(num, self.means.shape[1], seed=seed).cpu().double()
        place = torch.rand(num, generator=generator(seed, "mixture"), dtype=torch.float64)
        last = self.num_components - 1
        which = torch.searchsorted(self.weights.cumsum(0), place, right=True).clamp(max=last)
        return self.means[which] + (self.factors[which] @ noise[:, :, None])[:, :, 0]

    def log_prob(self, z: Tensor) -> Tensor:
        """Log-density at latent points ``(N, D)``, nats, ``(N,)``."""
        components = torch.distributions.MultivariateNormal(
            self.means, scale_tril=self.factors, validate_args=False
        )
        each: Tensor = components.log_prob(z.cpu().double()[:, None])
        return torch.logsumexp(each + self.weights.log(), 1)


def posterior_draws(embedding: Embedding, *, seed: int = 0) -> Tensor:
    """One draw from each image's posterior: together, draws from the aggregate posterior, float64, ``(N, D)``."""
    mean = embedding.mean.cpu().double()
    noise = torch.randn(mean.shape, generator=generator(seed, "mixture"), dtype=torch.float64)
    return mean + torch.exp(0.5 * embedding.log_var.cpu().double()) * noise


def fit_mixture(
    embedding: Embedding, sizes: Sequence[int] = MIXTURE_SIZES, *, seed: int = 0, max_points: int = MAX_FITTED
) -> Mixture:
    """Fit a Gaussian mixture to the aggregate posterior, by expectation maximisation.

    It is fitted to one draw from the posterior of each image, not to the means: those alone would be too narrow by the
    posteriors' own widths.

    Args:
        embedding: Posteriors of the images, two at least.
        sizes: Numbers of components to try; the one with the lowest Bayesian information criterion is taken. Sizes
            above a tenth of the points are left out, unless none would remain.
        seed: Of the draws and of the first guesses.
        max_points: Of more images than these, so many are drawn.

    Raises:
        UserError: If there are fewer than two images, or no size, or a posterior is not finite.

    Source:
        scikit-learn's GaussianMixture; Schwarz (1978) for the criterion.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    z = posterior_draws(embedding, seed=seed)
    check_finite("the posteriors", z)
    if len(z) < 2 or not sizes or min(sizes) < 1:
        raise UserError(
            f"a mixture needs two images at least and sizes from 1, got {len(z)} and {tuple(sizes)}; use more"
        )
    if len(z) > max_points:
        z = z[torch.randperm(len(z), generator=generator(seed, "mixture"))[:max_points]]
    points = z.numpy()
    fitted = []
    for size in [size for size in sizes if size <= len(z) / 10] or [1]:
        model = GaussianMixture(size, random_state=seed, max_iter=200, reg_covar=1e-6)
        with warnings.catch_warnings():
            # After 200 rounds a large mixture still creeps; its likelihood differs by less than the draws make it.
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted.append((float(model.fit(points).bic(points)), size, model))
    _, _, best = min(fitted, key=lambda item: item[:2])
    return Mixture(
        weights=torch.from_numpy(best.weights_),
        means=torch.from_numpy(best.means_),
        factors=torch.linalg.cholesky(torch.from_numpy(best.covariances_)),
        bic={size: bic for bic, size, _ in fitted},
        num_points=len(z),
    )


def _num_classes(model: VAE) -> int:
    if not model.num_conditions:
        raise UserError(
            "this needs a conditional model, got one without a condition; train with model.conditional"
        )
    return model.num_conditions
