"""A run's folder while a process writes it: it stays the one that was opened, or writing ends with a sentence.

A trainer holds its folder (`Held`): it then writes through the folder that it opened at the beginning, and each write
first makes sure that this folder is still the one at its path.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from vae.storage.open_folder import FolderError, open_subfolder

#: Folders of a run that hold files; `SNAPSHOTS` holds a folder for each step.
FOLDERS = ("checkpoints", "projections")
SNAPSHOTS = "snapshots"
_OF_A_STEP = re.compile(r"\.?[0-9]+(-[0-9a-z]+)?")


class FolderLost(FolderError):
    """The folder that was being written is not at its path any more."""


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
        self.descriptor = open_subfolder(path, None, path)
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


def held_at(root: Path) -> Held | None:
    """The run's folder at a path, if this process holds it."""
    return _held.get(root)
