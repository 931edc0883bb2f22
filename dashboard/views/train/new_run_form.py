"""The form of a new run: data, options, and the button that trains it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from dashboard import settings
from dashboard.jobs.new_runs import create, kept_images
from dashboard.jobs.sent_images import Sent, received
from dashboard.jobs.trainers import trainers
from dashboard.link import session
from dashboard.look.markdown import plain
from dashboard.shell import data_preview, downloads
from dashboard.views.train import config_form, link
from vae.config.checks import warnings
from vae.config.reading import Reading
from vae.config.registries import DATASETS
from vae.config.suggestions import suggest
from vae.errors import UserError
from vae.storage.atomic import disk_sentence

if TYPE_CHECKING:
    from dashboard.streamlit_internals import UploadedFile
    from vae.data.inspection import Inspection

#: The run that was started last by this form, in the session.
BEGUN = "_begun"


def form() -> None:
    """Draw the form; pressing Train makes a run and starts it, or says why it cannot."""
    wanted = session.read(link.NEW, None)
    # A link that sets the form, also the same one once more, sets all of it.
    asked = "" if wanted is None else f":{hash(wanted.model_dump_json())}{session.fresh('new:link')}"
    names = list(DATASETS.names)
    name = st.selectbox(
        "Data",
        names,
        index=0 if wanted is None else names.index(wanted.data.name),
        format_func=DATASETS.title,
        key=f"new:data{asked}",
    )
    own, reading, start = None, None, wanted if wanted is not None and wanted.data.name == name else None
    if name in ("npz", "folder"):
        own, reading, found = _own(name)
        if found is not None:
            start, reasons = found.suggestion(suggest(name).data)
            st.caption(plain(f"Settings chosen for these images: {'; '.join(reasons)}."))
    here = not downloads.lacks(name)
    if not here:
        st.info(f"{DATASETS.title(name)}: dataset not downloaded.", icon=":material/cloud_download:")
        downloads.offer(name, key=f"new:download:{name}")
    button = st.container()
    title = st.text_input("Name", placeholder="optional", max_chars=80, key=session.fresh("new:name"))
    suited = "" if start is None else f":{hash(start.model_dump_json())}{session.fresh('new:link')}"
    values = config_form.config_form(name, key=f"new:{name}{suited}", start=start)
    if reading is not None:  # what was sent is one file by now
        values["data"]["name"] = "npz"
    missing = name in ("npz", "folder") and own is None
    pressed = button.button(
        "Train",
        type="primary",
        icon=":material/play_arrow:",
        width="stretch",
        disabled=not here or missing,
        key="new-train",
    )
    if not pressed:
        return
    try:
        with kept_images(own) as path:
            config = config_form.make_config(values, path=path)
            run = create(config, title, reading)
        trainers.start(run)
    except UserError as error:
        button.error(plain(str(error)), icon=":material/block:")
        return
    except OSError as error:
        button.error(plain(disk_sentence(error)), icon=":material/block:")
        return
    for warning in [*warnings(config), *run.info.reading.warnings()]:
        session.notice(warning)
    session.renew("new:name")
    st.session_state[BEGUN] = run.id
    session.choose_run(run.id)
    st.rerun()


def _own(name: str) -> tuple[Path | UploadedFile | None, Reading | None, Inspection | None]:
    """Own images as they were chosen, how what was sent was understood, and what a look at them finds."""
    try:
        own = _own_images(name)
        sent = own if isinstance(own, Sent) else None
        place = own.path if isinstance(own, Sent) else own
    except UserError as error:
        st.error(plain(str(error)), icon=":material/block:")
        return None, None, None
    except OSError as error:
        st.error(plain(disk_sentence(error)), icon=":material/block:")
        return None, None, None
    if place is None:
        return None, None, None
    reading = None if sent is None else sent.reading
    return place, reading, data_preview.draw("npz" if sent else name, place, reading)


def _own_images(name: str) -> Path | UploadedFile | Sent | None:
    """A file or folder of this machine, an uploaded .npz, or a zip or folder that was sent."""
    if name == "npz":
        upload = st.file_uploader(
            "An .npz file with `images` and, optionally, `labels`", type="npz", key=session.fresh("new:npz")
        )
        if upload is not None:
            return upload
    else:
        packed = st.file_uploader("A zip of images", type="zip", key=session.fresh("new:zip"))
        files = st.file_uploader(
            "… or a folder of images: drop it here",
            accept_multiple_files="directory",
            key=session.fresh("new:directory"),
        )
        if packed is not None or files:
            with st.spinner("Unpacking the images…", show_time=True):
                return received(packed if packed is not None else files)
    roots = settings.data_roots()
    if roots == []:
        return None
    where = "on this machine" if roots is None else f"on the server, below {', '.join(map(str, roots))}"
    text = st.text_input(
        f"… or its path {where}",
        key=f"new:path:{name}",
        help=(
            "One sub-folder for each class, or images only; inside train and test folders if you have them. All "
            "images of one size; what cannot be read is left out and said."
        )
        if name == "folder"
        else None,
    )
    return settings.own_data(text) if text.strip() else None
