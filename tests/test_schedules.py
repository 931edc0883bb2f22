from __future__ import annotations

import math

import pytest

from vae.config import RunConfig, TrainConfig
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


def test_the_cosine_falls_from_the_whole_rate_through_half_of_it_to_nothing_after_the_last_epoch() -> None:
    config = TrainConfig(learning_rate=0.02, learning_rate_schedule="cosine", epochs=8)
    rates = [learning_rate_at(config, epochs) for epochs in range(9)]
    assert (rates[0], rates[8]) == (0.02, 0.0)
    assert math.isclose(rates[4], 0.01)
    assert rates == sorted(rates, reverse=True)
    assert math.isclose(rates[1], 0.02 * math.cos(math.pi / 16) ** 2)  # half angles: no copy of the formula
    assert learning_rate_at(config, 12) == 0.0  # of a run whose epochs were lowered by hand


def test_a_schedule_of_the_learning_rate_in_a_single_epoch_is_told_to_have_no_effect() -> None:
    for name in ("stages", "cosine"):
        train = TrainConfig(learning_rate_schedule=name, epochs=1)
        assert any("train.learning_rate_schedule" in one for one in RunConfig(train=train).warnings())
        assert not RunConfig(train=train.replace(epochs=2)).warnings()
