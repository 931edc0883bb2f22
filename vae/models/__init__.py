"""Variational autoencoders: the model, its networks, likelihoods and priors.

May import `data`, `objectives` and below; everything that looks at a model imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from vae.models.batches import ModelInputs
    from vae.models.likelihoods import Bernoulli, ContinuousBernoulli, Gaussian, LearnedGaussian, Likelihood
    from vae.models.network_builder import Network
    from vae.models.posterior_statistics import active_units, active_variance
    from vae.models.priors import Prior, StandardNormal, gaussian_kl
    from vae.models.vae import VAE, At, AtMean, Passed

__all__ = [
    "VAE",
    "At",
    "AtMean",
    "Bernoulli",
    "ContinuousBernoulli",
    "Gaussian",
    "LearnedGaussian",
    "Likelihood",
    "ModelInputs",
    "Network",
    "Passed",
    "Prior",
    "StandardNormal",
    "active_units",
    "active_variance",
    "gaussian_kl",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "batches": ["ModelInputs"],
        "likelihoods": ["Bernoulli", "ContinuousBernoulli", "Gaussian", "LearnedGaussian", "Likelihood"],
        "network_builder": ["Network"],
        "posterior_statistics": ["active_units", "active_variance"],
        "priors": ["Prior", "StandardNormal", "gaussian_kl"],
        "vae": ["VAE", "At", "AtMean", "Passed"],
    },
)
