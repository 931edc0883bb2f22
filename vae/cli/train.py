"""The commands that train: train, reproduce.

Options of a run are drawn from `vae.config.schema`. Imports no torch before a command needs it, so that `vae --help` is
quick.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from vae.cli.output import tell, tell_of
from vae.cli.parser import Flag, OptionalPath
from vae.cli.progress import Bar
from vae.config.checks import warnings
from vae.config.schema import DataConfig, RunConfig
from vae.errors import UserError
from vae.runtime.priority import TRAINER, give_way

if TYPE_CHECKING:
    from vae.data.dataset import Dataset
    from vae.models.vae import At
    from vae.runs.run import Run

Part = Literal["train", "validation", "test"]
RunDir = Annotated[Positional[Path], arg(metavar="RUN-DIR")]
AtWord = Annotated[str, arg(metavar="best|last|STEP")]


@dataclass(frozen=True)
class Train:
    """Train a model into a run directory, or continue a run.

    Ctrl-C stops after the current step and keeps a checkpoint; the dashboard shows and steers the run meanwhile.
    """

    run_dir: OptionalPath = None
    """Folder of the new run; its name is the run's id."""
    resume: OptionalPath = None
    """A run directory to continue, exactly from its last checkpoint; its options stay as they were."""
    more_epochs: Annotated[int, arg(metavar="N", help_behavior_hint="")] = 0
    """With --resume: train N more epochs than the run was made for."""
    name: Annotated[str | None, arg(metavar="TEXT", help_behavior_hint="")] = None
    """Name of the new run in the dashboard; default: the folder's name."""
    download: Flag = False
    """Download the dataset first if it is not there."""
    json: Flag = False
    """Print the outcome as one JSON object on standard output."""
    standby: Flag = False
    """For the dashboard: load everything, then wait for a line on standard input with the run directory to train."""
    config: Annotated[RunConfig, arg(name="")] = RunConfig()

    def __call__(self) -> None:
        if self.standby:
            give_way(TRAINER)  # before torch is loaded: that takes a core for seconds
            from vae.training.worker import wait_and_train

            wait_and_train()
        elif self.resume is not None:
            data = self.config.data
            moved = RunConfig(data=DataConfig(name=data.name, path=data.path, root=data.root))
            if self.run_dir is not None or self.name is not None or self.config != moved:
                raise UserError(
                    "--resume continues with the options that the run was made with, got others besides; leave "
                    "them out (--data.path and --data.root may say where its images are now), or start a new run "
                    "with --run-dir"
                )
            self._go_on(self.resume)
        elif self.more_epochs:
            raise UserError(
                "--more-epochs needs a run to continue, got none; use --resume DIR, or --train.epochs"
            )
        elif self.run_dir is not None:
            self._begin(self.run_dir)
        else:
            raise UserError(
                "a run must have a folder, got none; use --run-dir DIR, or --resume DIR to continue one"
            )

    def _begin(self, run_dir: Path) -> None:
        from vae.data.dataset import check_fits, load_dataset
        from vae.runs.run import Run
        from vae.runtime.devices import choose_device

        for warning in warnings(self.config):
            tell(f"warning: {warning}")
        choose_device(self.config.train.device)
        with Bar() as bar:
            dataset = load_dataset(self.config.data, download=self.download, progress=bar.file)
        tell_of(dataset.reading)
        check_fits(self.config, dataset)
        self._train(Run.create(run_dir, self.config, dataset.info(), self.name), dataset)

    def _go_on(self, run_dir: Path) -> None:
        from vae.runs.run import Run
        from vae.runs.run_dataset import images_of
        from vae.storage.safetensors_header import inspect
        from vae.training.preconditions import check_trainable

        run = Run.open(run_dir)
        check_trainable(run)
        data = self.config.data
        if data.path is None and data.name not in ("digits", run.config.data.name):
            raise UserError(
                f"--data.name must be that of the run, {run.config.data.name}, got {data.name}; leave it out"
            )
        with Bar() as bar:
            dataset = images_of(
                run, path=data.path, root=data.root, download=self.download, progress=bar.file
            )
        tell_of(dataset.reading)
        run.place_images(dataset.config)
        if self.more_epochs:
            if run.status().step:  # a run that cannot go on is not made longer
                inspect(run.checkpoints_dir / "last.safetensors")
            run.extend(self.more_epochs)
        self._train(run, dataset)

    def _train(self, run: Run, dataset: Dataset) -> None:
        from vae.runtime.cpu_threads import suit
        from vae.runtime.memory_reuse import keep_freed_memory
        from vae.training.trainer import Trainer
        from vae.training.worker import stopping_on_signals

        trainer = Trainer(run, dataset)
        suit(trainer.model, run.config.train.batch_size)
        keep_freed_memory()
        if trainer.size.is_notable:
            tell(trainer.size.sentence())
        with stopping_on_signals(trainer) as signals, Bar() as bar:
            for report in trainer.train():
                bar.report(report, run.config.train.epochs)
        status = run.status()
        if self.json:
            outcome: dict[str, Any] = {"best_elbo": trainer.best_elbo, "best_step": trainer.best_step}
            if dataset.reading.layout:
                outcome["data"] = dataset.reading.answer()
            print(json.dumps({"run": str(run.path), **status.to_dict(), **outcome}))
        if status.state == "diverged":
            raise UserError(status.error or "the run diverged")
        hint = f"; continue with `vae train --resume {run.path}`" if status.state == "stopped" else ""
        how = ", trained in bf16" if status.precision else ""
        tell(f"{status.state} at epoch {status.epoch:g} of {run.config.train.epochs}{how}{hint}")
        if signals:
            sys.exit(128 + signals[0])  # as if it had ended by the signal, so that a script does not go on


@dataclass(frozen=True)
class Reproduce:
    """Train a published model and print its test metric beside the published one."""

    name: Annotated[Positional[str], arg(metavar="NAME")]
    """pytorch-example (10 epochs), iwae-1layer (364 of its 3,280) or cvae (40 of them): all on MNIST."""
    data_root: OptionalPath = None
    """Folder of downloaded sets; without it, the user's cache folder."""
    seed: int = 0
    """Seed of weights, order and noise."""
    epochs: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """Number of epochs, instead of those above; 3280 is the whole schedule of the long ones."""
    run_dir: OptionalPath = None
    """Keep the run in this folder; a run that is there already is continued."""
    samples: Annotated[int | None, arg(metavar="K", help_behavior_hint="")] = None
    """Importance samples per image where log p is published; default: the published 5,000."""
    json: Flag = False
    """Print one JSON object on standard output."""

    def __call__(self) -> None:
        from vae.experiments.published import REFERENCES, reproduce

        reference = REFERENCES.get(self.name)
        total = self.epochs or (reference and (reference.stated or reference.config.train.epochs)) or 1
        with Bar() as bar:
            answer = reproduce(
                self.name,
                data_root=self.data_root,
                seed=self.seed,
                epochs=self.epochs,
                run_dir=self.run_dir,
                samples=self.samples,
                progress=lambda epoch: bar.at(epoch, total, "epoch"),
            )
        if self.json:
            print(json.dumps(answer))
            return
        for key, published in answer["published"].items():
            difference = answer["difference"][key]
            print(
                f"{key}: obtained {answer['obtained'][key]:.2f}, published {published:.2f} ({difference:+.2f})"
            )
        print(
            f"  {answer['epochs']} of {answer['published_epochs']} epochs, tolerance {answer['tolerance']:g} nats; "
            f"training {answer['training_minutes']:.1f} min, measuring {answer['measuring_minutes']:.1f} min"
        )


def weights_at(word: str) -> At:
    """Which weights a word of the command line means.

    Raises:
        UserError: If none.
    """
    if word == "best":
        return "best"
    if word == "last":
        return "last"
    if word.isdecimal() and len(word) < 16:
        return int(word)
    raise UserError(f"at must be best, last or the step of a snapshot, got {word!r}; use best")
