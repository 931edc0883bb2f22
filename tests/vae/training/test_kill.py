"""kill -9 at any moment: every run opens and goes on, and ends bit for bit as if nothing had happened."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.thorough import few
from vae.config.schema import DataConfig, ModelConfig, RunConfig, TrainConfig
from vae.data.dataset import load_dataset as load_data
from vae.runs.listing import list_runs
from vae.runs.metrics import MetricsReader
from vae.runs.run import Run
from vae.runs.snapshots import load_model, load_weights
from vae.storage.safetensors_io import load
from vae.training.trainer import Trainer

#: About a second of training, with a checkpoint as often as it goes.
CONFIG = RunConfig(
    data=DataConfig(binarize="dynamic"),
    model=ModelConfig(hidden=(16,), conditional=True),
    train=TrainConfig(epochs=10, batch_size=64, device="cpu", num_snapshots=10, checkpoint_seconds=0.02),
)
#: A handful of steps, each of them written down.
TINY = CONFIG.replace(
    train=CONFIG.train.replace(epochs=2, batch_size=1000, checkpoint_seconds=1e-6, num_snapshots=3)
)


#: Between two of the changes before which a run is killed; 1 takes minutes.
STRIDE = int(os.environ.get("LATENT_LAB_KILL_STRIDE", "13"))


def create(path: Path, config: RunConfig) -> Run:
    return Run.create(path, config, load_data(config.data).info())


def train(path: Path, config: RunConfig) -> Run:
    run = create(path, config)
    for _ in Trainer(run, load_data(config.data)).train():
        pass
    return run


@pytest.fixture(scope="module")
def unkilled(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(tmp_path_factory.mktemp("unkilled") / "unkilled", CONFIG)


@pytest.fixture(scope="module")
def tiny_unkilled(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(tmp_path_factory.mktemp("unkilled") / "tiny", TINY)


def assert_opens(path: Path) -> Run:
    """A killed run is no broken run: whatever it has can be read."""
    assert all(isinstance(found, Run) for found in list_runs(path.parent))
    run = Run.open(path)
    assert run.status().state in ("new", "interrupted", "finished")
    assert not run.is_locked()
    if run.snapshots() or any(run.checkpoints_dir.glob("*.safetensors")):
        for at in ("best", "last", *run.snapshots()):
            load_model(run, at)  # type: ignore[arg-type]
    steps = [line["step"] for line in MetricsReader(run.metrics_path).read()[1]]
    assert steps == sorted(steps)
    return run


def assert_same_end(run: Run, unkilled: Run, *, was_stopped: bool = False) -> None:
    """Bit for bit the same weights, optimiser, random state, best weights, latent positions, snapshots, evaluations.

    One that was asked to stop has a snapshot of that moment besides.
    """
    assert run.status().state == "finished"
    for folder, name in (("checkpoints", "last"), ("checkpoints", "best"), (".", "latent")):
        tensors, state = load(run.path / folder, name)
        expected, expected_state = load(unkilled.path / folder, name)
        assert tensors.keys() == expected.keys()
        assert all(torch.equal(tensors[key], expected[key]) for key in expected)
        for timed in ("seconds", "metrics_offset"):
            state.pop(timed, None)
            expected_state.pop(timed, None)
        assert state == expected_state
    assert run.snapshots() == unkilled.snapshots() or (
        was_stopped and set(run.snapshots()) > set(unkilled.snapshots())
    )
    for step in unkilled.snapshots():
        weights, expected = load_weights(run, step), load_weights(unkilled, step)
        assert all(torch.equal(weights[key], expected[key]) for key in expected)
    lines, expected_lines = (MetricsReader(found.metrics_path).read()[1] for found in (run, unkilled))
    # Each step is in exactly one line: none is lost, none is there twice.
    measured = [line for line in lines if line.get("split") == "train"]
    ends = [0, *(line["step"] for line in measured)]
    assert [after - before for before, after in itertools.pairwise(ends)] == [
        line["num_steps"] for line in measured
    ]
    assert ends[-1] == unkilled.status().step
    evaluations, expected_evaluations = (
        [
            (line["step"], line["elbo"], line["rate_per_dim"])
            for line in some
            if line.get("split") == "validation"
        ]
        for some in (lines, expected_lines)
    )
    assert evaluations == expected_evaluations
    snapshots = [line["step"] for line in lines if line.get("event") == "snapshot"]
    assert snapshots == run.snapshots() or (was_stopped and set(snapshots) <= set(run.snapshots()))
    # What killed writers left has been swept up, however soon the next one came.
    assert not list(run.path.rglob(".*"))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("num", few([8, 30], 1))
def test_killed_at_random_moments_every_run_opens_resumes_and_ends_bit_for_bit_as_if_never_killed(
    tmp_path: Path, forker: Any, unkilled: Run, num: int
) -> None:
    moments = random.Random(5)
    num_kills, num_runs = 0, 0
    reached: list[float] = []
    while num_kills < num:
        run = create(tmp_path / f"run-{num_runs}", CONFIG)
        run.request(
            max_images_per_second=6400
        )  # two seconds, so that the moments are spread over the training
        num_runs += 1
        for _ in range(5):
            process = forker.start("train", "--resume", run.path)
            if moments.random() < 0.75:  # else it is killed while it starts
                wait_for_new_line(run)
            time.sleep(moments.uniform(0, 0.5))
            process.kill()
            code = process.wait()
            assert code in (0, -signal.SIGKILL), process.output
            assert_opens(run.path)
            if code == 0:
                break
            num_kills += 1
            reached.append(run.status().epoch)
        else:
            run.request(max_images_per_second=0)
            process = forker.start("train", "--resume", run.path)
            assert process.wait() == 0, process.output
        assert_same_end(run, unkilled)
    assert len(set(reached)) >= num // 2


def wait_for_new_line(run: Run) -> None:
    def changed() -> int:
        return run.metrics_path.stat().st_mtime_ns if run.metrics_path.exists() else 0

    before = changed()
    wait_until(lambda: changed() != before)


def wait_until(is_so: Callable[[], object]) -> None:
    until = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.005)


@pytest.mark.timeout(300)
def test_killed_just_before_any_change_of_a_file_a_run_resumes_and_ends_as_if_never_killed(
    tmp_path: Path, forker: Any, tiny_unkilled: Run
) -> None:
    number, was_killed = 1, True
    while was_killed:
        run = create(tmp_path / f"run-{number}", TINY)
        process = forker.start("train", "--resume", run.path, die_at=number, below=str(run.path))
        was_killed = process.wait() == -signal.SIGKILL
        assert_opens(run.path)
        if was_killed:
            # Once more, while it goes on.
            more = {"die_at": number // 2, "below": str(run.path)}
            process = forker.start("train", "--resume", run.path, **more)
            assert process.wait() in (0, -signal.SIGKILL), process.output
            if assert_opens(run.path).status().state != "finished":
                process = forker.start("train", "--resume", run.path)
                assert process.wait() == 0, process.output
        assert_same_end(run, tiny_unkilled)
        number += STRIDE
    assert number > 60


OPTIONS = """
    --data.binarize dynamic --model.hidden 16 --model.conditional --train.epochs 10 --train.batch-size 64
    --train.device cpu --train.num-snapshots 10 --train.checkpoint-seconds 0.02
"""


@pytest.mark.timeout(300)
def test_a_real_command_killed_while_it_trains_goes_on(tmp_path: Path, forker: Any, unkilled: Run) -> None:
    path = tmp_path / "run"
    command = [sys.executable, "-m", "vae", "train", "--run-dir", str(path), *OPTIONS.split()]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: (path / "checkpoints" / "best.safetensors").exists() or process.poll() is not None)
        process.kill()
    run = assert_opens(path)
    assert run.config == CONFIG
    assert run.status().state == "interrupted"
    resumed = forker.start("train", "--resume", path, "--json")
    assert resumed.wait() == 0, resumed.output
    assert_same_end(run, unkilled)


# Asked to stop --------------------------------------------------------------------------------------------------------

#: Trains until it is asked to stop.
ENDLESS = CONFIG.replace(train=CONFIG.train.replace(epochs=100_000, checkpoint_seconds=1000, num_snapshots=0))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_sigterm_and_a_closed_terminal_stop_after_the_current_step_and_keep_a_checkpoint(
    tmp_path: Path, forker: Any, number: signal.Signals
) -> None:
    run = create(tmp_path / "run", ENDLESS)
    process = forker.start("train", "--resume", run.path)
    wait_until(lambda: "train" in run.latest_metrics())
    process.kill(number)
    assert process.wait() == 128 + number  # as a shell says it of a command that a signal ended
    assert "Traceback" not in process.output
    assert (
        f"stopped at epoch {run.status().epoch:g} of 100000; continue with `vae train --resume"
        in process.output
    )
    status = run.status()
    assert (status.state, run.is_locked()) == ("stopped", False)
    assert status.step > 0
    _, point = load(run.checkpoints_dir, "last")
    assert point["epochs"] + point["batch"] / 21 == pytest.approx(status.epoch)
    lines = MetricsReader(run.metrics_path).read()[1]
    assert sum(line.get("num_steps", 0) for line in lines) == status.step
    assert lines[-1]["event"] == "stop"


@pytest.mark.skipif(
    not Path("/proc/self/maps").exists(), reason="needs Linux to see how far a process has come"
)
def test_ctrl_c_before_training_begins_is_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vae", "train", "--run-dir", str(tmp_path / "run")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        maps = Path(f"/proc/{process.pid}/maps")
        wait_until(lambda: "torch" in maps.read_text())  # what it loads first
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said


@pytest.mark.timeout(300)
def test_killed_in_the_second_after_stop_a_run_goes_on_and_ends_as_if_never_killed(
    tmp_path: Path, forker: Any, unkilled: Run
) -> None:
    moments, run = random.Random(2), create(tmp_path / "run", CONFIG)
    run.request(max_images_per_second=6400)
    for _ in range(4):
        process = forker.start("train", "--resume", run.path)
        wait_for_new_line(run)
        run.request(command="stop")
        time.sleep(moments.uniform(0, 0.15))
        process.kill()
        assert process.wait() in (0, -signal.SIGKILL), process.output
        assert run.status().state in ("interrupted", "stopped", "finished")
    run.request(max_images_per_second=0)
    process = forker.start("train", "--resume", run.path)
    assert process.wait() == 0, process.output
    assert_same_end(run, unkilled, was_stopped=True)
