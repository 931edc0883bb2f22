"""Folders of runs: what is in them, finding one by its id, and ids for new ones.

One run is `vae.runs.run.Run`; what callers need beside it can be had from here too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from vae.config.schema import DataInfo, RunConfig
from vae.runs.naming import RunError, check_id
from vae.runs.run import Run
from vae.runtime import html
from vae.storage.atomic import disk_sentence
from vae.storage.user_paths import absolute

#: Ids that are tried for a new run; each is taken only by somebody who makes a run in the same second.
_TRIES = 100


@dataclass(frozen=True)
class BrokenRun:
    """A folder that should be a run and cannot be opened."""

    path: Path
    id: str
    #: What is wrong and what to do.
    sentence: str

    def _repr_html_(self) -> str:
        """A card of what is wrong, in a notebook."""
        return html.card(f"Folder {self.id}", html.paragraph(self.sentence, "Cannot be opened:"))


def list_runs(root: Path | str) -> list[Run | BrokenRun]:
    """The runs in a folder, newest first; none if there is no such folder.

    Hidden folders, and folders with nothing of a run in them, are left out.

    Raises:
        RunError: If the folder cannot be read.
    """
    found: list[tuple[float, str, Run | BrokenRun]] = []
    try:
        folders = [path for path in absolute(root, RunError).iterdir() if not path.name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise RunError(disk_sentence(error)) from error
    for path in folders:
        try:
            run = Run.open(path)
            created = datetime.fromisoformat(run.created)
            found.append((created.replace(tzinfo=created.tzinfo or UTC).timestamp(), run.id, run))
        except (RunError, OverflowError) as error:
            with suppress(OSError):
                of_runs = [path / name for name in ("config.json", "metrics.jsonl", "checkpoints")]
                if any(place.is_symlink() or place.exists() for place in of_runs):
                    found.append((path.stat().st_mtime, path.name, BrokenRun(path, path.name, str(error))))
    return [run for *_, run in sorted(found, key=lambda item: item[:2], reverse=True)]


def find_run(run_id: str, roots: Sequence[Path | str]) -> Run:
    """Open a run by its id, from the first of the folders that has it. An id never leads out of them.

    Raises:
        RunError: If none has it, it is not an id, or the run is broken.
    """
    check_id(run_id)
    for root in roots:
        path = absolute(root, RunError) / run_id
        with suppress(PermissionError):
            if path.is_dir() and ((path / "config.json").is_symlink() or (path / "config.json").exists()):
                return Run.open(path)
    raise RunError(
        f"there is no run {run_id!r} in {' or '.join(map(str, roots))}; was it deleted or renamed?"
    )


def new_run_id(root: Path | str, hint: str) -> str:
    """A free id, from words (`digits, 2-D`) and the time: `digits-2-d-20251121-142530`."""
    plain = unicodedata.normalize("NFKD", hint).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].rstrip("-") or "run"
    return free_id(root, f"{words}-{datetime.now():%Y%m%d-%H%M%S}")


def create_run(root: Path, hint: str, config: RunConfig, info: DataInfo) -> Run:
    """Make a run of a free id in a folder of runs; who makes another at the same moment gets another id.

    Args:
        root: The folder of runs.
        hint: Its display name, and the words of its id.
        config: What the run shall be.
        info: Of the images that it is for.

    Raises:
        RunError: As `Run.create` does.
    """
    for _ in range(_TRIES):
        path = absolute(root, RunError) / new_run_id(root, hint)
        try:
            return Run.create(path, config, info, hint)
        except RunError:
            if not path.exists():
                raise
    raise RunError(f"a folder for a new run could not be made in {root}; try again")


def free_id(root: Path | str, wanted: str) -> str:
    """An id that is free in the folder: the wanted one, or with a number behind it.

    Raises:
        RunError: If the wanted one is not an id.
    """
    check_id(wanted)
    taken = (
        {path.name.casefold() for path in absolute(root, RunError).iterdir()}
        if Path(root).is_dir()
        else set()
    )
    number, free = 1, wanted
    while free.casefold() in taken:
        number += 1
        free = f"{wanted[:70]}-{number}"
    return free
