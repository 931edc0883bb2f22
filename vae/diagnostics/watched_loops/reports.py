"""What a watched loop reports of its terms, beside what they are in nats on the very networks of each report."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from torch import Tensor

from vae.diagnostics.watched_loops.reductions import constant_of, likeliest
from vae.diagnostics.watched_loops.terms import KL_FORMS, RECONSTRUCTION_FORMS, Candidate, best_form

#: Comparisons of the first steps, before a KL that weighs too much has vanished; and of the newest ones.
NUM_FIRST, NUM_NEWEST = 20, 500
#: Rates below these are not compared, nats: nothing divided by nothing. Those of the first steps are small.
_SMALLEST_RATE, _SMALLEST_FIRST_RATE = 0.05, 1e-3
#: Share of the loss that a weighted KL must have, so that the weight can be read off the loss.
_READABLE = 1e-3
#: A weight is known if it is this near, as a share of it.
_SAME = 0.02
#: Prefix of what the KL would be if the encoder's second answer were something else.
AS_SPREAD = "as-"

TERMS = ("loss", "reconstruction", "kl")


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


class LoopReports:
    """Keeps what a loop reports, for its lines of metrics, and compares it with what is measured.

    Args:
        measure: Gives every form of both terms of now, as scalars on one device, by name; no device is waited for.
        num_pixels: Values per image.
        latent_dim: Latent dimensions.
        batch_size: Images of a step.
    """

    def __init__(
        self, measure: Callable[[], Mapping[str, Tensor]], num_pixels: int, latent_dim: int, batch_size: int
    ) -> None:
        self._measure = measure
        self._num_pixels, self._latent_dim, self._batch_size = num_pixels, latent_dim, batch_size
        self._sums: dict[str, Tensor | float] = {}
        self._counts: dict[str, int] = {}
        #: Made after the step before, and so of the networks that this step's report is of.
        self._fresh: Mapping[str, Tensor] | None = None
        self._waiting: list[tuple[dict[str, Tensor | float], Mapping[str, Tensor], float]] = []
        self._first: list[Pair] = []
        self._newest: deque[Pair] = deque(maxlen=NUM_NEWEST)
        self._is_wished, self._num_seen = True, 0
        self._weight: float | None = None

    def add(self, values: Mapping[str, Tensor | float], beta: float) -> None:
        """What the loop says of one step.

        Args:
            values: By name, of `TERMS`; tensors are scalars, without a graph.
            beta: The weight of the KL that the step was taken with, as far as it is known.
        """
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
            self._counts[name] = self._counts.get(name, 0) + 1
        if values and self._fresh is not None:
            self._waiting.append((dict(values), self._fresh, beta))
            self._num_seen += 1
            self._is_wished = False
        self._fresh = None

    @property
    def is_due(self) -> bool:
        """Whether the networks of now are to be measured, for the next step's report."""
        return self._fresh is None and (self._is_wished or self._num_seen < NUM_FIRST)

    def wish(self) -> None:
        """Ask for one more comparison, when the next report comes."""
        self._is_wished = True

    def measure(self) -> None:
        """Measure the networks of now."""
        self._fresh = self._measure()

    def means(self) -> dict[str, float]:
        """The mean of what was reported since the last line, by name; waits for the device."""
        found = {name: float(total) / self._counts[name] for name, total in self._sums.items()}
        self._sums, self._counts = {}, {}
        return found

    @property
    def num_seen(self) -> int:
        """Comparisons so far, those that still wait for the device among them."""
        return self._num_seen

    def settle(self) -> bool:
        """Take up the comparisons that wait; says whether there were any. Waits for the device."""
        for values, measured, beta in self._waiting:
            names = list(measured)
            numbers = torch.stack([measured[name].float() for name in names]).tolist()
            reported = {name: float(value) for name, value in values.items()}
            pair = Pair(reported, dict(zip(names, numbers, strict=True)), beta)
            if len(self._first) < NUM_FIRST:
                self._first.append(pair)
            self._newest.append(pair)
        had_some, self._waiting = bool(self._waiting), []
        if had_some:
            weight, place = _weight(list(self._newest))
            self._weight = weight if weight is not None and weight >= 0 and place is None else self._weight
        return had_some

    @property
    def weight(self) -> float | None:
        """The weight of the KL that the loss has, where it can be read off and is no slip; None if nothing is known."""
        return self._weight

    @property
    def num_compared(self) -> int:
        """Comparisons so far."""
        return self._num_seen - len(self._waiting)

    def forget(self) -> None:
        """Begin anew: what was measured was read in a wrong way."""
        self._first, self._waiting, self._fresh = [], [], None
        self._newest.clear()
        self._is_wished, self._num_seen = True, 0

    # What comes of it -------------------------------------------------------------------------------------------------

    def kl_form(self) -> str:
        """Which form the reported KL has, of `loop_terms.KL_FORMS` or another reading of the encoder's answer."""
        newest = [pair for pair in list(self._newest)[-NUM_FIRST:] if pair not in self._first]
        pairs = [pair for pair in (*self._first, *newest) if "kl" in pair.reported]
        known = pairs[0].measured if pairs else ()
        names = [name for name in known if name in KL_FORMS[1:] or name.startswith(AS_SPREAD)]
        over_dims, over_pixels = 1 / self._latent_dim, 1 / self._num_pixels
        plain = (1.0, over_dims, over_pixels, over_dims * over_pixels, float(self._batch_size))
        halves = tuple(sign * half * one for sign in (1, -1) for half in (1, 2, 0.5) for one in plain)
        doubled = tuple(half * one for half in (1, 2) for one in plain)
        candidates = [Candidate("right", plain, is_plain=True), Candidate("right", halves)]
        for name in names:
            candidates.append(Candidate(name, plain if name.startswith(AS_SPREAD) else doubled))
        return self._form(pairs, "kl", "right", candidates)

    def reconstruction_form(self) -> str:
        """Which form the reported reconstruction has, of `vae.diagnostics.watched_loops.terms.RECONSTRUCTION_FORMS`."""
        pairs = [pair for pair in self._newest if "reconstruction" in pair.reported][-NUM_FIRST:]
        plain = (1.0, 1 / self._num_pixels, float(self._batch_size))
        halves = tuple(half * one for half in (1, 0.5) for one in plain)
        candidates = [Candidate("nats", plain, is_plain=True)]
        candidates += [Candidate(name, halves) for name in RECONSTRUCTION_FORMS if name != "nats"]
        return self._form(pairs, "reconstruction", "nats", candidates)

    @staticmethod
    def _form(pairs: list[Pair], term: str, usual: str, candidates: list[Candidate]) -> str:
        if not pairs:
            return usual
        measured = {one.name: [pair.measured[one.name] for pair in pairs] for one in candidates}
        return best_form([pair.reported[term] for pair in pairs], measured, usual, candidates)

    def scale(self, sigma: float | None) -> dict[str, Any]:
        """What the comparisons say, as the values of an event; see `vae.watching.watch`.

        Args:
            sigma: Standard deviation of a Gaussian likelihood; None for others.
        """
        num_pixels, latent_dim, batch_size = self._num_pixels, self._latent_dim, self._batch_size
        constant, sizes = constant_of(num_pixels, sigma), (num_pixels, batch_size)
        newest = list(self._newest)
        weight, place = _weight(newest)
        reconstruction = _median(
            _ratios(newest, "reconstruction", lambda pair: _density(pair, constant), sizes, sigma)
        )
        loss = _median(_ratios(newest, "loss", lambda pair: _objective(pair, constant, weight), sizes, sigma))
        late = _median(_of_kl(newest, _SMALLEST_RATE))
        early = _median(_of_kl(self._first, _SMALLEST_FIRST_RATE))
        if place == "in-kl":  # the KL is meant without its weight
            said = median(pair.beta for pair in newest)
            late, early = (None if ratio is None else ratio / said for ratio in (late, early))
        beta = newest[-1].beta if newest else 1.0
        in_force = beta if weight is None or place == "in-kl" else weight
        return {
            "reported": ",".join(name for name in TERMS if any(name in pair.reported for pair in newest)),
            "reconstruction_ratio": reconstruction,
            "kl_ratio": late,
            "loss_ratio": loss,
            "early_kl_ratio": early,
            "kl_form": self.kl_form(),
            "reconstruction_form": self.reconstruction_form(),
            "weight": weight,
            "beta_place": place,
            "num_comparisons": self.num_compared,
            "num_pixels": num_pixels,
            "latent_dim": latent_dim,
            "batch_size": batch_size,
            "effective_beta": in_force * late / reconstruction if late and reconstruction else None,
        }


def _density(pair: Pair, constant: float) -> list[float]:
    """The reconstruction with and without the constants of a density."""
    return [pair.measured["nats"], pair.measured["nats"] - constant]


def _objective(pair: Pair, constant: float, weight: float | None) -> list[float]:
    beta = pair.beta if weight is None else weight
    return [one + beta * pair.measured["right"] for one in _density(pair, constant)]


def _ratios(
    pairs: list[Pair],
    name: str,
    ours: Callable[[Pair], list[float]],
    sizes: tuple[int, int],
    sigma: float | None,
) -> list[float]:
    """Reported over ours, pair by pair; of what ours may be, the likeliest."""
    found = []
    for pair in pairs:
        if name in pair.reported:
            ratios = [pair.reported[name] / one for one in dict.fromkeys(ours(pair)) if one]
            positive = [ratio for ratio in ratios if math.isfinite(ratio) and ratio > 0]
            if positive:
                found.append(likeliest(positive, *sizes, sigma) if len(positive) > 1 else positive[0])
            elif ratios and math.isfinite(ratios[0]):
                found.append(ratios[0])
    return found


def _of_kl(pairs: list[Pair], smallest: float) -> list[float]:
    """The reported KL over ours, with its sign."""
    found = [
        pair.reported["kl"] / pair.measured["right"]
        for pair in pairs
        if "kl" in pair.reported and pair.measured["right"] >= smallest
    ]
    return [ratio for ratio in found if math.isfinite(ratio)]


def _weight(pairs: list[Pair]) -> tuple[float | None, str | None]:
    """The weight of the KL over that of the reconstruction, read off the loss; and where the loop puts its β.

    Returns:
        The weight, None if it cannot be read; and ``kl`` where it belongs, ``in-kl`` where the reported KL has it
        already, ``reconstruction`` where it stands before the wrong term, None if it cannot be told.
    """
    pairs = [pair for pair in pairs if all(name in pair.reported for name in TERMS)][-NUM_FIRST:]
    pairs = [pair for pair in pairs if abs(pair.reported["kl"]) > _READABLE * abs(pair.reported["loss"])]
    if not pairs:
        return None, None

    def is_loss(of_reconstruction: Callable[[float], float], of_kl: Callable[[float], float]) -> bool:
        return all(
            abs(
                pair.reported["loss"]
                - of_reconstruction(pair.beta) * pair.reported["reconstruction"]
                - of_kl(pair.beta) * pair.reported["kl"]
            )
            <= _SAME * abs(of_kl(pair.beta) * pair.reported["kl"]) + 1e-5 * abs(pair.reported["loss"])
            for pair in pairs
        )

    if is_loss(lambda _: 1.0, lambda beta: beta):
        return pairs[-1].beta, "kl"
    if is_loss(lambda _: 1.0, lambda _: 1.0):
        ratios = _of_kl(pairs, _SMALLEST_FIRST_RATE)
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


def _median(values: list[float]) -> float | None:
    return median(values) if values else None
