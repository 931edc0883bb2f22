"""The trainer's log: metrics, events, and status."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from vae.config.registries import LIKELIHOODS
from vae.config.schema import RunConfig
from vae.errors import clean, memory_sentence
from vae.evaluation.elbo import Evaluation
from vae.runs.metrics import MetricsWriter
from vae.runs.run import Run
from vae.runs.status import State, Status, this_host
from vae.runtime import html
from vae.storage.atomic import disk_sentence
from vae.training.heartbeat import beating
from vae.training.position import Position, Stopwatch
from vae.training.running_means import Means

#: Seconds between two lines of metrics, and between two heartbeats.
METRICS_SECONDS, STATUS_SECONDS = 0.1, 0.5
#: Bytes of a history from which on there are fewer lines, and most seconds between two: a day of training then makes
#: about 35 MB of them instead of 200, and of 512 latent dimensions 130 instead of 10,000.
LONG_HISTORY, MOST_SECONDS = 8 << 20, 10.0
#: Seconds over which the speed is measured.
SPEED_SECONDS = 1.0


def divergence_sentence(config: RunConfig, beta: float, step: int, kept_step: int) -> str:
    """Why a run stopped whose loss is no number any more, and what to try.

    Args:
        config: Of the run.
        beta: What its schedule comes to, or as it is set by hand.
        step: Of the divergence, at the latest.
        kept_step: Of the last checkpoint.
    """
    train, model = config.train, config.model
    remedies = [f"a smaller train.learning_rate than {train.learning_rate:g}"]
    if beta > 1:
        remedies.append(f"a smaller beta than {beta:g}")
    if LIKELIHOODS.uses(model.likelihood, "sigma"):
        remedies.append(f"a larger model.sigma than {model.sigma:g}")
    return (
        f"the loss must stay finite, but stopped being a number by step {step}; the checkpoint of step {kept_step} is "
        f"kept; try {', or '.join(remedies)}"
    )


def what_went_wrong(error: Exception) -> str:
    """The sentence that a status carries of an error that ended the training."""
    if isinstance(error, OSError):
        return clean(disk_sentence(error))
    return memory_sentence(error) or clean(error) or type(error).__name__


@dataclass(frozen=True)
class Report:
    """Something that happened, as it was written to the run's metrics, for a progress bar or a notebook."""

    kind: Literal["train", "validation", "event"]
    line: dict[str, Any]

    def _repr_html_(self) -> str:
        """A card of the line, in a notebook."""
        return html.card(f"Report: {self.kind}", html.table(html.flat(self.line)))


@dataclass
class RunLog:
    """Writes lines and status of one run.

    Args:
        run: The run, locked by the trainer.
        metrics: Its open metrics file.
        position: The trainer's, read at every line.
        num_steps: Of the whole training.
        clock: Counts the seconds of training.
    """

    run: Run
    metrics: MetricsWriter
    position: Position
    num_steps: int
    clock: Stopwatch
    state: State = "starting"
    live_step: int | None = None
    images_per_second: float = 0.0
    _lined: float = -math.inf
    _beat: float = -math.inf
    _measured: tuple[float, int] = (0.0, 0)
    _said: Status | None = None
    _saying: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._measured = (self.clock.seconds, self.position.images)

    @property
    def is_line_due(self) -> bool:
        """Whether the last line is old enough for another: a long history grows more and more slowly."""
        long = (self.metrics.offset / LONG_HISTORY) ** 2
        return time.perf_counter() - self._lined >= min(MOST_SECONDS, METRICS_SECONDS * max(1.0, long))

    def where(self) -> dict[str, Any]:
        """Step, epoch and seconds of now, as every line has them."""
        return {
            "step": self.position.step,
            "epoch": round(self.position.epoch, 6),
            "seconds": round(self.clock.seconds, 3),
        }

    def train(self, means: Means, beta: float, **more: float) -> Report:
        """Write the means since the last line, and what else is known of these steps.

        Args:
            means: Of the terms.
            beta: That the steps were taken with, as a mean over them.
            more: What else they were taken with, or was reported of them.

        Raises:
            Diverged: If one of them is not finite.
        """
        values = means.take()
        self._measure_speed()
        speed = round(self.images_per_second, 1)
        line = {"split": "train", **self.where(), "beta": beta, **values, "images_per_second": speed, **more}
        self._lined = time.perf_counter()
        self.metrics.write(line)
        return Report("train", line)

    def validation(
        self,
        result: Evaluation,
        beta: float,
        diagnosis: Mapping[str, float] | None = None,
        **more: float,
    ) -> Report:
        """Write an evaluation on the validation part.

        Args:
            result: The evaluation.
            beta: That the last step before it was taken with.
            diagnosis: What `vae.diagnostics.diagnose.live_numbers` found.
            more: What else that step was taken with.
        """
        all_values = result.to_dict()
        values = {name: all_values[name] for name in ("distortion", "rate", "elbo", "rate_per_dim")}
        line = {"split": "validation", **self.where(), "beta": beta, **more, **values, **(diagnosis or {})}
        self.metrics.write(line)
        return Report("validation", line)

    def event(self, name: str, **values: Any) -> Report:
        """Write that something happened."""
        line = {"event": name, **self.where(), **values}
        self.metrics.write(line)
        return Report("event", line)

    def beat(self, beta: float, **more: float) -> None:
        """Renew the heartbeat if it is due."""
        if time.perf_counter() - self._beat >= STATUS_SECONDS:
            self.status(self.state, beta, None, **more)

    def status(self, state: State, beta: float, error: str | None = None, **more: float) -> None:
        """Write the status now.

        Args:
            state: What the trainer does.
            beta: That the last step was taken with, or that was set by hand since then.
            error: Why it ended, as a sentence.
            more: What else the last step was taken with: ``capacity``, ``learning_rate``.
        """
        # A mere heartbeat need not survive a power failure.
        durable = state != self.state or state not in ("running", "paused")
        self.state = state
        self._say(
            Status(
                state=state,
                pid=os.getpid(),
                host=this_host(),
                heartbeat=time.time(),
                step=self.position.step,
                epoch=self.position.epoch,
                num_steps=self.num_steps,
                seconds=self.clock.seconds,
                images_per_second=self.images_per_second,
                beta=beta,
                precision="bf16" if self.run.config.train.precision == "bf16" else None,
                live_step=self.live_step,
                error=error,
                **more,
            ),
            durable=durable,
        )

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Renew the heartbeat until the block ends whatever the trainer is at, where it does not do so itself."""
        with beating(self._renew, STATUS_SECONDS):
            yield

    def _renew(self) -> None:
        with self._saying:
            said, late = self._said, time.perf_counter() - self._beat >= 2 * STATUS_SECONDS
            if said is not None and said.is_active and late:
                self._write(said.replace(heartbeat=time.time()), durable=False)

    def _say(self, status: Status, *, durable: bool) -> None:
        with self._saying:
            self._write(status, durable=durable)

    def _write(self, status: Status, *, durable: bool) -> None:
        self._beat, self._said = time.perf_counter(), status
        self.run.write_status(status, durable=durable)

    def _measure_speed(self) -> None:
        seconds, images = self.clock.seconds, self.position.images
        since, images_then = self._measured
        is_long_enough = seconds - since >= SPEED_SECONDS
        if is_long_enough or not self.images_per_second:
            self.images_per_second = (images - images_then) / max(seconds - since, 1e-6)
        if is_long_enough:
            self._measured = (seconds, images)
