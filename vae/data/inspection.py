"""What own images are, before anything is trained on them: how many, how large, some of them, settings that suit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vae.config.reading import Reading
from vae.config.schema import DataConfig, RunConfig
from vae.config.suggestions import ImageTraits, suggest_for
from vae.data.readers.image_folder import sample_of_folder
from vae.data.readers.npz import read_npz, size_of_npz

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Images of the strip.
NUM_SHOWN = 24
#: A file whose images take more bytes is not read for a look at it.
MOST_BYTES = 1 << 30
#: A pixel this near to black or white counts as one of them; so many of them make images binary.
_EDGE, _BINARY = 0.06, 0.8


@dataclass(frozen=True, eq=False)
class Inspection:
    """What was found.

    Attributes:
        num_images: How many there are in all.
        channels: 1, or 3 for colour.
        height: In pixels.
        width: In pixels.
        class_names: The name of each class; empty without labels.
        shown: Some of them, of each class where there are classes, bytes, ``(K, C, H, W)``; none of a file too large to
            be read for a look.
        labels: The class of each that is shown, from 0; None without labels.
        is_binary: Whether nearly all pixels are black or white.
        reading: How they were understood, and what was left out.
    """

    num_images: int
    channels: int
    height: int
    width: int
    class_names: tuple[str, ...]
    shown: NDArray[np.uint8]
    labels: tuple[int, ...] | None
    is_binary: bool
    reading: Reading

    def summary(self) -> str:
        """In one line: ``4,000 images, 64×64, colour, 4 classes``."""
        num, classes = self.num_images, len(self.class_names)
        tone = "colour" if self.channels == 3 else "black and white" if self.is_binary else "grey"
        counted = f"{classes} class{'es' * (classes != 1)}" if classes else "no labels"
        return f"{num:,} image{'s' * (num != 1)}, {self.width}×{self.height}, {tone}, {counted}"

    @property
    def traits(self) -> ImageTraits:
        """What settings follow from."""
        return ImageTraits(self.num_images, self.channels, self.height, self.width, self.is_binary)

    def suggestion(self, config: DataConfig) -> tuple[RunConfig, list[str]]:
        """Settings that suit these images, and why, a sentence each; see `vae.config.suggestions.suggest_for`."""
        return suggest_for(config, self.traits)


def inspect_images(config: DataConfig) -> Inspection:
    """Look at the user's own images: all of a file's, and of a folder some, evenly chosen.

    Args:
        config: Where they are; its name is ``npz`` or ``folder``.
    Raises:
        DataError: If they are missing or would be refused, as far as that is seen here.
    """
    config = config.absolute()
    if config.path is None or config.name not in ("npz", "folder"):
        raise ValueError(f"config must name own images, got {config.name!r}; use npz or folder")
    if config.name == "folder":
        found = sample_of_folder(config.path, NUM_SHOWN)
        images, labels, num = found.images, found.labels, found.num_images
        class_names, reading = found.class_names, found.reading
    else:
        size = size_of_npz(config.path)
        if size.num_bytes > MOST_BYTES:
            empty = np.empty((0, *size.shape[1:]), np.uint8)
            return Inspection(size.shape[0], *size.shape[1:], (), empty, None, False, size.reading)
        whole = read_npz(config.path)
        rows = _spread(None if whole.labels is None else whole.labels.numpy(), len(whole.images))
        images, num = whole.images.numpy()[rows], len(whole.images)
        labels = None if whole.labels is None else tuple(whole.labels[rows].tolist())
        class_names, reading = whole.class_names, whole.reading
    _, channels, height, width = images.shape
    return Inspection(num, channels, height, width, class_names, images, labels, _is_binary(images), reading)


def _spread(labels: NDArray[np.int64] | None, num: int) -> list[int]:
    """Rows of at most `NUM_SHOWN` images: of the classes in turn, or evenly chosen where there are none."""
    if labels is None:
        return sorted({round(place) for place in np.linspace(0, num - 1, min(NUM_SHOWN, num))})
    groups = [np.flatnonzero(labels == label)[:NUM_SHOWN] for label in np.unique(labels)]
    in_turn = [int(group[turn]) for turn in range(NUM_SHOWN) for group in groups if turn < len(group)]
    return in_turn[:NUM_SHOWN]


def _is_binary(images: NDArray[np.uint8]) -> bool:
    share = images / 255.0
    return bool(images.size) and float(((share < _EDGE) | (share > 1 - _EDGE)).mean()) >= _BINARY
