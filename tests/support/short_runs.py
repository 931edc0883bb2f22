"""Short trainings of a small model on the digits, and what is compared of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vae.config.schema import ModelConfig, RunConfig, TrainConfig
from vae.data.dataset import Dataset
from vae.data.dataset import load_dataset as load_data
from vae.runs.metric_lines import Line
from vae.runs.metrics import MetricsReader
from vae.runs.run import Run
from vae.runs.snapshots import load_weights
from vae.storage.safetensors_io import load
from vae.training.run_log import Report
from vae.training.trainer import Trainer

#: Six steps an epoch.
TRAIN = TrainConfig(epochs=4, batch_size=256, seed=7, device="cpu", num_snapshots=5, checkpoint_seconds=1e-6)
SMALL = RunConfig(model=ModelConfig(hidden=(8,)), train=TRAIN)
#: No checkpoint but that of step 0 and those that are under test.
RARE = SMALL.replace(train=TRAIN.replace(checkpoint_seconds=1e6))

Hook = Callable[[Run, Report], None]


def create(folder: Path, config: RunConfig = SMALL) -> tuple[Run, Dataset]:
    dataset = load_data(config.data)
    return Run.create(folder, config, dataset.info()), dataset


def train(folder: Path, config: RunConfig = SMALL, hook: Hook | None = None) -> Run:
    """Train a new run, or go on with one; the hook hears of everything and may ask for something."""
    run, dataset = (Run.open(folder), load_data(config.data)) if folder.exists() else create(folder, config)
    for report in Trainer(run, dataset).train():
        if hook is not None:
            hook(run, report)
    return run


def wishing(wishes: dict[int, dict[str, Any]]) -> Hook:
    """Ask for something once the step has been made; it is heard before the next."""

    def hook(run: Run, report: Report) -> None:
        if report.kind == "train" and report.line["step"] in wishes:
            run.request(**wishes[report.line["step"]])

    return hook


def lines(run: Run) -> list[Line]:
    return MetricsReader(run.metrics_path).read()[1]


def numbers(run: Run, split: str) -> list[Line]:
    """The lines of a split without what the clock says."""
    timed = ("seconds", "images_per_second")
    return [
        {name: value for name, value in line.items() if name not in timed}
        for line in lines(run)
        if line.get("split") == split
    ]


def events(run: Run, name: str | None = None) -> list[Line]:
    return [line for line in lines(run) if "event" in line and name in (None, line["event"])]


def changes(run: Run) -> list[tuple[int, float, float]]:
    """Steps at which β changed, with β before and after."""
    return [(line["step"], line["before"], line["beta"]) for line in events(run, "beta")]


def assert_same_tensors(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor), name  # bit for bit: no tolerance


def assert_same_run(found: Run, expected: Run) -> None:
    """Weights, optimiser, random state, position, best weights, latent positions, snapshots and metrics are equal."""
    for name in ("last", "best"):
        tensors, state = load(found.checkpoints_dir, name)
        other_tensors, other_state = load(expected.checkpoints_dir, name)
        assert_same_tensors(tensors, other_tensors)
        for timed in ("seconds", "metrics_offset"):
            state.pop(timed, None), other_state.pop(timed, None)
        assert state == other_state
    assert_same_tensors(load(found.path, "latent")[0], load(expected.path, "latent")[0])
    assert set(expected.snapshots()) <= set(found.snapshots())
    for step in expected.snapshots():
        assert_same_tensors(load_weights(found, step), load_weights(expected, step))
        probes = [load(run.snapshot_dir(step), "probe")[0] for run in (found, expected)]
        assert_same_tensors(*probes)
    assert numbers(found, "train") == numbers(expected, "train")
    assert numbers(found, "validation") == numbers(expected, "validation")


LONG = SMALL.replace(
    train=TRAIN.replace(epochs=100_000, batch_size=64, checkpoint_seconds=20, num_snapshots=2)
)


class Live:
    """A trainer in a thread of its own, which ends with the block."""

    def __init__(self, made: tuple[Run, Dataset]) -> None:
        self.run, self.dataset = made
        self.failed: list[BaseException] = []
        self._thread = threading.Thread(target=self._work)

    def _work(self) -> None:
        try:
            for _ in Trainer(self.run, self.dataset).train():
                pass
        except BaseException as error:
            self.failed.append(error)

    def __enter__(self) -> Live:
        self._thread.start()
        self.wait_for(lambda: self.run.status().state == "running")
        return self

    def __exit__(self, *_: object) -> None:
        self.run.request(command="stop")
        self._thread.join(timeout=30)
        assert not self._thread.is_alive()
        assert not self.failed, self.failed

    def beat(self) -> None:
        """Wait for the next heartbeat: the trainer has looked at what is wished since this was asked."""
        before = self.run.status().heartbeat
        self.wait_for(lambda: self.run.status().heartbeat > before)

    def wait_for(self, is_so: Callable[[], object], seconds: float = 20) -> float:
        """Seconds until it was so."""
        began = time.perf_counter()
        while not is_so():
            assert time.perf_counter() - began < seconds, "it never came"
            time.sleep(0.005)
        return time.perf_counter() - began


def kept_step(run: Run) -> int:
    """The step of a run's last checkpoint."""
    point = load(run.checkpoints_dir, "last")[1]
    return int(point["epochs"]) * 6 + int(point["batch"])
