"""Access to a run's files from its folder down; links on the way are not followed.

A run may come from somebody else, and a folder in it may be a link to anywhere. So every name below the run's folder is
looked at and opened as `vae.storage.open_folder` does it, each in the folder that was opened before it. The run's own
path is the user's: links above the run's folder are followed. Where this process holds the run's folder
(`vae.storage.held_folder`), what is written goes through that one.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from vae.storage.held_folder import held_at, split
from vae.storage.open_folder import (
    NotPlain,
    made_file,
    names_of,
    open_subfolder,
    opened_file,
    plain_stat,
    with_path,
)

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
    held = held_at(root) if write else None
    if held is not None:
        held.check()
    try:
        folder = open_subfolder(root, None, root, follow=True) if held is None else os.dup(held.descriptor)
    except FileNotFoundError as error:
        raise with_path(error, path) from None
    try:
        for depth, name in enumerate(names, start=1):
            if make:
                with suppress(FileExistsError):
                    os.mkdir(name, dir_fd=folder)
            opened = open_subfolder(name, folder, root.joinpath(*names[:depth]))
            os.close(folder)
            folder = opened
        yield folder
    finally:
        os.close(folder)


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


def make_folders_to(path: Path) -> None:
    """Make the folders that a file is in, if they are missing; that of a run which is held is not made anew.

    Raises:
        OSError: If one cannot be made, or is no folder; see `folder_of`.
    """
    root, _ = split(path)
    if held_at(root) is None:
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
        os.close(open_subfolder(name, folder, path))


def rename(path: Path, name: str) -> None:
    """Give a file or folder of a run another name beside its old one; what had that name is replaced if it can be.

    Raises:
        OSError: If it cannot be.
    """
    with folder_of(path, write=True) as (folder, before):
        try:
            os.rename(before, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError as error:
            raise with_path(error, path) from None


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
        raise with_path(error, path) from None


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


def lstat(path: Path) -> os.stat_result:
    """What is known of a plain file of a run.

    Raises:
        NotPlain: As `open_plain` does.
        OSError: If it is missing (`FileNotFoundError`).
    """
    with folder_of(path) as (folder, name):
        return plain_stat(name, folder, path)


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
