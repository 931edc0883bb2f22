"""What images cost a model: the terms at the posterior mean, their distribution, and both as ONNX."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import scipy.special
import torch
from torch import Tensor

from vae.config.schema import DataConfig, DataInfo
from vae.data.dataset import Dataset
from vae.errors import UserError
from vae.evaluation.typicality import NUM_QUANTILES, surprise
from vae.export.onnx import autoencoder_onnx
from vae.models.vae import VAE

MakeModel = Callable[..., VAE]
MakeInfo = Callable[..., DataInfo]
LIKELIHOODS = ["bernoulli", "continuous-bernoulli", "gaussian", "gaussian-learned"]


def images(num: int, *shape: int) -> Tensor:
    return torch.rand(num, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def dataset(num: int, model: VAE, num_test: int | None = None) -> Dataset:
    """Random images, the last ones for the test."""
    info = model.info
    pixels = (255 * images(num, info.channels, info.height, info.width)).round().to(torch.uint8)
    labels = torch.arange(num) % info.num_classes
    start = num - (num if num_test is None else num_test)
    test, rest = torch.arange(start, num), torch.arange(start)
    empty = torch.arange(0)
    return Dataset(pixels, labels, 255, info.class_names, rest, empty, test, DataConfig())


@pytest.mark.parametrize("conditional", [False, True])
def test_terms_at_the_mean_are_those_of_a_posterior_without_width(
    make_model: MakeModel, conditional: bool
) -> None:
    model = make_model(conditional=conditional)
    x = images(7, model.info.channels, model.info.height, model.info.width)
    y = torch.arange(7) % model.info.num_classes if conditional else None
    terms, mean, log_var, image = model.at_mean(x, y)
    expected_mean, expected_log_var = model.posterior(x, y)
    torch.testing.assert_close((mean, log_var), (expected_mean, expected_log_var))
    torch.testing.assert_close(image, model.decode(mean, y))
    logits = model.decoder(mean, model.condition(y, 7)).detach().numpy()
    bits = scipy.special.log_expit(logits) * x.numpy() + scipy.special.log_expit(-logits) * (1 - x.numpy())
    np.testing.assert_allclose(terms.distortion.detach().numpy(), -bits.sum((1, 2, 3)))
    torch.testing.assert_close(terms.rate, model.terms(x, y).rate)


@pytest.mark.parametrize("num", [1, 5, 250])
def test_quantiles_are_of_every_test_image_and_no_other(make_model: MakeModel, num: int) -> None:
    model = make_model()
    data = dataset(num + 20, model, num)
    found = surprise(model, data)
    x = data.pixels(data.images[data.test]).double()
    terms, *_ = model.at_mean(x)
    cost = (terms.distortion + terms.rate).detach().numpy()
    assert found.num_images == num
    assert len(found.quantiles) == NUM_QUANTILES
    expected = np.quantile(cost, np.linspace(0, 1, NUM_QUANTILES), method="nearest")
    np.testing.assert_allclose(found.quantiles, expected, rtol=0.02)
    assert (found.quantiles[0], found.quantiles[-1]) == pytest.approx((cost.min(), cost.max()))
    assert surprise(model, data) == found


def test_sample_of_a_part_is_its_first_images(make_model: MakeModel) -> None:
    model = make_model()
    data = dataset(700, model, 600)
    found = surprise(model, data, most=520)
    assert (found.num_images, found.part, found.num_in_part) == (520, "test", 600)
    first = replace(data, test=data.test[:520])
    assert found.quantiles == surprise(model, first).quantiles != surprise(model, data).quantiles


def test_part_without_images_has_no_surprise(make_model: MakeModel) -> None:
    model = make_model()
    with pytest.raises(UserError, match="the validation part must hold images, got none"):
        surprise(model, dataset(5, model), "validation")


@pytest.mark.parametrize("network, conditional", [("mlp", False), ("mlp", True), ("conv", True)])
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_exported_autoencoder_gives_torch_s_numbers(
    make_model: MakeModel, make_info: MakeInfo, likelihood: str, network: str, conditional: bool
) -> None:
    model = make_model(
        info=make_info(channels=3, height=9, width=7), dtype=torch.float32, hidden=(20,), channels=(4, 8),
        likelihood=likelihood, network=network, conditional=conditional,
    )  # fmt: skip
    x, y = images(6, 3, 9, 7).float(), torch.rand(6, 3, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        terms, mean, log_var, image = model.at_mean(x, y if conditional else None)
    feed = {"x": x.numpy(), **({"y": y.numpy()} if conditional else {})}
    session = onnxruntime.InferenceSession(autoencoder_onnx(model), providers=["CPUExecutionProvider"])
    names = ["mean", "log_var", "image", "distortion", "rate"]
    found = dict(zip(names, session.run(names, feed), strict=True))
    expected = dict(zip(names, (mean, log_var, image, terms.distortion, terms.rate), strict=True))
    for name in names:
        np.testing.assert_allclose(found[name], expected[name].numpy(), rtol=1e-4, atol=1e-4, err_msg=name)


def test_exported_cross_entropy_stays_finite_where_the_decoder_is_sure(make_model: MakeModel) -> None:
    model = make_model(dtype=torch.float32)
    with torch.no_grad():
        model.decoder.flat[0].weight.zero_()
        model.decoder.flat[0].bias.fill_(200)
    shape = (1, model.info.channels, model.info.height, model.info.width)
    session = onnxruntime.InferenceSession(autoencoder_onnx(model), providers=["CPUExecutionProvider"])
    for value, each in ((1.0, 0.0), (0.0, 200.0), (0.25, 150.0)):
        (distortion,) = session.run(["distortion"], {"x": np.full(shape, value, np.float32)})
        assert distortion[0] == pytest.approx(each * np.prod(shape[1:]))
