"""Access to a run's files from its folder down; links on the way are not followed.

A run may come from somebody else, and a folder in it may be a link to anywhere. So every name below the run's folder is
looked at before it is opened, and opened relative to the folder that holds it, which stays the same one whatever is
renamed meanwhile. A link, pipe, device or socket where a file or folder belongs is refused with a sentence, and nothing
waits for one. The run's own path is the user's: links above the run's folder are followed.

A trainer holds its folder (`Held`): it then writes through the folder that it opened at the beginning, and each write
first makes sure that this folder is still the one at its path.

Source:
    openat(2) and the O_NOFOLLOW flag of open(2): https://pubs.opengroup.org/onlinepubs/9799919799/functions/open.html
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from vae.errors import UserError, clean

#: Folders of a run that hold files; `SNAPSHOTS` holds a folder for each step.
FOLDERS = ("checkpoints", "projections")
SNAPSHOTS = "snapshots"

_OF_A_STEP = re.compile(r"\.?[0-9]+(-[0-9a-z]+)?")
_AS_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# A pipe that nobody writes into would keep us waiting.
_AS_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class FolderError(OSError, UserError):
    """What is wrong with a run's folder, as a sentence; for those who expect a failure of the disk, it is one."""

    def __init__(self, sentence: str) -> None:
        super().__init__(clean(sentence))


class NotPlain(FolderError):
    """Something other than a plain file or folder stands where one belongs."""


class FolderLost(FolderError):
    """The folder that was being written is not at its path any more."""


# Which run a path is of -----------------------------------------------------------------------------------------------


def split(path: Path) -> tuple[Path, tuple[str, ...]]:
    """The run's folder and the names from there on to a file or folder of it, by what a run's folders are called.

    Of any other path it is the folder that it is in, and its name.
    """
    for depth, root in enumerate((path.parent, *path.parent.parents[:2]), start=1):
        if root in _held:
            return root, path.parts[-depth:]
    parents = [path.parent, *path.parent.parents[:1]]
    if path.parent.name in (*FOLDERS, SNAPSHOTS):
        depth = 2
    elif parents[-1].name == SNAPSHOTS and _OF_A_STEP.fullmatch(path.parent.name):
        depth = 3
    else:
        depth = 1
    return path.parents[depth - 1], path.parts[-depth:]


class Held:
    """A run's folder while this process writes it, known by what it is and not by its name.

    Args:
        path: The folder.
        is_ours: Told the descriptor of the open folder: whether it holds what it should, in few system calls.

    Raises:
        NotPlain: If the path is a link.
        OSError: If it cannot be opened.
    """

    def __init__(self, path: Path, is_ours: Callable[[int], bool]) -> None:
        self.path, self._is_ours = path, is_ours
        self.descriptor = _opened_folder(path, None, path)
        self.made_file = os.fstat(self.descriptor)

    def check(self) -> None:
        """Make sure that the path still leads to this very folder, and that it holds what it should.

        Raises:
            FolderLost: If not.
        """
        rule = f"the folder of run {self.path.name!r} must stay as it is while it is written"
        try:
            now = os.lstat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            raise FolderLost(
                f"{rule}, and was moved or deleted; where it is now, `vae train --resume` continues from its last "
                "checkpoint"
            ) from None
        if (now.st_dev, now.st_ino) != (self.made_file.st_dev, self.made_file.st_ino):
            raise FolderLost(
                f"{rule}, and something else is at {self.path} now, which was not changed; `vae train --resume` "
                "continues the run where it is"
            )
        if not self.is_whole():
            raise FolderLost(
                f"{rule}, and its files were removed or replaced; restore them, or train a new run"
            )

    def is_whole(self) -> bool:
        """Whether the folder, wherever it is by now, holds what it should."""
        return self._is_ours(self.descriptor)

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self.descriptor)


_held: dict[Path, Held] = {}


@contextmanager
def holding(held: Held) -> Iterator[None]:
    """Until the block ends, this process writes below the folder's path through it, and only while it is there."""
    _held[held.path] = held
    try:
        yield
    finally:
        _held.pop(held.path, None)
        held.close()


def check_held(path: Path) -> None:
    """Make sure that the run of a file that is open for writing is still at its path, if it is held.

    Raises:
        FolderLost: If not.
    """
    held = _held.get(split(path)[0])
    if held is not None:
        held.check()


# Folders --------------------------------------------------------------------------------------------------------------


@contextmanager
def folder_of(
    path: Path, *, root: Path | None = None, write: bool = False, make: bool = False
) -> Iterator[tuple[int, str]]:
    """The open folder that a file of a run is in, and the file's name there.

    Args:
        path: The file, or a folder in the run.
        root: The run's folder, where the path's names do not say it.
        write: Whether something in it is to change: then a held folder is checked first.
        make: Make the folders between the run's and the file, if they are missing; never the run's own.

    Raises:
        NotPlain: If a folder on the way is a link, or no folder.
        FolderLost: If the run's folder is held, and has gone.
        OSError: If one is missing or cannot be opened.
    """
    root, (*between, name) = split(path) if root is None else (root, path.relative_to(root).parts)
    with _descended(root, between, path, write=write, make=make) as folder:
        yield folder, name


@contextmanager
def opened_folder(path: Path, *, root: Path | None = None) -> Iterator[int]:
    """A folder of a run, or a run's own, opened to look at what is in it.

    Raises:
        NotPlain: If it, or a folder on the way, is a link, or no folder; a run's own may be a link.
        OSError: If one is missing or cannot be opened.
    """
    root, (*names, _) = split(path / "-") if root is None else (root, (path / "-").relative_to(root).parts)
    with _descended(root, names, path) as folder:
        yield folder


@contextmanager
def _descended(
    root: Path, names: list[str], path: Path, *, write: bool = False, make: bool = False
) -> Iterator[int]:
    held = _held.get(root) if write else None
    if held is not None:
        held.check()
    try:
        folder = _opened_folder(root, None, root, follow=True) if held is None else os.dup(held.descriptor)
    except FileNotFoundError as error:
        raise _named(error, path) from None
    try:
        for depth, name in enumerate(names, start=1):
            if make:
                with suppress(FileExistsError):
                    os.mkdir(name, dir_fd=folder)
            opened = _opened_folder(name, folder, root.joinpath(*names[:depth]))
            os.close(folder)
            folder = opened
        yield folder
    finally:
        os.close(folder)


def _opened_folder(name: Path | str, folder: int | None, path: Path, *, follow: bool = False) -> int:
    try:
        return os.open(name, _AS_FOLDER | (0 if follow else os.O_NOFOLLOW), dir_fd=folder)
    except OSError as error:
        refusal = None
        if not follow and error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK):
            with suppress(OSError):
                refusal = _refusal(path, os.lstat(name, dir_fd=folder).st_mode, "a folder")
        raise refusal or _named(error, path) from None


def names_in(path: Path) -> list[str]:
    """The names in a folder of a run, in no order.

    Raises:
        OSError: If it is missing, no folder, or a link.
    """
    with opened_folder(path) as folder:
        return names_of(folder)


def contents(path: Path, root: Path) -> list[tuple[Path, os.stat_result]]:
    """What is in a folder of a run, whatever it is called: each path with what is known of it, links unfollowed.

    Raises:
        OSError: If it is missing, no folder, or a link.
    """
    with opened_folder(path, root=root) as folder:
        found = []
        for name in names_of(folder):
            with suppress(FileNotFoundError):  # gone by now
                found.append((path / name, os.lstat(name, dir_fd=folder)))
        return found


def names_of(folder: int) -> list[str]:
    """The names in an open folder, in no order."""
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


def make_folders_to(path: Path) -> None:
    """Make the folders that a file is in, if they are missing; that of a run which is held is not made anew.

    Raises:
        OSError: If one cannot be made, or is no folder; see `folder_of`.
    """
    root, _ = split(path)
    if root not in _held:
        root.mkdir(parents=True, exist_ok=True)
    with folder_of(path, write=True, make=True):
        pass


def make_folder(path: Path) -> None:
    """Make a folder in a run, and those between, if they are missing; never the run's own.

    Raises:
        OSError: If it cannot be made, or is no folder; see `folder_of`.
    """
    with folder_of(path, write=True, make=True) as (folder, name):
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=folder)
        os.close(_opened_folder(name, folder, path))


def rename(path: Path, name: str) -> None:
    """Give a file or folder of a run another name beside its old one; what had that name is replaced if it can be.

    Raises:
        OSError: If it cannot be.
    """
    with folder_of(path, write=True) as (folder, before):
        try:
            os.rename(before, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError as error:
            raise _named(error, path) from None


def remove(path: Path) -> None:
    """Remove a file of a run, or the link that stands in its place; nothing happens if there is none.

    Raises:
        OSError: If it cannot be removed.
    """
    try:
        with folder_of(path, write=True) as (folder, name):
            os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _named(error, path) from None


def remove_folder(path: Path) -> None:
    """Remove a folder of a run with all that is in it, links unfollowed, or what else stands in its place.

    Raises:
        OSError: If something of it cannot be removed.
    """
    with suppress(FileNotFoundError), folder_of(path, write=True) as (folder, name):
        if stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode):
            shutil.rmtree(name, dir_fd=folder)
        else:
            os.unlink(name, dir_fd=folder)


# Files ----------------------------------------------------------------------------------------------------------------


def open_plain(path: Path, *, root: Path | None = None) -> BinaryIO:
    """Open a file of a run to read.

    Args:
        path: The file.
        root: The run's folder, where the path's names do not say it.

    Raises:
        NotPlain: If it is a link, a pipe, or anything else than a plain file, or a folder on the way is a link.
        OSError: If it is missing (`FileNotFoundError`) or cannot be read.
    """
    with folder_of(path, root=root) as (folder, name):
        return os.fdopen(opened_file(name, folder, path, os.O_RDONLY), "rb")


def opened_in(folder: int, path: Path) -> BinaryIO:
    """As `open_plain`, in a folder that is open already."""
    return os.fdopen(opened_file(path.name, folder, path, os.O_RDONLY), "rb")


def lstat(path: Path) -> os.stat_result:
    """What is known of a plain file of a run.

    Raises:
        NotPlain: As `open_plain` does.
        OSError: If it is missing (`FileNotFoundError`).
    """
    with folder_of(path) as (folder, name):
        return _plain(name, folder, path)


def is_plain(path: Path) -> bool:
    """Whether there is such a file of a run; a link is none."""
    try:
        lstat(path)
    except OSError:
        return False
    return True


def is_there(path: Path) -> bool:
    """Whether there is such a file of a run.

    Raises:
        NotPlain: If something else has its name, so that it must not be taken for missing.
        OSError: If that cannot be said.
    """
    try:
        lstat(path)
    except FileNotFoundError:
        return False
    return True


def why_not_plain(path: Path, *, is_folder: bool = False) -> str:
    """Why a file or folder of a run is not used, as a sentence; empty if it is what it must be, or is missing."""
    try:
        if is_folder:
            names_in(path)
        else:
            lstat(path)
    except NotPlain as error:
        return str(error)
    except OSError:
        return ""
    return ""


def open_to_lock(path: Path) -> int:
    """A descriptor of a file of a run to lock it; made if it is missing.

    Raises:
        NotPlain, OSError: As `open_plain` does, or if it cannot be made.
    """
    with folder_of(path, write=True) as (folder, name):
        while True:
            with suppress(FileNotFoundError):
                return opened_file(name, folder, path, os.O_RDWR)
            with suppress(FileExistsError):
                return made_file(name, folder, path, os.O_RDWR)


def open_anew(path: Path) -> int:
    """A descriptor of a new, empty file of a run to write, in the place of what had its name.

    Raises:
        OSError: If it cannot be made.
    """
    remove(path)
    with folder_of(path, write=True) as (folder, name):
        return made_file(name, folder, path, os.O_WRONLY)


def _plain(name: str, folder: int, path: Path) -> os.stat_result:
    try:
        found = os.lstat(name, dir_fd=folder)
    except OSError as error:
        raise _named(error, path) from None
    if not stat.S_ISREG(found.st_mode):
        raise _refusal(path, found.st_mode, "a plain file")
    return found


def opened_file(name: str, folder: int, path: Path, flags: int) -> int:
    _plain(name, folder, path)  # even to open a device may have an effect
    try:
        descriptor = os.open(name, flags | _AS_FILE, dir_fd=folder)
    except OSError as error:
        _plain(name, folder, path)
        raise _named(error, path) from None
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    raise _refusal(path, mode, "a plain file")


def made_file(name: str, folder: int, path: Path, flags: int) -> int:
    try:
        return os.open(name, flags | _AS_FILE | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=folder)
    except OSError as error:
        raise _named(error, path) from None


# Sentences ------------------------------------------------------------------------------------------------------------

_KINDS = (
    (stat.S_ISLNK, "a link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISREG, "a file"),
)


def _refusal(path: Path, mode: int, wanted: str) -> NotPlain:
    kind = next((words for is_such, words in _KINDS if is_such(mode)), "a device")
    shown = "/".join(path.parts[-2:])
    return NotPlain(f"{shown} must be {wanted}, and is {kind}; remove it, or put {wanted} of the run there")


def _named(error: OSError, path: Path) -> OSError:
    """The error with the whole path: the system was told a name in an open folder."""
    error.filename, error.filename2 = str(path), None
    return error
