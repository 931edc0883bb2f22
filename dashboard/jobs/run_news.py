"""What has changed in a run: its trainer's status, its control, and its place in the queue.

Streams tell it, and pages that follow a run compare with it (`dashboard.components.signal`): both read it here, so that
the same state is the same in both.
"""

from __future__ import annotations

from typing import Any

from dashboard.cache import models
from dashboard.jobs.trainers import trainers
from vae.runs.run import Run
from vae.runs.watch_notes import WATCH_FILE
from vae.storage.confined import lstat


def news(run: Run) -> dict[str, Any]:
    """The status without the trainer's signs of life, and further fields, all as JSON has them.

    They are `control`, what the user wants of it; `stamp` and `best`, names of the content of its last and best
    weights; `place`, how many runs wait before it, None if it does not wait here; `is_waiting`, whether this
    installation was asked to train it; `notes`, a name for what a watched loop told of itself.
    """
    status = run.status()
    found = status.to_dict()
    del found["heartbeat"], found["host"], found["pid"]
    return {
        **found,
        "control": run.control().to_dict(),
        "stamp": models.stamp(run, "last"),
        "best": models.stamp(run, "best"),
        "place": trainers.place(run),
        "is_waiting": status.state == "queued" and trainers.is_waiting(run),
        "notes": _notes(run),
    }


def some_news(run: Run, *names: str) -> dict[str, dict[str, Any]]:
    """Of a run, the news of these names, as `rerun_when_changed` takes them."""
    found = news(run)
    return {run.id: {name: found[name] for name in names}}


def _notes(run: Run) -> str:
    if run.config.model.network != "external":
        return ""
    try:
        return f"{lstat(run.path / WATCH_FILE).st_mtime_ns:x}"
    except OSError:
        return ""
