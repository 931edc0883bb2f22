"""What a saved notebook shows where no widget runs: decoded images and, beside them, the map, as one PNG."""

from __future__ import annotations

import io
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from vae.browser.palette import BACKGROUND, TEXT, classes_palette
from vae.errors import UserError
from vae.latent.embedding import manifold, prior_samples
from vae.notebook.sources import Source

#: Pixels of each half, and between them.
SIDE, GAP = 320, 16
#: Images in a row of the decoded ones.
_COLUMNS = 12
#: Points of the map that are drawn, at most.
_MOST = 4000


def png(source: Source) -> bytes | None:
    """The picture; None where there are no weights yet."""
    try:
        model = source.model()
        label = 0 if source.config.conditional else None
        try:
            images = manifold(model, _COLUMNS, label=label)
        except UserError:  # a prior without quantiles
            images = prior_samples(model, _COLUMNS * _COLUMNS, label=label)[1]
    except UserError:
        return None
    halves = [_grid(images.numpy())]
    with suppress(UserError):  # the images are not here
        halves.append(_map(source))
    sheet = Image.new("RGB", (len(halves) * (SIDE + GAP) - GAP, SIDE), BACKGROUND["light"])
    for place, half in enumerate(halves):
        sheet.paste(half, (place * (SIDE + GAP), 0))
    file = io.BytesIO()
    sheet.save(file, "PNG", optimize=True)
    return file.getvalue()


def _grid(images: NDArray[Any]) -> Image.Image:
    num, channels, height, width = images.shape
    pixels = np.rint(np.clip(np.nan_to_num(images), 0, 1) * 255).astype(np.uint8)
    rows = num // _COLUMNS
    joined = pixels.reshape(rows, _COLUMNS, channels, height, width).transpose(0, 3, 1, 4, 2)
    joined = joined.reshape(rows * height, _COLUMNS * width, channels)
    found = Image.fromarray(joined[..., 0] if channels == 1 else joined).convert("RGB")
    is_larger = max(found.size) > SIDE
    found.thumbnail((SIDE, SIDE)) if is_larger else None
    if not is_larger:
        share = SIDE / max(found.size)
        size = (max(1, round(found.width * share)), max(1, round(found.height * share)))
        found = found.resize(size, Image.Resampling.NEAREST)
    half = Image.new("RGB", (SIDE, SIDE), BACKGROUND["light"])
    half.paste(found, ((SIDE - found.width) // 2, (SIDE - found.height) // 2))
    return half


def _map(source: Source) -> Image.Image:
    found, plane = source.embedding(), source.plane()
    step = max(1, -(-len(found.mean) // _MOST))
    mean = found.mean[::step]
    xy = (mean if plane is None else plane.project(mean)).numpy().astype(np.float64)
    labels = np.full(len(xy), 0) if found.labels is None else found.labels[::step].numpy()
    colours = classes_palette(max(1, len(source.info.class_names)), "light")
    twice, margin = 2 * SIDE, 24  # drawn at twice the size, so that points are round
    low, high = xy.min(0), xy.max(0)
    scale = (twice - 2 * margin) / max(float((high - low).max()), 1e-9)
    middle = (low + high) / 2
    half = Image.new("RGB", (twice, twice), BACKGROUND["light"])
    pen = ImageDraw.Draw(half)
    pen.rectangle((0, 0, twice - 1, twice - 1), outline=TEXT["light"], width=2)
    for (x, y), label in zip((xy - middle) * (scale, -scale) + twice / 2, labels, strict=True):
        pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=colours[int(label) % len(colours)])
    return half.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
