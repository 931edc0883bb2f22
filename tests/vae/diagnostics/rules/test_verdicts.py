"""Each rule and its verdict, on diagnoses made by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import get_args

import pytest

from tests.support.made_diagnoses import (
    diagnosis,
    gain,
    history,
    in_a_loop,
    names,
    seen,
    silent,
    squared_error,
    told,
    used,
)
from vae.config.schema import ModelConfig, ObjectiveConfig, RunConfig
from vae.diagnostics.dead_layers import DeadLayer
from vae.diagnostics.diagnosis import Diagnosis
from vae.diagnostics.findings import Name
from vae.diagnostics.held_out_variance import Spectrum
from vae.diagnostics.permutation import Rise, Usage
from vae.diagnostics.rules.verdicts import decide
from vae.diagnostics.training_state import Training


def test_a_model_that_uses_all_it_has_is_healthy() -> None:
    (found,) = decide(diagnosis())
    assert found.name == "healthy"
    assert not found.is_fault
    assert not found.remedies


def test_a_pruned_dimension_is_a_remark_and_many_are_the_verdict_but_no_fault() -> None:
    one, three = (0.8, 0.8, 0.7, 0.001), (0.8, 0.001, 0.001, 0.001)
    assert names(diagnosis(active_variance=one)) == ["healthy", "spare-dimensions"]
    (found,) = decide(diagnosis(active_variance=three))
    assert found.name == "spare-dimensions"
    assert found.title == "3 spare dimensions"
    assert not found.is_fault


def test_silence_at_a_beta_beyond_what_pays_is_over_regularised() -> None:
    assert names(silent(beta=20.0)) == ["over-regularised"]
    assert names(silent(beta=1.5)) == ["over-regularised"]  # near enough to the critical 3.4
    assert names(silent(beta=1.0, critical_beta=0.9)) == [
        "over-regularised"
    ]  # these images pay nothing at all
    half = (0.8, 0.001, 0.001, 0.001)
    assert names(diagnosis(beta=2.0, active_variance=half))[0] == "over-regularised"
    assert names(diagnosis(beta=2.0)) == ["healthy"]


def test_a_beta_just_above_one_is_not_accused_of_the_spare_dimensions_of_a_large_space() -> None:
    large = {
        "latent_dim": 64,
        "active_variance": (0.8,) * 16 + (0.001,) * 48,
        "spread_per_dim": (1.0,) * 64,
        "num_paying": 17,
    }
    for beta in (1.0, 1.02, 1.2):
        assert names(diagnosis(beta=beta, **large)) == ["spare-dimensions"]
    few = {**large, "active_variance": (0.8,) * 6 + (0.001,) * 58}
    # Few of those that pay at β = 1: a fault, and then the pruned ones are no remark that nothing is wrong.
    assert names(diagnosis(beta=2.0, **few)) == ["over-regularised"]
    # Far below the critical β, whatever is pruned; and with 64 pixels, β = 16 is no mean where a sum belongs then.
    half = (0.8, 0.8, 0.001, 0.001)
    assert names(diagnosis(beta=16.0, critical_beta=100.0, active_variance=half)) == ["spare-dimensions"]


def test_the_best_solution_is_claimed_only_beyond_the_critical_beta() -> None:
    (beyond,), (near,) = decide(silent(beta=20.0)), decide(silent(beta=2.0))
    (few,) = decide(diagnosis(beta=2.0, active_variance=(0.8, 0.001, 0.001, 0.001)))
    assert {found.name for found in (beyond, near, few)} == {"over-regularised"}
    assert "is the best solution" in beyond.sentence and "linear model" in beyond.sentence
    assert "close to that" in near.sentence and "linear model" in near.sentence
    assert "uses 1 of 4" in few.sentence
    for found in (near, few):
        assert "best solution" not in found.sentence


def test_a_decoder_that_reads_z_is_not_silent_however_small_z_is() -> None:
    small = {"active_variance": (0.002,) * 4, "sigma_per_dim": (0.02,) * 4, "spread_per_dim": (0.05,) * 4}
    (found,) = decide(diagnosis(information=told(1.65, 9.0), usage=used(7.3), **small))
    assert found.name == "variance-blown-up"
    assert "small part of the prior and their widths are tiny" in found.sentence
    # An activity threshold above all of them takes nothing away from what z says.
    assert names(diagnosis(active_threshold=2.0)) == ["healthy"]


def test_silence_where_words_would_pay_is_an_early_collapse() -> None:
    (found,) = decide(silent(), None, history(0.01, 0.001, 0.0))
    assert found.name == "early-collapse"
    assert found.title == "Collapsed at the start of training"
    (later,) = decide(silent(), None, history(0.1, 4.0, 3.0, 0.0))
    assert later.title == "Collapsed during training"
    assert "since epoch 3" in later.sentence
    assert names(silent(beta=2.0, critical_beta=40.0)) == ["early-collapse"]


def test_a_rate_that_says_nothing_is_silence_too() -> None:
    capacity = RunConfig(objective=ObjectiveConfig(capacity=4, beta=20))
    shifted = diagnosis(information=told(0.02, 3.9), usage=used(0.1), distortion=27.0, beta=20.0)
    assert names(shifted, capacity)[0] == "early-collapse"


def test_a_decoder_that_does_well_alone_ignores_z() -> None:
    assert names(silent(distortion=15.0)) == ["decoder-ignores-z"]
    strong = RunConfig(model=ModelConfig(decoder="autoregressive"))
    alone = silent(distortion=20.0, ignorant_distortion=None, critical_beta=None)
    assert names(alone, strong) == ["decoder-ignores-z"]
    assert names(diagnosis(ignorant_distortion=None, critical_beta=None), strong) == ["healthy"]


def test_a_decoder_that_does_not_read_what_the_encoder_writes_ignores_z() -> None:
    (found,) = decide(diagnosis(usage=used(0.1, response=0.05)))
    assert found.name == "decoder-ignores-z"
    assert "does not use it" in found.sentence


def test_only_a_decoder_that_sees_pixels_is_said_to_see_them() -> None:
    strong = RunConfig(model=ModelConfig(decoder="autoregressive"))
    (blind,) = decide(silent(distortion=15.0))
    (seeing,) = decide(silent(distortion=20.0, ignorant_distortion=None, critical_beta=None), strong)
    for found, sees in ((blind, False), (seeing, True)):
        assert found.name == "decoder-ignores-z"
        assert ("each pixel from those before it" in found.sentence) == sees
        assert any("independent pixels" in remedy for remedy in found.remedies) == sees


def test_a_class_that_changes_nothing_is_ignored() -> None:
    conditional = {"conditional": True}
    assert names(diagnosis(usage=used(12, condition=0.1), **conditional)) == ["condition-ignored"]
    assert names(diagnosis(usage=used(30, condition=0.8), **conditional)) == ["condition-ignored"]
    (found,) = decide(diagnosis(usage=used(3, condition=14), **conditional))
    assert found.name == "healthy"
    by_class = next(each for each in found.evidence if "class" in each.words)
    assert str(by_class) == "rise of the reconstruction with the class of another image: 14 ± 0.05 nats"


def test_beta_equal_to_the_pixels_is_a_mean_where_a_sum_belongs() -> None:
    assert names(silent(beta=64.0))[0] == "wrong-scale"
    # Both terms averaged, 64 / 4, and yet a number that somebody may well choose: a remark beside the finding.
    assert names(silent(beta=16.0)) == ["over-regularised", "wrong-scale"]
    assert names(diagnosis(beta=16.0)) == ["healthy"]  # it does no harm
    blown = diagnosis(beta=0.25, spread_per_dim=(3.0, 3.0, 3.0, 3.0))
    assert names(blown) == ["variance-blown-up", "wrong-scale"]


def test_a_mean_over_pixels_in_a_loop_is_the_verdict_and_not_the_beta_that_the_code_says() -> None:
    (found,) = decide(silent(scale=in_a_loop(1 / 64)))
    assert (found.name, found.title) == ("wrong-scale", "A mean where a sum belongs")
    assert "your β = 1 trains like β = 64" in found.sentence
    assert "sum the reconstruction over pixels" in found.remedies[0]
    assert names(diagnosis(scale=in_a_loop(1.0))) == ["healthy"]


def test_an_unknown_scale_is_a_fault_where_it_is_far_off_and_the_model_suffers() -> None:
    assert names(silent(scale=in_a_loop(1 / 20))) == ["wrong-scale"]
    assert names(diagnosis(scale=in_a_loop(1 / 20))) == ["healthy"]
    assert names(silent(scale=in_a_loop(1 / 2.5))) == ["over-regularised"]


def test_a_fixed_sigma_far_from_the_residuals_is_wrong_and_a_learned_one_is_not() -> None:
    gaussian = {"decoder_sigma": 1.0, "residual": 0.27, "critical_beta": 0.7}
    found = decide(silent(**gaussian))
    assert [each.name for each in found] == [
        "wrong-sigma"
    ]  # the cause, not the collapse that it brings about
    assert found[0].title == "σ is too large"
    small = decide(diagnosis(decoder_sigma=0.01, residual=0.11))
    assert small[0].title == "σ is too small"
    # What is said of z is so: it is not worth its KL, or it is used all the same.
    assert "z is not worth its KL" in found[0].sentence
    used_all_the_same = decide(diagnosis(decoder_sigma=0.3, residual=0.02))
    assert "encodes only the largest" in used_all_the_same[0].sentence
    assert "not worth" not in used_all_the_same[0].sentence
    # Residuals that are large because z says nothing speak of no σ.
    assert names(silent(decoder_sigma=0.1, residual=0.27, critical_beta=71.0)) == ["early-collapse"]
    for fitting in ({"decoder_sigma": 0.1, "residual": 0.12}, {"decoder_sigma": 0.1, "residual": 0.2}):
        assert names(diagnosis(**fitting)) == ["healthy"]
    assert names(diagnosis(decoder_sigma=0.01, residual=0.11, sigma_is_learned=True)) == ["healthy"]


def test_the_sigma_of_a_loop_is_judged_by_what_its_loss_has() -> None:
    loop = RunConfig(model=ModelConfig(network="external", likelihood="gaussian", sigma=0.1))
    half = {"active_variance": (0.8, 0.8, 0.001, 0.001), "residual": 0.26, "critical_beta": 71.0}
    without = diagnosis(decoder_sigma=0.1, scale=squared_error(1.0, 0.1), **half)
    # β = 50 by a σ of 0.1 is a σ of 0.71: too large, if anything.
    (found,) = decide(without, loop)
    assert found.name == "wrong-scale" and "trains like β = 50" in found.sentence
    amounts = [each for each in found.evidence if "with σ = 0.26" in each.words]
    assert [each.value for each in amounts] == [pytest.approx(50 * (0.1 / 0.26) ** 2)]
    assert names(replace(without, scale=squared_error(0.02, 0.1), residual=0.12), loop)[0] != "wrong-sigma"
    # As it was told to vae.watch; then nobody may say that pruned dimensions do no harm.
    told_so = replace(without, decoder_sigma=0.5**0.5, scale=squared_error(1.0, 0.5**0.5))
    (large,) = decide(told_so, loop)
    assert large.title == "σ is too large" and "at β = 7.4" in large.sentence
    assert not any("model.likelihood" in remedy for remedy in large.remedies)
    assert any("vae.watch(sigma=" in remedy for remedy in large.remedies)
    assert "If your loss uses the σ" in decide(replace(told_so, scale=None), loop)[0].sentence
    (own,) = decide(replace(told_so, scale=None))
    assert own.remedies[0] == "a learned σ: model.likelihood = gaussian-learned"


def test_a_beta_that_makes_up_for_a_sigma_leaves_no_fault_in_it() -> None:
    for beta, sigma in ((16.0, 0.04), (1 / 16, 0.6)):
        assert names(diagnosis(beta=beta, decoder_sigma=sigma, residual=0.15)) == ["healthy"]
        assert names(diagnosis(decoder_sigma=sigma, residual=0.15)) == ["wrong-sigma"]


def test_an_aggregate_posterior_far_beyond_the_prior_is_blown_up() -> None:
    blown = diagnosis(beta=0.0, spread_per_dim=(4.0, 3.0, 3.0, 2.0), information=told(6.8, 90.0))
    assert names(blown) == ["variance-blown-up"]
    assert names(diagnosis(spread_per_dim=(1.4, 1.3, 1.0, 1.0))) == ["healthy"]


def test_how_z_left_the_prior_is_said_as_it_is() -> None:
    apart = {
        "active_variance": (16.0, 9.0, 9.0, 4.0),
        "sigma_per_dim": (0.01,) * 4,
        "spread_per_dim": (4.0, 3.0, 3.0, 2.0),
    }
    wide = {"sigma_per_dim": (22.9, 54.0, 30.0, 25.0), "spread_per_dim": (22.9, 54.0, 30.0, 25.0)}
    shifted = {"mean_per_dim": (10.0, -10.0, 10.0, 10.0)}
    said = {
        "their means lie far apart and their widths are tiny": apart,
        "much wider than the prior": wide,
        "lie together, far from the prior": shifted,
    }
    for words, changes in said.items():
        (found,) = decide(diagnosis(**changes))
        assert found.name == "variance-blown-up"
        assert [words in found.sentence, "tiny" in found.sentence] == [True, changes is apart]
        evidence = {each.words: each.value for each in found.evidence}
        assert evidence.get("largest posterior σ") == (54.0 if changes is wide else None)
        assert abs(evidence.get("mean of the aggregate posterior", 0.0)) == (
            10.0 if changes is shifted else 0.0
        )
    assert names(diagnosis(mean_per_dim=(0.5, 0.5, 0.5, 0.5))) == ["healthy"]
    # Widths that drown what the means say are no collapse onto the prior.
    assert names(diagnosis(distortion=27.0, usage=used(0.1), information=told(0.02, 330.0), **wide)) == [
        "variance-blown-up"
    ]
    # Posteriors that moved together and say nothing: silence is the fault, and where they lie an effect.
    assert names(silent(**shifted)) == ["early-collapse"]


def test_near_its_cap_the_information_is_at_least_and_the_marginal_kl_at_most() -> None:
    blown = diagnosis(beta=0.0, spread_per_dim=(4.0,) * 4, information=told(6.8, 90.0))
    for given, bound in ((blown, ", at most"), (replace(blown, information=told(2.5, 90.0)), "")):
        (found,) = decide(given)
        assert f"marginal KL{bound}" in [evidence.words for evidence in found.evidence]
        lines = replace(given, findings=(found,)).lines()
        assert any(("marginal KL ≤ 90.00" if bound else "marginal KL 90.00") in line for line in lines)
        assert any("can show at most log N = 6.90" in line for line in lines) == bool(bound)
    (healthy,) = decide(diagnosis(information=told(6.8, 0.4)))
    assert "mutual information I(x; z), at least" in [evidence.words for evidence in healthy.evidence]


def test_what_few_images_do_not_show_accuses_nobody() -> None:
    for num, nats, error in (
        (5, 9.66, 4.52),
        (3, 0.33, 0.86),
        (8, 5.99, 2.48),
        (12, 1.34, 0.75),
        (30, 0.3, 0.4),
    ):
        for mutual in (0.2, 1.2):
            few = diagnosis(num_images=num, usage=seen(num, nats, error), information=told(mutual))
            (found,) = decide(few)
            assert (found.name, found.is_fault) == ("too-few-images", False)
            assert f"{num} images of the validation part are too few" in found.sentence
            assert "more images" in found.remedies[0]
    # Ten are too few even where their error happens to be small.
    assert names(silent(num_images=9, usage=seen(9, 0.0, 0.001))) == ["too-few-images"]
    assert names(silent(num_images=10, usage=seen(10, 0.0, 0.001))) == ["early-collapse"]
    assert names(diagnosis(num_images=12, usage=seen(12, 7.0, 2.0))) == ["healthy"]


def test_a_number_that_is_small_accuses_where_it_is_so_by_more_than_its_error() -> None:
    speaks = {"information": told(0.7)}
    assert names(diagnosis(usage=seen(500, 0.2, 0.1), **speaks)) == ["decoder-ignores-z"]
    assert names(diagnosis(usage=seen(500, 0.2, 0.13), **speaks)) == ["too-few-images"]
    # Posteriors that are the prior, of many images, are evidence too, whatever a noisy distortion hides.
    assert names(silent(usage=seen(500, 1.0, 2.0))) == ["early-collapse"]
    assert names(silent(num_images=40, usage=seen(40, 1.0, 2.0))) == ["too-few-images"]


def test_a_class_that_few_images_do_not_show_is_not_said_to_be_ignored() -> None:
    few = diagnosis(num_images=12, conditional=True, usage=seen(12, 12.0, 2.0, (8.35, 2.89)))
    assert names(few) == ["too-few-images"]
    assert "uses the class" in decide(few)[0].sentence
    assert names(replace(few, usage=seen(12, 12.0, 2.0, (8.35, 1.5)))) == ["healthy"]
    assert names(replace(few, usage=seen(500, 12.0, 0.2, (0.0, 0.0)))) == ["condition-ignored"]
    one_class = Usage(Rise(12.0, 0.2, 500), (Rise(12.0, 0.2, 500),) * 4, Rise(0.0, 0.0, 0), 6.0, 0)
    assert names(replace(few, num_images=500, usage=one_class)) == ["healthy"]
    # A twentieth of what z is worth, but of what it is surely worth.
    assert names(replace(few, usage=seen(500, 30.0, 0.5, (0.8, 0.1)))) == ["condition-ignored"]
    assert names(replace(few, usage=seen(500, 30.0, 6.0, (0.8, 0.1)))) == ["too-few-images"]


def test_few_images_that_happen_to_lie_close_or_apart_have_not_left_the_prior() -> None:
    close = {"active_variance": (0.001,) * 4, "sigma_per_dim": (0.1,) * 4, "spread_per_dim": (0.1,) * 4}
    apart = {"active_variance": (6.0,) * 4, "sigma_per_dim": (0.1,) * 4, "spread_per_dim": (2.45,) * 4}
    for changes in (close, apart):
        assert names(diagnosis(num_images=5, usage=seen(5, 12.0, 1.0), **changes)) == ["too-few-images"]
    assert names(diagnosis(num_images=20, usage=seen(20, 12.0, 1.0), **apart)) == ["healthy"]
    assert names(diagnosis(num_images=2000, **apart)) == ["variance-blown-up"]


def test_where_nothing_pays_silence_is_no_accident() -> None:
    (noise,) = decide(silent(critical_beta=1.03, num_paying=0))
    assert (noise.name, noise.title) == ("over-regularised", "Nothing pays at this β")
    assert "is the best solution" in noise.sentence and "β = 1, the ELBO" not in noise.remedies
    (unknown,) = decide(silent(critical_beta=None))
    assert unknown.name == "early-collapse"
    assert "whether it would pay is not known: there are too few training images" in unknown.sentence


CASES: dict[str, Diagnosis] = {
    "still-learning": silent(training=Training("running", 0, 100, True)),
    "nothing-to-encode": silent(is_empty=True, critical_beta=0.98, num_paying=0),
    "partial-collapse": diagnosis(
        active_variance=(0.8, 0.0, 0.0, 0.0),
        further=Spectrum((2.5, 2.0, 0.9), (0.1, 0.1, 0.1)),
        gain=gain(3.0),
    ),
    "worse-than-no-z": diagnosis(distortion=55.0, distortion_at_mean=20.0, gain=gain(-30.7)),
    "dead-network": silent(dead=DeadLayer("encoder", 1, 128)),
    "diverged": silent(training=Training("diverged", 0, 100, True)),
    "too-few-images": diagnosis(num_images=5, usage=seen(5, 9.66, 4.52)),
    "healthy": diagnosis(),
    "spare-dimensions": diagnosis(active_variance=(0.8, 0.0, 0.0, 0.0)),
    "over-regularised": silent(beta=20.0),
    "early-collapse": silent(),
    "decoder-ignores-z": silent(distortion=15.0),
    "condition-ignored": diagnosis(usage=used(12, condition=0.0)),
    "wrong-scale": silent(beta=64.0),
    "wrong-sigma": silent(decoder_sigma=1.0, residual=0.27),
    "variance-blown-up": diagnosis(beta=0.0, spread_per_dim=(4.0, 4.0, 4.0, 4.0)),
}


@pytest.mark.parametrize("name", get_args(Name))
def test_each_verdict_has_words_numbers_and_a_remedy_and_is_json(name: str) -> None:
    given = CASES[name]
    found = decide(given)
    assert found[0].name == name
    no_faults = ("healthy", "spare-dimensions", "too-few-images", "still-learning", "nothing-to-encode")
    assert found[0].is_fault == (name not in no_faults)
    assert found[0].evidence
    assert bool(found[0].remedies) == (name != "healthy")
    assert found[0].sentence.endswith(".")
    values = json.loads(json.dumps(replace(given, findings=found).to_dict(), allow_nan=False))
    assert values["verdict"]["name"] == name
    assert [remark["name"] for remark in values["remarks"]] == [remark.name for remark in found[1:]]
    assert (values["num_active"], len(values["active"])) == (given.num_active, 4)
