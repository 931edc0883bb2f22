"""Chapter 2, the pipeline: one image through the whole model, with every number on the way."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vae.models.vae import VAE
from vae.runtime.eval_mode import at_rest


@dataclass(frozen=True)
class OnePass:
    """One image through encoder, sampling, decoder and loss.

    Attributes:
        mean, log_var: Of q(z|x), each ``(D,)``.
        sigma: Its standard deviations, ``(D,)``.
        noise: ε, ``(D,)``.
        z: μ + σ ⊙ ε, ``(D,)``.
        image: E[x|z], ``(C, H, W)``.
        distortion: −log p(x|z), nats.
        rate_per_dim: KL(q(z|x) ‖ p(z)) by dimension, nats, ``(D,)``.
        beta: The weight of the KL.
    """

    mean: Tensor
    log_var: Tensor
    sigma: Tensor
    noise: Tensor
    z: Tensor
    image: Tensor
    distortion: float
    rate_per_dim: Tensor
    beta: float

    @property
    def rate(self) -> float:
        """The KL, nats."""
        return float(self.rate_per_dim.sum())

    @property
    def loss(self) -> float:
        """Reconstruction plus β times the KL, nats; at β = 1 the negative ELBO of one sample."""
        return self.distortion + self.beta * self.rate


@torch.no_grad()
@at_rest
def one_pass(
    model: VAE, x: Tensor, y: Tensor | None = None, noise: Tensor | None = None, *, beta: float = 1.0
) -> OnePass:
    """Send one image through the model.

    Args:
        model: The model.
        x: One image, ``(1, C, H, W)``.
        y: Its label ``(1,)``, or weights of the classes ``(1, K)``, for a conditional model.
        noise: ε, ``(D,)``; without it ε is 0, so that z is the posterior's mean.
        beta: The weight of the KL.
    """
    latent_dim = model.config.latent_dim
    epsilon = x.new_zeros(1, latent_dim) if noise is None else noise.to(x).reshape(1, latent_dim)
    batch = model.posterior_batch(x, y, noise=epsilon)
    return OnePass(
        mean=batch.mean[0],
        log_var=batch.log_var[0],
        sigma=torch.exp(0.5 * batch.log_var[0]),
        noise=epsilon[0],
        z=batch.z[0],
        image=model.decode(batch.z, y)[0],
        distortion=float(batch.terms.distortion),
        rate_per_dim=batch.terms.rate_per_dim[0],
        beta=beta,
    )
