"""What a saved notebook shows where no widget runs: decoded images, the map and the curves side by side, as one PNG."""

from __future__ import annotations

import io
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vae.browser.palette import BACKGROUND, CURVES, TEXT, classes_palette, mix
from vae.errors import UserError
from vae.latent.embedding import manifold, prior_samples
from vae.notebook.sources import Source
from vae.runs.metric_lines import Line
from vae.runs.metrics import MetricsReader

#: Pixels of each panel, and between them.
SIDE, GAP = 320, 16
#: Images in a row of the decoded ones.
_COLUMNS = 12
#: Points of the map that are drawn, at most, and lines of the history.
_MOST, _MOST_LINES = 4000, 1000
#: What the curves are called in a picture, whose font has few letters; the values are those that are shown.
_CURVES = {
    "distortion": ("Reconstruction (distortion)", lambda line: line["distortion"]),
    "rate": ("KL (rate)", lambda line: line["rate"]),
    "elbo": ("Negative ELBO", lambda line: -line["elbo"]),
}
_INK = TEXT["light"]
_FAINT = mix(BACKGROUND["light"], _INK, 0.6)


def png(source: Source, parts: Iterable[str]) -> bytes:
    """The picture; a sentence where there is nothing to draw yet.

    Args:
        source: What is shown.
        parts: Which parts of the explorer are, of `vae.notebook.states.PARTS`.
    """
    wanted, panels = set(parts), list[Image.Image]()
    if wanted & {"sliders", "image"}:
        with suppress(UserError):  # no weights yet
            panels.append(_decoded(source))
    if "map" in wanted:
        with suppress(UserError):  # no weights, or the images are not here
            panels.append(_map(source))
    if "curves" in wanted and source.run is not None and (lines := _lines(source)):
        panels.append(_curves(lines))
    file = io.BytesIO()
    (_beside(panels) if panels else _sentence()).save(file, "PNG", optimize=True)
    return file.getvalue()


def _beside(panels: list[Image.Image]) -> Image.Image:
    sheet = Image.new("RGB", (len(panels) * (SIDE + GAP) - GAP, SIDE), BACKGROUND["light"])
    for place, panel in enumerate(panels):
        sheet.paste(panel, (place * (SIDE + GAP), 0))
    return sheet


def _sentence() -> Image.Image:
    words = "Not trained when this cell was run. Run it again for an image."
    font = ImageFont.load_default(14)
    box = font.getbbox(words)
    sheet = Image.new("RGB", (round(box[2]) + 2 * GAP, round(box[3]) + 2 * GAP), BACKGROUND["light"])
    ImageDraw.Draw(sheet).text((GAP, GAP), words, _INK, font)
    return sheet


def _decoded(source: Source) -> Image.Image:
    model = source.model()
    label = 0 if source.config.conditional else None
    try:
        images = manifold(model, _COLUMNS, label=label)
    except UserError:  # a prior without quantiles
        images = prior_samples(model, _COLUMNS * _COLUMNS, label=label)[1]
    return _grid(images.numpy())


def _grid(images: NDArray[Any]) -> Image.Image:
    num, channels, height, width = images.shape
    pixels = np.rint(np.clip(np.nan_to_num(images), 0, 1) * 255).astype(np.uint8)
    rows = num // _COLUMNS
    joined = pixels.reshape(rows, _COLUMNS, channels, height, width).transpose(0, 3, 1, 4, 2)
    joined = joined.reshape(rows * height, _COLUMNS * width, channels)
    found = Image.fromarray(joined[..., 0] if channels == 1 else joined).convert("RGB")
    if max(found.size) > SIDE:
        found.thumbnail((SIDE, SIDE))
    else:
        share = SIDE / max(found.size)
        size = (max(1, round(found.width * share)), max(1, round(found.height * share)))
        found = found.resize(size, Image.Resampling.NEAREST)
    panel = Image.new("RGB", (SIDE, SIDE), BACKGROUND["light"])
    panel.paste(found, ((SIDE - found.width) // 2, (SIDE - found.height) // 2))
    return panel


def _map(source: Source) -> Image.Image:
    found, plane = source.embedding(), source.plane()
    step = max(1, -(-len(found.mean) // _MOST))
    mean = found.mean[::step]
    xy = (mean if plane is None else plane.project(mean)).numpy().astype(np.float64)
    labels = np.full(len(xy), 0) if found.labels is None else found.labels[::step].numpy()
    colours = classes_palette(max(1, len(source.label_names)), "light")
    twice, margin = 2 * SIDE, 24  # drawn at twice the size, so that points are round
    low, high = xy.min(0), xy.max(0)
    scale = (twice - 2 * margin) / max(float((high - low).max()), 1e-9)
    middle = (low + high) / 2
    panel = Image.new("RGB", (twice, twice), BACKGROUND["light"])
    pen = ImageDraw.Draw(panel)
    pen.rectangle((0, 0, twice - 1, twice - 1), outline=_INK, width=2)
    for (x, y), label in zip((xy - middle) * (scale, -scale) + twice / 2, labels, strict=True):
        pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=colours[int(label) % len(colours)])
    return panel.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def _lines(source: Source) -> list[Line]:
    """Lines of training and validation, in their order; none if nothing was trained, or the run was deleted."""
    assert source.run is not None
    try:
        found = MetricsReader(source.run.metrics_path).read(_MOST_LINES)[1]
    except (UserError, OSError):
        return []
    return [line for line in found if line.get("split") in ("train", "validation")]


def _curves(lines: list[Line]) -> Image.Image:
    twice = 2 * SIDE
    panel = Image.new("RGB", (twice, twice), BACKGROUND["light"])
    pen, font = ImageDraw.Draw(panel), ImageFont.load_default(22)
    last, each = max(1, *(line["step"] for line in lines)), twice / len(_CURVES)
    for place, (name, (title, value)) in enumerate(_CURVES.items()):
        top, bottom = place * each + 34, (place + 1) * each - 12
        values = np.array([value(line) for line in lines])
        finite = values[np.isfinite(values)]
        # The first steps are far above all others: of many lines, the highest twentieth does not count.
        low = float(finite.min()) if len(finite) else 0.0
        high = float(np.quantile(finite, 0.95 if len(finite) >= 40 else 1)) if len(finite) else 1.0
        high = max(high, low + 1e-9)
        pen.text((0, place * each), title, CURVES["light"][name], font)
        ends = f"{low:,.1f} to {high:,.1f} nats"
        pen.text((twice - font.getlength(ends), place * each), ends, _FAINT, font)
        pen.line((0, bottom + 4, twice, bottom + 4), fill=_FAINT, width=1)
        for split, width in (("train", 4), ("validation", 2)):
            points = [
                (
                    twice * line["step"] / last,
                    bottom - (bottom - top) * min(1, max(0, (now - low) / (high - low))),
                )
                for line, now in zip(lines, values, strict=True)
                if line["split"] == split and np.isfinite(now)
            ]
            if points:
                pen.line(points, fill=CURVES["light"][name] if split == "train" else _FAINT, width=width)
    return panel.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
