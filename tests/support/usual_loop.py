"""A model and a training loop as people write them, with or without the two lines that watch it."""

from __future__ import annotations

import random

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vae.data.dataset import Dataset
from vae.models.priors import gaussian_kl
from vae.watching.watcher import Watcher


class Own(nn.Module):
    """A model as people write them: flat images, a hidden layer, dropout, both networks in one class."""

    def __init__(self, latent_dim: int = 2, num_conditions: int = 0) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(64 + num_conditions, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Dropout(0.1)
        )
        self.mean, self.log_var = nn.Linear(24, latent_dim), nn.Linear(24, latent_dim)
        self.out = nn.Sequential(nn.Linear(latent_dim + num_conditions, 24), nn.ReLU(), nn.Linear(24, 64))

    def encode(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h = self.body(x if y is None else torch.cat([x, y], 1))
        return self.mean(h), self.log_var(h)

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.out(z if y is None else torch.cat([z, y], 1))

    def loss(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_var = self.encode(x.flatten(1))
        z = mean + torch.exp(0.5 * log_var) * torch.randn_like(mean)
        wrong = F.binary_cross_entropy_with_logits(self.decode(z), x.flatten(1), reduction="sum") / len(x)
        return wrong, gaussian_kl(mean, log_var).sum(1).mean()


def own(seed: int = 0, **options: int) -> Own:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Own(**options)


def train(model: Own, watcher: Watcher | None, dataset: Dataset, steps: int = 25, scale: float = 1.0) -> None:
    """The loop of a user, with or without the two lines that watch it."""
    torch.manual_seed(3)
    random.seed(3)
    np.random.seed(3)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    x = dataset.pixels(dataset.part("train")[0])
    for _ in range(steps):
        batch = x[torch.randint(len(x), (64,))]
        reconstruction, kl = model.loss(batch)
        loss = scale * reconstruction + kl
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if watcher is not None:
            watcher.step(loss, reconstruction=scale * reconstruction, kl=kl)
