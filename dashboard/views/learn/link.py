"""What a link says of the Learn page: the chapter, and what its controls are set to."""

from __future__ import annotations

from dashboard.link.keys import choice, number, whole
from vae.theory.marginal import COUNTS

#: The chapters in the order of the derivation, as links name them.
CHAPTERS = (
    "model",
    "pipeline",
    "posterior",
    "elbo",
    "identity",
    "kl",
    "reparameterisation",
    "likelihoods",
    "why-kl",
    "conditional",
)
CHAPTER = choice("chapter", CHAPTERS)
#: Samples of the prior (chapter 1) and of q(z|x) (chapter 3).
COUNT = choice("n", tuple(map(str, COUNTS)))
WEIGHTS = choice("weights", ("8", "32", "128"))
#: Standard deviation of the Gaussian (chapter 8).
SIGMA = number("sigma", 0.01, 2.0)
SEED = whole("first", 0, 9)
