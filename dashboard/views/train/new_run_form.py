"""The form of a new run: data, options, and the button that trains it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from dashboard import settings
from dashboard.jobs.new_runs import create, kept_images
from dashboard.jobs.trainers import trainers
from dashboard.link import session
from dashboard.look.markdown import plain
from dashboard.shell import data_preview, downloads
from dashboard.views.train import config_form
from vae.config.checks import warnings
from vae.config.registries import DATASETS
from vae.errors import UserError
from vae.storage.atomic import disk_sentence

if TYPE_CHECKING:
    from dashboard.streamlit_internals import UploadedFile


def form() -> None:
    """Draw the form; pressing Train makes a run and starts it, or says why it cannot."""
    name = st.selectbox("Data", list(DATASETS.names), format_func=DATASETS.title, key="new:data")
    try:
        own = _own_images(name) if name in ("npz", "folder") else None
    except UserError as error:
        st.error(plain(str(error)), icon=":material/block:")
        own = None
    if own is not None:
        data_preview.draw(name, own)
    here = not downloads.lacks(name)
    if not here:
        st.info(f"{DATASETS.title(name)}: dataset not downloaded.", icon=":material/cloud_download:")
        downloads.offer(name, key=f"new:download:{name}")
    button = st.container()
    title = st.text_input("Name", placeholder="optional", max_chars=80, key=session.fresh("new:name"))
    values = config_form.config_form(name, key=f"new:{name}")
    missing = name in ("npz", "folder") and own is None
    pressed = button.button(
        "Train", type="primary", icon=":material/play_arrow:", width="stretch", disabled=not here or missing
    )
    if not pressed:
        return
    try:
        with kept_images(own) as path:
            config = config_form.make_config(values, path=path)
            run = create(config, title)
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
    session.choose_run(run.id)
    st.rerun()


def _own_images(name: str) -> Path | UploadedFile | None:
    """A file or folder of this machine, or an uploaded .npz."""
    if name == "npz":
        upload = st.file_uploader(
            "An .npz file with `images` and, optionally, `labels`", type="npz", key=session.fresh("new:npz")
        )
        if upload is not None:
            return upload
    roots = settings.data_roots()
    if roots == []:
        if name == "folder":
            st.info(
                "Visitors cannot use folders on the server. Put the images into an .npz file and upload it, or ask "
                f"the operator to offer a folder with {settings.DATA_VARIABLE}.",
                icon=":material/folder_off:",
            )
        return None
    where = "on this machine" if roots is None else f"on the server, below {', '.join(map(str, roots))}"
    words = {"npz": f"… or its path {where}", "folder": f"Folder {where}"}[name]
    text = st.text_input(
        words,
        key=f"new:path:{name}",
        help=(
            "One sub-folder for each class, or images only; inside train and test folders if you have them. All "
            "images of one size."
        )
        if name == "folder"
        else None,
    )
    return settings.own_data(text) if text.strip() else None
