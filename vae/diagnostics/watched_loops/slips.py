"""Slips in a loop's own terms, by the names of `vae.diagnostics.watched_loops.terms`: what is wrong, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from vae.diagnostics.watched_loops.terms import OTHER

#: What stands in front of the KL term, and the whole of it.
HALF, FORMULA = "½", "½ Σ (σ² + μ² − 1 − log σ²)"
_NOT_SMALLEST = (
    "It is not smallest where the posterior equals the prior, so no β turns the loss into the ELBO."
)
_NO_BOUND = "So no β turns the loss into the ELBO."


@dataclass(frozen=True)
class Slip:
    """A term that is another quantity than it should be, whatever it is multiplied by.

    Attributes:
        title: In a few words.
        sentence: What is wrong with it, and what follows.
        remedy: What to do.
    """

    title: str
    sentence: str
    remedy: str


def _of_kl(wrong: str, remedy: str, effect: str = _NO_BOUND) -> Slip:
    return Slip(
        "The KL term is no KL divergence",
        f"In your KL term {wrong}: that formula gives what your loop reports. {effect} It should be {FORMULA}.",
        f"{remedy}: {FORMULA}",
    )


#: By the names of `kl_form` in the event ``scale``; a constant too many, as in ``without-one``, changes nothing.
KL_SLIPS = {
    "mean-not-squared": _of_kl("μ stands where μ² belongs", "square the mean", _NOT_SMALLEST),
    "std-for-variance": _of_kl("σ stands where σ² belongs", "square the standard deviation", _NOT_SMALLEST),
    "log-std-for-log-variance": _of_kl(
        "log σ stands where log σ² belongs", "double the logarithm of σ", _NOT_SMALLEST
    ),
    "absolute-mean": _of_kl("|μ| stands where μ² belongs", "square the mean"),
    "without-mean": _of_kl("μ² is missing", "add the squared mean"),
    "without-variance": _of_kl("σ² is missing", "add the variance", _NOT_SMALLEST),
    "without-log": _of_kl("log σ² is missing", "subtract the logarithm of the variance", _NOT_SMALLEST),
    "mean-alone": _of_kl("nothing but μ² is left", "add the variance and its logarithm"),
    "sign-of-mean": _of_kl("μ² has the wrong sign", "add the squared mean", _NOT_SMALLEST),
    "sign-of-variance": _of_kl("σ² has the wrong sign", "add the variance", _NOT_SMALLEST),
    "sign-of-log": _of_kl(
        "log σ² has the wrong sign", "subtract the logarithm of the variance", _NOT_SMALLEST
    ),
    "reversed": _of_kl(
        "the divergence is the other way round, of the prior from the posterior",
        "exchange posterior and prior",
    ),
    OTHER: Slip(
        "The KL term is no KL divergence",
        "What your loop reports as its KL term is no multiple of the KL divergence of these posteriors from the "
        "standard normal prior, so the weight of the KL cannot be told. It should be "
        f"{FORMULA}, unless your prior is another.",
        f"check the KL term: {FORMULA}",
    ),
}
#: By those of `reconstruction_form`.
RECONSTRUCTION_SLIPS = {
    "sigmoid-twice": Slip(
        "The sigmoid is applied twice",
        "Your reconstruction takes probabilities for logits: that gives what your loop reports. After two sigmoids no "
        "pixel is below ½ or above 0.73, so the decoder cannot learn black or white.",
        "one sigmoid: F.binary_cross_entropy_with_logits of logits, or F.binary_cross_entropy of probabilities",
    ),
}
