"""Importance weighting, annealing, quadrature and lag, against the closed form of a linear model and each other."""

from __future__ import annotations

import dataclasses
import math
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn

from vae.config.schema import DataConfig, DataInfo, ModelConfig
from vae.data.dataset import Dataset
from vae.errors import UserError
from vae.evaluation.ais import annealed
from vae.evaluation.exact_posterior import (
    TOLERANCE,
    each_exact_posterior,
    exact_posterior,
    exact_posteriors,
)
from vae.evaluation.importance import importance_bound, log_weights
from vae.evaluation.true_posterior import ExactPosterior
from vae.models.likelihoods import Bernoulli
from vae.models.linear_vae import PPCA, linear_terms
from vae.models.memory_budget import rows_within
from vae.models.vae import VAE

#: Small matrices gain nothing from threads.
pytestmark = pytest.mark.usefixtures("one_core")

MakeModel = Callable[..., VAE]
SIGMA = 0.25


@pytest.fixture(scope="module")
def images() -> Dataset:
    """40 images of 5 × 4 bytes that vary along two directions; 30 train, 10 test."""
    draw = torch.Generator().manual_seed(1)
    z = torch.randn(40, 2, generator=draw)
    flat = 128 + 40 * z @ torch.randn(2, 20, generator=draw) / 2 + 20 * torch.randn(40, 20, generator=draw)
    pixels = flat.clamp(0, 255).to(torch.uint8).reshape(40, 1, 5, 4)
    rows = torch.arange(40)
    nothing = rows[:0]
    return Dataset(pixels, rows % 3, 255, ("a", "b", "c"), rows[:30], nothing, rows[30:], DataConfig())


@pytest.fixture(scope="module")
def oracle(images: Dataset) -> PPCA:
    return PPCA.fit(images.pixels(images.images).double(), 2, SIGMA)


@pytest.fixture(scope="module")
def linear(make_model: MakeModel, oracle: PPCA) -> VAE:
    """A linear VAE at its optimum, but for a posterior that is off."""
    model = oracle.install(make_model(hidden=(), likelihood="gaussian", sigma=SIGMA))
    with torch.no_grad():
        model.encoder.mean.bias += 0.2
        model.encoder.log_var.bias += 0.3
    return model


def pixels(images: Dataset) -> torch.Tensor:
    return images.pixels(images.part("test")[0]).double()


@pytest.mark.parametrize("num_dims", [1, 2])
def test_quadrature_is_the_closed_form_of_a_linear_model(
    num_dims: int, images: Dataset, make_model: MakeModel
) -> None:
    best = PPCA.fit(images.pixels(images.images), num_dims, SIGMA)
    model = best.install(make_model(hidden=(), latent_dim=num_dims, likelihood="gaussian", sigma=SIGMA))
    model.encoder.log_var.bias.data += 0.5
    found = exact_posteriors(model, images, num_images=3)
    x = pixels(images)[found.rows]
    assert torch.allclose(found.log_prob, best.log_prob(x), atol=1e-6)
    assert torch.allclose(found.elbo, linear_terms(model, x).elbo, atol=1e-6)
    assert torch.allclose(found.elbo + found.gap, found.log_prob, atol=1e-6)
    assert bool((found.gap > 0.01).all())
    assert bool((found.change < TOLERANCE).all())
    assert 0 < found.to_dict()["largest_change"] == float(found.change.max())
    mean, variance = best.posterior(x)
    assert torch.allclose(found.mean, mean, atol=1e-5)
    assert torch.allclose(found.covariance.diagonal(dim1=1, dim2=2), variance, rtol=1e-3)


def test_the_bound_rises_with_k_from_the_elbo_to_log_p(images: Dataset, linear: VAE, oracle: PPCA) -> None:
    found = importance_bound(linear, images, k=5000)
    x = pixels(images)
    log_prob, elbo = oracle.log_prob(x), linear_terms(linear, x).elbo
    bounds = [point.bound.mean for point in found.curve]
    assert [point.k for point in found.curve] == [1, 5, 50, 500, 5000]
    assert bounds == sorted(bounds)
    # 50,000 samples of a weight whose logarithm spreads by about a nat.
    assert bounds[0] == pytest.approx(float(elbo.mean()), abs=0.02)
    assert bool(((found.log_prob - log_prob).abs() < 5 * found.sampling_error).all())
    assert bool((found.effective_size > 100).all())
    assert found.to_dict()["num_images"] == 10


def test_weights_of_the_true_posterior_are_all_equal_and_log_p_itself(
    images: Dataset, make_model: MakeModel, oracle: PPCA
) -> None:
    model = oracle.install(make_model(hidden=(), likelihood="gaussian", sigma=SIGMA))
    x = pixels(images)
    expected = oracle.log_prob(x)[:, None].expand(-1, 7)
    assert torch.allclose(log_weights(model, x, None, 7), expected, atol=1e-9)
    assert linear_terms(model, x).elbo.tolist() == pytest.approx(oracle.log_prob(x).tolist(), abs=1e-9)
    assert importance_bound(model, images, k=3).effective_size.tolist() == pytest.approx([3] * 10)


def test_the_oracle_s_elbo_is_the_mean_log_prob_of_its_images_and_no_other_noise_free_weights_do_better(
    images: Dataset,
) -> None:
    x = images.pixels(images.images).double()
    best = PPCA.fit(x, 3, SIGMA)
    assert best.elbo == pytest.approx(float(best.log_prob(x).mean()), abs=1e-9)
    covariance = best.weight @ best.weight.T + SIGMA**2 * torch.eye(20, dtype=torch.float64)
    reference = torch.distributions.MultivariateNormal(best.mean, covariance)
    assert torch.allclose(best.log_prob(x), reference.log_prob(x.flatten(1)), atol=1e-9)
    for scale in (0.97, 1.03):
        worse = dataclasses.replace(best, weight=best.weight * scale)
        assert float(worse.log_prob(x).mean()) < best.elbo


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"conditional": True},
        {"network": "conv"},
        {"likelihood": "continuous-bernoulli"},
        {"likelihood": "gaussian-learned"},
        {"decoder": "autoregressive"},
        {"conditional": True, "learned_prior": True},
    ],
    ids=str,
)
def test_quadrature_and_importance_weighting_agree_for_every_kind_of_model(
    options: dict[str, object], images: Dataset, make_model: MakeModel
) -> None:
    model = make_model(**options)
    exact, found = (
        exact_posteriors(model, images, num_images=1),
        importance_bound(model, images, k=2000, num_images=1),
    )
    assert torch.equal(exact.rows, found.rows)
    assert bool(((found.log_prob - exact.log_prob).abs() < 5 * found.sampling_error).all())
    assert float((exact.elbo + exact.gap - exact.log_prob).abs().max()) < 1e-3
    assert bool((exact.elbo <= exact.log_prob + 1e-4).all())


@pytest.mark.parametrize("budget", [1, 25_000, 1 << 30])
@pytest.mark.parametrize("num_dims, far", [(1, 0.0), (2, 0.0), (1, 9.0)])
def test_the_truth_is_the_same_whether_or_not_the_first_look_fits_into_memory(
    budget: int,
    num_dims: int,
    far: float,
    images: Dataset,
    make_model: MakeModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = make_model(latent_dim=num_dims, conditional=True, seed=3)
    with torch.no_grad():  # so far out that the grid must be widened for some of the images
        model.decoder.hidden[0].bias.add_(model.decoder.hidden[0].weight[:, :num_dims].sum(1) * far)
    model.to(torch.float32)
    expected = exact_posteriors(model, images, num_images=4)
    decoded = []
    forward = model.decoder.forward
    monkeypatch.setattr(
        model.decoder, "forward", lambda z, *rest: (decoded.append(len(z)), forward(z, *rest))[1]
    )
    monkeypatch.setattr("vae.evaluation.exact_posterior.BUDGET", budget)
    monkeypatch.setattr(
        "vae.evaluation.exact_posterior.rows_within",
        lambda each, most: rows_within(each, most=most, budget=budget),
    )
    found = exact_posteriors(model, images, num_images=4)
    assert torch.allclose(found.log_prob, expected.log_prob, atol=2e-4)
    assert torch.allclose(found.gap, expected.gap, atol=5e-4)
    assert torch.allclose(found.covariance, expected.covariance, atol=1e-4)
    assert torch.equal(found.rows, expected.rows)
    assert max(decoded) <= 8192


def test_of_many_images_the_figures_are_kept_and_not_their_grids(
    images: Dataset, linear: VAE, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive: list[weakref.ref[ExactPosterior]] = []

    def watched(*arguments: Any, **options: Any) -> Iterator[ExactPosterior]:
        for one in each_exact_posterior(*arguments, **options):
            alive.append(weakref.ref(one))
            yield one

    most = 0

    def count(done: int, total: int) -> None:
        nonlocal most
        most = max(most, sum(one() is not None for one in alive))

    monkeypatch.setattr("vae.evaluation.exact_posterior.each_exact_posterior", watched)
    assert len(exact_posteriors(linear, images, progress=count).rows) == len(alive) == 10
    assert most <= 2


def test_one_image_s_truth_has_its_density_on_any_grid(images: Dataset, linear: VAE, oracle: PPCA) -> None:
    x = pixels(images)[:1]
    found: ExactPosterior = exact_posterior(linear, x)
    assert float(found.density.sum()) * found.cell**2 == pytest.approx(1, abs=1e-9)
    axes, density = found.on_grid(80)
    mean, variance = oracle.posterior(x)
    z = torch.cartesian_prod(*axes)
    reference = torch.distributions.Normal(mean, variance.sqrt()).log_prob(z).sum(1).exp().reshape(80, 80)
    assert torch.allclose(density, reference, atol=1e-4 * float(reference.max()))


class Folded(nn.Module):
    """A decoder of one dimension that gives one image at two places, and others between them."""

    def __init__(self) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.tensor([0.45, -0.7], dtype=torch.float64))

    def forward(self, z: torch.Tensor, *_: object) -> torch.Tensor:
        return (z - self.places).prod(1).reshape(-1, 1, 1, 1).expand(-1, 1, 5, 4)


class Still(nn.Module):
    """An encoder that sees one of the two places."""

    def __init__(self, mean: float, sigma: float) -> None:
        super().__init__()
        values = torch.tensor([[mean], [2 * math.log(sigma)]], dtype=torch.float64)
        self.values = nn.Parameter(values)

    def forward(self, x: torch.Tensor, *_: object) -> tuple[torch.Tensor, torch.Tensor]:
        mean, log_var = (value.expand(len(x), 1) for value in self.values)
        return mean, log_var


@pytest.mark.parametrize("seen", [0.45, -0.7])
def test_modes_narrower_than_the_first_look_are_all_found(
    seen: float, make_info: Callable[..., DataInfo]
) -> None:
    sigma = 0.02
    config = ModelConfig(latent_dim=1, hidden=(), likelihood="gaussian", sigma=sigma)
    encoder = Still(seen, sigma / (1.15 * math.sqrt(20)))
    found = exact_posterior(
        VAE(config, make_info(), networks=(encoder, Folded())), torch.zeros(1, 1, 5, 4).double()
    )
    z = torch.linspace(-2, 2, 2_000_001, dtype=torch.float64)
    misfit = ((z - 0.45) * (z + 0.7)).square() * 20
    log_joint = (
        -0.5 * misfit / sigma**2 - 20 * math.log(sigma) - 10.5 * math.log(2 * math.pi) - 0.5 * z.square()
    )
    assert found.log_prob == pytest.approx(float(log_joint.logsumexp(0)) + math.log(2e-6), abs=1e-3)
    assert found.gap > 0.6  # the other mode weighs about as much as the one that q(z|x) covers
    assert -0.2 < float(found.mean) < 0.1


def test_an_integral_that_has_not_settled_is_told(
    images: Dataset, linear: VAE, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bool((exact_posteriors(linear, images, num_images=2).change < TOLERANCE).all())
    monkeypatch.setattr("vae.evaluation.quadrature._MOST_POINTS", 32)  # fewer than the first rule has
    assert exact_posteriors(linear, images, num_images=2).change.tolist() == [math.inf] * 2


def test_a_truth_s_box_holds_the_true_posterior_and_the_encoder_s(images: Dataset, linear: VAE) -> None:
    found = exact_posterior(linear, pixels(images)[:1])
    low, high = found.box
    held = ((found.points > low) & (found.points < high)).all(1)
    assert float(found.density[held].sum()) * found.cell**2 > 0.999
    spread = 3 * (0.5 * found.q_log_var).exp()
    assert bool((low <= found.q_mean - spread).all())
    assert bool((high >= found.q_mean + spread).all())
    told = found.to_dict()
    assert told["elbo"] + told["gap"] == pytest.approx(told["log_prob"], abs=1e-6)
    assert torch.tensor(told["covariance"]).shape == (2, 2)


def test_fast_bernoulli_is_the_reference_to_a_ten_thousandth_of_a_nat() -> None:
    draw = torch.Generator().manual_seed(0)
    logits = 12 * torch.randn(50, 1, 28, 28, generator=draw)
    for x in (torch.rand(50, 1, 28, 28, generator=draw), torch.rand(1, 1, 28, 28, generator=draw).round()):
        x = x.expand(50, -1, -1, -1)
        expected = Bernoulli().log_prob(logits.double(), x.double())
        # Sums of thousands of nats: float32 has seven digits, and the plain formula errs as much.
        close = logits.clone() * torch.where(logits * (x - 0.5) < 0, 0.02, 1.0)
        assert torch.allclose(
            Bernoulli().log_prob_of_many(close.clone(), x).double(),
            Bernoulli().log_prob(close.double(), x.double()),
            atol=1e-4,
            rtol=1e-6,
        )
        assert torch.allclose(Bernoulli().log_prob_of_many(logits.double(), x.double()), expected, atol=1e-9)


@pytest.mark.parametrize("kind", ["bernoulli", "continuous-bernoulli", "gaussian", "gaussian-learned"])
def test_the_table_of_every_image_under_every_z_is_log_prob(
    kind: str, images: Dataset, make_model: MakeModel
) -> None:
    model = make_model(likelihood=kind)
    x, z = pixels(images), torch.randn(4, 2, dtype=torch.float64)
    with torch.no_grad():
        table = model.likelihood.log_prob_table(model.decoder(z), x)
        for place in range(4):
            expected = model.log_prob(z[place].expand(10, 2), x)
            assert torch.allclose(table[:, place], expected, atol=1e-8)


@pytest.mark.parametrize("k", [0, -1, 1_000_001])
def test_a_number_of_samples_that_cannot_be_is_refused(k: int, images: Dataset, linear: VAE) -> None:
    with pytest.raises(UserError, match="k must be from 1 to 1,000,000"):
        importance_bound(linear, images, k=k)


def test_edges_are_one_sample_one_image_and_sentences(
    images: Dataset, linear: VAE, make_model: MakeModel
) -> None:
    one = importance_bound(linear, images, k=1, num_images=1)
    assert (len(one.log_prob), one.to_dict()["standard_error"]) == (1, None)
    assert one.effective_size.tolist() == [1]
    with pytest.raises(UserError, match="the validation part must hold images"):
        importance_bound(linear, images, "validation", k=2)
    with pytest.raises(UserError, match="at most 2 latent dimensions, got 3"):
        exact_posteriors(make_model(latent_dim=3), images)
    with pytest.raises(UserError, match="the exact posterior is computed for one image at a time, got 2"):
        exact_posterior(linear, pixels(images)[:2])
    with pytest.raises(UserError, match="tolerance must be > 0 nats, got 0"):
        exact_posteriors(linear, images, num_images=1, tolerance=0)
    told: list[tuple[int, int]] = []
    importance_bound(linear, images, k=2, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (10, 10)


@pytest.mark.parametrize("network", ["encoder", "decoder"])
def test_weights_that_are_no_numbers_are_refused_in_a_sentence(
    network: str, images: Dataset, make_model: MakeModel
) -> None:
    model = make_model()
    with torch.no_grad():
        (model.encoder.mean if network == "encoder" else model.decoder.flat[-1]).bias.fill_(torch.nan)
    with pytest.raises(UserError, match="bound of each image must be finite, got 2 of 2 that are not"):
        importance_bound(model, images, k=10, num_images=2)
    with pytest.raises(UserError, match=r"must be finite, got .* take earlier weights"):
        exact_posteriors(model, images, num_images=2)
    if network == "decoder":  # annealing does not ask the encoder
        with pytest.raises(UserError, match="annealed bound of each image must be finite, got 2 of 2"):
            annealed(model, images, num_images=2, num_steps=3)


def test_lag_of_an_encoder_that_is_right_is_nothing_and_of_one_that_is_off_its_shift(
    images: Dataset, make_model: MakeModel, oracle: PPCA
) -> None:
    from vae.evaluation.inference_lag import lag_of

    model = oracle.install(make_model(hidden=(), likelihood="gaussian", sigma=SIGMA))
    x = pixels(images)[:2]
    right = lag_of(model, x, None)
    assert float(right.distance.max()) < 1e-4
    assert float(right.gap.abs().max()) < 1e-4
    model.encoder.mean.bias.data[0] += 0.5
    off = lag_of(model, x, None)
    assert off.distance.tolist() == pytest.approx([0.5] * 2, abs=1e-4)
    deviation = float(oracle.posterior(x)[1][0].mean().sqrt())
    assert off.to_dict()["in_deviations"] == pytest.approx(0.5 / deviation, rel=1e-2)
