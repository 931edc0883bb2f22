"""What killed processes left in a folder of runs, beside the runs: removed by whoever works there next."""

from __future__ import annotations

import os
import re
import shutil
import stat
import time
from contextlib import suppress
from pathlib import Path

from vae.storage.atomic import MAX_JSON_BYTES, sweep
from vae.storage.confined import open_plain, opened_folder
from vae.storage.open_folder import NotPlain, names_of
from vae.storage.scratch import sweep_folders, sweep_old_folders

#: What a run is called while it is removed, and while it is unpacked.
DELETED, IMPORTING = ".deleted-", ".importing-"
#: Folder beside the runs with the files that the dashboard was sent.
UPLOADS = ".uploads"
_OLD_IMPORTING = ".import-"
#: What an upload is called: by the hash of its content.
_UPLOAD = re.compile(r"[0-9a-f]{16}\.npz", re.ASCII)
_MENTIONED = re.compile(_UPLOAD.pattern.encode())
#: Seconds for which an upload stays that no run is made for yet: somebody may be about to make one.
_AN_HOUR = 3600


def sweep_runs(root: Path) -> None:
    """Remove what is left of removals, imports and uploads that were killed; what is under way stays."""
    with suppress(OSError):
        for left in root.glob(f"{DELETED}*"):
            shutil.rmtree(left, ignore_errors=True)  # a link is left alone
    sweep_folders(root, IMPORTING)
    sweep_old_folders(root, _OLD_IMPORTING)
    sweep(root, older_than=60)
    sweep(root / UPLOADS, older_than=60, root=root)
    sweep_uploads(root)


def sweep_uploads(root: Path) -> None:
    """Remove the uploaded images that no run here is made for, an hour after they were last sent.

    Where a run's config cannot be read, nobody knows what it is made for, and all of them stay.
    """
    with suppress(OSError), opened_folder(root / UPLOADS, root=root) as folder:
        old = [name for name in names_of(folder) if _UPLOAD.fullmatch(name) and _is_old(folder, name)]
        wanted = _mentioned(root) if old else set()
        for name in old:
            # Somebody may have sent it again while the runs were read.
            if name not in wanted and _is_old(folder, name):
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=folder)


def _is_old(folder: int, name: str) -> bool:
    with suppress(FileNotFoundError):
        found = os.lstat(name, dir_fd=folder)
        return stat.S_ISREG(found.st_mode) and time.time() - found.st_mtime > _AN_HOUR
    return False


def _mentioned(root: Path) -> set[str]:
    """Names of uploads in the configs of all runs of a folder, those that are damaged too.

    Raises:
        OSError: If one cannot be read.
    """
    found: set[str] = set()
    for name in sorted(path.name for path in root.iterdir()):
        # What is no run: a plain file, a folder without a config, or one that is being made or removed.
        with suppress(FileNotFoundError, NotADirectoryError, NotPlain):
            if not name.startswith("."):
                with open_plain(root / name / "config.json", root=root / name) as file:
                    found.update(match.decode() for match in _MENTIONED.findall(file.read(MAX_JSON_BYTES)))
    return found
