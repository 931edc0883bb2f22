"""Independent streams of random numbers from one seed, so that using one never shifts another."""

from __future__ import annotations

import functools

import numpy as np
import torch
from numpy.typing import NDArray

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
    "pixels",
    "layers",
)


def stream_seed(seed: int, stream: str) -> int:
    """The seed of a named stream; different names give unrelated numbers.

    Raises:
        UserError: If the seed is negative.
    """
    words = [_checked(seed), _STREAMS.index(stream)]
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> 1)


def _checked(seed: int) -> int:
    if seed < 0:
        raise UserError(f"seed must be >= 0, got {seed}; use 0")
    return seed


def generator(seed: int, stream: str, device: torch.device | str = "cpu") -> torch.Generator:
    """A torch generator at the start of a named stream."""
    return torch.Generator(device).manual_seed(stream_seed(seed, stream))


@functools.lru_cache(maxsize=4)
def image_seeds(seed: int, num: int) -> NDArray[np.int64]:
    """A seed for each of ``num`` images, by its place: the first ones are the same, however many there are.

    Raises:
        UserError: If the seed is negative.
    """
    draws = np.random.SeedSequence([_checked(seed), _STREAMS.index("pixels")]).generate_state(num, np.uint64)
    seeds: NDArray[np.int64] = (draws >> np.uint64(1)).astype(np.int64)
    seeds.flags.writeable = False
    return seeds
