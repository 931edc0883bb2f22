"""Networks of every convention are watched as they are called; what cannot be is told before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import vae
from tests.support.loops import lines_of
from tests.support.usual_loop import Own, own, train
from vae.data.dataset import Dataset
from vae.errors import UserError
from vae.runs.snapshots import load_model


def test_a_conditional_model_with_labels_is_watched(tmp_path: Path, digits: Dataset) -> None:
    model = own(num_conditions=10)
    with vae.watch(
        tmp_path / "own",
        encoder=lambda x, y: model.encode(x.flatten(1), F.one_hot(y, 10).float()),
        decoder=lambda z, y: model.decode(z, F.one_hot(y, 10).float()),
        data=digits,
        conditional="labels",
        num_snapshots=2,
    ) as watcher:
        watcher.step()
    kept, y = load_model(watcher.run), torch.tensor([3, 7])
    z = torch.zeros(2, 2)
    expected = torch.sigmoid(model.eval().decode(z, F.one_hot(y, 10).float())).unflatten(1, (1, 8, 8))
    torch.testing.assert_close(kept.decode(z, y), expected.detach(), rtol=1e-4, atol=1e-5)
    assert model.training is False  # by the line above; watching had left it as it was


@pytest.mark.parametrize(
    ("encoder", "options"),
    [
        (lambda model: lambda x: torch.cat(model.encode(x), 1), {}),
        (lambda model: lambda x: (*model.encode(x), x), {}),
        (
            lambda model: lambda x: (model.encode(x)[0], (0.5 * model.encode(x)[1]).exp()),
            {"encoder_gives": "std"},
        ),
        (
            lambda model: (
                lambda x: torch.distributions.Normal(model.encode(x)[0], (0.5 * model.encode(x)[1]).exp())
            ),
            {},
        ),
    ],
)
def test_encoders_of_every_convention_give_one_posterior(
    encoder: Callable[[Own], Any], options: dict[str, Any], tmp_path: Path, digits: Dataset
) -> None:
    model = own()
    watcher = vae.watch(
        tmp_path / "own",
        encoder=encoder(model),
        decoder=model.decode,
        data=digits,
        num_snapshots=0,
        **options,
    )
    watcher.close()
    x = digits.pixels(digits.part("test")[0][:4])
    with torch.no_grad():
        expected = model.eval().encode(x.flatten(1))
    torch.testing.assert_close(load_model(watcher.run).posterior(x), expected, rtol=1e-4, atol=1e-5)


def test_probabilities_are_found_out_and_turned_into_logits(tmp_path: Path, digits: Dataset) -> None:
    model = own()
    with pytest.warns(UserWarning, match="taken for probabilities"):
        watcher = vae.watch(
            tmp_path / "own", encoder=model.encode, decoder=lambda z: model.decode(z).sigmoid(), data=digits
        )
    watcher.close()
    z = torch.tensor([[0.3, -2.0]])
    expected = model.eval().decode(z).sigmoid().unflatten(1, (1, 8, 8)).detach()
    torch.testing.assert_close(load_model(watcher.run).decode(z), expected, rtol=1e-4, atol=1e-5)


def test_a_learned_sigma_is_read_anew(tmp_path: Path, digits: Dataset) -> None:
    model, log_sigma = own(), nn.Parameter(torch.tensor(-1.0))
    with vae.watch(
        tmp_path / "own",
        encoder=model.encode,
        decoder=model.decode,
        data=digits,
        likelihood="gaussian",
        sigma=lambda: log_sigma.exp(),
        num_snapshots=2,
    ) as watcher:
        with torch.no_grad():
            log_sigma.fill_(-2.0)
        watcher.step()
    assert float(load_model(watcher.run, "last").likelihood.sigma) == pytest.approx(np.exp(-2), rel=1e-4)  # type: ignore[arg-type]


def test_what_cannot_be_exported_is_watched_without_pictures(tmp_path: Path, digits: Dataset) -> None:
    model = own()

    def decode(z: Tensor) -> Tensor:
        return torch.from_numpy(z.numpy() @ model.out[0].weight[:2].detach().numpy()[:, :2]).repeat(1, 32)

    with pytest.warns(UserWarning, match="pages that show images need networks that can be exported"):
        watcher = vae.watch(tmp_path / "own", encoder=model.encode, decoder=decode, data=digits, epochs=1)
    train(model, watcher, digits, 30)
    watcher.close()
    assert watcher.run.status().state == "finished"
    assert {line.get("split") for line in lines_of(watcher.run)} >= {"train", "validation"}
    with pytest.raises(UserError, match="need networks that can be exported"):
        load_model(watcher.run)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"encoder": lambda x: x.flatten(1)[:, :3]}, "encoder must"),
        ({"decoder": lambda z: z}, "decoder must give images"),
        ({"latent_dim": 5}, r"latent_dim must be what the encoder gives \(2\), got 5"),
        ({"encoder_gives": "std"}, "standard deviations above 0"),
        ({"conditional": "both"}, "conditional must be"),
        ({"decoder_gives": "probabilities"}, "decoder_gives must be 'raw'"),
        ({"data": np.zeros((4, 8))}, "must have shape"),
    ],
)
def test_mistakes_are_told_before_anything_is_written(
    change: dict[str, Any], sentence: str, tmp_path: Path, digits: Dataset
) -> None:
    model = own()
    given = {"encoder": model.encode, "decoder": model.decode, "data": digits, **change}
    with pytest.raises(UserError, match=sentence):
        vae.watch(tmp_path / "own", **given)
    assert not (tmp_path / "own").exists()
