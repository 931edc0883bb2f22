"""Numbers of a model on a part of its data: the ELBO, bounds on log p(x), the exact posterior; what runs keep of them.

May import `latent`, `runs` and below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from vae.evaluation.ais import Annealed, annealed
    from vae.evaluation.comparability import EvaluationProtocol
    from vae.evaluation.elbo import Evaluation, evaluate
    from vae.evaluation.importance import ImportanceBound, importance_bound

__all__ = [
    "Annealed",
    "Evaluation",
    "EvaluationProtocol",
    "ImportanceBound",
    "annealed",
    "evaluate",
    "importance_bound",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "ais": ["Annealed", "annealed"],
        "comparability": ["EvaluationProtocol"],
        "elbo": ["Evaluation", "evaluate"],
        "importance": ["ImportanceBound", "importance_bound"],
    },
)
