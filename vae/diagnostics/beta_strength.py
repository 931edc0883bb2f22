"""How heavily β weighs on a model: whether it leaves z little to say, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae.diagnostics.sample_size import FEWEST
from vae.runtime.number_format import equals, readable

if TYPE_CHECKING:
    from vae.diagnostics.diagnosis import Diagnosis

#: At this share of the critical β a model is near collapse by its objective, not by accident.
NEAR_CRITICAL = 1 / 3


def silences(diagnosis: Diagnosis, beta: float) -> bool:
    """Whether that z says nothing is this β's doing: it is beyond what any word is worth, or above 1 and near to it."""
    critical = diagnosis.critical_beta
    if critical is None:
        return False
    nothing_pays = diagnosis.num_paying == 0 and beta >= 1
    return nothing_pays or beta >= (1.0 if beta <= 1 else NEAR_CRITICAL) * critical


def leaves_little(diagnosis: Diagnosis, beta: float) -> bool:
    """Whether a β above 1 leaves a model little to say whose z says something.

    Little is half of the dimensions that it could use at β = 1, which are not all that a large latent space has; and
    far below the critical β there is another reason for it.
    """
    critical = diagnosis.critical_beta
    paying = diagnosis.latent_dim if diagnosis.num_paying is None else diagnosis.num_paying
    usable = min(diagnosis.latent_dim, paying)
    if diagnosis.num_images < FEWEST:  # of which some dimensions may not show
        return False
    is_near = critical is None or beta >= NEAR_CRITICAL * critical
    return beta > 1 and is_near and 2 * diagnosis.num_active <= usable


def sentence(diagnosis: Diagnosis, beta: float, *, is_silent: bool) -> str:
    """What too high a β does, in words; "the best solution" only where a linear model collapses too."""
    cost = f"At β {equals(beta)} each nat of KL costs {readable(beta)} nats of the objective"
    critical = diagnosis.critical_beta or 0.0
    if not is_silent:
        return (
            f"{cost}: a dimension must save more than that to be used. So the model uses {diagnosis.num_active} of "
            f"{diagnosis.latent_dim}."
        )
    if beta >= critical or (diagnosis.num_paying == 0 and beta >= 1):
        return (
            f"{cost}, by a linear model of these images more than it saves in the reconstruction. So a posterior "
            "that equals the prior is the best solution of this objective, and training has found it."
        )
    return (
        f"{cost}, and by a linear model of these images no direction is worth more than "
        f"{readable(critical)}. "
        "So close to that value a model that uses z is hardly better, and training has converged to a posterior "
        "that equals the prior."
    )
