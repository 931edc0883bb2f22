"""Servers come and go: what becomes of their trainers and of the runs that wait."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dashboard.jobs import queued_runs
from dashboard.jobs import trainers as module
from dashboard.jobs.trainers import Trainers
from tests.support.hostile_folders import Trap, everything, folder, link, listening, pipe
from tests.support.queued_runs import QUICK, create, end, is_alive, state, wait_for_rounds, wait_until
from vae.runs.naming import RunError
from vae.runs.run import Run
from vae.runs.status import LOG, NOT_STARTED, Status, this_host

# Servers come and go --------------------------------------------------------------------------------------------------


def test_a_run_left_queued_by_a_dead_server_is_taken_up_by_the_next(trainers: Trainers, root: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    gone = {"state": "queued", "heartbeat": time.time(), "host": this_host(), "pid": dead.pid}
    silent = {"state": "queued", "heartbeat": time.time() - 60, "host": "another", "pid": 1}
    waits = {"state": "queued", "heartbeat": time.time(), "host": "another", "pid": 1}
    alive = {"state": "queued", "heartbeat": time.time(), "host": this_host(), "pid": os.getppid()}
    runs = {}
    for number, status in enumerate((gone, silent, waits, alive)):
        runs[number] = create(root, f"run-{number}", QUICK)
        runs[number].write_status(Status(**status))
        queued_runs.note(runs[number])
    wait_until(lambda: state(runs[0]) == state(runs[1]) == "finished")
    assert [state(runs[2]), state(runs[3])] == ["queued", "queued"]  # their servers may still be there


def test_a_run_that_says_it_waits_is_trained_only_if_this_installation_was_asked(
    trainers: Trainers, root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    waits = Status(state="queued", heartbeat=time.time() - 60, host="another", pid=1)
    foreign, asked = create(root, "foreign", QUICK), create(root, "asked", QUICK)
    elsewhere = create(tmp_path_factory.mktemp("elsewhere"), "replaced", QUICK)
    replaced = create(root, "replaced", QUICK)
    for run in (foreign, asked, replaced, elsewhere):
        run.write_status(waits)
    queued_runs.note(replaced)
    replaced.path.rename(root / ".away")
    elsewhere.path.rename(replaced.path)  # another run in the place of the one that was asked for
    queued_runs.note(asked)
    copied = Run.open(shutil.copytree(asked.path, root / "copied"))
    wait_until(lambda: state(asked) == "finished")
    wait_for_rounds(trainers)
    for run in (foreign, Run.open(replaced.path), copied):
        assert run.status_as_written() == waits
        assert (state(run), run.status().error) == ("new", NOT_STARTED)
        assert not trainers.is_waiting(run) and not trainers.cancel(run)
    assert not run_files(foreign)
    trainers.start(foreign)  # by a click it is
    wait_until(lambda: state(foreign) == "finished")
    wait_until(lambda: not queued_runs.noted(root))


def run_files(run: Run) -> set[str]:
    """What a trainer leaves in a run's folder."""
    return {entry.name for entry in run.path.iterdir()} & {"metrics.jsonl", "checkpoints", "snapshots", LOG}


def test_a_run_that_is_replaced_while_it_waits_is_not_trained_and_neither_is_the_other(
    trainers: Trainers, root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first, second = create(root, "first"), create(root, "second", QUICK)
    other = create(tmp_path_factory.mktemp("elsewhere"), "second", QUICK)
    trainers.start(first)
    wait_until(lambda: state(first) == "running")
    trainers.start(second)
    second.path.rename(root / "moved")
    other.path.rename(second.path)
    first.request(command="stop")
    wait_until(lambda: trainers.place(second) is None)
    wait_until(lambda: not trainers._working)
    assert not run_files(Run.open(root / "second")) and not run_files(Run.open(root / "moved"))


@pytest.mark.timeout(30)
@pytest.mark.parametrize("trap", [pipe, link, listening, folder])
def test_what_stands_in_the_place_of_a_trainers_words_is_neither_waited_for_nor_written(
    trainers: Trainers, root: Path, tmp_path_factory: pytest.TempPathFactory, trap: Trap
) -> None:
    outside, run = tmp_path_factory.mktemp("outside"), create(root, "run", QUICK)
    (outside / LOG).write_text("precious")
    trap(run.path / LOG, outside)
    before = everything(outside)
    with pytest.raises(RunError, match=r"trainer\.log must be a plain file"):
        trainers.start(run)
    assert module._last_words(run) == "it left no message"
    assert everything(outside) == before


def test_another_server_can_take_a_run_out_of_the_queue(trainers: Trainers, root: Path) -> None:
    first, second = create(root, "first"), create(root, "second", QUICK)
    trainers.start(first)
    wait_until(lambda: state(first) == "running")
    trainers.start(second)
    other = Trainers()
    assert other.is_waiting(second) and other.cancel(second)
    assert state(second) == "new"
    first.request(command="stop")
    wait_until(lambda: trainers.place(second) is None)
    assert state(second) == "new" and not run_files(second)


def test_a_home_that_cannot_be_written_keeps_nobody_from_training(
    trainers: Trainers, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    run = create(root, "run", QUICK)
    trainers.start(run)
    wait_until(lambda: state(run) == "finished")


def test_those_who_wait_show_that_their_server_lives(trainers: Trainers, root: Path) -> None:
    first, second = create(root, "first"), create(root, "second")
    trainers.start(first)
    trainers.start(second)
    before = second.status()
    assert (before.pid, before.host) == (os.getpid(), this_host())
    wait_until(lambda: second.status().heartbeat > before.heartbeat)
    trainers.cancel(second)


def test_a_closed_server_takes_its_standby_along_and_leaves_its_queue_to_the_next(
    trainers: Trainers, root: Path
) -> None:
    first, second = create(root, "first"), create(root, "second", QUICK)
    trainers.start(first)
    wait_until(lambda: state(first) == "running")
    trainers.start(second)
    wait_until(lambda: trainers._standby is not None)
    standby = trainers._standby
    assert standby is not None
    trainers.close()
    assert standby.poll() is not None
    step = first.status().step
    wait_until(lambda: first.status().step > step)  # trainers at work go on
    first.request(command="stop")
    wait_until(lambda: state(first) == "stopped")
    assert state(second) == "queued"
    following = Trainers()
    following.open()
    wait_until(lambda: state(second) == "finished")
    end(following)


SERVER = """
import os, sys, time
from dashboard.jobs import queued_runs as queued
from dashboard.jobs import trainers as module
from vae.runs.listing import Run
module._HEAD_START = 0.0
trainers = module.trainers
trainers.open()
for path in sys.argv[1:]:
    trainers.start(Run.open(path))
while trainers._standby is None:
    time.sleep(0.05)
print(trainers._working["first"][1].pid, trainers._standby.pid, flush=True)
time.sleep(1000)
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux to look at processes")
@pytest.mark.timeout(300)
def test_when_the_server_is_killed_its_trainer_goes_on_and_its_standby_ends(root: Path, quick: None) -> None:
    first, second = create(root, "first"), create(root, "second", QUICK)
    command = [sys.executable, "-c", SERVER, str(first.path), str(second.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as server:
        assert server.stdout is not None
        trainer, standby = map(int, server.stdout.readline().split())
        wait_until(lambda: first.status().step > 0)
        assert (state(first), state(second)) == ("running", "queued")
        os.killpg(server.pid, signal.SIGKILL)  # as a terminal does with all that it started
    step = first.status().step
    wait_until(lambda: first.status().step > step + 1)
    assert first.status().pid == trainer
    wait_until(lambda: not is_alive(standby))
    # A new server counts the trainer, and then takes up what waited.
    following = Trainers()
    following.open()
    try:
        wait_until(lambda: following.place(second) == 0)
        first.request(command="stop")
        wait_until(lambda: state(first) == "stopped")
        wait_until(lambda: state(second) == "finished")
    finally:
        end(following)
