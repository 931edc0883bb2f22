"""The queue of trainers: one after the other, however they end."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from dashboard.jobs import trainers as module
from dashboard.jobs.trainers import Trainers, limit
from tests.support.queued_runs import QUICK, create, end, state, wait_for_rounds, wait_until
from vae.config.schema import DataConfig
from vae.config.suggestions import suggest
from vae.data.dataset import load_dataset as load_data
from vae.runs.metrics import MetricsReader
from vae.runs.naming import RunError
from vae.runs.run import Run
from vae.runs.status import LOG
from vae.storage.safetensors_io import load
from vae.training.trainer import Trainer

# The queue ------------------------------------------------------------------------------------------------------------


def test_a_second_run_waits_and_starts_by_itself(trainers: Trainers, root: Path) -> None:
    first, second, third = create(root, "first"), create(root, "second", QUICK), create(root, "third", QUICK)
    trainers.start(first)
    wait_until(lambda: state(first) == "running")
    trainers.start(second)
    trainers.start(third)
    assert [trainers.place(run) for run in (first, second, third)] == [None, 0, 1]
    assert [state(second), state(third)] == ["queued", "queued"]
    wait_for_rounds(trainers)
    assert [state(first), state(second), state(third)] == ["running", "queued", "queued"]
    first.request(command="stop")
    wait_until(lambda: state(third) == "finished")
    assert [state(first), state(second)] == ["stopped", "finished"]
    assert [trainers.place(run) for run in (first, second, third)] == [None, None, None]
    ends = [MetricsReader(run.metrics_path).read()[1] for run in (second, third)]
    assert all([line["event"] for line in lines if "event" in line] == ["start", "finish"] for lines in ends)


def test_a_paused_run_leaves_its_place_to_the_next(trainers: Trainers, root: Path) -> None:
    first, second = create(root, "first"), create(root, "second", QUICK)
    trainers.start(first)
    wait_until(lambda: state(first) == "running")
    trainers.start(second)
    first.request(command="pause")
    wait_until(lambda: state(second) == "finished")
    assert state(first) == "paused"
    first.request(command="stop")
    wait_until(lambda: state(first) == "stopped")


def test_a_warmed_up_process_trains_to_the_same_bits_as_any_other(trainers: Trainers, root: Path) -> None:
    here, there = create(root, "here", QUICK), create(root, "there", QUICK)
    trainers.start(there)
    for _ in Trainer(here, load_data(QUICK.data)).train():
        pass
    wait_until(lambda: state(there) == "finished")
    found, expected = (load(run.checkpoints_dir, "last")[0] for run in (there, here))
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_a_run_can_leave_the_queue_and_come_back(trainers: Trainers, root: Path) -> None:
    first, second, third = create(root, "first"), create(root, "second", QUICK), create(root, "third", QUICK)
    trainers.start(first)
    wait_until(lambda: state(first) == "running")
    trainers.start(second)
    trainers.start(third)
    assert trainers.cancel(second)
    assert (state(second), trainers.place(second), trainers.place(third)) == ("new", None, 0)
    assert not trainers.cancel(second)
    trainers.start(second)
    assert (trainers.place(third), trainers.place(second)) == (0, 1)
    first.request(command="stop")
    wait_until(lambda: state(second) == "finished")
    assert state(third) == "finished"


def test_a_stopped_run_that_leaves_the_queue_is_stopped_as_before(trainers: Trainers, root: Path) -> None:
    first, second = create(root, "first"), create(root, "second")
    trainers.start(second)
    wait_until(lambda: second.status().step > 0)
    second.request(command="stop")
    wait_until(lambda: state(second) == "stopped")
    step = second.status().step
    trainers.start(first)
    wait_until(lambda: state(first) == "running")
    trainers.start(second)
    assert state(second) == "queued"
    assert trainers.cancel(second)
    assert (state(second), second.status().step) == ("stopped", step)
    first.request(command="stop")
    wait_until(lambda: state(first) == "stopped")
    trainers.start(second)  # and goes on from there
    wait_until(lambda: second.status().step > step)


@pytest.fixture
def lingering(trainers: Trainers, root: Path) -> Iterator[tuple[Run, subprocess.Popen[bytes]]]:
    """A run that was stopped, and its trainer, whose process does not come to its end."""
    run = create(root, "run")
    run.write_status(run.status().replace(state="stopped", step=0, pid=None))
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    trainers._working[run.id] = (run, process)
    yield run, process
    process.kill()
    process.wait()


def test_who_continues_a_run_waits_for_no_process_that_is_only_ending(
    trainers: Trainers, lingering: tuple[Run, subprocess.Popen[bytes]]
) -> None:
    run, process = lingering
    began = time.monotonic()
    trainers.start(run)
    assert time.monotonic() - began < module._FAREWELL
    assert process.poll() is not None
    wait_until(lambda: state(run) == "running")


def test_a_trainer_that_still_holds_its_run_is_left_alone(
    trainers: Trainers, lingering: tuple[Run, subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, process = lingering
    monkeypatch.setattr(module, "_FAREWELL", 0.3)
    monkeypatch.setattr(Run, "is_locked", lambda _: True)
    with pytest.raises(RunError, match="already being trained or waiting"):
        trainers.start(run)
    assert process.poll() is None


def test_leaving_the_queue_a_moment_too_late_stops_the_run(trainers: Trainers, root: Path) -> None:
    run = create(root, "run")
    trainers.start(run)
    assert state(run) in ("queued", "running")
    assert trainers.cancel(run)
    wait_until(lambda: state(run) == "stopped")


def test_a_run_deleted_while_it_waits_holds_nobody_up(trainers: Trainers, root: Path) -> None:
    first, second, third = create(root, "first"), create(root, "second", QUICK), create(root, "third", QUICK)
    trainers.start(first)
    wait_until(lambda: state(first) == "running")
    trainers.start(second)
    trainers.start(third)
    second.delete()
    first.request(command="stop")
    wait_until(lambda: state(third) == "finished")
    assert not (root / "second").exists()


def test_what_cannot_start_is_refused_in_a_sentence(trainers: Trainers, root: Path) -> None:
    first, second, done = create(root, "first"), create(root, "second"), create(root, "done", QUICK)
    trainers.start(done)
    wait_until(lambda: state(done) == "finished")
    before = done.status()
    with pytest.raises(RunError, match=r"run 'done' has trained all of its 1 epochs; ask for more epochs"):
        trainers.start(done)
    assert done.status() == before
    done.extend(1)
    trainers.start(Run.open(done.path))
    wait_until(lambda: done.status().epoch == 2)
    wait_until(lambda: state(done) == "finished")
    trainers.start(first)
    trainers.start(second)
    for run in (first, second):
        with pytest.raises(RunError, match="is already being trained or waiting; stop it first"):
            trainers.start(run)
    trainers.cancel(second)


def test_trainers_that_others_started_count_too(trainers: Trainers, root: Path, forker: Any) -> None:
    other, run = create(root, "other"), create(root, "run", QUICK)
    command = forker.start("train", "--resume", other.path)
    wait_until(lambda: state(other) == "running")
    with pytest.raises(RunError, match="already being trained"):
        trainers.start(other)
    trainers.start(run)
    wait_for_rounds(trainers)
    assert state(run) == "queued"
    other.request(command="stop")
    assert command.wait() == 0
    wait_until(lambda: state(run) == "finished")


def test_the_limit_is_one_for_two_cores_unless_the_environment_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LATENT_LAB_TRAINERS", "3")
    assert limit() == 3
    for said, cores, expected in (("", 1, 1), ("", 8, 4), ("0", 2, 1), ("many", 2, 1)):
        monkeypatch.setenv("LATENT_LAB_TRAINERS", said)
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        assert limit() == expected


# Bad ends -------------------------------------------------------------------------------------------------------------


def test_a_trainer_that_cannot_begin_says_why_in_the_status(trainers: Trainers, root: Path) -> None:
    run = Run.create(root / "run", QUICK, load_data(DataConfig(split_seed=1)).info())
    trainers.start(run)
    wait_until(lambda: state(run) == "failed")
    assert "must have the images it was made for" in str(run.status().error)
    wait_until(lambda: "must have the images it was made for" in (run.path / LOG).read_text())


def test_a_trainer_that_dies_without_a_word_is_noticed(
    trainers: Trainers, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create(root, "run")
    (run.path / LOG).write_text("words of an earlier trainer\n")

    def deadly(process: Any, _run: Run) -> bool:
        process.kill()
        process.stdin.close()
        return True

    monkeypatch.setattr(module, "_tell", deadly)
    trainers.start(run)
    wait_until(lambda: state(run) == "failed")
    assert run.status().error == "the trainer ended at once (exit code -9): it left no message"


def test_a_standby_that_died_while_it_waited_is_replaced(trainers: Trainers, root: Path) -> None:
    wait_until(lambda: trainers._standby is not None)
    assert trainers._standby is not None
    trainers._standby.kill()
    wait_until(lambda: trainers._standby.poll() is not None)  # type: ignore[union-attr]
    run = create(root, "run", QUICK)
    trainers.start(run)
    wait_until(lambda: state(run) == "finished")


def test_a_folder_that_cannot_be_written_is_told(
    trainers: Trainers, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create(root, "run")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", str(run.path / "status.json"))

    monkeypatch.setattr(Run, "write_status", full)
    with pytest.raises(RunError, match="the disk is full"):
        trainers.start(run)
    assert trainers.place(run) is None


def waits_for_a_line(pid: int) -> bool:
    """Whether the process is reading its standard input: the first argument of the system call that it is in is 0."""
    try:
        call = Path(f"/proc/{pid}/syscall").read_text().split()
    except PermissionError:
        pytest.skip("needs the right to see when a process is ready")
    return "pipe" in Path(f"/proc/{pid}/wchan").read_text() and call[1:2] == ["0x0"]


@pytest.mark.skipif(
    not Path("/proc/self/syscall").exists(), reason="needs Linux to see when a process is ready"
)
def test_from_the_click_to_the_first_point_of_the_curves_it_takes_moments(
    root: Path, record_property: Callable[[str, object], None]
) -> None:
    opened = Trainers()
    opened.open()
    try:
        wait_until(lambda: opened._standby is not None)
        assert opened._standby is not None
        pid = opened._standby.pid
        wait_until(lambda: waits_for_a_line(pid))
        config = suggest("digits")
        dataset_info = load_data(config.data).info()
        clicked = time.perf_counter()
        run = Run.create(root / "run", config, dataset_info)
        opened.start(run)
        wait_until(lambda: "train" in run.latest_metrics())
        seconds = time.perf_counter() - clicked
        record_property("seconds_to_first_point", seconds)
        sys.stderr.write(f"{seconds:.2f} s from the click to the first point of the curves\n")
        assert (
            run.status().pid == pid
        )  # and so nothing had to be loaded: 2 s where nobody else wants the machine
        assert seconds < 30
    finally:
        end(opened)


def test_pages_ask_for_a_place_while_the_queue_is_busy(trainers: Trainers, root: Path) -> None:
    run = create(root, "asked")
    asked: list[float] = []

    def ask() -> None:
        began = time.perf_counter()
        trainers.place(run)
        asked.append(time.perf_counter() - began)

    with trainers._lock:  # somebody starts a process, or reads a slow disk
        page = threading.Thread(target=ask)
        page.start()
        page.join(5)
    assert asked and asked[0] < 1


@pytest.mark.parametrize("slow", ["a process starts", "folders are read"])
def test_who_presses_a_button_waits_for_no_process_and_no_disk(
    trainers: Trainers, root: Path, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    first, second = create(root, "first"), create(root, "second")
    begun, released = threading.Event(), threading.Event()
    where, name = (trainers, "_hand_over") if slow == "a process starts" else (module, "list_runs")
    original = getattr(where, name)

    def wait(*given: Any) -> Any:
        begun.set()
        released.wait(10)
        return original(*given)

    monkeypatch.setattr(where, name, wait)
    began = time.perf_counter()
    presses = threading.Thread(target=trainers.start, args=[first])
    presses.start()
    assert begun.wait(5)
    wait_until(lambda: trainers.is_waiting(first), 3)
    trainers.start(second)
    with pytest.raises(RunError, match="is already being trained or waiting"):
        trainers.start(first)
    assert trainers.cancel(second)
    assert (state(second), trainers.place(second)) == ("new", None)
    assert trainers.cancel(first)
    assert time.perf_counter() - began < 5
    released.set()
    presses.join()
    # It is stopped if it had left the queue, and was not begun otherwise.
    wait_until(lambda: state(first) == ("stopped" if slow == "a process starts" else "new"))


def test_the_queue_goes_on_after_an_error_that_nobody_foresaw(
    trainers: Trainers, root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken, sound = create(root, "broken"), create(root, "sound")
    given: list[str] = []

    def hand_over(run: Run) -> Any:
        if run.id == "broken":
            raise RuntimeError("nobody foresaw this")
        given.append(run.id)
        raise OSError("enough seen")

    monkeypatch.setattr(trainers, "_hand_over", hand_over)
    monkeypatch.setattr(trainers, "_num_working", lambda: 0)
    with caplog.at_level(logging.CRITICAL), trainers._lock:
        for run in (broken, sound):
            trainers._enqueue(run)
        with suppress(OSError):
            trainers._begin_next()
    assert (state(broken), set(given)) == ("failed", {"sound"})
    assert "could not be started" in str(broken.status().error)
    trainers.cancel(sound)
