from __future__ import annotations

import math

import pytest

from vae.config import TrainConfig
from vae.schedules import learning_rate_at

STAGES = TrainConfig(learning_rate=1e-3, learning_rate_schedule="stages")


@pytest.mark.parametrize(
    ("epochs", "stage"),
    [
        (0, 0),
        (1, 1),
        (3, 1),
        (4, 2),
        (12, 2),
        (13, 3),
        (121, 5),
        (363, 5),
        (364, 6),
        (1093, 7),
        (3279, 7),
        (9999, 7),
    ],
)
def test_stage_i_lasts_three_to_the_i_epochs_and_lowers_the_rate(epochs: int, stage: int) -> None:
    assert math.isclose(learning_rate_at(STAGES, epochs), 1e-3 * 10 ** (-stage / 7))


def test_a_constant_rate_is_the_one_that_was_asked_for() -> None:
    assert learning_rate_at(TrainConfig(learning_rate=0.01), 500) == 0.01
