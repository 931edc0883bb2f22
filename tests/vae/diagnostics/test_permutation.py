"""Whether the decoder uses z and the condition."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from vae.diagnostics.permutation import Rise, derangement, usage
from vae.models.vae import VAE

MakeModel = Callable[..., VAE]


def images(num: int = 60) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(0)
    return torch.rand(num, 1, 5, 4, generator=draw, dtype=torch.float64), torch.arange(num) % 3


def silence(model: VAE, columns: slice) -> None:
    """Let the decoder ignore some of its inputs."""
    with torch.no_grad():
        first = model.decoder.hidden[0]
        assert isinstance(first, torch.nn.Linear)
        first.weight *= 20  # loud where it listens
        first.weight[:, columns] = 0


def test_a_derangement_gives_everybody_another_s_and_nobody_twice() -> None:
    draw = torch.Generator().manual_seed(0)
    for num in (2, 3, 10, 500):
        order = derangement(num, draw)
        assert sorted(order.tolist()) == list(range(num))
        assert not (order == torch.arange(num)).any()
    assert derangement(1, draw).tolist() == [0]


def test_the_rise_is_the_mean_with_its_standard_error() -> None:
    values = torch.tensor([1.0, 2.0, 6.0])
    found = Rise.of(values)
    assert found.nats == pytest.approx(3)
    assert found.standard_error == pytest.approx(values.double().std().item() / 3**0.5)
    assert found.num_images == 3


def test_all_of_z_permuted_costs_what_a_second_decode_says(make_model: MakeModel) -> None:
    model = make_model()
    x, _ = images()
    z = torch.randn(60, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = usage(model, x, z, seed=3)
    from vae.runtime.seeding import generator

    order = derangement(60, generator(3, "diagnosis"))
    with torch.no_grad():
        expected = model.log_prob(z, x) - model.log_prob(z[order], x)
    assert found.all.nats == pytest.approx(float(expected.mean()), abs=1e-12)
    assert usage(model, x, z, seed=3) == found
    assert usage(model, x, z, seed=4) != found


def test_a_dimension_that_the_decoder_does_not_read_costs_exactly_nothing(make_model: MakeModel) -> None:
    model = make_model(latent_dim=3)
    silence(model, slice(1, 2))
    x, _ = images()
    z = torch.randn(60, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = usage(model, x, z)
    assert found.per_dim[1].nats == 0
    assert found.per_dim[0].standard_error > 0
    assert found.condition is None


def test_an_idle_encoder_and_a_deaf_decoder_are_told_apart_by_the_response(make_model: MakeModel) -> None:
    x, _ = images()
    idle = torch.zeros(60, 2, dtype=torch.float64)  # the same z whatever the image
    listening = make_model()
    silence(listening, slice(0, 0))
    heard = usage(listening, x, idle)
    deaf = make_model()
    silence(deaf, slice(0, 2))
    ignored = usage(deaf, x, torch.randn(60, 2, dtype=torch.float64))
    assert heard.all.nats == ignored.all.nats == 0
    assert heard.response > 0.1
    assert ignored.response == 0


def test_a_condition_that_the_decoder_does_not_read_costs_exactly_nothing(make_model: MakeModel) -> None:
    x, y = images()
    z = torch.randn(60, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    model = make_model(conditional=True)
    silence(model, slice(2, 5))
    found = usage(model, x, z, y).condition
    assert found is not None and found.nats == 0
    assert 0 < found.num_images < 60  # some got an image of their own class, and do not count
    reading = usage(make_model(conditional=True), x, z, y).condition
    assert reading is not None and reading.standard_error > 0


def test_many_dimensions_are_looked_at_on_fewer_images(
    make_model: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vae.diagnostics.permutation._MOST_DECODED", 100)
    monkeypatch.setattr("vae.diagnostics.permutation._FEWEST_IMAGES", 20)
    x, _ = images()
    found = usage(make_model(), x, torch.zeros(60, 2, dtype=torch.float64))
    assert found.all.num_images == 60
    assert [rise.num_images for rise in found.per_dim] == [50, 50]
