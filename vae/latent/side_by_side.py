"""One model's reconstructions and decoded samples for a comparison of runs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vae.latent.embedding import prior_samples
from vae.models.batches import decoded as decoded_means
from vae.models.batches import log_probs, posteriors
from vae.models.vae import VAE
from vae.runtime.eval_mode import at_rest


@dataclass(frozen=True)
class Reconstructed:
    """What a model makes of some images.

    Attributes:
        images: E[x|z] at the posterior mean, ``(B, C, H, W)``.
        distortion: −log p(x|z) there, nats, ``(B,)``; no term of an ELBO, for which z is drawn.
        rate: KL(q(z|x) ‖ p(z)), nats, ``(B,)``; exact where the prior has a closed form.
    """

    images: Tensor
    distortion: Tensor
    rate: Tensor


@torch.no_grad()
@at_rest
def reconstructed(model: VAE, x: Tensor, y: Tensor | None) -> Reconstructed:
    """What a model makes of images at the means of their posteriors.

    Args:
        model: The model.
        x: Images ``(B, C, H, W)``, as `Dataset.pixels` makes them.
        y: Labels ``(B,)``, for a conditional model.
    """
    mean, log_var = posteriors(model, x, y)
    return Reconstructed(
        decoded_means(model, mean, y),
        -log_probs(model, mean, x, model.condition(y, len(x))),
        model.prior.rate_per_dim(mean, log_var).sum(1),
    )


@torch.no_grad()
@at_rest
def decoded(model: VAE, num: int, seed: int) -> Tensor:
    """Images ``(num, C, H, W)`` of the points of a seed: the same points for all models of one latent dimension."""
    return prior_samples(model, num, seed=seed)[1]
