"""The watcher: what a user's training loop calls while it is watched."""

from __future__ import annotations

import atexit
import math
import os
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Any, Literal, Self

from torch import Tensor

from vae.config.schema import RunConfig
from vae.data.dataset import Dataset
from vae.errors import clean
from vae.runs.run import Run
from vae.runs.watch_notes import write_notes
from vae.runtime import html
from vae.storage.finite_tensors import Diverged
from vae.training.control import CONTROL_SECONDS, ControlReader
from vae.training.position import Position
from vae.training.run_log import what_went_wrong
from vae.watching.isolation import undisturbed
from vae.watching.record import Record
from vae.watching.setup import Watched

#: Above any β that means something; as in the configuration of a run.
_LARGEST_BETA = 1e4
#: Those that were not closed yet.
_open: set[Watcher] = set()


class Watcher:
    """Writes down what a training loop does; made by `vae.watching.watch.watch`.

    Attributes:
        run: The run directory.
        problem: Why the networks could not be kept for the pages that show pictures, as a sentence; empty if they are.
        guesses: What was taken for granted of networks and data, and how to say otherwise, as sentences.
    """

    def __init__(
        self, run: Run, watched: Watched, position: Position, again: RunConfig | None = None
    ) -> None:
        self.run, self._watched, self._position = run, watched, position
        self.problem, self.guesses = watched.exports.problem, watched.guesses
        self.pid, self._is_stopped, self._has_stepped = os.getpid(), False, False
        # What the loop asks for, and whether it says its β.
        self._reads_beta = self._reads_stop = self._says_beta = False
        self._noted: tuple[bool, bool] | None = None
        self._read_beta: float | None = None
        self._beta_of_loop = self._beta = (again or run.config).objective.beta
        self._beta_before_hand: float | None = None
        self._wishes = ControlReader(run, 0)
        self._wishes.look()
        self._hand = self._wishes.beta
        self._held = ExitStack()
        self._held.enter_context(run.lock())
        try:
            if again is not None:
                run.amend(again)
                if run.control().command != "run":  # asked of the program before this one
                    run.request(command="run")
            self._record = Record(run, watched, position, self._held)
            self._journal = self._record.journal
            self._note()
            self._journal.status("running", self._beta)
            self._journal.event("start" if again is None else "resume", beta=self._beta)
        except BaseException:
            self._held.close()
            raise
        _open.add(self)
        self._guarded(lambda: self._record.keep_up(self._beta))
        self._guarded(self._record.reports.measure, as_in_training=True)

    def _repr_html_(self) -> str:
        """A card of the run and of what was taken for granted, in a notebook."""
        rows = {"folder": self.run.path, "epoch": f"{self._position.epoch:,.2f}"}
        said = [html.paragraph(guess) for guess in self.guesses]
        if self.problem:
            said.append(html.paragraph(self.problem, "No images:"))
        return html.card(f"Watching {self.run.name}", html.table(rows), *said)

    # What the loop asks ---------------------------------------------------------------------------------------------

    @property
    def dataset(self) -> Dataset:
        """The images as they were split; train on its ``train`` part, so that the others are held out."""
        return self._watched.dataset

    @property
    def beta(self) -> float:
        """The weight of the KL: as the dashboard's slider has it, else as the loop last said, else as at first."""
        self._look()
        self._reads_beta = True
        self._read_beta = self._beta_of_loop if self._hand is None else self._hand
        return self._read_beta

    @property
    def stop_requested(self) -> bool:
        """Whether somebody pressed Stop in the dashboard: leave your loop."""
        self._look()
        self._reads_stop = True
        return self._is_stopped

    @stop_requested.setter
    def stop_requested(self, value: bool) -> None:
        self._is_stopped = value

    @property
    def is_watching(self) -> bool:
        """Whether what happens is still written down: not after the end, a divergence or a full disk."""
        return self._journal.state in ("running", "paused")

    # What the loop says ---------------------------------------------------------------------------------------------

    def step(
        self,
        loss: Tensor | float | None = None,
        *,
        reconstruction: Tensor | float | None = None,
        kl: Tensor | float | None = None,
        beta: Tensor | float | None = None,
    ) -> None:
        """Say that one step of the optimiser was made. All values are optional, and no device is waited for.

        While the run is paused in the dashboard, this waits.

        Args:
            loss: The loss of this step's batch, as the loop has it.
            reconstruction: Its first term.
            kl: Its second term, without its weight.
            beta: That weight, if the loop sets it itself; what it says here goes before the dashboard's slider.
        """
        if not self.is_watching:
            return
        said = {"loss": loss, "reconstruction": reconstruction, "kl": kl, "beta": beta}
        values = {
            name: number for name, value in said.items() if (number := self._number(name, value)) is not None
        }
        self._has_stepped = True
        self._take_beta(values.pop("beta", None))
        self._record.count(self._beta)
        self._record.reports.add(values, self._beta)
        self._position.advance()
        if self._record.reports.is_due:
            self._guarded(self._record.reports.measure, as_in_training=True)
        if self._record.is_due or self._wishes.pause or self._beta_before_hand is not None:
            self._guarded(self._keep_up)
        while self._record.untold:  # here, for nothing is heard from within
            _tell(self._record.untold.pop(0), stacklevel=3)

    def _number(self, name: str, value: Any) -> Tensor | float | None:
        """A value that the loop reports, without its graph; what is none is told once, and the loop goes on."""
        try:
            if value is None:
                return None
            if isinstance(value, Tensor):
                if value.device.type == "meta":
                    raise ValueError("a meta tensor has no numbers")
                return value.detach().float().mean()
            return float(value.mean()) if hasattr(value, "mean") else float(value)
        except Exception:  # of whatever the loop has there: a training goes on
            self._tell_once(
                f"{name} must be a number or a tensor, got {type(value).__name__}; it is left out"
            )
            return None

    def _tell_once(self, sentence: str) -> None:
        if sentence not in self.guesses:
            self.guesses.append(sentence)
            _tell(sentence, stacklevel=5)

    def _said_beta(self, value: Tensor | float) -> float | None:
        """The β that the loop says; None, and told once, if it is none."""
        beta = float(value)
        if not (math.isfinite(beta) and beta <= _LARGEST_BETA):
            self._tell_once(
                f"beta must be a finite number of at most {_LARGEST_BETA:,.0f}, got {beta:.6g}; it is left out"
            )
            return None
        if beta < 0:
            self._tell_once(f"beta must be >= 0, got {beta:.6g}; it is recorded as 0")
        return max(0.0, beta)

    def _take_beta(self, said: Tensor | float | None) -> None:
        """Settle which β this step was taken with: what the loop says, else what it was told when it asked."""
        before = self._beta
        told = None if said is None else self._said_beta(said)
        if told is not None:
            self._says_beta, self._beta_of_loop = True, told
            self._beta = self._beta_of_loop
        elif self._read_beta is not None:
            self._beta = self._read_beta
        elif not (self._reads_beta or self._says_beta) and self._record.reports.weight is not None:
            self._beta_of_loop = self._beta = self._record.reports.weight
        if self._beta != before and self._beta == self._hand:
            self._beta_before_hand = before
        self._read_beta = None

    def close(self) -> None:
        """End the run: the last line, snapshot and evaluation, and where the best networks put the test images."""
        if not self.is_watching:
            self._held.close()
            return
        state: Literal["stopped", "finished"] = "stopped" if self._is_stopped else "finished"
        try:
            self._guarded(lambda: self._record.finish(self._beta, state))
        finally:  # also of a second Ctrl-C
            if self.is_watching:
                with suppress(OSError):
                    self._journal.status(state, self._beta)
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
            self._is_stopped = True
            self.close()

    # What is written on the way -------------------------------------------------------------------------------------

    def _guarded(self, work: Callable[[], object], *, as_in_training: bool = False) -> None:
        """Watching must never end a training: what goes wrong ends the watching, with a sentence."""
        if not self.is_watching:
            return
        try:
            with undisturbed(self._watched.reached, as_in_training=as_in_training):
                work()
        except Diverged:
            with suppress(OSError):
                self._journal.event("diverged")
                self._journal.status(
                    "diverged",
                    self._beta,
                    "the loss must stay finite, but stopped being a number by step "
                    f"{self._position.step}; try a smaller learning rate",
                )
            self._end()
        except Exception as error:
            self._give_up(error)

    def _give_up(self, error: Exception, *, quietly: bool = False) -> None:
        sentence = what_went_wrong(error)
        self._journal.state = "failed"
        with suppress(OSError):
            self._journal.status("failed", self._beta, sentence)
        self._end()
        if not quietly:
            _tell(f"the training is no longer watched: {sentence}", stacklevel=5)

    def _end(self) -> None:
        _open.discard(self)
        self._record.amend(None if self._beta == self._hand else self._beta)
        self._held.close()

    def _keep_up(self) -> None:
        self._look()
        if self._beta_before_hand is not None:
            self._journal.event("beta", before=self._beta_before_hand, beta=self._beta, by_hand=True)
            self._beta_before_hand = None
        self._record.keep_up(self._beta)
        if self._record.has_news or self._noted != (self._reads_beta, self._reads_stop):
            self._note()
        self._wait_while_paused()

    def _note(self) -> None:
        """Write down what pages need to know of the loop."""
        self._record.has_news = False
        self.problem = self._record.problem
        asks: dict[str, Any] = {}
        if self._has_stepped:
            self._noted = self._reads_beta, self._reads_stop
            asks = {"reads_beta": self._reads_beta, "reads_stop": self._reads_stop}
        notes = {**self._watched.options, "problem": self.problem, "guesses": self.guesses, **asks}
        write_notes(self.run, notes)

    # The user's wishes ----------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Look at what the dashboard wants, if the last look is old enough."""
        if self.is_watching and self._wishes.look():
            self._is_stopped |= self._wishes.stop
            self._hand = self._wishes.beta

    def _wait_while_paused(self) -> None:
        if self._is_free_to_go():
            return
        self._journal.clock.halt()
        self._journal.event("pause")
        self._journal.status("paused", self._beta)
        while not self._is_free_to_go():
            time.sleep(CONTROL_SECONDS / 2)
            self._journal.beat(self._beta)
            self._look()
        self._journal.clock.go_on()
        self._journal.status("running", self._beta)
        self._journal.event("resume", beta=self._beta)

    def _is_free_to_go(self) -> bool:
        return not self._wishes.pause or self._is_stopped or self._wishes.take_step()


def _tell(sentence: str, *, stacklevel: int) -> None:
    """Warn, and never raise: a program that takes warnings for errors goes on with its training."""
    sentence = clean(sentence)
    try:
        warnings.warn(sentence, stacklevel=stacklevel)
    except Warning:
        sys.stderr.write(f"{sentence}\n")


def watcher_of(run: Run) -> Watcher | None:
    """The watcher of this program that is still at work on a run."""
    return next((watcher for watcher in _open if watcher.run.path == run.path), None)


@atexit.register
def _close_all() -> None:
    """A program that ends with its watchers open ended its loops; one that ends by an error did not finish them."""
    is_script = not hasattr(sys, "ps1")  # an interactive session remembers errors of long ago
    error = getattr(sys, "last_value", None) if is_script else None
    for watcher in list(_open):
        if watcher.pid == os.getpid():  # and not the fork of a worker
            with suppress(Exception):
                watcher.__exit__(type(error) if error else None, error, None)
