"""Whether there are enough images for a verdict: a number counts as small or large only beyond its error.

That a difference was not found is no evidence that there is none: of five images nothing is. So what accuses a model
because a number is small needs the number and its error together to be small, and what calls it healthy needs a number
that is large beside its error. In between it is not known, and more images tell.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vae.diagnostics.findings import Evidence, Verdict

if TYPE_CHECKING:
    from vae.diagnostics.permutation import Rise

#: Of fewer images nothing is said: their standard errors are themselves unknown.
FEWEST = 10
#: From so many on, posteriors that do not move and overlap are evidence too, however noisy the distortion.
ENOUGH = 50
#: Standard errors on top of a number that is called small, and below one that is called large.
SMALL_ERRORS, LARGE_ERRORS = 2.5, 3.0


def is_large(rise: Rise, least: float) -> bool:
    """Whether a rise is above a number, and is no accident of these images."""
    return rise.nats > max(least, LARGE_ERRORS * rise.standard_error)


def is_small(rise: Rise, most: float) -> bool:
    """Whether a rise is below a number, whatever these images hide of it."""
    return rise.num_images >= FEWEST and rise.nats + SMALL_ERRORS * rise.standard_error < most


def variance_within(variance: float, num_images: int) -> tuple[float, float]:
    """Between which bounds a variance of a Gaussian lies that was measured on so many images.

    Args:
        variance: As measured.
        num_images: Two at least.

    Source:
        The standard error of log s² is √(2/(N − 1)), to first order in 1/N.
    """
    error = 1 + SMALL_ERRORS * math.sqrt(2 / (num_images - 1))
    return variance / error, variance * error


def too_few(num_images: int, part: str, question: str, evidence: tuple[Evidence, ...]) -> Verdict:
    """What is said where nothing can be.

    Args:
        num_images: How many were measured.
        part: Of the data.
        question: What they cannot tell, as the end of the sentence "…: they cannot tell whether …".
        evidence: The numbers that leave it open.
    """
    return Verdict(
        "too-few-images",
        "Too few images for a verdict",
        f"{num_images:,} images of the {part} part are too few for a verdict: they cannot show whether {question}. "
        "What was not found in them may still be there.",
        (Evidence("images", num_images), *evidence),
        (
            "more images: a larger num_images, or another part of the data; the training part has most, but the "
            "model has learned from those images",
        ),
    )
