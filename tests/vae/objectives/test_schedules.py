from __future__ import annotations

import math

import pytest

from vae.config.checks import warnings
from vae.config.schema import ModelConfig, ObjectiveConfig, RunConfig, TrainConfig
from vae.objectives.schedules import (
    Standing,
    beta_at,
    beta_standing,
    capacity_standing,
    learning_rate_at,
    plateau,
)
from vae.runs.history import standing_of_beta
from vae.runs.metric_lines import Line

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
        assert any("train.learning_rate_schedule" in one for one in warnings(RunConfig(train=train)))
        assert not warnings(RunConfig(train=train.replace(epochs=2)))


# Where a schedule stands ----------------------------------------------------------------------------------------------

SCHEDULES = {
    "constant": ObjectiveConfig(beta=3),
    "linear": ObjectiveConfig(beta=3, schedule="linear", warmup_epochs=0.7),
    "sigmoid": ObjectiveConfig(beta=3, schedule="sigmoid", warmup_epochs=2),
    "cyclical": ObjectiveConfig(beta=20, schedule="cyclical", cycle_epochs=1.5),
    "none": ObjectiveConfig(beta=0, schedule="linear", warmup_epochs=2),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_plateau_is_reached_with_the_first_step_that_is_taken_at_it(name: str) -> None:
    objective, batches = SCHEDULES[name], 10
    taken = [beta_at(objective, step // batches + step % batches / batches) for step in range(60)]
    assert plateau(objective) == max(taken)
    for step in range(1, 61):
        standing = beta_standing(objective, step, batches)
        at_plateau = [value == plateau(objective) for value in taken[:step]]
        assert standing.value == taken[step - 1]
        assert standing.is_reached == any(at_plateau)
        assert standing.epochs_at_plateau == pytest.approx(sum(at_plateau) / batches)
        assert standing.done == 1 or not standing.is_reached
        later = beta_standing(objective, step, batches, since=7).epochs_at_plateau
        assert later == pytest.approx(sum(at_plateau[7:]) / batches)
    assert not beta_standing(objective, 0, batches).is_reached


def test_of_a_warm_up_it_is_known_how_much_is_done_before_the_first_step_too() -> None:
    linear = SCHEDULES["linear"]
    assert [beta_standing(linear, step, 10).done for step in (0, 5, 7, 50)] == pytest.approx([0, 5 / 7, 1, 1])
    assert beta_standing(linear, 0, 10) == Standing(0.0, 3.0, 0.0, 0.0)
    assert beta_standing(linear, 7, 10).is_reached is False  # the seventh step had 6/7 of it


def test_a_beta_set_by_hand_is_its_own_plateau_from_its_first_step_on() -> None:
    linear = SCHEDULES["linear"]
    assert plateau(linear, 7.0) == 7.0
    found = [beta_standing(linear, step, 10, by_hand=7.0, since=40) for step in (40, 41, 60)]
    assert [one.is_reached for one in found] == [False, True, True]
    assert found[-1] == Standing(7.0, 7.0, 1.0, 2.0, True)


def test_the_target_of_the_rate_stands_where_its_epochs_say() -> None:
    objective = ObjectiveConfig(capacity=12, capacity_epochs=3)
    found = [capacity_standing(objective, step, 4) for step in (0, 6, 12, 13, 20)]
    assert [one.value for one in found] == pytest.approx([0, 5, 11, 12, 12])
    assert [one.is_reached for one in found] == [False, False, False, True, True]
    assert capacity_standing(ObjectiveConfig(), 5, 4).plateau == 0


def _history(*betas: float, batches: int = 4) -> list[Line]:
    return [
        {"split": "train", "step": step, "epoch": step / batches, "beta": beta, "rate_per_dim": []}
        for step, beta in enumerate(betas, 1)
    ]


def test_a_history_says_where_beta_stood_at_its_end() -> None:
    config = RunConfig(objective=SCHEDULES["cyclical"])
    misled = _history(*[0.0] * 12)  # as a version wrote it that gave each line the β of the next step
    assert standing_of_beta(config, misled).value == 20.0
    assert standing_of_beta(config, misled).is_reached
    assert standing_of_beta(config, misled[:3]).plateau == 20.0
    assert not standing_of_beta(config, misled[:3]).is_reached
    by_hand = {"event": "beta", "step": 8, "epoch": 2.0, "before": 20.0, "beta": 5.0, "by_hand": True}
    steered = [*misled[:8], by_hand, *misled[8:]]
    assert standing_of_beta(config, steered) == Standing(5.0, 5.0, 1.0, 1.0, True)
    assert standing_of_beta(config, [*misled[:8], by_hand]).value == pytest.approx(
        20 / 3
    )  # 5 trained nothing
    back = {**by_hand, "step": 10, "beta": 20.0, "by_hand": False}
    given_back = standing_of_beta(config, [*misled[:8], by_hand, *misled[8:10], back, *misled[10:]])
    assert (given_back.plateau, given_back.is_by_hand) == (20.0, False)
    assert standing_of_beta(config, []) == Standing(0.0, 20.0, 0.0, 0.0)


def test_of_a_watched_loop_the_lines_alone_say_where_beta_stood() -> None:
    config = RunConfig(model=ModelConfig(network="external"), objective=ObjectiveConfig(beta=1))
    assert standing_of_beta(config, _history(0.1, 0.2, 0.5, 0.5)) == Standing(0.5, 0.5, 1.0, 0.5)
    assert standing_of_beta(config, _history(4.0, 4.0)).value == 4.0
