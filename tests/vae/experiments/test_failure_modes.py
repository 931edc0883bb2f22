"""Recipes for collapse, and their cures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import torch

from vae.config.checks import warnings
from vae.config.schema import RunConfig
from vae.data.dataset import Dataset, check_fits
from vae.diagnostics.diagnose import diagnose
from vae.diagnostics.diagnosis import Diagnosis
from vae.diagnostics.findings import Name
from vae.errors import UserError
from vae.experiments.failure_modes import RECIPES
from vae.runs.run import Run
from vae.training.trainer import Trainer


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Layers as small as these train as fast on one thread, and do not wait for a second on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def trained(config: RunConfig, dataset: Dataset, path: Path, epochs: int = 40) -> Diagnosis:
    """The diagnosis of a shorter run of this configuration, without what it keeps on the way."""
    train = config.train.replace(epochs=epochs, num_snapshots=0, eval_every=epochs, device="cpu")
    run = Run.create(path, config.replace(train=train), dataset.info())
    for _ in Trainer(run, dataset).train():
        pass
    return diagnose(run, dataset)


def test_there_is_a_recipe_for_each_verdict_on_a_model() -> None:
    of_training: set[Name] = {"still-learning", "diverged", "dead-network"}
    of_images: set[Name] = {"too-few-images", "nothing-to-encode"}
    effects: set[Name] = {"partial-collapse", "worse-than-no-z"}  # of what other recipes make worse
    left_out = of_training | of_images | effects
    assert {recipe.verdict for recipe in RECIPES.values()} == set(get_args(Name)) - left_out
    assert all(name == recipe.name for name, recipe in RECIPES.items())


def test_each_recipe_and_cure_fits_the_digits_and_keeps_the_seed(digits: Dataset) -> None:
    for recipe in RECIPES.values():
        config = recipe.with_seed(7)
        check_fits(config, digits)
        assert not warnings(config)
        assert bool(recipe.cures) == (recipe.verdict != "healthy")
        for cure in recipe.cures:
            cured = recipe.cure(cure.name).applied(config)
            check_fits(cured, digits)
            assert cured != config
            assert (cured.train.seed, cured.train.epochs) == (config.train.seed, config.train.epochs)
            assert cured.data == config.data


def test_each_kind_of_cure_is_that_of_a_recipe() -> None:
    changes = {change for recipe in RECIPES.values() for cure in recipe.cures for change in cure.changes}
    schedules = {("objective.schedule", "sigmoid"), ("objective.schedule", "cyclical")}
    assert changes >= {*schedules, ("model.likelihood", "gaussian-learned")}
    assert {option for option, _ in changes} >= {
        "objective.free_bits",
        "train.encoder_steps",
    }


def test_an_unknown_cure_is_refused_by_the_names_that_there_are() -> None:
    with pytest.raises(UserError, match=r"beta-too-high \(beta-1, cyclical, free-bits\), got 'rest'"):
        RECIPES["beta-too-high"].cure("rest")


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(("name", "cure"), [("wrong-scale", "beta-1"), ("unlucky-start", "one-layer")])
def test_a_recipe_provokes_its_verdict_and_a_cure_brings_the_units_back(
    name: str, cure: str, digits: Dataset, tmp_path: Path
) -> None:
    recipe = RECIPES[name]
    before = trained(recipe.config, digits, tmp_path / "before")
    assert before.verdict.name == recipe.verdict
    assert before.num_active == 0
    after = trained(recipe.cure(cure).applied(recipe.config), digits, tmp_path / "after")
    assert not after.verdict.is_fault
    assert after.num_active > 0
    assert after.rate > 1
    for num in range(2, 21):  # and no number of images makes a fault of it
        found = diagnose(Run.open(tmp_path / "after"), digits, num_images=num)
        assert not any(finding.is_fault for finding in found.findings), num
        assert found.verdict.name in ("too-few-images", "still-learning") or num >= 10


@pytest.mark.usefixtures("one_thread")
def test_too_strong_a_decoder_is_named_soon(digits: Dataset, tmp_path: Path) -> None:
    config = RECIPES["strong-decoder"].config
    early = trained(config, digits, tmp_path / "early", epochs=3)
    assert early.verdict.name == "still-learning"
    quick = config.replace(train=config.train.replace(learning_rate=1e-2))
    found = trained(quick, digits, tmp_path / "run", epochs=16)
    assert found.verdict.name == "decoder-ignores-z"
    assert found.critical_beta is None
