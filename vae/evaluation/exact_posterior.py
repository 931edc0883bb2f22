"""Exact log p(x) and the true posterior of a model with one or two latent dimensions, by quadrature."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from vae.data.dataset import Dataset, Part
from vae.errors import UserError
from vae.evaluation.importance import Progress, max_rows, repeated
from vae.evaluation.quadrature import (
    axis,
    bulk,
    climbed,
    halved,
    hermite,
    holding,
    local_maxima,
    nearest,
    settled,
    with_neighbours,
)
from vae.evaluation.true_posterior import ExactPosterior, ExactPosteriors
from vae.models.batches import ModelInputs, chosen_images, posteriors
from vae.models.memory_budget import BUDGET, FLOAT, image_bytes, rows_within
from vae.models.priors import Prior, StandardNormal, posterior_log_prob, standard_normal_log_prob
from vae.models.vae import VAE
from vae.runtime.eval_mode import at_rest
from vae.runtime.seeding import generator
from vae.storage.finite_tensors import check_finite

#: Nats by which an integral may still change when its grid is made finer.
TOLERANCE = 1e-4
#: Most latent dimensions that a grid can cover.
MOST_DIMS = 2
#: Side of the cells of the first look, and how far it reaches, in the prior's standard deviations.
_FIRST_SIDE = 0.1
_FIRST_REACH = 7.0
#: Points of another prior that say how far out it lies.
_NUM_FOR_REACH = 1000
#: No posterior is looked for further out.
_LAST_REACH = 60.0
#: Cells this many nats below the best are looked at no closer, at first and once: a peak between them may be missed.
_FIRST_DEPTH = 40.0
_SECOND_DEPTH = 15.0
_MOST_HALVINGS = 12
_MOST_CELLS = 400_000
#: Peaks of the first look that are climbed, and how near to its top, in nats, a cell's centre must lie to have seen it.
_MOST_PEAKS = 12
_SEEN = 1.0
#: Sums over pixels are exact to so many units in the last place of their sum.
_ROUNDING = 4
#: Reach of a grid over a Gaussian posterior, in its standard deviations.
_GAUSSIAN_REACH = 7.0
#: Points to a side at first: of Gauss's rule, most of whose nodes weigh nothing, and which a decoder's kinks mislead if
#: it has few; and of that grid.
_GAUSS_POINTS, _GRID_POINTS = 128, 32
#: What is kept of each of many images.
_NUMBERS = ("log_prob", "elbo", "gap", "change")
_TENSORS = ("mean", "covariance", "q_mean", "q_log_var")


@torch.no_grad()
@at_rest
def exact_posterior(
    model: VAE, x: Tensor, y: Tensor | None = None, *, tolerance: float = TOLERANCE
) -> ExactPosterior:
    """The true posterior of one image by quadrature, log p(x), the exact ELBO and the gap between them, in nats.

    Args:
        model: With one or two latent dimensions.
        x: The image, ``(1, C, H, W)``, as `Dataset.pixels` makes it.
        y: Its label ``(1,)``, or weights of the classes ``(1, K)``, for a conditional model.
        tolerance: Nats by which each integral may still change; where log p(x) is so large that the weights' precision
            does not allow it, as much as that allows.

    Raises:
        UserError: If the model has more than two latent dimensions, there is more than one image, or a number is not
            finite.

    Source:
        log p(x) = ELBO + KL(q ‖ p(z|x)): Kingma & Welling (2014), https://arxiv.org/abs/1312.6114
    """
    if len(x) != 1:
        raise UserError(
            f"the exact posterior is computed for one image at a time, got {len(x)}; `exact_posteriors` takes many"
        )
    check_grid(model, tolerance)
    condition = model.condition(y, 1)
    mean, log_var = model.encoder(x, condition)
    look = _FirstLook(model, x, [0], condition, float(mean.abs().max()))
    return _truth(model, x, condition, mean[0], log_var[0], look, tolerance)


@torch.no_grad()
@at_rest
def exact_posteriors(
    model: VAE,
    dataset: Dataset,
    part: Part = "test",
    *,
    num_images: int | None = None,
    seed: int = 0,
    tolerance: float = TOLERANCE,
    progress: Progress | None = None,
) -> ExactPosteriors:
    """The exact posteriors of the images of a part, or of a random sample of them.

    Raises:
        UserError: If the model has more than two latent dimensions, there are no images, or a number is not finite.
    """
    check_grid(model, tolerance)
    found: dict[str, list[Any]] = {name: [] for name in (*_NUMBERS, *_TENSORS)}
    rows, done = [], 0
    for batch in chosen_images(model, dataset, part, num_images, seed):
        for one in each_exact_posterior(model, batch.x, batch.y, tolerance=tolerance):
            for name, values in found.items():  # its grid is forgotten
                values.append(getattr(one, name))
            done += 1
            if progress is not None:
                progress(done, batch.total)
        rows.append(batch.rows)
    numbers = {name: torch.tensor(found[name], dtype=torch.float64) for name in _NUMBERS}
    tensors = {name: torch.stack(found[name]) for name in _TENSORS}
    return ExactPosteriors(**numbers, **tensors, rows=torch.cat(rows), seed=seed)


@torch.no_grad()
def each_exact_posterior(
    model: VAE, x: Tensor | ModelInputs, y: Tensor | None, *, tolerance: float = TOLERANCE
) -> Iterator[ExactPosterior]:
    """The truth of each of several images ``(B, C, H, W)`` in turn; they share what they can of the first look."""
    check_grid(model, tolerance)
    condition = model.condition(y, len(x))
    mean, log_var = posteriors(model, x, y)
    reach = float(mean.abs().max())
    keys = [()] * len(x) if condition is None else [tuple(one) for one in condition.tolist()]
    looks: dict[tuple[float, ...], _FirstLook] = {}
    for place, key in enumerate(keys):
        own = None if condition is None else condition[place : place + 1]
        if key not in looks:
            alike = [other for other in range(place, len(x)) if keys[other] == key]
            looks[key] = _FirstLook(model, x, alike, own, reach)
        image = x[place : place + 1]
        yield _truth(model, image, own, mean[place], log_var[place], looks[key], tolerance)


def check_grid(model: VAE, tolerance: float = TOLERANCE) -> None:
    """Refuse what no grid can do.

    Raises:
        UserError: If the model has more than two latent dimensions, or the tolerance is not positive.
    """
    num_dims = model.config.latent_dim
    if num_dims > MOST_DIMS:
        raise UserError(
            f"a grid covers at most {MOST_DIMS} latent dimensions, got {num_dims}; use importance weighting or "
            "annealed importance sampling"
        )
    if not tolerance > 0:
        raise UserError(f"tolerance must be > 0 nats, got {tolerance:g}; use {TOLERANCE:g}")


def _prior_reach(prior: Prior) -> float:
    """How far from 0 a prior lies; that of the standard normal is covered by any grid."""
    if isinstance(prior, StandardNormal):
        return 0.0
    return float(prior.exact().sample(_NUM_FOR_REACH, generator(0, "prior")).abs().max())


class _FirstLook:
    """log p(x, z), about, on the cells of a wide regular grid, for images of one condition.

    The decoder's output there is one for all of them. It is kept where that takes little memory; else so many images at
    once are measured by each piece of it that their tables take little.

    Args:
        model: With one or two latent dimensions.
        x: Images, ``(B, C, H, W)``.
        places: Which of them: those that are looked at, one after the other.
        condition: Theirs, ``(1, K)``, or None.
        reach: How far their posteriors' means lie out.
    """

    def __init__(
        self,
        model: VAE,
        x: Tensor | ModelInputs,
        places: Sequence[int],
        condition: Tensor | None,
        reach: float,
    ) -> None:
        self.model, self.condition = model, condition
        self._x, self._left = x, list(places)
        self.reach = max(_FIRST_REACH, min(_LAST_REACH, 1.1 * max(reach, _prior_reach(model.prior)) + 1))
        self._spread_out()

    def _spread_out(self) -> None:
        """Lay the grid; what was known of a narrower one is forgotten."""
        places = axis(-self.reach, self.reach, math.ceil(2 * self.reach / _FIRST_SIDE))
        self.side = float(places[1] - places[0])
        num_dims = self.model.config.latent_dim
        self.points = torch.cartesian_prod(*[places] * num_dims).reshape(-1, num_dims)
        self._log_prior = self.model.prior.exact().log_prob(self.points)
        self._outputs: list[Tensor] | None = None
        self._tables: list[Tensor] = []
        kept = len(self.points) * image_bytes(self.model.info)
        if self.model.config.decoder == "independent" and kept <= BUDGET:
            self._outputs = list(self._decoded())

    def _decoded(self) -> Iterator[Tensor]:
        """The decoder's output at the centres, piece by piece."""
        weight = next(self.model.parameters())
        for z in self.points.split(max_rows(self.model)):
            condition = None if self.condition is None else self.condition.expand(len(z), -1)
            yield self.model.decoder(z.to(weight), condition)

    def widen(self) -> bool:
        """Look further out; False if that was the end."""
        if self.reach >= _LAST_REACH:
            return False
        self.reach = min(_LAST_REACH, 1.6 * self.reach)
        self._spread_out()
        return True

    def log_joint(self, x: Tensor) -> Tensor:
        """log p(x, z) of the image that is looked at, ``(1, C, H, W)``, at the centres, about, double precision."""
        if self.model.config.decoder != "independent":
            return _log_joint(self.model, x, self.condition)(self.points)
        if self._outputs is not None:
            found = torch.cat([self._table(output, x)[0] for output in self._outputs])
        else:
            found = self._of_this()
        return found.cpu().double() + self._log_prior

    def _of_this(self) -> Tensor:
        """The row of the image that is looked at, of a table of as many of the next ones as take little memory."""
        if not self._tables:
            num = rows_within(FLOAT * len(self.points), most=len(self._left))
            some = self._x[torch.tensor(self._left[:num])]
            self._tables = list(torch.cat([self._table(output, some) for output in self._decoded()], 1))
        return self._tables[0]

    def _table(self, output: Tensor, x: Tensor) -> Tensor:
        return self.model.likelihood.log_prob_table(output, x)

    def go_on(self) -> None:
        """Look at the next image."""
        self._left.pop(0)
        del self._tables[:1]


def _truth(
    model: VAE,
    x: Tensor,
    condition: Tensor | None,
    q_mean: Tensor,
    q_log_var: Tensor,
    look: _FirstLook,
    tolerance: float,
) -> ExactPosterior:
    check_finite("the encoder's mean and log-variance", torch.cat([q_mean, q_log_var]))
    log_joint = _log_joint(model, x, condition)
    size = float(log_joint(q_mean.cpu().double()[None]))
    precision = torch.finfo(q_mean.dtype).eps
    tolerance = max(tolerance, _ROUNDING * precision * abs(size))
    points, log_values, side, change = _posterior_cells(log_joint, look, x, q_mean, tolerance)
    look.go_on()
    num_dims = points.shape[1]
    log_prob = float(log_values.logsumexp(0)) + num_dims * math.log(side)
    density = (log_values - log_prob).exp()
    shares = density * side**num_dims
    mean = shares @ points
    centred = points - mean
    covariance = (centred * shares[:, None]).T @ centred
    covariance += torch.eye(num_dims, dtype=torch.float64) * (side**2 / 12)  # of the mass within a cell
    q_mean, q_log_var = q_mean.cpu().double(), q_log_var.cpu().double()
    (elbo, of_elbo), (gap, of_gap) = _over_posterior(
        model.prior.exact(), log_joint, q_mean, q_log_var, log_prob, tolerance
    )
    change = max(change, of_elbo, of_gap)
    check_finite("log p(x), the ELBO and the gap", torch.tensor([log_prob, elbo, gap]))
    return ExactPosterior(
        log_prob, elbo, gap, change, mean, covariance, q_mean, q_log_var, points, density, side, log_joint
    )


def _posterior_cells(
    log_joint: Callable[[Tensor], Tensor], look: _FirstLook, x: Tensor, q_mean: Tensor, tolerance: float
) -> tuple[Tensor, Tensor, float, float]:
    """Centres of cells over the true posterior's mass, log p(x, z) there, a cell's side, and how log p(x) changed."""
    while True:
        values, points, side = look.log_joint(x), look.points, look.side
        check_finite("log p(x, z) at its largest", values.max())
        near = points[values > values.max() - _FIRST_DEPTH]
        if float(near.abs().max()) < look.reach - 2 * side or not look.widen():
            break
    # A mode may be so narrow that it lies between the centres: the cells of all peaks are kept until it shows.
    starts = torch.cat([local_maxima(values, points, _MOST_PEAKS), q_mean.cpu().double()[None]])
    peaks, heights = climbed(log_joint, starts, side)
    best = max(float(values.max()), float(heights.max()))
    high = heights > best - _SECOND_DEPTH
    peaks, heights = peaks[high], heights[high]
    kept = (values > best - _FIRST_DEPTH) | holding(peaks, points, side)
    integral = change = math.inf
    num_dims = points.shape[1]
    for halving in range(_MOST_HALVINGS):
        finer, half = halved(with_neighbours(points[kept], side), side)
        if len(finer) > _MOST_CELLS:
            if math.isfinite(change):
                break  # as it is, with what it still changed by
            raise UserError(
                f"the grid over the true posterior needs more than {_MOST_CELLS:,} cells; the decoder changes too "
                "fast for quadrature: use importance weighting"
            )
        points, side, values = finer, half, log_joint(finer)
        before, integral = integral, float(values.logsumexp(0)) + num_dims * math.log(side)
        change = abs(integral - before)
        if change < tolerance and bool((values[nearest(peaks, points)] > heights - _SEEN).all()):
            break
        kept = values > values.max() - _SECOND_DEPTH if not halving else bulk(values)
        kept |= holding(peaks, points, side)
    return points, values, side, change


def _over_posterior(
    prior: Prior,
    log_joint: Callable[[Tensor], Tensor],
    q_mean: Tensor,
    q_log_var: Tensor,
    log_prob: float,
    tolerance: float,
) -> tuple[tuple[float, float], tuple[float, float]]:
    """The ELBO by Gauss's rule and the gap by a grid of equal cells, each as `settled` gives it."""
    scale = torch.exp(0.5 * q_log_var)
    num_dims = len(q_mean)
    kl = prior.kl(q_mean[None], q_log_var[None])

    def elbo(num: int) -> float:
        # Exact for polynomials of z of degree 2 num − 1.
        nodes, shares = hermite(num)
        u = torch.cartesian_prod(*[nodes] * num_dims).reshape(-1, num_dims)
        weights = torch.cartesian_prod(*[shares] * num_dims).reshape(-1, num_dims).prod(1)
        z = q_mean + scale * u
        if kl is None:
            return float(weights @ (log_joint(z) - posterior_log_prob(u, q_log_var).sum(1)))
        return float(weights @ (log_joint(z) - prior.log_prob(z))) - float(kl.sum())

    def gap(num: int) -> float:
        places = axis(-_GAUSSIAN_REACH, _GAUSSIAN_REACH, num)
        u = torch.cartesian_prod(*[places] * num_dims).reshape(-1, num_dims)
        log_q = standard_normal_log_prob(u)
        weights = (log_q - log_q.logsumexp(0)).exp()
        log_posterior = log_joint(q_mean + scale * u) - log_prob
        return float(weights @ (log_q - 0.5 * q_log_var.sum() - log_posterior))

    return settled(elbo, tolerance, _GAUSS_POINTS), settled(gap, tolerance, _GRID_POINTS)


def _log_joint(model: VAE, x: Tensor, condition: Tensor | None) -> Callable[[Tensor], Tensor]:
    """z ``(M, D)`` to log p(x, z), both in double precision and on the CPU, for one image."""
    prior = model.prior.exact()

    @torch.no_grad()
    def found(z: Tensor) -> Tensor:
        parts = [
            model.log_prob_of_many(some.to(x), *repeated(x, condition, len(some))).cpu().double()
            for some in z.split(max_rows(model))
        ]
        return torch.cat(parts) + prior.log_prob(z)

    return found
