"""Whatever a loop hands over or says, it is taken or refused with a sentence, and the training goes on as it was."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.support.loops import Net, lines_of, pixels, seeded, train, watch
from vae.data.dataset import Dataset
from vae.errors import UserError


class Answer:
    """A plain object, as libraries give them."""

    def __init__(self, **parts: Any) -> None:
        self.__dict__.update(parts)


ENCODERS: dict[str, tuple[Callable[[Net], Callable[[Tensor], Any]], bool]] = {
    "plain object": (lambda m: lambda x: Answer(mu=m.encode(x)[0], logvar=m.encode(x)[1]), True),
    "object in an object": (
        lambda m: lambda x: Answer(latent_dist=Answer(mean=m.encode(x)[0], logvar=m.encode(x)[1])),
        True,
    ),
    "the spread in three ways": (
        lambda m: (
            lambda x: SimpleNamespace(
                mean=m.encode(x)[0],
                std=(m.encode(x)[1] / 2).exp(),
                var=m.encode(x)[1].exp(),
                log_var=m.encode(x)[1],
            )
        ),
        True,
    ),
    "one spread for each image": (lambda m: lambda x: (m.encode(x)[0], m.encode(x)[1][:, :1]), False),
    "one spread for each dimension": (
        lambda m: lambda x: (m.encode(x)[0], m.encode(x)[1].mean(0).detach()),
        False,
    ),
    "a single spread": (lambda m: lambda x: {"mu": m.encode(x)[0], "log_var": torch.tensor(-1.0)}, False),
}


@pytest.mark.parametrize("form", ENCODERS)
def test_further_answers_of_encoders_are_read(form: str, tmp_path: Path, digits: Dataset) -> None:
    make, is_whole = ENCODERS[form]
    model, x = seeded(Net), pixels(digits)[:16]
    watcher = watch(tmp_path / "own", encoder=make(model), decoder=model.decode, data=digits)
    with torch.no_grad():
        mean, log_var = watcher._watched.encoder(x)
        expected, spread = model.encode(x.flatten(1))
    watcher.close()
    assert mean.shape == log_var.shape == (16, 4)
    torch.testing.assert_close(mean, expected)
    if is_whole:
        torch.testing.assert_close(log_var, spread)


def test_an_image_is_found_in_an_object_too(tmp_path: Path, digits: Dataset) -> None:
    model = seeded(Net)
    watcher = watch(
        tmp_path / "own", encoder=model.encode, decoder=lambda z: Answer(sample=model.decode(z)), data=digits
    )
    watcher.close()
    assert watcher.run.status().state == "finished"


class Halves(nn.Module):
    """One tensor of both halves, with statistics that an evaluation in the mode of training would move."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


@pytest.mark.parametrize("mode", [True, False])
def test_torchscript_is_taken_and_stays_as_it_was(mode: bool, tmp_path: Path, digits: Dataset) -> None:
    example = torch.zeros(3, 1, 8, 8)
    with pytest.warns((DeprecationWarning, FutureWarning)):
        encoder = torch.jit.script(Halves())
        decoder = torch.jit.trace(nn.Linear(4, 64), torch.zeros(3, 4))
    encoder.train(mode)
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    watcher = watch(tmp_path / "own", encoder=encoder, decoder=decoder, data=digits)
    watcher.step()
    watcher.close()
    assert watcher.run.status().state == "finished"
    assert all(torch.equal(before[name], value) for name, value in encoder.state_dict().items())
    assert encoder.training == mode and encoder(example).shape == (3, 8)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"epochs": "3"}, "epochs must be a whole number"),
        ({"epochs": 1.5}, "epochs must be a whole number"),
        ({"num_images": -1}, "num_images must be a whole number"),
        ({"sigma": lambda: 1 / 0}, "sigma must be a number"),
        ({"sigma": lambda: torch.ones(3)}, "sigma must be a number"),
        ({"sigma": "much"}, "sigma must be a number"),
        ({"encoder": lambda x: (x.flatten(1)[:, :4], "much")}, "mean and log_var|take latent points"),
    ],
)
def test_options_that_mean_nothing_are_refused_in_a_sentence(
    options: dict[str, Any], words: str, tmp_path: Path, digits: Dataset
) -> None:
    model = seeded(Net)
    given = {"encoder": model.encode, "decoder": model.decode, "data": digits, **options}
    with pytest.raises(UserError, match=words) as found:
        watch(tmp_path / "own", **given)
    assert str(found.value).isprintable() and len(str(found.value)) <= 400
    assert not (tmp_path / "own").exists()


@pytest.mark.parametrize("path", [5, b"own", None])
def test_a_folder_that_is_no_path_is_refused(path: Any, digits: Dataset) -> None:
    model = seeded(Net)
    with pytest.raises(UserError, match="run_dir must be a path"):
        watch(path, encoder=model.encode, decoder=model.decode, data=digits)


def test_a_folder_of_other_things_is_left_as_it_was(tmp_path: Path, digits: Dataset) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "thesis.txt").write_text("mine")
    model = seeded(Net)
    with pytest.raises(UserError, match="must be empty"):
        watch(tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits)
    assert [path.name for path in (tmp_path / "own").iterdir()] == ["thesis.txt"]


class Raises:
    """A number of somebody's library that has lost its value."""

    def __float__(self) -> float:
        raise KeyError("gone")


@pytest.mark.parametrize("value", [10**400, Raises(), torch.ones(1, device="meta")])
@pytest.mark.parametrize("name", ["loss", "beta"])
def test_no_value_that_is_reported_ends_a_training(
    name: str, value: Any, tmp_path: Path, digits: Dataset
) -> None:
    model = seeded(Net)
    watcher = watch(tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits)
    with pytest.warns(UserWarning, match=f"{name} must be a number or a tensor"):
        watcher.step(**{name: value})
    watcher.step(**{name: value})
    watcher.close()
    assert watcher.run.status().state == "finished"


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e308, torch.ones(0), torch.tensor(math.inf)])
def test_a_beta_that_is_none_is_left_out_and_told(value: Any, tmp_path: Path, digits: Dataset) -> None:
    model = seeded(Net)
    watcher = watch(tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits, beta=2.0)
    with pytest.warns(UserWarning, match="beta must be a finite number"):
        watcher.step(beta=value)
    watcher.step(beta=value)
    watcher.close()
    assert watcher.run.status().state == "finished"
    assert {line["beta"] for line in lines_of(watcher.run, "train")} == {2.0}


def test_a_beta_below_zero_is_recorded_as_zero_and_told(tmp_path: Path, digits: Dataset) -> None:
    model = seeded(Net)
    watcher = watch(tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits)
    with pytest.warns(UserWarning, match="recorded as 0"):
        watcher.step(beta=-1.0)
    watcher.close()
    assert lines_of(watcher.run, "train")[-1]["beta"] == 0.0


def test_a_plan_of_beta_that_nobody_says_is_followed(tmp_path: Path, digits: Dataset) -> None:
    model, count = seeded(Net), iter(range(1, 1000))

    def step(model: Net, x: Tensor) -> tuple[Tensor, dict[str, Any]]:
        logits, mean, log_var = model(x)
        reconstruction, kl = logits.square().sum(1).mean(), (mean.square() + log_var.square()).sum(1).mean()
        loss = reconstruction + 0.01 * next(count) * kl
        return loss, {"loss": loss, "reconstruction": reconstruction, "kl": kl}

    watcher = watch(tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits)
    train(model, pixels(digits), watcher, step, steps=80)
    watcher._record.reports.settle()
    assert watcher._record.reports.weight == pytest.approx(0.8, rel=0.02)
    watcher.close()
