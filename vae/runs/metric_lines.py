"""Lines of `metrics.jsonl`: their format, and thinning of long histories.

A line is either measured,
``{"split": "train" | "validation", "step", "epoch", "seconds", "beta", "distortion", "rate", "elbo",
"rate_per_dim"}``, in nats per example, or an event, ``{"event": "start" | "beta" | …, "step", "epoch",
"seconds"}`` with whatever else belongs to it.

β is what the steps were taken with: of a train line the mean over its steps, of a validation line that of the last
step before it. So are ``"capacity"`` (the target of the rate, nats) and ``"learning_rate"``, in lines of runs whose
plan moves them. Lines of older versions have the β of the step after them.

Train lines have also ``"num_steps"``, the steps they are the mean of, ``"objective.…"`` for what a user's objective
writes down, and ``"images_per_second"``; validation lines
``"active_units"``, ``"mutual_information"``, ``"marginal_kl"`` and ``"permuted_rise"`` of the run's probe images (see
`vae.diagnostics.diagnose.live_numbers`), unless an older version wrote them or the line before had them a moment ago.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from operator import mul
from typing import Any, TypeGuard

from pydantic_core import from_json  # three times as fast as json, and stricter

from vae.errors import MAX_SENTENCE
from vae.limits import LINE_BYTES

Line = dict[str, Any]

#: Most fields of a line, and most numbers of a list in it: a model has at most so many latent dimensions.
MAX_VALUES = 512

_POSITION = ("step", "epoch", "seconds")
_MEASURED = (*_POSITION, "beta", "distortion", "rate", "elbo")


def is_line(line: object) -> TypeGuard[Line]:
    """Whether an object is a line of a history, with all that its kind has and finite numbers throughout."""
    if not isinstance(line, dict):
        return False
    if len(line) > MAX_VALUES:
        return False
    if "event" in line:
        if type(line["event"]) is not str:
            return False
        numbers: tuple[str, ...] = _POSITION
    else:
        if line.get("split") not in ("train", "validation") or type(line.get("rate_per_dim")) is not list:
            return False
        numbers = _MEASURED
    try:
        for name in numbers:
            if type(line[name]) is not float and type(line[name]) is not int:
                return False
        if type(line["step"]) is not int or line["step"] < 0:
            return False
        if "num_steps" in line and (type(line["num_steps"]) is not int or line["num_steps"] < 1):
            return False
        for value in line.values():  # written for speed: a long history has millions of them
            kind = type(value)
            if kind is float:
                if not math.isfinite(value):
                    return False
            elif kind is int:
                if not -(2**63) <= value < 2**63:
                    return False
            elif kind is list:
                if len(value) > MAX_VALUES or not math.isfinite(sum(value)):  # text in it is a TypeError
                    return False
            elif kind is str:
                if len(value) > MAX_SENTENCE or not value.isprintable():  # a page or a terminal may show it
                    return False
            elif kind is not bool and value is not None:
                return False
    except (KeyError, TypeError, OverflowError):
        return False
    return True


def parse_line(text: bytes) -> Line | None:
    """The line that the bytes spell, or None if they are broken."""
    if not text or len(text) > LINE_BYTES:
        return None
    try:
        line = from_json(text, allow_inf_nan=False)
    except ValueError:
        return None
    return line if is_line(line) else None


def thin(lines: Iterable[object], at_most: int = 2000) -> list[Line]:
    """A shorter history that draws the same curves.

    Neighbouring lines of one split are put together, two, four, eight … at a time until at most `at_most` are
    left: numbers are means weighted by `num_steps` (`rate_per_dim` dimension by dimension), `num_steps` is
    the sum, and where the line stands (step, epoch, seconds, beta, capacity, learning_rate) is where its last
    one stood. Histories that are short enough, and events, are left as they are; of more than `at_most` events
    the newest are kept. The memory it takes depends on `at_most` and not on the number of lines.

    Args:
        lines: In the order they were written; what is not a line (see `is_line`) is left out.
        at_most: Lines to keep of each of train, validation and events; at least 2.
    Raises:
        ValueError: If `at_most` is too small.
    """
    return thinned((line for line in lines if is_line(line)), at_most)


def thinned(lines: Iterable[Line], at_most: int) -> list[Line]:
    """As `thin`, of what is known to be lines."""
    if at_most < 2:
        raise ValueError(f"at_most must be >= 2, got {at_most}; use 2000")
    bins = {"train": _Bins(at_most), "validation": _Bins(at_most)}
    events: deque[tuple[int, Line]] = deque(maxlen=at_most)
    for place, line in enumerate(lines):
        if "event" in line:
            events.append((place, line))
        else:
            bins[line["split"]].add(place, line)
    kept = [*bins["train"].lines(), *bins["validation"].lines(), *events]
    return [line for _, line in sorted(kept, key=lambda item: item[0])]


class _Bins:
    """Means of equally many neighbouring lines; the number doubles whenever there are too many bins."""

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most - at_most % 2
        self._size = 1
        self._bins: list[tuple[int, Line]] = []
        self._last: list[Line] = []
        self._place = 0

    def add(self, place: int, line: Line) -> None:
        if len(self._bins) == self._at_most:
            pairs = zip(self._bins[::2], self._bins[1::2], strict=True)
            self._bins = [(place, _mean([first, second])) for (_, first), (place, second) in pairs]
            self._size *= 2
        self._last.append(line)
        self._place = place
        if len(self._last) == self._size:
            self._bins.append((place, _mean(self._last)))
            self._last = []

    def lines(self) -> list[tuple[int, Line]]:
        return [*self._bins, (self._place, _mean(self._last))] if self._last else self._bins


_OF_THE_LAST = frozenset((*_POSITION, "beta", "capacity", "learning_rate"))


def _mean(group: list[Line]) -> Line:
    """One line for several: the last one, with its measured numbers replaced by the weighted means of all."""
    last = group[-1]
    if len(group) == 1:
        return last
    weights = [line.get("num_steps", 1) for line in group]
    mean = dict(last)
    for name, value in last.items():
        if name in _OF_THE_LAST or isinstance(value, bool):
            continue
        if name == "num_steps":
            mean[name] = sum(weights)
        elif isinstance(value, (int, float)):
            mean[name] = _weighted(
                [(line.get(name), weight) for line, weight in zip(group, weights, strict=True)]
            )
        elif isinstance(value, list):
            rows = [line.get(name) for line in group]
            if all(isinstance(row, list) and len(row) == len(value) for row in rows):
                total = sum(weights)
                columns = zip(*rows, strict=True)
                mean[name] = [sum(map(mul, column, weights)) / total for column in columns]
    return mean


def _weighted(pairs: list[tuple[Any, int]]) -> float:
    """The weighted mean of the numbers among the values."""
    total, weight_of_all = 0.0, 0
    for value, weight in pairs:
        if isinstance(value, (int, float)):
            total += value * weight
            weight_of_all += weight
    return total / weight_of_all
