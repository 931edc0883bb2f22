"""Which weights a run has come to, and after how many steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from vae.runs.weight_stamp import stamp
from vae.storage.confined import is_plain, lstat
from vae.storage.safetensors_header import CheckpointError, inspect

if TYPE_CHECKING:
    from vae.models.vae import At
    from vae.runs.run import Run


def newest(run: Run) -> Literal["last", "best"]:
    """The weights that training came to; where only the best ones were kept, these."""
    return "last" if stamp(run, "last") or not stamp(run, "best") else "best"


def step_of(run: Run, at: At) -> int | None:
    """The step that weights are of, as far as their files say."""
    if isinstance(at, int):
        return at
    if at == "best":
        try:
            state = inspect(run.checkpoints_dir / "best.safetensors")
        except (CheckpointError, OSError):
            state = {}
        if isinstance(state.get("step"), int) and isinstance(state.get("elbo"), int | float):
            return int(state["step"])
    files = [run.path / "live.safetensors", run.checkpoints_dir / "last.safetensors"]
    try:
        found = max(filter(is_plain, files), key=lambda path: lstat(path).st_mtime_ns)
        step = inspect(found).get("step")
    except (ValueError, CheckpointError, OSError):  # no file, or one that is being replaced
        return next(reversed(run.snapshots()), None)
    return step if isinstance(step, int) else run.status().step
