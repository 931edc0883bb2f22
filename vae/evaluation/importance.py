"""The importance-weighted bound on log p(x), on whole parts of the data."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vae.data.dataset import Dataset, Part
from vae.errors import UserError
from vae.evaluation.proposals import Proposal, check_proposal, drawn
from vae.models.batches import chosen_images
from vae.models.memory_budget import UNKNOWN_NETWORK
from vae.models.vae import VAE
from vae.runtime import html
from vae.runtime.cpu_threads import one_core_each
from vae.runtime.eval_mode import at_rest
from vae.runtime.mean_of import MeanOf, known
from vae.runtime.seeding import generator
from vae.storage.finite_tensors import check_finite

#: Samples for each image unless the user asks for others: those of the published tables.
NUM_SAMPLES = 5000
#: Most samples for each image.
MOST_SAMPLES = 1_000_000
#: Sizes at which the curve over k is drawn, as far as there are so many samples.
CURVE = (1, 5, 50, 500, 5000)
#: Numbers that the widest layer of the decoder may hold at once: what the processor's cache takes, and a GPU's memory.
_NUMBERS = {"cpu": 1 << 20, "cuda": 1 << 26, "mps": 1 << 24}
#: Latent points that are decoded at once, at most.
MOST_ROWS = 8192
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
        proposal: Where the samples came from, see `vae.evaluation.proposals`.
    """

    log_prob: Tensor
    effective_size: Tensor
    rows: Tensor
    curve: tuple[Point, ...]
    k: int
    seed: int
    proposal: Proposal = "posterior"

    @property
    def bound(self) -> MeanOf:
        """The mean over the images, with its standard error."""
        return MeanOf.of(self.log_prob)

    @property
    def sampling_error(self) -> Tensor:
        """The standard error of each image's estimate that comes from the k samples alone, nats, ``(N,)``.

        By the delta method, √(1/ESS − 1/k). Where q(z|x) misses a part of the true posterior that no sample has met, it
        is itself too small: weights of the mixture of proposals do not do that.
        """
        return (1 / self.effective_size - 1 / self.k).clamp(min=0).sqrt()

    def _sampling_error_of_mean(self) -> float | None:
        """Of the mean over the images; None where for a tenth of them too few samples count for a guess."""
        if self.k == 1 or float((self.effective_size < _TINY).cpu().double().mean()) > 0.1:
            return None
        return float(self.sampling_error.square().sum().sqrt()) / len(self.log_prob)

    def _repr_html_(self) -> str:
        """A card of the bound, and what keeps it from being log p(x), in a notebook."""
        rows = {
            "log p(x) is at least": html.nats(self.bound.mean, self.bound.standard_error),
            "samples for each image": self.k,
            "proposal": self.proposal,
            "effective samples": f"{float(self.effective_size.median()):,.1f} (median)",
            "images": len(self.log_prob),
        }
        said = (html.paragraph(sentence) for sentence in self.warnings())
        return html.card("Importance-weighted bound", html.table(rows), *said)

    def warnings(self) -> list[str]:
        """What keeps the number from being log p(x), as sentences."""
        median = float(self.effective_size.median())
        if self.k < 100 or median >= _TINY:
            return []
        return [
            f"for half of the images, about {median:.1f} of {self.k:,} samples or fewer really count: the bound may "
            "lie well below log p(x); take more "
            f"samples{', the mixture as proposal' if self.proposal == 'posterior' else ''}, or compare with "
            "annealed importance sampling"
        ]

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        sizes = self.effective_size
        return {
            "log_prob": self.bound.mean,
            "neg_log_prob": -self.bound.mean,
            "standard_error": known(self.bound.standard_error),
            "sampling_error": self._sampling_error_of_mean(),
            "k": self.k,
            "num_images": len(self.log_prob),
            "seed": self.seed,
            "proposal": self.proposal,
            "effective_size": {
                "mean": float(sizes.mean()),
                "median": float(sizes.median()),
                "min": float(sizes.min()),
            },
            "curve": [
                {
                    "k": point.k,
                    "log_prob": point.bound.mean,
                    "standard_error": known(point.bound.standard_error),
                    "num_blocks": point.num_blocks,
                }
                for point in self.curve
            ],
            "warnings": self.warnings(),
        }


@torch.no_grad()
@at_rest
def importance_bound(
    model: VAE,
    dataset: Dataset,
    part: Part = "test",
    *,
    k: int = NUM_SAMPLES,
    num_images: int | None = None,
    seed: int = 0,
    proposal: Proposal = "posterior",
    progress: Progress | None = None,
) -> ImportanceBound:
    r"""The importance-weighted bound of the images of a part.

    .. math:: \log \hat p(x) = \log \frac1k \sum_{i=1}^k \frac{p(x|z_i) p(z_i)}{q(z_i|x)}, \quad z_i \sim q(z|x)

    Its expectation rises with k, from the ELBO at k = 1 towards log p(x). With the mixture as proposal it begins lower,
    and comes closer where q(z|x) is too narrow. Memory does not depend on the number of images, nor, beyond 8 bytes for
    each sample of one image, on k.

    Args:
        model: On any device; its training mode is left as it is.
        dataset: Pixels are made as it says (``binarize``).
        part: ``"train"``, ``"validation"`` or ``"test"``.
        k: Samples for each image, from 1 to `MOST_SAMPLES`.
        num_images: So many images, drawn by the seed; without, all of the part.
        seed: One seed, one number on one device.
        proposal: ``"posterior"``, q(z|x) as in published tables, or ``"mixture"``, see
            `vae.evaluation.proposals.drawn`.
        progress: Told of the images done.

    Raises:
        UserError: If k is out of range, there is no such proposal, there are no images, or the bound is not finite.

    Source:
        Burda, Grosse & Salakhutdinov (2016), https://arxiv.org/abs/1509.00519
    """
    check_samples(k)
    check_proposal(proposal)
    _keep_memory()
    sizes = [size for size in CURVE if size <= k]
    sizes += [] if sizes[-1] == k else [k]

    @torch.no_grad()
    def measured(group: _Group) -> _Figures:
        device = group.x.device
        noise = torch.Generator(device).manual_seed(group.seed)
        weights = _log_weights(model, group.x, group.condition, group.posterior, k, noise, proposal)
        total = weights.logsumexp(1)
        return _Figures(
            (total - math.log(k)).tolist(),
            (2 * total - (2 * weights).logsumexp(1)).exp().tolist(),
            [bound_by_blocks(weights, size).tolist() for size in sizes],
        )

    seeds = generator(seed, "importance")
    found: list[_Figures] = []
    rows, done = [], 0
    with one_core_each(_num_at_once(model)) as each:
        for batch in chosen_images(model, dataset, part, num_images, seed):
            condition = model.condition(batch.y, len(batch.x))
            posterior = model.encoder(batch.x, condition)
            for figures in each(measured, _groups(model, batch.x, condition, posterior, k, seeds)):
                found.append(figures)
                done += len(figures.log_prob)
                if progress is not None:
                    progress(done, batch.total)
            rows.append(batch.rows)

    def joined(lists: Iterable[list[float]]) -> Tensor:
        return torch.tensor([value for values in lists for value in values], dtype=torch.float64)

    log_prob = joined(figures.log_prob for figures in found)
    check_finite("the importance-weighted bound of each image", log_prob)
    points = [
        Point(size, MeanOf.of(joined(values)), k // size)
        for size, *values in zip(sizes, *(figures.curve for figures in found), strict=True)
    ]
    return ImportanceBound(
        log_prob,
        joined(figures.effective_size for figures in found),
        torch.cat(rows),
        tuple(points),
        k,
        seed,
        proposal,
    )


@torch.no_grad()
@at_rest
def log_weights(
    model: VAE,
    x: Tensor,
    y: Tensor | None,
    k: int,
    noise: torch.Generator | None = None,
    proposal: Proposal = "posterior",
) -> Tensor:
    """log p(x|z) + log p(z) − log q(z|x) for k samples z of each posterior, shape ``(B, k)``.

    In double precision, on the CPU.

    Args:
        model: The model.
        x: Images ``(B, C, H, W)``, as `Dataset.pixels` makes them.
        y: Labels ``(B,)`` or weights of the classes ``(B, K)``, for a conditional model.
        k: Samples for each image.
        noise: Where the samples are drawn from.
        proposal: What stands for q(z|x), in the sampling and in the weights.

    Raises:
        UserError: If k is out of range, or there is no such proposal.
    """
    check_samples(k)
    check_proposal(proposal)
    condition = model.condition(y, len(x))
    return _log_weights(model, x, condition, model.encoder(x, condition), k, noise, proposal)


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
    proposal: Proposal,
) -> Tensor:
    num = len(x)
    found = torch.empty(num, k, dtype=torch.float64)
    num_chunks = math.ceil(num * k / max_rows(model))
    for place in torch.arange(k).chunk(min(k, num_chunks)):
        size, start = len(place), int(place[0])
        z, prior_over_proposal = drawn(proposal, *posterior, size, noise, model.prior)
        log_prob = model.log_prob_of_many(z.flatten(0, 1), *repeated(x, condition, size))
        found[:, start : start + size] = log_prob.cpu().unflatten(0, (num, size)) + prior_over_proposal
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
    widest = max(info.num_pixels * model.likelihood.num_parameters, *config.hidden, 1)
    if not config.has_known_layers:
        widest *= UNKNOWN_NETWORK
    elif config.network == "conv":
        # Each convolution halves the sides, rounded up.
        height, width = (info.height + 1) // 2, (info.width + 1) // 2
        for channels in config.channels:
            widest = max(widest, channels * height * width)
            height, width = (height + 1) // 2, (width + 1) // 2
    numbers = _NUMBERS.get(next(model.parameters()).device.type, 1 << 20)
    return max(1, min(MOST_ROWS, numbers // widest))


@dataclass(frozen=True)
class _Group:
    """Images that are worked on together, with a seed of their own: so it does not matter which are done first."""

    x: Tensor
    condition: Tensor | None
    posterior: tuple[Tensor, Tensor]
    seed: int


@dataclass(frozen=True)
class _Figures:
    """What became of a group: see `ImportanceBound`; the curve has the bound of each image for each size.

    They are no tensors: small ones that stay, among large ones that come and go, keep the C library from using its
    memory again, and two megabytes are lost with each image.
    """

    log_prob: list[float]
    effective_size: list[float]
    curve: list[list[float]]


def _groups(
    model: VAE,
    x: Tensor,
    condition: Tensor | None,
    posterior: tuple[Tensor, Tensor],
    k: int,
    seeds: torch.Generator,
) -> Iterator[_Group]:
    """Groups of one image, or of as many as have few samples."""
    size = max(1, max_rows(model) // k)
    for start in range(0, len(x), size):
        some = slice(start, start + size)
        own = None if condition is None else condition[some]
        seed = int(torch.randint(1 << 62, (), generator=seeds))
        yield _Group(x[some], own, (posterior[0][some], posterior[1][some]), seed)


def _num_at_once(model: VAE) -> int | None:
    """Groups that are worked on at once; one where that is no gain, or the networks are a user's own."""
    on_cpu = next(model.parameters()).device.type == "cpu"
    return None if on_cpu and model.config.network != "external" else 1


def bound_by_blocks(log_weights: Tensor, size: int) -> Tensor:
    """The bound of blocks of so many samples, their mean for each image; samples that fill no block are left out."""
    num_blocks = log_weights.shape[1] // size
    blocks = log_weights[:, : num_blocks * size].unflatten(1, (num_blocks, size))
    return (blocks.logsumexp(2) - math.log(size)).mean(1)
