"""What training lowers: the package's own objective, or one that a user registers.

A new one is a class derived from `Objective` under `vae.config.registries.OBJECTIVES`::

    @OBJECTIVES.register("total-correlation", title="β-TC-VAE", uses=("beta", "schedule"))
    class TotalCorrelation(Objective): ...

Whatever is lowered, what is reported and compared stays distortion, rate and the ELBO at β = 1.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from torch import Tensor

from vae.config.registries import OBJECTIVES
from vae.config.schema import ObjectiveConfig
from vae.objectives.terms import MeanTerms, RatePenalty, Terms
from vae.runtime import html


@dataclass(frozen=True)
class PosteriorBatch:
    """What a model made of a batch of images, with its graph.

    Attributes:
        z: One sample of each posterior, ``(B, D)``.
        mean: Of q(z|x), ``(B, D)``.
        log_var: Its log-variance, ``(B, D)``.
        log_prob: log p(x|z), nats, summed over pixels, ``(B,)``.
        rate_per_dim: KL(q(z|x) ‖ p(z)) of each dimension, nats, ``(B, D)``.
        prior: p(z), a `vae.models.priors.Prior`, for its density and its samples.
    """

    z: Tensor
    mean: Tensor
    log_var: Tensor
    log_prob: Tensor
    rate_per_dim: Tensor
    prior: Any

    def _repr_html_(self) -> str:
        """A card of the shapes, in a notebook."""
        return html.card(
            "Batch and its posteriors", html.shapes(z=self.z, mean=self.mean, log_var=self.log_var)
        )

    @cached_property
    def terms(self) -> Terms:
        """Distortion and rate of each image."""
        return Terms(-self.log_prob, self.rate_per_dim)

    @cached_property
    def mean_terms(self) -> MeanTerms:
        """Their means over the batch."""
        return self.terms.mean()


@dataclass(frozen=True)
class Progress:
    """Where training stands when a step is taken.

    Attributes:
        step: Steps done before.
        epoch: Epochs done before, with the fraction of the current one.
        num_images: Training images.
        penalty: What the rate costs now by β, its schedule, free bits and capacity, or by the β that was set by hand.
    """

    step: int
    epoch: float
    num_images: int
    penalty: RatePenalty

    @property
    def beta(self) -> float:
        """The weight of the rate now."""
        return self.penalty.beta


class Objective(ABC):
    """A loss of batches; it has no numbers of its own that training learns or a checkpoint would have to keep."""

    @classmethod
    def from_config(cls, config: ObjectiveConfig) -> Self:
        """The objective of a configuration: made without arguments, or of its own options if it registered some."""
        return cls() if config.options is None else cls(config.options)  # type: ignore[call-arg]

    @abstractmethod
    def loss(self, batch: PosteriorBatch, progress: Progress) -> tuple[Tensor, dict[str, Tensor]]:
        """What this step lowers, a scalar in nats per example, and what else is written into the history by name.

        Each name is small letters, digits and underscores; each value is a scalar, averaged over the steps of a line.
        """


class BetaVAE(Objective):
    """Distortion plus what the rate costs, see `vae.objectives.terms.RatePenalty`: the ELBO at β = 1."""

    def loss(self, batch: PosteriorBatch, progress: Progress) -> tuple[Tensor, dict[str, Tensor]]:
        return batch.mean_terms.loss(progress.penalty), {}


def objective(config: ObjectiveConfig) -> Objective:
    """The objective that a configuration names.

    Raises:
        UserError: If it is not registered here, or cannot be made.
    """
    found = OBJECTIVES[config.name].load().from_config(config)
    assert isinstance(found, Objective), "the registry checks what is registered"
    return found
