"""Whether a training has come to rest, and how much further its objective may fall."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from vae.config.schema import ObjectiveConfig, RunConfig, TrainConfig
from vae.diagnostics.convergence import LearningCurve, is_waking, learning_curve
from vae.diagnostics.lost_dimensions import lost_dimensions
from vae.runs.metric_lines import Line


def lines(
    objective: Callable[[int], float], epochs: int = 40, rate: float = 0.0, split: str = "validation"
) -> list[Line]:
    return [
        {
            "split": split,
            "step": 10 * epoch,
            "epoch": float(epoch),
            "beta": 1.0,
            "distortion": objective(epoch) - rate,
            "rate": rate,
            "rate_per_dim": [rate],
        }
        for epoch in range(1, epochs + 1)
    ]


def curve(history: list[Line], config: RunConfig | None = None) -> LearningCurve:
    return learning_curve(history, config, beta=1.0)


def test_a_power_law_is_followed_to_its_next_doubling() -> None:
    found = curve(lines(lambda epoch: 27 + 20 / epoch))
    assert found.is_falling
    assert found.fall == pytest.approx(20 / 20 - 20 / 40, rel=0.15)
    assert found.next_fall == pytest.approx(20 / 40 - 20 / 80, rel=0.3)
    assert found.epochs_to_rest is not None and 40 <= found.epochs_to_rest <= 160


@pytest.mark.parametrize("level", [27.0, 200.0, -500.0])
def test_a_flat_curve_is_at_rest_whatever_its_noise_and_level(level: float) -> None:
    found = curve(lines(lambda epoch: level + 0.3 * math.sin(7.3 * epoch)))
    assert not found.is_falling
    assert found.promise == 0 and found.epochs_to_rest is None


def test_few_lines_tell_no_curve_but_how_far_the_weights_can_have_come() -> None:
    found = curve(lines(lambda epoch: 30 - epoch, epochs=2), RunConfig(train=TrainConfig(learning_rate=1e-3)))
    assert found.fall is None and not found.is_falling
    assert found.way == pytest.approx(20e-3) and found.is_young
    assert curve([]) == LearningCurve()


def test_validation_is_asked_before_training_and_tells_what_was_learned_by_heart() -> None:
    history = [
        *lines(lambda epoch: 30 - 0.1 * epoch, split="train"),
        *lines(lambda epoch: 27 + 0.1 * abs(epoch - 20)),
    ]
    found = curve(history)
    assert not found.is_falling
    assert found.overfit == pytest.approx(2.0)


def test_free_bits_and_a_capacity_count_as_the_run_has_them() -> None:
    history = lines(lambda _: 30.0, rate=2.0)
    for objective, extra in (
        (ObjectiveConfig(free_bits=5), 3.0),
        (ObjectiveConfig(capacity=2, beta=1), -2.0),
    ):
        found = curve(history, RunConfig(objective=objective))
        assert found.objective == pytest.approx(30 + extra)


def test_a_rate_that_grows_from_nothing_wakes_and_one_that_jumps_once_does_not() -> None:
    assert is_waking([(epoch, 1e-4 * 1.2**epoch) for epoch in range(1, 41)])
    assert not is_waking([(epoch, 2e-3 if epoch == 40 else 1e-4) for epoch in range(1, 41)])
    assert not is_waking([(epoch, 0.5) for epoch in range(1, 41)])
    assert not is_waking([])


def test_rates_of_fresh_networks_that_vanish_at_once_are_no_loss() -> None:
    def line(epoch: int, rate: float) -> Line:
        return {**lines(lambda _: 27.0, rate=rate)[epoch - 1], "rate_per_dim": [rate]}

    at_once = [line(epoch, 1.0 if epoch == 1 else 0.0) for epoch in range(1, 41)]
    assert lost_dimensions(at_once, [False]) is None
    later = [line(epoch, 1.0 if epoch < 25 else 0.0) for epoch in range(1, 41)]
    found = lost_dimensions(later, [False])
    assert found is not None and found.epoch == 25 and found.raised is None
    assert lost_dimensions(later, [True]) is None


def _told(rates: Callable[[int], list[float]], beta: Callable[[int], float], epochs: int = 40) -> str:
    plain = lines(lambda _: 27.0, epochs)
    history = [
        {**plain[epoch - 1], "epoch": float(epoch), "beta": beta(epoch), "rate_per_dim": rates(epoch)}
        for epoch in range(1, epochs + 1)
    ]
    found = lost_dimensions(history, [rate > 0.03 for rate in rates(epochs)])
    assert found is not None
    return found.sentence


def test_what_beta_did_when_a_dimension_fell_silent_is_told() -> None:
    def one(since: int) -> Callable[[int], list[float]]:
        return lambda epoch: [1.0 if epoch < since else 0.0, 2.0]

    at_once = _told(one(30), lambda epoch: 1.0 if epoch < 30 else 4.0)
    assert at_once == "z₁ became inactive at epoch 30, when β went from 1 to 4."
    later = _told(one(32), lambda epoch: 1.0 if epoch < 30 else 4.0)
    assert later.startswith("z₁ became inactive at epoch 32, when β went from 1 to 4 at epoch 30 (step ")
    warm_up = _told(one(30), lambda epoch: min(1.0, epoch / 40))
    assert warm_up == "z₁ became inactive at epoch 30, while β rose from 0.025 to 0.75."


def test_no_change_of_beta_is_told_that_was_long_ago_or_downwards() -> None:
    def one(since: int) -> Callable[[int], list[float]]:
        return lambda epoch: [1.0 if epoch < since else 0.0, 2.0]

    assert "β" not in _told(one(38), lambda epoch: 1.0 if epoch < 10 else 4.0)
    assert "β" not in _told(one(30), lambda epoch: 4.0 if epoch < 30 else 1.0)
    assert "β" not in _told(one(30), lambda _: 1.0)


def test_long_trainings_have_epochs_that_can_be_read() -> None:
    def both(epoch: int) -> list[float]:
        return [1.0 if epoch < 1308 else 0.0] * 2

    told = _told(both, lambda epoch: 1.0 if epoch < 1308 else 2.5e6, 1400)
    assert told == "z₁ and z₂ became inactive at epoch 1,308, when β went from 1 to 2.5 million."
