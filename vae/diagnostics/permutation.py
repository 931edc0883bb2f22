"""Whether the decoder uses what it gets: what reconstruction loses where z, or the condition, is another image's."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from vae.models.batches import ModelInputs, log_probs
from vae.runtime.eval_mode import at_rest
from vae.runtime.seeding import generator

if TYPE_CHECKING:
    from vae.models.vae import VAE

#: Draws from the prior by which the decoder's response is measured.
NUM_PRIOR_DRAWS = 8
#: Images times latent dimensions that are decoded once more to look at the dimensions one by one.
_MOST_DECODED = 40_000
_FEWEST_IMAGES = 100


@dataclass(frozen=True)
class Rise:
    """By how much the distortion rises when a part of the decoder's input comes from another image.

    Attributes:
        nats: Mean over the images; about 0 where the decoder does not use that part.
        standard_error: Of that mean; the differences are taken image by image.
        num_images: How many images it is the mean of.
    """

    nats: float
    standard_error: float
    num_images: int

    @classmethod
    def of(cls, differences: Tensor) -> Rise:
        """The mean of the differences of each image, ``(N,)``."""
        values, num = differences.cpu().double(), len(differences)  # MPS has no double precision
        spread = float(values.std(correction=1)) if num > 1 else 0.0
        return cls(float(values.mean()) if num else 0.0, spread / math.sqrt(max(1, num)), num)


@dataclass(frozen=True)
class Usage:
    """What the decoder makes of z and of the condition.

    A permutation shows what the decoder loses of what the encoder put into z. It finds nothing in two cases, which the
    response tells apart: an idle encoder, whose z says nothing to a decoder that would listen (a large response), and a
    decoder that ignores z whatever it is (no response).

    Attributes:
        all: With all of z from another image.
        per_dim: With one latent dimension from another image, for each of them.
        condition: With the condition of an image of another class; None for an unconditional model.
        response: Standard deviation of log p(x|z) over z drawn from the prior, the mean over the images, nats.
        seed: Of the permutations and draws.
    """

    all: Rise
    per_dim: tuple[Rise, ...]
    condition: Rise | None
    response: float
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        return asdict(self)


def derangement(num: int, draw: torch.Generator) -> Tensor:
    """A random order of ``num`` places in which none keeps its own: everybody gets another's, ``(num,)``.

    A single place has no other and keeps its own.
    """
    order = torch.randperm(num, generator=draw)
    moved = torch.empty_like(order)
    moved[order] = order.roll(1)  # one cycle through all of them
    return moved


def permuted_rise(
    model: VAE, z: Tensor, x: Tensor | ModelInputs, condition: Tensor | None, log_prob: Tensor, order: Tensor
) -> Tensor:
    """The rise of the distortion with all of z permuted, image by image, ``(N,)`` nats; see `usage`."""
    return log_prob - log_probs(model, z[order], x, condition)


@torch.no_grad()
@at_rest
def usage(model: VAE, x: Tensor | ModelInputs, z: Tensor, y: Tensor | None = None, *, seed: int = 0) -> Usage:
    """Permute z across images, all of it and dimension by dimension, and the condition, and see what it costs.

    Args:
        model: Its decoder is asked.
        x: Pixels, shape ``(N, C, H, W)``, of two images at least.
        z: A sample of q(z|x) for each image, shape ``(N, D)``.
        y: Labels ``(N,)``, for a conditional model.
        seed: Of the permutations and of the draws from the prior.

    Source:
        Permutation importance: Breiman (2001), Random forests, https://doi.org/10.1023/A:1010933404324, with the
        decoder's distortion as the error.
    """
    draw = generator(seed, "diagnosis")
    condition = model.condition(y, len(x))
    log_prob = log_probs(model, z, x, condition)
    everything = permuted_rise(model, z, x, condition, log_prob, derangement(len(x), draw).to(z.device))
    few = min(len(x), max(_FEWEST_IMAGES, _MOST_DECODED // z.shape[1]))
    some = None if condition is None else condition[:few]
    each = []
    for dim in range(z.shape[1]):
        mixed = z[:few].clone()
        mixed[:, dim] = z[:few, dim][derangement(few, draw).to(z.device)]
        each.append(Rise.of(log_prob[:few] - log_probs(model, mixed, x, some)))
    response = []
    for _ in range(NUM_PRIOR_DRAWS):
        prior = model.prior.sample(few, draw).to(z)
        response.append(log_probs(model, prior, x, some).cpu().double())
    return Usage(
        all=Rise.of(everything),
        per_dim=tuple(each),
        condition=None if condition is None else _condition_rise(model, z, x, condition, log_prob, draw),
        response=float(torch.stack(response).std(0, correction=1).mean()),
        seed=seed,
    )


def _condition_rise(
    model: VAE, z: Tensor, x: Tensor | ModelInputs, condition: Tensor, log_prob: Tensor, draw: torch.Generator
) -> Rise:
    """Conditions permuted in the decoder alone; images that got one of their own class do not count."""
    other = condition[derangement(len(x), draw).to(z.device)]
    changed = (other != condition).any(1)
    return Rise.of((log_prob - log_probs(model, z, x, other))[changed])
