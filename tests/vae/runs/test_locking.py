"""The lock of a run: one trainer at a time, and what killed ones leave."""

from __future__ import annotations

import fcntl
import os
import subprocess
import threading
import time

import pytest

from tests.support.empty_runs import files_of
from vae.runs.naming import RunError
from vae.runs.run import Run
from vae.runs.status import Status, this_host

# The lock


def test_a_second_trainer_is_refused_and_told_who_is_at_work(run: Run, holder: subprocess.Popen[str]) -> None:
    run.write_status(Status(state="running", pid=holder.pid, host=this_host(), heartbeat=time.time()))
    sentence = rf"a trainer \(pid {holder.pid} on .+\) is already working on run 'a'"
    with pytest.raises(RunError, match=sentence), run.lock():
        raise AssertionError("two trainers on one run")


def test_a_killed_trainer_leaves_the_run_free_and_interrupted(
    run: Run, holder: subprocess.Popen[str]
) -> None:
    run.write_status(Status(state="running", pid=holder.pid, host=this_host(), heartbeat=time.time()))
    assert run.is_locked() and run.status().state == "running"
    holder.kill()
    holder.wait()
    assert not run.is_locked() and run.status().state == "interrupted"
    with run.lock():
        assert run.is_locked()
    assert not run.is_locked()


def test_asking_for_the_lock_never_keeps_a_trainer_from_starting(run: Run) -> None:
    with run.lock():
        pass
    with (run.path / "lock").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # what one who asks does
        release = threading.Timer(0.2, fcntl.flock, (file, fcntl.LOCK_UN))
        release.start()
        with run.lock():
            assert run.is_locked()
        release.join()


def test_askers_do_not_take_each_other_for_a_trainer(run: Run) -> None:
    with run.lock():
        pass
    with (run.path / "lock").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # what one who asks does
        assert not run.is_locked()


def test_asking_makes_no_file(run: Run) -> None:
    (run.path / "lock").unlink()
    before = files_of(run.path)
    assert not run.is_locked() and run.status().state == "new"
    assert files_of(run.path) == before


def test_an_error_in_the_trainer_is_its_own_and_frees_the_run(run: Run) -> None:
    with pytest.raises(OSError, match="mine"), run.lock():
        raise OSError("mine")
    assert not run.is_locked()


def test_taking_the_lock_removes_what_killed_writers_left_but_not_what_is_being_written(run: Run) -> None:
    stale = [
        run.path / "checkpoints" / ".last.safetensors.1-ab.tmp",
        run.path / "snapshots" / ".7-ab" / "probe",
    ]
    old, new = run.path / ".status.json.1-ab.tmp", run.path / ".control.json.2-cd.tmp"
    for path in (*stale, old, new):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
    os.utime(old, (0, 0))
    with run.lock():
        pass
    assert not any(path.exists() for path in (*stale, old)) and new.exists()
