"""Chapter 10, the conditional VAE: p(x|y), its ELBO, and what is lost where the condition is left out at one end."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from vae.errors import UserError
from vae.evaluation.importance import log_weights, max_rows, repeated
from vae.evaluation.proposals import drawn
from vae.models.vae import VAE
from vae.runtime.eval_mode import at_rest
from vae.runtime.mean_of import MeanOf
from vae.runtime.seeding import generator

#: Samples for each class, and for each way of leaving the condition out.
NUM_SAMPLES = 1000


@dataclass(frozen=True)
class ClassPosterior:
    """One image under every class, each K numbers.

    Attributes:
        elbo: The ELBO of log p(x|y), nats.
        log_prob: The importance-weighted bound on log p(x|y), nats.
        probability: p(y|x) by Bayes, if all classes are equally frequent: a softmax of `log_prob`.
    """

    elbo: tuple[float, ...]
    log_prob: tuple[float, ...]
    probability: tuple[float, ...]


@torch.no_grad()
@at_rest
def class_posterior(model: VAE, x: Tensor, *, k: int = NUM_SAMPLES, seed: int = 0) -> ClassPosterior:
    """p(x|y) of one image for every class y, and p(y|x).

    Args:
        model: A conditional model.
        x: One image, ``(1, C, H, W)``.
        k: Samples of q(z|x, y) for each class.
        seed: Of the samples, the same for each class.

    Raises:
        UserError: If the model is not conditional.

    Source:
        Sohn, Lee & Yan (2015), conditional VAE
    """
    num = _classes(model)
    weights = torch.cat(
        [
            log_weights(model, x, torch.tensor([label]), k, generator(seed, "importance"))
            for label in range(num)
        ]
    )
    log_prob = weights.logsumexp(1) - math.log(k)
    return ClassPosterior(
        tuple(weights.mean(1).tolist()), tuple(log_prob.tolist()), tuple(log_prob.softmax(0).tolist())
    )


@dataclass(frozen=True)
class LeftOut:
    """The terms of one image where encoder and decoder are told the class or not, nats.

    Attributes:
        encoder_told, decoder_told: Whether each got the one-hot class; else it got zeros.
        distortion: −E[log p(x|z, y)] with its standard error over the samples.
        rate: KL(q(z|x, y) ‖ p(z)).
        image: E[x|z, y] at the posterior's mean, ``(C, H, W)``.
    """

    encoder_told: bool
    decoder_told: bool
    distortion: MeanOf
    rate: float
    image: Tensor

    @property
    def elbo(self) -> float:
        """−(reconstruction + KL)."""
        return -(self.distortion.mean + self.rate)


@torch.no_grad()
@at_rest
def left_out(
    model: VAE, x: Tensor, y: Tensor, *, num_samples: int = NUM_SAMPLES, seed: int = 0
) -> tuple[LeftOut, ...]:
    """One image with the condition at both ends, at the decoder alone, at the encoder alone, and at neither.

    Args:
        model: A conditional model.
        x: One image, ``(1, C, H, W)``.
        y: Its label ``(1,)``.
        num_samples: Of each posterior.
        seed: Of the samples, the same for all four.

    Raises:
        UserError: If the model is not conditional.
    """
    _classes(model)
    told = model.condition(y, 1)
    assert told is not None
    nothing = torch.zeros_like(told)
    found = []
    for at_encoder, at_decoder in ((True, True), (False, True), (True, False), (False, False)):
        mean, log_var = model.encoder(x, told if at_encoder else nothing)
        condition = told if at_decoder else nothing
        noise = generator(seed, "evaluation", x.device)
        z, _ = drawn("posterior", mean, log_var, num_samples, noise, model.prior)
        costs = [
            -model.log_prob_of_many(piece, *repeated(x, condition, len(piece)))
            for piece in z[0].split(max_rows(model))
        ]
        rate = float(model.prior.rate_per_dim(mean, log_var).sum())
        image = model.decode(mean, condition)[0]
        found.append(LeftOut(at_encoder, at_decoder, MeanOf.of(torch.cat(costs)), rate, image))
    return tuple(found)


def _classes(model: VAE) -> int:
    if not model.num_conditions:
        raise UserError(
            "this needs a conditional model, got one without a condition; choose a conditional run"
        )
    return model.num_conditions
