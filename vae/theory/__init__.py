"""The numbers of the theory: what each step of the derivation of the ELBO is worth for one image of one run.

A module for each chapter of the Learn page, in the order of the derivation: `marginal`, `one_pass`, `jensen`,
`elbo_forms`, `identity`, `closed_form_kl`, `gradients`, `likelihood_costs`, `without_kl`, `conditional`.

May import `training` and below; the dashboard imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from vae.theory.closed_form_kl import KLTerms, kl_terms
    from vae.theory.conditional import ClassPosterior, LeftOut, class_posterior, left_out
    from vae.theory.elbo_forms import ElboForms, elbo_forms
    from vae.theory.gradients import GradientEstimates, gradient_estimates
    from vae.theory.identity import Climb, climb
    from vae.theory.jensen import Jensen, jensen
    from vae.theory.likelihood_costs import LikelihoodCosts, likelihood_costs
    from vae.theory.marginal import PriorSampling, prior_sampling
    from vae.theory.one_pass import OnePass, one_pass
    from vae.theory.without_kl import Compared, Space, compared

__all__ = [
    "ClassPosterior",
    "Climb",
    "Compared",
    "ElboForms",
    "GradientEstimates",
    "Jensen",
    "KLTerms",
    "LeftOut",
    "LikelihoodCosts",
    "OnePass",
    "PriorSampling",
    "Space",
    "class_posterior",
    "climb",
    "compared",
    "elbo_forms",
    "gradient_estimates",
    "jensen",
    "kl_terms",
    "left_out",
    "likelihood_costs",
    "one_pass",
    "prior_sampling",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "closed_form_kl": ["KLTerms", "kl_terms"],
        "conditional": ["ClassPosterior", "LeftOut", "class_posterior", "left_out"],
        "elbo_forms": ["ElboForms", "elbo_forms"],
        "gradients": ["GradientEstimates", "gradient_estimates"],
        "identity": ["Climb", "climb"],
        "jensen": ["Jensen", "jensen"],
        "likelihood_costs": ["LikelihoodCosts", "likelihood_costs"],
        "marginal": ["PriorSampling", "prior_sampling"],
        "one_pass": ["OnePass", "one_pass"],
        "without_kl": ["Compared", "Space", "compared"],
    },
)
