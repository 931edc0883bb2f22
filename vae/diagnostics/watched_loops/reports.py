"""What a watched loop reports of its terms, beside what they are in nats on the very networks of each report."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

import torch
from torch import Tensor

from vae.diagnostics.watched_loops.loss_weights import (
    NEIGHBOURS,
    SMALLEST_FIRST_RATE,
    TERMS,
    Pair,
    loss_factor,
    of_kl,
    weight_of,
    weight_of_neighbours,
)
from vae.diagnostics.watched_loops.reductions import constant_of, likeliest
from vae.diagnostics.watched_loops.terms import (
    KL_FORMS,
    OTHER,
    RECONSTRUCTION_FORMS,
    Candidate,
    best_form,
)

#: Comparisons of the first steps, before a KL that weighs too much has vanished; and of the newest ones.
NUM_FIRST, NUM_NEWEST = 20, 500
#: A rate below this is not compared, nats: nothing divided by nothing. Those of the first steps are small.
_SMALLEST_RATE = 0.05
#: A KL term that is so many times what it was at first, and a nat, says no more of its form.
_GROWN = 100.0
#: A KL term is a multiple of ours if it differs from the best multiple by this share, at most, in the median.
_MULTIPLE = 0.12
#: Prefix of what the KL would be if the encoder's second answer were something else.
AS_SPREAD = "as-"


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
        self._neighbours: deque[dict[str, Tensor | float]] = deque(maxlen=NEIGHBOURS)
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
        if len(values) == len(TERMS):
            self._neighbours.append(dict(values))
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
            weight = weight_of_neighbours(
                [{name: float(value) for name, value in values.items()} for values in self._neighbours]
            )
            place = weight_of(list(self._newest))[1]
            self._weight = weight if weight is not None and weight > 0 and place is None else self._weight
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
        self._neighbours.clear()
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
        batch_size = float(self._batch_size)
        plain = (1.0, over_dims, over_pixels, over_dims * over_pixels, batch_size, batch_size * over_dims)
        halves = tuple(sign * half * one for sign in (1, -1) for half in (1, 2, 0.5) for one in plain)
        doubled = tuple(half * one for half in (1, 2) for one in plain)
        candidates = [Candidate("right", plain, is_plain=True), Candidate("right", halves)]
        for name in names:
            is_slip = not name.startswith(AS_SPREAD)
            candidates.append(Candidate(name, doubled if is_slip else plain, is_slip=is_slip))
        return self._form(pairs, "kl", "right", candidates)

    def reconstruction_form(self) -> str:
        """Which form the reported reconstruction has, of `vae.diagnostics.watched_loops.terms.RECONSTRUCTION_FORMS`."""
        pairs = [pair for pair in self._newest if "reconstruction" in pair.reported][-NUM_FIRST:]
        plain = (1.0, 1 / self._num_pixels, float(self._batch_size))
        halves = tuple(half * one for half in (1, 0.5) for one in plain)
        candidates = [Candidate("nats", plain, is_plain=True)]
        known = pairs[0].measured if pairs else ()
        for name in RECONSTRUCTION_FORMS[1:]:
            if name in known:
                candidates.append(Candidate(name, plain if name == "sigmoid-twice" else halves))
        return self._form(pairs, "reconstruction", "nats", candidates)

    @staticmethod
    def _form(pairs: list[Pair], term: str, usual: str, candidates: list[Candidate]) -> str:
        if not pairs:
            return usual
        pairs = _before_it_grew(pairs)
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
        weight, place = weight_of(newest)
        reconstruction = _median(
            _ratios(newest, "reconstruction", lambda pair: _density(pair, constant), sizes, sigma)
        )
        loss = _median(_ratios(newest, "loss", lambda pair: _objective(pair, constant, weight), sizes, sigma))
        late = _median(of_kl(newest, _SMALLEST_RATE))
        early = _median(of_kl(self._first, SMALLEST_FIRST_RATE))
        if place == "in-kl":  # the KL is meant without its weight
            said = median(pair.beta for pair in newest)
            late, early = (None if ratio is None else ratio / said for ratio in (late, early))
        beta = newest[-1].beta if newest else 1.0
        in_force = beta if weight is None or place == "in-kl" else weight
        factor = None if place == "in-kl" else loss_factor([*self._first, *newest[-NUM_FIRST:]])
        if factor is not None:
            in_force = factor * beta
            weight = in_force if place is None else weight
        kl_form = self.kl_form()
        return {
            "reported": ",".join(name for name in TERMS if any(name in pair.reported for pair in newest)),
            "reconstruction_ratio": reconstruction,
            "kl_ratio": late,
            "loss_ratio": loss,
            "early_kl_ratio": early,
            "kl_form": kl_form,
            **({"kl_is_multiple": self._is_multiple()} if kl_form == OTHER else {}),
            "reconstruction_form": self.reconstruction_form(),
            "weight": weight,
            "loss_factor": factor,
            "beta_place": place,
            "num_comparisons": self.num_compared,
            "num_pixels": num_pixels,
            "latent_dim": latent_dim,
            "batch_size": batch_size,
            "effective_beta": in_force * late / reconstruction if late and reconstruction else None,
        }

    def _is_multiple(self) -> bool:
        """Whether a KL term of no known form may be ours, multiplied by something, or held above a bound."""
        pairs = [*self._first, *list(self._newest)[-NUM_FIRST:]]
        pairs = [pair for pair in pairs if "kl" in pair.reported and math.isfinite(pair.measured["right"])]
        ratios = of_kl(pairs, SMALLEST_FIRST_RATE)
        if len(ratios) < NEIGHBOURS:
            return True
        factor = median(ratios)
        unit = median(pair.measured["right"] for pair in pairs)
        misfit = median(abs(pair.reported["kl"] / factor - pair.measured["right"]) for pair in pairs)
        # Free bits keep a KL term above what it is.
        return misfit <= _MULTIPLE * unit or min(ratios) > 1 - _MULTIPLE


def _before_it_grew(pairs: list[Pair]) -> list[Pair]:
    """The comparisons before a KL term grew beyond measure, as one does that the loss rewards."""
    most = _GROWN * (median(pair.measured["right"] for pair in pairs[:3]) + 1)
    few = [pair for pair in pairs if not pair.measured["right"] > most]
    return few if len(few) >= NEIGHBOURS else pairs


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


def _median(values: list[float]) -> float | None:
    return median(values) if values else None
