"""What encoders give, in every form, is read as their loops read it; or one sentence says why not."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from tests.support.loops import Net, pixels, seeded
from tests.support.own_networks import ENCODERS, posterior, understood, with_z
from vae.data.dataset import Dataset
from vae.errors import UserError

pytestmark = pytest.mark.usefixtures("without_pictures")


class Sampled(Net):
    """Draws z only while it trains, as many do, and gives it first."""

    def encode(self, x: Tensor) -> Any:  # type: ignore[override]
        mean, log_var = super().encode(x)
        z = self.reparameterize(mean, log_var) if self.training else mean
        return z, mean, log_var


@pytest.mark.parametrize("form", ENCODERS)
def test_what_an_encoder_gives_is_read_as_its_loop_reads_it(
    form: str, tmp_path: Path, digits: Dataset
) -> None:
    model = seeded(Net)
    encoder, log_var = ENCODERS[form]
    decode = (lambda z: model.decode(z.flatten(1))) if form == "latent images" else model.decode
    watched = understood(digits, tmp_path, encoder=encoder(model), decoder=decode)
    x = pixels(digits)[:20]
    with torch.no_grad():
        mean, raw = model.encode(x)
    found = posterior(watched, x)
    torch.testing.assert_close(found, (mean, log_var(raw)), rtol=1e-4, atol=1e-4)
    with torch.no_grad():
        z = mean.unflatten(1, (1, 2, 2)) if form == "latent images" else mean
        expected = torch.sigmoid(decode(z)).unflatten(1, (1, 8, 8))
        torch.testing.assert_close(watched.model.decode(mean), expected)


def test_z_that_is_drawn_in_training_alone_is_not_taken_for_the_mean(tmp_path: Path, digits: Dataset) -> None:
    model = seeded(Sampled)
    watched = understood(digits, tmp_path, encoder=model.encode, decoder=model.decode)
    x = pixels(digits)[:20]
    with torch.no_grad():
        torch.testing.assert_close(posterior(watched, x), Net.encode(model, x))


def test_heads_of_zeros_are_mean_and_log_variance_all_the_same(tmp_path: Path, digits: Dataset) -> None:
    model = seeded(Net)
    with torch.no_grad():
        for head in (model.mean, model.log_var):
            head.weight.zero_(), head.bias.zero_()
    watched = understood(digits, tmp_path, encoder=model.encode, decoder=model.decode)
    assert [float(part.abs().max()) for part in posterior(watched, pixels(digits)[:4])] == [0, 0]


@pytest.mark.parametrize(
    ("encoder", "sentence"),
    [
        (
            lambda m: lambda x: m.encode(x)[0],
            "the latent point itself; pass a function that returns mean and log_var",
        ),
        (
            lambda m: lambda x: with_z(m)(x)[0],
            "sampled again in each call; pass a function that returns these two",
        ),
        (lambda m: lambda x: (*m.encode(x), 2 * m.encode(x)[0]), "nothing says which are which"),
        (lambda m: lambda x: {"features": x[:, :3]}, "encoder must"),
        (
            lambda m: lambda x: torch.distributions.Laplace(m.encode(x)[0], m.encode(x)[1].exp()),
            "got Laplace",
        ),
        (
            lambda m: lambda x: MultivariateNormal(m.encode(x)[0], torch.eye(4) + 0.5),
            "whose dimensions are independent, got MultivariateNormal",
        ),
        (lambda m: lambda x: m.encode(x[:, :, :7]), "encoder must take images of shape"),
        (lambda m: 3, "encoder must be a module or function, got int"),
        (lambda m: nn.Sequential(nn.Flatten(), nn.LazyLinear(8)), "make them at their first call; call"),
        (lambda m: None, "encoder must be a module or function, got none"),
    ],
)
def test_what_is_no_posterior_is_refused_with_its_remedy(
    encoder: Callable[[Net], Any], sentence: str, tmp_path: Path, digits: Dataset
) -> None:
    model = seeded(Net)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, of lazy layers
        with pytest.raises(UserError) as refusal:
            understood(digits, tmp_path, encoder=encoder(model), decoder=model.decode, conditional=False)
    assert sentence in str(refusal.value)
    assert len(str(refusal.value)) <= 400
