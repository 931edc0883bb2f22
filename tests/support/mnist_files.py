"""Files as LeCun's sets have them, of a few small images."""

from __future__ import annotations

from pathlib import Path

import numpy as np

MNIST_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def idx(values: np.ndarray) -> bytes:
    """LeCun's format, written from its description: 0, 0, type 8, dimensions, sizes from the high byte, values."""
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    return bytes((0, 0, 8, values.ndim)) + sizes + values.astype(np.uint8).tobytes()


def tiny(
    num_train: int = 20, num_test: int = 8, first_label: int = 0, num_classes: int = 10
) -> dict[str, bytes]:
    """The four files of a set like MNIST with images of 5 × 4 pixels."""
    random = np.random.default_rng(0)
    labels = [first_label + np.arange(num) % num_classes for num in (num_train, num_test)]
    images = [random.integers(0, 256, (num, 5, 4)) for num in (num_train, num_test)]
    return dict(zip(MNIST_FILES, map(idx, (images[0], labels[0], images[1], labels[1])), strict=True))


def put(root: Path, files: dict[str, bytes], folder: str = "MNIST") -> Path:
    raw = root / folder / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (raw / name).write_bytes(content)
    return root
