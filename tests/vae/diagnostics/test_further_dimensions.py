"""What further dimensions would find in what a model's reconstructions leave."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from vae.data.dataset import Dataset
from vae.diagnostics.critical_beta import no_latent_baseline
from vae.diagnostics.further_dimensions import further_dimensions
from vae.diagnostics.held_out_variance import Spectrum, spectrum
from vae.models.vae import VAE

MakeModel = Callable[..., VAE]


def blind(make_model: MakeModel, digits: Dataset, likelihood: str) -> VAE:
    """A model whose decoder gives the mean of all training images, whatever z is."""
    model = make_model(
        info=digits.info(), dtype=torch.float32, hidden=(), latent_dim=4, likelihood=likelihood, sigma=0.2
    )
    mean = digits.pixels(digits.part("train")[0]).mean(0).flatten().clamp(1e-4, 1 - 1e-4)
    with torch.no_grad():
        layer = model.decoder.flat[0]
        layer.weight.zero_()  # type: ignore[operator, union-attr]
        layer.bias.copy_(torch.logit(mean) if likelihood == "bernoulli" else mean)  # type: ignore[operator, union-attr]
    return model


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_a_model_that_says_nothing_leaves_what_the_best_picture_leaves(
    make_model: MakeModel, digits: Dataset, likelihood: str
) -> None:
    model = blind(make_model, digits, likelihood)
    x = digits.pixels(digits.part("validation")[0])
    expected = no_latent_baseline(model.likelihood, digits, x, None, conditional=False).spectrum
    found = further_dimensions(model, digits)
    assert found is not None
    assert found.variances == pytest.approx(expected.variances[:4], rel=0.05)
    assert found.num_paying() == 4


def test_what_a_decoder_says_already_is_not_found_again(make_model: MakeModel, digits: Dataset) -> None:
    """With the main directions in its decoder and its posteriors, a linear model leaves the smaller ones alone."""
    model = blind(make_model, digits, "gaussian")
    x = digits.pixels(digits.part("train")[0]).flatten(1)
    centred = x - x.mean(0)
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(x) / 0.2**2)
    values, vectors = values[-4:], vectors[:, -4:]
    loadings = 0.2 * vectors * (values - 1).sqrt()
    precision = values  # of z given x, by Tipping & Bishop, in units of the noise
    with torch.no_grad():
        model.decoder.flat[0].weight.copy_(loadings)  # type: ignore[operator, union-attr]
        weight = (loadings / 0.2**2 / precision).T
        model.encoder.mean.weight.copy_(weight)
        model.encoder.mean.bias.copy_(-weight @ x.mean(0))
        model.encoder.log_var.weight.zero_()
        model.encoder.log_var.bias.copy_(-torch.log(precision))
    before, after = (
        further_dimensions(blind(make_model, digits, "gaussian"), digits),
        further_dimensions(model, digits),
    )
    assert before is not None and after is not None
    rest = np.linalg.eigvalsh(np.cov(x.numpy(), rowvar=False) / 0.2**2)[::-1][4:8]
    assert after.variances[0] < 0.6 * before.variances[0]
    assert after.variances[0] == pytest.approx(rest[0], rel=0.25)


def test_the_gain_is_that_of_a_linear_model_and_never_of_chance() -> None:
    found = Spectrum((3.0, 2.0, 1.05), (0.1, 0.1, 0.1))
    assert found.num_paying() == 2 and found.num_paying(2.5) == 1 and found.num_paying(4.0) == 0
    expected = [0.5 * (value - 1 - math.log(value)) for value in (3.0, 2.0)]
    assert found.gain(1.0, 1) == pytest.approx(expected[0])
    assert found.gain(1.0, 9) == pytest.approx(sum(expected))
    noise = torch.randn(300, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert spectrum(noise).num_paying() == 0 and spectrum(noise).is_known()
    assert not spectrum(noise[:12]).is_known()


def test_what_looks_like_something_is_not_known_to_be_nothing() -> None:
    looks = Spectrum((1.5, 1.8, 1.7), (0.24, 0.27, 0.27))
    assert looks.num_paying() == 0 and not looks.is_known()
    assert Spectrum((1.02, 0.9, 0.9), (0.1, 0.1, 0.1)).is_known()


def test_decoders_whose_pixels_see_each_other_are_not_asked(make_model: MakeModel, digits: Dataset) -> None:
    model = make_model(info=digits.info(), dtype=torch.float32, decoder="autoregressive")
    assert further_dimensions(model, digits) is None
