"""What a watched loop's terms would be, right or with one of the usual slips: measured on its own networks of now.

The slips are those that well-known repositories have had: a KL term of μ in the place of μ², of σ in the place of σ²,
without its ½, or with the wrong sign; a squared error in the place of a log-likelihood.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from vae.models.likelihoods import Gaussian
from vae.models.vae import VAE

#: What an encoder's second answer may be.
Spread = Literal["log_var", "log_std", "std", "var"]
#: The KL as it should be, and as it is where one thing was mistaken for another.
KL_FORMS = (
    "right", "mean-not-squared", "std-for-variance", "log-std-for-log-variance", "without-one",
    "absolute-mean", "without-mean", "without-variance", "without-log", "mean-alone", "sign-of-mean",
    "sign-of-variance", "sign-of-log", "reversed",
)  # fmt: skip
#: The reconstruction as the likelihood has it, and other errors that people call so: of means, of what a decoder of
#: logits gives before its sigmoid, and of a sigmoid of what had one.
RECONSTRUCTION_FORMS = (
    "nats", "squared-error", "absolute-error", "raw-squared-error", "sigmoid-twice",
)  # fmt: skip
#: What a loop reports that is none of them.
OTHER = "other"
#: A form is what is reported if they differ by this share of what is right, at most: batches differ by some percent.
_FITS = 0.08
#: A term is taken for what it should not be only if that fits so many times better.
_BETTER = 3.0
#: A slip with another factor than 1 must fit so many times better than one without, and its median ratio must be so
#: near: one number is met by many forms and factors.
_OF_A_FACTOR, _BIAS_OF_A_FACTOR = 1.5, 0.04
#: Comparisons that it takes at least.
_FEWEST = 3


def as_log_var(spread: Tensor, kind: Spread) -> Tensor:
    """An encoder's second answer as a log-variance."""
    match kind:
        case "log_var":
            return spread
        case "log_std":
            return 2 * spread
        case "std":
            return 2 * torch.log(spread)
        case "var":
            return torch.log(spread)


def kl_forms(mean: Tensor, log_var: Tensor) -> dict[str, Tensor]:
    """Each of `KL_FORMS` from posteriors ``(B, D)`` to the standard normal, summed over D, averaged over B, nats."""
    var, square = torch.exp(log_var), mean.square()
    forms = {
        "right": var + square - 1 - log_var,
        "mean-not-squared": var + mean - 1 - log_var,
        "std-for-variance": torch.exp(0.5 * log_var) + square - 1 - log_var,
        "log-std-for-log-variance": var + square - 1 - 0.5 * log_var,
        "without-one": var + square - log_var,
        "absolute-mean": var + mean.abs() - 1 - log_var,
        "without-mean": var - 1 - log_var,
        "without-variance": square - 1 - log_var,
        "without-log": var + square - 1,
        "mean-alone": square,
        "sign-of-mean": var - square - 1 - log_var,
        "sign-of-variance": square - var - 1 - log_var,
        "sign-of-log": var + square - 1 + log_var,
        "reversed": (1 + square) * torch.exp(-log_var) - 1 + log_var,
    }
    return {name: 0.5 * values.sum(1).mean() for name, values in forms.items()}


def reconstruction_forms(model: VAE, output: Tensor, x: Tensor, unit: float = 1.0) -> dict[str, Tensor]:
    """Each of `RECONSTRUCTION_FORMS` that the likelihood may have, summed over pixels, averaged over images.

    Args:
        model: Whose likelihood.
        output: What the decoder gave, ``(B, C, H, W)``.
        x: The images, likewise.
        unit: What a pixel's range is in the loop's own numbers; its errors are in these.
    """
    mean = model.likelihood.mean(output)
    errors = (unit * (mean - x)).flatten(1)
    forms = {
        "nats": -model.likelihood.log_prob(output, x).mean(),
        "squared-error": errors.square().sum(1).mean(),
        "absolute-error": errors.abs().sum(1).mean(),
    }
    if not isinstance(model.likelihood, Gaussian):
        twice = F.binary_cross_entropy_with_logits(torch.sigmoid(output), x, reduction="none")
        forms["raw-squared-error"] = (unit * (output - x)).flatten(1).square().sum(1).mean()
        forms["sigmoid-twice"] = twice.flatten(1).sum(1).mean()
    return forms


def sigma_of(model: VAE) -> float | None:
    """The standard deviation of a Gaussian likelihood; None for the others."""
    likelihood = model.likelihood
    return float(likelihood.sigma.detach()) if isinstance(likelihood, Gaussian) else None


@dataclass(frozen=True)
class Candidate:
    """A form that a reported term may have.

    Attributes:
        name: Of the form.
        factors: By which it may be multiplied, where it is averaged over something, for example.
        is_plain: Whether that is how it should be: such a one is taken unless another fits far better.
        is_slip: Whether it is one that accuses a loop, and needs to fit closely.
    """

    name: str
    factors: tuple[float, ...]
    is_plain: bool = False
    is_slip: bool = False


def best_form(
    reported: list[float], measured: Mapping[str, list[float]], usual: str, candidates: Iterable[Candidate]
) -> str:
    """Of several forms that a reported term may have, the one that it has.

    Args:
        reported: The term, one number for each comparison.
        measured: Each form at the same comparisons.
        usual: The form that it should have.
        candidates: What it may be.

    Returns:
        Its name; the usual one's for too few comparisons; `OTHER` if none fits.
    """
    if len(reported) < _FEWEST:
        return usual
    unit = median(map(abs, measured[usual])) or 1.0
    found = []
    for one in candidates:
        of_form = measured[one.name]
        if one.is_slip:
            error = min(_misfit_of_slip(reported, of_form, factor, unit) for factor in one.factors)
        else:
            error = min(_misfit(reported, of_form, factor, unit) for factor in one.factors)
        if error <= _FITS:
            found.append((error / (_BETTER if one.is_plain else 1), one.name))
    return min(found)[1] if found else OTHER


def _misfit(reported: list[float], measured: list[float], factor: float, unit: float) -> float:
    """The median difference between what was reported and a form of it, in units of the usual one."""
    differences = [abs(one / factor - other) for one, other in zip(reported, measured, strict=True)]
    return median(differences) / unit if all(map(math.isfinite, differences)) else math.inf


def _misfit_of_slip(reported: list[float], measured: list[float], factor: float, unit: float) -> float:
    """The same of a slip, which is named only where it explains the size of what was reported, and its mean."""
    if factor == 1.0:
        return _misfit(reported, measured, factor, unit)
    ratios = [one / other for one, other in zip(reported, measured, strict=True) if other]
    if not ratios or abs(median(ratios) / factor - 1) > _BIAS_OF_A_FACTOR:
        return math.inf
    # A large factor would make any difference small.
    size = median(map(abs, reported)) / abs(factor)
    return _OF_A_FACTOR * _misfit(reported, measured, factor, min(unit, 4 * size) or unit)
