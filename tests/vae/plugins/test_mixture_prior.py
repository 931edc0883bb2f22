"""A prior from outside the package: two Gaussians, without quantiles and without a KL in closed form; and Laplace's."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.support import plugin_runs
from vae.config.base import Config, option
from vae.config.registries import PRIORS
from vae.config.schema import ModelConfig
from vae.data.dataset import Dataset
from vae.diagnostics.diagnose import diagnose
from vae.errors import UserError
from vae.evaluation.ais import annealed
from vae.evaluation.elbo import evaluate
from vae.evaluation.exact_posterior import exact_posteriors
from vae.evaluation.importance import importance_bound
from vae.latent.embedding import manifold, prior_draws, prior_points, prior_samples
from vae.models.priors import Prior, StandardNormal, gaussian_kl, posterior_log_prob
from vae.models.vae import VAE
from vae.runs.run import Run
from vae.runs.snapshots import load_model
from vae.runtime.seeding import generator


class MixtureOptions(Config):
    """Options of the prior of two Gaussians."""

    distance: float = option(
        2.0, "How far each lies from 0 at first.", label="Distance", remedy="use 2", ge=0, le=5
    )


class TwoGaussians(Prior):
    """Unit Gaussians at ±m, where m is learned."""

    def __init__(self, latent_dim: int, options: MixtureOptions) -> None:
        super().__init__(latent_dim)
        self.middle = nn.Parameter(torch.full((latent_dim,), options.distance))

    def log_prob(self, z: Tensor) -> Tensor:
        each = [-0.5 * ((z - sign * self.middle).square() + math.log(2 * math.pi)).sum(1) for sign in (1, -1)]
        return torch.logaddexp(*each) - math.log(2)

    def sample(self, num: int, generator: torch.Generator | None = None) -> Tensor:
        sign = torch.randint(2, (num, 1), generator=generator) * 2.0 - 1
        noise = torch.randn(num, self.latent_dim, generator=generator)
        return sign * self.middle.detach().cpu() + noise


class IndependentLaplace(Prior):
    """Laplace in each dimension: quantiles, and a density by dimension, but no KL in closed form."""

    def log_prob_per_dim(self, z: Tensor) -> Tensor:
        return -z.abs() - math.log(2)

    def log_prob(self, z: Tensor) -> Tensor:
        return self.log_prob_per_dim(z).sum(1)

    def sample(self, num: int, generator: torch.Generator | None = None) -> Tensor:
        return self.quantile(torch.rand(num, self.latent_dim, generator=generator).clamp(1e-6, 1 - 1e-6))

    def quantile(self, share: Tensor) -> Tensor:
        return -torch.sign(share - 0.5) * torch.log1p(-2 * (share - 0.5).abs())


@pytest.fixture(scope="module", autouse=True)
def _plugins() -> Iterator[None]:
    with (
        plugin_runs.registered(
            PRIORS, "two-gaussians", TwoGaussians, title="Two Gaussians", options=MixtureOptions
        ),
        plugin_runs.registered(PRIORS, "laplace", IndependentLaplace, title="Laplace"),
    ):
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return plugin_runs.train(tmp_path_factory.mktemp("runs") / "two", model={"prior": "two-gaussians"})


@pytest.fixture(scope="module")
def laplace(digits: Dataset) -> VAE:
    draw = torch.Generator().manual_seed(0)
    return VAE(ModelConfig(hidden=(8,), prior="laplace"), digits.info(), draw=draw).requires_grad_(False)


def test_it_trains_and_its_own_numbers_are_learned(run: Run) -> None:
    found = load_model(run, "last").prior
    assert isinstance(found, TwoGaussians)
    assert not torch.equal(found.middle, torch.full((2,), 2.0))
    assert json.loads((run.path / "config.json").read_text())["config"]["model"]["prior_options"] == {
        "distance": 2.0
    }


def test_other_runs_say_nothing_of_a_prior() -> None:
    assert "prior" not in ModelConfig().to_dict()
    assert ModelConfig(prior="laplace").to_dict()["prior"] == "laplace"


def test_rate_without_a_closed_form_is_that_of_many_samples(run: Run) -> None:
    prior = load_model(run, "last").prior.double()
    mean, log_var = (
        torch.tensor([[0.5, -1.0], [1.5, 2.0]]).double(),
        torch.tensor([[-1.0, -0.5], [-3.0, 0.2]]).double(),
    )
    noise = torch.randn(200_000, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for row, found in enumerate(prior.rate_per_dim(mean, log_var).sum(1)):
        own = posterior_log_prob(noise, log_var[row]).sum(1)
        z = mean[row] + torch.exp(0.5 * log_var[row]) * noise
        assert float(found) == pytest.approx(float((own - prior.log_prob(z)).mean()), abs=0.3)
    z = mean + 0.3
    one = prior.rate_per_dim(mean, log_var, z).sum(1)
    own = torch.distributions.Normal(mean, torch.exp(0.5 * log_var)).log_prob(z).sum(1)
    torch.testing.assert_close(one, own - prior.log_prob(z))


def test_rate_of_the_standard_normal_is_exact_whatever_the_sample() -> None:
    mean, log_var = torch.randn(3, 2), torch.randn(3, 2)
    found = StandardNormal(2).rate_per_dim(mean, log_var, torch.randn(3, 2))
    assert torch.equal(found, gaussian_kl(mean, log_var))


@pytest.mark.parametrize("kind", ["two", "laplace"])
def test_four_ways_to_log_p_agree(kind: str, run: Run, laplace: VAE, digits: Dataset) -> None:
    model = load_model(run, "last") if kind == "two" else laplace
    exact = exact_posteriors(model, digits, num_images=2)
    torch.testing.assert_close(exact.elbo + exact.gap, exact.log_prob, atol=0.01, rtol=0)
    expected = float(exact.log_prob.mean())
    for proposal in ("posterior", "mixture"):
        bound = importance_bound(model, digits, k=2000, num_images=2, proposal=proposal)  # type: ignore[arg-type]
        assert bound.bound.mean == pytest.approx(expected, abs=0.3)
    ais = annealed(model, digits, num_images=2, num_steps=40, num_chains=8)
    assert ais.bound.mean == pytest.approx(expected, abs=0.5)
    assert evaluate(model, digits).elbo < float(exact.log_prob.mean()) + 30


def test_the_diagnosis_takes_the_rate_apart_with_it(run: Run, digits: Dataset) -> None:
    found = diagnose(load_model(run, "last"), digits, num_images=300)
    about = found.information
    assert about.mutual_information + about.marginal_kl == pytest.approx(about.rate)
    assert found.rate == pytest.approx(about.rate, abs=5 * about.standard_error + 0.2)
    assert found.verdict.sentence


def test_the_graphs_know_it(run: Run, laplace: VAE, digits: Dataset) -> None:
    for model in (load_model(run, "last"), laplace):
        plugin_runs.check_onnx(model, digits)


def test_samples_come_from_it(run: Run, laplace: VAE) -> None:
    model = load_model(run, "last")
    z, images = prior_samples(model, 400, seed=3)
    assert images.shape == (400, 1, 8, 8)
    assert torch.equal(z, prior_draws(model.prior, 400, seed=3))
    assert float(z.abs().mean()) > 1.5
    with pytest.raises(UserError, match="temperature must be 1"):
        prior_samples(model, 4, temperature=0.5)
    assert torch.equal(prior_draws(StandardNormal(2), 5, seed=1), prior_points(5, 2, seed=1))
    assert torch.equal(StandardNormal(3).sample(4, generator(2, "prior")), prior_points(4, 3, seed=2))


def test_what_is_spaced_by_quantiles_is_drawn_or_refused_in_a_sentence(run: Run, laplace: VAE) -> None:
    with pytest.raises(UserError, match="needs the quantiles of the prior"):
        manifold(load_model(run, "last"), 3)
    assert manifold(laplace, 3).shape == (9, 1, 8, 8)
    assert laplace.prior.has_quantiles and not load_model(run, "last").prior.has_quantiles


@pytest.mark.parametrize("name", plugin_runs.PAGES)
def test_pages_show_it(name: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    at = plugin_runs.page(name, run, monkeypatch)
    assert plugin_runs.complaints(at) == []
    if name == "explore":
        assert "Prior: Two Gaussians" in at.sidebar.caption[0].value
    if name == "generate":
        captions = " ".join(caption.value for caption in at.caption)
        assert "Temperature: for the standard normal prior only" in captions
        assert "Temperature" not in {slider.label for slider in at.slider}


@pytest.mark.parametrize("chapter", ["model", "posterior", "elbo", "identity", "kl", "likelihoods"])
def test_chapters_say_what_is_other_with_it(chapter: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    at = plugin_runs.page("learn", run, monkeypatch, chapter=chapter)
    assert plugin_runs.complaints(at) == []
    captions = " ".join(caption.value for caption in at.caption)
    if chapter == "model":
        assert r"\mathcal N(0, I)" not in at.latex[0].value
    assert ("no closed form and is an estimate" in captions) == (chapter == "elbo")
    assert ("another prior; the closed form here is for N(0, I)" in captions) == (chapter == "kl")


def test_priors_side_by_side_leave_out_the_truncated_one(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    at = plugin_runs.page("generate", run, monkeypatch, mode="compare", components="2", rows="2")
    assert plugin_runs.complaints(at) == []
    titles = " ".join(element.proto.body for element in at.get("html"))
    assert ">Prior<" in titles and ">Truncated prior<" not in titles
    assert any("z ~ Two Gaussians" in caption.value.replace("\\", "") for caption in at.caption)


def test_where_it_is_not_registered_the_run_says_so(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(
            PRIORS, "_entries", {name: PRIORS[name] for name in PRIORS.names if PRIORS[name].is_built_in}
        )
        with pytest.raises(UserError, match="prior 'two-gaussians' must be registered to be used"):
            load_model(Run.open(run.path))


def test_posteriors_that_fill_a_wide_prior_have_not_left_it(run: Run, digits: Dataset) -> None:
    from dataclasses import replace

    from vae.diagnostics.prior_mismatch import prior_mismatch

    found = diagnose(load_model(run, "last"), digits, num_images=300)
    assert found.prior_spread == pytest.approx((math.sqrt(5),) * 2, rel=0.1)
    filling = replace(found, mean_per_dim=(0.0, 0.0), spread_per_dim=(3.0, 3.0), active_variance=(8.8, 8.8))
    assert prior_mismatch(filling) is None
    assert prior_mismatch(replace(filling, prior_mean=(), prior_spread=())) is not None
