"""Which runs' figures can be compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MakeInfo
from vae.config.schema import DataConfig, ModelConfig, RunConfig
from vae.evaluation.comparability import EvaluationProtocol, why_not_comparable
from vae.runs.run import Run


def of(config: RunConfig, make_info: MakeInfo, fingerprint: str = "0" * 16) -> EvaluationProtocol:
    info = make_info().replace(fingerprint=fingerprint)
    return EvaluationProtocol.of(Run(Path("a"), config, info, "a", "2026-01-01T00:00:00+00:00"))


PLAIN = RunConfig()


@pytest.mark.parametrize(
    ("other", "word"),
    [
        (RunConfig(data=DataConfig(binarize="threshold")), "pixels"),
        (RunConfig(data=DataConfig(binarize="dynamic")), "pixels"),
        (RunConfig(model=ModelConfig(likelihood="gaussian")), "likelihood"),
        (RunConfig(model=ModelConfig(likelihood="continuous-bernoulli")), "likelihood"),
        (RunConfig(model=ModelConfig(conditional=True)), "condition"),
    ],
)
def test_figures_of_other_pixels_likelihoods_or_conditions_do_not_compare(
    make_info: MakeInfo, other: RunConfig, word: str
) -> None:
    yardsticks = [of(PLAIN, make_info), of(other, make_info)]
    assert yardsticks[0] != yardsticks[1]
    assert why_not_comparable(yardsticks).startswith(f"Their {word} differ")


def test_another_cut_of_the_grey_pixels_makes_other_images(make_info: MakeInfo) -> None:
    cuts = [RunConfig(data=DataConfig(binarize="threshold", threshold=value)) for value in (0.3, 0.5)]
    assert of(cuts[0], make_info) != of(cuts[1], make_info)


def test_other_images_do_not_compare(make_info: MakeInfo) -> None:
    assert why_not_comparable([of(PLAIN, make_info), of(PLAIN, make_info, "1" * 16)]).startswith(
        "Their images differ"
    )


def test_networks_beta_seed_and_a_learned_sigma_do_compare(make_info: MakeInfo) -> None:
    gaussian = RunConfig(model=ModelConfig(likelihood="gaussian", sigma=0.3))
    learned = RunConfig(
        model=ModelConfig(likelihood="gaussian-learned", latent_dim=9, hidden=(7, 7)),
        objective=PLAIN.objective.replace(beta=4),
        train=PLAIN.train.replace(seed=5),
    )
    assert of(gaussian, make_info) == of(learned, make_info)
    assert why_not_comparable([of(gaussian, make_info), of(learned, make_info)]) == ""
