"""log p(x) from many weighted samples of the posterior: the importance-weighted bound, on whole parts of the data."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vae.data import Dataset, Part
from vae.errors import UserError
from vae.evaluation import MeanOf, chosen_images
from vae.model import VAE
from vae.randomness import generator

#: Samples for each image unless the user asks for others: those of the published tables.
NUM_SAMPLES = 5000
#: Most samples for each image.
MOST_SAMPLES = 1_000_000
#: Sizes at which the curve over k is drawn, as far as there are so many samples.
CURVE = (1, 5, 50, 500, 5000)
#: Numbers that the widest layer of the decoder may hold at once: what the processor's cache takes, and a GPU's memory.
_NUMBERS = {"cpu": 1 << 20, "cuda": 1 << 26, "mps": 1 << 24}
#: Latent points that are decoded at once, at most.
_MOST_ROWS = 8192
#: Single-precision numbers of a block that is allocated once, see `_keep_memory`: just below what the allocator minds.
_BLOCK = 7 << 20
#: A median effective sample size below this, of a hundred samples or more, is told.
_TINY = 5.0

#: Told how many images of how many are done; an exception that it raises ends the work.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Point:
    """One point of the curve over k.

    Attributes:
        k: Samples in each weighted average.
        bound: The mean over images, and over the blocks of k samples, of the bound, with the error over images.
        num_blocks: Blocks of k samples that each image's samples were cut into.
    """

    k: int
    bound: MeanOf
    num_blocks: int


@dataclass(frozen=True)
class ImportanceBound:
    r"""The importance-weighted bound of a set of images, nats per example.

    Attributes:
        log_prob: For each image, shape ``(N,)``, double precision.
        effective_size: Effective sample size of each image's weights, :math:`(\sum w)^2 / \sum w^2`, from 1 to k.
        rows: Which images of the part they are, shape ``(N,)``, ascending.
        curve: The bound at fewer samples, from the same samples.
        k: Samples for each image.
        seed: Of the samples (and of dynamic binarisation).
    """

    log_prob: Tensor
    effective_size: Tensor
    rows: Tensor
    curve: tuple[Point, ...]
    k: int
    seed: int

    @property
    def bound(self) -> MeanOf:
        """The mean over the images, with its standard error."""
        return MeanOf.of(self.log_prob)

    @property
    def sampling_error(self) -> Tensor:
        """The standard error of each image's estimate that comes from the k samples alone, nats, ``(N,)``.

        By the delta method, √(1/ESS − 1/k); where the effective size is tiny it is itself too small.
        """
        return (1 / self.effective_size - 1 / self.k).clamp(min=0).sqrt()

    def warnings(self) -> list[str]:
        """What keeps the number from being log p(x), as sentences."""
        median = float(self.effective_size.median())
        if self.k < 100 or median >= _TINY:
            return []
        return [
            f"the weights of half the images have an effective size below {median:.1f} of {self.k:,} samples: the "
            "bound may lie well below log p(x); take more samples, or compare with annealed importance sampling"
        ]

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        sizes = self.effective_size
        return {
            "log_prob": self.bound.mean,
            "neg_log_prob": -self.bound.mean,
            "standard_error": self.bound.standard_error,
            "sampling_error": float(self.sampling_error.square().sum().sqrt()) / len(self.log_prob),
            "k": self.k,
            "num_images": len(self.log_prob),
            "seed": self.seed,
            "effective_size": {
                "mean": float(sizes.mean()),
                "median": float(sizes.median()),
                "min": float(sizes.min()),
            },
            "curve": [
                {
                    "k": point.k,
                    "log_prob": point.bound.mean,
                    "standard_error": point.bound.standard_error,
                    "num_blocks": point.num_blocks,
                }
                for point in self.curve
            ],
            "warnings": self.warnings(),
        }


@torch.no_grad()
def importance_bound(
    model: VAE,
    dataset: Dataset,
    part: Part = "test",
    *,
    k: int = NUM_SAMPLES,
    num_images: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> ImportanceBound:
    r"""The importance-weighted bound of the images of a part.

    .. math:: \log \hat p(x) = \log \frac1k \sum_{i=1}^k \frac{p(x|z_i) p(z_i)}{q(z_i|x)}, \quad z_i \sim q(z|x)

    Its expectation rises with k, from the ELBO at k = 1 towards log p(x). Memory does not depend on the number of
    images, nor, beyond 8 bytes for each sample of one image, on k.

    Args:
        model: On any device; its training mode is left as it is.
        dataset: Pixels are made as it says (``binarize``).
        part: ``"train"``, ``"validation"`` or ``"test"``.
        k: Samples for each image, from 1 to `MOST_SAMPLES`.
        num_images: So many images, drawn by the seed; without, all of the part.
        seed: One seed, one number on one device.
        progress: Told of the images done.

    Raises:
        UserError: If k is out of range, or there are no images.

    Source:
        Burda, Grosse & Salakhutdinov (2016), https://arxiv.org/abs/1509.00519
    """
    check_samples(k)
    _keep_memory()
    device = next(model.parameters()).device
    noise = generator(seed, "importance", device)
    sizes = [size for size in CURVE if size <= k]
    sizes += [] if sizes[-1] == k else [k]
    found, effective, rows = [], [], []
    curve: list[list[Tensor]] = [[] for _ in sizes]
    done = 0
    for batch in chosen_images(model, dataset, part, num_images, seed):
        condition = model.condition(batch.y, len(batch.x))
        mean, log_var = model.encoder(batch.x, condition)
        for some in _groups(model, len(batch.x), k):
            log_weights = _log_weights(
                model,
                batch.x[some],
                None if condition is None else condition[some],
                (mean[some], log_var[some]),
                k,
                noise,
            )
            for place, size in enumerate(sizes):
                curve[place].append(_bound_by_blocks(log_weights, size).cpu())
            found.append((log_weights.logsumexp(1) - math.log(k)).cpu())
            log_shares = log_weights - log_weights.logsumexp(1, keepdim=True)
            effective.append((-(2 * log_shares).logsumexp(1)).exp().cpu())
            done += len(found[-1])
            if progress is not None:
                progress(done, batch.total)
        rows.append(batch.rows)
    points = [
        Point(size, MeanOf.of(torch.cat(values)), k // size)
        for size, values in zip(sizes, curve, strict=True)
    ]
    return ImportanceBound(torch.cat(found), torch.cat(effective), torch.cat(rows), tuple(points), k, seed)


@torch.no_grad()
def log_weights(
    model: VAE, x: Tensor, y: Tensor | None, k: int, noise: torch.Generator | None = None
) -> Tensor:
    """log p(x|z) + log p(z) − log q(z|x) for k samples z of each posterior, shape ``(B, k)``, double precision.

    Args:
        model: The model.
        x: Images ``(B, C, H, W)``, as `Dataset.pixels` makes them.
        y: Labels ``(B,)`` or weights of the classes ``(B, K)``, for a conditional model.
        k: Samples for each image.
        noise: Where the samples are drawn from.

    Raises:
        UserError: If k is out of range.
    """
    check_samples(k)
    condition = model.condition(y, len(x))
    return _log_weights(model, x, condition, model.encoder(x, condition), k, noise)


def _keep_memory() -> None:
    """Let the C library keep memory that is freed, for the chunk that comes next.

    It gives blocks of a few megabytes back to the system and fetches them anew, page by page, which takes longer than
    to fill them. A larger block that comes and goes teaches it to keep them; its pages are never touched.
    """
    torch.empty(_BLOCK)


def check_samples(k: int) -> None:
    """Refuse a number of samples that cannot be.

    Raises:
        UserError: If it is not from 1 to `MOST_SAMPLES`.
    """
    if not 1 <= k <= MOST_SAMPLES:
        raise UserError(f"k must be from 1 to {MOST_SAMPLES:,} samples, got {k:,}; use {NUM_SAMPLES}")


def _log_weights(
    model: VAE,
    x: Tensor,
    condition: Tensor | None,
    posterior: tuple[Tensor, Tensor],
    k: int,
    noise: torch.Generator | None,
) -> Tensor:
    mean, log_var = posterior
    num, num_dims = mean.shape
    scale = torch.exp(0.5 * log_var)
    # Σ log σ, which is what is left of −log q beside the noise's own density.
    volume = 0.5 * log_var.sum(1, keepdim=True).double()
    found = torch.empty(num, k, dtype=torch.float64, device=x.device)
    num_chunks = math.ceil(num * k / max_rows(model))
    for place in torch.arange(k).chunk(min(k, num_chunks)):
        size, start = len(place), int(place[0])
        epsilon = torch.empty(num, size, num_dims, dtype=mean.dtype, device=x.device)
        epsilon.normal_(generator=noise)
        z = torch.addcmul(mean[:, None], scale[:, None], epsilon)
        log_prob = model.log_prob_of_many(z.flatten(0, 1), *repeated(x, condition, size)).unflatten(
            0, (num, size)
        )
        densities = (epsilon.square_() - z.square_()).sum(2)  # of prior over posterior, twice the logarithm
        found[:, start : start + size] = log_prob.double() + 0.5 * densities.double() + volume
    return found


def repeated(x: Tensor, condition: Tensor | None, times: int) -> tuple[Tensor, Tensor | None]:
    """Images and conditions for so many latent points of each image, which stand one after the other."""

    def repeat(values: Tensor) -> Tensor:
        if len(values) == 1:  # no copy
            return values.expand(times, *values.shape[1:])
        return values.repeat_interleave(times, 0)

    return repeat(x), None if condition is None else repeat(condition)


def max_rows(model: VAE) -> int:
    """How many latent points are decoded at once, so that the widest layer fits into the fastest memory there is."""
    config, info = model.config, model.info
    widest = max(info.num_pixels, *config.hidden, 1)
    if config.network == "conv":
        # Each convolution halves the sides, rounded up.
        height, width = (info.height + 1) // 2, (info.width + 1) // 2
        for channels in config.channels:
            widest = max(widest, channels * height * width)
            height, width = (height + 1) // 2, (width + 1) // 2
    numbers = _NUMBERS.get(next(model.parameters()).device.type, 1 << 20)
    return max(1, min(_MOST_ROWS, numbers // widest))


def _groups(model: VAE, num: int, k: int) -> Iterator[slice]:
    """Images that are worked on together: one, or as many as have few samples."""
    size = max(1, max_rows(model) // k)
    for start in range(0, num, size):
        yield slice(start, start + size)


def _bound_by_blocks(log_weights: Tensor, size: int) -> Tensor:
    """The bound of blocks of so many samples, their mean for each image; samples that fill no block are left out."""
    num_blocks = log_weights.shape[1] // size
    blocks = log_weights[:, : num_blocks * size].unflatten(1, (num_blocks, size))
    return (blocks.logsumexp(2) - math.log(size)).mean(1)
