"""Where to compute."""

from __future__ import annotations

import torch

from vae.errors import UserError


def choose_device(name: str) -> torch.device:
    """The device of a name; ``"auto"`` takes CUDA, then MPS, then the CPU.

    Raises:
        UserError: If the named one is not there.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if there[kind]))
    if not there[name]:
        raise UserError(
            f"the device must be there, got {name!r}, which this machine has not; use auto or cpu"
        )
    return torch.device(name)
