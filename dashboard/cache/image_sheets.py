"""Sheets of many images as one PNG, at the images' own size; the page enlarges them."""

from __future__ import annotations

import io
import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dashboard.cache import datasets, lru, models
from dashboard.cache.models import At
from vae.models.memory_budget import rows_within
from vae.runs.run import Run

#: Pixels of a sheet: images that would be more together are made smaller.
MOST_PIXELS = 1 << 22
#: Sheets that were drawn last.
_drawn = lru.Cache(400, max_bytes=64 << 20)

Kind = Literal["reconstructions", "samples", "manifold"]
#: Bytes of images that are rounded at once.
_PIECE = 16 << 20


def png(image: NDArray[Any]) -> bytes:
    """One image ``(C, H, W)`` with values from 0 to 1; what lies outside is cut off."""
    file = io.BytesIO()
    pixels = to_bytes(image)
    Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)).save(file, "PNG")
    return file.getvalue()


def to_bytes(images: NDArray[Any]) -> NDArray[np.uint8]:
    """Values from 0 to 1 as bytes; what is no number is black."""
    rounded = np.empty(images.shape, np.uint8)
    # A few at a time: each step makes a copy.
    at_once = rows_within(images[:1].nbytes, most=max(1, len(images)), budget=_PIECE)
    for start in range(0, len(images), at_once):
        some = slice(start, start + at_once)
        rounded[some] = np.rint(np.clip(np.nan_to_num(images[some]), 0, 1) * 255)
    return rounded


class Canvas:
    """A sheet that is put together image by image, each made smaller at once where all would be too many pixels.

    Args:
        num: How many images.
        columns: In a row.
        height, width: Of each image.
        gap: Transparent pixels between two.
    """

    def __init__(self, num: int, columns: int, height: int, width: int, *, gap: int = 1) -> None:
        rows = -(-num // columns)
        share = min(1.0, math.sqrt(MOST_PIXELS / (rows * columns * height * width)))
        self._size = max(1, int(width * share)), max(1, int(height * share))
        self._is_smaller = share < 1
        self._columns, self._gap, self._place = columns, gap, 0
        wide, tall = self._size[0] + gap, self._size[1] + gap
        self._pixels = np.zeros((rows * tall - gap, columns * wide - gap, 4), np.uint8)

    def add(self, images: NDArray[Any]) -> None:
        """Put the next images ``(N, C, H, W)`` with values from 0 to 1 into their places."""
        width, height = self._size
        for image in images:
            pixels = to_bytes(image).transpose(1, 2, 0)
            if self._is_smaller:
                flat = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
                pixels = np.asarray(flat.resize(self._size, Image.Resampling.BOX)).reshape(height, width, -1)
            row, column = divmod(self._place, self._columns)
            top, left = row * (height + self._gap), column * (width + self._gap)
            # One channel of grey fills all three of colour.
            self._pixels[top : top + height, left : left + width, :3] = pixels
            self._pixels[top : top + height, left : left + width, 3] = 255
            self._place += 1

    def png(self) -> bytes:
        """What has been put together."""
        file = io.BytesIO()
        Image.fromarray(self._pixels).save(file, "PNG")
        return file.getvalue()


def sheet(images: NDArray[Any], columns: int, *, gap: int = 1) -> bytes:
    """Images ``(N, C, H, W)`` in rows of so many, with transparent gaps; smaller ones if they were too many pixels."""
    canvas = Canvas(len(images), columns, *images.shape[2:], gap=gap)
    canvas.add(images)
    return canvas.png()


def strip(images: NDArray[np.uint8], columns: int = 12) -> bytes:
    """A few images ``(K, C, H, W)`` as bytes, in rows, as one PNG that is large enough to be shown."""
    num, _, height, width = images.shape
    times = max(1, 56 // max(height, width))
    return sheet(images.repeat(times, 2).repeat(times, 3) / 255.0, min(columns, num), gap=2)


def draw(run: Run, kind: Kind, at: At, *, num: int = 10, seed: int = 0, label: int | None = None) -> bytes:
    """A sheet of a run's weights, drawn once for all who look at it.

    Args:
        run: The run.
        kind: `reconstructions` (test images above, their reconstructions below), `samples` of the prior (three rows),
            or `manifold` (a grid over two dimensions).
        at: Which weights.
        num: Columns.
        seed: Of the samples, and of pixels that are drawn from their grey.
        label: Class, for a conditional model.

    Raises:
        DataError: If the images are needed and are not on this machine.
        CheckpointError: If the weights are missing or damaged.
    """
    key = (run.path, kind, at, models.stamp(run, at), num, seed, label, repr(run.config.data))
    return _drawn.get(key, lambda: _draw(run, kind, at, num, seed, label))


def _draw(run: Run, kind: Kind, at: At, num: int, seed: int, label: int | None) -> bytes:
    from vae.latent import embedding

    model = models.model(run, at)
    match kind:
        case "reconstructions":
            dataset = datasets.dataset(run)
            labels = None if dataset.labels is None else dataset.labels[dataset.test]
            chosen = one_of_each(None if labels is None else labels.numpy(), len(dataset.test), num)
            x = dataset.seen(dataset.test[chosen], seed)
            canvas = Canvas(2 * len(chosen), len(chosen), *x.shape[2:])
            canvas.add(x.numpy())
            canvas.add(
                embedding.reconstructions(model, x, None if labels is None else labels[chosen]).numpy()
            )
            return canvas.png()
        case "samples":
            _, made = embedding.prior_samples(model, 3 * num, seed=seed, label=label)
            return sheet(made.numpy(), num)
        case "manifold":
            return sheet(embedding.manifold(model, num, label=label).numpy(), num, gap=0)


def one_of_each(labels: NDArray[Any] | None, num_images: int, num: int) -> list[int]:
    """Places of images: the first of each class in the classes' order, then whatever comes first."""
    firsts: list[int] = []
    if labels is not None:
        classes, places = np.unique(labels, return_index=True)
        firsts = [int(place) for _, place in sorted(zip(classes, places, strict=True))][:num]
    rest = (place for place in range(num_images) if place not in set(firsts))
    return firsts + [place for place, _ in zip(rest, range(num - len(firsts)), strict=False)]
