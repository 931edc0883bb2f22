"""Which run a folder holds: known by a random text in its `config.json`, whatever the folder is called."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from pathlib import Path
from typing import Any

from vae.errors import UserError
from vae.storage.atomic import json_of
from vae.storage.open_folder import opened_in

_IDENTITY = re.compile(r"[0-9a-f]{32}")


def new_identity() -> str:
    """Of a run that is made now."""
    return secrets.token_hex(16)


def identity_in(values: Any) -> str:
    """The identity that the content of a `config.json` says; of a run of an older version, when it was made."""
    if not isinstance(values, dict):
        return ""
    said = values.get("identity")
    if isinstance(said, str) and _IDENTITY.fullmatch(said):
        return said
    return hashlib.sha256(f"made {values.get('created')}".encode()).hexdigest()[:32]


def identity_at(path: Path, folder: int) -> str:
    """The identity of the run in an open folder.

    Args:
        path: The run's folder, for messages.
        folder: It, opened.

    Raises:
        UserError: If its config makes no sense, or is no plain file.
        OSError: If it has none, or it cannot be read.
    """
    config = path / "config.json"
    with opened_in(folder, config) as file:
        return identity_in(json_of(file, config))


class StillOurs:
    """Says whether an open folder still holds a run and the lock of its trainer, in two looks at the disk.

    Args:
        path: The run's folder, for messages.
        identity: Of the run.
        lock: Descriptor of the lock that its trainer holds.
        is_new: Whether the run is being made, and has no config yet.
    """

    def __init__(self, path: Path, identity: str, lock: int, *, is_new: bool = False) -> None:
        self._path, self._identity, self._is_new = path, identity, is_new
        found = os.fstat(lock)
        self._lock = found.st_dev, found.st_ino
        self._config: tuple[int, int, int] | None = None

    def __call__(self, folder: int) -> bool:
        """Whether it does; the config is read again only if it has changed."""
        try:
            lock = os.lstat("lock", dir_fd=folder)
            if (lock.st_dev, lock.st_ino) != self._lock:
                return False
        except FileNotFoundError:
            return False
        try:
            config = os.lstat("config.json", dir_fd=folder)
        except FileNotFoundError:
            return self._is_new
        seen = config.st_ino, config.st_mtime_ns, config.st_size
        if seen != self._config:
            try:
                is_ours = identity_at(self._path, folder) == self._identity
            except (UserError, FileNotFoundError):
                return False
            if not is_ours:
                return False
            self._config, self._is_new = seen, False
        return True
