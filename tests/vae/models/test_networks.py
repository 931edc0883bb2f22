"""Encoders and decoders: shapes for any image size, what reaches what, and the layers by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vae.config.schema import DataInfo, ModelConfig
from vae.models.networks import Decoder, Encoder
from vae.models.vae import VAE

SIZES = [(1, 1), (1, 9), (2, 3), (5, 7), (8, 8), (28, 28), (33, 17)]


def inputs(info: DataInfo, num: int = 3) -> Tensor:
    shape = (num, info.channels, info.height, info.width)
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def one_hot(label: int, num: int = 3, num_classes: int = 3) -> Tensor:
    return F.one_hot(torch.full((num,), label), num_classes).double()


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(
    "options",
    [
        {"network": "mlp"},
        {"network": "mlp", "hidden": ()},
        {"network": "mlp", "hidden": (9, 7, 5)},
        {"network": "conv", "channels": (2,)},
        {"network": "conv", "channels": (2, 3, 4), "hidden": ()},
        {"network": "conv", "channels": (2, 3), "hidden": (5, 4)},
    ],
    ids=str,
)
def test_every_image_size_goes_in_and_comes_out(
    options: dict[str, object],
    size: tuple[int, int],
    channels: int,
    conditional: bool,
    make_info: Callable[..., DataInfo],
    make_model: Callable[..., VAE],
) -> None:
    info = make_info(channels=channels, height=size[0], width=size[1])
    model = make_model(info=info, conditional=conditional, latent_dim=4, **options)
    condition = one_hot(1) if conditional else None
    x = inputs(info)
    mean, log_var = model.encoder(x, condition)
    assert mean.shape == log_var.shape == (3, 4)
    assert model.decoder(mean, condition).shape == x.shape


@pytest.mark.parametrize("network", ["mlp", "conv"])
@pytest.mark.parametrize("size", [(5, 7), (8, 8), (9, 6)], ids=str)
def test_every_pixel_reaches_the_posterior_and_comes_from_z(
    network: str,
    size: tuple[int, int],
    make_info: Callable[..., DataInfo],
    make_model: Callable[..., VAE],
) -> None:
    info = make_info(channels=3, height=size[0], width=size[1])
    model = make_model(info=info, network=network, activation="silu")
    x = inputs(info, 1).requires_grad_()
    mean, log_var = model.encoder(x)
    for output in (mean, log_var):
        (gradient,) = torch.autograd.grad(output.sum(), x, retain_graph=True)
        assert (gradient != 0).all()
    z = torch.randn(1, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(model.decoder, z)
    assert (jacobian != 0).all()


def test_the_mlp_is_the_one_of_the_papers_layer_by_layer(tiny_info: DataInfo) -> None:
    config = ModelConfig(hidden=(8, 6), latent_dim=3, activation="relu")
    encoder, decoder = Encoder(config, tiny_info).double(), Decoder(config, tiny_info).double()

    def dense(layer: torch.nn.Module, features: Tensor) -> Tensor:
        return features @ layer.weight.T + layer.bias

    x = inputs(tiny_info)
    features = x.reshape(3, 20)
    for number, width in ((0, 8), (2, 6)):
        features = dense(encoder.hidden[number], features).clamp_min(0)
        assert features.shape == (3, width)
    mean, log_var = encoder(x)
    torch.testing.assert_close(mean, dense(encoder.mean, features))
    torch.testing.assert_close(log_var, dense(encoder.log_var, features))
    features = mean
    for number, width in ((0, 6), (2, 8)):  # mirrored
        features = dense(decoder.hidden[number], features).clamp_min(0)
        assert features.shape == (3, width)
    expected = dense(decoder.flat[0], features).reshape(3, 1, 5, 4)  # raw: the likelihood says what it means
    torch.testing.assert_close(decoder(mean), expected)


def test_the_network_of_the_pytorch_example_has_its_number_of_weights(
    make_info: Callable[..., DataInfo],
) -> None:
    model = VAE(ModelConfig(hidden=(400,), latent_dim=20), make_info(height=28, width=28))
    dense = [(784, 400), (400, 20), (400, 20), (20, 400), (400, 784)]
    assert sum(p.numel() for p in model.parameters()) == sum((num + 1) * out for num, out in dense) == 652_824


@pytest.mark.parametrize(
    "activation, function",
    [("relu", F.relu), ("tanh", torch.tanh), ("silu", F.silu)],
    ids=["relu", "tanh", "silu"],
)
@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_the_activation_is_the_one_that_was_asked_for(
    activation: str, function: Callable[[Tensor], Tensor], network: str, tiny_info: DataInfo
) -> None:
    config = ModelConfig(network=network, hidden=(4,), channels=(2,), activation=activation)
    encoder = Encoder(config, tiny_info).double()
    layers = encoder.convolutions if network == "conv" else encoder.hidden
    x = inputs(tiny_info) if network == "conv" else inputs(tiny_info).flatten(1)
    torch.testing.assert_close(layers(x), function(layers[0](x)))


def test_each_convolution_halves_the_image(make_info: Callable[..., DataInfo]) -> None:
    config = ModelConfig(network="conv", channels=(2, 3), hidden=())
    info = make_info(channels=3, height=9, width=28)
    encoder = Encoder(config, info).double()
    assert encoder.convolutions(inputs(info)).shape == (3, 3, 3, 7)


def test_a_convolutional_decoder_mirrors_the_encoder_layer_by_layer(
    make_info: Callable[..., DataInfo],
) -> None:
    info = make_info(channels=3, height=9, width=28)
    config = ModelConfig(network="conv", channels=(2, 4), hidden=(6, 5), activation="tanh")
    decoder = Decoder(config, info).double()
    z = torch.randn(3, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    dense = [decoder.hidden[0], decoder.hidden[2], decoder.flat[0]]
    assert [layer.out_features for layer in dense] == [5, 6, 4 * 3 * 7]
    features = z
    for layer in dense:
        features = torch.tanh(layer(features))
    first, last = decoder.convolutions[0], decoder.convolutions[2]
    features = first(features.reshape(3, 4, 3, 7))
    assert features.shape == (3, 2, 5, 14)
    torch.testing.assert_close(decoder(z), last(torch.tanh(features)))


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_a_condition_changes_what_both_networks_give(network: str, make_model: Callable[..., VAE]) -> None:
    model = make_model(network=network, conditional=True)
    x = inputs(model.info)
    z = torch.zeros(3, 2, dtype=torch.float64)
    for first, second in ((0, 1), (1, 2), (0, 2)):
        for ours, theirs in zip(
            model.encoder(x, one_hot(first)), model.encoder(x, one_hot(second)), strict=True
        ):
            assert (ours != theirs).all()
        assert (model.decoder(z, one_hot(first)) != model.decoder(z, one_hot(second))).all()


def test_a_convolutional_encoder_gets_the_condition_as_constant_planes(tiny_info: DataInfo) -> None:
    config = ModelConfig(network="conv", channels=(2,), hidden=(), conditional=True)
    encoder = Encoder(config, tiny_info).double()
    x = inputs(tiny_info)
    planes = torch.zeros(3, 3, 5, 4, dtype=torch.float64)
    planes[:, 2] = 1
    features = encoder.convolutions(torch.cat([x, planes], 1)).flatten(1)
    torch.testing.assert_close(encoder(x, one_hot(2))[0], encoder.mean(features))


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_an_image_of_a_batch_does_not_touch_the_others(network: str, make_model: Callable[..., VAE]) -> None:
    model = make_model(network=network)
    x = inputs(model.info, 6)
    together = model.encoder(x)[0]
    alone = torch.cat([model.encoder(x[i : i + 1])[0] for i in range(6)])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-12)
    torch.testing.assert_close(
        model.decoder(together), torch.cat([model.decoder(z) for z in together.split(1)]), rtol=0, atol=1e-12
    )
