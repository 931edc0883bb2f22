"""What decoders give: logits, probabilities or pixel values, and where the images are in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Independent

from tests.support.loops import Net, seeded
from tests.support.own_networks import DIMS, numpy_only, posterior, understood
from vae.data.dataset import Dataset

pytestmark = pytest.mark.usefixtures("without_pictures")


@pytest.mark.parametrize(
    ("head", "gives", "likelihood", "scale"),
    [
        (nn.Identity(), "raw", "bernoulli", (0, 1)),
        (nn.Sigmoid(), "probabilities", "bernoulli", (0, 1)),
        (nn.Hardsigmoid(), "probabilities", "bernoulli", (0, 1)),
        (nn.Tanh(), "raw", "gaussian", (-1, 1)),
    ],
)
def test_what_a_decoder_ends_in_says_what_it_gives(
    head: nn.Module, gives: str, likelihood: str, scale: tuple[float, float], tmp_path: Path, digits: Dataset
) -> None:
    model = seeded(Net)
    with torch.no_grad():
        model.out[2].weight.zero_(), model.out[2].bias.zero_()  # the values say nothing
    decoder = nn.Sequential(model.out, head)
    watched = understood(digits, tmp_path, encoder=model.encode, decoder=decoder)
    assert watched.decoder.gives == gives
    assert watched.model.config.likelihood == likelihood
    assert (watched.scale.low, watched.scale.high) == scale
    assert not watched.may_reread & {"decoder"}
    if likelihood == "gaussian":
        assert watched.model.config.sigma == pytest.approx(0.5**0.5 / 2)
        seen: list[Tensor] = []
        watched.encoder.function = lambda x: (seen.append(x), model.encode(x))[1]
        posterior(watched, torch.tensor([0.0, 1.0]).repeat(32).reshape(1, 1, 8, 8))
        assert sorted(set(seen[0].flatten().tolist())) == [-1, 1]


@pytest.mark.parametrize(
    ("end", "gives"), [("sigmoid", "probabilities"), ("linear", "raw"), ("zeros", "raw")]
)
def test_where_no_graph_is_seen_values_say_what_a_decoder_gives(
    end: str, gives: str, tmp_path: Path, digits: Dataset
) -> None:
    model = seeded(Net)
    layers = [model.out, nn.Sigmoid()] if end == "sigmoid" else [model.out]
    if end == "zeros":
        with torch.no_grad():
            model.out[2].weight.zero_(), model.out[2].bias.zero_()
    watched = understood(digits, tmp_path, encoder=model.encode, decoder=numpy_only(nn.Sequential(*layers)))
    assert watched.decoder.gives == gives
    assert ("decoder" in watched.may_reread) is (end != "linear")


@pytest.mark.parametrize(
    "wrap",
    [
        lambda raw: torch.distributions.Bernoulli(logits=raw),
        lambda raw: Independent(torch.distributions.Bernoulli(logits=raw), 1),
        lambda raw: (raw, torch.zeros(len(raw), 4)),
        lambda raw: {"h": torch.zeros(len(raw), 4), "logits": raw},
    ],
)
def test_images_are_found_in_what_a_decoder_gives(
    wrap: Callable[[Tensor], Any], tmp_path: Path, digits: Dataset
) -> None:
    model = seeded(Net)
    watched = understood(digits, tmp_path, encoder=model.encode, decoder=lambda z: wrap(model.decode(z)))
    z = torch.randn(3, DIMS)
    with torch.no_grad():
        expected = torch.sigmoid(model.decode(z)).unflatten(1, (1, 8, 8))
        torch.testing.assert_close(watched.model.decode(z), expected)
