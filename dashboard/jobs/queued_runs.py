"""Which runs this installation has queued for training; recorded outside their folders.

A run's folder may come from anybody, and what its `status.json` says of a queue is not believed: whatever a server
takes up by itself, it must have been told on this machine. A note names the run by its path, its identity and its
folder's inode, so that neither a copy nor another run in its place is taken for it. Each run has a note of its own,
which is replaced whole, so that several servers need no lock.
"""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from vae.errors import UserError
from vae.runs.run import Run
from vae.storage.atomic import read_json, sweep, write_json

#: Notes that are looked at, the oldest first.
_MOST = 2000


def folder() -> Path | None:
    """Where the notes are: in the user's folder for what programs remember; None if there is no such folder.

    Source:
        XDG Base Directory Specification, https://specifications.freedesktop.org/basedir-spec/latest/
    """
    said = Path(os.environ.get("XDG_STATE_HOME", ""))
    try:
        home = said if said.is_absolute() else Path.home() / ".local" / "state"
    except RuntimeError:  # a user without a home
        return None
    return home / "latent-lab" / "queue"


def note(run: Run) -> None:
    """Remember that a run is to be trained, also by the next server; without a place for notes, by this one alone."""
    with suppress(OSError):
        if (path := _path(run.path)) is not None:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_json(path, {**_about(run), "since": time.time()})


def forget(run: Run) -> None:
    """A run waits no more."""
    with suppress(OSError):
        if (path := _path(run.path)) is not None:
            path.unlink(missing_ok=True)


def is_noted(run: Run) -> bool:
    """Whether this very run is to be trained."""
    found = _read(_path(run.path))
    with suppress(OSError):
        return found is not None and {**found, "since": 0} == {**_about(run), "since": 0}
    return False


def noted(root: Path) -> list[Run]:
    """The runs of a folder of runs that are to be trained, in the order in which they were asked for.

    Notes of runs that are not there any more, or are others by now, are removed.
    """
    found: list[tuple[float, Run]] = []
    with suppress(OSError):
        for path in sorted(_notes())[:_MOST]:
            values = _read(path)
            place = Path(str(values.get("path"))) if values is not None else None
            if place is not None and place.parent != root:
                continue  # another server's
            run = _opened(place)
            if values is not None and run is not None and is_noted(run):
                found.append((float(values["since"]), run))
            else:
                path.unlink(missing_ok=True)
    return [run for _, run in sorted(found, key=lambda item: item[0])]


def sweep_notes() -> None:
    """Remove what killed servers left of notes in the making."""
    if (place := folder()) is not None:
        sweep(place)


def _notes() -> list[Path]:
    place = folder()
    return [] if place is None else list(place.glob("*.json"))


def _path(run: Path) -> Path | None:
    place = folder()
    return None if place is None else place / f"{hashlib.sha256(os.fsencode(run)).hexdigest()[:32]}.json"


def _about(run: Run) -> dict[str, Any]:
    # The number of a device may change when the machine starts anew.
    return {"path": str(run.path), "identity": run.identity, "inode": run.path.lstat().st_ino}


def _read(path: Path | None) -> dict[str, Any] | None:
    with suppress(OSError, UserError):
        values = None if path is None else read_json(path)
        if isinstance(values, dict) and isinstance(values.get("since"), int | float):
            return values
    return None


def _opened(path: Path | None) -> Run | None:
    with suppress(UserError, OSError):
        return None if path is None else Run.open(path)
    return None
