"""Runs for the queue of trainers, and what becomes of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from dashboard.jobs.trainers import Trainers
from vae.config.schema import ModelConfig, RunConfig, TrainConfig
from vae.data.dataset import load_dataset as load_data
from vae.runs.run import Run

#: Trains until it is asked to stop; five steps a second.
SLOW = RunConfig(
    model=ModelConfig(hidden=(8,)),
    train=TrainConfig(epochs=1000, batch_size=64, device="cpu", num_snapshots=0, max_images_per_second=320),
)
#: Trains for an instant.
QUICK = SLOW.replace(train=SLOW.train.replace(epochs=1, max_images_per_second=0))


def end(trainers: Trainers) -> None:
    """Close the server, and stop what it trains."""
    trainers.close()
    for run, process in trainers._working.values():
        while process.poll() is None:
            run.request(command="stop")
            time.sleep(0.05)


def create(root: Path, run_id: str, config: RunConfig = SLOW) -> Run:
    return Run.create(root / run_id, config, load_data(config.data).info())


def wait_until(is_so: Callable[[], object], seconds: float = 60) -> float:
    """Seconds until it was so."""
    began = time.perf_counter()
    while not is_so():
        assert time.perf_counter() - began < seconds, "it never came"
        time.sleep(0.01)
    return time.perf_counter() - began


def wait_for_rounds(trainers: Trainers, num: int = 3) -> None:
    """Wait until the queue has looked around so often, and has begun what it was going to."""
    for _ in range(num):
        before = trainers._made_round
        trainers._wake.set()
        wait_until(lambda before=before: trainers._made_round != before)


def state(run: Run) -> str:
    return run.status().state


def is_alive(pid: int) -> bool:
    try:
        # A zombie is as dead as can be; its parent has not asked for it yet.
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
