"""A disk that is full stops a command with a sentence, and what was kept stays good."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.support.disks import small_disk
from tests.vae.cli.command import QUICK, Vae, assert_refused
from vae.data.dataset import load_dataset as load_data
from vae.runs.run import Run
from vae.runs.snapshots import load_model, load_weights
from vae.storage.safetensors_io import load
from vae.training.trainer import Trainer


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 1024) as place:
        yield place


def test_a_full_disk_stops_the_run_with_that_sentence_and_the_last_checkpoint_stays_good(
    vae: Vae, small: Path, tmp_path: Path
) -> None:
    words = [*QUICK, "--model.hidden", 200, "--train.epochs", 8, "--train.num-snapshots", 8]
    words += ["--train.checkpoint-seconds", 0.001]
    run_dir = small / "run"
    answer = vae("train", "--run-dir", run_dir, *words)
    assert_refused(answer, "the disk is full: ", "free some space and try again")
    run = Run.open(run_dir)
    assert not run.is_locked()
    assert run.status().state == "failed"
    assert str(run.status().error).startswith("the disk is full: ")
    assert not list(run_dir.rglob("*.tmp"))
    _, point = load(run.checkpoints_dir, "last")
    load_model(run, "last")
    assert 0 < point["epochs"] < 8 or point["batch"] > 0
    # Still full: the same sentence, and nothing is lost.
    assert_refused(vae("train", "--resume", run_dir), "the disk is full")
    assert load(run.checkpoints_dir, "last")[1]["epochs"] >= point["epochs"]
    # With room again it goes on, and ends where it would have ended.
    subprocess.run(["mount", "-o", "remount,size=100m", str(small)], check=True)
    assert vae("train", "--resume", run_dir).code == 0
    assert vae("train", "--run-dir", tmp_path / "never-full", *words).code == 0
    expected = load_weights(Run.open(tmp_path / "never-full"), "last")
    found = load_weights(run, "last")
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


def test_a_disk_that_is_full_from_the_start_holds_no_half_made_run(vae: Vae, small: Path) -> None:
    with (small / "filler").open("wb", buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(bytes(4096))
    assert_refused(vae("train", "--run-dir", small / "run", *QUICK), "the disk is full")
    assert not (small / "run" / "config.json").exists()
    (small / "filler").unlink()
    assert vae("train", "--run-dir", small / "run", *QUICK).code == 0


def test_a_library_user_gets_the_error_itself(copy: Run) -> None:
    copy.extend(1)
    (copy.checkpoints_dir / "last.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match="is damaged"):
        next(Trainer(copy, load_data(copy.config.data)).train())
