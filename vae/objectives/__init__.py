"""The objective of training: distortion, rate and what weighs them, schedules, and the β that a loss amounts to.

May import `config`, `storage`, `runtime`; models and all above import it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from vae.objectives.effective_beta import EffectiveBeta
    from vae.objectives.objective import BetaVAE, Objective, PosteriorBatch, Progress
    from vae.objectives.terms import MeanTerms, RatePenalty, Terms, penalty_at

__all__ = [
    "BetaVAE",
    "EffectiveBeta",
    "MeanTerms",
    "Objective",
    "PosteriorBatch",
    "Progress",
    "RatePenalty",
    "Terms",
    "penalty_at",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "effective_beta": ["EffectiveBeta"],
        "objective": ["BetaVAE", "Objective", "PosteriorBatch", "Progress"],
        "terms": ["MeanTerms", "RatePenalty", "Terms", "penalty_at"],
    },
)
