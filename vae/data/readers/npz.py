"""The user's own images in an ``.npz`` file, as `numpy.savez` writes it.

The file is not trusted: what it claims is checked before memory is taken for it, and nothing in it is
executed. What its arrays mean is for `vae.data.readers.array_names`, `array_shapes`, `array_labels` and `pixel_values`.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vae.config.reading import RULES, Notes, Reading
from vae.data.attributes import Columns
from vae.data.readers import array_labels
from vae.data.readers.array_names import Named, find_names, is_label_name, is_named, layout
from vae.data.readers.array_shapes import Shape, find_shape, short
from vae.data.readers.npz_columns import columns_of, is_column, note_columns
from vae.data.readers.pixel_values import constant_note, find_scale, not_numbers
from vae.data.types import (
    MAX_BYTES,
    MAX_DEFLATE_RATIO,
    DataError,
    Images,
    alike_note,
    check_class_names,
    check_kind,
    reason,
    shown,
    summary,
)
from vae.data.unpacked_size import check_room
from vae.storage.user_paths import user_path

#: Labels as text, unpacked; two million names of 32 letters.
_MAX_LABEL_BYTES = 256 * 2**20

#: More than numpy's own bound on a header (10,000), so that a header is read whole or refused.
_HEADER_BYTES = 2**14
#: Arrays of a file that are looked at.
_MAX_ARRAYS = 200


class _Header(NamedTuple):
    """What an array in the file claims to be, found possible."""

    entry: zipfile.ZipInfo
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


@dataclass
class NpzFile:
    """An open file, and what its arrays claim to be.

    Attributes:
        names: Of its arrays, in the order of the file.
        headers: Of all arrays that can be read, by their names.
        refused: Why others cannot.
    """

    archive: zipfile.ZipFile
    path: Path
    names: list[str] = field(default_factory=list)
    headers: dict[str, _Header] = field(default_factory=dict)
    refused: dict[str, DataError] = field(default_factory=dict)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: header.shape for name, header in self.headers.items()}

    def place(self, name: str) -> str:
        """An array, for a message."""
        return f"{shown(name)[:100]} in {shown(self.path)}"

    def array(self, name: str) -> NDArray[Any]:
        return _array(self.archive, self.headers[name], self.path)


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
    with _opened(path) as file:
        notes = Notes()
        names = _named(file, rules)
        shapes = [_shape_of(file, one, notes, rules) for one in names]
        named = {name for one in names for name in (one.images, one.labels)}
        names, shapes = _with_labels(names, shapes, notes)
        images = _read_images(file, names, shapes, notes)
        labels, class_names = _read_labels(file, names, shapes, notes, rules)
        parts = {one.part: shape.num for one, shape in zip(names, shapes, strict=True)}
        used = {name for one in names for name in (one.images, one.labels) if name is not None}
        if len(names) == 1:  # beside given parts there are no columns
            note_columns(file, len(images), used, notes)
        _pass_over(file, names, named, len(images), notes)
        alike_note(class_names, notes)
        num_test, num_validation = parts.get("test", 0), parts.get("validation", 0)
        notes.layout = summary(
            layout(names), tuple(images.shape), class_names, num_test=num_test, num_validation=num_validation
        )
        return Images(
            images,
            labels,
            class_names,
            num_test=num_test,
            num_validation=num_validation,
            reading=notes.reading(),
        )


def look_at_npz(path: Path) -> Reading:
    """What would be made of a file, as far as that is seen without reading an array.

    Raises:
        DataError: If it is not plain which arrays are the images, or one of them has a shape or type that is refused.
    """
    with _opened(path) as file:
        notes = Notes()
        names = _named(file, RULES)
        shapes = [_shape_of(file, one, notes, RULES) for one in names]
        named = {name for one in names for name in (one.images, one.labels)}
        names, shapes = _with_labels(names, shapes, notes)
        num = sum(shape.num for shape in shapes)
        _pass_over(file, names, named, num, notes)
        parts = {one.part: shape.num for one, shape in zip(names, shapes, strict=True)}
        size = (num, min(shapes[0].channels, 3), *shapes[0].sides)
        num_test, num_validation = parts.get("test", 0), parts.get("validation", 0)
        notes.layout = summary(layout(names), size, (), num_test=num_test, num_validation=num_validation)
        return notes.reading()


def read_npz_columns(path: Path, rules: int = RULES) -> Columns:
    """Further arrays of a file, one value for each image: whole numbers or text are classes, floats are numbers.

    Arrays of another shape are something else and are passed over. The images are not read. A file with given parts has
    no columns.

    Args:
        path: The file.
        rules: See `vae.config.reading.RULES`.
    Raises:
        DataError: If the file cannot be read.
    """
    with _opened(path) as file:
        names = find_names(file.shapes, rules)
        if len(names) != 1:
            return Columns()
        # Sums, not the shape's rules: whatever is wrong with the images is told when they are read.
        num_images = file.headers[names[0].images].shape[0]
        used = {name for name in (names[0].images, names[0].labels) if name is not None}
        return columns_of(file, num_images, used)


@contextmanager
def _opened(path: Path) -> Iterator[NpzFile]:
    """A file with the headers of its arrays read; what goes wrong in the block is a sentence."""
    path = user_path(path, DataError, "check data.path")
    check_kind(path, "npz")
    try:
        with zipfile.ZipFile(path) as archive:
            file = NpzFile(archive, path)
            entries = [name for name in dict.fromkeys(archive.namelist()) if name.endswith(".npy")]
            # However many there are, those that are called so are among them.
            named = [entry for entry in ("images.npy", "labels.npy") if entry in entries]
            first = dict.fromkeys([*entries[: _MAX_ARRAYS - len(named)], *named])
            for entry in first:
                name = entry.removesuffix(".npy")
                file.names.append(name)
                try:
                    header = _header(archive, name, path)
                except (DataError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
                    file.refused[name] = error if isinstance(error, DataError) else _broken(path, error)
                else:
                    assert header is not None, "the archive has just named it"
                    file.headers[name] = header
            yield file
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"{shown(path)} cannot be read: {reason(error)}; check the file") from error
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        ValueError,
        ArithmeticError,
        EOFError,
        struct.error,
    ) as error:
        raise _broken(path, error) from error


def _broken(path: Path, error: Exception) -> DataError:
    return DataError(
        f"{shown(path)} is not a whole .npz file ({reason(error)}); "
        "save it with numpy.savez(file, images=…, labels=…)"
    )


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
        if labels.dtype.kind not in "biufUS" or not 0 < _size(labels) <= _MAX_LABEL_BYTES:
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
            notes.leave_out("arrays beside given parts", f"{shown(name)} {short(shape)}")
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
    if sum(_size(file.headers[one.images]) for one in names) > MAX_BYTES:
        raise DataError(
            f"images in {shown(file.path)} must be at most {MAX_BYTES} bytes in all, got more; use fewer"
        )
    headers = [file.headers[one.images] for one in names]
    stored = sum(header.entry.compress_size for header in headers)
    check_room(sum(map(_size, headers)), stored, f"images in {shown(file.path)}")
    arrays = [shape.split(file.array(one.images)) for one, shape in zip(names, shapes, strict=True)]
    scale = find_scale([colours for colours, _ in arrays], file.place(names[0].images), notes)
    parts: list[Tensor] = []
    while arrays:  # one after the other, so that no more than one is there twice
        parts.append(torch.from_numpy(scale.to_opaque_bytes(*arrays.pop(0))))
    images = parts[0] if len(parts) == 1 else torch.cat(parts)
    constant_note(images.numpy(), notes)
    return images


def _size(header: _Header) -> int:
    return prod(header.shape) * header.dtype.itemsize


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


def _header(archive: zipfile.ZipFile, name: str, path: Path) -> _Header | None:
    """What an array claims, checked against the bytes that the file has for it; None if it is not there."""
    try:
        entry = archive.getinfo(f"{name}.npy")
    except KeyError:
        return None
    if entry.flag_bits & 1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(
            f"{name} in {shown(path)} is packed in a way that numpy.savez does not use; save it with that"
        )
    try:
        with archive.open(entry) as file:
            start = io.BytesIO(file.read(_HEADER_BYTES))
            version = np.lib.format.read_magic(start)
            if version == (1, 0):
                shape, _, dtype = np.lib.format.read_array_header_1_0(start)
            elif version == (2, 0):
                shape, _, dtype = np.lib.format.read_array_header_2_0(start)
            else:
                raise ValueError(f"version {version[0]}.{version[1]} is not known")
    except OSError:
        raise
    except Exception as error:  # numpy evaluates the header's text and lets through whatever that raises
        raise DataError(
            f"{name} in {shown(path)} does not begin as a numpy array does; save it with numpy.savez"
        ) from error
    if dtype.hasobject:
        raise DataError(
            f"{name} in {shown(path)} must be a plain array, got pickled Python objects, which could execute anything; "
            f"{_plain(name, shape)}"
        )
    size = prod(shape) * dtype.itemsize
    if size > MAX_BYTES:
        raise DataError(
            f"{name} in {shown(path)} must be at most {MAX_BYTES} bytes, "
            f"got shape {short(shape)} of {dtype}; use fewer images"
        )
    if (
        min(shape, default=0) < 0
        or start.tell() + size != entry.file_size
        or entry.file_size > max(entry.compress_size, 1) * MAX_DEFLATE_RATIO
        or entry.compress_size > path.stat().st_size
    ):
        raise DataError(
            f"{name} in {shown(path)} claims shape {short(shape)} of {dtype}, "
            "which is not what the file holds; save it anew"
        )
    return _Header(entry, shape, dtype)


def _plain(name: str, shape: tuple[int, ...]) -> str:
    """How an array of objects is saved as one of numbers or text."""
    if is_label_name(name) or (len(shape) == 1 and not is_named(name)):
        return f"save {name}.astype(str)"
    if len(shape) == 1:
        return f"save images of one size as one array, for example numpy.stack({name})"
    return f"use a number type, for example {name}.astype(float)"


def _array(archive: zipfile.ZipFile, header: _Header, path: Path) -> NDArray[Any]:
    """Read an array whose header was checked; `numpy.load` does the same with ``allow_pickle=False``."""
    try:
        with archive.open(header.entry) as file:
            array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    except (ValueError, EOFError, zlib.error) as error:
        raise DataError(f"{shown(path)} is cut short or damaged; save it anew") from error
    return array
