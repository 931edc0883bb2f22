"""A preview of the user's own images: what would be read of them, and what would be left out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.cache import lru
from dashboard.look.markdown import plain
from vae.config.reading import Reading
from vae.config.schema import DataConfig
from vae.errors import UserError
from vae.storage.atomic import disk_sentence
from vae.storage.scratch import scratch

if TYPE_CHECKING:
    from dashboard.streamlit_internals import UploadedFile

#: Seconds for which a look counts: the form is drawn again with each option, and a large folder takes a moment.
_SECONDS = 15

_looks = lru.Cache(8)


def draw(name: str, own: Path | UploadedFile) -> None:
    """Say what would be made of own images, or why they would be refused; pressing Train says it again."""
    try:
        reading = _look(name, own)
    except UserError as error:
        st.warning(plain(str(error)), icon=":material/block:")
        return
    except OSError as error:
        st.warning(plain(disk_sentence(error)), icon=":material/block:")
        return
    show(reading)


def show(reading: Reading) -> None:
    """The sentences of a reading: what was done in small letters, what may be missed as a warning."""
    if remarks := reading.remarks():
        st.caption("  \n".join(plain(f"{sentence[:1].upper()}{sentence[1:]}.") for sentence in remarks))
    if warnings := [plain(f"{sentence[:1].upper()}{sentence[1:]}.") for sentence in reading.warnings()]:
        words = warnings[0] if len(warnings) == 1 else "\n".join(f"- {sentence}" for sentence in warnings)
        st.warning(words, icon=":material/info:")


def _look(name: str, own: Path | UploadedFile) -> Reading:
    """What is found now, or was a moment ago.

    Raises:
        UserError: If the images would be refused; an upload is called as the user calls it.
    """
    from vae.data.dataset import look

    if isinstance(own, Path):
        moment = int(time.monotonic() / _SECONDS)
        return _looks.get((name, own, moment), lambda: look(DataConfig(name=name, path=own)))

    def unpack() -> Reading:
        with scratch() as folder:
            path = folder / "own.npz"
            path.write_bytes(own.getbuffer())
            try:
                return look(DataConfig(name="npz", path=path))
            except UserError as error:
                raise UserError(str(error).replace(str(path), own.name)) from error

    return _looks.get((own.file_id, own.size), unpack)
