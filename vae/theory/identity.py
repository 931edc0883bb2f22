"""Chapter 5, log p(x) = ELBO + KL(q ‖ p(z|x)): exact by `vae.evaluation.exact_posterior`, or a bound that climbs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vae.evaluation.importance import bound_by_blocks, log_weights
from vae.models.vae import VAE
from vae.runtime.eval_mode import at_rest
from vae.runtime.seeding import generator

#: Samples in each weighted average.
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


@dataclass(frozen=True)
class Climb:
    """The importance-weighted bound of one image over k, nats.

    Attributes:
        k: Samples in each weighted average.
        bound: The mean over blocks of k samples. At k = 1 it is the ELBO.
    """

    k: tuple[int, ...]
    bound: tuple[float, ...]

    @property
    def elbo(self) -> float:
        """The bound at k = 1."""
        return self.bound[0]

    @property
    def gap_at_least(self) -> float:
        """What is known of KL(q(z|x) ‖ p(z|x)): at least the climb from k = 1 to the largest k."""
        return self.bound[-1] - self.bound[0]


@torch.no_grad()
@at_rest
def climb(
    model: VAE, x: Tensor, y: Tensor | None = None, *, sizes: tuple[int, ...] = SIZES, seed: int = 0
) -> Climb:
    """The importance-weighted bound of one image as k grows, all from the same samples.

    Args:
        model: The model.
        x: One image, ``(1, C, H, W)``.
        y: Its label ``(1,)``, or weights of the classes ``(1, K)``, for a conditional model.
        sizes: Values of k, ascending.
        seed: Of the samples.

    Source:
        Burda, Grosse & Salakhutdinov (2016), theorem 1, https://arxiv.org/abs/1509.00519
    """
    weights = log_weights(model, x, y, sizes[-1], generator(seed, "importance"))
    return Climb(sizes, tuple(float(bound_by_blocks(weights, size)) for size in sizes))
