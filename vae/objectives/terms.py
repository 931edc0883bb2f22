"""The one objective: distortion plus the weighted rate, in nats per example.

The rate costs β times itself, unless free bits or a capacity target say otherwise. Whatever it costs, what is reported
is the true rate: free bits that clamp it, and the target that it is pulled to, are seen by the gradient alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor

from vae.config.schema import ObjectiveConfig
from vae.objectives.schedules import beta_at, capacity_at
from vae.runtime import html


@dataclass(frozen=True)
class Terms:
    """The parts of the objective, example by example, in nats.

    Attributes:
        distortion: −log p(x|z) for the sampled z, summed over pixels, shape ``(B,)``.
        rate_per_dim: KL(q(z|x) ‖ p(z)) of each latent dimension, shape ``(B, D)``.

    Source:
        Kingma & Welling (2014), equation 3, https://arxiv.org/abs/1312.6114
    """

    distortion: Tensor
    rate_per_dim: Tensor

    @property
    def rate(self) -> Tensor:
        """KL(q(z|x) ‖ p(z)), shape ``(B,)``."""
        return self.rate_per_dim.sum(1)

    @property
    def elbo(self) -> Tensor:
        """The evidence lower bound at β = 1, whatever β is trained with, shape ``(B,)``."""
        return -(self.distortion + self.rate)

    def _repr_html_(self) -> str:
        """A card of the means, in a notebook."""
        rows = {"examples": len(self.distortion), **_rows(self.mean())}
        return html.card(
            "Terms of the objective", html.table(rows), html.paragraph("Means over the examples.")
        )

    def mean(self) -> MeanTerms:
        """The means over examples."""
        return MeanTerms(self.distortion.mean(), self.rate_per_dim.mean(0))

    def loss(self, penalty: RatePenalty | float) -> Tensor:
        """The loss of their means, a scalar in nats per example, see `MeanTerms.loss`."""
        return self.mean().loss(penalty)


@dataclass(frozen=True)
class MeanTerms:
    """The parts of the objective as means over examples, in nats per example.

    Attributes:
        distortion: The mean distortion, a scalar.
        rate_per_dim: The mean rate of each latent dimension, shape ``(D,)``.
        logs: What else an objective says of the batch, scalars by name.
    """

    distortion: Tensor
    rate_per_dim: Tensor
    logs: Mapping[str, Tensor] = field(default_factory=dict)

    def loss(self, penalty: RatePenalty | float) -> Tensor:
        """The training loss, distortion plus the penalty of the rate: a scalar in nats per example.

        Args:
            penalty: What the rate costs; a number is its weight β, and β = 1 gives the negative ELBO.
        """
        if not isinstance(penalty, RatePenalty):
            penalty = RatePenalty(penalty)
        return self.distortion + penalty.of(self.rate_per_dim)

    def _repr_html_(self) -> str:
        """A card of the numbers, in a notebook."""
        logs = {name: float(value) for name, value in self.detach().logs.items()}
        return html.card("Mean terms of the objective", html.table({**_rows(self), **logs}))

    def detach(self) -> MeanTerms:
        """The same numbers without their graph."""
        logs = {name: value.detach() for name, value in self.logs.items()}
        return MeanTerms(self.distortion.detach(), self.rate_per_dim.detach(), logs)


def _rows(terms: MeanTerms) -> dict[str, str]:
    """The numbers as a card shows them."""
    terms = terms.detach()
    distortion, rate = float(terms.distortion), float(terms.rate_per_dim.sum())
    return {
        "ELBO": html.nats(-(distortion + rate)),
        "distortion": f"{distortion:,.2f} nats",
        "KL (rate)": f"{rate:,.2f} nats in {len(terms.rate_per_dim):,} dimensions",
    }


@dataclass(frozen=True)
class RatePenalty:
    r"""What the mean rate of a batch costs at one moment of training.

    With the mean rates :math:`R_d` of the dimensions and :math:`R = \sum_d R_d`:

    ======================== =============================================
    plain                    :math:`\beta R`
    free bits per dimension  :math:`\beta \sum_d \max(\lambda, R_d)`
    free bits in total       :math:`\beta \max(\lambda, R)`
    capacity                 :math:`\beta\, |R - C|`
    ======================== =============================================

    Below its free bits a rate feels no pressure from the penalty: its gradient is 0. All is of the mean over the batch,
    not of each example: one image may have less where another has more.

    Attributes:
        beta: The weight of the rate; the paper on capacity calls it γ.
        free_bits: λ, nats; 0 is none.
        free_bits_per: Whether each dimension has λ, or all of them together.
        capacity: C, nats; 0 is none, for |R| is R.

    Raises:
        ValueError: If there are both free bits and a capacity.

    Source:
        β: Higgins et al. (2017), https://openreview.net/forum?id=Sy2fzU9gl. Free bits: Kingma et al. (2016), appendix
        C.8, https://arxiv.org/abs/1606.04934, each dimension a group; in total, one group of all. Capacity: Burgess et
        al. (2018), https://arxiv.org/abs/1804.03599.
    """

    beta: float
    free_bits: float = 0.0
    free_bits_per: Literal["dimension", "total"] = "dimension"
    capacity: float = 0.0

    def __post_init__(self) -> None:
        if self.free_bits and self.capacity:
            raise ValueError(
                f"free_bits must be 0 where there is a capacity, got free_bits = {self.free_bits:g} and capacity = "
                f"{self.capacity:g}; use one of them"
            )

    def of(self, rate_per_dim: Tensor) -> Tensor:
        """The penalty, a scalar in nats.

        Args:
            rate_per_dim: The mean rate of each latent dimension, shape ``(D,)``, nats.
        """
        if not self.free_bits:
            rate = rate_per_dim.sum()
            if self.capacity:
                rate = (rate - self.capacity).abs()
        elif self.free_bits_per == "dimension":
            rate = rate_per_dim.clamp(min=self.free_bits).sum()
        else:
            rate = rate_per_dim.sum().clamp(min=self.free_bits)
        return self.beta * rate


def penalty_at(config: ObjectiveConfig, epoch: float, beta: float | None = None) -> RatePenalty:
    """What the rate costs at a moment of training.

    Args:
        config: The objective.
        epoch: Epochs done so far, with the fraction of the current one.
        beta: The weight set by hand; None follows the schedule. Free bits and capacity stay as they are.
    """
    return RatePenalty(
        beta=beta_at(config, epoch) if beta is None else beta,
        free_bits=config.free_bits,
        free_bits_per=config.free_bits_per,
        capacity=capacity_at(config, epoch),
    )
