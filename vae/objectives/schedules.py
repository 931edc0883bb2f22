"""Schedules of β, capacity and learning rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from vae.config.schema import ObjectiveConfig, RunConfig, TrainConfig

#: How steep the logistic of the sigmoid warm-up is, over the whole warm-up: it spans −5 to 5.
STEEPNESS = 10.0
#: The last stage of the schedule `stages`, counted from 0: 3,280 epochs with those before it.
LAST_STAGE = 7


class StepSettings(NamedTuple):
    """What a plan may move, as one step of training was taken with it.

    Attributes:
        beta: The weight of the rate.
        capacity: The target of the rate, nats; 0 is none.
        learning_rate: Of the optimiser.
    """

    beta: float
    capacity: float
    learning_rate: float

    def recorded(self, config: RunConfig) -> dict[str, float]:
        """As lines, snapshots, status and checkpoints have it: β, and of the others what this run's plan moves."""
        found = {"beta": self.beta}
        if config.objective.capacity:
            found["capacity"] = self.capacity
        if config.train.learning_rate_schedule != "constant":
            found["learning_rate"] = self.learning_rate
        return found


def settings_of_last_step(
    config: RunConfig, step: int, batches_per_epoch: int, beta: float | None = None
) -> StepSettings:
    """What the last of so many steps was taken with, by plan; of none, what the first will be.

    Args:
        config: Of the run.
        step: Steps done.
        batches_per_epoch: Steps of an epoch.
        beta: The weight of the rate, if it was set by hand.
    """
    epoch = _last_step(step, batches_per_epoch)
    return StepSettings(
        beta_at(config.objective, epoch) if beta is None else beta,
        capacity_at(config.objective, epoch),
        learning_rate_at(config.train, math.floor(epoch)),
    )


@dataclass(frozen=True)
class Standing:
    """How far a value that a plan moves has come: β, or the target of the rate.

    Attributes:
        value: What the last step was taken with; before the first step, what that will be taken with.
        plateau: What the plan comes to. A warm-up stays there, and a cyclical schedule has it in the second half of
            each cycle. A value set by hand is its own plateau.
        done: Share of the way to the plateau that is done, in time and not in height, 0 to 1; of a cyclical schedule,
            of the first rise.
        epochs_at_plateau: Epochs trained with the plateau's value, in all; 0 until a step was taken with it.
        is_by_hand: Whether the value was set by hand, in the place of the plan's.
    """

    value: float
    plateau: float
    done: float
    epochs_at_plateau: float
    is_by_hand: bool = False

    @property
    def is_reached(self) -> bool:
        """Whether steps were taken with the plateau's value."""
        return self.epochs_at_plateau > 0


def plateau(objective: ObjectiveConfig, by_hand: float | None = None) -> float:
    """The β that a run trains towards: the schedule's highest, or the one set by hand."""
    return objective.beta if by_hand is None else by_hand


def rise_epochs(objective: ObjectiveConfig) -> float:
    """Epochs from the start until the schedule of β is at its plateau for the first time."""
    if not objective.beta:
        return 0.0
    match objective.schedule:
        case "constant":
            return 0.0
        case "linear" | "sigmoid":
            return objective.warmup_epochs
        case "cyclical":
            return objective.cycle_epochs / 2


def beta_standing(
    objective: ObjectiveConfig,
    step: int,
    batches_per_epoch: int,
    *,
    by_hand: float | None = None,
    since: int = 0,
) -> Standing:
    """Where β stands after so many steps.

    Args:
        objective: The schedule and the value that it reaches.
        step: Steps done.
        batches_per_epoch: Steps of an epoch.
        by_hand: β as it is set by hand; None follows the schedule.
        since: Steps that were done when it was set, or given back to the schedule. What was trained before does not
            count towards `Standing.epochs_at_plateau`.
    """
    if by_hand is not None:
        return Standing(by_hand, by_hand, 1.0, max(0, step - since) / batches_per_epoch, True)
    rise = rise_epochs(objective)
    value = beta_at(objective, _last_step(step, batches_per_epoch))
    done = 1.0 if not rise else min(1.0, step / batches_per_epoch / rise)
    cycle = objective.cycle_epochs if objective.schedule == "cyclical" and rise else math.inf
    num = _num_at_plateau(step, batches_per_epoch, rise, cycle)
    num -= _num_at_plateau(since, batches_per_epoch, rise, cycle)
    return Standing(value, plateau(objective), done, max(0, num) / batches_per_epoch)


def capacity_standing(objective: ObjectiveConfig, step: int, batches_per_epoch: int) -> Standing:
    """Where the target of the rate stands after so many steps, as `beta_standing` says it of β; all 0 without one."""
    rise = objective.capacity_epochs if objective.capacity else 0.0
    value = capacity_at(objective, _last_step(step, batches_per_epoch))
    done = 1.0 if not rise else min(1.0, step / batches_per_epoch / rise)
    num = _num_at_plateau(step, batches_per_epoch, rise, math.inf)
    return Standing(value, objective.capacity, done, num / batches_per_epoch)


def _last_step(step: int, batches_per_epoch: int) -> float:
    """Epochs that were done when the last of so many steps was taken; of none, when the first will be."""
    epochs, batch = divmod(max(0, step - 1), batches_per_epoch)
    return epochs + batch / batches_per_epoch  # as `vae.training.position.Position` has it, to the bit


def _num_at_plateau(step: int, batches_per_epoch: int, rise: float, cycle: float) -> int:
    """How many of the first steps were taken at the plateau: after the rise, in each cycle, to within one a cycle."""
    before = math.ceil(rise * batches_per_epoch - 1e-9)  # 0.7 of 10 batches are 7.000000000000001

    def after_rise(num: float) -> int:
        return max(0, math.ceil(num - 1e-9) - before)

    if math.isinf(cycle):
        return after_rise(step)
    cycles, rest = divmod(step, cycle * batches_per_epoch)
    return int(cycles) * after_rise(cycle * batches_per_epoch) + after_rise(rest)


def beta_at(config: ObjectiveConfig, epoch: float) -> float:
    r"""β of the schedule at a moment of training.

    The sigmoid warm-up is the logistic of :math:`s = 10 (t - \tfrac12)`, for the part t of the warm-up that is done,
    shifted and stretched so that it is 0 at its start and β at its end, which the plain logistic never is. It does not
    fall, as the linear one does not: both are monotonic.

    Args:
        config: The schedule and the value it reaches.
        epoch: Epochs done so far, with the fraction of the current one.

    Source:
        Linear warm-up: Sønderby et al. (2016), https://arxiv.org/abs/1602.02282. Sigmoid: Bowman et al. (2016),
        https://arxiv.org/abs/1511.06349. Cyclical: Fu et al. (2019), https://arxiv.org/abs/1903.10145, with half of
        each cycle rising.
    """
    match config.schedule:
        case "constant":
            return config.beta
        case "linear":
            return config.beta * min(1.0, epoch / config.warmup_epochs)
        case "sigmoid":
            done = min(1.0, epoch / config.warmup_epochs)
            # The stretched logistic as a tanh, which is odd: exactly 0 at the start, exactly 1 at the end.
            rise = math.tanh(STEEPNESS * (done - 0.5) / 2) / math.tanh(STEEPNESS / 4)
            return config.beta * (0.5 + 0.5 * rise)
        case "cyclical":
            position = (epoch % config.cycle_epochs) / config.cycle_epochs
            return config.beta * min(1.0, 2 * position)


def capacity_at(config: ObjectiveConfig, epoch: float) -> float:
    """The rate, in nats, that training aims at: evenly from 0 to the capacity; 0 if there is none.

    Source:
        Burgess et al. (2018), section 5, https://arxiv.org/abs/1804.03599
    """
    return config.capacity * min(1.0, epoch / config.capacity_epochs)


def learning_rate_at(config: TrainConfig, epochs: int) -> float:
    r"""The learning rate of the epoch that begins after so many.

    It follows from the configuration and the place in the training alone, so that a run that is stopped and goes on
    has the same one. The cosine has :math:`\tfrac12 (1 + \cos(\pi t / T))` of it after t of T epochs: the whole in
    the first epoch, and none after the last. Where a run is given more epochs, T is the new sum.

    Args:
        config: The schedule, the rate that it starts with, and the epochs.
        epochs: Epochs done so far.

    Source:
        Stages: Burda, Grosse & Salakhutdinov (2016), section 5, https://arxiv.org/abs/1509.00519: stage i = 0 … 7 has
        3^i passes with a learning rate of 0.001 · 10^(−i/7); further epochs belong to the last stage. Cosine:
        Loshchilov & Hutter (2017), https://arxiv.org/abs/1608.03983, without restarts.
    """
    match config.learning_rate_schedule:
        case "constant":
            return config.learning_rate
        case "stages":
            stage, passed = 0, 1
            while epochs >= passed and stage < LAST_STAGE:
                stage += 1
                passed += 3**stage
            return float(config.learning_rate * 10 ** (-stage / LAST_STAGE))
        case "cosine":
            return config.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, epochs / config.epochs)))
