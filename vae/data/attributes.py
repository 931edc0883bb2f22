"""Further columns of the user's own data: what else is known of each image, to colour and filter a map by.

A column never keeps images from being read, and never enters a fingerprint: a run goes on whatever is written beside
its images. One that cannot be used is named, with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vae.data.types import MAX_CLASS_NAME, MAX_CLASSES, DataError, shown
from vae.storage.natural_order import in_natural_order

#: Columns that one data set may have, and the bytes that one may take before it is read.
MAX_COLUMNS = 50
MAX_COLUMN_BYTES = 256 * 2**20


@dataclass(frozen=True, eq=False)
class Column:
    """What is known of each image besides its label.

    Attributes:
        name: As the user called it.
        values: In the order of the images, shape ``(N,)``: numbers of classes from 0, int64, −1 where nothing is said;
            or float32, finite, or NaN where nothing is said.
        classes: The name of each class; empty for numbers.
    """

    name: str
    values: Tensor
    classes: tuple[str, ...]

    @property
    def is_number(self) -> bool:
        """Whether the values are numbers on a scale rather than classes."""
        return self.values.dtype == torch.float32


@dataclass(frozen=True, eq=False)
class Attributes:
    """The columns of a data set, and a sentence for each that cannot be used."""

    found: tuple[Column, ...] = ()
    refused: tuple[str, ...] = ()

    def named(self, name: str) -> Column | None:
        """The column of a name; None if there is none."""
        return next((column for column in self.found if column.name == name), None)


def check_name(name: str) -> None:
    """Check that a column's name can be shown.

    Raises:
        DataError: If it is empty, long or unprintable.
    """
    if len(name) > MAX_CLASS_NAME or not name.isprintable() or not name.strip():
        raise DataError(
            f"a column's name must be 1 to {MAX_CLASS_NAME} printable characters, got '{shown(name)[:100]}'; rename it"
        )


def column(name: str, values: NDArray[Any]) -> Column:
    """A column of whole numbers or text (classes, in natural order), or of floats (numbers).

    Args:
        name: What it is called.
        values: Shape ``(N,)``, of type bool, int, uint, float, str or bytes.
    Raises:
        DataError: If the name or a class cannot be shown, there are too many classes, or a number is not finite.
    """
    check_name(name)
    if values.dtype.kind == "f":
        with np.errstate(over="ignore"):
            numbers = values.astype(np.float32)
        if not np.isfinite(numbers).all():
            raise DataError(f"column {name} must have finite numbers, got NaN or infinity; fill them in")
        return Column(name, torch.from_numpy(numbers), ())
    if values.dtype.kind not in "biuUS":
        raise DataError(f"column {name} must be numbers or text, got {values.dtype}; use {name}.astype(str)")
    if values.dtype == np.bool_:
        # Not every byte of a bool array in a file need be 0 or 1.
        values = (values.view(np.uint8) != 0).astype(np.uint8)
    different, indices = np.unique(values, return_inverse=True)
    if len(different) > MAX_CLASSES:
        kind = "text" if values.dtype.kind in "US" else "whole numbers"
        remedy = "group them" if kind == "text" else "group them, or use floats to see them on a scale"
        raise DataError(
            f"column {name} of {kind} must have at most {MAX_CLASSES} different values, got {len(different)}; {remedy}"
        )
    names, indices = _names(name, different), indices.reshape(-1).astype(np.int64)
    if values.dtype.kind in "US":
        names, indices = in_natural_order(names, indices)
    return Column(name, torch.from_numpy(indices), names)


def column_of_text(name: str, cells: Sequence[str]) -> Column:
    """A column as a table has it: numbers if each is one and some are not whole, else classes; empty cells say nothing.

    Args:
        name: What it is called.
        cells: One for each image.
    Raises:
        DataError: As `column` does.
    """
    filled = [cell for cell in cells if cell]
    # Numbers as people write codes, 007 or 01234, are names: their zeros mean something.
    is_code = any(len(cell) > 1 and cell[0] == "0" and cell.isdigit() for cell in filled)
    if filled and not is_code and all(map(_is_whole, filled)):
        whole = [int(cell) for cell in filled]
        made = column(name, np.array(whole, np.int64))
    elif filled and not is_code and all(map(is_number, filled)):
        numbers = torch.full((len(cells),), torch.nan)
        numbers[_where(cells)] = column(name, np.array(filled, np.float64)).values
        return Column(name, numbers, ())
    else:
        made = (
            column(name, np.array(filled, str))
            if filled
            else Column(name, torch.empty(0, dtype=torch.int64), ())
        )
    values = torch.full((len(cells),), -1, dtype=torch.int64)
    values[_where(cells)] = made.values
    return Column(name, values, made.classes)


def _where(cells: Sequence[str]) -> Tensor:
    return torch.tensor([bool(cell) for cell in cells], dtype=torch.bool)


def _names(name: str, different: NDArray[Any]) -> tuple[str, ...]:
    try:
        names = [value.decode() if isinstance(value, bytes) else str(value) for value in different.tolist()]
    except (UnicodeError, ValueError) as error:
        raise DataError(f"column {name} is not readable text; use {name}.astype(str)") from error
    for one in names:
        if len(one) > MAX_CLASS_NAME or not one.isprintable() or not one.strip():
            raise DataError(
                f"values of column {name} must be 1 to {MAX_CLASS_NAME} printable characters, "
                f"got '{shown(one)[:100]}'; rename them"
            )
    return tuple(names)


def _is_whole(cell: str) -> bool:
    return len(cell) <= 18 and cell.isascii() and (cell[1:] if cell[0] in "+-" else cell).isdigit()


def is_number(cell: str) -> bool:
    """Whether a cell of a table is a finite number."""
    try:
        return len(cell) <= 64 and np.isfinite(float(cell))
    except ValueError:
        return False
