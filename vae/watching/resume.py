"""Continue a watched run: the same networks, images and folder."""

from __future__ import annotations

from pathlib import Path

from vae.config.schema import ModelConfig, RunConfig
from vae.errors import UserError
from vae.models.likelihoods import Gaussian
from vae.runs.naming import RunError
from vae.runs.run import Run
from vae.runs.run_dataset import check_images
from vae.runs.watch_notes import WatchNotes
from vae.training.position import Position
from vae.watching.interpretation import reread_likelihood
from vae.watching.setup import Watched
from vae.watching.watcher import watcher_of


def run_to_resume(path: Path, *, resume: bool) -> Run | None:
    """The watched run that a folder holds; None if it holds none, and a new one is to be made.

    Args:
        path: The folder.
        resume: Whether the user wants to go on with a run that is there.

    Raises:
        UserError: If it holds one that the user does not want to go on with, that nobody watched, or that this program
            still watches.
    """
    if not (path / "config.json").exists():
        return None
    run = Run.open(path)
    if (watcher := watcher_of(run)) is not None and watcher.is_watching:
        raise UserError(
            f"run {run.id!r} can have only one watcher, and this program still has one open; close it first with "
            "close()"
        )
    if run.config.model.network != "external":
        raise RunError(
            f"{path} holds a run that was trained by `vae train`, not watched; choose another folder"
        )
    if not resume:
        raise RunError(
            f"{path} already holds a run; continue watching it with resume=True, choose another folder, or delete it"
        )
    return run


def check_same(run: Run, watched: Watched) -> None:
    """Refuse to go on with a run of other networks or images.

    Raises:
        UserError: If they are others.
    """
    check_images(run, watched.dataset)
    if "likelihood" in watched.may_reread and run.config.model.likelihood == "gaussian":
        # The loop's reports showed it the first time.
        config, sentence = reread_likelihood(
            watched.decoder,
            watched.model.config,
            watched.scale,
            is_raw=WatchNotes.of(run).decoder_gives == "means",
        )
        watched.model.config, watched.model.likelihood = config, Gaussian(config.sigma)
        watched.encoder.config = config
        watched.may_reread.discard("likelihood")
        watched.guesses.append(sentence)
        watched.exports.renew()
    ours, theirs = watched.model.config, run.config.model
    for name in ("latent_dim", "likelihood", "conditional"):
        if getattr(ours, name) != getattr(theirs, name):
            raise UserError(
                f"{name} must be what run {run.id!r} was begun with, {getattr(theirs, name)!r}, got "
                f"{getattr(ours, name)!r}; choose another folder for other networks"
            )


def position_of(run: Run, num_images: int, batch_size: int) -> Position:
    """Where a run stands by its status and its newest lines, whichever is further, in steps of this loop."""
    lines = run.latest_metrics().values()
    step = max([run.status().step, *(int(line["step"]) for line in lines)])
    position = Position(num_images, batch_size)
    position.epochs, position.batch = divmod(step, position.batches_per_epoch)
    return position


def config_again(run: Run, model: ModelConfig, *, beta: float, epochs: int | None) -> RunConfig:
    """The configuration with which a run goes on: what may be different the second time is as it is said now."""
    config = run.config
    planned = config.train.epochs if epochs is None else epochs
    return config.replace(
        model=model,
        objective=config.objective.replace(beta=beta),
        train=config.train.replace(epochs=max(1, planned)),
    )
