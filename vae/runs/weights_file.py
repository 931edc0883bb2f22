"""Which file holds a run's weights, and whether it can; imports torch only for networks of this library."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vae.export.onnx_file import check_graphs
from vae.limits import WEIGHTS_BYTES
from vae.runs.watch_notes import why_no_networks
from vae.storage.confined import is_plain, lstat
from vae.storage.safetensors_header import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

    from vae.models.vae import VAE
    from vae.runs.run import Run

#: The newest weights, which pages show while a run trains.
LIVE = "live"
#: How the names of a model's tensors begin in a `last` checkpoint, which has the optimiser's too.
OF_MODEL = "model."


def weights_path(run: Run, at: Literal["best", "last"]) -> Path | None:
    """The file that the best or last weights are read from; None if the run has no weights."""
    best, last = (run.checkpoints_dir / f"{name}.safetensors" for name in ("best", "last"))
    if at == "best" and is_plain(best):
        return best
    newest = []
    for path in (run.path / f"{LIVE}.safetensors", last):
        with suppress(OSError):
            newest.append((lstat(path).st_mtime_ns, path))
    if newest:
        return max(newest)[1]
    if steps := run.snapshots():
        return run.snapshot_dir(steps[-1]) / "weights.safetensors"
    return best if is_plain(best) else None


def is_external(run: Run) -> bool:
    """Whether the networks of a run are somebody's own, kept as ONNX; see `vae.export.onnx_networks`."""
    return run.config.model.network == "external"


def check_weights(run: Run) -> None:
    """Check by the headers alone that a run has weights, and that its best ones are of the model that it describes.

    Networks of somebody's own are looked at whole, and opened. A watched run may have none, if it says why.

    Raises:
        UserError: If not, the file is damaged, or the config describes no model that can be.
    """
    path = weights_path(run, "best")
    if path is None:
        if why_no_networks(run):
            return
        raise CheckpointError("a run must have weights, got none; export it again after its first checkpoint")
    if is_external(run):
        check_graphs(path, run.config.model, run.info)
        return
    from vae.storage.safetensors_io import check_shapes, outline

    found = outline(path)
    if path.stem == "last":
        found = {
            name.removeprefix(OF_MODEL): tensor for name, tensor in found.items() if name.startswith(OF_MODEL)
        }
    size = sum(tensor.numel() * tensor.element_size() for tensor in found.values())
    if size > WEIGHTS_BYTES:
        raise CheckpointError(
            f"weights must have at most {WEIGHTS_BYTES:,} bytes to be shown and measured, and these have {size:,}; "
            "look at them in a program of your own"
        )
    check_shapes(in_full(found), without_numbers(run).state_dict())


def in_full(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights in single precision: snapshots of large models keep half of it."""
    import torch

    return {
        name: tensor.float() if tensor.dtype == torch.float16 else tensor for name, tensor in tensors.items()
    }


def without_numbers(run: Run) -> VAE:
    """The model that a run's config describes, on the device that has shapes and no memory.

    A config may come from somebody else, and describe a model of any size.
    """
    import torch

    from vae.models.vae import VAE

    with torch.device("meta"):
        return VAE(run.config.model, run.info)
