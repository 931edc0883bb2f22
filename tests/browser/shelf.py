"""Runs made in advance by real, short training."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np

from tests.browser.server import Server
from vae.config.schema import DataConfig, ModelConfig, RunConfig, TrainConfig
from vae.data.dataset import load_dataset
from vae.runs.run import Run
from vae.storage.locking import hold


class Shelf:
    """Runs made by real, short training; each kind is made once for all workers, and copied for whoever asks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def make(self, kind: str) -> Run:
        """Train a run of a kind, if it has not been."""
        path = self.folder / kind
        with hold(self.folder / f"{kind}.lock", patience=110):  # another worker may be at it
            if (path / "config.json").is_file():
                return Run.open(path)
            return self.train(path, self._config(kind))

    @staticmethod
    def train(path: Path, config: RunConfig, name: str | None = None) -> Run:
        """Train a run to its end, in this process; models so small are fastest on one core."""
        import torch

        from vae.training.trainer import Trainer

        images = load_dataset(config.data)
        run = Run.create(path, config, images.info(), name)
        num_threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            for _ in Trainer(run, images).train():
                pass
        finally:
            torch.set_num_threads(num_threads)
        return run

    def put(self, kind: str, server: Server, run_id: str, name: str | None = None) -> Run:
        """Copy a run of a kind to a server's runs."""
        shutil.copytree(self.make(kind).path, server.runs / run_id)
        run = Run.open(server.runs / run_id)
        if name is not None:
            run.rename(name)
        return run

    def _config(self, kind: str) -> RunConfig:
        """digits, digits-conditional, digits-3d, or shapes-<mlp|conv>[-conditional]: 28×28, as MNIST has them."""
        data, _, rest = kind.partition("-")
        conditional = rest.endswith("conditional")
        if data == "digits":
            model = ModelConfig(hidden=(128,), conditional=conditional, latent_dim=3 if rest == "3d" else 2)
            epochs = 5 if rest == "3d" else 40
            train = TrainConfig(
                epochs=epochs, batch_size=64, seed=3, device="cpu", num_snapshots=2, learning_rate=3e-3
            )
            return RunConfig(model=model, train=train)
        network = "conv" if rest.startswith("conv") else "mlp"
        model = ModelConfig(
            network=network, hidden=(400,), channels=(16, 32), conditional=conditional, latent_dim=4
        )
        train = TrainConfig(epochs=1, batch_size=50, seed=3, device="cpu", num_snapshots=1)
        return RunConfig(data=DataConfig(name="npz", path=self.images("shapes")), model=model, train=train)

    def images(self, name: str, labels: list[str] | None = None, num: int = 240, side: int = 28) -> Path:
        """Blurred bars of as many directions as there are labels, as an .npz."""
        path = self.folder / f"{name}.npz"
        if not path.exists():
            names = np.array(labels or ["across", "slanted", "upright"])
            kinds = np.arange(num) % len(names)
            angle = np.pi * kinds / len(names) + np.random.default_rng(0).normal(0, 0.1, num)
            row, column = np.mgrid[:side, :side] - (side - 1) / 2
            away = row * np.cos(angle)[:, None, None] - column * np.sin(angle)[:, None, None]
            pixels = np.exp(-((8 * away / side) ** 2)).astype(np.float32)
            own = path.with_name(f"{name}-{os.getpid()}.npz")
            np.savez(own, images=pixels, labels=names[kinds])
            own.rename(path)
        return path
