"""Chapter 4, the ELBO in both of its forms, term by term, for one image."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vae.evaluation.importance import max_rows, repeated
from vae.evaluation.proposals import drawn
from vae.models.priors import posterior_log_prob
from vae.models.vae import VAE
from vae.runtime.eval_mode import at_rest
from vae.runtime.mean_of import MeanOf
from vae.runtime.seeding import generator

#: Samples of q(z|x) over which the expectations are taken.
NUM_SAMPLES = 2000


@dataclass(frozen=True)
class ElboForms:
    r"""The terms of both forms of the ELBO of one image, nats.

    With H the entropy of q(z|x):
    :math:`E_q[\log p(x|z)] - KL(q \| p) = E_q[\log p(x|z)] + E_q[\log p(z)] + H[q]`.

    Attributes:
        log_likelihood: E[log p(x|z)] over q(z|x), the mean over samples with its standard error. The reconstruction
            term of the loss is its negative.
        rate_per_dim: KL(q(z|x) ‖ p(z)) by dimension, ``(D,)``.
        log_prior: E[log p(z)] over q(z|x), exact where the KL is.
        entropy: H[q(z|x)], exact.
        sampled_elbo: Mean of log p(x, z) − log q(z|x) over the same samples, with its standard error: needs no closed
            form.
        beta: The weight of the KL in training.
    """

    log_likelihood: MeanOf
    rate_per_dim: Tensor
    log_prior: float
    entropy: float
    sampled_elbo: MeanOf
    beta: float

    @property
    def distortion(self) -> float:
        """The reconstruction term, −E[log p(x|z)]."""
        return -self.log_likelihood.mean

    @property
    def rate(self) -> float:
        """KL(q(z|x) ‖ p(z))."""
        return float(self.rate_per_dim.sum())

    @property
    def elbo(self) -> float:
        """First form: E[log p(x|z)] − KL; always at β = 1."""
        return self.log_likelihood.mean - self.rate

    @property
    def elbo_by_entropy(self) -> float:
        """Second form: E[log p(x, z)] + H[q]."""
        return self.log_likelihood.mean + self.log_prior + self.entropy

    @property
    def loss(self) -> float:
        """Reconstruction + β · KL."""
        return self.distortion + self.beta * self.rate


@torch.no_grad()
@at_rest
def elbo_forms(
    model: VAE,
    x: Tensor,
    y: Tensor | None = None,
    *,
    beta: float = 1.0,
    num_samples: int = NUM_SAMPLES,
    seed: int = 0,
) -> ElboForms:
    """The terms of the ELBO of one image.

    Args:
        model: The model.
        x: One image, ``(1, C, H, W)``.
        y: Its label ``(1,)``, or weights of the classes ``(1, K)``, for a conditional model.
        beta: The weight of the KL in training.
        num_samples: Of q(z|x).
        seed: Of the samples.
    """
    condition = model.condition(y, 1)
    mean, log_var = model.encoder(x, condition)
    noise = generator(seed, "evaluation", x.device)
    z, prior_over_q = drawn("posterior", mean, log_var, num_samples, noise, model.prior)
    parts = [
        model.log_prob_of_many(piece, *repeated(x, condition, len(piece)))
        for piece in z[0].split(max_rows(model))
    ]
    log_likelihood = torch.cat(parts).cpu().double()
    rate = model.prior.rate_per_dim(mean, log_var)[0].cpu().double()
    # Where ε² is 1, its expectation, log q is minus the entropy.
    entropy = -float(posterior_log_prob(torch.ones_like(log_var), log_var).cpu().double().sum())
    return ElboForms(
        log_likelihood=MeanOf.of(log_likelihood),
        rate_per_dim=rate,
        log_prior=-float(rate.sum()) - entropy,
        entropy=entropy,
        sampled_elbo=MeanOf.of(log_likelihood + prior_over_q[0]),
        beta=beta,
    )
