"""A linear VAE in closed form: training, active units, rates, verdict and annealing are held against it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from vae.config.schema import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainConfig
from vae.data.dataset import Dataset
from vae.diagnostics.diagnose import diagnose
from vae.errors import UserError
from vae.evaluation.ais import annealed
from vae.models.linear_vae import PPCA, linear_terms
from vae.models.posterior_statistics import active_units
from vae.models.vae import VAE
from vae.runs.run import Run
from vae.training.trainer import Trainer

#: Small matrices gain nothing from threads.
pytestmark = pytest.mark.usefixtures("one_core")

MakeModel = Callable[..., VAE]
NOISE = 0.1
LATENT = 6


@pytest.fixture(scope="module")
def images() -> Dataset:
    """300 images of 5 × 4 bytes, made of three directions of different lengths and noise; 150 to train, 150 to test."""
    draw = torch.Generator().manual_seed(4)
    basis = torch.linalg.qr(torch.randn(20, 3, generator=draw))[0] * torch.tensor([0.8, 0.45, 0.25])
    flat = 0.5 + torch.randn(300, 3, generator=draw) @ basis.T + NOISE * torch.randn(300, 20, generator=draw)
    pixels = (255 * flat).round().clamp(0, 255).to(torch.uint8).reshape(300, 1, 5, 4)
    rows = torch.arange(300)
    config = DataConfig(validation=0)
    return Dataset(pixels, rows % 3, 255, ("a", "b", "c"), rows[:150], rows[:0], rows[150:], config)


def training_pixels(images: Dataset) -> torch.Tensor:
    return images.pixels(images.part("train")[0]).double()


def at_its_best(images: Dataset, make_model: MakeModel, sigma: float, latent_dim: int = LATENT) -> VAE:
    model = make_model(hidden=(), latent_dim=latent_dim, likelihood="gaussian", sigma=sigma)
    return PPCA.fit(training_pixels(images), latent_dim, sigma).install(model)


def test_training_comes_to_the_closed_form(images: Dataset, tmp_path: Path) -> None:
    config = RunConfig(
        data=images.config,
        model=ModelConfig(hidden=(), latent_dim=4, likelihood="gaussian", sigma=0.35),
        train=TrainConfig(
            epochs=400, batch_size=75, learning_rate=0.05, learning_rate_schedule="cosine", num_snapshots=0,
            device="cpu",
        ),
    )  # fmt: skip
    trainer = Trainer(Run.create(tmp_path / "run", config, images.info()), images)
    for _ in trainer.train():
        pass
    model, x = trainer.model.double().requires_grad_(False), training_pixels(images)
    best = PPCA.fit(x, 4, 0.35)
    assert 0 <= best.elbo - float(linear_terms(model, x).elbo.mean()) < 0.05
    assert int(active_units(model.posterior(x)[0]).sum()) == best.num_active == 2
    # Directions and variances, too, but for the signs and the order of the dimensions.
    mean, log_var = model.posterior(x)
    order = mean.var(0).argsort(descending=True)
    best_mean, best_variance = best.posterior(x)
    for place, dim in enumerate(order[:2]):
        assert abs(float(torch.corrcoef(torch.stack([mean[:, dim], best_mean[:, place]]))[0, 1])) > 0.98
    assert torch.allclose(log_var.mean(0).exp()[order], best_variance[0], atol=0.05)


@pytest.mark.parametrize("sigma", [0.05, 0.15, 0.35, 0.5, 1.0])
def test_active_units_and_rates_of_the_optimum_are_those_of_the_eigenvalues(
    sigma: float, images: Dataset, make_model: MakeModel
) -> None:
    found = diagnose(at_its_best(images, make_model, sigma), images, part="train")
    best = PPCA.fit(training_pixels(images), LATENT, sigma)
    ratios = (best.eigenvalues[:LATENT] / sigma**2).clamp(min=1)
    # 0.05 is below the images' noise: its dimensions are all of use. 1 is above everything.
    assert best.num_active == {0.05: 6, 0.15: 3, 0.35: 2, 0.5: 1, 1.0: 0}[sigma]
    assert found.num_active == best.num_active
    assert found.rate_per_dim == pytest.approx((0.5 * ratios.log()).tolist(), abs=1e-9)
    assert found.active_variance == pytest.approx(((1 - 1 / ratios) * 150 / 149).tolist(), abs=1e-9)
    # One sample of z for each image.
    assert found.elbo == pytest.approx(best.elbo, abs=4 * math.sqrt(20 / 2 / 150))


@pytest.mark.parametrize(
    "sigma, latent_dim, beta, verdict",
    [
        (0.15, 3, 1.0, "healthy"),
        (0.15, 6, 1.0, "spare-dimensions"),
        (1.0, 6, 1.0, "wrong-sigma"),
        (0.01, 3, 1.0, "wrong-sigma"),
        (0.15, 6, 50.0, "over-regularised"),
    ],
)
def test_the_verdict_on_the_optimum_is_the_closed_form_s(
    sigma: float, latent_dim: int, beta: float, verdict: str, images: Dataset, make_model: MakeModel
) -> None:
    model = make_model(hidden=(), latent_dim=latent_dim, likelihood="gaussian", sigma=sigma)
    # β times the rate is, for the optimum, a variance β times as large, with posteriors that are as much wider.
    best = PPCA.fit(training_pixels(images), latent_dim, sigma * math.sqrt(beta))
    reference = make_model(hidden=(), latent_dim=latent_dim, likelihood="gaussian", sigma=best.sigma)
    model.load_state_dict(best.install(reference).state_dict())
    config = RunConfig(
        data=images.config, model=model.config, objective=ObjectiveConfig(beta=beta), train=TrainConfig()
    )
    found = diagnose(model, images, part="train", config=config)
    assert found.verdict.name == verdict
    assert found.num_active == best.num_active
    is_collapsed = verdict in ("over-regularised", "wrong-sigma") and sigma > 0.01
    assert found.num_active == (0 if is_collapsed else 3)


def test_annealing_finds_log_p_of_the_linear_model_without_its_encoder(
    images: Dataset, make_model: MakeModel
) -> None:
    model = at_its_best(images, make_model, 0.2, 3)
    best = PPCA.fit(training_pixels(images), 3, 0.2)
    with torch.no_grad():
        model.encoder.mean.bias += 7  # nobody asks it
    found = annealed(model, images, num_images=6, num_steps=150, num_chains=16)
    x = images.pixels(images.part("test")[0]).double()[found.rows]
    difference = found.log_prob - best.log_prob(x)
    assert abs(float(difference.mean())) < 0.06
    assert float(difference.abs().max()) < 0.5
    assert float(found.accepted.min()) > 0.6
    assert float(best.log_prob(x).std()) > 1  # so that it is not any number that agrees
    again = annealed(model, images, num_images=6, num_steps=150, num_chains=16)
    assert torch.equal(found.log_prob, again.log_prob)


@pytest.mark.parametrize("number", ["num_steps", "num_chains"])
def test_annealing_refuses_a_number_that_is_not_positive(
    number: str, images: Dataset, make_model: MakeModel
) -> None:
    with pytest.raises(UserError, match=f"{number} must be at least 1, got 0"):
        annealed(make_model(), images, num_images=1, **{number: 0})


def test_the_oracle_refuses_what_has_no_closed_form(images: Dataset, make_model: MakeModel) -> None:
    x = training_pixels(images)
    best = PPCA.fit(x, 2, NOISE)
    with pytest.raises(UserError, match="needs images, got none"):
        PPCA.fit(x[:0], 2, NOISE)
    with pytest.raises(UserError, match="sigma must be > 0, got 0"):
        PPCA.fit(x, 2, 0)
    gaussian = {"likelihood": "gaussian", "sigma": NOISE}
    for options in ({**gaussian}, {"hidden": ()}, {**gaussian, "hidden": (), "conditional": True}):
        with pytest.raises(UserError, match="a linear Gaussian model"):
            best.install(make_model(**options))
        with pytest.raises(UserError, match="a linear Gaussian model"):
            linear_terms(make_model(**options), x)
    with pytest.raises(UserError, match=r"must have sigma 0\.1, got 0\.2"):
        best.install(make_model(hidden=(), likelihood="gaussian", sigma=0.2))
    with pytest.raises(UserError, match=r"decoder of shape \(20, 2\), got \(20, 3\)"):
        best.install(make_model(hidden=(), latent_dim=3, **gaussian))
