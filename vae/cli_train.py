"""The commands that train and measure: train, evaluate, leak, reproduce.

Options of a run are drawn from `vae.config`. Imports no torch before a command needs it, so that `vae --help` is quick.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from vae.config import RunConfig, TrainConfig
from vae.errors import UserError
from vae.options import Flag, OptionalPath
from vae.progress import Bar

if TYPE_CHECKING:
    from vae.data import Dataset
    from vae.model import At
    from vae.runs import Run

Part = Literal["train", "validation", "test"]
RunDir = Annotated[Positional[Path], arg(metavar="RUN-DIR")]
AtWord = Annotated[str, arg(metavar="best|last|STEP")]


@dataclass(frozen=True)
class Train:
    """Train a model into a run directory, or go on with one.

    Ctrl-C stops after the current step and keeps a checkpoint; the dashboard shows and steers the run meanwhile.
    """

    run_dir: OptionalPath = None
    """Folder of the new run; its name is the run's id."""
    resume: OptionalPath = None
    """A run directory to go on with, exactly where its last checkpoint left it; its options stay as they were."""
    more_epochs: Annotated[int, arg(metavar="N", help_behavior_hint="")] = 0
    """With --resume: train so many epochs more than the run was made for."""
    name: Annotated[str | None, arg(metavar="TEXT", help_behavior_hint="")] = None
    """What the dashboard calls the new run; without it, its folder's name."""
    download: Flag = False
    """Download the data set first if it is not on this machine."""
    json: Flag = False
    """Print the outcome as one JSON object on standard output."""
    standby: Flag = False
    """For the dashboard: load everything, then wait for a line on standard input with the run directory to train."""
    config: Annotated[RunConfig, arg(name="")] = RunConfig()

    def __call__(self) -> None:
        if self.standby:
            from vae.standby import wait_and_train

            wait_and_train()
        elif self.resume is not None:
            if self.run_dir is not None or self.name is not None or self.config != RunConfig():
                raise UserError(
                    "--resume goes on with the options that the run was made with, got others besides; "
                    "leave them out, or start a new run with --run-dir"
                )
            self._go_on(self.resume)
        elif self.more_epochs:
            raise UserError(
                "--more-epochs needs a run to go on with, got none; use --resume DIR, or --train.epochs"
            )
        elif self.run_dir is not None:
            self._begin(self.run_dir)
        else:
            raise UserError(
                "a run must have a folder, got none; use --run-dir DIR, or --resume DIR to go on with one"
            )

    def _begin(self, run_dir: Path) -> None:
        from vae.data import check_fits, load
        from vae.devices import choose_device
        from vae.runs import Run

        for warning in self.config.warnings():
            tell(f"warning: {warning}")
        choose_device(self.config.train.device)
        with Bar() as bar:
            dataset = load(self.config.data, download=self.download, progress=bar.file)
        check_fits(self.config, dataset)
        self._train(Run.create(run_dir, self.config, dataset.info(), self.name), dataset)

    def _go_on(self, run_dir: Path) -> None:
        from vae.checkpoints import inspect
        from vae.resume import images_of
        from vae.runs import Run

        run = Run.open(run_dir)
        with Bar() as bar:
            dataset = images_of(run, download=self.download, progress=bar.file)
        if self.more_epochs:
            if run.status().step:  # a run that cannot go on is not made longer
                inspect(run.checkpoints_dir / "last.safetensors")
            run.extend(self.more_epochs)
        self._train(run, dataset)

    def _train(self, run: Run, dataset: Dataset) -> None:
        from vae.engine import Trainer
        from vae.standby import stopping_on_signals

        trainer = Trainer(run, dataset)
        with stopping_on_signals(trainer) as signals, Bar() as bar:
            for report in trainer.train():
                bar.report(report, run.config.train.epochs)
        status = run.status()
        if self.json:
            outcome = {"best_elbo": trainer.best_elbo, "best_step": trainer.best_step}
            print(json.dumps({"run": str(run.path), **status.to_dict(), **outcome}))
        if status.state == "diverged":
            raise UserError(status.error or "the run diverged")
        hint = f"; go on with `vae train --resume {run.path}`" if status.state == "stopped" else ""
        tell(f"{status.state} at epoch {status.epoch:g} of {run.config.train.epochs}{hint}")
        if signals:
            sys.exit(128 + signals[0])  # as if it had ended by the signal, so that a script does not go on


@dataclass(frozen=True)
class Evaluate:
    """The ELBO of a run on all images of a part, in nats per example."""

    run_dir: RunDir
    """The run directory."""
    split: Part = "test"
    """Which part of the data."""
    at: AtWord = "best"
    """Which weights: best, last, or the step of a snapshot."""
    seed: int = 0
    """Seed of the one sample of z for each image."""
    data_root: OptionalPath = None
    """Folder of downloaded sets, if it is not where the run had it."""
    json: Flag = False
    """Print one JSON object on standard output."""

    def __call__(self) -> None:
        from vae.evaluation import evaluate
        from vae.resume import images_of
        from vae.runs import Run
        from vae.snapshots import load_model

        seed = TrainConfig(seed=self.seed).seed  # of one rule for all seeds
        run = Run.open(self.run_dir)
        model = load_model(run, weights_at(self.at))
        with Bar() as bar:
            dataset = images_of(run, root=self.data_root, progress=bar.file)
        result = evaluate(model, dataset, self.split, seed=seed)
        if self.json:
            answer = {
                "run": run.id,
                "split": self.split,
                "at": self.at,
                **result.to_dict(),
                "unit": "nats per example",
                "pixels": run.config.data.binarize,
                "likelihood": run.config.model.likelihood,
            }
            print(json.dumps(answer))
            return
        print(
            f"{run.name}: {self.split}, {result.num_images} images, pixels {run.config.data.binarize}, "
            f"{run.config.model.likelihood}, nats per example"
        )
        print(f"  ELBO           {result.elbo:10.3f} ± {result.standard_error:.3f}")
        print(f"  reconstruction {result.distortion:10.3f} (distortion)")
        print(f"  KL             {result.rate:10.3f} (rate)")


@dataclass(frozen=True)
class Leak:
    """The label-leak probe: how well a linear classifier reads the class off z, on held-out images."""

    run_dir: RunDir
    """The run directory."""
    split: Part = "test"
    """Which part of the data; one half fits the classifier, the other tests it."""
    at: AtWord = "best"
    """Which weights: best, last, or the step of a snapshot."""
    seed: int = 0
    """Seed of the halves."""
    data_root: OptionalPath = None
    """Folder of downloaded sets, if it is not where the run had it."""
    json: Flag = False
    """Print one JSON object on standard output."""

    def __call__(self) -> None:
        from vae.latent import embed, kept_embedding
        from vae.leak import label_leak
        from vae.resume import images_of
        from vae.runs import Run
        from vae.snapshots import load_model

        seed = TrainConfig(seed=self.seed).seed
        run = Run.open(self.run_dir)
        at = weights_at(self.at)
        embedding = kept_embedding(run) if (self.split, at) == ("test", "best") else None
        if embedding is None:
            model = load_model(run, at)
            with Bar() as bar:
                embedding = embed(model, images_of(run, root=self.data_root, progress=bar.file), self.split)
        found = label_leak(embedding, seed=seed)
        verdict = found.verdict(conditional=run.config.model.conditional)
        if self.json:
            where = {"run": run.id, "split": self.split, "at": self.at}
            print(json.dumps({**where, **found.to_dict(), "verdict": verdict}))
            return
        print(
            f"{run.name}: {self.split}, {found.num_held_out} held-out images of {found.num_classes} classes"
        )
        print(f"  accuracy       {found.accuracy:10.2%} ± {found.standard_error:.2%}")
        print(f"  chance         {found.chance:10.2%}")
        print(f"  {verdict}")


@dataclass(frozen=True)
class Reproduce:
    """Train a published set-up and print the figure obtained beside the published one."""

    name: Annotated[Positional[str], arg(metavar="NAME")]
    """pytorch-example: 784-400-20-400-784 on grey MNIST, 10 epochs."""
    data_root: OptionalPath = None
    """Folder of downloaded sets; without it, the user's cache folder."""
    seed: int = 0
    """Seed of weights, order and noise."""
    epochs: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """Other than published."""
    run_dir: OptionalPath = None
    """Keep the run in this folder."""
    json: Flag = False
    """Print one JSON object on standard output."""

    def __call__(self) -> None:
        from vae.reproduce import REFERENCES, reproduce

        total = self.epochs or (REFERENCES[self.name].config.train.epochs if self.name in REFERENCES else 1)
        with Bar() as bar:
            answer = reproduce(
                self.name,
                data_root=self.data_root,
                seed=self.seed,
                epochs=self.epochs,
                run_dir=self.run_dir,
                progress=lambda epoch: bar.at(epoch, total, "epoch"),
            )
        if self.json:
            print(json.dumps(answer))
            return
        for key, published in answer["published"].items():
            print(
                f"{key}: obtained {answer['obtained'][key]:.2f}, published {published:.2f}, tolerance "
                f"{answer['tolerance']:g} nats ({answer['epochs']} epochs, {answer['minutes']:.1f} min)"
            )


def tell(sentence: str) -> None:
    """Say something that is not the command's answer, on standard error."""
    print(sentence, file=sys.stderr)


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
