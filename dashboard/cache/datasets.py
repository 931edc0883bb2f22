"""The images of runs, cached while they are the ones that the runs were made for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.cache.lru import Cache
from vae.config.registries import DATASETS
from vae.errors import UserError
from vae.runs.run import Run

if TYPE_CHECKING:
    from vae.data.dataset import Dataset

_datasets = Cache(4, max_bytes=384 << 20)


def dataset(run: Run) -> Dataset:
    """The images of a run, if they are on this machine; nothing is downloaded.

    Raises:
        DataError: If they are not, or are not the ones that the run was made for.
    """
    from vae.runs.run_dataset import data_of, images_of

    return _datasets.get((data_of(run), run.info), lambda: images_of(run))


def missing_images(run: Run) -> str:
    """Why a run's images cannot be shown here, in one sentence; empty if they seem to be there.

    Fast: files are looked for and not read, so that a request for the images may still be refused.
    """
    from vae.data.readers.torchvision import is_downloaded
    from vae.runs.run_dataset import data_of

    try:
        data = data_of(run)
        if data.path is not None:
            is_here = data.path.exists()
        elif data.needs_download and not is_downloaded(data.name, data.root, data.emnist_split):
            # The sidebar says it at length, with the button; everywhere else these words do.
            return f"{DATASETS.title(data.name)}: dataset not downloaded"
        else:
            is_here = True
        if not is_here:
            dataset(run)
    except UserError as error:
        return str(error)
    return ""


def lack(run: Run) -> str:
    """What a place that shows originals says without them, in a few words: the sidebar says the rest, once."""
    if not missing_images(run):
        return ""
    name = run.config.data.name
    return (
        f"Needs the {DATASETS.title(name)} images."
        if run.config.data.needs_download
        else "Needs the run's images."
    )
