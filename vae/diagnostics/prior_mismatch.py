"""How all z together lie where the prior is not: far apart, too wide, far out, or in a small part of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vae.diagnostics.findings import Evidence, Verdict
from vae.diagnostics.sample_size import FEWEST, SMALL_ERRORS, variance_within

if TYPE_CHECKING:
    from vae.diagnostics.diagnosis import Diagnosis

#: Variance of the aggregate posterior, a dimension's, above which it has lost the prior (whose is 1).
BLOWN_VARIANCE = 5.0
#: KL of a Gaussian with a dimension's mean and spread from the prior, nats, above which it has left it: 2 σ aside.
FAR_NATS = 2.0
#: Posterior σ, the prior's being 1, below which widths are called tiny.
TINY = 0.2

_SENTENCES = {
    "apart": "Nothing keeps the posteriors near the prior: their means lie far apart{widths}, so samples from the "
    "prior fall where the decoder was never trained. This is an autoencoder, and its samples are not "
    "images.",
    "wide": "The posteriors are much wider than the prior: a sample of z is mostly noise, the decoder gets little "
    "of what the encoder has learned, and the KL is spent on the width.",
    "shifted": "The posteriors of all images lie together, far from the prior. z distinguishes the images, but "
    "samples from the prior fall where the decoder was never trained, and much of the KL is spent on "
    "the distance.",
    "narrow": "The posteriors of all images lie in a small part of the prior{widths}. z distinguishes the images, "
    "but nearly all samples from the prior fall where the decoder was never trained.",
}


@dataclass(frozen=True)
class PriorMismatch:
    """The latent dimension whose aggregate posterior lies farthest from the prior.

    Attributes:
        dim: From 0.
        kind: How: the means of the posteriors spread, or their widths do; or all lie to one side, or close together.
        nats: KL of a Gaussian with its mean and spread from the prior, which bounds the dimension's marginal KL from
            below, since no density of that mean and spread has more entropy. No number of images caps it.
    """

    dim: int
    kind: Literal["apart", "wide", "shifted", "narrow"]
    nats: float


def prior_mismatch(diagnosis: Diagnosis) -> PriorMismatch | None:
    """Whether all z together have left the prior, and how; what few images show by accident is no evidence."""
    found = []
    num = diagnosis.num_images
    if num < FEWEST:
        return None
    means = diagnosis.mean_per_dim or (0.0,) * diagnosis.latent_dim
    for dim, (mean, spread) in enumerate(zip(means, diagnosis.spread_per_dim, strict=True)):
        variance = diagnosis.active_variance[dim]
        if diagnosis.prior_spread:  # in units of a prior that is not the standard normal
            unit = max(diagnosis.prior_spread[dim], 1e-6)
            mean, spread, variance = (
                (mean - diagnosis.prior_mean[dim]) / unit,
                spread / unit,
                variance / unit**2,
            )
        square = max(spread**2, 1e-12)
        to_the_side, by_spread = mean**2 / 2, (square - 1 - math.log(square)) / 2
        nats = to_the_side + by_spread
        # What these images leave open: as near to the prior as they allow.
        least, most = (max(square - variance, 1e-12) + bound for bound in variance_within(variance, num))
        aside, near = max(abs(mean) - SMALL_ERRORS * math.sqrt(variance / num), 0), min(max(1, least), most)
        if least > BLOWN_VARIANCE:
            found.append(PriorMismatch(dim, "apart" if 2 * variance >= square else "wide", nats))
        elif aside**2 / 2 + (near - 1 - math.log(near)) / 2 > FAR_NATS:
            found.append(
                PriorMismatch(dim, "shifted" if to_the_side > by_spread or square > 1 else "narrow", nats)
            )
    return max(found, key=lambda one: one.nats, default=None)


def left_the_prior(diagnosis: Diagnosis, beta: float, *, is_silent: bool) -> Verdict | None:
    """The verdict on it. Where z says nothing, posteriors that moved together are no cause of that, but wide ones are.

    Args:
        diagnosis: The numbers.
        beta: In force.
        is_silent: Whether z says nothing about the images.
    """
    found = prior_mismatch(diagnosis)
    if found is None or (is_silent and found.kind in ("shifted", "narrow")):
        return None
    spread = diagnosis.spread_per_dim[found.dim]
    if found.kind == "shifted":
        where = Evidence(
            "mean of the aggregate posterior",
            diagnosis.mean_per_dim[found.dim],
            "σ of the prior, whose mean is 0",
        )
    elif found.kind == "narrow":
        where = Evidence("smallest spread of the aggregate posterior", spread, "of the prior's")
    else:
        where = Evidence("largest spread of the aggregate posterior", spread, "of the prior's")
    least, most = min(diagnosis.sigma_per_dim), max(diagnosis.sigma_per_dim)
    width = (
        Evidence("largest posterior σ", most)
        if found.kind == "wide"
        else Evidence("smallest posterior σ", least)
    )
    widths = " and their widths are tiny" if least < TINY else ""
    return Verdict(
        "variance-blown-up",
        "The aggregate posterior is far from the prior",
        _SENTENCES[found.kind].format(widths=widths),
        (
            where,
            Evidence(width.words, width.value, "σ of the prior"),
            diagnosis.information.marginal_evidence(),
            Evidence("β", beta),
        ),
        ("β = 1, the ELBO", "a smaller learning rate, if β is 1"),
    )
