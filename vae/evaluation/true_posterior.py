"""The true posterior of one image or of many: its figures, and the grid that they were counted on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from vae.runtime import html
from vae.runtime.mean_of import MeanOf, known


@dataclass(frozen=True)
class ExactPosterior:
    r"""All there is to know of one image under a model of one or two latent dimensions, nats.

    Attributes:
        log_prob: log p(x), by quadrature over the true posterior's mass.
        elbo: The ELBO as an exact integral over q(z|x), not of a sample.
        gap: KL(q(z|x) ‖ p(z|x)), by another rule than the ELBO, and with this log p(x): that ``elbo + gap`` is
            ``log_prob`` checks the two rules over q(z|x), and not log p(x) itself.
        change: By how much these integrals changed, at most, when their grids were last made finer: less than the
            tolerance, unless the decoder changes too fast for the finest grid.
        mean, covariance: Of the true posterior, shapes ``(D,)`` and ``(D, D)``.
        q_mean, q_log_var: The encoder's, each ``(D,)``.
        points: Centres of the grid's cells, shape ``(M, D)``; where there is no mass there are none.
        density: p(z|x) at the centres, shape ``(M,)``.
        cell: Side of the cells.
    """

    log_prob: float
    elbo: float
    gap: float
    change: float
    mean: Tensor
    covariance: Tensor
    q_mean: Tensor
    q_log_var: Tensor
    points: Tensor
    density: Tensor
    cell: float
    _log_joint: Callable[[Tensor], Tensor]

    @cached_property
    def box(self) -> tuple[Tensor, Tensor]:
        """The corners, each ``(D,)``, of the box that holds the true posterior's mass and three σ of q(z|x)."""
        kept = self.points[self.density > self.density.max() * math.exp(-12)]
        spread = 3 * torch.exp(0.5 * self.q_log_var)
        low = torch.minimum(kept.amin(0) - self.cell, self.q_mean - spread)
        high = torch.maximum(kept.amax(0) + self.cell, self.q_mean + spread)
        return low, high

    def on_grid(
        self, num: int = 120, box: tuple[Tensor, Tensor] | None = None
    ) -> tuple[list[Tensor], Tensor]:
        """The true posterior's density on a regular grid, for contours.

        Args:
            num: Points to a side.
            box: Corners; without, `box`.

        Returns:
            The D axes, each ``(num,)``, and the density, ``(num,)`` or ``(num, num)`` with the first axis first.
        """
        low, high = self.box if box is None else box
        axes = [
            torch.linspace(float(a), float(b), num, dtype=torch.float64)
            for a, b in zip(low, high, strict=True)
        ]
        points = torch.cartesian_prod(*axes).reshape(-1, len(axes))
        density = (self._log_joint(points) - self.log_prob).exp()
        return axes, density.reshape([num] * len(axes))

    def _repr_html_(self) -> str:
        """A card of the numbers, in a notebook."""
        rows = {
            "log p(x)": f"{self.log_prob:,.3f} nats",
            "ELBO": f"{self.elbo:,.3f} nats",
            "gap, KL(q(z|x) ‖ p(z|x))": f"{self.gap:,.3f} nats",
            "true posterior": _place(self.mean, self.covariance.diagonal().sqrt()),
            "encoder's q(z|x)": _place(self.q_mean, (0.5 * self.q_log_var).exp()),
        }
        return html.card("Exact posterior", html.table(rows))

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values, without the grid."""
        return {
            "log_prob": self.log_prob,
            "elbo": self.elbo,
            "gap": self.gap,
            "change": self.change,
            "mean": self.mean.tolist(),
            "covariance": self.covariance.tolist(),
            "q_mean": self.q_mean.tolist(),
            "q_log_var": self.q_log_var.tolist(),
        }


@dataclass(frozen=True)
class ExactPosteriors:
    """The truth of many images, each tensor with one entry for each of N images, nats, double precision.

    Attributes:
        log_prob, elbo, gap, change: Shape ``(N,)``, see `ExactPosterior`.
        mean, covariance: Of the true posteriors, ``(N, D)`` and ``(N, D, D)``.
        q_mean, q_log_var: The encoder's, each ``(N, D)``.
        rows: Which images of the part they are, ``(N,)``.
        seed: Of the choice of images (and of dynamic binarisation); the numbers themselves need none.
    """

    log_prob: Tensor
    elbo: Tensor
    gap: Tensor
    change: Tensor
    mean: Tensor
    covariance: Tensor
    q_mean: Tensor
    q_log_var: Tensor
    rows: Tensor
    seed: int

    def _repr_html_(self) -> str:
        """A card of the means, in a notebook."""
        rows = {"log p(x)": self.log_prob, "ELBO": self.elbo, "gap, KL(q(z|x) ‖ p(z|x))": self.gap}
        means = {name: MeanOf.of(values) for name, values in rows.items()}
        told = {name: html.nats(of.mean, of.standard_error, 3) for name, of in means.items()}
        return html.card("Exact posteriors", html.table({**told, "images": len(self.rows)}))

    def to_dict(self) -> dict[str, Any]:
        """The means as JSON values."""
        figures = {"log_prob": self.log_prob, "elbo": self.elbo, "gap": self.gap}
        means = {name: MeanOf.of(values) for name, values in figures.items()}
        return {
            **{name: found.mean for name, found in means.items()},
            "neg_log_prob": -means["log_prob"].mean,
            "standard_error": known(means["log_prob"].standard_error),
            "elbo_standard_error": known(means["elbo"].standard_error),
            "gap_standard_error": known(means["gap"].standard_error),
            "largest_change": float(self.change.max()),
            "largest_misfit": float((self.elbo + self.gap - self.log_prob).abs().max()),
            "num_images": len(self.rows),
            "seed": self.seed,
        }


def _place(mean: Tensor, sigma: Tensor) -> str:
    """Mean and σ of each dimension, in words."""
    return "; ".join(f"{float(at):.2f}, σ {float(width):.2f}" for at, width in zip(mean, sigma, strict=True))
