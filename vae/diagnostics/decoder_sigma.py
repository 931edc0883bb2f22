"""The fixed σ of a Gaussian decoder beside its residuals: whether it is far too large or small, and what that does."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vae.diagnostics.findings import Evidence, Verdict
from vae.objectives.effective_beta import beta_of_sigma
from vae.runtime.number_format import equals, readable

#: A fixed σ this many times larger or smaller than the residuals is called wrong.
SIGMA_FACTOR = 2.5


@dataclass(frozen=True)
class Sigma:
    """A σ that was given, not learned.

    Attributes:
        told: The σ that a run was configured with, or that a watched loop is said to have, of a pixel's range.
        residual: Root mean squared residual, which is the σ that would fit.
        beta: In force, the price of a nat by that σ. β = 1 by another σ trains the same, so that a squared error
            without a σ of its own is a β, as `vae.diagnostics.watched_loops.loss_scale` finds it.
    """

    told: float
    residual: float
    beta: float = 1.0

    @property
    def in_force(self) -> float:
        """The σ at which β = 1 trains the same."""
        return self.told * math.sqrt(self.beta)

    @property
    def effective_beta(self) -> float:
        """The β that all of it amounts to where σ fits."""
        return beta_of_sigma(self.in_force, self.residual)

    @property
    def is_large(self) -> bool:
        """Whether σ is so large that a collapse has its reason in it; not if a small β makes up for it."""
        return min(self.told, self.in_force) > SIGMA_FACTOR * self.residual

    @property
    def is_small(self) -> bool:
        """Whether it is so small that the rate counts for nothing; not if a large β makes up for it."""
        return max(self.told, self.in_force) < self.residual / SIGMA_FACTOR

    @property
    def most_residual(self) -> float:
        """The largest residual that it is not too small for."""
        return SIGMA_FACTOR * max(self.told, self.in_force)

    def fitted(self) -> tuple[Evidence, ...]:
        """What β amounts to where σ is not the one that was told, but the one that fits, if they are far apart."""
        if max(self.told / self.residual, self.residual / self.told) <= SIGMA_FACTOR:
            return ()
        fits, told = equals(self.residual, 3), readable(self.told, 3)
        words = f"β that this would be with σ {fits}, the residuals', instead of {told}"
        return (Evidence(words, self.effective_beta),)

    def verdict(
        self, activity: tuple[Evidence, ...], *, is_watched: bool, is_compared: bool, is_used: bool
    ) -> Verdict:
        """What is said of it where it is wrong.

        Args:
            activity: What became of z, as evidence.
            is_watched: Whether the loop is somebody's own, and the likelihood with it.
            is_compared: Whether the scale of its terms is known.
            is_used: Whether the decoder reads z all the same.
        """
        effect = (
            (
                "visible differences cost little, so z encodes only the largest of them"
                if is_used
                else "even visible differences cost almost nothing, so z is not worth its KL"
            )
            if self.is_large
            else (
                "the smallest difference costs so much that the KL hardly counts, and the posteriors move away "
                "from the prior"
            )
        )
        the = (
            "If your loss uses the σ that vae.watch was given, the"
            if is_watched and not is_compared
            else "The"
        )
        return Verdict(
            "wrong-sigma",
            f"σ is too {'large' if self.is_large else 'small'}",
            f"{the} decoder assumes an error of σ {equals(self.told, 3)} per pixel, but the residuals are "
            f"{readable(self.residual, 3)}: {effect}. "
            f"This is like training at β {equals(self.effective_beta, 3)} with the right σ.",
            (
                Evidence("σ of the decoder", self.told, "of a pixel's range"),
                Evidence("root mean squared residual", self.residual, "of a pixel's range"),
                Evidence("effective β", self.effective_beta),
                *activity,
            ),
            self._of_a_loop() if is_watched else self._of_a_run(),
        )

    def _of_a_run(self) -> tuple[str, ...]:
        return ("a learned σ: model.likelihood = gaussian-learned", f"σ = {self.residual:.2g}")

    def _of_a_loop(self) -> tuple[str, ...]:
        """What to change in somebody's own loss, and what to tell `vae.watch` of it."""
        return (
            "a learned σ: a parameter log_sigma in your loss, which is then the squared error over 2σ² plus log σ for "
            "each pixel, and vae.watch(sigma=lambda: log_sigma.exp())",
            f"σ = {self.residual:.2g}: divide the squared error of your loss by 2σ² = {2 * self.residual**2:.2g}, and "
            f"tell vae.watch(sigma={self.residual:.2g})",
        )
