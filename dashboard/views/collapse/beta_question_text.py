"""The question “what is my β if my code uses the mean?” as a link names it: ``1,784,16,mean,sum,nats,0``."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass

from vae.objectives.effective_beta import Divergence, Error, Reconstruction

RECONSTRUCTIONS: dict[str, Reconstruction] = {"sum": "sum over pixels", "mean": "mean over pixels"}
DIVERGENCES: dict[str, Divergence] = {
    "sum": "sum over dimensions",
    "mean": "mean over dimensions",
    "all": "mean over dimensions and pixels",
}
ERRORS: dict[str, Error] = {"nats": "nats", "squared": "squared error", "half": "half squared error"}
#: Largest number of pixels and of dimensions, and largest β and σ.
MOST_VALUES, MOST_WEIGHT = 10_000_000, 1e9

RULE = (
    f"β, pixels, latent dimensions, {' or '.join(RECONSTRUCTIONS)}, {' or '.join(DIVERGENCES)}, "
    f"{' or '.join(ERRORS)}, and σ or 0, separated by commas"
)


@dataclass(frozen=True)
class Question:
    """What somebody's code does.

    Attributes:
        beta: The weight in front of its KL term.
        num_pixels: Values per image.
        latent_dim: Latent dimensions.
        reconstruction, divergence, error: Keys of the dictionaries above.
        sigma: Of the Gaussian in whose nats the answer shall be; 0 leaves it to the error.
    """

    beta: float
    num_pixels: int
    latent_dim: int
    reconstruction: str = "sum"
    divergence: str = "sum"
    error: str = "nats"
    sigma: float = 0.0


def parse(text: str) -> Question:
    """Read a question.

    Raises:
        ValueError: If it is something else.
    """
    beta, pixels, dims, reconstruction, divergence, error, sigma = text.split(",")
    found = Question(float(beta), int(pixels), int(dims), reconstruction, divergence, error, float(sigma))
    words = (
        reconstruction in RECONSTRUCTIONS,
        divergence in DIVERGENCES,
        error in ERRORS,
    )
    counts = (1 <= found.num_pixels <= MOST_VALUES, 1 <= found.latent_dim <= MOST_VALUES)
    weights = [math.isfinite(value) and 0 <= value <= MOST_WEIGHT for value in (found.beta, found.sigma)]
    if not all((*words, *counts, *weights)):
        raise ValueError
    return found


def write(question: Question) -> str:
    """The text that `parse` reads."""
    return ",".join(f"{part:.6g}" if isinstance(part, float) else str(part) for part in astuple(question))
