"""Test metrics of runs for the pages: saved ones at once, the others measured in the background."""

from __future__ import annotations

import os
from pathlib import Path

from dashboard import settings
from dashboard.cache import datasets, models
from dashboard.jobs.queue import Job, Progress, background
from vae.errors import UserError
from vae.evaluation import saved_metrics
from vae.evaluation.saved_metrics import Result
from vae.runs.beta_history import title_of
from vae.runs.run import Run
from vae.runs.watch_notes import why_no_networks

_KEY = "figures:"
#: States in which a run's figures would be old at once.
AT_WORK = ("queued", "starting", "running", "paused")


def may_keep(run: Run) -> bool:
    """Whether what is computed of a run may be kept in its folder: not if it is an example, or a link."""
    return run.path.parent != settings.shipped_root() and not run.is_link and os.access(run.path, os.W_OK)


def folder(run: Run) -> Path | None:
    """Where a run's figures are kept: None is in the run; the user's cache for one that is not to be changed."""
    if may_keep(run):
        return None
    from vae.data.readers.torchvision import default_root

    return default_root().parent / "figures" / run.id


def kept(run: Run) -> Result | None:
    """The figures that are there; those that came with the run before those of this machine."""
    found = saved_metrics.kept(run)
    if found is not None or (place := folder(run)) is None:
        return found
    return saved_metrics.kept(run, place)


def why_not(run: Run) -> str:
    """Why a run cannot be measured now, as a sentence; empty if it can, as far as is seen at once."""
    if run.status().state in AT_WORK:
        return f"“{title_of(run)}” is training; its test metrics can be measured when it has finished."
    if not models.stamp(run, "best"):
        return why_no_networks(run) or f"“{title_of(run)}” has no weights yet."
    return datasets.missing_images(run)


def key(run: Run) -> str:
    """Of a run's job."""
    return f"{_KEY}{run.path}"


def start(run: Run) -> None:
    """Measure a run's figures beside the page."""

    def work(progress: Progress) -> None:
        progress(0, 1)
        saved_metrics.measure(run, datasets.dataset(run), folder(run))
        if kept(run) is None:
            raise UserError(
                f"the test metrics of “{title_of(run)}” could not be saved; is its folder writable?"
            )
        progress(1, 1)

    background.start(key(run), work)


def job(run: Run) -> Job | None:
    """What became of a run's measurement."""
    return background.get(key(run))


def under_way() -> list[Job]:
    """Measurements of figures that wait or work."""
    return background.open(_KEY)
