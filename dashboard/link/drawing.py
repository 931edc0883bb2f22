"""Drawings as links carry them: strokes of whole numbers, written by `draw/strokes_text.js` and checked here.

Base64 (URL alphabet, no padding) of bytes: first 0, or 1 if the drawing is centred; then for each stroke variable-
length whole numbers, seven bits a byte, the lowest first: twice its number of points, and one more for an eraser; its
width; then x and y of the first point and the steps to each next one, zigzag (0, −1, 1, −2, … as 0, 1, 2, 3, …). The
unit is 1/256 of the image's longer side.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

#: Longest drawing, in characters; the page simplifies a longer one until it fits.
MAX_LENGTH = 1500
#: Units of an image's longer side; points may lie that far outside of it.
SIDE = 256
RULE = f"a drawing as this page writes it, of at most {MAX_LENGTH:,} characters"


@dataclass(frozen=True)
class Stroke:
    """A stroke in units of `SIDE`: whether it erases, how wide it is, and its points (x, y)."""

    erases: bool
    width: int
    points: tuple[tuple[int, int], ...]


def check(text: str) -> str:
    """The drawing itself, if it is one.

    Raises:
        ValueError: If it is something else; `RULE` says what it must be.
    """
    strokes(text)
    return text


def svg(text: str, height: int, width: int) -> str:
    """The drawing as it was drawn, white on black, as SVG of an image's proportions; not centred.

    Raises:
        ValueError: As `check`.
    """
    unit = SIDE / max(height, width)
    lines = "".join(
        f'<path d="M{" L".join(f"{x} {y}" for x, y in (*stroke.points, stroke.points[-1]))}" '
        f'stroke="{"#000" if stroke.erases else "#fff"}" stroke-width="{stroke.width}"/>'
        for stroke in strokes(text)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width * unit:g} {height * unit:g}">'
        '<rect width="100%" height="100%"/><g fill="none" stroke-linecap="round" stroke-linejoin="round">'
        f"{lines}</g></svg>"
    )


def strokes(text: str) -> list[Stroke]:
    """The strokes of a drawing, the first one first.

    Raises:
        ValueError: As `check`.
    """
    if not 0 < len(text) <= MAX_LENGTH or not re.fullmatch(r"[A-Za-z0-9_-]+", text):
        raise ValueError
    try:
        content = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise ValueError from None
    if content[0] > 1:
        raise ValueError
    numbers = _whole_numbers(content[1:])
    found = []
    for head in numbers:
        if head < 2:
            raise ValueError
        width = next(numbers, -1)
        if not 0 < width <= 2 * SIDE:
            raise ValueError
        place, points = [0, 0], []
        for k in range(2 * (head // 2)):
            step = next(numbers, None)
            if step is None:
                raise ValueError
            place[k % 2] += step // 2 if step % 2 == 0 else -(step // 2) - 1
            if not -SIDE <= place[k % 2] <= 2 * SIDE:
                raise ValueError
            if k % 2:
                points.append((place[0], place[1]))
        found.append(Stroke(head % 2 == 1, width, tuple(points)))
    if not found:
        raise ValueError
    return found


def _whole_numbers(content: bytes) -> Iterator[int]:
    value = shift = 0
    for byte in content:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            yield value
            value = shift = 0
        elif shift > 21:
            raise ValueError
    if shift:
        raise ValueError
