"""Zips and folders of images that a browser sends: one file is made of them beside the runs, as of an uploaded one."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dashboard import settings
from dashboard.cache import lru
from vae.config.reading import Reading
from vae.runs.cleanup import UPLOADS, sweep_uploads
from vae.storage.atomic import replacing
from vae.storage.scratch import scratch

if TYPE_CHECKING:
    from dashboard.streamlit_internals import UploadedFile

_BLOCK = 1 << 20
_made = lru.Cache(16)


@dataclass(frozen=True)
class Sent:
    """The file that was made, and how what was sent was understood."""

    path: Path
    reading: Reading


def received(sent: UploadedFile | Sequence[UploadedFile]) -> Sent:
    """The images of a zip, or of the files of a folder, as one file beside the runs.

    It stays for an hour, or as long as there is a run of it.

    Raises:
        UserError: If the images would be refused.
        OSError: If the disk is full.
    """
    key = tuple(one.file_id for one in sent) if isinstance(sent, Sequence) else sent.file_id
    found: Sent = _made.get(key, lambda: _make(sent))
    try:
        os.utime(found.path)
    except FileNotFoundError:  # an hour has passed
        found = _make(sent)
    return found


def _make(sent: UploadedFile | Sequence[UploadedFile]) -> Sent:
    from vae.data.packing import pack_files, pack_zip

    with scratch() as place:
        packed = place / "sent.npz"
        with packed.open("w+b") as file:
            if not isinstance(sent, Sequence):
                reading = pack_zip(sent, sent.name, file)
            else:
                whole = sent[0].name.split("/")[0] if "/" in sent[0].name else "the folder"
                reading = pack_files(((one.name, one) for one in sent), len(sent), whole, file)
        digest = hashlib.sha256()
        with packed.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        folder = settings.runs_root() / UPLOADS
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{digest.hexdigest()[:16]}.npz"
        with packed.open("rb") as file, replacing(path) as target:
            shutil.copyfileobj(file, target, _BLOCK)
    sweep_uploads(settings.runs_root())
    return Sent(path, reading)
