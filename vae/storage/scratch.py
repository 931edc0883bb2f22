"""Scratch folders: removed when the work is done, or later if the process was killed.

Who works in such a folder holds a lock on it, which the system takes back however the process ends. So the next one who
needs a folder of the kind can tell what was left from what is in use, on whatever machine, and however soon it comes.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vae.storage.locking import held_at_once

#: What is left goes after a day where the disk knows no locks, and where an older version left it.
_A_DAY = 86_400
_SCRATCH = "latent-lab."


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder in the system's place for temporary files.

    Raises:
        OSError: If it cannot be made.
    """
    with working_folder(Path(tempfile.gettempdir()), _SCRATCH) as folder:
        yield folder


@contextmanager
def working_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A new folder in another, of a kind, for its owner alone.

    Args:
        parent: Where.
        prefix: What the names of its kind begin with.

    Raises:
        OSError: If it cannot be made.
    """
    sweep_folders(parent, prefix)
    while True:
        path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        with held_at_once(path) as is_held:
            # One who sweeps may have come between: then the folder is gone, or about to go.
            if is_held is False or not path.is_dir():
                continue
            try:
                yield path
            finally:
                shutil.rmtree(path, ignore_errors=True)
            return


def sweep_folders(parent: Path, prefix: str) -> None:
    """Remove our own folders of a kind that nobody works in any more."""
    for path in _folders(parent, prefix):
        with suppress(OSError), held_at_once(path) as is_held:
            if is_held or (is_held is None and _is_old(path)):
                shutil.rmtree(path)


def sweep_old_folders(parent: Path, prefix: str) -> None:
    """Remove our own folders of a kind that held no lock, a day after they were left."""
    for path in _folders(parent, prefix):
        with suppress(OSError):
            if _is_old(path):
                shutil.rmtree(path)


def _folders(parent: Path, prefix: str) -> list[Path]:
    found = []
    with suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            with suppress(OSError):
                is_ours = entry.is_dir(follow_symlinks=False) and entry.stat().st_uid == os.geteuid()
                if entry.name.startswith(prefix) and is_ours:
                    found.append(Path(entry.path))
    return found


def _is_old(path: Path) -> bool:
    return time.time() - path.lstat().st_mtime > _A_DAY
