"""Writes down what somebody's own training loop does, as `vae.engine.Trainer` does of ours."""

from __future__ import annotations

import math
import time
import warnings
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from statistics import median
from types import TracebackType
from typing import Literal, Self

import torch
from torch import Tensor

from vae.checkpoints import save
from vae.diagnostics import live_numbers
from vae.errors import UserError, clean
from vae.evaluation import evaluate
from vae.first_steps import FirstSteps
from vae.journal import METRICS_SECONDS, Diverged, Journal, Means, Position, Stopwatch, what_went_wrong
from vae.latent import LATENT_FILE, embed
from vae.likelihoods import Gaussian, LearnedGaussian
from vae.loop_scale import constant_of, likeliest
from vae.metrics import MetricsWriter
from vae.randomness import generator
from vae.runs import Run
from vae.snapshots import (
    Probe,
    load_model,
    snapshot_steps,
    thin_snapshots,
    write_live,
    write_snapshot,
)
from vae.turns import Turns
from vae.undisturbed import undisturbed
from vae.watch_export import Exports
from vae.watch_notes import write_notes
from vae.watch_setup import Watched, number
from vae.wishes import CONTROL_SECONDS, Wishes

#: Images that a line of metrics is computed on.
NUM_AT_A_LINE = 128
#: Shares of the training's time that lines, live weights and evaluations may take.
LINE_SHARE, LIVE_SHARE, EVALUATION_SHARE = 0.02, 0.01, 0.02
LIVE_SECONDS = 0.5
#: Comparisons after which the scale of what the loop reports is first said.
NUM_COMPARISONS = 20
#: Rates below this are not compared, nats: nothing divided by nothing.
_SMALLEST_RATE = 0.05


class Watcher:
    """Writes down what a training loop does; made by `vae.watching.watch`.

    Attributes:
        run: The run directory.
        dataset: The images as they were split; train on its ``train`` part, so that the others are held out.
        stop_requested: Whether somebody pressed Stop in the dashboard: leave your loop.
        problem: Why the networks could not be kept for the pages that show pictures, as a sentence; empty if they are.
    """

    def __init__(self, run: Run, watched: Watched, position: Position) -> None:
        self.run, self.dataset, self.stop_requested = run, watched.dataset, False
        self._watched, self._model, self._position = watched, watched.model, position
        self._functions = (watched.encoder, watched.decoder)
        device = next(self._model.parameters()).device
        self._device, self._probe = device, Probe.of(self.dataset, device)
        self._noise, self._order = generator(0, "noise", device), generator(0, "order")
        self._means = Means.zero(run.config.model.latent_dim, device)
        self._steps = 0
        self._reported: dict[str, Tensor | float] = {}
        self._num_reported: dict[str, int] = {}
        self._latest: dict[str, Tensor | float] = {}
        self._compared: dict[str, deque[float]] = {
            name: deque(maxlen=500) for name in ("reconstruction", "kl", "loss")
        }
        self._num_compared = 0
        self._first_steps = FirstSteps(self._model, self.dataset, device)
        self._beta_of_loop: float | None = None
        self._wishes = Wishes(run, 0)
        self._wishes.look()
        self._lines = Turns(LINE_SHARE, METRICS_SECONDS)
        self._lives = Turns(LIVE_SHARE, LIVE_SECONDS)
        self._evaluations = Turns(EVALUATION_SHARE)
        self._best_elbo: float | None = None
        self._evaluated = self._newest_snapshot = -1
        epochs, train = watched.epochs, run.config.train
        num_steps = 0 if epochs is None else position.batches_per_epoch * epochs
        self._snapshot_steps = None if epochs is None else snapshot_steps(num_steps, train.num_snapshots)
        self._snapshot_gap = 1.0
        self._held = ExitStack()
        self._held.enter_context(run.lock())
        try:
            metrics = self._held.enter_context(MetricsWriter(run.metrics_path))
            self._journal = Journal(run, metrics, position, num_steps, Stopwatch())
            with undisturbed(*self._functions):
                self._exports = Exports(self._model, self._probe)
            self.problem = self._exports.problem
            options = {**watched.options, "problem": self.problem}
            write_notes(run, options)
            for sentence in [*watched.warnings, *([self.problem] if self.problem else [])]:
                warnings.warn(clean(sentence), stacklevel=3)
            self._journal.status("running", self.beta)
            self._journal.event("start", beta=self.beta)
        except BaseException:
            self._held.close()
            raise
        self._guarded(self._keep_up)
        self._guarded(self._first_steps.measure)

    # What the loop says ---------------------------------------------------------------------------------------------

    @property
    def beta(self) -> float:
        """The weight of the KL: as the dashboard's slider has it, else as the loop last said, else as at first."""
        if self._wishes.beta is not None:
            return self._wishes.beta
        return self.run.config.objective.beta if self._beta_of_loop is None else self._beta_of_loop

    @property
    def is_watching(self) -> bool:
        """Whether what happens is still written down: not after the end, a divergence or a full disk."""
        return self._journal.state in ("running", "paused")

    def step(
        self,
        loss: Tensor | float | None = None,
        *,
        reconstruction: Tensor | float | None = None,
        kl: Tensor | float | None = None,
        beta: float | None = None,
    ) -> None:
        """Say that one step of the optimiser was made. All values are optional, and no device is waited for.

        While the run is paused in the dashboard, this waits.

        Args:
            loss: The loss of this step's batch, as the loop has it.
            reconstruction: Its first term.
            kl: Its second term, without its weight.
            beta: That weight, if it changes during training.
        """
        if not self.is_watching:
            return
        for name, value in (("loss", loss), ("reconstruction", reconstruction), ("kl", kl)):
            if value is not None:
                value = value.detach().float().mean() if isinstance(value, Tensor) else float(value)
                self._reported[name] = self._reported.get(name, 0.0) + value
                self._num_reported[name] = self._num_reported.get(name, 0) + 1
                self._latest[name] = value
        if beta is not None:
            self._beta_of_loop = float(beta)
        if kl is not None:
            self._first_steps.reported(self._latest["kl"])
            if self._first_steps.is_due:
                self._guarded(self._first_steps.measure)
        self._steps += 1
        self._position.advance()
        is_evaluation = self._is_evaluation_due and self._evaluations.is_due
        if self._lines.is_due or self._is_snapshot_due or is_evaluation or self._wishes.pause:
            self._guarded(self._keep_up)

    def close(self) -> None:
        """End the run: the last line, snapshot and evaluation, and where the best networks put the test images."""
        if not self.is_watching:
            self._held.close()
            return
        self._guarded(self._finish)
        self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None or not self.is_watching:
            self.close()
        elif isinstance(error, Exception):
            self._give_up(error, quietly=True)
        else:  # Ctrl-C
            self.stop_requested = True
            self.close()

    # What is written on the way -------------------------------------------------------------------------------------

    def _guarded(self, work: Callable[[], None]) -> None:
        """Watching must never end a training: what goes wrong ends the watching, with a sentence."""
        try:
            with undisturbed(*self._functions):
                work()
        except Diverged:
            with suppress(OSError):
                self._journal.event("diverged")
                self._journal.status(
                    "diverged",
                    self.beta,
                    f"the loss must stay finite, but stopped being a number by step {self._position.step}; try a "
                    "smaller learning rate",
                )
            self._end()
        except Exception as error:
            self._give_up(error)

    def _give_up(self, error: Exception, *, quietly: bool = False) -> None:
        sentence = what_went_wrong(error)
        self._journal.state = "failed"
        with suppress(OSError):
            self._journal.status("failed", self.beta, sentence)
        self._end()
        if not quietly:
            warnings.warn(clean(f"the training is not watched any more: {sentence}"), stacklevel=4)

    def _end(self) -> None:
        self._held.close()
        epochs = math.ceil(self._position.epoch)
        if self._watched.epochs is None and epochs > 1:
            with suppress(UserError):
                self.run.extend(epochs - 1)  # by now it is known

    def _keep_up(self) -> None:
        self._refresh_sigma()
        self._look()
        if self._lines.is_due:
            self._lines.take(self._line)
        if self._is_snapshot_due:
            self._snapshot()
        if self._is_evaluation_due and self._evaluations.is_due:
            self._evaluations.take(self._evaluate)
        if self._lives.is_due and not self.problem:
            self._lives.take(self._live)
        self._journal.beat(self.beta)
        self._wait_while_paused()

    def _finish(self) -> None:
        self._refresh_sigma()
        if self._steps:
            self._line()
        if self.run.config.train.num_snapshots:
            self._snapshot()
        if self._evaluated != self._position.step:
            self._evaluate()
        if not self.problem:
            self._live()
            embedding = embed(load_model(self.run, "best"), self.dataset, "test").to_tensors()
            save(self.run.path, LATENT_FILE, embedding, {"part": "test", **self._journal.where()})
        if self._num_compared:
            self._say_scale()
        state: Literal["stopped", "finished"] = "stopped" if self.stop_requested else "finished"
        self._journal.event("stop" if self.stop_requested else "finish")
        self._journal.status(state, self.beta)

    def _line(self) -> None:
        """The terms of now on some training images, beside what the loop reported since the last line."""
        places = torch.randint(len(self.dataset.train), (NUM_AT_A_LINE,), generator=self._order)
        index = self.dataset.train[places]
        x = self.dataset.pixels(self.dataset.images[index].to(self._device), self._noise)
        labels = None if self.dataset.labels is None else self.dataset.labels[index].to(self._device)
        self._means.add(self._model.terms(x, labels, self._noise).mean(), len(x))
        self._means.num_steps = max(1, self._steps)
        reported = {name: float(total) / self._num_reported[name] for name, total in self._reported.items()}
        self._steps, self._reported, self._num_reported = 0, {}, {}
        if not all(map(math.isfinite, reported.values())):
            raise Diverged
        more = {f"reported_{name}": value for name, value in reported.items()}
        line = self._journal.train(self._means, self.beta, **more).line
        if reported:
            # The newest step alone: the networks of the steps before it are not there any more.
            latest = {name: float(value) for name, value in self._latest.items()}
            self._compare(latest, line["distortion"], line["rate"])

    def _compare(self, reported: dict[str, float], distortion: float, rate: float) -> None:
        sigma = self._sigma()
        constant = constant_of(self.run.info.num_pixels, sigma)
        ours = {"reconstruction": distortion, "kl": rate, "loss": distortion + self.beta * rate}
        sizes = self.run.info.num_pixels, self._position.batch_size
        for name, value in reported.items():
            choices = [ours[name]] if name == "kl" else [ours[name], ours[name] - constant]
            is_large = name != "kl" or rate >= _SMALLEST_RATE
            ratios = [value / choice for choice in choices if is_large and choice and value / choice > 0]
            if ratios:
                self._compared[name].append(
                    likeliest(ratios, *sizes, sigma) if len(ratios) > 1 else ratios[0]
                )
        self._num_compared += 1
        if self._num_compared == NUM_COMPARISONS:
            self._say_scale()

    def _sigma(self) -> float | None:
        """The standard deviation of a Gaussian likelihood; None for the others."""
        likelihood = self._model.likelihood
        return float(likelihood.sigma) if isinstance(likelihood, Gaussian) else None

    def _say_scale(self) -> None:
        ratios = {f"{name}_ratio": median(found) if found else None for name, found in self._compared.items()}
        reconstruction, kl = ratios["reconstruction_ratio"], ratios["kl_ratio"]
        self._journal.event(
            "scale",
            **ratios,
            early_kl_ratio=self._first_steps.ratio(),
            num_comparisons=self._num_compared,
            num_pixels=self.run.info.num_pixels,
            latent_dim=self.run.config.model.latent_dim,
            batch_size=self._position.batch_size,
            effective_beta=self.beta * kl / reconstruction if kl and reconstruction else None,
        )

    @property
    def _is_snapshot_due(self) -> bool:
        step = self._position.step
        if step <= self._newest_snapshot or self.problem:
            return False
        if self._snapshot_steps is not None:
            return step in self._snapshot_steps
        if not self.run.config.train.num_snapshots:
            return False
        return math.sqrt(step) >= math.sqrt(max(0, self._newest_snapshot)) + self._snapshot_gap or step == 0

    def _snapshot(self) -> None:
        step = self._position.step
        if step == self._newest_snapshot or self.problem:
            return
        position = {**self._journal.where(), "beta": self.beta}
        write_snapshot(self.run, self._model, self._probe, position, self._exports.weights())
        self._newest_snapshot = step
        most = self.run.config.train.num_snapshots
        if self._snapshot_steps is None and len(self.run.snapshots()) > 2 * most:
            # Twice as many as were asked for: from here on half as often.
            thin_snapshots(self.run, most)
            self._snapshot_gap *= 2
        self._journal.event("snapshot")

    @property
    def _is_evaluation_due(self) -> bool:
        position = self._position
        if position.batch or position.step == self._evaluated or not len(self.dataset.validation):
            return False
        epochs = self._watched.epochs
        return epochs is None or position.epochs % max(1, epochs // 100) == 0

    def _evaluate(self) -> None:
        if not len(self.dataset.validation):
            return
        result = evaluate(self._model, self.dataset, "validation", seed=self.run.config.train.seed)
        if not math.isfinite(result.elbo):
            raise Diverged
        self._evaluated = self._position.step
        found = live_numbers(self._model, self._probe.x, self._probe.labels)
        self._journal.validation(result, self.beta, found)
        if self._best_elbo is None or result.elbo > self._best_elbo:
            self._best_elbo = result.elbo
            if not self.problem:
                state = {"step": self._position.step, "elbo": result.elbo}
                save(self.run.checkpoints_dir, "best", self._exports.weights(), state)

    def _live(self) -> None:
        step = self._position.step
        if step != self._journal.live_step:
            write_live(self.run, self._exports.weights(), step)
            self._journal.live_step = step

    def _refresh_sigma(self) -> None:
        """Take over the user's standard deviation, where they learn it."""
        if self._watched.sigma is not None and isinstance(self._model.likelihood, LearnedGaussian):
            fresh = LearnedGaussian(number(self._watched.sigma()))
            self._model.likelihood.load_state_dict(fresh.state_dict())

    # The user's wishes ----------------------------------------------------------------------------------------------

    def _look(self) -> None:
        before = self.beta
        if self._wishes.look():
            self.stop_requested |= self._wishes.stop
            if self.beta != before:
                by_hand = self._wishes.beta is not None
                self._journal.event("beta", before=before, beta=self.beta, by_hand=by_hand)

    def _wait_while_paused(self) -> None:
        if self._is_free_to_go():
            return
        self._journal.clock.halt()
        self._journal.event("pause")
        self._journal.status("paused", self.beta)
        while not self._is_free_to_go():
            time.sleep(CONTROL_SECONDS / 2)
            self._journal.beat(self.beta)
            self._look()
        self._journal.clock.go_on()
        self._journal.status("running", self.beta)
        self._journal.event("resume", beta=self.beta)

    def _is_free_to_go(self) -> bool:
        return not self._wishes.pause or self.stop_requested or self._wishes.take_step()
