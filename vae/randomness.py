"""Independent streams of random numbers from one seed, so that using one never shifts another."""

from __future__ import annotations

import numpy as np
import torch

from vae.errors import UserError

_STREAMS = (
    "weights",
    "order",
    "noise",
    "evaluation",
    "prior",
    "probe",
    "sheet",
    "mixture",
    "leak",
    "diagnosis",
    "encoder",
    "importance",
    "annealing",
)


def stream_seed(seed: int, stream: str) -> int:
    """The seed of a named stream; different names give unrelated numbers.

    Raises:
        UserError: If the seed is negative.
    """
    if seed < 0:
        raise UserError(f"seed must be >= 0, got {seed}; use 0")
    return int(np.random.SeedSequence([seed, _STREAMS.index(stream)]).generate_state(1, np.uint64)[0] >> 1)


def generator(seed: int, stream: str, device: torch.device | str = "cpu") -> torch.Generator:
    """A torch generator at the start of a named stream."""
    return torch.Generator(device).manual_seed(stream_seed(seed, stream))
