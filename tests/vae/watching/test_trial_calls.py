"""Networks as people have them: found in whole models, and called with images and labels as in their own loop."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.support.loops import Net, pixels, seeded
from tests.support.own_networks import DIMS, conditional, posterior, understood
from vae.data.dataset import Dataset
from vae.errors import UserError

pytestmark = pytest.mark.usefixtures("without_pictures")


class Conv(nn.Module):
    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(channels, 4, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(64, 8)
        )
        self.decoder = nn.Sequential(
            nn.Linear(4, 64), nn.Unflatten(1, (4, 4, 4)), nn.ConvTranspose2d(4, channels, 2, 2)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_var = self.encoder(x).chunk(2, 1)
        return self.decoder(mean + torch.exp(log_var / 2) * torch.randn_like(mean)), mean, log_var


@pytest.mark.parametrize("how", ["model", "both", "compiled", "parallel", "object"])
def test_a_whole_model_is_taken_by_its_methods(how: str, tmp_path: Path, digits: Dataset) -> None:
    model = seeded(Net)
    whole: Any = {
        "compiled": lambda: torch.compile(model, backend="eager"),
        "parallel": lambda: nn.DataParallel(model),
        "object": lambda: types.SimpleNamespace(encode=model.encode, decode=model.decode),
    }.get(how, lambda: model)()
    networks = {"encoder": whole, "decoder": whole} if how == "both" else {"model": whole}
    watched = understood(digits, tmp_path, **networks)
    x = pixels(digits)[:5]
    with torch.no_grad():
        torch.testing.assert_close(posterior(watched, x), model.encode(x))


def test_a_model_of_two_parts_without_methods_is_taken_by_them(tmp_path: Path, digits: Dataset) -> None:
    model = seeded(Conv)
    watched = understood(digits, tmp_path, model=model)
    x = pixels(digits)[:5]
    with torch.no_grad():
        torch.testing.assert_close(posterior(watched, x), model.encoder(x).chunk(2, 1))


def colour() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (80, 6, 5, 3), np.uint8)


@pytest.mark.parametrize("is_flat", [True, False])
def test_channels_stay_where_the_loop_has_them(is_flat: bool, tmp_path: Path) -> None:
    images = colour()
    layer = seeded(lambda: nn.Linear(90, 8))
    seen: list[Tensor] = []

    def encode(x: Tensor) -> tuple[Tensor, Tensor]:
        if is_flat:
            assert x.dim() == 2
        else:
            assert x.shape[1:] == (6, 5, 3)
        seen.append(x)
        return layer(x.flatten(1)).chunk(2, 1)  # type: ignore[return-value]

    seen_by_decoder = seeded(lambda: nn.Linear(4, 90))
    decode = seen_by_decoder if is_flat else lambda z: seen_by_decoder(z).unflatten(1, (6, 5, 3))
    watched = understood(images, tmp_path, encoder=encode, decoder=decode)
    x = watched.dataset.pixels(watched.dataset.images[:3])
    posterior(watched, x)
    expected = torch.from_numpy(images[:3]).float() / 255
    torch.testing.assert_close(seen[-1].reshape(3, 6, 5, 3), expected)
    z = torch.randn(2, 4)
    with torch.no_grad():
        made = torch.sigmoid(seen_by_decoder(z)).unflatten(1, (6, 5, 3)).permute(0, 3, 1, 2)
        torch.testing.assert_close(watched.model.decode(z), made)


def test_images_without_a_channel_go_in_as_they_are(tmp_path: Path, digits: Dataset) -> None:
    rows = seeded(lambda: nn.GRU(8, 8, batch_first=True))

    def encode(x: Tensor) -> Any:
        assert x.dim() == 3
        return rows(x)[0][:, -1].chunk(2, 1)

    watched = understood(digits, tmp_path, encoder=encode, decoder=nn.Linear(4, 64))
    assert posterior(watched, pixels(digits)[:2])[0].shape == (2, 4)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_networks_of_any_precision_are_called_in_it(
    dtype: torch.dtype, tmp_path: Path, digits: Dataset
) -> None:
    model = seeded(Net).to(dtype)
    watched = understood(digits, tmp_path, model=model)
    x = pixels(digits)[:5]
    with torch.no_grad():
        expected = tuple(part.float() for part in model.encode(x.to(dtype)))
    torch.testing.assert_close(posterior(watched, x), expected)
    assert next(model.parameters()).dtype == dtype


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize("at", ["both", "encoder", "decoder"])
@pytest.mark.parametrize("way", ["one-hot", "labels", "joined"])
def test_the_condition_goes_where_the_loop_puts_it(
    way: str, at: str, said: bool, tmp_path: Path, digits: Dataset
) -> None:
    encode, decode = conditional(way, at)
    options = {"conditional": "labels" if way == "labels" else True} if said else {}
    watched = understood(digits, tmp_path, encoder=encode, decoder=decode, **options)
    assert watched.model.config.conditional
    x, y = pixels(digits)[:5], torch.tensor([0, 3, 3, 9, 1])
    other = (y + 1) % 10
    z = torch.randn(5, DIMS)
    with torch.no_grad():
        assert torch.equal(posterior(watched, x, y)[0], posterior(watched, x, other)[0]) is (at == "decoder")
        assert torch.equal(watched.model.decode(z, y), watched.model.decode(z, other)) is (at == "encoder")
    said_how = " ".join(watched.guesses)
    assert ("gets the class" in said_how) is not said


def test_a_condition_that_nobody_takes_is_refused(tmp_path: Path, digits: Dataset) -> None:
    model = seeded(Net)
    with pytest.raises(UserError, match="conditional must be left out where neither network takes"):
        understood(digits, tmp_path, model=model, conditional="one-hot")
    with pytest.raises(UserError, match="needs labels, got images without"):
        understood(digits.images.numpy(), tmp_path, model=model, conditional="one-hot")
