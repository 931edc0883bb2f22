"""The trainer when the loss, the disk, the memory or the run is bad: a sentence, and nothing lost."""

from __future__ import annotations

import errno
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.support.short_runs import (
    LONG,
    SMALL,
    TRAIN,
    Live,
    assert_same_run,
    create,
    events,
    lines,
    train,
    wishing,
)
from vae.config.schema import DataConfig, ModelConfig
from vae.data.dataset import Dataset
from vae.data.dataset import load_dataset as load_data
from vae.data.types import DataError
from vae.errors import UserError
from vae.runs.naming import RunError
from vae.runs.run import Run
from vae.runs.snapshots import load_weights
from vae.storage.safetensors_header import CheckpointError
from vae.storage.safetensors_io import load, save
from vae.training.run_log import Report
from vae.training.trainer import Trainer

# Bad ends -------------------------------------------------------------------------------------------------------------

EXPLODING = SMALL.replace(
    model=ModelConfig(hidden=(64,), likelihood="gaussian", sigma=0.001),
    train=TRAIN.replace(learning_rate=10.0, checkpoint_seconds=1000),
)


def assert_finite(tensors: dict[str, Tensor]) -> None:
    assert tensors
    assert all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values())


def test_a_loss_that_is_not_finite_stops_the_run_as_diverged_with_a_remedy(tmp_path: Path) -> None:
    run = train(tmp_path / "a", EXPLODING)
    status = run.status()
    assert (status.state, run.is_locked()) == ("diverged", False)
    assert str(status.error) == (
        f"the loss must stay finite, but stopped being a number by step {status.step}; the checkpoint of step 0 is "
        "kept; try a smaller train.learning_rate than 10, or a larger model.sigma than 0.001"
    )
    assert events(run)[-1]["event"] == "diverged"
    assert all(math.isfinite(line["elbo"]) for line in lines(run) if "split" in line)


@pytest.mark.usefixtures("every_step")
def test_after_divergence_the_last_good_checkpoint_and_the_best_weights_are_there(tmp_path: Path) -> None:
    run, dataset = create(tmp_path / "a")
    trainer = Trainer(run, dataset)
    for report in trainer.train():
        if report.line["step"] == 14:
            trainer.optimizer.param_groups[0]["lr"] = math.inf
    status = run.status()
    assert status.state == "diverged"
    assert "the checkpoint of step 14 is kept" in str(status.error)
    tensors, point = load(run.checkpoints_dir, "last")
    assert (point["epochs"], point["batch"]) == (2, 2)
    assert_finite(tensors)
    for at in ("best", "last", *run.snapshots()):
        assert_finite(load_weights(run, at))  # type: ignore[arg-type]
    assert run.snapshots() == [0, 2, 6, 14]
    assert load(run.checkpoints_dir, "best")[1]["step"] == 12
    # It can go on from there, here with the learning rate that the run was made with.
    train(run.path)
    assert_same_run(run, train(tmp_path / "unbroken"))


def test_an_optimiser_that_is_not_finite_is_never_saved(tmp_path: Path) -> None:
    def poison(run: Run, report: Report) -> None:
        if report.line["step"] == 8:
            parameter = next(iter(trainer.model.parameters()))
            trainer.optimizer.state[parameter]["exp_avg_sq"].fill_(
                math.inf
            )  # freezes the weights, which stay finite

    run, dataset = create(tmp_path / "a")
    trainer = Trainer(run, dataset)
    for report in trainer.train():
        poison(run, report)
    assert run.status().state == "diverged"
    tensors, _ = load(run.checkpoints_dir, "last")
    assert all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values())


@pytest.mark.usefixtures("every_step")
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_disk_that_fails_stops_the_run_and_leaves_the_last_checkpoint_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(number, "no")

    def hook(run: Run, report: Report) -> None:
        if report.kind == "train" and report.line["step"] == 9:
            monkeypatch.setattr("vae.storage.atomic.os.fsync", fail)

    with pytest.raises(OSError) as raised:
        train(tmp_path / "a", hook=hook)
    assert raised.value.errno == number
    monkeypatch.undo()
    run = Run.open(tmp_path / "a")
    assert not run.is_locked()
    assert run.status().state == "interrupted"  # there was no room even to say so
    _, point = load(run.checkpoints_dir, "last")
    assert (point["epochs"], point["batch"]) == (1, 2)
    assert not list(run.path.rglob("*.tmp"))
    train(run.path)
    assert run.status().state == "finished"


def test_memory_that_runs_out_is_told_in_a_sentence(tmp_path: Path) -> None:
    run, dataset = create(tmp_path / "a")
    trainer = Trainer(run, dataset)

    def step(x: Tensor, y: Tensor | None) -> Any:
        return torch.empty(1 << 60)

    trainer.step = step  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        list(trainer.train())
    assert run.status().state == "failed"
    assert "use a smaller train.batch_size" in str(run.status().error)


# Refused --------------------------------------------------------------------------------------------------------------


def contents(run: Run) -> dict[str, bytes]:
    return {
        str(path.relative_to(run.path)): path.read_bytes()
        for path in sorted(run.path.rglob("*"))
        if path.is_file() and path.name not in ("lock", "control.json")
    }


def refused(run: Run, kind: type[UserError], match: str, dataset: Dataset | None = None) -> None:
    """The trainer says no in these words, and leaves the run as it was."""
    before = contents(run)
    with pytest.raises(kind, match=match):
        for _ in Trainer(Run.open(run.path), dataset or load_data(SMALL.data)).train():
            pass
    assert contents(run) == before
    assert not run.is_locked()


def test_a_second_trainer_is_refused_and_disturbs_nothing(tmp_path: Path) -> None:
    with Live(create(tmp_path / "a", LONG)) as live:
        live.run.request(command="pause")
        live.wait_for(lambda: live.run.status().state == "paused")
        before = live.run.control()
        with pytest.raises(
            RunError, match=r"a trainer \(pid \d+ on .*\) is already working on run 'a'; stop it"
        ):
            next(Trainer(live.run, live.dataset).train())
        assert live.run.control() == before
        assert live.run.status().state == "paused"


def test_a_finished_run_is_refused_until_it_gets_more_epochs(trained_run: Run, tmp_path: Path) -> None:
    run = train(tmp_path / "a")
    refused(
        run,
        RunError,
        r"has trained all of its 4 epochs; ask for more with `vae train --resume DIR --more-epochs N`",
    )
    run.extend(1)
    train(run.path)
    assert (run.status().state, run.status().epoch) == ("finished", 5)


def test_other_images_are_refused(tmp_path: Path) -> None:
    run = train(tmp_path / "a", hook=wishing({1: {"command": "stop"}}))
    other = load_data(DataConfig(split_seed=1))
    refused(
        run,
        DataError,
        r"must have the images it was made for, got .* fingerprint .*; restore the data",
        other,
    )


def test_images_that_differ_in_a_class_alone_are_refused_by_its_name(tmp_path: Path) -> None:
    run = train(tmp_path / "a", hook=wishing({1: {"command": "stop"}}))
    images = load_data(SMALL.data)
    renamed = replace(images, class_names=("0", "1", "two", *images.class_names[3:]))
    refused(run, DataError, "it was made for, got ones with class 2 'two' instead of '2'; restore", renamed)
    fewer = replace(images, class_names=images.class_names[:9])
    refused(run, DataError, "it was made for, got ones with 9 classes instead of 10; restore", fewer)


def test_a_batch_or_latent_space_larger_than_the_data_is_refused(tmp_path: Path) -> None:
    dataset = load_data(SMALL.data)
    for config, match in (
        (
            SMALL.replace(train=TRAIN.replace(batch_size=1295)),
            r"train.batch_size must be <= .* \(1294\), got 1295",
        ),
        (SMALL.replace(model=ModelConfig(latent_dim=65)), r"model.latent_dim must be <= .* \(64\), got 65"),
    ):
        run = Run.create(tmp_path / str(len(match)), config, dataset.info())
        with pytest.raises(DataError, match=match):
            Trainer(run, dataset)


def test_a_run_with_weights_only_is_refused_and_keeps_them(tmp_path: Path) -> None:
    run = train(tmp_path / "a")
    (run.checkpoints_dir / "last.safetensors").unlink()
    refused(
        run,
        RunError,
        r"must hold its last checkpoint to continue, got only the best weights; start a new run",
    )
    run.extend(3)
    refused(run, RunError, r"must hold its last checkpoint to continue")


SPOILED: dict[str, tuple[Callable[[dict[str, Tensor], dict[str, Any]], object], str]] = {
    "lacks a weight": (lambda tensors, _: tensors.pop(first(tensors)), "lacks"),
    "other shapes": (
        lambda tensors, _: tensors.update({first(tensors): torch.zeros(3)}),
        r"must have .* of shape .*, and has \(3,\)",
    ),
    "half an optimiser": (
        lambda tensors, _: tensors.pop(next(name for name in tensors if name.endswith(".exp_avg"))),
        "lacks exp_avg",
    ),
    "not finite": (lambda tensors, _: tensors[first(tensors)].fill_(math.nan), "finite numbers"),
    "no random state": (lambda tensors, _: tensors.pop("random.order"), "random states of order, noise"),
    "broken random state": (
        lambda tensors, _: tensors.update({"random.noise": torch.zeros(3, dtype=torch.uint8)}),
        "random state must be one of this device",
    ),
    "unknown tensors": (
        lambda tensors, _: tensors.update({"other.thing": torch.zeros(1)}),
        "got also 'other.thing'",
    ),
    "no position": (lambda _, state: state.pop("epochs"), "does not say where it stands: epochs"),
    "impossible position": (
        lambda _, state: state.update(batch=6),
        "one of the 6 batches of an epoch, got 6",
    ),
    "impossible beta": (lambda _, state: state.update(beta_by_hand=-1), "beta_by_hand must be >= 0, got -1"),
}


def first(tensors: dict[str, Tensor]) -> str:
    return next(name for name in sorted(tensors) if name.startswith("model."))


@pytest.mark.parametrize("kind", SPOILED)
def test_a_checkpoint_that_does_not_fit_is_refused_and_nothing_is_lost(tmp_path: Path, kind: str) -> None:
    run = train(tmp_path / "a", hook=wishing({1: {"command": "stop"}}))
    spoil, match = SPOILED[kind]
    tensors, state = load(run.checkpoints_dir, "last")
    spoil(tensors, state)
    save(run.checkpoints_dir, "last", tensors, state)
    refused(run, CheckpointError, match)


@pytest.mark.parametrize("kind", ["truncated", "lying header", "empty"])
def test_a_damaged_checkpoint_is_refused_and_nothing_is_lost(tmp_path: Path, kind: str) -> None:
    run = train(tmp_path / "a", hook=wishing({1: {"command": "stop"}}))
    file = run.checkpoints_dir / "last.safetensors"
    content = file.read_bytes()
    damaged = {
        "truncated": content[: len(content) // 2],
        "lying header": b"\xff" * 8 + content[8:],
        "empty": b"",
    }
    file.write_bytes(damaged[kind])
    refused(run, CheckpointError, r"checkpoints/last\.safetensors is damaged")
