"""An ``.npz`` file, opened: what its arrays claim to be, checked against its bytes, and each read when it is wanted."""

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
from numpy.typing import NDArray

from vae.data.readers.array_names import is_label_name, is_named
from vae.data.readers.array_shapes import short
from vae.data.types import MAX_BYTES, MAX_DEFLATE_RATIO, DataError, check_kind, reason, shown
from vae.storage.user_paths import user_path

#: More than numpy's own bound on a header (10,000), so that a header is read whole or refused.
_HEADER_BYTES = 2**14
#: Arrays of a file that are looked at.
_MAX_ARRAYS = 200


class Header(NamedTuple):
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
    headers: dict[str, Header] = field(default_factory=dict)
    refused: dict[str, DataError] = field(default_factory=dict)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: header.shape for name, header in self.headers.items()}

    def place(self, name: str) -> str:
        """An array, for a message."""
        return f"{shown(name)[:100]} in {shown(self.path)}"

    def array(self, name: str) -> NDArray[Any]:
        return _array(self.archive, self.headers[name], self.path)


@contextmanager
def open_npz(path: Path) -> Iterator[NpzFile]:
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


def num_bytes(header: Header) -> int:
    return prod(header.shape) * header.dtype.itemsize


def _header(archive: zipfile.ZipFile, name: str, path: Path) -> Header | None:
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
            "which is not what the file holds; save it again"
        )
    return Header(entry, shape, dtype)


def _plain(name: str, shape: tuple[int, ...]) -> str:
    """How an array of objects is saved as one of numbers or text."""
    if is_label_name(name) or (len(shape) == 1 and not is_named(name)):
        return f"save {name}.astype(str)"
    if len(shape) == 1:
        return f"save images of one size as one array, for example numpy.stack({name})"
    return f"use a number type, for example {name}.astype(float)"


def _array(archive: zipfile.ZipFile, header: Header, path: Path) -> NDArray[Any]:
    """Read an array whose header was checked; `numpy.load` does the same with ``allow_pickle=False``."""
    try:
        with archive.open(header.entry) as file:
            array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    except (ValueError, EOFError, zlib.error) as error:
        raise DataError(f"{shown(path)} is cut short or damaged; save it again") from error
    return array
