"""The user's own images in an ``.npz`` file, as `numpy.savez` writes it.

The file is not trusted: what it claims is checked before memory is taken for it, and nothing in it is
executed. What its arrays mean is for `vae.data.readers.array_names`, `array_shapes`, `array_labels` and `pixel_values`.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vae.config.reading import RULES, Notes, Reading
from vae.data.attributes import Attributes
from vae.data.readers import array_labels
from vae.data.readers.array_names import Named, find_names, is_named, layout
from vae.data.readers.array_shapes import Shape, find_shape, short
from vae.data.readers.npz_columns import columns_of, is_column, note_columns
from vae.data.readers.npz_file import NpzFile, num_bytes, open_npz
from vae.data.readers.pixel_values import constant_note, find_scale, not_numbers
from vae.data.types import (
    MAX_BYTES,
    DataError,
    Images,
    check_class_names,
    own_images,
    shown,
    summary,
)
from vae.data.unpacked_size import check_room

#: Labels as text, unpacked; two million names of 32 letters.
_MAX_LABEL_BYTES = 256 * 2**20


def read_npz(path: Path, rules: int = RULES) -> Images:
    """Images, and labels if there are any, from a file made by `numpy.savez` or `numpy.savez_compressed`.

    They are called ``images`` and ``labels``, or as people call them (``x_train``, ``y_train``, ``x_test`` … for given
    parts, which are kept). Images have shape ``(N, H, W)``, ``(N, H, W, C)`` or ``(N, C, H, W)`` with C = 1, 3, or 4
    with transparency, and become bytes, see `vae.data.readers.pixel_values.find_scale`. Labels are one whole number or
    text for each image, or one-hot; the sorted different values are the classes. What was made of the file, and what
    was left out, is in the answer's `Images.reading`.

    Args:
        path: The file.
        rules: See `vae.config.reading.RULES`.
    Raises:
        DataError: If the file is not like that, is larger than we take, or claims what it does not hold.
    """
    with open_npz(path) as file:
        notes = Notes()
        names, shapes, named = _arrays(file, rules, notes)
        images = _read_images(file, names, shapes, notes)
        labels, class_names = _read_labels(file, names, shapes, notes, rules)
        parts = {one.part: shape.num for one, shape in zip(names, shapes, strict=True)}
        used = {name for one in names for name in (one.images, one.labels) if name is not None}
        if len(names) == 1:  # beside given parts there are no columns
            note_columns(file, len(images), used, notes)
        _pass_over(file, names, named, len(images), notes)
        return own_images(
            images,
            labels,
            class_names,
            notes,
            layout=layout(names),
            num_test=parts.get("test", 0),
            num_validation=parts.get("validation", 0),
        )


class Size(NamedTuple):
    """What the images of a file are, as its headers say: ``(N, C, H, W)``, and bytes as they are saved."""

    shape: tuple[int, int, int, int]
    num_bytes: int
    reading: Reading


def look_at_npz(path: Path) -> Reading:
    """What would be made of a file, as far as that is seen without reading an array.

    Raises:
        DataError: If it is not plain which arrays are the images, or one of them has a shape or type that is refused.
    """
    return size_of_npz(path).reading


def size_of_npz(path: Path) -> Size:
    """How large the images of a file are, without reading an array.

    Raises:
        DataError: As `look_at_npz`.
    """
    with open_npz(path) as file:
        notes = Notes()
        names, shapes, named = _arrays(file, RULES, notes)
        num = sum(shape.num for shape in shapes)
        _pass_over(file, names, named, num, notes)
        parts = {one.part: shape.num for one, shape in zip(names, shapes, strict=True)}
        size = (num, min(shapes[0].channels, 3), *shapes[0].sides)
        num_test, num_validation = parts.get("test", 0), parts.get("validation", 0)
        notes.layout = summary(layout(names), size, (), num_test=num_test, num_validation=num_validation)
        stored = sum(num_bytes(file.headers[one.images]) for one in names)
        return Size(size, stored, notes.reading())


def read_npz_columns(path: Path, rules: int = RULES) -> Attributes:
    """Further arrays of a file, one value for each image: whole numbers or text are classes, floats are numbers.

    Arrays of another shape are something else and are passed over. The images are not read. A file with given parts has
    no columns.

    Args:
        path: The file.
        rules: See `vae.config.reading.RULES`.
    Raises:
        DataError: If the file cannot be read.
    """
    with open_npz(path) as file:
        names = find_names(file.shapes, rules)
        if len(names) != 1:
            return Attributes()
        # Sums, not the shape's rules: whatever is wrong with the images is told when they are read.
        num_images = file.headers[names[0].images].shape[0]
        used = {name for name in (names[0].images, names[0].labels) if name is not None}
        return columns_of(file, num_images, used)


def _arrays(file: NpzFile, rules: int, notes: Notes) -> tuple[list[Named], list[Shape], set[str | None]]:
    """The arrays to read, what their headers say of them, and the names of all that were found.

    Raises:
        DataError: As `_named` and `_shape_of`.
    """
    names = _named(file, rules)
    shapes = [_shape_of(file, one, notes, rules) for one in names]
    named = {name for one in names for name in (one.images, one.labels)}
    return *_with_labels(names, shapes, notes), named


def _named(file: NpzFile, rules: int) -> list[Named]:
    """The arrays to read.

    Raises:
        DataError: If it is not plain which they are, or one of them cannot be read.
    """
    for name, error in file.refused.items():
        if name in ("images", "labels") or (rules > 1 and "images" not in file.headers and is_named(name)):
            raise error
    names = find_names(file.shapes, rules)
    if not names:
        there = ", ".join(sorted(map(shown, file.names))[:5])
        raise DataError(
            f"{shown(file.path)} must hold an array named images, got {there or 'nothing'}; "
            "save it with numpy.savez(file, images=…, labels=…)"
        )
    return names


def _shape_of(file: NpzFile, one: Named, notes: Notes, rules: int) -> Shape:
    """Which axes of the images are which, with labels that fit them."""
    header, place = file.headers[one.images], file.place(one.images)
    labels = None if one.labels is None else file.headers[one.labels]
    num_labels = None if labels is None else array_labels.num_labels(labels.shape)
    shape = find_shape(header.shape, place, notes, num_labels=num_labels, rules=rules)
    if header.dtype.kind not in "buif":
        raise not_numbers(header.dtype, place)
    if labels is not None:
        assert one.labels is not None, "they have a header"
        array_labels.check_shape(labels.shape, shape.num, file.place(one.labels), one.labels)
        if labels.dtype.kind not in "biufUS" or not 0 < num_bytes(labels) <= _MAX_LABEL_BYTES:
            raise DataError(
                f"{file.place(one.labels)} must be whole numbers or short text, got {labels.dtype}; use "
                f"{one.labels}.astype(str) with fewer letters, or numbers"
            )
    return shape


def _with_labels(names: list[Named], shapes: list[Shape], notes: Notes) -> tuple[list[Named], list[Shape]]:
    """Only the parts that have labels, if the images to train on have; and no labels if those have none."""
    if names[0].labels is None:
        for one in names[1:]:
            if one.labels is not None:
                notes.leave_out("labels of a part, where the images to train on have none", one.labels)
        return [Named(one.part, one.images, None) for one in names], shapes
    kept = [(one, shape) for one, shape in zip(names, shapes, strict=True) if one.labels is not None]
    for one, shape in zip(names, shapes, strict=True):
        if one.labels is None:
            notes.leave_out("images of a part without labels, where others have them", one.images, shape.num)
    return [one for one, _ in kept], [shape for _, shape in kept]


def _pass_over(
    file: NpzFile, names: list[Named], named: set[str | None], num_images: int, notes: Notes
) -> None:
    """Note the arrays that are neither images nor labels, and which of them are columns."""
    columns = []
    for name, shape in file.shapes.items():
        if name in named:
            continue
        if len(names) > 1:
            notes.leave_out("arrays besides given parts", f"{shown(name)} {short(shape)}")
        elif is_column(shape, num_images):
            columns.append(shown(name)[:40])
        else:
            notes.leave_out("arrays without one value for each image", f"{shown(name)} {short(shape)}")
    if columns:
        listed = ", ".join(columns[:5]) + ", …" * (len(columns) > 5)
        remedy = "" if names[0].labels else "; save one of them as labels if its values are the classes"
        notes.did(f"further arrays are columns to colour the map by: {listed}{remedy}")


def _read_images(file: NpzFile, names: list[Named], shapes: list[Shape], notes: Notes) -> Tensor:
    """All parts as bytes ``(N, 1 or 3, H, W)``, one behind the other."""
    sizes = dict.fromkeys((min(shape.channels, 3), *shape.sides) for shape in shapes)
    if len(sizes) > 1:
        got = " and ".join(f"{width}×{height} with {channels} channels" for channels, height, width in sizes)
        raise DataError(
            f"all parts of {shown(file.path)} must have images of one size, got {got}; save them alike"
        )
    if sum(num_bytes(file.headers[one.images]) for one in names) > MAX_BYTES:
        raise DataError(
            f"images in {shown(file.path)} must be at most {MAX_BYTES} bytes in all, got more; use fewer"
        )
    headers = [file.headers[one.images] for one in names]
    stored = sum(header.entry.compress_size for header in headers)
    check_room(sum(map(num_bytes, headers)), stored, f"images in {shown(file.path)}")
    arrays = [shape.split(file.array(one.images)) for one, shape in zip(names, shapes, strict=True)]
    scale = find_scale([colours for colours, _ in arrays], file.place(names[0].images), notes)
    parts: list[Tensor] = []
    while arrays:  # one after the other, so that no more than one is there twice
        parts.append(torch.from_numpy(scale.to_opaque_bytes(*arrays.pop(0))))
    images = parts[0] if len(parts) == 1 else torch.cat(parts)
    constant_note(images.numpy(), notes)
    return images


def _read_labels(
    file: NpzFile, names: list[Named], shapes: list[Shape], notes: Notes, rules: int
) -> tuple[Tensor | None, tuple[str, ...]]:
    """Numbers of the classes of all parts, and the classes' names; None if there are none.

    What is called labels must be such; of another name that people give them it may be something else.
    """
    found = []
    for one, shape in zip(names, shapes, strict=True):
        if one.labels is None:
            return None, ()
        try:
            place = file.place(one.labels)
            found.append(array_labels.vector(file.array(one.labels), shape.num, place, notes, one.labels))
            if len(found) == len(names):
                values = np.concatenate(found)
                numbers, class_names = array_labels.classes(values, place, rules, one.labels)
                check_class_names(class_names, file.path)
                return numbers, class_names
        except DataError as error:
            if one.labels == "labels" or one.part is not None:
                raise
            notes.doubt(f"the images have no labels: {error}")
            return None, ()
    return None, ()
