"""What a link says of the Learn page: the chapter, and what its controls are set to."""

from __future__ import annotations

from dashboard.link.keys import Key, choice, number, whole
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


def _chapter(text: str) -> str:
    """A chapter by its name or its number, from 1."""
    if text.isdecimal() and 1 <= int(text) <= len(CHAPTERS):
        return CHAPTERS[int(text) - 1]
    if text not in CHAPTERS:
        raise ValueError
    return text


CHAPTER = Key("chapter", _chapter, f"a number from 1 to {len(CHAPTERS)}, or one of {', '.join(CHAPTERS)}")
#: The theory, or the lessons.
GROUP = choice("group", ("theory", "lessons"))
#: Samples of the prior (chapter 1) and of q(z|x) (chapter 3).
COUNT = choice("n", tuple(map(str, COUNTS)))
WEIGHTS = choice("weights", ("8", "32", "128"))
#: Standard deviation of the Gaussian (chapter 8).
SIGMA = number("sigma", 0.01, 2.0)
SEED = whole("start", 0, 9)
