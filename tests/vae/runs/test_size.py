"""A run keeps to its size, says so beforehand, and writes large weights no more often than may be felt."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from vae.cli.main import main
from vae.config.schema import DataConfig, DataInfo, RunConfig, TrainConfig
from vae.data.dataset import Dataset, load_dataset
from vae.models.vae import VAE
from vae.runs import size as sizes
from vae.runs.run import Run
from vae.runs.size import RunSize, bound_of, halved, run_size
from vae.runs.snapshots import load_model, load_weights, snapshot_steps
from vae.runs.weights_file import check_weights
from vae.training.position import Position, Stopwatch
from vae.training.run_log import LONG_HISTORY, RunLog
from vae.training.trainer import Trainer


@pytest.fixture
def large_images(tmp_path: Path) -> DataConfig:
    """Images of which the default network has two million weights."""
    images = np.random.default_rng(0).integers(0, 256, (40, 48, 48), np.uint8)
    np.savez(tmp_path / "large.npz", images=images)
    return DataConfig(name="npz", path=tmp_path / "large.npz")


def used(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def trained(path: Path, config: RunConfig, dataset: Dataset) -> tuple[Run, int]:
    """A trained run, and what its folder took when that was most."""
    run = Run.create(path, config, dataset.info())
    most = 0
    for _ in Trainer(run, dataset).train():
        most = max(most, used(path))
    return run, max(most, used(path))


def test_a_run_of_large_images_keeps_to_its_bound_and_says_so(
    large_images: DataConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run"
    words = [
        "--data.name",
        "npz",
        "--data.path",
        str(large_images.path),
        "--train.device",
        "cpu",
        "--train.batch-size",
        "8",
    ]
    main(["train", "--run-dir", str(path), *words, "--train.epochs", "30", "--train.max-gigabytes", "0.1"])
    said = capsys.readouterr().err
    assert "of disk, and may take 100 MB: it keeps 8 of 60 snapshots" in said, said
    run = Run.open(path)
    assert used(path) <= 100e6
    assert run.snapshots()[0] == 0
    assert run.snapshots()[-1] == run.status().step
    assert len(run.snapshots()) == 8
    check_weights(run)


def test_the_bound_holds_at_every_moment_over_stops_and_longer_budgets(
    large_images: DataConfig, tmp_path: Path
) -> None:
    dataset = load_dataset(large_images)
    train = TrainConfig(epochs=12, batch_size=8, num_snapshots=20, max_gigabytes=0.11, device="cpu")
    run, most = trained(tmp_path / "run", RunConfig(data=large_images, train=train), dataset)
    assert most <= 110e6
    first = run.snapshots()
    run.extend(12)
    most = max(used(run.path) for _ in Trainer(Run.open(run.path), dataset).train())
    assert most <= 110e6
    assert run.snapshots()[0] == 0
    assert max(run.snapshots()) == 2 * max(first)


def test_snapshots_in_half_precision_are_the_model_but_for_rounding(
    large_images: DataConfig, tmp_path: Path
) -> None:
    dataset = load_dataset(large_images)
    train = TrainConfig(epochs=3, batch_size=8, num_snapshots=40, max_gigabytes=0.1, device="cpu")
    run, _ = trained(tmp_path / "run", RunConfig(data=large_images, train=train), dataset)
    step = run.snapshots()[-1]
    assert json.loads((run.snapshot_dir(step) / "snapshot.json").read_text())["precision"] == "float16"
    kept, last = load_weights(run, step), load_weights(run, "last")
    assert all(tensor.dtype == torch.float32 for tensor in kept.values())
    for name, tensor in last.items():
        assert torch.allclose(kept[name], tensor, rtol=2**-10, atol=1e-7)
    z = torch.randn(5, 2)
    assert torch.allclose(load_model(run, step).decode(z), load_model(run, "last").decode(z), atol=2e-3)


def test_a_small_run_keeps_what_it_always_kept(digits: Dataset, tmp_path: Path) -> None:
    config = RunConfig(train=TrainConfig(epochs=2, num_snapshots=7, device="cpu"))
    run, _ = trained(tmp_path / "run", config, digits)
    assert set(run.snapshots()) == snapshot_steps(run.status().step, 7)
    assert load_weights(run, 0).keys() == VAE(config.model, digits.info()).state_dict().keys()
    size = run_size(config, digits.info(), tmp_path)
    assert not size.is_halved
    assert size.num_snapshots == 7
    assert used(run.path) <= size.total
    assert "snapshots" not in size.sentence()


@pytest.mark.parametrize(("free", "bound"), [(10**12, 2 * 10**9), (5 * 10**9, 5 * 10**8), (0, sizes.LEAST)])
def test_the_bound_is_two_gigabytes_or_a_tenth_of_the_free_disk(
    free: int, bound: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sizes.shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert bound_of(RunConfig(), tmp_path / "not" / "there") == bound
    assert bound_of(RunConfig(train=TrainConfig(max_gigabytes=3)), tmp_path) == 3 * 10**9


def test_a_network_that_leaves_no_room_keeps_no_snapshots() -> None:
    size = RunSize(bound=10**9, fixed=2 * 10**9, weights=10**8, probe=1000, asked=60)
    assert (size.num_snapshots, size.most_snapshots) == (0, 0)
    assert "it keeps no snapshots; a larger train.max-gigabytes" in size.sentence()
    assert len(size.sentence()) < 400


def test_photographs_at_default_settings_fit_into_two_gigabytes(tmp_path: Path) -> None:
    info = DataInfo(
        channels=1,
        height=256,
        width=256,
        class_names=(),
        num_train=86,
        num_validation=10,
        num_test=24,
        fingerprint="",
    )
    size = run_size(RunConfig(), info, tmp_path)
    assert size.total <= size.bound <= 2 * 10**9
    assert size.is_halved
    assert "of 60 snapshots" in size.sentence()


def test_numbers_beyond_half_precision_are_kept_as_they_are() -> None:
    found = halved(
        {"small": torch.ones(3), "large": torch.tensor([7e4]), "whole": torch.ones(2, dtype=torch.int64)}
    )
    assert [tensor.dtype for tensor in found.values()] == [torch.float16, torch.float32, torch.int64]


def test_large_weights_are_written_no_more_often_than_their_share_and_none_is_lost(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vae.training.recorded_learner.LARGE", 0)
    monkeypatch.setattr("vae.training.recorded_learner.WRITING_SHARE", 1e-6)
    written: list[str] = []
    original = Trainer._save_best

    def save_best(trainer: Trainer, weights: dict[str, torch.Tensor]) -> None:
        written.append("best")
        original(trainer, weights)

    monkeypatch.setattr(Trainer, "_save_best", save_best)
    config = RunConfig(train=TrainConfig(epochs=6, eval_every=1, seed=1, device="cpu", num_snapshots=0))
    run = Run.create(tmp_path / "waiting", config, digits.info())
    trainer = Trainer(run, digits)
    for _ in trainer.train():
        pass
    assert len(written) <= 3  # the first, and what waited before and after the last evaluation
    monkeypatch.undo()
    other, _ = trained(tmp_path / "at-once", config, digits)
    ours, theirs = load_weights(run, "best"), load_weights(other, "best")
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


def test_a_long_history_grows_more_slowly(
    tmp_path: Path, tiny_info: DataInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run.create(tmp_path / "a", RunConfig(), tiny_info)
    metrics = SimpleNamespace(offset=0)
    journal = RunLog(run, metrics, Position(1000, 100), 40, Stopwatch())  # type: ignore[arg-type]
    monkeypatch.setattr("vae.training.run_log.time.perf_counter", lambda: 100.0)
    for offset, seconds in (
        (0, 0.1),
        (LONG_HISTORY, 0.1),
        (3 * LONG_HISTORY, 0.9),
        (100 * LONG_HISTORY, 10.0),
    ):
        metrics.offset = offset
        journal._lined = 100.0 - seconds + 0.01
        assert not journal.is_line_due
        journal._lined = 100.0 - seconds - 0.01
        assert journal.is_line_due


def test_a_watched_run_keeps_to_the_bound_too(tmp_path: Path, digits: Dataset) -> None:
    size = sizes.watched_size(
        RunConfig(train=TrainConfig(max_gigabytes=0.1)), digits.info(), tmp_path, weights=10**7
    )
    assert (size.is_halved, size.most_snapshots) == (True, 5)
    assert size.fixed + 5 * size.each <= 10**8 < size.fixed + 6 * size.each
