"""Which axes of an array are images, channels, rows and columns, told by its shape alone, before it is read."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae.config.reading import Notes
from vae.data.types import MAX_IMAGES, MAX_SIDE, DataError, check_sides

_RULE = "must have shape (N, H, W), (N, H, W, 1 or 3) or (N, 1 or 3, H, W)"
#: Sides from which an array (H, W, 3) without labels is taken for one colour image.
_ONE_IMAGE = 8
#: Side from which a square of so many values is taken for an image that was laid out in one row.
_ROW = 4
#: Sides up to this are those of no image that people have.
_THIN = 3


@dataclass(frozen=True)
class Shape:
    """How an array becomes images.

    Attributes:
        num: Number of images.
        reshape: What it is reshaped to: ``(N, H, W)``, ``(N, H, W, C)`` or ``(N, C, H, W)`` with C = 1, 3 or 4.
        channels_last: Where the channels are, in four axes.
    """

    num: int
    reshape: tuple[int, ...]
    channels_last: bool

    @property
    def channels(self) -> int:
        """1, 3, or 4 with transparency."""
        return 1 if len(self.reshape) == 3 else self.reshape[3 if self.channels_last else 1]

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width."""
        height, width = (
            self.reshape[2:] if len(self.reshape) == 4 and not self.channels_last else self.reshape[1:3]
        )
        return height, width

    def split(self, values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any] | None]:
        """Views of the colours, shape ``(N, 1 or 3, H, W)``, and of the opacity, if there is one, ``(N, 1, H, W)``."""
        values = values.reshape(self.reshape)
        if values.ndim == 3:
            return values[:, None], None
        if self.channels_last:
            values = np.moveaxis(values, 3, 1)
        return (values[:, :3], values[:, 3:]) if self.channels == 4 else (values, None)


def find_shape(
    shape: tuple[int, ...], place: str, notes: Notes, *, num_labels: int | None, rules: int
) -> Shape:
    """Which axis is which.

    Args:
        shape: Of the array.
        place: What it is, for messages: "images in own.npz".
        notes: Told what was made of it, if that is not plain.
        num_labels: Number of labels, if there are any.
        rules: See `vae.config.reading.RULES`.
    Raises:
        DataError: If it is no shape of images, or may be several.
    """
    found = _find(shape, place, notes, num_labels, rules)
    if rules > 1:
        _doubt_sides(found, num_labels, notes)
    if not 1 <= found.num <= MAX_IMAGES:
        raise DataError(
            f"{place} must be 1 to {MAX_IMAGES} images, got {found.num}; check the array's first axis"
        )
    height, width = found.sides
    check_sides(width, height, place)
    return found


def _find(shape: tuple[int, ...], place: str, notes: Notes, num_labels: int | None, rules: int) -> Shape:
    whole = shape
    if len(shape) > 4 and rules > 1:
        shape = _without_ones(shape)
        if len(shape) <= 4:
            notes.did(f"images of shape {short(whole)} were read as {short(shape)}")
    if rules > 1 and (flat := _of_rows(shape, num_labels)) is not None:
        height, width = flat.sides
        what = "colour images" if flat.channels == 3 else "images"
        notes.did(f"rows of {height * width:,} values were read as {what} of {width}×{height}")
        return flat
    if len(shape) == 4:
        found = _with_channels(shape, place, notes, rules)
        if found is not None:
            return found
    elif len(shape) == 3:
        if rules > 1:
            _check_three(shape, place, num_labels)
        return Shape(shape[0], shape, channels_last=False)
    elif len(shape) == 2 and rules > 1 and (side := _side_of_square(shape[1])):
        # Neither is one image: it has labels, or more rows than an image may have.
        is_plain = shape[0] == num_labels or (num_labels is None and shape[0] > MAX_SIDE)
        if is_plain:
            notes.did(f"rows of {shape[1]:,} values were read as images of {side}×{side}")
            return Shape(shape[0], (shape[0], side, side), channels_last=False)
    raise DataError(f"{place} {_RULE}, got {short(whole)}; {_remedy(shape, num_labels)}")


def _side_of_square(area: int) -> int:
    """Side of a square with so many values, from 2; 0 if there is none."""
    side = isqrt(area)
    return side if side > 1 and side * side == area else 0


def _of_rows(shape: tuple[int, ...], num_labels: int | None) -> Shape | None:
    """Images that were laid out in rows beside an axis of channels, where the rows make squares; None if these do not.

    ``(N, 1, 784)``, ``(N, 784, 1)`` and ``(N, 1, 784, 1)`` are grey, ``(N, 3, 1024)`` and ``(N, 1024, 3)`` are colour.
    Four axes with the channel first, ``(N, 1, 1, 784)``, are one row of pixels, as they say.
    """
    num, *axes = shape or (0,)
    if axes[:1] == [1] and axes[2:] == [1] and len(axes) == 3:
        axes = axes[:2]
    if len(axes) != 2 or (num != num_labels and _looks_like_one((num, *axes))):
        return None
    first = axes[0] in (1, 3)
    channels, area = axes if first else axes[::-1]
    side = _side_of_square(area)
    if channels not in (1, 3) or side < _ROW:
        return None
    if channels == 1:
        return Shape(num, (num, side, side), channels_last=False)
    return Shape(num, (num, 3, side, side) if first else (num, side, side, 3), channels_last=not first)


def _doubt_sides(found: Shape, num_labels: int | None, notes: Notes) -> None:
    """Say so if rows and columns may be something else."""
    height, width = found.sides
    if min(height, width) <= _THIN < max(height, width):
        way = "reshape(-1, 3, height, width)" if min(height, width) == 3 else "reshape(-1, height, width)"
        notes.doubt(
            f"the images are only {min(height, width)} pixel{'s' * (min(height, width) > 1)} "
            f"{'high' if height < width else 'wide'}; if each is an image in one row, save images.{way}"
        )
    elif num_labels is None and len(found.reshape) == 3 and found.num == height < width:
        notes.doubt(
            f"these are {found.num:,} images of {width}×{height}; if they are {width:,} of {found.num}×{height}, save "
            "numpy.moveaxis(images, -1, 0)"
        )


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Axes of length 1 after the first are left out, from the front, until there are four."""
    axes = list(shape)
    while len(axes) > 4 and 1 in axes[1:]:
        del axes[axes.index(1, 1)]
    return tuple(axes)


def _with_channels(shape: tuple[int, ...], place: str, notes: Notes, rules: int) -> Shape | None:
    first, last = shape[1] in (1, 3), shape[3] in (1, 3)
    if first and last:
        remedy = (
            "use images[..., 0] if the last is the channel, images[:, 0] if the first is"
            if shape[1] == shape[3] == 1
            else "give grey images as (N, H, W), and colour images more than 3 pixels wide and high"
        )
        raise DataError(f"{place} have shape {shape}, in which the channels may come first or last; {remedy}")
    if not first and not last and rules > 1 and (shape[1] == 4) != (shape[3] == 4):
        notes.did("images with 4 channels were read as red, green, blue and opacity, and laid on white")
        last = shape[3] == 4
    elif not first and not last:
        return None
    return Shape(shape[0], shape, channels_last=last)


def _check_three(shape: tuple[int, ...], place: str, num_labels: int | None) -> None:
    """Refuse what is N images by its shape, and plainly something else."""
    if num_labels is not None and num_labels not in (shape[0], 1) and num_labels == shape[2]:
        raise DataError(
            f"{place} {_RULE}, got {short(shape)} with {num_labels} labels; bring the last axis to the front with "
            "numpy.moveaxis(images, -1, 0)"
        )
    if num_labels != shape[0] and _looks_like_one(shape):
        raise DataError(
            f"{place} {_RULE}, got {short(shape)}, which looks like one colour image; put several into one array with "
            f"numpy.stack([one, another, …]), or use images[..., None] if it is {shape[0]} images of "
            f"{shape[2]}×{shape[1]}"
        )


def _looks_like_one(shape: tuple[int, ...]) -> bool:
    """Whether three axes are those of one colour image."""
    return shape[2] in (3, 4) and min(shape[:2]) >= _ONE_IMAGE


def _remedy(shape: tuple[int, ...], num_labels: int | None) -> str:
    if len(shape) == 4 and (num_labels or 0) > 3 and num_labels != shape[0] and num_labels in shape:
        axis = -1 if shape[-1] == num_labels else shape.index(num_labels or 0)
        return f"bring the axis of the images to the front with numpy.moveaxis(images, {axis}, 0)"
    match shape:
        case () | (_,):
            return "put the images into one array with numpy.stack([one, another, …])"
        case (num, values) if side := _side_of_square(values):
            flat = f"use images.reshape(-1, {side}, {side}) if each row is an image of {side}×{side}"
            return f"{flat}; one image of {values}×{num} is no dataset" if num <= MAX_SIDE else flat
        case (_, values) if values % 3 == 0 and (side := _side_of_square(values // 3)):
            return (
                f"use images.reshape(-1, 3, {side}, {side}) if each row has all of red first, or "
                f"images.reshape(-1, {side}, {side}, 3) if each pixel has its three colours together"
            )
        case (num, values):
            if num_labels is None and 1 <= num <= MAX_SIDE and 1 <= values <= MAX_SIDE:
                return (
                    "put several images into one array with numpy.stack([one, another, …]), or use "
                    f"images.reshape(-1, height, width) with the sides that make {values} if each row is an image"
                )
            return f"use images.reshape(-1, height, width) with the sides that make {values}"
        case (1, num, _, _) if num > 1:
            return "take the first axis off with images[0]"
        case (first, _, 1 | 3 as channels, num) if num > 4:
            in_place = "images[:, :, 0]" if channels == 1 else "numpy.moveaxis(images, 2, 1)"
            if first == num_labels:
                return f"use {in_place}"
            return (
                "bring the last axis to the front with numpy.moveaxis(images, -1, 0) if it counts the images, or use "
                f"{in_place} if the first does"
            )
        case (3, _, _, _):
            return (
                "bring the images to the front with numpy.moveaxis(images, 1, 0) if the first axis is red, green and "
                "blue, or numpy.moveaxis(images, -1, 0) if the last counts the images"
            )
        case (_, height, width, channels) if channels < min(height, width):
            return f"choose one channel, for example images[..., 0]{_or_three('images[..., :3]', channels)}"
        case (_, channels, height, width) if channels < min(height, width):
            return f"choose one channel, for example images[:, 0]{_or_three('images[:, :3]', channels)}"
        case (_, *_, height, width, 1 | 3 as channels):
            return (
                f"use images.reshape(-1, {height}, {width}, {channels}) if the last three axes are one image"
            )
        case (_, *_, height, width):
            return f"use images.reshape(-1, {height}, {width}) if the last two axes are rows and columns"
    raise AssertionError("each shape is one of these")


def _or_three(words: str, channels: int) -> str:
    return f", or three, for example {words}" if channels >= 3 else ""


def short(shape: tuple[int, ...]) -> str:
    """A shape for a message, however long its numbers are."""
    try:
        text = str(shape)
    except ValueError:  # Python does not write out whole numbers of more than 4,300 digits
        return f"one of {len(shape)} axes, with numbers of thousands of digits"
    return text if len(text) <= 80 else f"{text[:77]}…"
