"""A lock that its holder loses when it dies, however it dies: the system keeps it, not a file's presence."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

if sys.platform != "win32":
    import fcntl

#: Seconds for which `hold` tries: `is_held` may be in the way for an instant.
PATIENCE = 1.0

Taken = Timeout


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Hold the lock until the block ends or the process dies; the file is made, and stays.

    Raises:
        Taken: If somebody else holds it.
        OSError: If the file cannot be made.
    """
    lock = FileLock(path, thread_local=False)
    lock.acquire(timeout=PATIENCE, poll_interval=0.02)
    try:
        yield
    finally:
        lock.release()


def is_held(path: Path) -> bool:
    """Whether somebody holds the lock. It makes no file, and any number may ask at once."""
    if not path.exists():
        return False
    if sys.platform == "win32":
        lock = FileLock(path)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return True
        lock.release()
        return False
    try:
        with path.open("rb") as file:
            # A shared lock: those who ask do not take each other for a holder, and one who wants to hold it
            # in this very moment tries for longer than this takes.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # gone by now, or no holder could have locked it either
    return False
