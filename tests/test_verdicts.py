"""What a diagnosis means: each verdict's rule, from numbers made by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, get_args

import pytest

from vae.config import ModelConfig, ObjectiveConfig, RunConfig
from vae.diagnostics import Diagnosis
from vae.findings import Name
from vae.information import Information
from vae.lines import Line
from vae.loop_scale import LoopScale, loop_scale
from vae.usage import Rise, Usage
from vae.verdicts import decide


def told(mutual: float = 2.5, marginal: float = 0.2) -> Information:
    rate = mutual + marginal
    return Information(mutual, marginal, rate, rate, 0.01, 1000, 6.9, mutual > 6.4)


def used(nats: float = 12.0, *, condition: float | None = None, response: float = 6.0) -> Usage:
    rise = Rise(nats, 0.2, 500)
    by_class = None if condition is None else Rise(condition, 0.05, 450)
    return Usage(rise, (rise, rise, rise, rise), by_class, response, 0)


def diagnosis(**changes: Any) -> Diagnosis:
    """Four latent dimensions that all say something about images of 64 pixels."""
    values: dict[str, Any] = {
        "part": "validation",
        "num_images": 500,
        "seed": 0,
        "latent_dim": 4,
        "num_pixels": 64,
        "conditional": False,
        "beta": 1.0,
        "distortion": 21.0,
        "rate_per_dim": (0.7, 0.7, 0.7, 0.6),
        "active_threshold": 0.01,
        "active_variance": (0.8, 0.8, 0.7, 0.6),
        "sigma_per_dim": (0.4, 0.4, 0.5, 0.5),
        "spread_per_dim": (1.0, 1.0, 1.0, 1.0),
        "information": told(),
        "usage": used(),
        "ignorant_distortion": 27.0,
        "critical_beta": 3.4,
    }
    return Diagnosis(**{**values, **changes})


def silent(**changes: Any) -> Diagnosis:
    """All posteriors are the prior."""
    nothing: dict[str, Any] = {
        "distortion": 27.0,
        "rate_per_dim": (0.0,) * 4,
        "active_variance": (0.0,) * 4,
        "sigma_per_dim": (1.0,) * 4,
        "information": told(0.0, 0.0),
        "usage": used(0.01, response=0.1),
    }
    return diagnosis(**{**nothing, **changes})


def names(given: Diagnosis, config: RunConfig | None = None, history: list[Line] | None = None) -> list[str]:
    return [finding.name for finding in decide(given, config, history or [])]


def history(*rates: float) -> list[Line]:
    return [{"split": "train", "epoch": float(e), "rate": rate} for e, rate in enumerate(rates, 1)]


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
    assert "does not read it" in found.sentence


def test_a_class_that_changes_nothing_is_ignored() -> None:
    conditional = {"conditional": True}
    assert names(diagnosis(usage=used(12, condition=0.1), **conditional)) == ["condition-ignored"]
    assert names(diagnosis(usage=used(30, condition=0.8), **conditional)) == ["condition-ignored"]
    (found,) = decide(diagnosis(usage=used(3, condition=14), **conditional))
    assert found.name == "healthy"
    by_class = next(each for each in found.evidence if "class" in each.words)
    assert str(by_class) == "rise of the distortion with the class of another image: 14 ± 0.05 nats"


def test_beta_equal_to_the_pixels_is_a_mean_where_a_sum_belongs() -> None:
    assert names(silent(beta=64.0))[0] == "wrong-scale"
    # Both terms averaged, 64 / 4, and yet a number that somebody may well choose: a remark beside the finding.
    assert names(silent(beta=16.0)) == ["over-regularised", "wrong-scale"]
    assert names(diagnosis(beta=16.0)) == ["healthy"]  # it does no harm
    blown = diagnosis(beta=0.25, spread_per_dim=(3.0, 3.0, 3.0, 3.0))
    assert names(blown) == ["variance-blown-up", "wrong-scale"]


def in_a_loop(reconstruction: float) -> LoopScale | None:
    """A watched loop at β = 1 whose reconstruction is so many times ours."""
    line: Line = {
        "event": "scale",
        "reconstruction_ratio": reconstruction,
        "kl_ratio": None,
        "batch_size": 128,
    }
    return loop_scale([line], 1.0, 64, 4, None)


def test_a_mean_over_pixels_in_a_loop_is_the_verdict_and_not_the_beta_that_the_code_says() -> None:
    (found,) = decide(silent(scale=in_a_loop(1 / 64)))
    assert (found.name, found.title) == ("wrong-scale", "A mean where a sum belongs")
    assert "your β = 1 trains as β = 64 does" in found.sentence
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
    # Residuals that are large because z says nothing speak of no σ.
    assert names(silent(decoder_sigma=0.1, residual=0.27, critical_beta=71.0)) == ["early-collapse"]
    for fitting in ({"decoder_sigma": 0.1, "residual": 0.12}, {"decoder_sigma": 0.1, "residual": 0.2}):
        assert names(diagnosis(**fitting)) == ["healthy"]
    assert names(diagnosis(decoder_sigma=0.01, residual=0.11, sigma_is_learned=True)) == ["healthy"]


def test_an_aggregate_posterior_far_beyond_the_prior_is_blown_up() -> None:
    blown = diagnosis(beta=0.0, spread_per_dim=(4.0, 3.0, 3.0, 2.0), information=told(6.8, 90.0))
    assert names(blown) == ["variance-blown-up"]
    assert names(diagnosis(spread_per_dim=(1.4, 1.3, 1.0, 1.0))) == ["healthy"]


CASES = {
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
    assert found[0].is_fault == (name not in ("healthy", "spare-dimensions"))
    assert found[0].evidence
    assert bool(found[0].remedies) == (name != "healthy")
    assert found[0].sentence.endswith(".")
    values = json.loads(json.dumps(replace(given, findings=found).to_dict(), allow_nan=False))
    assert values["verdict"]["name"] == name
    assert [remark["name"] for remark in values["remarks"]] == [remark.name for remark in found[1:]]
    assert (values["num_active"], len(values["active"])) == (given.num_active, 4)
