"""Images of which it is known what there is to encode: nothing, what the label says, one bit, two factors, digits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from vae.config.schema import DataConfig
from vae.data.dataset import Dataset, load_dataset

Arrays = tuple[NDArray[Any], NDArray[Any] | None]
_NUM, _SIDE, _CLASSES = 1000, 8, 10


def _draw(seed: int) -> np.random.RandomState:
    return np.random.RandomState(seed + 1000)


def _digits(num: int | None = None) -> tuple[NDArray[Any], NDArray[Any]]:
    found = load_digits()
    order = np.random.RandomState(0).permutation(len(found.target))[:num]
    return found.images[order] / 16, found.target[order]


def identical(seed: int) -> Arrays:
    """One digit, again and again."""
    images, _ = _digits(20)
    return np.repeat(images[seed % 20][None], 400, 0), None


def black(seed: int) -> Arrays:
    """Nothing at all."""
    return np.zeros((400, _SIDE, _SIDE)), None


def coins(seed: int) -> Arrays:
    """Black or white pixels, each by the toss of a coin of its own."""
    chance = _draw(seed).uniform(0.1, 0.9, (_SIDE, _SIDE))
    return (_draw(seed + 1).uniform(size=(_NUM, _SIDE, _SIDE)) < chance).astype(bool), None


def grey_noise(seed: int) -> Arrays:
    """A grey picture with Gaussian noise of its own on each pixel."""
    base = _draw(seed).uniform(0.35, 0.65, (_SIDE, _SIDE))
    return np.clip(base + 0.1 * _draw(seed + 1).normal(size=(_NUM, _SIDE, _SIDE)), 0, 1), None


def one_grey_image(seed: int) -> Arrays:
    """One grey picture again and again; dynamic binarisation makes other black and white pixels of it each time."""
    return np.repeat(_draw(seed).uniform(0.1, 0.9, (1, _SIDE, _SIDE)), 600, 0), None


def coins_with_labels(seed: int) -> Arrays:
    """Coins with labels that mean nothing."""
    images, _ = coins(seed)
    return images, _draw(seed + 2).randint(_CLASSES, size=_NUM)


def _templates(seed: int, flips: float) -> Arrays:
    draw = _draw(seed)
    patterns = draw.uniform(size=(_CLASSES, _SIDE, _SIDE)) < 0.5
    labels = draw.randint(_CLASSES, size=_NUM)
    flipped = draw.uniform(size=(_NUM, _SIDE, _SIDE)) < flips
    return patterns[labels] ^ flipped, labels


def templates(seed: int) -> Arrays:
    """Ten patterns, one for each class, of which one pixel in ten is flipped: the label says all there is to say."""
    return _templates(seed, 0.1)


def exact_templates(seed: int) -> Arrays:
    """Ten patterns, one for each class, without noise."""
    return _templates(seed, 0.0)


def shuffled_digits(seed: int) -> Arrays:
    """The digits with labels of other digits."""
    images, labels = _digits()
    return images, _draw(seed).permutation(labels)


def ones(seed: int) -> Arrays:
    """One class alone."""
    images, labels = _digits()
    return np.repeat(images[labels == 1], 3, 0), np.repeat(labels[labels == 1], 3)


def two_images(seed: int) -> Arrays:
    """Two digits, again and again: one bit."""
    images, labels = _digits()
    pair = np.stack([images[labels == 0][seed], images[labels == 1][seed]])
    return pair[_draw(seed).randint(2, size=600)], None


def dots(seed: int) -> Arrays:
    """A soft dot at a place of its own: two factors."""
    places = _draw(seed).uniform(2, 9, (_NUM, 2, 1, 1))
    rows, columns = np.mgrid[:12, :12]
    return np.exp(-((rows - places[:, 0]) ** 2 + (columns - places[:, 1]) ** 2) / 3.0), None


def coloured_squares(seed: int) -> Arrays:
    """A square of a colour and a place of its own, RGB."""
    draw = _draw(seed)
    images = np.zeros((_NUM, _SIDE, _SIDE, 3))
    for image in images:
        row, column = draw.randint(0, 5, 2)
        image[row : row + 4, column : column + 4] = draw.uniform(0.2, 1, 3)
    return images, None


def few_digits(num: int) -> Callable[[int], Arrays]:
    """So many digits."""
    return lambda seed: _digits(num)


def data(root: Path, make: Callable[[int], Arrays], seed: int, name: str = "", **options: Any) -> Dataset:
    """The images as a data set of one's own, from a file that stays where it is."""
    path = root / "data" / f"{name or make.__name__}.{seed}.npz"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        images, labels = make(seed)
        arrays = {"images": images} if labels is None else {"images": images, "labels": labels}
        np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    return load_dataset(DataConfig(name="npz", path=path, **options))
