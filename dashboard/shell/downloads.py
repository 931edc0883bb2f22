"""Download of a public dataset; nothing is fetched before the button is pressed."""

from __future__ import annotations

import queue
import threading
from pathlib import Path

import streamlit as st

from dashboard.look.markdown import plain
from vae.config.registries import DATASETS
from vae.errors import UserError

_SETS = ("mnist", "fashion-mnist", "kmnist", "emnist")


def lacks(name: str, root: Path | None = None, emnist_split: str = "balanced") -> bool:
    """Whether a data set could be fetched and is not on this machine."""
    if name not in _SETS:
        return False
    from vae.data.readers.torchvision import is_downloaded

    return not is_downloaded(name, root, emnist_split)


def offer(name: str, root: Path | None = None, *, key: str) -> bool:
    """Draw the button, and once it is pressed, how far the download is; whether the data set has just come.

    Args:
        name: One of the data sets that can be fetched.
        root: torchvision's root; the user's cache folder if None.
        key: The button's.
    """
    if not st.button(
        f"Download {DATASETS.title(name)}", icon=":material/cloud_download:", width="stretch", key=key
    ):
        return False
    from vae.data.readers.torchvision import download

    bar = st.progress(0.0, "Connecting…")
    told: queue.SimpleQueue[tuple[str, int, int] | None] = queue.SimpleQueue()
    failed: list[Exception] = []

    def work() -> None:
        try:
            download(name, root, lambda *news: told.put(news))
        except (UserError, OSError) as error:
            failed.append(error)
        finally:
            told.put(None)

    threading.Thread(target=work, daemon=True).start()
    while (news := told.get()) is not None:
        words, done, total = news
        bar.progress(min(1.0, done / total) if total else 0.0, words)
    bar.empty()
    if failed:
        st.error(plain(str(failed[0])), icon=":material/cloud_off:")
    return not failed
