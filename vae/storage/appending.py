"""Files of a run that are appended to."""

from __future__ import annotations

import os
from pathlib import Path

from vae.storage.atomic import replacing
from vae.storage.confined import folder_of
from vae.storage.open_folder import made_file, opened_file

_BLOCK = 1 << 20


def open_to_append(path: Path) -> int:
    """A descriptor of a file of a run to read it and to append to it; made if it is missing.

    A file that has another name elsewhere, as backups made of hard links have, becomes a copy of its own first.

    Raises:
        NotPlain, OSError: As `open_plain` does, or if it cannot be made.
    """
    flags = os.O_RDWR | os.O_APPEND
    with folder_of(path, write=True) as (folder, name):
        try:
            descriptor = opened_file(name, folder, path, flags)
        except FileNotFoundError:
            return made_file(name, folder, path, flags)
        if os.fstat(descriptor).st_nlink == 1:
            return descriptor
        try:
            return _own_copy(descriptor, name, folder, path, flags)
        finally:
            os.close(descriptor)


def _own_copy(descriptor: int, name: str, folder: int, path: Path, flags: int) -> int:
    with replacing(path) as file:
        place = 0
        while block := os.pread(descriptor, _BLOCK, place):
            file.write(block)
            place += len(block)
    return opened_file(name, folder, path, flags)
