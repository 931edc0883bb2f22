"""Many runs at once: sweeps, recipes of each kind of collapse with their remedies, and published numbers.

May import `training` and below; the command line and the dashboard import it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from vae.experiments.failure_modes import RECIPES, Cure, Recipe
    from vae.experiments.remedies import cures

__all__ = ["RECIPES", "Cure", "Recipe", "cures"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "failure_modes": ["RECIPES", "Cure", "Recipe"],
        "remedies": ["cures"],
    },
)
