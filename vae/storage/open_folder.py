"""Files and folders by their names in an open folder: no link is followed, and what is not plain is refused.

A name is looked at before it is opened, and opened relative to the folder that holds it, which stays the same one
whatever is renamed meanwhile. A link, pipe, device or socket where a file or folder belongs is refused with a sentence,
and nothing waits for one. Paths in a run are for `vae.storage.confined`.

Source:
    openat(2) and the O_NOFOLLOW flag of open(2): https://pubs.opengroup.org/onlinepubs/9799919799/functions/open.html
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from vae.errors import UserError, clean

_AS_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# A pipe that nobody writes into would keep us waiting.
_AS_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_KINDS = (
    (stat.S_ISLNK, "a link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISREG, "a file"),
)


class FolderError(OSError, UserError):
    """What is wrong with a run's folder, as a sentence; for those who expect a failure of the disk, it is one."""

    def __init__(self, sentence: str) -> None:
        super().__init__(clean(sentence))


class NotPlain(FolderError):
    """Something other than a plain file or folder stands where one belongs."""


def open_subfolder(name: Path | str, folder: int | None, path: Path, *, follow: bool = False) -> int:
    """A descriptor of a folder, by its name in an open one or, where there is none yet, by its path.

    Args:
        name: The folder's name, or its path.
        folder: The open folder that it is in; None for a path.
        path: As a message names it.
        follow: Whether it may be a link.

    Raises:
        NotPlain: If it is a link or no folder.
        OSError: If it is missing or cannot be opened.
    """
    try:
        return os.open(name, _AS_FOLDER | (0 if follow else os.O_NOFOLLOW), dir_fd=folder)
    except OSError as error:
        refusal = None
        if not follow and error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK):
            with suppress(OSError):
                refusal = _refusal(path, os.lstat(name, dir_fd=folder).st_mode, "a folder")
        raise refusal or with_path(error, path) from None


def names_of(folder: int) -> list[str]:
    """The names in an open folder, in no order."""
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


def opened_in(folder: int, path: Path) -> BinaryIO:
    """A plain file to read, in a folder that is open; see `opened_file`."""
    return os.fdopen(opened_file(path.name, folder, path, os.O_RDONLY), "rb")


def plain_stat(name: str, folder: int, path: Path) -> os.stat_result:
    """What is known of a plain file in an open folder.

    Raises:
        NotPlain: If it is a link, a pipe, or anything else than a plain file.
        OSError: If it is missing (`FileNotFoundError`).
    """
    try:
        found = os.lstat(name, dir_fd=folder)
    except OSError as error:
        raise with_path(error, path) from None
    if not stat.S_ISREG(found.st_mode):
        raise _refusal(path, found.st_mode, "a plain file")
    return found


def opened_file(name: str, folder: int, path: Path, flags: int) -> int:
    """A descriptor of a plain file in an open folder, opened with these flags.

    Raises:
        NotPlain, OSError: As `plain_stat` does, or if it cannot be opened.
    """
    plain_stat(name, folder, path)  # even to open a device may have an effect
    try:
        descriptor = os.open(name, flags | _AS_FILE, dir_fd=folder)
    except OSError as error:
        plain_stat(name, folder, path)
        raise with_path(error, path) from None
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    raise _refusal(path, mode, "a plain file")


def made_file(name: str, folder: int, path: Path, flags: int) -> int:
    """A descriptor of a new file in an open folder, opened with these flags.

    Raises:
        OSError: If there is something of that name (`FileExistsError`), or it cannot be made.
    """
    try:
        return os.open(name, flags | _AS_FILE | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=folder)
    except OSError as error:
        raise with_path(error, path) from None


def _refusal(path: Path, mode: int, wanted: str) -> NotPlain:
    kind = next((words for is_such, words in _KINDS if is_such(mode)), "a device")
    shown = "/".join(path.parts[-2:])
    return NotPlain(f"{shown} must be {wanted}, and is {kind}; remove it, or put {wanted} of the run there")


def with_path(error: OSError, path: Path) -> OSError:
    """The error with the whole path: the system was told a name in an open folder."""
    error.filename, error.filename2 = str(path), None
    return error
