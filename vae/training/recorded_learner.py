"""A learner with a folder: what it keeps there of its weights, its place and its numbers, and takes up again."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

from torch import Tensor

from vae.data.dataset import Dataset, check_fits
from vae.runs.run import Run
from vae.runs.run_dataset import check_images
from vae.runs.size import LARGE, WRITING_SHARE, run_size
from vae.runs.snapshots import Probe, cpu_weights, snapshot_steps, thin_snapshots, write_live, write_snapshot
from vae.runs.status import State
from vae.storage.finite_tensors import check_divergence
from vae.storage.safetensors_io import save
from vae.training.optimisation import Learner
from vae.training.resume import ResumePoint, last_checkpoint, restore_training, training_tensors
from vae.training.run_log import Report, RunLog
from vae.training.running_means import Means, SettingsMean
from vae.training.throttle import Throttle

#: The newest weights are shown at most this often.
LIVE_SECONDS = 0.5


class RecordedLearner(Learner):
    """Trains the model of a run, and keeps in its folder what others read and what a next process goes on from.

    When something is written is for `vae.training.trainer.Trainer` to say.

    Args:
        run: An opened run.
        dataset: Its images.

    Raises:
        UserError: If the images are not those that the run was made for, or the device is not there.
    """

    #: The log, and what the steps since its last line came to; they are there while it trains.
    journal: RunLog
    _means: Means
    _settings: SettingsMean
    #: Whether β was set by hand and no step has been taken with it yet.
    _is_steered: bool

    def __init__(self, run: Run, dataset: Dataset) -> None:
        config = run.config
        check_images(run, dataset)
        check_fits(config, dataset)
        super().__init__(config, run.info, dataset)
        self.run = run
        self.num_steps = self.position.batches_per_epoch * config.train.epochs
        #: The best validation ELBO so far, and the step that it was measured at.
        self.best_elbo: float | None = None
        self.best_step: int | None = None
        self._probe = Probe.of(dataset, self.device)
        #: What the run's folder may take, and what follows from it.
        self.size = run_size(config, run.info, run.path)
        self._snapshot_steps = snapshot_steps(self.num_steps, self.size.num_snapshots)
        self._is_large = self.size.weights > LARGE
        self._lives, self._checkpoints, self._bests = (
            Throttle(WRITING_SHARE, seconds)
            for seconds in (LIVE_SECONDS, config.train.checkpoint_seconds, 0.0)
        )
        #: The best weights, where they wait to be written.
        self._waiting_best: dict[str, Tensor] | None = None
        # What has been done, in steps and epochs, and when.
        self._newest_snapshot: int | None = None
        self._evaluated_epochs = self._kept_step = 0
        self._lived = self._checkpointed = -math.inf

    def _rows(self) -> dict[str, object]:
        best = None if self.best_elbo is None else f"{self.best_elbo:,.2f} nats, at step {self.best_step:,}"
        return {"run": self.run.name, **super()._rows(), "best validation ELBO": best}

    def _flush(self) -> Iterator[Report]:
        """Write the means of the steps since the last line, if there were any."""
        if self._means.num_steps:
            yield self.journal.train(self._means, **self._settings.take().recorded(self.config))

    @property
    def _recorded(self) -> dict[str, float]:
        """What the last step was taken with, for what is measured after it."""
        return self.taken_with.recorded(self.config)

    @property
    def _shown(self) -> dict[str, float]:
        """The same for the status, where a β set by hand is seen before a step is taken with it."""
        return {**self._recorded, "beta": self.beta} if self._is_steered else self._recorded

    def _snapshot(self) -> Iterator[Report]:
        if self.position.step == self._newest_snapshot:
            return
        yield from self._flush()
        if not self.size.most_snapshots:
            return
        thin_snapshots(self.run, self.size.most_snapshots - 1)
        position = {**self.journal.where(), **self._recorded}
        write_snapshot(self.run, self.model, self._probe, position, in_half=self.size.is_halved)
        self._newest_snapshot = self.position.step
        # Stops and longer budgets make more of them than were asked for.
        thin_snapshots(self.run, max(2, 2 * self.size.asked))
        yield self.journal.event("snapshot")

    def _keep_best(self) -> None:
        """The checkpoint first: its weights are the best ones, so that a kill between the two loses nothing."""
        self._waiting_best = None
        self._checkpoint()
        self._save_best(cpu_weights(self.model))

    def _save_best(self, weights: dict[str, Tensor]) -> None:
        state = {"step": self.best_step, "elbo": self.best_elbo}
        save(self.run.checkpoints_dir, "best", weights, state)

    def _live(self) -> None:
        """Show the newest weights."""
        if self.position.step != self.journal.live_step:
            check_divergence(cpu_weights(self.model))
            write_live(self.run, cpu_weights(self.model), self.position.step)
            self.journal.live_step = self.position.step
            self._status(self.journal.state)
        self._lived = time.perf_counter()

    def _checkpoint(self) -> None:
        """Keep all that is needed to go on from here exactly, and before it the best weights, if they wait."""
        if self._waiting_best is not None:
            self._save_best(self._waiting_best)
            self._waiting_best = None
        tensors = training_tensors(self.model, self.optimizer, self.order_at_epoch_start, self.generators)
        check_divergence(tensors)
        self.journal.metrics.sync()
        point = ResumePoint(
            epochs=self.position.epochs,
            batch=self.position.batch,
            evaluated_epochs=self._evaluated_epochs,
            seconds=self.journal.clock.seconds,
            best_elbo=self.best_elbo,
            best_step=self.best_step,
            newest_snapshot=-1 if self._newest_snapshot is None else self._newest_snapshot,
            beta_by_hand=self.beta_by_hand,
            **self._recorded,
            metrics_offset=self.journal.metrics.offset,
        )
        # Losing step 0 to a power failure is no loss, and somebody waits for the first point of the curves.
        save(self.run.checkpoints_dir, "last", tensors, point.to_dict(), durable=self.position.step > 0)
        self._kept_step, self._checkpointed = self.position.step, time.perf_counter()

    def _keep_steps(self) -> Iterator[Report]:
        """A checkpoint if there is none of this step, before what ends a training: that can be made again."""
        if self._kept_step != self.position.step:
            yield from self._flush()
            self._checkpoint()

    def _status(self, state: State, error: str | None = None) -> None:
        self.journal.status(state, error=error, **self._shown)

    def _restore(self) -> ResumePoint | None:
        """Take up the last checkpoint, if the run has one; drop what was written after it."""
        position, kept = self.position, last_checkpoint(self.run, self.position, self.config.train.epochs)
        if kept is None:
            self.run.drop_snapshots_after(-1)
            return None
        tensors, point = kept
        self.order_at_epoch_start = restore_training(tensors, self.model, self.optimizer, self.generators)
        position.epochs, position.batch = point.epochs, point.batch
        self.beta_by_hand = point.beta_by_hand
        self.taken_with = point.taken_with(self.config, position)
        self.best_elbo, self.best_step = point.best_elbo, point.best_step
        self._evaluated_epochs, self._kept_step = point.evaluated_epochs, position.step
        if self.best_step == position.step:
            self._save_best(
                cpu_weights(self.model)
            )  # the process before us may have been killed before it could
        # One that was written after the checkpoint is made again, so that history and folder tell the same.
        newest = position.step if point.newest_snapshot is None else point.newest_snapshot
        self.run.drop_snapshots_after(newest)
        self._newest_snapshot = max(self.run.snapshots(), default=None)
        return point
