"""What changes by plan while a run trains."""

from __future__ import annotations

from vae.config import TrainConfig

#: The last stage of the schedule `stages`, counted from 0: 3,280 epochs with those before it.
LAST_STAGE = 7


def learning_rate_at(config: TrainConfig, epochs: int) -> float:
    """The learning rate of the epoch that begins after so many.

    Source:
        Burda, Grosse & Salakhutdinov (2016), section 5, https://arxiv.org/abs/1509.00519: stage i = 0 … 7 has 3^i
        passes with a learning rate of 0.001 · 10^(−i/7). Further epochs belong to the last stage.
    """
    if config.learning_rate_schedule == "constant":
        return config.learning_rate
    stage, passed = 0, 1
    while epochs >= passed and stage < LAST_STAGE:
        stage += 1
        passed += 3**stage
    return float(config.learning_rate * 10 ** (-stage / LAST_STAGE))
