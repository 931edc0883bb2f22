"""Trainings as people have them: finished, broken off, steered by hand, damaged, and loops of their own with a slip."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import vae
from vae.config.schema import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainConfig
from vae.data.dataset import Dataset, load_dataset
from vae.errors import UserError
from vae.runs.run import Run
from vae.training.trainer import Trainer

#: Marks a folder whose run has come to where it should, which need not be its end.
_DONE = "situation.json"


def digits() -> Dataset:
    """The built-in digits."""
    return load_dataset(DataConfig())


def settings(
    *,
    epochs: int = 100,
    learning_rate: float = 3e-3,
    hidden: tuple[int, ...] = (128,),
    latent_dim: int = 8,
    batch_size: int = 128,
    train: dict[str, Any] | None = None,
    model: dict[str, Any] | None = None,
    **objective: Any,
) -> RunConfig:
    """A small model that trains in seconds."""
    return RunConfig(
        model=ModelConfig(hidden=hidden, latent_dim=latent_dim, **(model or {})),
        objective=ObjectiveConfig(**objective),
        train=TrainConfig(
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            num_snapshots=0,
            device="cpu",
            **(train or {}),
        ),
    )


def default_digits(epochs: int, **objective: Any) -> RunConfig:
    """The network that the app suggests for the digits, at full speed."""
    return settings(
        epochs=epochs,
        learning_rate=1e-3,
        hidden=(256, 128),
        latent_dim=2,
        batch_size=64,
        **objective,
    )


@dataclass
class Bench:
    """Where runs are made and kept, and the seed of this round."""

    root: Path
    seed: int
    data_root: Path | None = None

    def path(self, name: str) -> Path:
        """The folder of a run."""
        return self.root / f"{name}.{self.seed}"

    def kept(self, name: str) -> Run | None:
        """The run of that name, if it has come to where it should."""
        path = self.path(name)
        if not (path / _DONE).is_file():
            shutil.rmtree(path, ignore_errors=True)
            return None
        try:
            return Run.open(path)
        except UserError:
            shutil.rmtree(path)
            return None

    def keep(self, run: Run) -> Run:
        """Mark a run as made."""
        (run.path / _DONE).write_text(json.dumps({"state": run.status().state}))
        return run

    def trained(
        self,
        name: str,
        config: RunConfig,
        dataset: Dataset | None = None,
        *,
        prepare: Callable[[Trainer], None] | None = None,
        steer: Sequence[tuple[float, dict[str, Any]]] = (),
        damage_at: float | None = None,
        leave_at: float | None = None,
    ) -> Run:
        """A run of these settings and this seed.

        Args:
            name: Of its folder.
            config: The settings.
            dataset: The images; the digits if left out.
            prepare: Does something to the trainer before its first step.
            steer: What the user asks for (`vae.runs.status.Control`), and after which epoch.
            damage_at: After this epoch a weight becomes infinite, as too large a step makes it.
            leave_at: After this epoch the process goes on no more, without a word.
        """
        dataset = digits() if dataset is None else dataset
        config = config.replace(data=dataset.config, train=config.train.replace(seed=self.seed))
        if (kept := self.kept(name)) is not None:
            if kept.config == config:
                return kept
            shutil.rmtree(kept.path)
        run = Run.create(self.path(name), config, dataset.info())
        trainer, wishes = Trainer(run, dataset), list(steer)
        if prepare is not None:
            prepare(trainer)
        # Each look at the wishes counts, so that nothing depends on the clock.
        with (
            patch("vae.training.control.CONTROL_SECONDS", 0.0),
            patch("vae.training.trainer.CONTROL_SECONDS", 0.01),
        ):
            reports = trainer.train()
            for report in reports:
                epoch = report.line["epoch"]
                while wishes and epoch >= wishes[0][0]:
                    run.request(**wishes.pop(0)[1])
                if damage_at is not None and epoch >= damage_at:
                    damage_at = None
                    with torch.no_grad():
                        trainer.model.decoder.flat[0].weight[0, 0] = torch.inf  # type: ignore[union-attr, index, operator]
                if leave_at is not None and epoch >= leave_at:
                    status = run.status()
                    trainer._checkpoint()
                    trainer.journal.state = "failed"  # so that leaving writes nothing
                    reports.close()
                    run.write_status(status)
                    break
        return self.keep(run)

    def watched(self, name: str, loop: Loop, dataset: Dataset | None = None) -> Run:
        """Somebody's own loop, as `vae.watch` saw it."""
        if (run := self.kept(name)) is not None:
            return run
        dataset = digits() if dataset is None else dataset
        return self.keep(loop.train(self.path(name), dataset, self.seed))


def kill_units(half: str) -> Callable[[Trainer], None]:
    """All units of the first hidden layer of a network are out of reach, as too large a step leaves them."""

    def prepare(trainer: Trainer) -> None:
        with torch.no_grad():
            getattr(trainer.model, half).hidden[0].bias.fill_(-50.0)

    return prepare


def never_sample(trainer: Trainer) -> None:
    """Train with z = the posterior's mean, as those do who forget to sample."""
    model = trainer.model
    step = trainer.step

    def without_noise(x: Tensor, y: Tensor | None) -> Any:
        with patch.object(model, "sample", lambda mean, *_, **__: mean):
            return step(x, y)

    trainer.step = without_noise  # type: ignore[method-assign]


def freeze_dimensions(first: int) -> Callable[[Trainer], None]:
    """All latent dimensions from this one on stay at the prior, whatever they could say."""

    def prepare(trainer: Trainer) -> None:
        for head in (trainer.model.encoder.mean, trainer.model.encoder.log_var):
            with torch.no_grad():
                head.weight[first:] = 0
                head.bias[first:] = 0
            mask = torch.ones_like(head.bias)
            mask[first:] = 0
            head.weight.register_hook(lambda gradient, mask=mask: gradient * mask[:, None])
            head.bias.register_hook(lambda gradient, mask=mask: gradient * mask)

    return prepare


Term = Callable[[Tensor, Tensor], Tensor]


def bce(reduce: Callable[[Tensor], Tensor]) -> Term:
    """Cross-entropy from logits, reduced."""
    return lambda logits, x: reduce(F.binary_cross_entropy_with_logits(logits, x, reduction="none"))


def squared(reduce: Callable[[Tensor], Tensor]) -> Term:
    """Squared error, reduced."""
    return lambda output, x: reduce((output - x).square())


def kl(reduce: Callable[[Tensor], Tensor], factor: float = 1.0) -> Term:
    """The KL term, reduced; a factor of −1 has its sign wrong, one of 2 has forgotten its ½."""
    return lambda mean, log_var: factor * reduce(0.5 * (log_var.exp() + mean.square() - 1 - log_var))


def kl_without_square(mean: Tensor, log_var: Tensor) -> Tensor:
    """As lecture notes have it that write μ in the place of μ²."""
    return (0.5 * (log_var.exp() + mean - 1 - log_var)).sum(1).mean()


def summed(values: Tensor) -> Tensor:
    """Sum over what belongs to one image, mean over the batch: as it should be."""
    return values.sum(1).mean()


def sampled(mean: Tensor, log_var: Tensor) -> Tensor:
    """z = μ + σ ε."""
    return mean + torch.exp(0.5 * log_var) * torch.randn_like(mean)


def not_sampled(mean: Tensor, log_var: Tensor) -> Tensor:
    """z = μ."""
    return mean


def detached(mean: Tensor, log_var: Tensor) -> Tensor:
    """As `torch.distributions.Normal.sample` has it: no gradient reaches the encoder."""
    return torch.distributions.Normal(mean, torch.exp(0.5 * log_var)).sample()


@dataclass
class Loop:
    """A training loop as people write it.

    Attributes:
        reconstruction: From the decoder's output and the flat images.
        divergence: From means and log-variances.
        sample: z from means and log-variances.
        beta: In front of the KL term.
        epochs: Trained.
        latent_dim: Latent dimensions.
        watch: Further arguments of `vae.watch`.
        reports: Which terms are reported.
        frozen: Which network the optimiser was not given.
        breaks_at: After this epoch an exception ends the loop.
        nan_at: After this epoch the loss is not a number, and soon no weight.
    """

    reconstruction: Term = field(default_factory=lambda: bce(summed))
    divergence: Term = field(default_factory=lambda: kl(summed))
    sample: Term = sampled
    beta: float = 1.0
    epochs: int = 60
    latent_dim: int = 8
    watch: dict[str, Any] | None = None
    reports: tuple[str, ...] = ("loss", "reconstruction", "kl")
    frozen: str = ""
    breaks_at: int | None = None
    nan_at: int | None = None

    def train(self, path: Path, dataset: Dataset, seed: int) -> Run:
        """Train and watch."""
        torch.manual_seed(seed)
        num_pixels = dataset.info().num_pixels
        encoder = nn.Sequential(
            nn.Flatten(), nn.Linear(num_pixels, 128), nn.ReLU(), nn.Linear(128, 2 * self.latent_dim)
        )
        decoder = nn.Sequential(nn.Linear(self.latent_dim, 128), nn.ReLU(), nn.Linear(128, num_pixels))
        halves = {"encoder": encoder, "decoder": decoder}
        learning = [p for half, net in halves.items() if half != self.frozen for p in net.parameters()]
        optimizer = torch.optim.Adam(learning, lr=3e-3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            watcher = vae.watch(
                path, encoder=encoder, decoder=decoder, data=dataset, beta=self.beta, epochs=self.epochs,
                **(self.watch or {}),
            )  # fmt: skip
            try:
                with watcher:
                    self._loop(watcher, encoder, decoder, optimizer)
            except _Broken:
                pass
        return watcher.run

    def _loop(self, watcher: Any, encoder: nn.Module, decoder: nn.Module, optimizer: Any) -> None:
        images = watcher.dataset.pixels(watcher.dataset.part("train")[0])
        for epoch in range(self.epochs):
            for x in images[torch.randperm(len(images))].split(128):
                mean, log_var = encoder(x).chunk(2, 1)
                output = decoder(self.sample(mean, log_var))
                terms = {
                    "reconstruction": self.reconstruction(output, x.flatten(1)),
                    "kl": self.divergence(mean, log_var),
                }
                terms["loss"] = terms["reconstruction"] + self.beta * terms["kl"]
                if self.nan_at is not None and epoch >= self.nan_at:
                    terms["loss"] = terms["loss"] * torch.nan
                optimizer.zero_grad()
                terms["loss"].backward()
                optimizer.step()
                watcher.step(**{name: terms[name] for name in self.reports})
            if self.breaks_at == epoch:
                raise _Broken


class _Broken(Exception):
    """Somebody's loop ends by an error."""
