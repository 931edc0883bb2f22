"""Trainer processes: started by the dashboard, a few at a time; the other runs wait in a queue.

A trainer is a process of its own session: it goes on when the page, the browser or this server ends. One more process
waits with torch loaded, because loading takes longer than a person wants to wait after pressing Train.
"""

from __future__ import annotations

import logging
import math
import os
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress

from dashboard.jobs import queued_runs
from dashboard.settings import runs_root
from vae.errors import UserError
from vae.runs.cleanup import sweep_runs
from vae.runs.listing import list_runs
from vae.runs.naming import RunError
from vae.runs.run import Run
from vae.runs.status import ACTIVE, LOG, SILENCE, Status, this_host
from vae.storage.confined import open_plain, remove
from vae.training.preconditions import check_trainable, why_not_trainable

_log = logging.getLogger(__name__)

#: Said of a run that cannot be begun for a reason that nobody foresaw.
_UNFORESEEN = "the trainer could not be started; details are in the server's log"

#: Environment variable with the number of trainers at once.
LIMIT_VARIABLE = "LATENT_LAB_TRAINERS"
#: Seconds between two looks at our processes, at trainers that others started, and at queues that others left.
_TICK, _OTHERS, _ROUND = 0.2, 1.0, 5.0
#: Seconds for which a new trainer has the machine to itself, before the next process is loaded in advance.
_HEAD_START = 3.0
#: Seconds for which a chore waits for somebody who is changing a run's files; the next round tries again.
_PATIENCE = 0.2
#: Seconds for which who continues a run waits for its last trainer to give back the lock.
_FAREWELL = 5.0
#: Bytes at the end of what a trainer printed that are looked at.
_WORDS = 16_384


def limit() -> int:
    """How many trainers may work at once: of the environment variable, else one for two cores."""
    said = os.environ.get(LIMIT_VARIABLE, "")
    return int(said) if said.isdecimal() and int(said) > 0 else max(1, (os.cpu_count() or 2) // 2)


class Trainers:
    """The queue of runs and the processes that work on them.

    Processes are started and folders read without the lock: who presses a button meanwhile waits for neither. What is
    on its way from the queue to a process, or at its end, is in `_in_hand`.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._queue: deque[Run] = deque()
        self._in_hand: set[str] = set()
        self._is_beginning = False
        self._working: dict[str, tuple[Run, subprocess.Popen[bytes]]] = {}
        self._standby: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._num_others = 0
        self._began = self._counted = self._made_round = -math.inf

    def open(self) -> None:
        """Load a process in advance, and take up what an earlier server left in its queue."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._tend, name="trainers", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Let the waiting process go. Trainers at work go on, and the next server takes up the queue."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._wake.set()
            standby, self._standby = self._standby, None
            self._queue.clear()
            self._made_round = -math.inf
        if thread is not None:
            thread.join(timeout=5)
        if standby is not None:
            _let_go(standby)

    def start(self, run: Run) -> None:
        """Train a run, or go on with it: now, or when those before it are done.

        Raises:
            RunError: If it cannot be trained here, a trainer is at work on it, it waits for one, it is done, or its
                folder cannot be written.
        """
        check_trainable(run, look_for_images=True)  # before its status says anything else
        self._see_off(run)
        with self._lock:
            if run.is_locked() or self._has(run):
                raise RunError(f"run {run.id!r} is already being trained or waiting; stop it first")
            status = run.status()
            if status.state == "finished" and status.epoch >= run.config.train.epochs:
                raise RunError(
                    f"run {run.id!r} has trained all of its {run.config.train.epochs} epochs; ask for more epochs"
                )
            run.request(command="run")
            self._enqueue(run)
        self._begin_next()
        self.open()
        self._wake.set()

    def _see_off(self, run: Run) -> None:
        """Let a trainer go that has said its last word on the run and given back its lock.

        All that is left of it is the end of its process, which takes seconds on a busy machine and has nothing to lose.
        """
        _, process = self._working.get(run.id, (run, None))
        if process is None or run.status().state in ("queued", *ACTIVE):
            return
        deadline = time.monotonic() + _FAREWELL
        while run.id in self._working and time.monotonic() < deadline:
            if not run.is_locked():
                process.kill()
            self._reap()
            time.sleep(_TICK / 10)

    def cancel(self, run: Run) -> bool:
        """Take a run out of the queue, or stop it if it has just left it; False if it was not in it."""
        with self._lock:
            place = self.place(run)
            if place is not None:
                del self._queue[place]
            elif self._has(run):
                run.request(command="stop")
                return True
            elif not queued_runs.is_noted(run):
                return False
            queued_runs.forget(run)
            with run.changing_status() as status:
                if status is not None:
                    run.write_status(status.replace(state="stopped" if status.step else "new", pid=None))
        return True

    def place(self, run: Run) -> int | None:
        """How many runs are before this one in the queue; None if it is not waiting.

        Pages ask each second: it waits for nobody who starts a process or reads folders.
        """
        ids = [waiting.id for waiting in tuple(self._queue)]
        return ids.index(run.id) if run.id in ids else None

    def is_waiting(self, run: Run) -> bool:
        """Whether a run waits because this installation was asked to train it, and not by its own word alone."""
        return self._has(run) or queued_runs.is_noted(run)

    def _has(self, run: Run) -> bool:
        """Whether it waits here, or one of our processes works on it, or is about to."""
        return self.place(run) is not None or run.id in self._in_hand or run.id in self._working

    def _enqueue(self, run: Run) -> None:
        with run.changing_status() as status:
            if status is None:
                raise RunError(f"run {run.id!r} is already being trained or waiting; stop it first")
            status = status.replace(state="queued", error=None, pid=os.getpid(), host=this_host())
            run.write_status(status.replace(heartbeat=time.time()))
        queued_runs.note(run)
        self._queue.append(run)

    # In a thread of its own -------------------------------------------------------------------------------------------

    def _tend(self) -> None:
        sweep_runs(runs_root())
        queued_runs.sweep_notes()
        while not self._is_over():
            for chore in (self._reap, self._make_round, self._begin_next, self._load_ahead):
                if self._is_over():
                    return
                try:
                    chore()
                except (UserError, OSError):
                    pass  # a folder that is being changed; the next round sees what has become of it
                except Exception as error:  # the queue goes on
                    _log.exception("a chore of the queue failed", exc_info=error)
            self._wake.wait(_TICK if self._working or self._queue else _OTHERS)
            self._wake.clear()

    def _is_over(self) -> bool:
        """Whether the queue was closed, so that the thread that asks has nothing more to do."""
        return self._thread is not threading.current_thread()

    def _reap(self) -> None:
        """Say of a trainer that ended before it could say anything itself why it did."""
        for run_id, (run, process) in list(self._working.items()):
            if process.poll() is None:
                continue
            with self._lock:
                if run_id in self._in_hand or self._working.get(run_id, (run, None))[1] is not process:
                    continue  # another thread has seen it too
                self._in_hand.add(run_id)
            try:
                queued_runs.forget(run)
                with suppress(UserError), run.changing_status(_PATIENCE) as status:
                    if status is not None and status.state == "queued":
                        error = (
                            f"the trainer ended at once (exit code {process.returncode}): {_last_words(run)}"
                        )
                        run.write_status(status.replace(state="failed", error=error, pid=None))
            finally:
                with self._lock:
                    del self._working[run_id]
                    self._in_hand.discard(run_id)

    def _make_round(self) -> None:
        """Say that the waiting still wait; take up those of whom nobody says so any more."""
        if time.monotonic() - self._made_round < _ROUND:
            return
        self._made_round = time.monotonic()
        for run in (*tuple(self._queue), *(run for run, _ in tuple(self._working.values()))):
            with suppress(UserError), run.changing_status(_PATIENCE) as status:
                if status is not None and status.state == "queued":
                    run.write_status(status.replace(heartbeat=time.time()), durable=False)
        for found in queued_runs.noted(runs_root()):
            if self._has(found):
                continue
            status = found.status_as_written()
            is_left = status.state == "queued" and _is_abandoned(status) and not why_not_trainable(found)
            if status.state == "queued" and not is_left:
                continue
            with self._lock:
                # Somebody may have started it, or another server taken it up, while it was looked at.
                now = found.status_as_written()
                if self._has(found) or now.state != status.state or (is_left and now != status):
                    continue
                if is_left:
                    with suppress(UserError):
                        self._enqueue(found)
                else:
                    queued_runs.forget(found)

    def _begin_next(self) -> None:
        with self._lock:
            if self._is_beginning or not self._queue:
                return  # another thread is at it, and goes on while there are more
            self._is_beginning = True
        try:
            self._begin_all()
        finally:
            with self._lock:
                self._is_beginning = False

    def _begin_all(self) -> None:
        while self._queue and self._num_working() < limit():
            with self._lock:
                if not self._queue:
                    return
                run = self._queue[0]
                self._in_hand.add(run.id)  # first: pages look without the lock
                self._queue.popleft()
            try:
                self._begin(run)
            except (UserError, OSError):
                with self._lock:
                    self._queue.appendleft(run)
                raise  # it is tried again
            except Exception as error:
                _log.exception("run %s cannot be trained", run.id, exc_info=error)
                with suppress(UserError, OSError):
                    run.write_status(
                        run.status_as_written().replace(state="failed", error=_UNFORESEEN, pid=None)
                    )
            finally:
                with self._lock:
                    self._in_hand.discard(run.id)

    def _begin(self, run: Run) -> None:
        if not self._still_waits(run):
            return
        with suppress(OSError):
            remove(run.path / LOG)
        process = self._hand_over(run)
        with self._lock:
            self._working[run.id] = (run, process)
        self._began = time.monotonic()

    def _still_waits(self, run: Run) -> bool:
        """Whether it was not deleted, replaced, or taken out of the queue by another server, while it waited."""
        try:
            run.check_same()
        except RunError:
            return False
        return run.status_as_written().state == "queued"

    def _hand_over(self, run: Run) -> subprocess.Popen[bytes]:
        """Give the run to the process that waits, or to a new one if none does."""
        with self._lock:
            process, self._standby = self._standby, None
        if process is None or not _tell(process, run):
            process = _spawn()
            _tell(process, run)
        return process

    def _num_working(self) -> int:
        """Our own, and those of this machine that others started: an earlier server, or the command line.

        A paused one takes no time from anybody; when it goes on, one more than the limit is at work for a while.
        """
        if time.monotonic() - self._counted >= _OTHERS:
            self._counted = time.monotonic()
            others = [
                run.status()
                for run in list_runs(runs_root())
                if isinstance(run, Run) and run.id not in self._working
            ]
            self._num_others = sum(_is_at_work(status) and status.host == this_host() for status in others)
        own = (
            run.status_as_written()
            for run, process in tuple(self._working.values())
            if process.poll() is None
        )
        return self._num_others + sum(status.state == "queued" or _is_at_work(status) for status in own)

    def _load_ahead(self) -> None:
        if self._standby is None and time.monotonic() - self._began >= _HEAD_START:
            process = _spawn()
            with self._lock:
                if not self._is_over():
                    self._standby = process
                    return
            _let_go(process)  # the server ends


def _spawn() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "vae", "train", "--standby"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _let_go(process: subprocess.Popen[bytes]) -> None:
    """End a process that waits: it may still be loading, and has nothing to lose."""
    process.kill()
    process.wait()
    assert process.stdin is not None
    process.stdin.close()


def _tell(process: subprocess.Popen[bytes], run: Run) -> bool:
    """Tell a waiting process what to train; False if it has died meanwhile."""
    assert process.stdin is not None
    try:
        with process.stdin:
            process.stdin.write(os.fsencode(run.path) + b"\0" + run.identity.encode() + b"\n")
    except BrokenPipeError:
        return False
    return process.poll() is None


def _last_words(run: Run) -> str:
    """The last line that the run's trainer printed."""
    with suppress(OSError), open_plain(run.path / LOG) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - _WORDS))
        lines = file.read(_WORDS).decode(errors="replace").split("\n")
        return next((line.strip()[:500] for line in reversed(lines) if line.strip()), "it left no message")
    return "it left no message"


def _is_at_work(status: Status) -> bool:
    return status.is_active and status.state != "paused"


def _is_abandoned(status: Status) -> bool:
    """Whether the server that a run waits for has gone: the process, or any word of it."""
    if abs(time.time() - status.heartbeat) > SILENCE:
        return True
    if status.host != this_host() or status.pid is None:
        return False
    # After a restart in a container our process may have the very number of the one before.
    return status.pid == os.getpid() or not _is_alive(status.pid)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # somebody else's
    return True


trainers = Trainers()
