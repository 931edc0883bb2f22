"""Whether a run can be trained here, and why not."""

from __future__ import annotations

from vae.errors import UserError
from vae.runs.naming import RunError
from vae.runs.run import Run
from vae.storage.confined import is_plain


def why_not_trainable(run: Run, *, look_for_images: bool = False) -> str:
    """Why a run cannot be trained, or trained on, on this machine, as a sentence; empty if it seems that it can.

    Fast: files are looked for and not read.

    Args:
        run: An opened run.
        look_for_images: Whether its images must be here already; the command line may still download them.
    """
    config = run.config
    if config.model.network == "external":
        return (
            f"run {run.id!r} must be trained where its networks are, in the program that vae.watch watched; to "
            "continue, run that program again with vae.watch(…, resume=True)"
        )
    best, last = (run.checkpoints_dir / f"{name}.safetensors" for name in ("best", "last"))
    if why := run.why_fixed() or run.complaint():
        return why
    if is_plain(best) and not is_plain(last):
        return (
            f"run {run.id!r} must hold its last checkpoint to continue, and has only the best weights; start a new "
            "run with its configuration"
        )
    try:
        from vae.runtime.devices import (
            choose_device,  # loads torch, which pages and `vae --help` can do without
        )

        choose_device(config.train.device)
        if look_for_images and not _has_images(run):
            from vae.runs.run_dataset import images_of

            images_of(run)
    except UserError as error:
        return str(error)
    return ""


def check_trainable(run: Run, *, look_for_images: bool = False) -> None:
    """Refuse a run that cannot be trained here.

    Raises:
        RunError: As `why_not_trainable` says.
    """
    if why := why_not_trainable(run, look_for_images=look_for_images):
        raise RunError(why)


def _has_images(run: Run) -> bool:
    """Whether the files of its images seem to be on this machine."""
    from vae.data.readers.torchvision import is_downloaded
    from vae.runs.run_dataset import data_of

    data = data_of(run)
    if data.path is not None:
        return data.path.exists()
    return not data.needs_download or is_downloaded(data.name, data.root, data.emnist_split)
