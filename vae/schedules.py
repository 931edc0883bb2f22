"""What changes by plan while a run trains."""

from __future__ import annotations

import math

from vae.config import ObjectiveConfig, TrainConfig

#: How steep the logistic of the sigmoid warm-up is, over the whole warm-up: it spans −5 to 5.
STEEPNESS = 10.0
#: The last stage of the schedule `stages`, counted from 0: 3,280 epochs with those before it.
LAST_STAGE = 7


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
