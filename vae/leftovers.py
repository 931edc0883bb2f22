"""What killed processes left in a folder of runs, beside the runs: removed by whoever works there next."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from vae.files import sweep
from vae.scratch import sweep_folders, sweep_old_folders

#: What a run is called while it is removed, and while it is unpacked.
DELETED, IMPORTING = ".deleted-", ".importing-"
#: Folder beside the runs with the files that the dashboard was sent.
UPLOADS = ".uploads"
_OLD_IMPORTING = ".import-"


def sweep_runs(root: Path) -> None:
    """Remove what is left of removals, imports and uploads that were killed; what is under way stays."""
    with suppress(OSError):
        for left in root.glob(f"{DELETED}*"):
            shutil.rmtree(left, ignore_errors=True)  # a link is left alone
    sweep_folders(root, IMPORTING)
    sweep_old_folders(root, _OLD_IMPORTING)
    sweep(root, older_than=60)
    sweep(root / UPLOADS, older_than=60, root=root)
