"""Further arrays of an ``.npz`` file as columns: one value for each image."""

from __future__ import annotations

import struct
from collections.abc import Container, Iterator
from typing import TYPE_CHECKING

from vae.config.reading import Notes
from vae.data.attributes import MAX_COLUMN_BYTES, MAX_COLUMNS, Attributes, Column, check_name, column
from vae.data.types import DataError, parts_note, reason, shown

if TYPE_CHECKING:
    from vae.data.readers.npz_file import NpzFile


def columns_of(file: NpzFile, num_images: int, used: Container[str]) -> Attributes:
    """All columns of a file, and a sentence for each array of as many values that cannot be one.

    Args:
        file: The open file.
        num_images: How many values a column must have.
        used: Names of arrays that are something else.
    """
    each = list(_each(file, num_images, used))
    refused = [one for one in each if isinstance(one, str)]
    return Attributes(tuple(one for one in each if isinstance(one, Column)), tuple(refused[:MAX_COLUMNS]))


def note_columns(file: NpzFile, num_images: int, used: Container[str], notes: Notes) -> None:
    """Note what may be wrong with the columns of a file; no more than one column is in memory at once."""
    num = 0
    for one in _each(file, num_images, used):
        if isinstance(one, Column):
            parts_note(one.name, one.classes, notes)
        elif num < MAX_COLUMNS:
            notes.doubt(one)
            num += 1


def _each(file: NpzFile, num_images: int, used: Container[str]) -> Iterator[Column | str]:
    num = 0
    for name in file.names:
        if name in used or name in ("images", "labels"):
            continue
        if num == MAX_COLUMNS:
            yield f"a file must have at most {MAX_COLUMNS} columns, got more; use fewer"
            return
        try:
            if (made := _column(file, name, num_images)) is not None:
                num += 1
                yield made
        except DataError as error:
            yield str(error)
        except (NotImplementedError, ValueError, ArithmeticError, EOFError, struct.error) as error:
            yield f"column {shown(name)[:100]} cannot be read ({reason(error)}); save it again"


def is_column(shape: tuple[int, ...], num_images: int) -> bool:
    """Whether an array has one value for each image."""
    return shape in ((num_images,), (num_images, 1), (1, num_images))


def _column(file: NpzFile, name: str, num_images: int) -> Column | None:
    """One further array as a column; None if it has another shape."""
    check_name(name)
    if name in file.refused:
        raise file.refused[name]
    header = file.headers[name]
    if not is_column(header.shape, num_images):
        return None
    if header.dtype.itemsize * num_images > MAX_COLUMN_BYTES:
        raise DataError(
            f"column {name} must be at most {MAX_COLUMN_BYTES} bytes, got {header.dtype}; use shorter text"
        )
    if header.dtype.kind not in "biufUS":
        raise DataError(f"column {name} must be numbers or text, got {header.dtype}; use {name}.astype(str)")
    return column(name, file.array(name).reshape(-1))
