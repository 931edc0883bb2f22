"""A look at the user's own images: how many, how large, some of them, what is left out, and settings that suit them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.cache import lru
from dashboard.cache.image_sheets import strip
from dashboard.look.markdown import plain
from vae.config.reading import Reading
from vae.config.schema import DataConfig
from vae.errors import UserError
from vae.storage.atomic import disk_sentence
from vae.storage.scratch import scratch

if TYPE_CHECKING:
    from dashboard.streamlit_internals import UploadedFile
    from vae.data.inspection import Inspection

if TYPE_CHECKING:
    from dashboard.streamlit_internals import UploadedFile

#: Seconds for which a look counts: the form is drawn again with each option, and a large folder takes a moment.
_SECONDS = 15
#: Classes that are named under the images.
_NAMED = 12

_looks = lru.Cache(8)


def draw(name: str, own: Path | UploadedFile, reading: Reading | None = None) -> Inspection | None:
    """Say what would be made of own images and show some, or say why they would be refused.

    Args:
        name: Which data set: ``npz`` or ``folder``.
        own: A place on this machine, or an uploaded file.
        reading: What was made of what it was made from; what `inspect_images` says of it without one.
    """
    try:
        with st.spinner("Looking at the images…", show_time=True):
            found = _look(name, own)
    except UserError as error:
        st.warning(plain(str(error)), icon=":material/block:")
        return None
    except OSError as error:
        st.warning(plain(disk_sentence(error)), icon=":material/block:")
        return None
    st.markdown(f"**{plain(found.summary())}**")
    if len(found.shown):
        with st.container(key="own-images"):
            st.image(strip(found.shown), caption=plain(_classes(found)) or None, width="stretch")
    else:
        st.caption("Not shown: the file is larger than 1 GiB.")
    show(found.reading if reading is None else reading)
    return found


def show(reading: Reading) -> None:
    """The sentences of a reading: what was done in small letters, what may be missed as a warning."""
    if remarks := reading.remarks():
        st.caption("  \n".join(plain(f"{sentence[:1].upper()}{sentence[1:]}.") for sentence in remarks))
    if warnings := [plain(f"{sentence[:1].upper()}{sentence[1:]}.") for sentence in reading.warnings()]:
        words = warnings[0] if len(warnings) == 1 else "\n".join(f"- {sentence}" for sentence in warnings)
        st.warning(words, icon=":material/info:")


def _classes(found: Inspection) -> str:
    names = found.class_names
    if found.labels is None or not names:
        return ""
    return f"{', '.join(names[:_NAMED])}{', …' if len(names) > _NAMED else ''}, in turn"


def _look(name: str, own: Path | UploadedFile) -> Inspection:
    """What is found now, or was a moment ago.

    Raises:
        UserError: If the images would be refused; an upload is called as the user calls it.
    """
    from vae.data.inspection import inspect_images

    if isinstance(own, Path):
        moment = int(time.monotonic() / _SECONDS)
        return _looks.get((name, own, moment), lambda: inspect_images(DataConfig(name=name, path=own)))

    def unpack() -> Inspection:
        with scratch() as folder:
            path = folder / "own.npz"
            path.write_bytes(own.getbuffer())
            try:
                return inspect_images(DataConfig(name="npz", path=path))
            except UserError as error:
                raise UserError(str(error).replace(str(path), own.name)) from error

    return _looks.get((own.file_id, own.size), unpack)
