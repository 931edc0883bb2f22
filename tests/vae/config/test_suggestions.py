"""Suggested settings of each dataset make the main job work, with nothing to warn of."""

from __future__ import annotations

import pytest

from vae.config.checks import warnings
from vae.config.registries import DATASETS
from vae.config.suggestions import suggest


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("name", DATASETS.names)
def test_a_suggestion_is_the_main_job_for_every_data_set(name: str, conditional: bool) -> None:
    config = suggest(name, conditional=conditional)
    assert config.data.name == name
    assert config.model.conditional is conditional
    assert (config.model.latent_dim, config.model.likelihood, config.objective.beta) == (2, "bernoulli", 1)
    assert warnings(config) == []
