"""Whether a training has come to rest: how its objective fell lately, how much further it may fall, how far it went."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median
from typing import TYPE_CHECKING

from vae.objectives.schedules import learning_rate_at
from vae.runs.metric_lines import Line

if TYPE_CHECKING:
    from vae.config.schema import RunConfig

#: A fall of the objective, nats, that is one, and as a share of what the objective is.
SMALLEST_FALL, SMALLEST_SHARE = 0.1, 5e-4
#: Standard errors by which a fall must be more than chance.
_ERRORS = 2.0
#: So far, in learning rates times steps, must the weights have been able to move before silence is called a collapse.
#: Networks that woke late, three and four layers deep, woke before 0.8; twice as far for those that are slower still.
ENOUGH_WAY = 1.6
#: The learning rate of a loop whose own is not known, and of a model whose settings are not.
UNKNOWN_RATE = 3e-3
#: A rate that grows by this factor while a training doubles is on its way, and so is none below these nats.
_WAKING, _SMALLEST_RATE = 1.5, 2e-3
#: Fewer lines than these tell no curve.
_FEWEST_LINES = 4
#: Lines within this factor of a moment are of that moment.
_NEAR = 1.25


@dataclass(frozen=True)
class LearningCurve:
    """How a training stands at the end of its history.

    Attributes:
        epoch: Epochs done.
        steps: Steps done.
        way: Learning rate times steps: as far as Adam can have moved a weight. None if it is not known.
        objective: At the end, nats per example, with the rate weighed as the plan comes to; None if too few lines tell.
        fall: By how much it fell while the training, at this weight of the rate, became twice as long.
        error: Standard error of the fall.
        next_fall: By how much it will fall if it becomes twice as long again: what the last two doublings brought, in
            proportion, and never more than the last. None likewise.
        since: The epoch from which on the rate had its weight.
        rates: Rate at half of the time and at its end, nats.
        overfit: By how much the objective on validation images has risen since it was lowest, nats.
    """

    epoch: float = 0.0
    steps: int = 0
    way: float | None = None
    objective: float | None = None
    fall: float | None = None
    error: float = 0.0
    next_fall: float | None = None
    since: float = 0.0
    rates: tuple[float, float] | None = None
    overfit: float = 0.0

    @property
    def is_young(self) -> bool:
        """Whether weights can hardly have moved so far as to say what they come to."""
        return self.way is not None and self.way < ENOUGH_WAY

    @property
    def is_falling(self) -> bool:
        """Whether the objective still falls, by more than chance."""
        if self.fall is None or self.objective is None:
            return False
        return self.fall > max(SMALLEST_FALL, SMALLEST_SHARE * abs(self.objective), _ERRORS * self.error)

    @property
    def is_waking(self) -> bool:
        """Whether the rate grows from next to nothing."""
        if self.rates is None:
            return False
        before, now = self.rates
        return now > max(_SMALLEST_RATE, _WAKING * before)

    @property
    def promise(self) -> float:
        """Nats that as many epochs again will bring, as far as the curve tells; 0 if it is flat, or not known."""
        return self.next_fall if self.is_falling and self.next_fall is not None else 0.0

    @property
    def epochs_to_rest(self) -> int | None:
        """Epochs until a doubling would bring less than is worth naming; None if the curve does not tell."""
        if not self.is_falling or self.fall is None or self.next_fall is None or self.objective is None:
            return None
        least = max(SMALLEST_FALL, SMALLEST_SHARE * abs(self.objective))
        share, fall, doublings = self.next_fall / self.fall, self.fall, 0
        while fall * share > least and doublings < _MOST_DOUBLINGS:
            fall, doublings = fall * share, doublings + 1
        length = self.epoch - self.since
        return max(1, round(length * (2 ** max(1, doublings) - 1)))


#: A curve is not followed further than this.
_MOST_DOUBLINGS = 3


def learning_curve(
    history: Sequence[Line],
    config: RunConfig | None,
    *,
    beta: float,
    since: float = 0.0,
    is_at_plateau: Callable[[Line], bool] = lambda line: True,
) -> LearningCurve:
    """Of the lines of a history, see `vae.runs.metric_lines`.

    Args:
        history: Up to the weights that are looked at.
        config: How the run is trained, if that is known.
        beta: The weight of the rate that its plan comes to.
        since: The epoch from which on the rate has that weight.
        is_at_plateau: Whether the steps of a line were taken with it.
    """
    measured = [line for line in history if "split" in line and "step" in line and "distortion" in line]
    if not measured:
        return LearningCurve()
    last = max(measured, key=lambda line: line["step"])
    epoch, steps = float(last["epoch"]), int(last["step"])
    cost = _cost(config, beta)
    points: dict[str, list[tuple[float, float, float]]] = {"train": [], "validation": []}
    for line in measured:
        if line["epoch"] > since and is_at_plateau(line):
            points[line["split"]].append((line["epoch"] - since, cost(line), line["rate"]))
    way = _way(config, epoch, steps)
    found = LearningCurve(epoch=epoch, steps=steps, way=way, since=since)
    # Validation lines are of the same images each time, train lines of others each.
    chosen = points["validation"] if len(points["validation"]) >= _FEWEST_LINES else points["train"]
    if len(chosen) < _FEWEST_LINES or chosen[-1][0] < 0.5 * (epoch - since):
        return found
    end = epoch - since
    quarter, half, now = (_at(chosen, end * share, end) for share in (0.25, 0.5, 1.0))
    before, fall = quarter[0] - half[0], half[0] - now[0]
    noise = _noise([value for when, value, _ in chosen if when >= end / 2])
    lowest = min((value for _, value, _ in points["validation"]), default=None)
    return LearningCurve(
        epoch=epoch,
        steps=steps,
        way=way,
        objective=now[0],
        fall=fall,
        error=noise * math.sqrt(1 / half[2] + 1 / now[2]),
        next_fall=fall * min(1.0, max(0.0, fall / before)) if before > 0 else max(0.0, fall),
        since=since,
        rates=(half[1], now[1]),
        overfit=0.0 if lowest is None else points["validation"][-1][1] - lowest,
    )


def is_waking(points: Sequence[tuple[float, float]]) -> bool:
    """Whether a rate, given as epochs and nats in order, has grown from next to nothing since half of the time."""
    end = points[-1][0] if points else 0.0
    late = [rate for epoch, rate in points if epoch * _NEAR >= end]
    before = [rate for epoch, rate in points if end / 2 / _NEAR <= epoch <= end / 2 * _NEAR]
    return bool(late and before) and median(late) > max(_SMALLEST_RATE, _WAKING * median(before))


def _cost(config: RunConfig | None, beta: float) -> Callable[[Line], float]:
    """The objective of a line, with free bits and a capacity as the run has them."""
    objective = None if config is None else config.objective

    def cost(line: Line) -> float:
        rates, rate = line.get("rate_per_dim") or [line["rate"]], line["rate"]
        if objective is not None and objective.free_bits:
            per_dim = objective.free_bits_per == "dimension"
            rate = math.fsum(max(objective.free_bits, each) for each in (rates if per_dim else [rate]))
        elif objective is not None and objective.capacity:
            rate = abs(rate - objective.capacity)
        return float(line["distortion"] + beta * rate)

    return cost


def _way(config: RunConfig | None, epoch: float, steps: int) -> float:
    if config is None or config.model.network == "external":
        return steps * UNKNOWN_RATE
    if config.train.learning_rate_schedule == "constant" or epoch < 1:
        return steps * config.train.learning_rate
    num = min(math.ceil(epoch), 1000)  # as many places of a long schedule tell its mean
    return steps * fmean(learning_rate_at(config.train, int(place * epoch / num)) for place in range(num))


def _at(points: Sequence[tuple[float, float, float]], when: float, end: float) -> tuple[float, float, int]:
    """Objective, rate, and number of lines around a moment; between the nearest two where there are none."""
    near = [point for point in points if when / _NEAR <= point[0] <= when * _NEAR]
    if near:
        return fmean(value for _, value, _ in near), median(rate for _, _, rate in near), len(near)
    before = max((point for point in points if point[0] < when), default=points[0])
    after = min((point for point in points if point[0] > when), default=points[-1])
    share = 0.5 if after[0] <= before[0] else (when - before[0]) / (after[0] - before[0])
    share = min(1.0, max(0.0, share))
    mixed = [(1 - share) * one + share * other for one, other in zip(before, after, strict=True)]
    return mixed[1], mixed[2], 1


def _noise(values: Iterable[float]) -> float:
    """Standard deviation of neighbouring values around a line that leads through them."""
    listed = list(values)
    steps = [second - first for first, second in pairwise(listed)]
    if len(steps) < 2:
        return 0.0
    drift = fmean(steps)
    return math.sqrt(fmean((step - drift) ** 2 for step in steps) / 2)
