"""The trainer: a readable loop that writes a run directory and follows its control."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Literal

from torch import Tensor

from vae.data.dataset import Dataset
from vae.diagnostics.diagnose import live_numbers
from vae.errors import UserError
from vae.evaluation.elbo import evaluate
from vae.latent.embedding import LATENT_FILE, embed
from vae.objectives.schedules import learning_rate_at, plateau
from vae.runs.metrics import MetricsWriter
from vae.runs.run import Run
from vae.runs.snapshots import (
    cpu_weights,
    load_model,
)
from vae.runs.weights_file import LIVE
from vae.runtime.eval_mode import asking
from vae.storage.confined import remove
from vae.storage.finite_tensors import Diverged, check_divergence
from vae.storage.safetensors_io import save
from vae.training.adam import set_learning_rate
from vae.training.control import CONTROL_SECONDS, ControlReader
from vae.training.position import Stopwatch
from vae.training.recorded_learner import LIVE_SECONDS, RecordedLearner
from vae.training.run_log import Report, RunLog, divergence_sentence, what_went_wrong
from vae.training.running_means import Means, SettingsMean
from vae.training.step_effect import StepEffect

#: After so many epochs, in which a collapse happens, an evaluation has live numbers of the latent space only once in so
#: many training images: many epochs of a small set are over in the time that a few of these numbers take.
LIVE_EPOCHS = 10
LIVE_IMAGES = 5_000


class _BrokenOff(Exception):
    """The user wants to stop in the middle of something that can be made again."""


class Trainer(RecordedLearner):
    """Trains the model of a run and writes all that happens into the run's directory.

    A run that was begun goes on exactly where its last checkpoint left it: on the CPU, with one seed and one machine,
    the numbers are bit for bit those of a run never stopped.

    Args:
        run: An opened run.
        dataset: Its images, as `vae.images_of(run)` gives them.

    Raises:
        UserError: If the images are not those that the run was made for, or the device is not there.
    """

    def __init__(self, run: Run, dataset: Dataset) -> None:
        super().__init__(run, dataset)
        #: Set it to stop after the current step, as the user can through the run directory.
        self.stop_requested = False
        #: Set it beside `stop_requested` to leave out what can be made again, once the checkpoint is written.
        self.is_hurried = False
        self._is_between_steps, self._is_single_step = True, False

    def train(self, *, afresh: bool = True) -> Iterator[Report]:
        """Train to the end, or until the user stops it, and report on the way.

        Whoever stops drawing reports stops the training; it can go on from there.

        Args:
            afresh: Forget a pause or stop that was asked for before; β and pace stay as asked. False is for a
                server that did so itself when it put the run into its queue.

        Raises:
            UserError: If another trainer is at work on the run, its checkpoint is damaged, or nothing is left to train.
            OSError: If the disk is full; the last checkpoint stays good.
        """
        with self.run.lock():
            if afresh and self.run.control().command != "run":
                self.run.request(command="run")
            self._wishes, self._is_paused = (
                ControlReader(self.run, self.config.train.max_images_per_second),
                False,
            )
            self._means = Means.zero(self.config.model.latent_dim, self.device)
            self._settings, self._is_steered = SettingsMean(), False
            point = self._restore()
            # Latent positions belong to the best weights, and these will change.
            remove(self.run.path / f"{LATENT_FILE}.safetensors")
            with MetricsWriter(self.run.metrics_path) as metrics:
                metrics.truncate(point.metrics_offset if point else 0)
                clock = Stopwatch(point.seconds if point else 0.0)
                self.journal = RunLog(self.run, metrics, self.position, self.num_steps, clock)
                with self.journal.beating():
                    try:
                        yield from self._train_or_diverge()
                    except GeneratorExit:
                        self._leave()
                        raise
                    except Exception as error:
                        self._fail(error)
                        raise

    def _train_or_diverge(self) -> Iterator[Report]:
        try:
            yield from self._train()
        except Diverged:
            yield self._diverged()

    def _train(self) -> Iterator[Report]:
        self._status("running")
        yield self.journal.event("resume" if self.position.step else "start", beta=self.beta)
        yield from self._keep_up()  # what a process before this one did not get to, and the checkpoint of step 0
        while self.position.epochs < self.config.train.epochs:
            set_learning_rate(self.optimizer, learning_rate_at(self.config.train, self.position.epochs))
            for images, labels in self.batches():
                yield from self._obey()
                if self.stop_requested:
                    yield from self._end("stopped", "stop")
                    return
                self._is_between_steps = False
                x = self.dataset.pixels(images, self.noise)
                effect = self._single_step(x, labels)
                self._means.add(self.step(x, labels), len(images))
                self._settings.add(self.taken_with)
                self._is_steered = False
                if self.position.advance():
                    self.order_at_epoch_start = self.order.get_state()
                self._is_between_steps = True
                if effect is not None and (found := effect.after()) is not None:
                    yield self.journal.event("step", beta=self.taken_with.beta, **found)
                yield from self._keep_up()
        if self.stop_requested and self._is_evaluation_due:
            yield from self._end("stopped", "stop")  # broken off; who resumes the run has it finished
        else:
            yield from self._end("finished", "finish")

    # What is due on the way ---------------------------------------------------------------------------------------

    def _keep_up(self) -> Iterator[Report]:
        """Whatever is due at this step; nothing is done twice, so that a resumed run can ask again.

        Where the user wants to stop, the checkpoint comes first, and nothing else is begun. So it does at the end.
        """
        if self.stop_requested:
            return
        if self.position.epochs == self.config.train.epochs:
            yield from self._keep_steps()
        if self.journal.is_line_due:
            yield from self._flush()
        if self.position.step in self._snapshot_steps:
            yield from self._snapshot()
        if self._is_evaluation_due:
            yield from self._evaluate()
        now = time.perf_counter()
        if now - self._lived >= LIVE_SECONDS and (not self._is_large or self._lives.is_due):
            self._lives.take(self._live)
        if now - self._checkpointed >= self.config.train.checkpoint_seconds and (
            not self._is_large or self._checkpoints.is_due
        ):
            yield from self._flush()
            self._checkpoints.take(self._checkpoint)
        self.journal.beat(**self._shown)

    @property
    def _is_evaluation_due(self) -> bool:
        epochs, total = self.position.epochs, self.config.train.epochs
        if self.position.batch or epochs == self._evaluated_epochs or not len(self.dataset.validation):
            return False
        every = self.config.train.eval_every or max(1, total // 100)
        return epochs % every == 0 or epochs == total

    def _evaluate(self) -> Iterator[Report]:
        yield from self._flush()
        heard: list[Report] = []
        try:
            with asking(lambda: self._heed(heard), self.model.encoder, self.model.decoder):
                result = evaluate(self.model, self.dataset, "validation", seed=self.config.train.seed)
                if not math.isfinite(result.elbo):
                    raise Diverged
                x, y = self._probe.x, self._probe.labels
                found = live_numbers(self.model, x, y) if self._are_live_numbers_due else {}
        except _BrokenOff:
            yield from heard
            return  # nothing of it is recorded: it is made whole when training goes on
        yield from heard
        self._evaluated_epochs = self.position.epochs
        report = self.journal.validation(result, diagnosis=found, **self._recorded)
        # Judged at β = 1: on the annealed objective the epoch with the smallest β would win.
        if self.best_elbo is None or result.elbo > self.best_elbo:
            self.best_elbo, self.best_step = result.elbo, self.position.step
            if (
                self._is_large and not self._bests.is_due
            ):  # to write them each time would take longer than to train
                self._waiting_best = {
                    name: tensor.clone() for name, tensor in cpu_weights(self.model).items()
                }
            else:
                self._bests.take(self._keep_best)
        yield report

    def _heed(self, heard: list[Report]) -> None:
        """In the middle of an evaluation: hear a new β, and leave off for a stop."""
        heard.extend(self._look())
        if self.stop_requested:
            raise _BrokenOff

    @property
    def _are_live_numbers_due(self) -> bool:
        epochs, num = self.position.epochs, self.position.num_images
        before = math.ceil(self._evaluated_epochs * num / LIVE_IMAGES)
        return epochs <= LIVE_EPOCHS or math.ceil(epochs * num / LIVE_IMAGES) > before

    # The user's wishes ------------------------------------------------------------------------------------------------

    def _obey(self) -> Iterator[Report]:
        """Before a step: do what the user wants, hold the pace, and wait while paused."""
        yield from self._look()
        while not (self.stop_requested or self._wishes.pause) and (
            seconds := self._wishes.seconds_to_wait(self.config.train.batch_size)
        ):
            time.sleep(min(seconds, CONTROL_SECONDS))
            yield from self._keep_up()
            yield from self._look()
        if self._is_paused or self._wishes.pause:
            yield from self._pause()

    def _look(self) -> Iterator[Report]:
        """Look at the user's wishes if it is time; a new β is in force, and marked, at once."""
        if not self._wishes.look():
            return
        self.stop_requested |= self._wishes.stop
        if self._wishes.beta != self.beta_by_hand:
            yield from self._flush()
            before, self.beta_by_hand = self._shown["beta"], self._wishes.beta
            self._is_steered = True
            self._status(self.journal.state)
            by_hand = self.beta_by_hand is not None
            yield self.journal.event("beta", before=before, beta=self.beta, by_hand=by_hand)

    def _pause(self) -> Iterator[Report]:
        """Wait until the user goes on, stops, or asks for a single step; after that step we come back here."""
        yield from self._flush()
        self.journal.clock.halt()  # time spent paused is no training time
        if not self._is_paused:
            self._is_paused = True
            yield self.journal.event("pause")
            self._checkpoint()
            self._status("paused")
        self._live()
        while self._wishes.pause and not self.stop_requested:
            if self._wishes.take_step():
                self._is_single_step = True
                self.journal.clock.go_on()
                return
            time.sleep(CONTROL_SECONDS / 2)
            self.journal.beat(**self._shown)
            yield from self._look()
        self.journal.clock.go_on()
        self._is_paused = False
        if not self.stop_requested:
            self._status("running")
            yield self.journal.event("resume", beta=self.beta)

    def _single_step(self, x: Tensor, labels: Tensor | None) -> StepEffect | None:
        """What measures the step that somebody asked for in the pause; None where training goes on by itself."""
        if not self._is_single_step:
            return None
        self._is_single_step = False
        return StepEffect(self.model, x, self._weighed(labels), seed=self.position.step)

    # The end, the bad ends, and going on ------------------------------------------------------------------------------

    def _end(self, state: Literal["finished", "stopped"], event: str) -> Iterator[Report]:
        yield from self._keep_steps()
        if self.config.train.num_snapshots and not self.is_hurried:
            yield from self._snapshot()
        self._live()
        report = self.journal.event(event)
        self._checkpoint()
        self._embed()
        self._status(state)
        self.stop_requested = False
        yield report

    def _embed(self) -> None:
        """Keep the latent positions of the test images, for pages to find: without them they compute their own."""

        def ask() -> None:
            if self.is_hurried:
                raise _BrokenOff

        try:
            ask()
            model = load_model(self.run, "best")
            with asking(ask, model.encoder):
                embedding = embed(model, self.dataset, "test").to_tensors()
            check_divergence(embedding)
            save(self.run.path, LATENT_FILE, embedding, {"part": "test", **self.journal.where()})
        except _BrokenOff:
            pass
        except Exception as error:  # whatever it is, all that was trained is kept
            with suppress(OSError):
                self.journal.event("no latent positions", why=what_went_wrong(error))

    def _diverged(self) -> Report:
        sentence = divergence_sentence(
            self.config,
            plateau(self.config.objective, self.beta_by_hand),
            self.position.step,
            self._kept_step,
        )
        report = self.journal.event("diverged")
        self._status("diverged", sentence)
        return report

    def _leave(self) -> None:
        """Keep the place when nobody draws reports any more."""
        if self.journal.state not in ("running", "paused"):
            return
        with suppress(Diverged, OSError):  # then the checkpoint before holds
            for _ in self._flush():
                pass
            self.journal.event("stop")
            self._checkpoint()
            self._status("stopped")

    def _fail(self, error: Exception) -> None:
        """Say why the run stopped. On a full disk the newest weights make room for the sentence."""
        sentence = what_went_wrong(error)
        if self._is_between_steps and not isinstance(error, (OSError, UserError)):
            with suppress(Exception):  # memory that an evaluation lacked: the steps before it are whole
                for _ in self._flush():
                    pass
                self._checkpoint()
        try:
            self._status("failed", sentence)
        except OSError:
            with suppress(OSError):
                remove(self.run.path / f"{LIVE}.safetensors")
                self._status("failed", sentence)
