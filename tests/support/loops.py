"""Loops as people write them, to be watched: small networks on the digits, a few quick steps."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import vae
from vae.data.dataset import Dataset
from vae.runs.metric_lines import Line
from vae.runs.metrics import MetricsReader
from vae.runs.run import Run
from vae.watching.watcher import Watcher


def seeded(make: Callable[[], Any], seed: int = 0) -> Any:
    """What a function makes of one seed, and the program's random numbers are as before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


class Net(nn.Module):
    """Both networks in one class, flat images, posteriors that are far enough from the prior to be compared."""

    def __init__(self, latent_dim: int = 4, num_pixels: int = 64, num_conditions: int = 0) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(num_pixels + num_conditions, 24), nn.Tanh())
        self.mean, self.log_var = nn.Linear(24, latent_dim), nn.Linear(24, latent_dim)
        self.out = nn.Sequential(
            nn.Linear(latent_dim + num_conditions, 24), nn.Tanh(), nn.Linear(24, num_pixels)
        )
        with torch.no_grad():
            self.mean.weight.mul_(4)
            self.log_var.bias.sub_(1)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.body(x.flatten(1))
        return self.mean(h), self.log_var(h)

    def reparameterize(self, mean: Tensor, log_var: Tensor) -> Tensor:
        return mean + torch.exp(0.5 * log_var) * torch.randn_like(mean)

    def decode(self, z: Tensor) -> Tensor:
        return self.out(z)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_var = self.encode(x)
        return self.decode(self.reparameterize(mean, log_var)), mean, log_var


def pixels(digits: Dataset) -> Tensor:
    return digits.pixels(digits.part("train")[0])


def bce(logits: Tensor, x: Tensor) -> Tensor:
    """−log p(x|z) in nats, summed over pixels, averaged over the batch."""
    return F.binary_cross_entropy_with_logits(logits, x.flatten(1), reduction="sum") / len(x)


def kl_divergence(mean: Tensor, log_var: Tensor) -> Tensor:
    """Summed over dimensions, averaged over the batch, nats."""
    return -0.5 * (1 + log_var - mean.square() - log_var.exp()).sum(1).mean()


#: Gets a model and a batch; gives what is minimised, and what is reported of it.
Step = Callable[[Any, Tensor], tuple[Tensor, dict[str, Any]]]


def plain_step(model: Any, x: Tensor) -> tuple[Tensor, dict[str, Any]]:
    logits, mean, log_var = model(x)
    reconstruction, kl = bce(logits, x), kl_divergence(mean, log_var)
    return reconstruction + kl, {"reconstruction": reconstruction, "kl": kl}


def train(
    model: nn.Module,
    images: Tensor,
    watcher: Watcher | None,
    step: Step = plain_step,
    *,
    steps: int = 12,
    lr: float = 1e-3,
) -> list[float]:
    """The loop, watched or not; the losses that it saw."""
    torch.manual_seed(3), random.seed(3), np.random.seed(3)
    optimizer = torch.optim.Adam(model.parameters(), lr)
    losses = []
    for _ in range(steps):
        x = images[torch.randint(len(images), (64,))]
        loss, reported = step(model, x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
        if watcher is not None:
            watcher.step(**reported)
    return losses


def watch(path: Path, *, quietly: bool = True, **options: Any) -> Watcher:
    """As `vae.watch`, quick: few snapshots, guesses untold."""
    with warnings.catch_warnings():
        if quietly:
            warnings.simplefilter("ignore")
        return vae.watch(path, **{"batch_size": 64, "num_snapshots": 2, **options})


def lines_of(run: Run, kind: str | None = None) -> list[Line]:
    """Lines of a run: all, those of a split, or events of a name."""
    found = MetricsReader(run.metrics_path).read()[1]
    return [line for line in found if kind in (None, line.get("split"), line.get("event"))]
