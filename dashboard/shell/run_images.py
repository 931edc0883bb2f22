"""The images of the shown run: download or location, and what was left out of them."""

from __future__ import annotations

import streamlit as st

from dashboard import settings
from dashboard.cache import datasets
from dashboard.link import session
from dashboard.look.markdown import plain
from dashboard.shell import data_preview, downloads, run_picker
from vae.config.registries import DATASETS
from vae.errors import UserError
from vae.runs.run import Run


def draw() -> None:
    """Draw it, if there is anything to say; last in a script, for a download takes time."""
    run = run_picker.chosen()
    if run is None or session.presenting():
        return
    data = run.config.data
    if downloads.has_come(data.name, data.root):
        _everything_anew()
    if downloads.lacks(data.name, data.root, data.emnist_split):
        st.caption(
            f"{DATASETS.title(data.name)}: dataset not downloaded. Original images, test metrics and a full "
            "diagnosis need it."
        )
        downloads.offer(data.name, data.root, key="sidebar:download")
        if not run_picker.is_shipped(run):
            with st.expander(
                "Already in another folder?", icon=":material/folder_open:", key="run-images-elsewhere"
            ):
                _place(run, "Folder of downloaded datasets")
    elif data.path is not None and not run_picker.is_shipped(run):
        missing = datasets.missing_images(run)
        with st.expander(
            "Images", expanded=bool(missing), icon=":material/photo_library:", key="run-images-fold"
        ):
            if missing:
                st.caption(
                    plain(f"Original images, test metrics and a full diagnosis need the images. {missing}")
                )
            data_preview.show(run.info.reading)
            _place(run, f"Where are {data.path.name if len(data.path.name) <= 40 else 'the images'} now?")


def _place(run: Run, words: str) -> None:
    """A field for where the images are, and what comes of it; where visitors may name no place, a sentence."""
    if settings.data_roots() == []:
        st.caption(
            "Only the operator of this server can say where they are, with `vae train --resume` or "
            f"{settings.DATA_VARIABLE}."
        )
        return
    with st.form(f"place:{run.id}", border=False):
        text = st.text_input(plain(words), key=f"place-of-images:{run.id}")
        pressed = st.form_submit_button(
            "Use these images", icon=":material/check:", width="stretch", key="place-of-images-use"
        )
    if not pressed or not text.strip():
        return
    try:
        with st.spinner("Comparing with the run's images…"):
            _use(run, text)
    except UserError as error:
        st.error(plain(str(error)), icon=":material/block:")
    else:
        _everything_anew()


def _use(run: Run, text: str) -> None:
    """Keep a place as that of the run's images, if they are there.

    Raises:
        UserError: If they are not, or a visitor may not name that place, or a trainer is at work.
    """
    from vae.runs.run_dataset import images_of

    place = settings.own_data(text)
    own = run.config.data.path is not None
    run.place_images(images_of(run, path=place if own else None, root=None if own else place).config)


def _everything_anew() -> None:
    """Every part of the page has something to show now that it has not asked for."""
    st.html("<script>location.reload()</script>", unsafe_allow_javascript=True)
