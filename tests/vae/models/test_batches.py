"""Images a few at a time: all of them, in order, and with dynamic binarisation the same ones whatever is measured."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from vae.config.schema import DataConfig
from vae.data.dataset import Dataset
from vae.diagnostics.measure import measure
from vae.evaluation.ais import annealed
from vae.evaluation.elbo import at_posterior_mean, evaluate
from vae.evaluation.exact_posterior import exact_posteriors
from vae.evaluation.importance import importance_bound
from vae.evaluation.typicality import surprise
from vae.latent.embedding import embed
from vae.models.batches import ModelInputs, Noise, chosen_images
from vae.models.vae import VAE
from vae.runtime.seeding import generator, image_seeds

MakeModel = Callable[..., VAE]


@pytest.fixture(scope="module")
def grey() -> Dataset:
    """1,100 grey images of 5 × 4 pixels, more than one batch, whose pixels are drawn anew each time."""
    draw = torch.Generator().manual_seed(0)
    images = torch.randint(256, (1140, 1, 5, 4), generator=draw, dtype=torch.uint8)
    test, train, validation = torch.randperm(1140, generator=draw).split([1100, 30, 10])
    parts = (train.sort().values, validation.sort().values, test.sort().values)
    return Dataset(
        images, torch.arange(1140) % 3, 255, ("a", "b", "c"), *parts, DataConfig(binarize="dynamic")
    )


@pytest.fixture(scope="module")
def without_z(make_model: MakeModel) -> VAE:
    """A model whose posterior is the prior, with log p(x|z) = Σ x_i ℓ_i − softplus(ℓ_i): it tells images apart."""
    model = make_model(hidden=())
    with torch.no_grad():
        for weight in (*model.encoder.parameters(), model.decoder.flat[0].weight):
            weight.zero_()
        model.decoder.flat[0].bias.copy_(torch.linspace(-3, 2.7, 20).square())
    return model


def log_p(model: VAE, x: Tensor) -> Tensor:
    logits = model.decoder.flat[0].bias.detach()
    return x.double().flatten(1) @ logits - torch.nn.functional.softplus(logits).sum()


@pytest.fixture
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let so many images be worked on at once."""

    def of(num: int) -> None:
        monkeypatch.setattr("vae.models.batches.rows_for", lambda model: num)

    return of


@pytest.mark.parametrize("seed", [0, 5])
def test_every_measurement_under_one_seed_sees_the_same_pixels(
    seed: int, grey: Dataset, without_z: VAE
) -> None:
    # With no z, the ELBO, the bounds and log p(x) are the same number, if they are of the same pixels.
    exact = log_p(without_z, grey.seen(grey.test, seed))
    assert float((exact - log_p(without_z, grey.seen(grey.test, seed + 1))).abs().mean()) > 0.1
    found = importance_bound(without_z, grey, k=3, seed=seed)
    assert torch.allclose(found.log_prob, exact, atol=1e-9)
    assert evaluate(without_z, grey, seed=seed).elbo == pytest.approx(float(exact.mean()), abs=1e-9)
    chains = annealed(without_z, grey, num_images=40, num_steps=1, num_chains=1, seed=seed)
    assert torch.allclose(chains.log_prob, exact[chains.rows], atol=1e-9)
    known = exact_posteriors(without_z, grey, num_images=4, seed=seed)
    assert torch.allclose(known.log_prob, exact[known.rows], atol=1e-6)
    diagnosed = measure(without_z, grey, "test", num_images=1050, seed=seed)
    assert diagnosed.distortion == pytest.approx(-float(exact[:1050].mean()), abs=1e-9)


def test_what_has_no_seed_sees_the_pixels_of_seed_0(grey: Dataset, without_z: VAE) -> None:
    exact = log_p(without_z, grey.seen(grey.test))
    assert torch.allclose(at_posterior_mean(without_z, grey).distortion, -exact.float(), atol=1e-4)
    costs = surprise(without_z, grey).quantiles
    assert (costs[0], costs[-1]) == pytest.approx((float(-exact.max()), float(-exact.min())), abs=1e-9)
    assert surprise(without_z, grey, most=1010).num_images == 1010


@pytest.mark.parametrize("size", [1, 7, 999, 1000, 1100, 5000])
def test_no_number_depends_on_how_many_images_are_worked_on_at_once(
    size: int, grey: Dataset, make_model: MakeModel, few_at_once: Callable[[int], None]
) -> None:
    model = make_model(hidden=(3,))
    whole, means = evaluate(model, grey, seed=2), embed(model, grey, seed=2).mean
    few_at_once(size)
    found = evaluate(model, grey, seed=2)
    assert found.elbo == pytest.approx(whole.elbo, abs=1e-10)
    assert found.rate_per_dim == pytest.approx(whole.rate_per_dim, abs=1e-12)
    assert torch.allclose(embed(model, grey, seed=2).mean, means, atol=1e-12)


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("num_images", [1, 30, 1099, None])
def test_a_chosen_image_is_the_same_in_whatever_company(
    num_images: int | None,
    size: int,
    grey: Dataset,
    without_z: VAE,
    few_at_once: Callable[[int], None],
) -> None:
    few_at_once(size)
    found = list(chosen_images(without_z, grey, "test", num_images, seed=4))
    rows, x = (torch.cat([getattr(batch, name) for batch in found]) for name in ("rows", "x"))
    num = num_images or 1100
    assert len(rows) == num == found[0].total
    assert torch.equal(rows, rows.unique()), "each once, in order"
    assert torch.equal(x.float(), grey.seen(grey.test, 4)[rows])
    assert torch.equal(torch.cat([batch.y for batch in found if batch.y is not None]), grey.test[rows] % 3)
    assert max(len(batch.x) for batch in found) <= size


def test_a_pixel_is_white_as_often_as_it_is_bright(grey: Dataset) -> None:
    # 4,000 draws of each pixel; the share of ones has a standard error of at most 0.008.
    index = torch.arange(20)
    share = torch.stack([grey.seen(index, seed) for seed in range(4000)]).mean(0)
    expected = grey.images[:20].float() / 255
    error = (expected * (1 - expected) / 4000).sqrt().clamp_min(1e-3)
    assert float(((share - expected) / error).abs().max()) < 4.5
    assert float(((share - expected) / error).square().mean()) == pytest.approx(1, abs=0.25)


def test_images_of_one_shade_are_drawn_apart(grey: Dataset) -> None:
    # Streams of neighbouring images know nothing of each other.
    images = torch.full((400, 1, 20, 20), 128, dtype=torch.uint8)
    shade = Dataset(images, None, 255, (), *torch.arange(400).split([200, 100, 100]), grey.config)
    drawn = shade.seen(torch.arange(400)).flatten(1) * 2 - 1
    together = (drawn @ drawn.T / 400)[~torch.eye(400, dtype=torch.bool)]
    assert float(together.mean()) == pytest.approx(0, abs=0.001)
    assert float(together.std()) == pytest.approx(1 / math.sqrt(400), rel=0.05)


def test_other_pixels_need_no_seed(grey: Dataset) -> None:
    plain = Dataset(grey.images, None, 255, (), grey.train, grey.validation, grey.test, DataConfig())
    index = torch.tensor([5, 3, 3, 1139])
    assert torch.equal(plain.seen(index, 7), grey.images[index].float() / 255)


def test_seeds_of_images_stay_when_images_are_added() -> None:
    assert (image_seeds(3, 50)[:20] == image_seeds(3, 20)).all()
    assert len(set(image_seeds(3, 50).tolist()) | set(image_seeds(4, 50).tolist())) == 100


def test_noise_is_drawn_in_blocks_of_its_own() -> None:
    like = torch.zeros((), dtype=torch.float64)
    whole = Noise(2345, 3, like, generator(1, "evaluation")).take(2345)
    pieces = Noise(2345, 3, like, generator(1, "evaluation"))
    assert torch.equal(torch.cat([pieces.take(num) for num in (1, 999, 7, 1300, 38)]), whole)
    first = torch.empty(1000, 3, dtype=torch.float64).normal_(generator=generator(1, "evaluation"))
    assert torch.equal(whole[:1000], first)


def test_pixels_are_held_where_they_are_few_and_made_anew_where_they_are_many(
    grey: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = ModelInputs(grey, "test")
    held = seen.held()
    assert isinstance(held, Tensor)
    monkeypatch.setattr("vae.models.batches.BUDGET", 1000)
    many = seen.held()
    assert isinstance(many, ModelInputs)
    assert torch.equal(many[20:50], held[20:50])
    assert len(many) == len(held)
