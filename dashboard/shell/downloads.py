"""Download of a public dataset; nothing is fetched before the button is pressed."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard.jobs.queue import Progress, background
from dashboard.look.markdown import plain
from dashboard.shell.job_progress import follow
from vae.config.registries import DATASETS

#: The download that this session knows has come.
_SEEN = "_download"
_SETS = ("mnist", "fashion-mnist", "kmnist", "emnist")


def lacks(name: str, root: Path | None = None, emnist_split: str = "balanced") -> bool:
    """Whether a data set could be fetched and is not on this machine."""
    if name not in _SETS:
        return False
    from vae.data.readers.torchvision import is_downloaded

    return not is_downloaded(name, root, emnist_split)


def offer(name: str, root: Path | None = None, *, key: str) -> None:
    """Draw the button, and once it is pressed, how far the download is; it goes on when the page is left.

    Args:
        name: One of the data sets that can be fetched.
        root: torchvision's root; the user's cache folder if None.
        key: The button's.
    """
    job = background.get(_job(name, root))
    if job is not None and job.is_open:
        follow(job.key, bytes=True, place=f":{key}")
        return
    if job is not None and job.state == "failed":
        st.error(plain(job.error), icon=":material/cloud_off:")
    if st.button(
        f"Download {DATASETS.title(name)}", icon=":material/cloud_download:", width="stretch", key=key
    ):
        _start(name, root)
        st.rerun()


def has_come(name: str, root: Path | None = None) -> bool:
    """Whether the data set has come since this session last asked: true once."""
    job = background.get(_job(name, root))
    is_new = job is not None and job.state == "done" and st.session_state.get(_SEEN) is not job
    if is_new:
        st.session_state[_SEEN] = job
    return is_new


def _job(name: str, root: Path | None) -> str:
    return f"download:{name}:{root or ''}"


def _start(name: str, root: Path | None) -> None:
    def work(progress: Progress) -> None:
        from vae.data.readers.torchvision import download

        download(name, root, lambda _, done, total: progress(done, total))

    background.start(_job(name, root), work)
