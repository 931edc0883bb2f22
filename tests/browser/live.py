"""Runs that are at work for as long as a test wants, without a trainer: this process holds their locks and writes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from tests.browser.server import Server
from tests.browser.shelf import Shelf
from vae.runs.metrics import MetricsWriter
from vae.runs.run import Run
from vae.runs.status import Status, this_host

if TYPE_CHECKING:
    from tests.browser.tab import App

#: Step and distortion of the training lines that the page holds.
HELD = """
  const { stream, stop } = module.listen(argument, {})
  stop()
  return stream.history.train.map(({ step, distortion }) => [step, distortion])
"""


class LiveRuns:
    """Writes a line for each of some runs, every so many seconds."""

    def __init__(self, runs: list[Run], seconds: float) -> None:
        self.runs, self._seconds = runs, seconds
        self.steps = dict.fromkeys((run.id for run in runs), 10_000)
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def write(self, run: Run) -> None:
        """Write one line and the status that goes with it."""
        with self._lock, suppress(OSError):
            self.steps[run.id] += 1
            step = self.steps[run.id]
            with MetricsWriter(run.metrics_path) as writer:
                writer.write(line(step))
            run.write_status(status(run, step), durable=False)

    def _work(self) -> None:
        while not self._ending.wait(self._seconds):
            for run in self.runs:
                self.write(run)

    def stop(self) -> None:
        """Write no more."""
        self._ending.set()
        self._thread.join()


def line(step: int) -> dict[str, Any]:
    return {
        "split": "train", "step": step, "epoch": step / 100, "seconds": step / 50, "beta": 1.0,
        "distortion": 20.0 + step % 7, "rate": 2.0, "elbo": -22.0 - step % 7, "rate_per_dim": [1.0, 1.0],
        "num_steps": 1, "images_per_second": 100.0,
    }  # fmt: skip


def status(run: Run, step: int) -> Status:
    return run.status_as_written().replace(
        state="running",
        step=step,
        epoch=step / 100,
        num_steps=100_000,
        heartbeat=time.time(),
        host=this_host(),
    )


@contextmanager
def live_runs(shelf: Shelf, server: Server, names: list[str], seconds: float = 0.25) -> Iterator[LiveRuns]:
    """Runs of these names on a server, each with a line every so many seconds until the block ends."""
    runs = [shelf.put("digits", server, name) for name in names]
    with ExitStack() as stack:
        for run in runs:
            stack.enter_context(run.lock())
            run.write_status(status(run, 10_000))
        found = LiveRuns(runs, seconds)
        try:
            yield found
        finally:
            found.stop()
            for run in runs:
                run.write_status(run.status_as_written().replace(state="stopped"))


def written(run: Run) -> list[list[float]]:
    """Step and distortion of the training lines of the history."""
    if not run.metrics_path.exists():
        return []
    lines = [json.loads(text) for text in run.metrics_path.read_text().split("\n")[:-1]]
    return [[line["step"], line["distortion"]] for line in lines if line.get("split") == "train"]


def holds_all(app: App, run: Run) -> None:
    """Pause, and compare what the page holds with what was written: nothing lost, nothing twice."""
    run.request(command="pause")
    app.until(lambda: run.status().state == "paused", "no pause")
    app.until(
        lambda: app.module("/source/stream.js", HELD, run.id) == written(run), "the page holds other points"
    )
    steps = [step for step, _ in written(run)]
    assert steps == sorted(set(steps))
