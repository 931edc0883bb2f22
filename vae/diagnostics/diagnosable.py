"""What can be diagnosed, and a sentence for what cannot."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from vae.data.dataset import Part
from vae.errors import UserError
from vae.models.vae import VAE
from vae.runs.run import Run


def check_asked(target: object, at: object, part: object, num_images: int) -> None:
    """Refuse arguments of `vae.diagnostics.diagnose.diagnose` that mean nothing.

    Raises:
        UserError: If one of them is none of those that there are.
    """
    if not isinstance(target, Run | VAE | Path | str):
        raise UserError(
            f"diagnose needs a run, its folder or a vae.VAE, got {type(target).__name__}; watch your own networks "
            "with vae.watch, and diagnose that run"
        )
    if at not in ("best", "last") and (not isinstance(at, int) or isinstance(at, bool)):
        raise UserError(f"at must be 'best', 'last' or the step of a snapshot, got {at!r}; use 'last'")
    if part not in (None, *get_args(Part)):
        raise UserError(f"part must be one of {', '.join(get_args(Part))}, got {part!r}; leave it out")
    if num_images < 2:
        raise UserError(f"a diagnosis needs at least 2 images, got num_images = {num_images}; leave it out")
