"""Latent space: embeddings, planes, traversals, interpolation, generation, and the aggregate posterior.

May import `runs` and below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from vae.latent.aggregate_posterior import PriorGap, prior_gap
    from vae.latent.embedding import (
        Embedding,
        Projection,
        embed,
        manifold,
        principal_plane,
        prior_samples,
        reconstructions,
    )
    from vae.latent.generation import Mixture, fit_mixture
    from vae.latent.interpolation import Path, path

__all__ = [
    "Embedding",
    "Mixture",
    "Path",
    "PriorGap",
    "Projection",
    "embed",
    "fit_mixture",
    "manifold",
    "path",
    "principal_plane",
    "prior_gap",
    "prior_samples",
    "reconstructions",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "aggregate_posterior": ["PriorGap", "prior_gap"],
        "embedding": [
            "Embedding",
            "Projection",
            "embed",
            "manifold",
            "principal_plane",
            "prior_samples",
            "reconstructions",
        ],
        "generation": ["Mixture", "fit_mixture"],
        "interpolation": ["Path", "path"],
    },
)
