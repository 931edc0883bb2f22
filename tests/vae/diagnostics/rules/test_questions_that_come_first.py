"""What is asked before a collapse is named: was it trained enough, is it whole, could z pay at all?"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from tests.support.made_diagnoses import (
    curve,
    diagnosis,
    gain,
    names,
    silent,
    used,
)
from vae.config.schema import ModelConfig, ObjectiveConfig, RunConfig, TrainConfig
from vae.diagnostics.dead_layers import DeadLayer
from vae.diagnostics.held_out_variance import Spectrum
from vae.diagnostics.mutual_information import Information
from vae.diagnostics.permutation import Rise, Usage
from vae.diagnostics.rules.verdicts import decide
from vae.diagnostics.training_state import Training
from vae.diagnostics.watched_loops.loss_scale import loop_scale
from vae.runs.metric_lines import Line

# Questions that come first --------------------------------------------------------------------------------------------

LONG = RunConfig(train=TrainConfig(epochs=100, learning_rate=3e-2))  # far enough in a thousand steps


@pytest.mark.parametrize(
    "objectives", [(40.0, 33.0, 30.0, 28.5), (27.5, 27.3, 27.1, 26.9, 26.7, 26.5, 26.3, 26.1)]
)
def test_a_run_whose_objective_still_falls_is_never_called_collapsed(objectives: tuple[float, ...]) -> None:
    (found,) = decide(silent(), LONG, curve(*objectives))
    assert (found.name, found.is_fault) == ("still-learning", False)
    assert "collapsed" not in found.sentence.lower()
    assert any("more epoch" in remedy for remedy in found.remedies)


def test_a_flat_curve_is_a_collapse_only_once_the_weights_can_have_moved() -> None:
    flat = curve(*([27.0] * 20))
    assert names(silent(), LONG, flat) == ["early-collapse"]
    assert names(silent(), RunConfig(), flat) == ["still-learning"]  # two hundred steps of a thousandth
    waking = [{**line, "rate": 0.0005 * 1.2 ** line["epoch"]} for line in flat]
    (found,) = decide(silent(), LONG, waking)
    assert found.name == "still-learning"
    # What is seen is said, and as many epochs again as have shown it; not that too few steps were taken.
    assert "z begins to be used" in found.sentence and "too little" not in found.sentence
    assert "20 more epochs" in found.remedies[0]


@pytest.mark.parametrize(("rate", "capacity"), [(0.0125, 0.01), (0.1, 0.1), (0.38, 0.4)])
def test_a_capacity_that_says_nothing_is_the_cause_of_silence(rate: float, capacity: float) -> None:
    config = LONG.replace(objective=ObjectiveConfig(capacity=capacity, capacity_epochs=5.0))
    held = silent(rate_per_dim=(rate / 4,) * 4)
    lines = curve(*([27.0] * 20), rate=rate)
    (found,) = decide(held, config, lines)
    assert (found.name, found.title) == ("over-regularised", "The capacity is too small")
    assert f"{capacity:g} nats" in found.sentence
    # One that was never reached is not the cause.
    large = LONG.replace(objective=ObjectiveConfig(capacity=6.0, capacity_epochs=5.0))
    assert names(held, large, lines) == ["early-collapse"]


def test_a_warm_up_on_its_way_is_no_fault_whatever_z_does() -> None:
    warm = RunConfig(
        objective=ObjectiveConfig(schedule="linear", warmup_epochs=100), train=TrainConfig(epochs=200)
    )
    blown = diagnosis(beta=0.05, spread_per_dim=(4.0,) * 4)
    for given in (blown, silent(beta=0.05), diagnosis(beta=0.05)):
        (found,) = decide(given, warm, curve(30.0, 29.0, 28.0, 27.0, 26.0))
        assert found.name == "still-learning"
        assert "warm-up" in found.title and "β = 1, the ELBO" not in found.remedies
    assert names(replace(blown, beta=0.0), RunConfig(objective=ObjectiveConfig(beta=0))) == [
        "variance-blown-up"
    ]


def test_a_capacity_on_its_way_is_told_so() -> None:
    rising = RunConfig(
        objective=ObjectiveConfig(capacity=20, beta=5, capacity_epochs=100), train=TrainConfig(epochs=200)
    )
    (found,) = decide(diagnosis(beta=5.0), rising, curve(*([30.0] * 10)))
    assert found.title == "The capacity is still rising"


def test_a_diverged_run_is_told_so_and_its_last_weights_prove_nothing() -> None:
    for given in (silent(), diagnosis()):
        found = decide(replace(given, training=Training("diverged", 0, 100, True)), LONG, curve(27.0, 27.0))
        assert found[0].name == "diverged"
        assert "a learning rate below 0.03" in found[0].remedies
    # A snapshot of before, of a model that was well then.
    earlier = Training("diverged", 500, 100, False)
    assert names(diagnosis(training=earlier), LONG, curve(27.0, 27.0)) == ["healthy"]


@pytest.mark.parametrize(
    "changes",
    [
        {"distortion": math.nan},
        {"information": Information(math.nan, 0.0, 0.0, 0.0, 0.0, 500, 6.2, False)},
        {"usage": Usage(Rise(math.nan, math.nan, 500), (Rise(0.0, 0.0, 500),) * 4, None, math.inf, 0)},
        {"critical_beta": math.inf},
        {"decoder_sigma": math.nan, "residual": 0.2},
    ],
)
def test_a_number_that_is_none_is_no_silence_and_no_health(changes: dict[str, Any]) -> None:
    for given in (silent(**changes), diagnosis(**changes)):
        (found,) = decide(given)
        assert (found.name, found.title) == ("diverged", "The numbers are not finite")
        values = json.loads(json.dumps(replace(given, findings=(found,)).to_dict(), allow_nan=False))
        assert values["verdict"]["name"] == "diverged"


def test_where_there_is_nothing_to_encode_silence_is_right_and_nothing_is_to_be_cured() -> None:
    for beta in (1.0, 20.0, 0.5):
        (found,) = decide(silent(beta=beta, is_empty=True, critical_beta=1.0, num_paying=0))
        assert (found.name, found.is_fault) == ("nothing-to-encode", False)
        assert "no change of the training can help" in found.sentence
    # A label that says all that there is to say.
    (label,) = decide(silent(is_empty=True, conditional=True, class_gain=gain(9.0)))
    assert label.title == "The label already says everything"
    # A deeper model that does find something is believed.
    assert names(diagnosis(is_empty=True, gain=gain(2.0, 0.2))) == ["healthy"]


def test_a_model_worse_than_no_z_is_never_healthy_and_hears_why() -> None:
    small = {"distortion": 20.0, "distortion_at_mean": 19.5, "gain": gain(-4.0)}
    free = RunConfig(objective=ObjectiveConfig(capacity=3, beta=5))
    reasons = {
        "not sampled in training": decide(
            diagnosis(distortion=55.0, distortion_at_mean=20.0, gain=gain(-30.7))
        ),
        "a nat of KL costs 0.1": decide(diagnosis(beta=0.1, **small)),
        "The capacity pulls the KL to 3 nats": decide(diagnosis(**small), free),
        "memorised": decide(diagnosis(**small), LONG, curve(*([24.0] * 10), *([30.0] * 10), rate=2.7)),
    }
    for words, found in reasons.items():
        assert found[0].name == "worse-than-no-z"
        assert words in found[0].sentence
        assert found[0].remedies
    # No better is no health either, and few images do not tell.
    assert names(diagnosis(gain=gain(0.1, 0.2))) == ["worse-than-no-z"]
    assert names(diagnosis(gain=gain(2.0, 0.2))) == ["healthy"]


def test_dimensions_that_would_pay_are_no_spare_ones() -> None:
    one = {"active_variance": (0.8, 0.0, 0.0, 0.0), "gain": gain(3.0)}
    (found,) = decide(diagnosis(further=Spectrum((2.5, 2.0, 0.9), (0.1,) * 3), **one))
    expected = sum(0.5 * (value - 1 - math.log(value)) for value in (2.5, 2.0))
    assert found.name == "partial-collapse" and "1 of 4" in found.title
    assert f"{expected:.2g} nats" in found.sentence and "harm" not in found.sentence
    (spare,) = decide(diagnosis(further=Spectrum((0.9, 0.8), (0.05, 0.05)), **one))
    assert spare.name == "spare-dimensions" and "does no harm" in spare.sentence
    (little,) = decide(diagnosis(further=Spectrum((1.35,), (0.05,)), **one))
    assert little.name == "spare-dimensions" and "harm" not in little.sentence


def test_labels_that_say_nothing_are_the_fault_and_no_larger_beta() -> None:
    ignored = {"conditional": True, "usage": used(12, condition=0.0)}
    (shuffled,) = decide(diagnosis(class_gain=gain(-0.1), **ignored))
    assert shuffled.title == "The labels say nothing about the images"
    (told_all,) = decide(diagnosis(class_gain=gain(6.0), **ignored))
    assert told_all.title == "The condition is ignored"
    for found in (shuffled, told_all):
        assert found.name == "condition-ignored"
        assert not any("larger β" in remedy for remedy in found.remedies)


def test_a_dimension_that_died_when_beta_was_raised_is_told_with_that_moment() -> None:
    def line(epoch: int, second: float) -> Line:
        rates = [0.8, second, 0.7, 0.6]
        return {**curve(*([24.0] * epoch))[-1], "rate": sum(rates), "rate_per_dim": rates}

    raised = {"event": "beta", "step": 105, "epoch": 10.5, "before": 1.0, "beta": 3.0, "by_hand": True}
    lines = [*(line(epoch, 0.7) for epoch in range(1, 11)), raised, *(line(e, 0.001) for e in range(11, 21))]
    pruned = diagnosis(active_variance=(0.8, 0.001, 0.7, 0.6))
    remark = next(each for each in decide(pruned, LONG, lines) if each.name == "spare-dimensions")
    assert (
        "z₂ became inactive at epoch 11, when β went from 1 to 3, raised by hand at epoch 10.5 (step 105)."
        in remark.sentence
    )
    # Lowered, it is not to blame; and what never spoke has not died.
    lowered = [{**each, "before": 3.0, "beta": 1.0} if "event" in each else each for each in lines]
    assert not any("by hand" in each.sentence for each in decide(pruned, LONG, lowered))
    mute = [line(epoch, 0.001) for epoch in range(1, 21)]
    assert not any("became inactive" in each.sentence for each in decide(pruned, LONG, mute))


def test_a_dead_network_is_named_and_hears_only_what_reaches_it() -> None:
    for network in ("encoder", "decoder"):
        (found,) = decide(silent(dead=DeadLayer(network, 2, 64)), LONG, curve(*([27.0] * 20)))  # type: ignore[arg-type]
        assert found.title == f"The {network} is dead" and "Layer 2" in found.sentence
        assert not any("warm-up" in remedy or "free bits" in remedy for remedy in found.remedies)


def test_a_slip_in_a_loops_kl_term_is_named() -> None:
    def in_loop(ratio: float, **more: Any) -> list[str]:
        line: Line = {
            "event": "scale",
            "reconstruction_ratio": 1.0,
            "kl_ratio": ratio,
            "batch_size": 128,
            **more,
        }
        found = decide(diagnosis(scale=loop_scale([line], 1.0, 64, 8, None)))
        return [found[0].name, found[0].title, *found[0].remedies]

    assert in_loop(2.0)[:2] == ["wrong-scale", "The ½ of the KL term is wrong"]
    assert in_loop(0.5)[0] == "wrong-scale"
    assert in_loop(-1.0)[:2] == ["wrong-scale", "The KL term has the wrong sign"]
    assert in_loop(-1 / 8)[:2] == ["wrong-scale", "The KL term has the wrong sign"]
    assert "square the mean" in in_loop(0.7, kl_form="mean-not-squared")[2]
    assert in_loop(1.0, kl_form="without-one")[0] == "healthy"  # a constant changes no gradient


def test_networks_that_a_loop_never_changes_are_told_and_no_collapse() -> None:
    watched = RunConfig(model=ModelConfig(network="external"), train=TrainConfig(epochs=100))
    lines: list[Line] = [
        {**line, "step": 100 * line["step"]} for line in curve(*([27.0] * 20))
    ]  # far enough for any network

    def told(networks: str) -> Line:
        return {"event": "unchanged", "networks": networks, "step": 20_000, "epoch": 20.0, "seconds": 1.0}

    (found,) = decide(silent(), watched, [*lines, told("encoder,decoder")])
    assert (found.name, found.title) == ("still-learning", "The weights have not changed")
    assert "optimiser" in found.sentence and len(found.sentence) <= 400
    (found,) = decide(silent(), watched, [*lines, told("encoder")])
    assert found.name == "early-collapse" and "No weight of the encoder has changed" in found.sentence
    # What was retracted, or belongs to a model that is well, accuses nobody.
    (found,) = decide(silent(), watched, [*lines, told("encoder,decoder"), told("")])
    assert found.name == "early-collapse" and "No weight" not in found.sentence
    assert "healthy" in names(diagnosis(), watched, [*lines, told("encoder,decoder")])
