"""File locks that the system releases when their holder ends, however it ends.

Here and not from a library, because what is locked must be the very file that was looked at: a library opens its own,
by a path, and a link or pipe may stand there by then.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vae.storage.confined import lstat, open_plain, open_to_lock, opened_folder, remove

#: Seconds for which `hold` tries: `is_held` may be in the way for an instant.
PATIENCE = 1.0
#: Seconds between two tries.
_PAUSE = 0.005
_CONTENDED = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
#: A folder is opened to be read, and some network file systems lock only what is opened to be written, or nothing.
_NO_LOCKS = (errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)
#: File that is locked for a folder where the folder itself cannot be.
FOR_FOLDERS = ".changes.lock"

_ours: set[int] = set()


class Taken(Exception):
    """Somebody else holds the lock."""


@contextmanager
def hold(path: Path, *, patience: float = PATIENCE) -> Iterator[int]:
    """Hold the lock until the block ends or the process dies; the file is made, and stays.

    Args:
        path: The file.
        patience: Seconds for which it is tried.

    Yields:
        Its descriptor.

    Raises:
        Taken: If somebody else holds it.
        NotPlain: If it is no plain file.
        OSError: If the file cannot be made, or its disk knows no locks.
    """
    until = time.monotonic() + patience
    while True:
        with _kept(open_to_lock(path)) as descriptor:
            if not _lock(descriptor, until):
                raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK), str(path))
            if not _is_at(descriptor, path):
                continue  # removed since it was opened: who comes next makes another
            if os.fstat(descriptor).st_nlink > 1:
                remove(path)  # a backup made of hard links would be locked along with the run
                continue
            yield descriptor
            return


@contextmanager
def hold_folder(path: Path, *, patience: float) -> Iterator[int]:
    """Be the only one, of all processes and threads that ask so, who changes small files of a folder.

    Args:
        path: The folder.
        patience: Seconds for which it is tried.

    Yields:
        A descriptor of the folder.

    Raises:
        Taken: If somebody else holds it all that time.
        OSError: If it cannot be opened.
    """
    with opened_folder(path) as folder, _kept(os.dup(folder)) as descriptor:
        if _lock(descriptor, time.monotonic() + patience):
            yield folder
        else:
            with hold(path / FOR_FOLDERS, patience=patience):
                yield folder


def is_held(path: Path) -> bool:
    """Whether somebody holds the lock. It makes no file, and any number may ask at once."""
    try:
        with open_plain(path) as file:
            # A shared lock: those who ask do not take each other for a holder, and one who wants to hold it
            # in this very moment tries for longer than this takes.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # gone by now, or no holder could have locked it either
    return False


def try_to_lock(descriptor: int) -> bool | None:
    """Lock an open file or folder if nobody else has; None where its disk knows no locks.

    Raises:
        OSError: If it cannot be tried.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _CONTENDED:
            return False
        if error.errno in _NO_LOCKS:
            return None
        raise
    return True


@contextmanager
def held_at_once(path: Path) -> Iterator[bool | None]:
    """Hold the lock of a folder until the block ends, if nobody else has it.

    Yields:
        Whether it is held; None where the disk knows no locks of folders.

    Raises:
        OSError: If it is no folder, or cannot be opened.
    """
    with _kept(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)) as descriptor:
        yield try_to_lock(descriptor)


def _lock(descriptor: int, until: float) -> bool:
    """Wait for a lock; False where the disk knows none."""
    while (is_locked := try_to_lock(descriptor)) is False:
        if time.monotonic() >= until:
            raise Taken
        time.sleep(_PAUSE)
    return is_locked is True


@contextmanager
def _kept(descriptor: int) -> Iterator[int]:
    _ours.add(descriptor)
    try:
        yield descriptor
    finally:
        if descriptor in _ours:
            _ours.discard(descriptor)
            with suppress(OSError):  # said, because a process that was forked meanwhile may have it open
                fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    ours = os.fstat(descriptor)
    with suppress(FileNotFoundError):
        there = lstat(path)
        return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)
    return False


def _let_go() -> None:
    """In a process that was forked: the lock is the parent's, and must not outlive it in its children."""
    for descriptor in _ours:
        with suppress(OSError):
            os.close(descriptor)
    _ours.clear()


os.register_at_fork(after_in_child=_let_go)
