"""Labels as they come in arrays, as numbers of classes and their names: one-hot, columns, whole floats, text."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vae.config.reading import Notes
from vae.data.readers.array_shapes import short
from vae.data.types import MAX_CLASSES, DataError
from vae.storage.natural_order import in_natural_order


def num_labels(shape: tuple[int, ...]) -> int | None:
    """For how many images labels of such a shape are; None if that cannot be told."""
    axes = [side for side in shape if side != 1]
    return axes[0] if axes else 1 if shape else None


def check_shape(shape: tuple[int, ...], num_images: int, place: str, name: str = "labels") -> None:
    """Check, before labels are read, that there is one class or a row of classes for each image.

    Raises:
        DataError: If not.
    """
    axes = [side for side in shape if side != 1]
    if num_images == 1 and (not axes or len(axes) == 1) and shape:
        return
    if axes and axes[0] == num_images and len(axes) <= 2:
        return
    if len(axes) > 2 and axes[0] == num_images:
        remedy = f"choose one class for each image, for example {name}.reshape({num_images}, -1)[:, 0]"
    elif len(axes) == 2 and axes[1] == num_images:
        remedy = f"turn them round with {name}.T"
    else:
        remedy = f"save {name} and images of the same examples, as many of each"
    raise DataError(
        f"{place} must have shape ({num_images},), one for each image, got {short(shape)}; {remedy}"
    )


def vector(
    values: NDArray[Any], num_images: int, place: str, notes: Notes, name: str = "labels"
) -> NDArray[Any]:
    """Labels as one whole number or text for each image, shape ``(N,)``.

    One-hot rows become the place of their one; an axis of length 1 is left out; floats that are all whole become whole.

    Args:
        values: Of a shape that `check_shape` passes, and of type bool, int, uint, float, str or bytes.
        num_images: N.
        place: What they are, for messages: "labels in own.npz".
        notes: Told what was done.
        name: What they are called in the file.
    Raises:
        DataError: If a row has several classes, or a number is no class.
    """
    if values.ndim > 1:
        was = values.shape
        axes = [side for side in was if side != 1] or [1]
        values = values.reshape(axes if axes[0] == num_images else [num_images, *axes])
        if values.ndim == 2:
            values = _one_hot(values, place, name)
            notes.did(f"one-hot {name} of shape {short(was)} were read as whole numbers")
        else:
            notes.did(f"{name} of shape {short(was)} were read as ({num_images},)")
    if values.dtype.kind == "f":
        values = _whole(values, place, name)
    return values


def _one_hot(values: NDArray[Any], place: str, name: str) -> NDArray[Any]:
    if values.dtype.kind in "US":
        raise DataError(
            f"{place} must be one class for each image, got {values.shape[1]} columns of text; choose one, for example "
            f"{name}[:, 0], and save the others under names of their own"
        )
    if values.dtype == np.bool_:
        values = (values.view(np.uint8) != 0).astype(np.uint8)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).any(axis=1).sum())
        raise DataError(
            f"{place} must be one class for each image, got rows with NaN or infinity ({bad} of {len(values)}); remove "
            "these examples from images and labels"
        )
    values = _from_zero_to_one(values)
    ones = np.isclose(values, 1, rtol=0, atol=1e-6) if values.dtype.kind == "f" else values == 1
    zeros = np.isclose(values, 0, rtol=0, atol=1e-6) if values.dtype.kind == "f" else values == 0
    if (ones | zeros).all() and (ones.sum(axis=1) == 1).all():
        return ones.argmax(axis=1)
    sums = values.astype(np.float64).sum(axis=1)
    if values.dtype.kind == "f" and values.min() >= 0 and np.allclose(sums, 1, atol=1e-3):
        remedy = f"take the most probable one with {name}.argmax(axis=1)"
        what = f"probabilities of {values.shape[1]} classes"
    elif (ones | zeros).all() and ones.any() and (ones.sum(axis=1) <= 1).all():
        num = int((ones.sum(axis=1) == 0).sum())
        what = f"{num} of {len(values)} rows without a one"
        remedy = f"keep the others, with keep = {name}.any(axis=1), images[keep] and {name}[keep]"
    elif (ones | zeros).all():
        num = int((ones.sum(axis=1) != 1).sum())
        what = f"{num} of {len(values)} rows with another number of ones than one"
        remedy = f"choose one column, for example {name}[:, 0], and save the others under names of their own"
    else:
        what = f"{values.shape[1]} columns"
        remedy = f"choose one, for example {name}[:, 0], and save the others under names of their own"
    raise DataError(f"{place} must be one class for each image, got {what}; {remedy}")


def _from_zero_to_one(values: NDArray[Any]) -> NDArray[Any]:
    """Rows in which one column is 255 and the others 0, or 1 and −1, as one-hot rows; others as they are."""
    low, high = values.min(), values.max()
    if (low, high) not in ((0, 255), (-1, 1)):
        return values
    tops = values == high
    is_one_hot = (tops | (values == low)).all() and (tops.sum(axis=1) == 1).all()
    return tops.astype(np.uint8) if is_one_hot else values


def _whole(values: NDArray[Any], place: str, name: str) -> NDArray[Any]:
    values = values.astype(
        np.float64
    )  # half precision has no number as large as those that are asked for below
    finite = np.isfinite(values)
    if not finite.all():
        num = int((~finite).sum())
        raise DataError(
            f"{place} must be a class for each image, got NaN or infinity for {num} of {len(values)} (the first: image "
            f"{int(finite.argmin())}); remove these examples from images and labels, or make them a class of their own "
            f"with numpy.where(numpy.isfinite({name}), {name}, -1)"
        )
    if not (values == np.rint(values)).all():
        first = values[values != np.rint(values)][0].item()
        raise DataError(
            f"{place} must be classes, whole numbers or text, got numbers such as {first:g}; save them under another "
            f"name and leave {name} out (the map can be coloured by them), or round them with numpy.rint({name})"
        )
    if np.abs(values).max(initial=0) >= 2**53:
        raise DataError(
            f"{place} must be whole numbers below 2⁵³ if they are floats, got {np.abs(values).max():g}; use "
            f"{name}.astype(str)"
        )
    return values.astype(np.int64)


def classes(
    values: NDArray[Any], place: str, rules: int, name: str = "labels"
) -> tuple[Tensor, tuple[str, ...]]:
    """Numbers of the classes, int64, and their names: numbers in their order, text in natural order.

    Args:
        values: Whole numbers or text, shape ``(N,)``.
        place: What they are, for messages.
        rules: See `vae.config.reading.RULES`; by the first, text is in the order of its characters.
        name: What they are called in the file.
    Raises:
        DataError: If there are too many, or they are no text.
    """
    if values.dtype == np.bool_:
        # Not every byte of a bool array in a file need be 0 or 1; the first rules took each for a class.
        values = values.view(np.uint8) if rules == 1 else (values.view(np.uint8) != 0).astype(np.uint8)
    different, numbers = np.unique(values, return_inverse=True)
    if len(different) > MAX_CLASSES:
        raise DataError(
            f"{place} must be at most {MAX_CLASSES} different values, got {len(different)}; group them, or save them "
            f"under another name and leave {name} out"
        )
    try:
        names = [value.decode() if isinstance(value, bytes) else str(value) for value in different.tolist()]
    except (UnicodeError, ValueError) as error:
        raise DataError(
            f"{place} are not readable text; decode them with numpy.char.decode({name}, 'latin-1'), or the encoding "
            "that they are in"
        ) from error
    numbers = numbers.reshape(-1).astype(np.int64)
    if rules > 1 and values.dtype.kind in "US":
        ordered, numbers = in_natural_order(names, numbers)
        return torch.from_numpy(numbers), ordered
    return torch.from_numpy(numbers), tuple(names)
