"""Layers through which no gradient gets, told from those that merely say little."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from vae.data.dataset import Dataset
from vae.diagnostics.dead_layers import DeadLayer, dead_layer
from vae.diagnostics.diagnose import diagnose
from vae.models.batches import posteriors
from vae.models.vae import VAE

MakeModel = Callable[..., VAE]


def made(make_model: MakeModel, digits: Dataset, **options: object) -> VAE:
    return make_model(info=digits.info(), dtype=torch.float32, hidden=(16, 12), **options)


def found(model: VAE, digits: Dataset) -> DeadLayer | None:
    x = digits.pixels(digits.part("validation")[0])
    return dead_layer(model, x, digits.part("validation")[1], *posteriors(model, x, None))


@pytest.mark.parametrize(
    ("activation", "bias"), [("relu", -50.0), ("silu", -50.0), ("tanh", 50.0), ("tanh", -50.0)]
)
@pytest.mark.parametrize(("half", "place"), [("encoder", 0), ("encoder", 2), ("decoder", 0)])
def test_a_layer_out_of_reach_is_found_and_no_gradient_gets_through_it(
    make_model: MakeModel, digits: Dataset, activation: str, bias: float, half: str, place: int
) -> None:
    model = made(make_model, digits, activation=activation)
    layer = getattr(model, half).hidden[place]
    with torch.no_grad():
        layer.bias.fill_(bias)
    assert found(model, digits) == DeadLayer(half, place // 2 + 1, len(layer.bias))  # type: ignore[arg-type]
    x = digits.pixels(digits.part("validation")[0])
    model.terms(x, None, torch.Generator().manual_seed(0)).distortion.mean().backward()
    assert float(layer.weight.grad.abs().max()) < 1e-6


def test_layers_that_say_anything_are_alive(make_model: MakeModel, digits: Dataset) -> None:
    for activation in ("relu", "silu", "tanh"):
        model = made(make_model, digits, activation=activation)
        assert found(model, digits) is None
        with torch.no_grad():  # nothing comes through, but a gradient would: a collapse, and not a death
            for weight in (model.encoder.mean.weight, model.encoder.log_var.weight):
                weight.zero_()
            model.encoder.hidden[0].bias[1:].fill_(-50.0)  # one unit lives
        assert found(model, digits) is None


def test_of_images_that_do_not_differ_nothing_is_dead(make_model: MakeModel, digits: Dataset) -> None:
    images = digits.images[:1].expand_as(digits.images).clone()
    same = Dataset(
        images, None, digits.max_value, (), digits.train, digits.validation, digits.test, digits.config
    )
    model = made(make_model, digits)
    assert diagnose(model, same).dead is None


def test_an_encoder_whose_answer_is_always_the_same_is_told_where_layers_are_not_ours(
    make_model: MakeModel, digits: Dataset
) -> None:
    model = made(make_model, digits)
    model.config = model.config.replace(network="external")
    x, mean = digits.pixels(digits.part("validation")[0]), torch.zeros(5, 2)

    def of(values: Tensor) -> DeadLayer | None:
        return dead_layer(model, x, None, values, torch.zeros(5, 2))

    assert of(mean) == DeadLayer("encoder", None, 0)
    mean[0, 0] = 1e-20
    assert of(mean) is None
