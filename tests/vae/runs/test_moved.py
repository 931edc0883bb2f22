"""A run's folder that is removed, moved or replaced while it is written: none is made anew, and no other is touched."""

from __future__ import annotations

import shutil
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import vae
from dashboard.jobs.planes import Wanted, keep
from tests.support.hostile_folders import everything
from tests.support.short_runs import LONG, SMALL, assert_same_run, create, train
from vae.data.dataset import Dataset
from vae.evaluation import saved_bounds, saved_metrics
from vae.evaluation.saved_bounds import Bound
from vae.runs.naming import RunError
from vae.runs.run import Run
from vae.storage.atomic import read_json, write_json
from vae.storage.held_folder import FolderLost
from vae.training.trainer import Trainer

#: Everything that a trainer writes comes often.
BUSY = LONG.replace(
    train=LONG.train.replace(checkpoint_seconds=1e-6, num_snapshots=20, epochs=2000, eval_every=1)
)
MOVED = "the folder of run 'a' must stay as it is while it is written"

Change = Callable[[Path, Path], Path | None]


def removed(path: Path, _other: Path) -> None:
    while path.exists():  # a trainer may write into it while it is emptied
        shutil.rmtree(path, ignore_errors=True)


def moved(path: Path, _other: Path) -> Path:
    return path.rename(path.with_name("elsewhere"))


def replaced(path: Path, other: Path) -> Path:
    kept = path.rename(path.with_name("elsewhere"))
    shutil.copytree(other, path)
    return kept


def replaced_by_an_empty_folder(path: Path, _other: Path) -> Path:
    kept = path.rename(path.with_name("elsewhere"))
    path.mkdir()
    return kept


def replaced_by_a_link(path: Path, other: Path) -> Path:
    kept = path.rename(path.with_name("elsewhere"))
    path.symlink_to(other)
    return kept


def refilled(path: Path, other: Path) -> None:
    """The same folder, with the files of another run in it: known by its identity alone."""
    for name in ("config.json", "control.json", "status.json"):
        shutil.copyfile(other / name, path / f"{name}.new")
        (path / f"{name}.new").replace(path / name)


CHANGES = (removed, moved, replaced, replaced_by_an_empty_folder, replaced_by_a_link, refilled)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another run, of the same settings."""
    run = train(tmp_path_factory.mktemp("other") / "a")
    run.request(beta=7.0)
    return run.path


@pytest.mark.parametrize("change", CHANGES)
def test_a_trainer_whose_folder_is_not_there_any_more_ends_with_a_sentence_and_writes_nothing_elsewhere(
    tmp_path: Path, other: Path, change: Change
) -> None:
    run, dataset = create(tmp_path / "a", BUSY)
    ended: list[Exception] = []
    began = None
    try:
        for report in Trainer(run, dataset).train():
            if began is None and report.line["step"] > 30:
                kept = change(run.path, other)
                before = everything(run.path) if run.path.is_dir() else None
                of_the_other = everything(other)
                began = time.monotonic()
            assert began is None or time.monotonic() - began < 10
    except FolderLost as error:
        ended.append(error)
    (sentence,) = map(str, ended)
    assert sentence.startswith(MOVED) and len(sentence) <= 400
    assert everything(other) == of_the_other
    if change is removed:
        assert not run.path.exists()
    elif change is not refilled:
        assert before is None or everything(run.path) == before
    else:
        found = everything(run.path)
        assert before is not None and {
            found[name] == before[name] for name in ("control.json", "status.json")
        } == {True}
    if kept is not None:  # it says why, and goes on where it is
        moved_run = Run.open(kept)
        assert (moved_run.status().state, moved_run.status().error) == ("failed", sentence)
        next(Trainer(moved_run, dataset).train())


def test_a_moved_run_goes_on_where_it_is_and_ends_as_if_it_had_stayed(tmp_path: Path) -> None:
    whole = train(tmp_path / "whole")
    run, dataset = create(tmp_path / "a")
    with pytest.raises(FolderLost):
        for report in Trainer(run, dataset).train():
            if report.line["step"] == 13 and run.path.exists():
                run.path.rename(tmp_path / "b")
    assert_same_run(train(tmp_path / "b"), whole)


@pytest.mark.parametrize("change", [removed, moved, replaced])
def test_a_paused_trainer_notices_too(tmp_path: Path, other: Path, change: Change) -> None:
    run, dataset = create(tmp_path / "a", LONG)
    training = Trainer(run, dataset).train()
    later = threading.Timer(0.3, change, (run.path, other))
    with pytest.raises(FolderLost, match=MOVED):
        for report in training:
            if report.line.get("event") == "start":
                run.request(command="pause")
            if report.line.get("event") == "pause":
                later.start()
    later.join()


@pytest.mark.parametrize("name", ["config.json", "lock", "metrics.jsonl"])
@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_trainer_without_its_config_its_lock_or_its_history_ends_too(
    tmp_path: Path, other: Path, name: str, is_replaced: bool
) -> None:
    run, dataset = create(tmp_path / "a", BUSY)
    with pytest.raises(FolderLost, match="removed or replaced"):
        for report in Trainer(run, dataset).train():
            if report.line["step"] == 30:
                (run.path / name).unlink()
                if is_replaced:
                    shutil.copyfile(other / name, run.path / name)


def test_a_command_says_it_and_ends_with_code_2(tmp_path: Path, other: Path, forker: Any) -> None:
    run, _ = create(tmp_path / "a", BUSY)
    process = forker.start("train", "--resume", run.path)
    until = time.monotonic() + 60
    while run.status().step < 30 and time.monotonic() < until:
        time.sleep(0.01)
    kept = replaced(run.path, other)
    before = everything(run.path)
    assert process.wait() == 2
    assert "something else is at" in process.output and "Traceback" not in process.output
    assert everything(run.path) == before
    assert Run.open(kept).status().state == "failed"


# Those who write now and then -----------------------------------------------------------------------------------------


@pytest.fixture
def opened(tmp_path: Path, other: Path) -> Run:
    """A run that was opened, and that another one has taken the place of since."""
    shutil.copytree(other, tmp_path / "a")
    run = Run.open(tmp_path / "a")
    values = read_json(run.path / "config.json")
    write_json(run.path / "config.json", {**values, "identity": "0" * 32})
    return run


def bound() -> Bound:
    return Bound(
        kind="importance", step=3, log_prob=-9.0, num_images=5, seed=0, k=50, effective_median=4.0, effective_min=1.5
    )  # fmt: skip


@pytest.mark.parametrize(
    "write",
    [
        lambda run, dataset: run.request(beta=3.0),
        lambda run, dataset: run.rename("mine"),
        lambda run, dataset: run.extend(3),
        lambda run, dataset: run.fail("mine"),
        lambda run, dataset: run.delete(),
        lambda run, dataset: saved_bounds.keep(run, bound=bound()),
        lambda run, dataset: next(Trainer(run, dataset).train()),
    ],
)
def test_what_was_meant_for_one_run_is_not_written_into_another(
    opened: Run, digits: Dataset, write: Callable[[Run, Dataset], object]
) -> None:
    before = everything(opened.path)
    with pytest.raises(RunError, match="must still hold the run that was opened, and holds another one"):
        write(opened, digits)
    assert everything(opened.path) == before


@pytest.mark.parametrize(
    "write",
    [
        lambda run, dataset: run.request(beta=3.0),
        lambda run, dataset: run.rename("mine"),
        lambda run, dataset: run.extend(3),
        lambda run, dataset: saved_bounds.keep(run, bound=bound()),
        lambda run, dataset: next(Trainer(run, dataset).train()),
    ],
)
def test_nobody_makes_the_folder_of_a_deleted_run_anew(
    opened: Run, digits: Dataset, write: Callable[[Run, Dataset], object]
) -> None:
    run = Run.open(opened.path)
    shutil.rmtree(run.path)
    with pytest.raises(RunError):
        write(run, digits)
    assert not run.path.exists()


def test_figures_measured_of_one_run_are_not_kept_in_another(opened: Run, digits: Dataset) -> None:
    before = everything(opened.path)
    saved_metrics.measure(opened, digits)
    assert everything(opened.path) == before
    shutil.rmtree(opened.path)
    with pytest.raises(vae.UserError):
        saved_metrics.measure(opened, digits)
    assert not opened.path.exists()


def test_a_plane_computed_of_one_run_is_not_kept_in_another(opened: Run) -> None:
    before = everything(opened.path)
    with pytest.raises(RunError, match="must still hold the run that was opened"):
        keep(Wanted(opened, "best", "test", "tsne", 50), {"xy": torch.zeros(5, 2)}, {})
    assert everything(opened.path) == before


def test_two_who_make_a_run_longer_both_do(other: Path, tmp_path: Path) -> None:
    path = shutil.copytree(other, tmp_path / "a")
    first, second = Run.open(path), Run.open(path)
    first.extend(2)
    second.extend(3)
    assert Run.open(path).config.train.epochs == SMALL.train.epochs + 5 == second.config.train.epochs


# A loop of somebody's own ---------------------------------------------------------------------------------------------


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Linear(64, 4)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean, log_var = self.layers(x.flatten(1)).chunk(2, dim=1)
        return mean, log_var


@pytest.mark.parametrize("change", CHANGES)
def test_a_watched_loop_goes_on_unwatched_and_is_told(
    tmp_path: Path, other: Path, digits: Dataset, change: Change
) -> None:
    watcher = vae.watch(
        tmp_path / "a", encoder=Encoder(), decoder=nn.Linear(2, 64), data=digits, num_snapshots=3
    )
    change(watcher.run.path, other)
    before = everything(watcher.run.path) if watcher.run.path.is_dir() else None
    of_the_other = everything(other)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        until = time.monotonic() + 20
        while watcher.is_watching and time.monotonic() < until:
            watcher.step(loss=1.0)
            time.sleep(0.01)
        watcher.close()
    assert any("is no longer watched: " + MOVED in str(one.message) for one in told)
    assert everything(other) == of_the_other
    assert (everything(watcher.run.path) if watcher.run.path.is_dir() else None) == before
