"""Chapter 3, Jensen's inequality: the mean of the logarithms lies below the logarithm of the mean."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from vae.evaluation.importance import log_weights
from vae.models.vae import VAE
from vae.runtime.eval_mode import at_rest
from vae.runtime.seeding import generator


@dataclass(frozen=True)
class Jensen:
    r"""The importance weights :math:`w_i = p(x, z_i) / q(z_i|x)` of one image, and both sides of the inequality, nats.

    Attributes:
        log_weights: log w of k samples z of q(z|x), shape ``(k,)``, double precision.
        mean_of_logs: The mean of log w: an estimate of the ELBO.
        log_of_mean: The logarithm of the mean of w: the importance-weighted bound of these k samples.
    """

    log_weights: Tensor
    mean_of_logs: float
    log_of_mean: float

    @property
    def gap(self) -> float:
        """By how much the mean of the logarithms lies lower, nats; never negative."""
        return self.log_of_mean - self.mean_of_logs

    @property
    def relative(self) -> Tensor:
        """Each weight over the mean weight, ``(k,)``: points on the curve of the logarithm, whose mean is 1."""
        return (self.log_weights - self.log_of_mean).exp()


@torch.no_grad()
@at_rest
def jensen(model: VAE, x: Tensor, y: Tensor | None = None, *, k: int = 64, seed: int = 0) -> Jensen:
    """Both sides of Jensen's inequality for the importance weights of one image.

    Args:
        model: The model.
        x: One image, ``(1, C, H, W)``.
        y: Its label ``(1,)``, or weights of the classes ``(1, K)``, for a conditional model.
        k: Samples.
        seed: Of the samples.

    Raises:
        UserError: If k is out of range.

    Source:
        Burda, Grosse & Salakhutdinov (2016), https://arxiv.org/abs/1509.00519
    """
    found = log_weights(model, x, y, k, generator(seed, "importance"))[0]
    return Jensen(found, float(found.mean()), float(found.logsumexp(0) - math.log(k)))
