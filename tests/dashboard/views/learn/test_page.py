"""The page Learn without a browser: each chapter on runs that fit, without images, and on runs that do not fit."""

from __future__ import annotations

import re
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dashboard import settings
from dashboard.jobs.queue import background
from dashboard.views.learn import link
from tests.browser.server import wait_until
from tests.support.pages_without_browser import page, sentences
from vae.config.schema import ModelConfig, RunConfig, TrainConfig
from vae.data.dataset import Dataset
from vae.evaluation.exact_posterior import exact_posterior
from vae.runs.run import Run
from vae.runs.snapshots import load_model
from vae.theory import without_kl
from vae.theory.closed_form_kl import kl_terms
from vae.theory.elbo_forms import elbo_forms
from vae.theory.gradients import gradient_estimates
from vae.theory.jensen import jensen
from vae.theory.likelihood_costs import likelihood_costs
from vae.theory.one_pass import one_pass
from vae.training.trainer import Trainer

pytestmark = pytest.mark.usefixtures("one_core")


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chapter 9 trains for an epoch: its numbers are looked at in test_numbers.py."""
    monkeypatch.setattr(without_kl, "compared", partial(without_kl.compared, epochs=1))


@pytest.fixture
def run(empty_runs: Path, trained_run: Run) -> Run:
    shutil.copytree(trained_run.path, empty_runs / "flat")
    return Run.open(empty_runs / "flat")


@pytest.fixture(scope="module")
def told(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A conditional run of one epoch in three dimensions."""
    config = RunConfig(
        model=ModelConfig(hidden=(8,), latent_dim=3, conditional=True),
        train=TrainConfig(epochs=1, batch_size=128, device="cpu", num_snapshots=0),
    )
    made = Run.create(tmp_path_factory.mktemp("told") / "told", config, digits.info())
    for _ in Trainer(made, digits).train():
        pass
    return made


def formulas(at: Any) -> list[str]:
    return [one.value for one in at.latex]


def numbers(formula: str) -> list[float]:
    """What stands below the terms."""
    return [float(text) for text in re.findall(r"_\{\\displaystyle [^\d-]*(-?[\d.]+)\}", formula)]


@pytest.mark.parametrize("chapter", link.CHAPTERS)
def test_each_chapter_is_drawn_with_numbers_below_its_terms(run: Run, chapter: str) -> None:
    at = page("learn", run="flat", chapter=chapter)
    if chapter == "why-kl":  # what it shows is trained beside the page
        wait_until(lambda: background.open("without-kl") == [], "it still trains", 60)
        at = at.run()
    assert sentences(at) == []
    fits = chapter != "conditional"
    if fits and chapter != "pipeline":
        assert any(numbers(formula) for formula in formulas(at))
    assert at.query_params["chapter"] == chapter


@pytest.mark.parametrize("chapter", ["model", "pipeline", "identity", "conditional"])
def test_a_conditional_run_in_three_dimensions_fits_each_chapter(
    empty_runs: Path, told: Run, chapter: str
) -> None:
    shutil.copytree(told.path, empty_runs / "told")
    assert sentences(page("learn", run="told", chapter=chapter)) == []


def test_numbers_are_the_library_s_and_add_up(run: Run, digits: Dataset) -> None:
    at = page("learn", run="flat", chapter="identity", image="5")
    total, elbo, gap = next(found for one in formulas(at) if len(found := numbers(one)) == 3)
    x = digits.pixels(digits.part("test")[0][5:6])
    exact = exact_posterior(load_model(run, "best"), x)
    assert (total, elbo, gap) == pytest.approx((exact.log_prob, exact.elbo, exact.gap), abs=1e-3)
    assert elbo + gap == pytest.approx(total, abs=1e-3)
    at = page("learn", run="flat", chapter="elbo", image="5", beta="4")
    found = elbo_forms(load_model(run, "best"), x)
    first, second = (numbers(one) for one in formulas(at)[1:3])
    assert first == pytest.approx([found.elbo, found.log_likelihood.mean, -found.rate], abs=0.02)
    assert second == pytest.approx([found.log_likelihood.mean, found.log_prior, found.entropy], abs=0.02)
    assert numbers(formulas(at)[3])[1] == pytest.approx(4 * found.rate, abs=0.02)


def test_other_chapters_have_the_library_s_numbers_too(run: Run, digits: Dataset) -> None:
    model, x = load_model(run, "best"), digits.pixels(digits.part("test")[0][5:6])
    drawn = jensen(model, x, k=32)
    costs = likelihood_costs(model, x, sigmas=(0.1,))
    gradients = gradient_estimates(model, x)
    passed = one_pass(model, x)
    terms = kl_terms(passed.mean, passed.log_var)
    first = int(terms.kl.argmax())
    expected = {
        "posterior": [drawn.log_of_mean, drawn.mean_of_logs, drawn.gap],
        "kl": [float(terms.log_var[first].exp()), float(terms.mean[first] ** 2), float(terms.log_var[first])],
        "reparameterisation": [gradients.mean("reparameterised", first).mean],
        "likelihoods": [costs.bernoulli, costs.continuous_bernoulli - costs.bernoulli],
    }
    for chapter, wanted in expected.items():
        at = page("learn", run="flat", chapter=chapter, image="5")
        found = next(told for one in formulas(at) if (told := numbers(one)))
        assert found == pytest.approx(wanted, abs=0.011), chapter


def test_without_images_decoded_ones_stand_in_and_it_is_said(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.cache.datasets.missing_images", lambda run: "They are not here.")
    at = page("learn", run="flat", chapter="elbo")
    assert any("decoded from samples of the prior" in one.value for one in at.caption)
    assert numbers(formulas(at)[1])


def test_a_chapter_that_needs_another_run_offers_one(run: Run, told: Run) -> None:
    shutil.copytree(told.path, settings.shipped_root() / "told")
    at = page("learn", run="flat", chapter="conditional")
    offered = next(one for one in at.button if one.label.startswith("Show "))
    at = offered.click().run()
    assert at.query_params["run"] == "told"
    assert not at.exception


def test_a_chapter_that_is_none_is_told(run: Run) -> None:
    for text in ("magic", "0", "11", "-1"):
        at = page("learn", run="flat", chapter=text)
        assert "chapter must be a number from 1 to 10" in sentences(at)[0]


def test_a_chapter_has_a_number_too(run: Run) -> None:
    assert page("learn", run="flat", chapter="5").query_params["chapter"] == "identity"


def test_next_and_previous_go_through_the_chapters(run: Run) -> None:
    at = page("learn", run="flat", chapter="kl")
    next(one for one in at.button if one.key == "learn-next").click()
    at.run()
    assert at.query_params["chapter"] == "reparameterisation"


@pytest.mark.parametrize("chapter", link.CHAPTERS)
@pytest.mark.parametrize("conditional", [False, True])
def test_a_run_without_weights_says_so(
    empty_runs: Path, digits: Dataset, chapter: str, conditional: bool
) -> None:
    Run.create(empty_runs / "new", RunConfig(model=ModelConfig(conditional=conditional)), digits.info())
    at = page("learn", run="new", chapter=chapter)
    assert any("has no weights" in one.value for one in at.info)
    assert formulas(at) == []


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "conditional"])
def untrained(
    request: pytest.FixtureRequest, digits: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    """A run that has learned nothing: its weights are those that it began with."""
    config = RunConfig(
        model=ModelConfig(hidden=(8,), conditional=request.param),
        train=TrainConfig(epochs=1, batch_size=128, device="cpu", num_snapshots=0, learning_rate=1e-9),
    )
    made = Run.create(tmp_path_factory.mktemp("untrained") / "begun", config, digits.info())
    for _ in Trainer(made, digits).train():
        pass
    return made


@pytest.mark.parametrize("chapter", link.CHAPTERS)
def test_an_untrained_run_has_its_numbers_in_each_chapter_or_a_sentence(
    empty_runs: Path, untrained: Run, chapter: str
) -> None:
    shutil.copytree(untrained.path, empty_runs / "begun")
    at = page("learn", run="begun", chapter=chapter)
    assert not at.exception
    if chapter == "why-kl":
        wait_until(lambda: background.open("without-kl") == [], "it still trains", 60)
        at = at.run()
    said = [one.value for one in (*at.info, *at.error)]
    assert sentences(at) == []
    assert any(numbers(one) for one in formulas(at)) or said or chapter == "pipeline"
    assert not any("nan" in one or "inf" in one for one in formulas(at))


def test_the_run_is_not_touched(run: Run) -> None:
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    for chapter in ("model", "reparameterisation"):
        page("learn", run="flat", chapter=chapter)
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before
