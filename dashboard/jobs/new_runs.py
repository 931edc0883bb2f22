"""New runs: made from a configuration, with the user's own images kept beside them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from dashboard import settings
from vae.config.reading import Reading
from vae.config.schema import RunConfig
from vae.errors import UserError
from vae.runs.cleanup import UPLOADS, sweep_uploads
from vae.runs.listing import create_run
from vae.runs.run import Run
from vae.storage.atomic import replacing


class Upload(Protocol):
    """A file that a browser sent."""

    name: str

    def getbuffer(self) -> memoryview:
        """Its content."""


def create(config: RunConfig, title: str, reading: Reading | None = None) -> Run:
    """Make the folder of a run, not trained yet; without a title its settings name it.

    Args:
        config: What it shall be.
        title: Its name.
        reading: What was made of what the images were sent as, where that is not what they are kept as.

    Raises:
        UserError, OSError: If the images are missing or do not fit, or the folder cannot be written.
    """
    from vae.data.dataset import check_fits, load_dataset

    dataset = load_dataset(config.data)
    check_fits(config, dataset)
    root = settings.runs_root()
    kind = "cvae" if config.model.conditional else "vae"
    words = (
        title.strip() or f"{config.data.name} {kind} {config.model.latent_dim}d β={config.objective.beta:g}"
    )
    info = dataset.info()
    return create_run(root, words, config, info if reading is None else info.replace(reading=reading))


@contextmanager
def kept_images(own: Upload | Path | None) -> Iterator[Path | None]:
    """The path of the user's own images: an upload is kept beside the runs under the hash of its content.

    An upload that the block refuses is not kept, and the refusal names the file as the user does.
    """
    if own is None or isinstance(own, Path):
        yield own
        return
    content = own.getbuffer()
    folder = settings.runs_root() / UPLOADS
    path = folder / f"{hashlib.sha256(content).hexdigest()[:16]}.npz"
    written = None
    try:
        os.utime(path)  # sent again: it stays for another hour, until the run is made
    except OSError:
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(content)
        written = path.stat().st_mtime_ns
    try:
        yield path
    except (UserError, OSError) as error:
        with suppress(FileNotFoundError):
            if path.stat().st_mtime_ns == written:  # nobody has sent the same meanwhile
                path.unlink()
        sweep_uploads(settings.runs_root())
        if isinstance(error, UserError):
            raise UserError(str(error).replace(str(path), own.name)) from error
        raise
