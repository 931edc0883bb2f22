"""Files of arrays as people bring them, read, refused, and mended as the refusal says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vae.data.readers.npz import read_npz
from vae.data.types import DataError, Images

RNG = np.random.default_rng(0)
#: Images of zero to 255, both ends among them.
BYTES = RNG.integers(0, 256, (12, 9, 8), dtype=np.uint8)
BYTES[0, 0, 0], BYTES[0, 0, 1] = 0, 255
COLOUR = RNG.integers(0, 256, (12, 9, 8, 3), dtype=np.uint8)
LABELS = np.arange(12) % 3
UNIT = BYTES / 255


def read(path: Path, **arrays: Any) -> Images:
    np.savez(path / "own.npz", **arrays)
    return read_npz(path / "own.npz")


def refusal(path: Path, **arrays: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(path, **arrays)
    sentence = str(caught.value)
    assert "\n" not in sentence and "; " in sentence and len(sentence) <= 400
    assert "to 1, got 0 to 1;" not in sentence
    return sentence


def said(found: Images) -> str:
    return " | ".join([*found.reading.remarks(), *found.reading.warnings()])


def followed(expression: str, arrays: dict[str, Any], target: str) -> dict[str, Any]:
    """The arrays after somebody did what a refusal told them to."""
    scope = {"numpy": np, **arrays}
    return {**arrays, target: eval(expression, scope)}  # noqa: S307
