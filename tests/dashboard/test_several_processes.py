"""Several processes at once on one run: what each of them changes stays, and nobody waits for ever."""

from __future__ import annotations

import errno
import fcntl
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import dashboard.views.train.new_run_form
import vae.runs.folder
from dashboard.views.train.page import _ask
from tests.vae.runs.test_listing import CONFIG, INFO
from vae.evaluation import saved_bounds
from vae.evaluation.saved_bounds import MOST
from vae.runs.listing import create_run
from vae.runs.naming import RunError
from vae.runs.run import Run
from vae.runs.status import Status, this_host
from vae.storage import locking


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "a", CONFIG, INFO)


def start(run: Run, code: str) -> subprocess.Popen[str]:
    """A process with the run opened, as `run`, that begins when it is told to and says when it is ready."""
    whole = f"""
import sys, time
from vae.storage import locking as lock
from vae.evaluation import saved_bounds as measurements
from vae.evaluation.saved_bounds import Bound
from vae.runs.listing import Run
run = Run.open({str(run.path)!r})
print("ready", flush=True)
sys.stdin.readline()
{code}
"""
    command = [sys.executable, "-c", whole]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def together(processes: list[subprocess.Popen[str]]) -> None:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0


def test_what_several_processes_want_of_a_trainer_at_once_is_all_kept(run: Run) -> None:
    steps = "for _ in range(60): run.request(command='step')"
    betas = "for number in range(60): run.request(beta=float(number)); assert run.control().beta == number"
    paces = "for number in range(60): run.request(max_images_per_second=number)"
    together([start(run, code) for code in (steps, betas, paces, steps)])
    control = run.control()
    assert (control.steps, control.beta, control.max_images_per_second) == (120, 59.0, 59)


def test_what_several_processes_measure_of_a_run_at_once_is_all_kept(run: Run, tmp_path: Path) -> None:
    def keeping(first: int, folder: str = "None") -> str:
        return f"""
from pathlib import Path
for seed in range({first}, {first} + {MOST // 2}):
    about = dict(kind="importance", step=0, num_images=5, seed=seed, k=50)
    bound = Bound(**about, log_prob=-9.0, effective_median=4.0, effective_min=1.5)
    measurements.keep(run, {folder}, bound=bound)
"""

    together([start(run, keeping(first)) for first in (0, MOST // 2)])
    assert sorted(one.seed for one in saved_bounds.kept(run).bounds) == list(range(MOST))
    elsewhere = tmp_path / "cache" / "a"  # of a run that is not to be changed
    together([start(run, keeping(first, f"Path({str(elsewhere)!r})")) for first in (0, MOST // 2)])
    assert sorted(one.seed for one in saved_bounds.kept(run, elsewhere).bounds) == list(range(MOST))


def test_two_processes_that_make_a_run_longer_and_rename_it_both_do(run: Run) -> None:
    code = "\n".join(
        ["for _ in range(20):", "    try: run.extend(1)", "    except Exception: time.sleep(0.01)"]
    )
    counted = code.replace("run.extend(1)", "run.extend(1); print('longer', flush=True)")
    processes = [start(run, counted), start(run, counted), start(run, "run.rename('another')")]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    num = sum(process.communicate(timeout=60)[0].count("longer") for process in processes)
    opened = Run.open(run.path)
    assert opened.config.train.epochs == CONFIG.train.epochs + num > CONFIG.train.epochs
    assert opened.name == "another"


def test_each_press_of_step_is_one_step_whatever_the_tabs_know(run: Run) -> None:
    run.request(command="pause")
    tabs = [threading.Thread(target=_ask, args=(Run.open(run.path), "step")) for _ in range(12)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert run.control().steps == 12


def test_the_status_is_the_trainers_alone_while_it_is_at_work(run: Run) -> None:
    status = Status(state="running", pid=1, host=this_host(), heartbeat=time.time())
    with run.lock():
        run.write_status(status)
        with run.changing_status() as found:
            assert found is None
        run.fail("somebody thinks that it ended")
        assert run.status() == status
    run.fail("it ended")
    assert (run.status().state, run.status().error) == ("failed", "it ended")


def test_no_trainer_begins_while_somebody_says_of_the_status_that_there_is_none(run: Run) -> None:
    began = threading.Event()

    def train() -> None:
        with run.lock():
            began.set()

    trainer = threading.Thread(target=train)
    with run.changing_status() as found:
        assert found is not None
        trainer.start()
        assert not began.wait(0.2)
    trainer.join()
    assert began.is_set()


def test_who_waits_too_long_for_another_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vae.runs.folder, "PATIENCE", 0.2)
    process = start(run, "with run.changing():\n    print('held', flush=True)\n    time.sleep(60)")
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    assert process.stdout.readline() == "held\n"
    try:
        began = time.monotonic()
        for change in (
            lambda: run.request(beta=2.0),
            lambda: run.rename("x"),
            lambda: saved_bounds.keep(run),
        ):
            with pytest.raises(
                RunError, match=r"another program has been changing run 'a' for 0.2 seconds; try"
            ):
                change()
        assert time.monotonic() - began < 5
    finally:
        process.kill()
        process.communicate()
    assert run.request(beta=2.0).beta == 2.0  # the lock went with its holder


def test_where_a_folder_cannot_be_locked_a_file_in_it_is(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    original = locking.try_to_lock

    def as_on_some_network_disks(descriptor: int) -> bool | None:
        is_to_write = fcntl.fcntl(descriptor, fcntl.F_GETFL) & 3
        return original(descriptor) if is_to_write else None

    monkeypatch.setattr(locking, "try_to_lock", as_on_some_network_disks)
    threads = [threading.Thread(target=run.request, kwargs={"command": "step"}) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert run.control().steps == 12
    assert (run.path / locking.FOR_FOLDERS).exists()
    with run.lock():
        assert run.is_locked()


def test_a_disk_that_locks_nothing_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(RunError, match="knows no file locks; use a folder on another disk"):
        run.request(beta=1.0)


def test_a_process_that_was_forked_keeps_no_lock_of_its_parent(run: Run) -> None:
    code = """
import os
with run.lock():
    child = os.fork()
    if not child:
        time.sleep(60)
        os._exit(0)
print(run.is_locked(), flush=True)
os.kill(child, 9)
"""
    process = start(run, f"{code}\n")
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    said = process.stdout.readline()
    process.communicate(timeout=30)
    assert said == "False\n" and not run.is_locked()


def test_runs_that_are_made_in_the_same_second_under_one_name_are_all_made(tmp_path: Path) -> None:
    made: list[Run] = []
    threads = [
        threading.Thread(target=lambda: made.append(create_run(tmp_path / "runs", "digits", CONFIG, INFO)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({run.id for run in made}) == 8 and len({run.identity for run in made}) == 8
    assert dashboard.jobs.new_runs.create_run is create_run
    with pytest.raises(RunError, match="a name must be"):
        create_run(tmp_path / "runs", "x" * 200, CONFIG, INFO)
