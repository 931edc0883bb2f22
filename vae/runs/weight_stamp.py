"""A name for the content of a run's weights, by which whoever keeps something of them knows that they are others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae.runs.folder import RunFolder
from vae.storage.confined import is_plain, lstat

if TYPE_CHECKING:
    from vae.models.vae import At


def stamp(run: RunFolder, at: At) -> str:
    """Names the content of a run's weights: it changes when they do. Empty if there are none yet."""
    return "-".join(
        f"{found.st_mtime_ns:x}.{found.st_size:x}" for found in map(stat_of, weight_files(run, at)) if found
    )


def weight_files(run: RunFolder, at: At) -> list[Path]:
    """The files that the weights may be read from (`vae.runs.snapshots.load_weights` takes one of them)."""
    checkpoints = run.path / "checkpoints"
    if isinstance(at, int):
        return [run.snapshot_dir(at) / "weights.safetensors"]
    if at == "best" and is_plain(checkpoints / "best.safetensors"):
        return [checkpoints / "best.safetensors"]
    newest = [run.path / "live.safetensors", checkpoints / "last.safetensors"]
    if any(map(is_plain, newest)):
        return newest
    return [run.snapshot_dir(step) / "weights.safetensors" for step in run.snapshots()[-1:]]


def stat_of(path: Path) -> Any:
    """What the system says of a file; None if it is not there."""
    try:
        return lstat(path)
    except OSError:
        return None
