"""The user's own images in an ``.npz`` file, as `numpy.savez` writes it.

The file is not trusted: what it claims is checked before memory is taken for it, and nothing in it is
executed.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from vae.columns import MAX_COLUMN_BYTES, MAX_COLUMNS, Column, Columns, check_name, column
from vae.images import (
    MAX_BYTES,
    MAX_CLASSES,
    MAX_DEFLATE_RATIO,
    MAX_IMAGES,
    DataError,
    Images,
    check_class_names,
    check_kind,
    check_sides,
    reason,
    shown,
)
from vae.places import user_path

#: Labels as text, unpacked; two million names of 32 letters.
_MAX_LABEL_BYTES = 256 * 2**20

#: More than numpy's own bound on a header (10,000), so that a header is read whole or refused.
_HEADER_BYTES = 2**14


class _Header(NamedTuple):
    """What an array in the file claims to be, found possible."""

    entry: zipfile.ZipInfo
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def read_npz(path: Path) -> Images:
    """Images, and labels if there are any, from a file made by `numpy.savez` or `numpy.savez_compressed`.

    ``images`` has shape ``(N, H, W)``, ``(N, H, W, C)`` or ``(N, C, H, W)`` with C = 1 or 3, and is uint8 (0
    to 255), bool, or float from 0 to 1. Floats are rounded to the nearest of 256 greys, because images are
    held as bytes; a uint8 array without a value above 1 is read as bool. ``labels``, shape ``(N,)``, are
    whole numbers or text, and the sorted different values are the classes.

    Args:
        path: The file.
    Raises:
        DataError: If the file is not like that, is larger than we take, or claims what it does not hold.
    """
    path = user_path(path, DataError, "check data.path")
    check_kind(path, "npz")
    try:
        with zipfile.ZipFile(path) as archive:
            images = _header(archive, "images", path)
            if images is None:
                names = ", ".join(sorted(shown(name.removesuffix(".npy")) for name in archive.namelist())[:5])
                raise DataError(
                    f"{shown(path)} must hold an array named images, got {names or 'nothing'}; "
                    "save it with numpy.savez(file, images=…, labels=…)"
                )
            channels_last = _check_images(images, path)
            labels = _header(archive, "labels", path)
            if labels is not None:
                _check_labels(labels, images.shape[0], path)
            pixels = _to_bytes(_array(archive, images, path), path)
            if pixels.ndim == 3:
                pixels = pixels[:, None]
            elif channels_last:
                pixels = np.ascontiguousarray(np.moveaxis(pixels, 3, 1))
            if labels is None:
                return Images(torch.from_numpy(pixels), None, ())
            numbers, class_names = _classes(_array(archive, labels, path), path)
            return Images(torch.from_numpy(pixels), numbers, class_names)
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
        raise DataError(
            f"{shown(path)} is not a whole .npz file ({reason(error)}); "
            "save it with numpy.savez(file, images=…, labels=…)"
        ) from error


def read_npz_columns(path: Path) -> Columns:
    """Further arrays of a file, one value for each image: whole numbers or text are classes, floats are numbers.

    Arrays of another shape are something else and are passed over. The images are not read.

    Args:
        path: The file.
    Raises:
        DataError: If the file cannot be read.
    """
    path = user_path(path, DataError, "check data.path")
    check_kind(path, "npz")
    found: list[Column] = []
    refused: list[str] = []
    try:
        with zipfile.ZipFile(path) as archive:
            images = _header(archive, "images", path)
            for entry in dict.fromkeys(archive.namelist()):
                name = entry.removesuffix(".npy")
                if images is None or name in ("images", "labels", entry):
                    continue
                if len(found) == MAX_COLUMNS:
                    refused.append(f"a file must have at most {MAX_COLUMNS} columns, got more; use fewer")
                    break
                try:
                    if (made := _column(archive, name, images.shape[0], path)) is not None:
                        found.append(made)
                except DataError as error:
                    refused.append(str(error))
                except (NotImplementedError, ValueError, ArithmeticError, EOFError, struct.error) as error:
                    refused.append(
                        f"column {shown(name)[:100]} cannot be read ({reason(error)}); save it anew"
                    )
    except DataError:
        raise
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, struct.error) as error:
        raise DataError(f"{shown(path)} cannot be read: {reason(error)}; check the file") from error
    return Columns(tuple(found), tuple(refused[:MAX_COLUMNS]))


def _column(archive: zipfile.ZipFile, name: str, num_images: int, path: Path) -> Column | None:
    """One further array as a column; None if it has another shape."""
    check_name(name)
    header = _header(archive, name, path)
    if header is None or header.shape != (num_images,):
        return None
    if header.dtype.itemsize * num_images > MAX_COLUMN_BYTES:
        raise DataError(
            f"column {name} must be at most {MAX_COLUMN_BYTES} bytes, got {header.dtype}; use shorter text"
        )
    if header.dtype.kind not in "biufUS":
        raise DataError(f"column {name} must be numbers or text, got {header.dtype}; use {name}.astype(str)")
    return column(name, _array(archive, header, path))


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
            f"{name} in {shown(path)} must be a plain array, got pickled Python objects, which could execute "
            f"anything; use one array with a number type, for example {name}.astype(numpy.uint8)"
        )
    size = prod(shape) * dtype.itemsize
    if size > MAX_BYTES:
        raise DataError(
            f"{name} in {shown(path)} must be at most {MAX_BYTES} bytes, "
            f"got shape {_short(shape)} of {dtype}; use fewer images"
        )
    if (
        min(shape, default=0) < 0
        or start.tell() + size != entry.file_size
        or entry.file_size > max(entry.compress_size, 1) * MAX_DEFLATE_RATIO
        or entry.compress_size > path.stat().st_size
    ):
        raise DataError(
            f"{name} in {shown(path)} claims shape {_short(shape)} of {dtype}, "
            "which is not what the file holds; save it anew"
        )
    return _Header(entry, shape, dtype)


def _short(shape: tuple[int, ...]) -> str:
    return str(shape) if len(str(shape)) <= 80 else f"{str(shape)[:77]}…"


def _check_images(header: _Header, path: Path) -> bool:
    """Check shape and type; True if the channels come last."""
    shape, dtype, place = header.shape, header.dtype, f"images in {shown(path)}"
    first, last = len(shape) == 4 and shape[1] in (1, 3), len(shape) == 4 and shape[3] in (1, 3)
    if len(shape) != 3 and not first and not last:
        raise DataError(
            f"{place} must have shape (N, H, W), (N, H, W, 1 or 3) or (N, 1 or 3, H, W), "
            f"got {_short(shape)}; reshape them"
        )
    if first and last:
        raise DataError(
            f"{place} have shape {shape}, in which the channels may come first or last; "
            "use shape (N, H, W) for grey images, or images more than 3 pixels wide"
        )
    if dtype.kind not in "bf" and dtype != np.uint8:
        raise DataError(
            f"{place} must be uint8, bool or float, got {dtype}; "
            "if they are 0 to 255, use images.astype(numpy.uint8)"
        )
    if not 1 <= shape[0] <= MAX_IMAGES:
        raise DataError(
            f"{place} must be 1 to {MAX_IMAGES} images, got {shape[0]}; check the array's first axis"
        )
    height, width = shape[1:3] if len(shape) == 3 or last else shape[2:4]
    check_sides(width, height, place)
    return last


def _check_labels(header: _Header, num_images: int, path: Path) -> None:
    if header.shape != (num_images,):
        raise DataError(
            f"labels in {shown(path)} must have shape ({num_images},), one for each image, "
            f"got {_short(header.shape)}; leave them out if there are none"
        )
    if header.dtype.kind not in "biuUS" or not 0 < header.dtype.itemsize * num_images <= _MAX_LABEL_BYTES:
        raise DataError(
            f"labels in {shown(path)} must be whole numbers or short text, got {header.dtype}; "
            "use labels.astype(int) or labels.astype(str)"
        )


def _array(archive: zipfile.ZipFile, header: _Header, path: Path) -> NDArray[Any]:
    """Read an array whose header was checked; `numpy.load` does the same with ``allow_pickle=False``."""
    try:
        with archive.open(header.entry) as file:
            array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    except (ValueError, EOFError, zlib.error) as error:
        raise DataError(f"{shown(path)} is cut short or damaged; save it anew") from error
    return array


def _to_bytes(images: NDArray[Any], path: Path) -> NDArray[np.uint8]:
    """Images as bytes from 0 to 255, in C order."""
    if images.dtype == np.bool_:
        # Not every byte of a bool array in a file need be 0 or 1.
        ones: NDArray[np.uint8] = (images.view(np.uint8) != 0).astype(np.uint8, order="C")
        return ones * np.uint8(255)
    if images.dtype == np.uint8:
        return np.ascontiguousarray(images * np.uint8(255) if images.max() <= 1 else images)
    result = np.empty(images.shape, np.uint8)
    at_once = max(1, 2**22 // prod(images.shape[1:]))  # so that the copies on the way stay small
    for start in range(0, len(images), at_once):
        block = images[start : start + at_once]
        low, high = block.min(), block.max()
        if not (low >= 0 and high <= 1):  # false for NaN too
            finite = np.isfinite(block).reshape(len(block), -1).all(axis=1)
            if not finite.all():
                number = start + int(finite.argmin())
                raise DataError(
                    f"images in {shown(path)} must be finite, got NaN or infinity in image {number}; "
                    "remove that image"
                )
            raise DataError(
                f"images in {shown(path)} must be from 0 to 1 if they are floats, got {low:g} to {high:g}; "
                "scale them, for example (images - images.min()) / numpy.ptp(images)"
            )
        result[start : start + at_once] = np.rint(block.astype(np.float32) * np.float32(255))
    return result


def _classes(values: NDArray[Any], path: Path) -> tuple[torch.Tensor, tuple[str, ...]]:
    """Numbers of the classes and their names, sorted as numbers or as text."""
    if values.dtype == np.bool_:
        values = values.view(np.uint8)
    different, numbers = np.unique(values, return_inverse=True)
    if len(different) > MAX_CLASSES:
        raise DataError(
            f"labels in {shown(path)} must be at most {MAX_CLASSES} different values, got {len(different)}; "
            "leave them out, or group them"
        )
    try:
        names = [value.decode() if isinstance(value, bytes) else str(value) for value in different.tolist()]
    except (UnicodeError, ValueError) as error:
        raise DataError(f"labels in {shown(path)} are not readable text; use labels.astype(str)") from error
    check_class_names(names, path)
    return torch.from_numpy(numbers.reshape(-1).astype(np.int64)), tuple(names)
