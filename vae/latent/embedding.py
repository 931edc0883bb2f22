"""Points of the latent space and what the decoder makes of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vae.data.dataset import Dataset, Part
from vae.errors import UserError
from vae.models.batches import ModelInputs, decoded, posteriors
from vae.models.memory_budget import rows_for
from vae.models.priors import Prior, StandardNormal
from vae.models.vae import VAE
from vae.runtime import html
from vae.runtime.eval_mode import at_rest
from vae.runtime.seeding import generator
from vae.storage.confined import is_plain
from vae.storage.finite_tensors import check_finite

if TYPE_CHECKING:
    from vae.runs.run import Run

#: File of a run with the posteriors of its test images, written when training ends.
LATENT_FILE = "latent"
#: How far a slider goes to either side where the prior's range is asked for.
PRIOR_RANGE = 3.0
#: Why what is spaced by the quantiles of the prior is left out.
NO_QUANTILES = (
    "this needs the quantiles of the prior, and that of this run has none; use the standard normal for it"
)
#: Images and halvings that the ends of `ranges` are computed with.
_NUM_FOR_RANGES = 2000
_NUM_BISECTIONS = 24
_NORMAL = torch.distributions.Normal(0.0, 1.0)


@dataclass(frozen=True)
class Embedding:
    """Posteriors of images: means and log-variances ``(N, D)``, labels ``(N,)`` or None, indices in the data set."""

    mean: Tensor
    log_var: Tensor
    labels: Tensor | None
    index: Tensor

    def _repr_html_(self) -> str:
        """A card of how many there are and how far they reach, in a notebook."""
        num, latent_dim = self.mean.shape
        rows: dict[str, object] = {
            "images": num,
            "latent dimensions": latent_dim,
            "labels": None if self.labels is None else f"of {len(self.labels.unique()):,} classes",
        }
        if num:
            low, high = float(self.mean.min()), float(self.mean.max())
            rows["posterior means"] = f"from {low:.2f} to {high:.2f}"
            rows["posterior σ"] = f"{float((0.5 * self.log_var).exp().mean()):.3g} on average"
        return html.card("Embedding", html.table(rows))

    def to_tensors(self) -> dict[str, Tensor]:
        """The tensors as they are kept in a file, shapes as in the class; labels are left out if there are none."""
        tensors = {"mean": self.mean, "log_var": self.log_var, "index": self.index}
        return tensors if self.labels is None else {**tensors, "labels": self.labels}


@dataclass(frozen=True)
class Projection:
    """A plane through the latent space: the point ``mean`` and two orthonormal directions ``components``.

    A latent point z lies at ``(z − mean) · componentsᵀ`` in the plane; a point p of it is ``mean + p · components``.
    ``explained`` is the share of the variance of the embedded means that the plane shows.
    """

    mean: Tensor
    components: Tensor
    explained: float

    def project(self, z: Tensor) -> Tensor:
        """Latent points ``(N, D)`` to the plane, ``(N, 2)``."""
        return (z - self.mean) @ self.components.T


@torch.no_grad()
@at_rest
def embed(model: VAE, dataset: Dataset, part: Part = "test", *, seed: int = 0) -> Embedding:
    """The posterior of every image of a part.

    Pixels are as in training; with dynamic binarisation they are drawn by the seed, as for all that is measured.

    Raises:
        UserError: If the part holds no images.
    """
    means, log_vars = [], []
    for batch in ModelInputs.by(model, dataset, part, seed=seed).batches(model):
        mean, log_var = model.posterior(batch.x, batch.y)
        means.append(mean.cpu())
        log_vars.append(log_var.cpu())
    index = dataset.places(part)
    labels = None if dataset.labels is None else dataset.labels[index]
    return Embedding(torch.cat(means), torch.cat(log_vars), labels, index)


@torch.no_grad()
@at_rest
def pace(model: VAE) -> float:
    """About how many images a second `embed` encodes, measured on blank batches, of which the fastest counts."""
    weight, num = next(model.parameters()), rows_for(model)
    blank = weight.new_zeros(num, model.info.channels, model.info.height, model.info.width)
    labels = torch.zeros(num, dtype=torch.int64, device=weight.device)
    seconds = []
    for _ in range(4):
        began = time.perf_counter()
        model.posterior(blank, labels if model.num_conditions else None)
        seconds.append(time.perf_counter() - began)
    return num / max(1e-6, min(seconds))


def kept_embedding(run: Run) -> Embedding | None:
    """The posteriors of the test images that training left in the run, under its best weights; None if there are none.

    Raises:
        CheckpointError: If the file is damaged or belongs to another model.
    """
    from vae.storage.safetensors_header import CheckpointError
    from vae.storage.safetensors_io import check_shapes, load

    if not is_plain(run.path / f"{LATENT_FILE}.safetensors"):
        return None
    tensors, _ = load(run.path, LATENT_FILE)
    num = tensors["index"].numel() if "index" in tensors else 0
    numbers = torch.empty(num, run.config.model.latent_dim, device="meta")
    whole_numbers = torch.empty(num, dtype=torch.int64, device="meta")
    expected = {"mean": numbers, "log_var": numbers, "index": whole_numbers}
    labels = tensors.get("labels")
    check_shapes(
        tensors,
        expected if labels is None else {**expected, "labels": whole_numbers},
        f"{LATENT_FILE}.safetensors",
    )
    if labels is not None and num and not 0 <= int(labels.min()) <= int(labels.max()) < run.info.num_classes:
        raise CheckpointError(
            f"{LATENT_FILE}.safetensors must have labels from 0 to {run.info.num_classes - 1}, got {int(labels.min())} "
            f"to {int(labels.max())}; delete the file and it is computed again from the data"
        )
    return Embedding(tensors["mean"], tensors["log_var"], labels, tensors["index"])


def principal_plane(z: Tensor) -> Projection:
    """The plane of largest variance through latent points ``(N, D)``; for D = 2 the latent space itself.

    Of points that all lie at one place it is the plane of the first two dimensions, which explains nothing.

    Raises:
        UserError: If a coordinate is not finite.
    """
    num_dims = z.shape[1]
    if num_dims == 2:
        return Projection(z.new_zeros(2), torch.eye(2).to(z), 1.0)
    if num_dims == 1:
        return Projection(z.new_zeros(1), z.new_tensor([[1.0], [0.0]]), 1.0)
    check_finite("latent points", z)
    mean = z.mean(0)
    centred = (z - mean).cpu().double()
    variances, directions = torch.linalg.eigh(centred.T @ centred)
    components = directions[:, -2:].flip(1).T
    # A sign that does not depend on the solver: the largest weight of each direction is positive.
    largest = components.gather(1, components.abs().argmax(1, keepdim=True))
    components = components * largest.sign()
    explained = float(variances[-2:].sum() / variances.sum().clamp_min(1e-300))
    return Projection(mean, components.to(z.dtype), explained)


def rate_order(rate_per_dim: Tensor) -> list[int]:
    """Latent dimensions from the largest rate to the smallest."""
    return [int(dim) for dim in rate_per_dim.argsort(descending=True, stable=True)]


def ranges(mean: Tensor, log_var: Tensor, *, share: float = 0.999) -> list[tuple[float, float]]:
    r"""For each dimension the interval that holds the middle ``share`` of the aggregate posterior.

    The aggregate posterior :math:`q(z) = \tfrac1N \sum_n q(z|x_n)` is a mixture of Gaussians, whose quantiles are
    found by bisection; where it equals the prior, the interval is about ±3.29. Of many images, evenly spaced ones
    stand for all.

    Args:
        mean: Posterior means, shape ``(N, D)``, of one image at least.
        log_var: Posterior log-variances, shape ``(N, D)``.
        share: Between 0 and 1.
    """
    step = -(-len(mean) // _NUM_FOR_RANGES)
    mean, sigma = mean[::step].cpu().double(), torch.exp(0.5 * log_var[::step].cpu().double())
    tail = (1 - share) / 2
    ends = []
    for goal in (tail, 1 - tail):
        low, high = (mean - 8 * sigma).amin(0), (mean + 8 * sigma).amax(0)
        for _ in range(_NUM_BISECTIONS):
            middle = (low + high) / 2
            below = _NORMAL.cdf((middle - mean) / sigma).mean(0) < goal
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        ends.append((low + high) / 2)
    return [(float(low), float(high)) for low, high in zip(*ends, strict=True)]


def prior_points(num: int, latent_dim: int, *, seed: int, temperature: float = 1.0) -> Tensor:
    """Points z ~ N(0, temperature² I), ``(num, D)``: drawn on the CPU in single precision, the same on every device."""
    return torch.randn(num, latent_dim, generator=generator(seed, "prior")) * temperature


def prior_draws(prior: Prior, num: int, *, seed: int, temperature: float = 1.0) -> Tensor:
    """Points of a model's prior, ``(num, D)``, drawn on the CPU; of the standard normal, those of `prior_points`.

    Raises:
        UserError: If another prior than the standard normal shall have a temperature.
    """
    if isinstance(prior, StandardNormal):
        return prior_points(num, prior.latent_dim, seed=seed, temperature=temperature)
    if temperature != 1:
        raise UserError(
            f"temperature must be 1 for a prior that is not the standard normal, got {temperature:g}; set it to 1"
        )
    return prior.sample(num, generator(seed, "prior"))


@torch.no_grad()
@at_rest
def prior_samples(
    model: VAE, num: int, *, seed: int = 0, label: int | None = None, temperature: float = 1.0
) -> tuple[Tensor, Tensor]:
    """New images: z of the prior, then decode; the standard normal's has the standard deviation ``temperature``.

    Args:
        model: If conditional, ``label`` says which class; None takes each class in turn.
        num: How many, from 1.
        seed: One seed, one set of z, whatever the label.
        label: A class, for a conditional model.
        temperature: Standard deviation of z; 1 is the prior.

    Returns:
        Latent points ``(num, D)`` and the means of p(x|z), ``(num, C, H, W)``.
    """
    z = prior_draws(model.prior, num, seed=seed, temperature=temperature)
    z = z.to(next(model.parameters()))
    y = None
    if model.num_conditions:
        turns = torch.arange(num, device=z.device) % model.num_conditions
        y = turns if label is None else torch.full_like(turns, label)
    return z, decoded(model, z, y)


@torch.no_grad()
@at_rest
def manifold(
    model: VAE, size: int = 15, *, label: int | None = None, dims: tuple[int, int] = (0, 1)
) -> Tensor:
    """Decoded grid over the prior's quantiles of two dimensions, the others at their median, ``(size², C, H, W)``.

    Rows run from high to low in the second dimension, as on a map.

    Raises:
        UserError: If the prior has no quantiles.

    Source:
        Kingma & Welling (2014), appendix A: the inverse Gaussian CDF of a regular grid.
    """
    weight = next(model.parameters())
    shares = (torch.arange(size).to(weight) + 0.5) / size
    grid = weight.new_full((size * size, model.config.latent_dim), 0.5)
    grid[:, dims[0]] = shares.repeat(size)
    if model.config.latent_dim > 1:
        grid[:, dims[1]] = shares.flip(0).repeat_interleave(size)
    z = model.prior.quantile(grid)
    if z is None:
        raise UserError(NO_QUANTILES)
    y = torch.full((len(z),), label or 0, device=z.device) if model.num_conditions else None
    return decoded(model, z, y)


@torch.no_grad()
@at_rest
def reconstructions(model: VAE, images: Tensor, labels: Tensor | None = None) -> Tensor:
    """E[x|z] at the posterior mean of each image, ``(B, C, H, W)``."""
    mean, _ = posteriors(model, images, labels)
    return decoded(model, mean, labels)
