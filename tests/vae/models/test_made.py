"""The autoregressive decoder: what sees what, that it is a distribution, and that torch and ONNX agree."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor

from vae.config.schema import DataInfo
from vae.errors import UserError
from vae.export.onnx import Graph, autoencoder_onnx, decoder_onnx
from vae.models.made import MaskedNetwork
from vae.models.vae import VAE

MakeModel = Callable[..., VAE]
MakeInfo = Callable[..., DataInfo]
HIDDEN = pytest.mark.parametrize("hidden", [(), (1,), (40,), (40, 7)], ids=str)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("num_hidden", [0, 1, 5, 100])
@pytest.mark.parametrize("num_pixels", [1, 2, 12])
def test_a_logit_sees_the_pixels_before_it_and_no_others(num_pixels: int, num_hidden: int) -> None:
    network = MaskedNetwork(num_pixels, num_hidden, "silu").double()
    logits, pixels = noise(1, num_pixels), noise(1, num_pixels, seed=1)
    jacobian = torch.autograd.functional.jacobian(lambda x: network(logits, x)[0], pixels)[:, 0]
    assert torch.equal(jacobian, jacobian.tril(-1))
    assert (jacobian.tril(-1) != 0).sum() == num_pixels * (num_pixels - 1) // 2  # every pixel before it, too


def test_hidden_units_see_every_number_of_pixels_and_reach_every_pixel_after() -> None:
    network = MaskedNetwork(6, 100, "tanh")
    assert set(network.mask_into.sum(0).tolist()) == {1, 2, 3, 4, 5}
    with torch.no_grad():
        network.direct.zero_()
    network = network.double()
    jacobian = torch.autograd.functional.jacobian(lambda x: network(noise(1, 6), x)[0], noise(1, 6))[:, 0]
    assert (jacobian.tril(-1) != 0).sum() == 15


@pytest.mark.parametrize("conditional", [False, True])
@HIDDEN
def test_the_probabilities_of_all_images_add_up_to_1(
    hidden: tuple[int, ...], conditional: bool, make_model: MakeModel, make_info: MakeInfo
) -> None:
    info = make_info(height=3, width=3)
    model = make_model(info=info, decoder="autoregressive", hidden=hidden, conditional=conditional)
    images = torch.tensor(list(itertools.product([0.0, 1.0], repeat=9)), dtype=torch.float64)
    x = images.reshape(-1, 1, 3, 3)
    for seed in range(2):
        z = noise(1, 2, seed=seed).expand(len(x), -1)
        condition = model.condition(torch.full((len(x),), seed) if conditional else None, len(x))
        assert float(model.log_prob(z, x, condition).exp().sum().detach()) == pytest.approx(1, abs=1e-12)


@HIDDEN
def test_decoding_feeds_each_pixel_the_means_before_it(
    hidden: tuple[int, ...], make_model: MakeModel
) -> None:
    model = make_model(decoder="autoregressive", hidden=hidden)
    z = noise(4, 2)
    # Teacher forcing by what was found so far, 20 times: each pass settles one more pixel.
    x = torch.full((4, 1, 5, 4), 0.5, dtype=torch.float64)
    for _ in range(20):
        x = torch.sigmoid(model.decoder(z, None, x))
    torch.testing.assert_close(model.decode(z), x, rtol=0, atol=1e-12)


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_the_objective_is_measured_by_the_image_itself(network: str, make_model: MakeModel) -> None:
    model = make_model(decoder="autoregressive", network=network)
    x = torch.bernoulli(torch.full((3, 1, 5, 4), 0.5, dtype=torch.float64), generator=torch.Generator())
    terms, mean, _, image = model.at_mean(x)
    logits = model.decoder(mean, None, x)
    expected = torch.distributions.Bernoulli(logits=logits).log_prob(x).sum((1, 2, 3))
    torch.testing.assert_close(terms.distortion, -expected)
    torch.testing.assert_close(image, model.decode(mean))
    assert not torch.allclose(image, torch.sigmoid(logits))


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("hidden", [(), (30, 20)], ids=str)
def test_onnx_decodes_and_measures_as_torch_does(
    hidden: tuple[int, ...], conditional: bool, make_model: MakeModel, make_info: MakeInfo
) -> None:
    model = make_model(
        info=make_info(height=3, width=4),
        decoder="autoregressive",
        hidden=hidden,
        conditional=conditional,
        learned_prior=conditional,
        dtype=torch.float32,
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    z, x = noise(7, 2).float(), noise(7, 1, 3, 4).sigmoid().float()
    y = torch.arange(7) % 3 if conditional else None
    fed = {"y": np.eye(3, dtype=np.float32)[y.numpy()]} if y is not None else {}
    with torch.no_grad():
        expected = model.decode(z, y)
        terms, _, _, image = model.at_mean(x, y)
    (found,) = onnxruntime.InferenceSession(decoder_onnx(model)).run(None, {"z": z.numpy(), **fed})
    np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=1e-5)
    _, _, at_mean, distortion, _ = onnxruntime.InferenceSession(autoencoder_onnx(model)).run(
        None, {"x": x.numpy(), **fed}
    )
    np.testing.assert_allclose(at_mean, image.numpy(), rtol=0, atol=1e-5)
    np.testing.assert_allclose(distortion, terms.distortion.numpy(), rtol=1e-5)
    assert Graph(model, decoder_onnx).is_exact


def test_images_that_it_is_not_for_are_refused(make_model: MakeModel, make_info: MakeInfo) -> None:
    with pytest.raises(
        UserError, match=r"^images must have one channel and at most 256 pixels .+, got 1 × 16 × 17; use "
    ):
        make_model(info=make_info(height=16, width=17), decoder="autoregressive")
