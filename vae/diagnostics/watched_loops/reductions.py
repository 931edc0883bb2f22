"""Which reduction a ratio of a loop's term to ours betrays: a mean, a sum over the batch, a factor that is missing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from vae.diagnostics.watched_loops.slips import FORMULA, HALF
from vae.runtime.number_format import readable

#: A ratio within this factor of a reduction's is taken for it: batches and noise differ between the two; or within that
#: one, where it is known to be the same in all comparisons.
_NEAR, _NEARER = 1.35, 1.15
#: β is as it should be within this factor.
RIGHT = 1.6


@dataclass(frozen=True)
class Ratio:
    """What a loop reported of one term over what it is in nats per example.

    Attributes:
        measured: The median of the comparisons.
        exact: What the reduction that it is taken for makes of it; None if it is no known one's.
        words: The reduction; empty if there is none to name.
        remedy: What to do about it; empty likewise.
    """

    measured: float
    exact: float | None
    words: str = ""
    remedy: str = ""

    @property
    def value(self) -> float:
        """The best that is known of it."""
        return self.measured if self.exact is None else self.exact

    @property
    def share(self) -> str:
        """As a person writes it: "1/784 of ours", "128 times ours"."""
        value = self.value
        if value < 0:
            return f"−{readable(-value)} times ours"
        if factor_apart(value) <= RIGHT:
            return "as large as ours"
        return f"1/{readable(1 / value)} of ours" if value < 1 else f"{readable(value)} times ours"


def _nearest(measured: float, known: list[Ratio], near: float = _NEAR) -> Ratio:
    """The measured ratio as the reduction that it is nearest to, if it is near; its sign may be wrong besides."""
    if measured < 0:
        found = _nearest(-measured, known, near)
        words = f"the wrong sign, and {found.words}" if found.words else "the wrong sign"
        remedy = "; ".join(filter(None, (f"turn the sign of the KL term: {FORMULA}", found.remedy)))
        return Ratio(measured, None if found.exact is None else -found.exact, words, remedy)
    nearest = min(known, key=lambda ratio: factor_apart(measured / ratio.measured))
    if factor_apart(measured / nearest.measured) > near:
        return Ratio(measured, None)
    return Ratio(measured, nearest.exact, nearest.words, nearest.remedy)


def reconstruction_ratio(measured: float, num_pixels: int, batch_size: int, sigma: float | None) -> Ratio:
    """What a measured ratio of a reconstruction is taken for; see `likeliest` for the arguments."""
    return _nearest(measured, _reconstruction_reductions(num_pixels, batch_size, sigma))


def _reconstruction_reductions(num_pixels: int, batch_size: int, sigma: float | None) -> list[Ratio]:
    sum_pixels = "sum the reconstruction over pixels, and average it over the batch alone"
    halve = f"divide the reconstruction by the batch size, {batch_size}"
    found = [
        Ratio(1.0, 1.0),
        Ratio(
            1 / num_pixels, 1 / num_pixels, "a mean over pixels", f"{sum_pixels}: {num_pixels} times as much"
        ),
        Ratio(float(batch_size), float(batch_size), "a sum over the batch", halve),
    ]
    if sigma is not None:
        density = (
            f"divide the squared error by 2σ², which is {readable(2 * sigma**2, 3)}, or tell vae.watch the σ that is "
            "meant"
        )
        for nats, error in ((2 * sigma**2, "a squared error"), (sigma**2, "half a squared error")):
            for ratio, reduction in ((nats, ""), (nats / num_pixels, ", as a mean over pixels")):
                advice = density if not reduction else f"{sum_pixels}; {density}"
                words = f"{error} without its σ{reduction}"
                found.append(Ratio(ratio, ratio, words, advice))
            summed = nats * batch_size
            found.append(
                Ratio(
                    summed, summed, f"{error} without its σ, as a sum over the batch", f"{halve}; {density}"
                )
            )
    return found


def likeliest(ratios: Sequence[float], num_pixels: int, batch_size: int, sigma: float | None) -> float:
    """Of what a reconstruction's ratio may be, with and without a density's constants, the nearest to a reduction's.

    Args:
        ratios: What it may be, positive.
        num_pixels: Values per image.
        batch_size: Images of a batch.
        sigma: Standard deviation of a Gaussian likelihood; None for others.
    """
    known = _reconstruction_reductions(num_pixels, batch_size, sigma)
    return min(ratios, key=lambda ratio: min(factor_apart(ratio / one.measured) for one in known))


def constant_of(num_pixels: int, sigma: float | None) -> float:
    """What a Gaussian density has besides its squared error, nats; 0 without a σ."""
    return 0.0 if sigma is None else num_pixels * (math.log(sigma) + 0.5 * math.log(2 * math.pi))


def kl_ratio(
    late: float | None, early: float | None, sizes: tuple[int, int, int], *, is_exact: bool
) -> Ratio | None:
    """What the ratio of a loop's KL term is taken for, from its late steps, else from its first, when it was large.

    Networks may do otherwise in training than in use, so that the first steps count only where they give a name; and a
    slip in the ½ is looked for where a reduction is not the reason.

    Args:
        late: Of the newest steps; None if it was too small to compare.
        early: Of the first ones, likewise.
        sizes: Values per image, latent dimensions and images of a batch.
        is_exact: Whether the ratio is known to be the same in all comparisons, so that it is one only if it is near.
    """
    whole, near = _kl_reductions(*sizes), _NEARER if is_exact else _NEAR
    ratios = [ratio for ratio in (late, early) if ratio is not None]
    for known in (whole, _without_half(whole)):
        for ratio in ratios:
            found = _nearest(ratio, known, near)
            if found.exact is not None:
                return found
    return None if late is None else Ratio(late, None)


def _without_half(whole: list[Ratio]) -> list[Ratio]:
    """The same reductions with a ½ too few or too many."""
    found = []
    for factor, words, advice in (
        (2.0, f"its {HALF} is missing", f"halve the KL term: {FORMULA}"),
        (0.5, f"its {HALF} is there twice", f"double the KL term: {FORMULA}"),
    ):
        for ratio in whole:
            both = f"{ratio.words}, and {words}" if ratio.words else words
            remedy = f"{ratio.remedy}; {advice}" if ratio.remedy else advice
            found.append(Ratio(factor * ratio.measured, factor * ratio.measured, both, remedy))
    return found


def _kl_reductions(num_pixels: int, latent_dim: int, batch_size: int) -> list[Ratio]:
    advice = "sum the KL term over its dimensions, and average it over the batch alone"
    return [
        Ratio(1.0, 1.0),
        Ratio(1 / latent_dim, 1 / latent_dim, "a mean over dimensions", advice),
        Ratio(
            1 / num_pixels, 1 / num_pixels, "divided by the pixels", "do not divide the KL term by the pixels"
        ),
        Ratio(
            1 / (latent_dim * num_pixels),
            1 / (latent_dim * num_pixels),
            "a mean over dimensions, divided by the pixels",
            f"{advice}; do not divide it by the pixels",
        ),
        Ratio(
            float(batch_size),
            float(batch_size),
            "a sum over the batch",
            f"divide the KL term by the batch size, {batch_size}",
        ),
        Ratio(
            batch_size / latent_dim,
            batch_size / latent_dim,
            "a sum over the batch, and a mean over dimensions",
            advice,
        ),
    ]


def factor_apart(ratio: float) -> float:
    """By what factor a ratio is away from 1, either way; one below 0 is as far away as can be."""
    return max(ratio, 1 / ratio) if ratio > 0 else math.inf
