"""How a training ends: the checkpoint comes first, and what comes after it may fail, be left out or be broken off."""

from __future__ import annotations

import errno
import math
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from tests.support.short_runs import (
    RARE,
    assert_same_run,
    create,
    events,
    kept_step,
    lines,
    numbers,
    train,
    wishing,
)
from vae.evaluation.elbo import evaluate as plain_evaluate
from vae.latent.embedding import embed as plain_embed
from vae.latent.embedding import kept_embedding
from vae.runs.run import Run
from vae.runs.snapshots import write_snapshot as plain_write_snapshot
from vae.storage.safetensors_io import save as plain_save
from vae.training import recorded_learner
from vae.training import trainer as engine
from vae.training.heartbeat import beating
from vae.training.trainer import Trainer


def raises(error: BaseException) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail


class PowerCut(BaseException):
    """Nothing after it is done, as after kill -9."""


# The checkpoint first -------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("every_step")
@pytest.mark.parametrize("stop", [13, 24])
@pytest.mark.parametrize(
    ("place", "at"),
    [(engine, "embed"), (recorded_learner, "write_snapshot"), (recorded_learner, "write_live")],
)
def test_killed_while_it_ends_a_run_has_lost_no_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int, place: ModuleType, at: str
) -> None:
    run, dataset = create(tmp_path / "a", RARE)

    def cut(*arguments: Any, **options: Any) -> Any:
        if trainer.position.step == stop:
            raise PowerCut
        return plain(*arguments, **options)

    plain = getattr(place, at)
    trainer = Trainer(run, dataset)
    hook = wishing({13: {"command": "stop"}} if stop == 13 else {})
    with monkeypatch.context() as patch, pytest.raises(PowerCut):
        patch.setattr(place, at, cut)
        if at == "write_live":
            patch.setattr(engine, "LIVE_SECONDS", 1e6)
        for report in trainer.train():
            hook(run, report)
    assert kept_step(run) == stop
    assert run.status().state == "interrupted"
    train(run.path, RARE)
    assert_same_run(run, train(tmp_path / "unbroken", RARE))
    assert [line["step"] for line in events(run, "snapshot")] == run.snapshots()


FAILURES = {
    "no memory": MemoryError(),
    "no memory, as torch says it": RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
    "no memory on the GPU": torch.OutOfMemoryError("CUDA out of memory"),
    "a fault of ours": ZeroDivisionError("division by zero"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_latent_positions_that_cannot_be_computed_cost_no_run_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(engine, "embed", raises(FAILURES[failure]))
        run = train(tmp_path / "a", RARE)
    assert (run.status().state, run.status().error) == ("finished", None)
    assert kept_step(run) == 24
    assert kept_embedding(run) is None
    (said,) = events(run, "no latent positions")
    assert said["why"]


@pytest.mark.usefixtures("every_step")
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_latent_positions_that_find_no_room_cost_no_run_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(directory: Path, name: str, *arguments: Any, **options: Any) -> None:
        if name == "latent":
            raise OSError(number, "no room", str(directory / name))
        plain_save(directory, name, *arguments, **options)

    monkeypatch.setattr(engine, "save", full)
    run = train(tmp_path / "a", RARE, wishing({9: {"command": "stop"}}))
    assert run.status().state == "stopped"
    assert kept_step(run) == run.status().step
    assert "free some space" in events(run, "no latent positions")[0]["why"]


def test_latent_positions_that_are_no_numbers_are_not_kept_and_the_run_has_not_diverged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: Any, **options: Any) -> Any:
        found = plain_embed(*arguments, **options)
        found.mean[0, 0] = math.nan
        return found

    monkeypatch.setattr(engine, "embed", broken)
    run = train(tmp_path / "a", RARE)
    assert run.status().state == "finished"
    assert kept_embedding(run) is None


def test_a_snapshot_that_finds_no_room_at_the_end_loses_no_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(run: Run, model: Any, probe: Any, position: dict[str, Any], **options: Any) -> None:
        if position["step"] == 24:
            raise OSError(errno.ENOSPC, "no room", "weights")
        plain_write_snapshot(run, model, probe, position, **options)

    with monkeypatch.context() as patch, pytest.raises(OSError):
        patch.setattr(recorded_learner, "write_snapshot", full)
        train(tmp_path / "a", RARE)
    run = Run.open(tmp_path / "a")
    assert run.status().state == "failed"
    assert kept_step(run) == 24
    train(run.path, RARE)
    assert run.status().state == "finished"


@pytest.mark.usefixtures("every_step")
def test_an_evaluation_that_runs_out_of_memory_keeps_the_steps_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking(model: Any, *arguments: Any, **options: Any) -> Any:
        if trainer.position.epochs == 2:
            raise MemoryError
        return plain_evaluate(model, *arguments, **options)

    run, dataset = create(tmp_path / "a", RARE)
    trainer = Trainer(run, dataset)
    with monkeypatch.context() as patch, pytest.raises(MemoryError):
        patch.setattr(engine, "evaluate", lacking)
        for _ in trainer.train():
            pass
    assert run.status().state == "failed"
    assert kept_step(run) == 12
    train(run.path, RARE)
    assert_same_run(run, train(tmp_path / "unbroken", RARE))


def test_a_step_that_fails_half_way_is_in_no_checkpoint(tmp_path: Path) -> None:
    run, dataset = create(tmp_path / "a", RARE)
    trainer = Trainer(run, dataset)
    plain = trainer.step

    def half(x: Any, y: Any) -> Any:
        found = plain(x, y)
        if trainer.position.step == 3:
            raise MemoryError
        return found

    trainer.step = half  # type: ignore[method-assign]
    with pytest.raises(MemoryError):
        list(trainer.train())
    assert kept_step(run) == 0


# Long evaluations -----------------------------------------------------------------------------------------------------


class LongEvaluation:
    """Evaluates until something happens, batch after batch, as on very many images; then whole."""

    def __init__(self, at_step: int, until: Callable[[], bool]) -> None:
        self.at_step, self.until, self.num_batches = at_step, until, 0
        self.trainer: Trainer | None = None
        self.began: Callable[[], object] = lambda: None

    def __call__(self, model: Any, dataset: Any, *arguments: Any, **options: Any) -> Any:
        assert self.trainer is not None
        if self.trainer.position.step == self.at_step:
            self.began()
            end = time.monotonic() + 20
            while not self.until():
                assert time.monotonic() < end, "it never came"
                plain_evaluate(model, dataset, *arguments, **options)
                self.num_batches += 1
        return plain_evaluate(model, dataset, *arguments, **options)


def stopped_in_a_long_evaluation(path: Path, at_step: int, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run that hears Stop while the evaluation of a step, which takes long, is under way."""
    run, dataset = create(path, RARE)
    long = LongEvaluation(at_step, lambda: False)
    long.began = lambda: run.request(command="stop")
    with monkeypatch.context() as patch:
        patch.setattr(engine, "evaluate", long)
        long.trainer = Trainer(run, dataset)
        for _ in long.trainer.train():
            pass
    assert (run.status().state, run.status().step) == ("stopped", at_step)
    return run


def test_a_stop_breaks_off_a_long_evaluation_which_is_made_whole_on_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stopped_in_a_long_evaluation(tmp_path / "a", 12, monkeypatch)
    assert [line["step"] for line in numbers(run, "validation")] == [6]
    assert kept_step(run) == 12
    train(run.path, RARE)
    assert [line["step"] for line in numbers(run, "validation")] == [6, 12, 18, 24]


@pytest.mark.usefixtures("every_step")
def test_a_stop_in_the_last_evaluation_leaves_a_run_that_ends_as_if_never_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stopped_in_a_long_evaluation(tmp_path / "a", 24, monkeypatch)
    train(run.path, RARE)
    assert run.status().state == "finished"
    assert_same_run(run, train(tmp_path / "unbroken", RARE))


def test_a_beta_that_is_set_in_a_long_evaluation_is_marked_before_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, dataset = create(tmp_path / "a", RARE)
    long = LongEvaluation(12, lambda: run.status().beta == 4.0)
    long.began = lambda: run.request(beta=4.0)
    monkeypatch.setattr(engine, "evaluate", long)
    long.trainer = Trainer(run, dataset)
    reports = list(long.trainer.train())
    assert [line["step"] for line in events(run, "beta")] == [12]
    assert [line["beta"] for line in numbers(run, "validation")] == [1.0, 1.0, 4.0, 4.0]
    assert [report.line for report in reports] == lines(run)
    assert {line["beta"] for line in numbers(run, "train") if line["step"] > 12} == {4.0}


@pytest.mark.parametrize(
    ("place", "at"), [(engine, "evaluate"), (engine, "embed"), (recorded_learner, "write_snapshot")]
)
def test_the_heartbeat_goes_on_while_the_trainer_is_at_something_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: ModuleType, at: str
) -> None:
    monkeypatch.setattr("vae.training.run_log.STATUS_SECONDS", 0.02)
    run, dataset = create(tmp_path / "a", RARE)
    beats: list[float] = []
    plain = getattr(place, at)

    def long(*arguments: Any, **options: Any) -> Any:
        if not beats:
            end = time.monotonic() + 20
            while len(set(beats)) < 4:
                assert time.monotonic() < end, "no heartbeat came"
                beats.append(run.status().heartbeat)
        return plain(*arguments, **options)

    monkeypatch.setattr(place, at, long)
    for _ in Trainer(run, dataset).train():
        pass
    assert run.status().state == "finished"


def test_after_its_end_a_trainer_gives_no_sign_of_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vae.training.run_log.STATUS_SECONDS", 0.005)
    run, dataset = create(tmp_path / "a", RARE)
    reports = Trainer(run, dataset).train()
    next(reports)
    assert _hearts() == 1
    reports.close()
    assert _hearts() == 0
    status = (run.path / "status.json").read_bytes()
    assert run.status().state == "stopped"
    threading.Event().wait(0.05)  # ten beats
    assert (run.path / "status.json").read_bytes() == status


def test_a_heartbeat_that_fails_is_tried_again_and_is_over_with_its_block() -> None:
    beats, enough = [], threading.Event()

    def beat() -> None:
        beats.append(1)
        if len(beats) == 3:
            enough.set()
        raise OSError(errno.ENOSPC, "no room")

    with beating(beat, 0.001):
        assert enough.wait(20)
    assert _hearts() == 0


def _hearts() -> int:
    return sum(thread.name == "heartbeat" for thread in threading.enumerate())
