"""A loop that trains other networks than those that are watched is seen to do so."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.support.loops import Net, lines_of, pixels, plain_step, seeded, watch
from vae.data.dataset import Dataset


def all_of(model: Net) -> list[nn.Parameter]:
    return list(model.parameters())


def decoder_of(model: Net) -> list[nn.Parameter]:
    return list(model.out.parameters())


@pytest.mark.parametrize(
    ("parameters", "lr", "expected"),
    [
        (all_of, 1e-3, ""),
        (all_of, 0.0, "encoder,decoder"),
        (lambda model: all_of(deepcopy(model)), 1e-3, "encoder,decoder"),  # of a copy
        (decoder_of, 1e-3, "encoder"),
        (lambda model: [*model.body.parameters(), *model.mean.parameters()], 1e-3, "decoder"),
    ],
)
def test_networks_without_a_step_are_named(
    parameters: Callable[[Net], list[nn.Parameter]],
    lr: float,
    expected: str,
    tmp_path: Path,
    digits: Dataset,
) -> None:
    model, x = seeded(Net), pixels(digits)[:64]
    optimizer = torch.optim.SGD(parameters(model), lr)
    halves = nn.ModuleList([model.body, model.mean, model.log_var])

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.halves = halves

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            h = self.halves[0](x.flatten(1))
            return self.halves[1](h), self.halves[2](h)

    watcher = watch(tmp_path / "own", encoder=Encoder(), decoder=model.out, data=digits)
    for _ in range(40):
        loss, terms = plain_step(model, x)
        loss.backward()
        optimizer.step()
        watcher.step(**terms)
    watcher.close()
    said = [line["networks"] for line in lines_of(watcher.run, "unchanged")]
    assert said == ([expected] if expected else [])


def test_what_changes_later_is_retracted(tmp_path: Path, digits: Dataset) -> None:
    model = seeded(Net)
    watcher = watch(tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits)
    for _ in range(35):
        watcher.step()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.01)
    for _ in range(35):
        watcher.step()
    watcher.close()
    assert [line["networks"] for line in lines_of(watcher.run, "unchanged")] == ["encoder,decoder", ""]


def test_a_few_steps_say_nothing(tmp_path: Path, digits: Dataset) -> None:
    model = seeded(Net)
    watcher = watch(tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits)
    for _ in range(5):
        watcher.step()
    watcher.close()
    assert not lines_of(watcher.run, "unchanged")
