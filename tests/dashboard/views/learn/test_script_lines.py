"""Beside each formula stand the lines of the run's own script, whatever the run's settings are."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.views.learn import link
from dashboard.views.learn.script_lines import PASSAGES, Passage, lines_of
from vae.config.schema import ModelConfig, ObjectiveConfig, RunConfig, TrainConfig
from vae.data.dataset import Dataset
from vae.training.training_script import script_parts, training_script

CONFIGS: dict[str, RunConfig] = {
    "usual": RunConfig(),
    "conditional": RunConfig(model=ModelConfig(conditional=True)),
    "learned prior": RunConfig(model=ModelConfig(conditional=True, learned_prior=True)),
    "convolutions": RunConfig(model=ModelConfig(network="conv")),
    "autoregressive": RunConfig(model=ModelConfig(decoder="autoregressive")),
    "Gaussian": RunConfig(model=ModelConfig(likelihood="gaussian")),
    "learned sigma": RunConfig(model=ModelConfig(likelihood="gaussian-learned")),
    "continuous Bernoulli": RunConfig(model=ModelConfig(likelihood="continuous-bernoulli")),
    "capacity": RunConfig(objective=ObjectiveConfig(capacity=5.0)),
    "free bits": RunConfig(objective=ObjectiveConfig(free_bits=0.5)),
    "sigmoid": RunConfig(objective=ObjectiveConfig(schedule="sigmoid")),
    "cyclical": RunConfig(objective=ObjectiveConfig(schedule="cyclical")),
    "bfloat16": RunConfig(train=TrainConfig(precision="bf16")),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_each_chapter_finds_its_lines(config: RunConfig, digits: Dataset) -> None:
    info: Any = digits.info()
    script, parts = training_script(config, info), script_parts(config, info)
    numbered = script.splitlines()
    for chapter in link.CHAPTERS:
        for passage in PASSAGES[chapter]:
            first, last, text = lines_of(script, parts[passage.part], passage)
            found = [line.strip() for line in numbered[first - 1 : last]]
            assert found == [line.strip() for line in text.splitlines()], chapter
            assert any(found), chapter


def test_the_lines_are_those_of_the_formula(digits: Dataset) -> None:
    info, config = digits.info(), RunConfig()
    script, parts = training_script(config, info), script_parts(config, info)

    def text(chapter: str) -> str:
        return "\n".join(lines_of(script, parts[one.part], one)[2] for one in PASSAGES[chapter])

    assert "torch.expm1(log_var) + mean.square() - log_var" in text("kl")
    assert (
        text("reparameterisation").splitlines()[-1].startswith("z = mean + torch.exp(0.5 * log_var) * noise")
    )
    assert len(text("reparameterisation").splitlines()) == 2
    assert "beta_at(epoch) * rate" in text("elbo") and "beta_at(epoch) * rate" in text("why-kl")
    assert "binary_cross_entropy_with_logits" in text("likelihoods")


def test_lines_that_are_not_there_are_an_error_and_not_silence() -> None:
    with pytest.raises(ValueError, match="loss has no line like 'nothing'"):
        lines_of("a\nb", "a\nb", Passage("loss", "nothing"))
    with pytest.raises(ValueError, match="loss has no line like 'c'"):
        lines_of("a\nb", "a\nb", Passage("loss", "a", "c"))
