"""How a watched loop's loss weighs its terms, read off what it reports of loss, reconstruction and KL."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np

TERMS = ("loss", "reconstruction", "kl")
#: Comparisons that a weight is read off.
NUM_LOOKED_AT = 20
#: Rates below this are not compared in the first steps, nats: nothing divided by nothing.
SMALLEST_FIRST_RATE = 1e-3
#: Share of the loss that a weighted KL must have, so that the weight can be read off the loss.
_READABLE = 1e-3
#: A weight is known if it is this near, as a share of it.
_SAME = 0.02
#: Neighbouring steps that a weight is read off, as they are reported, and how near a small one must be.
NEIGHBOURS, _SMALL_WEIGHT = 4, 0.01


@dataclass(frozen=True)
class Pair:
    """One step: what the loop reported of it, and what its terms are in nats on those networks.

    Attributes:
        reported: By name, of `TERMS`.
        measured: ``nats`` and ``right``, and the other forms of `vae.diagnostics.watched_loops.terms`.
        beta: The weight that the loop said.
    """

    reported: dict[str, float]
    measured: dict[str, float]
    beta: float


def of_kl(pairs: list[Pair], smallest: float) -> list[float]:
    """The reported KL over ours, with its sign."""
    found = [
        pair.reported["kl"] / pair.measured["right"]
        for pair in pairs
        if "kl" in pair.reported and pair.measured["right"] >= smallest
    ]
    return [ratio for ratio in found if math.isfinite(ratio)]


def weight_of(pairs: list[Pair]) -> tuple[float | None, str | None]:
    """The weight of the KL over that of the reconstruction, read off the loss; and where the loop puts its β.

    Returns:
        The weight, None if it cannot be read; and ``kl`` where it belongs, ``in-kl`` where the reported KL has it
        already, ``reconstruction`` where it stands before the wrong term, None if it cannot be told.
    """
    pairs = [pair for pair in pairs if all(name in pair.reported for name in TERMS)][-NUM_LOOKED_AT:]
    pairs = [pair for pair in pairs if abs(pair.reported["kl"]) > _READABLE * abs(pair.reported["loss"])]
    if not pairs:
        return None, None

    def is_loss(of_reconstruction: Callable[[float], float], of_divergence: Callable[[float], float]) -> bool:
        return all(
            abs(
                pair.reported["loss"]
                - of_reconstruction(pair.beta) * pair.reported["reconstruction"]
                - of_divergence(pair.beta) * pair.reported["kl"]
            )
            <= _SAME * abs(of_divergence(pair.beta) * pair.reported["kl"]) + 1e-5 * abs(pair.reported["loss"])
            for pair in pairs
        )

    if is_loss(lambda _: 1.0, lambda beta: beta):
        return pairs[-1].beta, "kl"
    if is_loss(lambda _: 1.0, lambda _: 1.0):
        ratios = of_kl(pairs, SMALLEST_FIRST_RATE)
        is_in = bool(ratios) and abs(median(ratios) / median(pair.beta for pair in pairs) - 1) < 0.25
        return 1.0, "in-kl" if is_in else None
    if is_loss(lambda beta: beta, lambda _: 1.0):
        return 1 / pairs[-1].beta, "reconstruction"
    weights = [
        (pair.reported["loss"] - pair.reported["reconstruction"]) / pair.reported["kl"] for pair in pairs[-5:]
    ]
    # A weight that is raised step by step is one; a loss with a third term has none.
    is_steady = len(weights) > 1 and all(
        abs(weight - weights[-1]) < 0.25 * abs(weights[-1]) for weight in weights
    )
    return (weights[-1], None) if is_steady else (None, None)


def weight_of_neighbours(steps: list[dict[str, float]]) -> float | None:
    """The weight of the KL in the loss of neighbouring steps, which a plan moves little; None if it is unclear."""
    weights = [
        (step["loss"] - step["reconstruction"]) / step["kl"]
        for step in steps
        if abs(step["kl"]) > _READABLE * abs(step["loss"])
    ]
    if len(weights) < 2 or not all(map(math.isfinite, weights)):
        return None
    last = weights[-1]
    near = max(_SMALL_WEIGHT, _SAME * len(weights) * abs(last))
    return last if all(abs(weight - last) <= near for weight in weights) else None


def loss_factor(pairs: list[Pair]) -> float | None:
    """By what the loss weighs the KL, over that of the reconstruction, as a multiple of the loop's own β.

    The loss is taken for a sum of the reconstruction and of the KL, or of β times the KL, each with a weight of its
    own; None where it is neither of them in every step.
    """
    rows = {
        (*(pair.reported[name] for name in TERMS), pair.beta)
        for pair in pairs
        if all(name in pair.reported for name in TERMS) and pair.beta > 0
    }
    found = np.array([row for row in rows if all(map(math.isfinite, row))])
    if len(found) < NEIGHBOURS:
        return None
    # Of each step as a share, so that the largest do not count alone.
    found[:, :3] /= np.abs(found[:, 1:3]).sum(1, keepdims=True) + 1e-30
    loss, reconstruction, kl, beta = found.T
    last = pairs[-1].beta
    fits = []
    for of_divergence, in_beta in ((beta * kl, 1.0), (kl, last)):
        terms = np.stack([reconstruction, of_divergence], 1)
        sizes = np.abs(terms).max(0)
        if not (sizes > 0).all():
            continue
        weights, *_, singular = np.linalg.lstsq(terms / sizes, loss, rcond=None)
        left = np.abs(terms / sizes @ weights - loss)
        # What the loss leaves open of a weight: its own rounding, and what the fit leaves, seen from both terms.
        error = (left.max() + 1e-6 * np.abs(loss).max()) / max(singular[-1], 1e-12)
        for_reconstruction, for_divergence = weights / sizes
        if for_reconstruction <= 0 or left.max() > 1e-4 * np.abs(loss).max():
            continue
        factor = for_divergence / for_reconstruction / in_beta
        unsure = error / sizes[1] / for_reconstruction / in_beta
        if unsure <= max(_SMALL_WEIGHT, _SAME * abs(factor)):
            fits.append((float(left.max()), float(factor) if abs(factor) > _SMALL_WEIGHT else 0.0))
    return min(fits)[1] if fits else None
