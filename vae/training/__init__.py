"""Training: the loop, the optimiser, its log, its control, and exact resume.

May import `diagnostics`, `evaluation`, `runs` and below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from vae.training.optimisation import Learner
    from vae.training.preconditions import check_trainable, why_not_trainable
    from vae.training.trainer import Trainer

__all__ = ["Learner", "Trainer", "check_trainable", "why_not_trainable"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "optimisation": ["Learner"],
        "preconditions": ["check_trainable", "why_not_trainable"],
        "trainer": ["Trainer"],
    },
)
