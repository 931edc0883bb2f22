"""What a single step did: its batch before and after it, under the same noise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from vae.runtime.eval_mode import evaluating

if TYPE_CHECKING:
    from torch import Tensor

    from vae.models.vae import VAE

Effect = dict[str, float]


class StepEffect:
    """Measures a batch when it is made, and again by `after`; the model's own draws and statistics stay as they are.

    Args:
        model: In training, before the step.
        x: Pixels of the batch, ``(B, C, H, W)``.
        y: Its labels, for a conditional model.
        seed: Of the noise that z is sampled with, both times.
    """

    def __init__(self, model: VAE, x: Tensor, y: Tensor | None, seed: int) -> None:
        self._model, self._x, self._y = model, x, y
        draw = torch.Generator().manual_seed(seed)
        self._noise = torch.randn(len(x), model.config.latent_dim, generator=draw).to(x)
        self._before = self._measure()
        self._weights = [weight.detach().clone() for weight in model.parameters()]

    @torch.no_grad()
    def _measure(self) -> tuple[float, float]:
        with evaluating(self._model):
            terms = self._model.posterior_batch(self._x, self._y, noise=self._noise).mean_terms
        return float(terms.distortion), float(terms.rate_per_dim.sum())

    @torch.no_grad()
    def after(self) -> Effect | None:
        """Reconstruction and KL of the batch before and after, nats per image, and how far the weights moved.

        Returns:
            ``weights_moved`` is the length of the change divided by that of the weights. None if one is not finite.
        """
        distortion, rate = self._measure()
        moved = sum(
            float((now - before).square().sum())
            for now, before in zip(self._model.parameters(), self._weights, strict=True)
        )
        length = sum(float(before.square().sum()) for before in self._weights)
        effect = {
            "num_images": len(self._x),
            "distortion_before": self._before[0],
            "distortion_after": distortion,
            "rate_before": self._before[1],
            "rate_after": rate,
            "weights_moved": math.sqrt(moved / length) if length else 0.0,
        }
        return effect if all(map(math.isfinite, effect.values())) else None
