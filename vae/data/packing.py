"""Image files that somebody sends, a zip or a folder, made into the `.npz` file that a run keeps.

What is sent is not trusted: names never lead out of the folder that is unpacked into, and bytes are counted while they
are written rather than believed.
"""

from __future__ import annotations

import hashlib
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from vae.config.reading import Notes, Reading
from vae.data.attributes import Column
from vae.data.readers.image_files import SUFFIXES
from vae.data.readers.image_folder import read_folder, read_folder_columns
from vae.data.types import DataError, shown
from vae.storage.scratch import scratch

#: Files of one folder or archive, and bytes of all of them, unpacked.
MAX_FILES, MAX_BYTES = 200_000, 4 << 30
#: Folders above a file.
_MAX_DEPTH = 8
_BLOCK = 1 << 20
_MOST_DOUBTS = 40
#: Names of arrays of a file that columns must not take.
_TAKEN = frozenset(
    ("images", "labels", "x_train", "y_train", "x_validation", "y_validation", "x_test", "y_test")
)
#: Bytes of the name of a file or folder; systems take 255.
_MAX_NAME_BYTES = 200
#: What reading a damaged or locked entry of a zip raises; bzip2 raises an OSError, and places and names that are
#: damaged a ValueError.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
)
#: What a name may not have on some system.
_ODD = re.compile(r'[\x00-\x1f<>:"|?*\\]')


def pack_zip(archive: BinaryIO, name: str, target: BinaryIO) -> Reading:
    """Make a zip of images, laid out as an image folder, into an `.npz` file.

    Args:
        archive: The zip.
        name: What the user calls it.
        target: Where the `.npz` goes; it must be seekable.
    Returns:
        How the folder in it was understood, and what was left out.
    Raises:
        DataError: If it is no zip, is larger than we take, or no image in it can be read.
    """
    try:
        file = zipfile.ZipFile(archive)
    except _DAMAGED as error:
        raise _not_whole(name, error) from error
    with scratch() as place, file:
        members = [entry for entry in file.infolist() if not entry.is_dir()]
        images = [entry for entry in members if _is_image(entry.filename)] or members
        if images and all(entry.flag_bits & 1 for entry in images):
            raise DataError(f"{shown(name)} must not be locked by a password, and is; pack it without one")
        folder, notes = place / _stem(name), Notes()
        entries = ((entry.filename, partial(file.open, entry)) for entry in members)
        _unpack(entries, len(members), name, folder, notes)
        return _pack(folder, name, target, notes)


def pack_files(files: Iterable[tuple[str, IO[bytes]]], num: int, name: str, target: BinaryIO) -> Reading:
    """Make files of a folder, each with its path below it, into an `.npz` file; see `pack_zip`.

    Args:
        files: Paths with ``/`` between folder and file, and what is in each.
        num: How many there are.
        name: What the user calls the folder.
        target: Where the `.npz` goes; it must be seekable.
    """
    with scratch() as place:
        folder, notes = place / _stem(name), Notes()
        entries = ((path, partial(_same, file)) for path, file in files)
        _unpack(entries, num, name, folder, notes)
        return _pack(folder, name, target, notes)


def _stem(name: str) -> str:
    return _ODD.sub("_", PurePosixPath(name).stem)[:60].strip(". ") or "images"


def _same(file: IO[bytes]) -> IO[bytes]:
    return file


def _unpack(
    files: Iterable[tuple[str, Callable[[], IO[bytes]]]], num: int, name: str, folder: Path, notes: Notes
) -> None:
    """Write files into a folder; those that are damaged in the archive are left out, and all if all are.

    Raises:
        DataError: If they are too many or too large, or one has a path that leads elsewhere or is another's.
    """
    if not 1 <= num <= MAX_FILES:
        raise DataError(f"{shown(name)} must hold 1 to {MAX_FILES:,} files, got {num:,}; send fewer")
    left, damage, has_image = MAX_BYTES, None, False
    folder.mkdir()
    for path, opened in files:
        parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
        if not parts or ".." in parts or path.startswith("/") or len(parts) > _MAX_DEPTH:
            raise DataError(
                f"files in {shown(name)} must have a path of at most {_MAX_DEPTH} parts that stays inside, got "
                f"{shown(path)[:80]!r}; pack the folder again"
            )
        target = folder.joinpath(*map(_file_name, parts))
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                for block in _blocks(opened):
                    left -= len(block)
                    if left < 0:
                        raise DataError(
                            f"{shown(name)} must hold at most {MAX_BYTES >> 30} GiB unpacked, got more; send fewer "
                            "or smaller images"
                        )
                    file.write(block)
            has_image |= _is_image(path)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise DataError(
                f"files in {shown(name)} must each have a path of their own, got {shown(path)[:80]!r} twice; pack the "
                "folder again"
            ) from error
        except _Damaged as error:
            damage = error
            target.unlink(missing_ok=True)
            notes.leave_out("files that are damaged or locked in the zip", shown(path))
    if damage is not None and not has_image:
        raise _not_whole(name, damage) from damage


class _Damaged(Exception):
    """A file in a zip is damaged or locked."""


def _blocks(opened: Callable[[], IO[bytes]]) -> Iterator[bytes]:
    """What is in a file, a block at a time.

    Raises:
        _Damaged: If that cannot be read.
    """
    try:
        with opened() as source:
            while block := source.read(_BLOCK):
                yield block
    except _DAMAGED as error:
        raise _Damaged(str(error)) from error


def _not_whole(name: str, error: Exception) -> DataError:
    return DataError(
        f"{shown(name)} is not a whole zip file ({shown(str(error))[:80]}); pack the images again"
    )


def _is_image(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in SUFFIXES


def _file_name(part: str) -> str:
    """A name that every system takes: of a long one the beginning, a digest of all, and the ending."""
    name = _ODD.sub("_", part).rstrip(". ") or "_"
    content = name.encode("utf-8", "replace")
    if len(content) <= _MAX_NAME_BYTES:
        return name
    digest = hashlib.blake2b(content, digest_size=4).hexdigest()
    return (
        content[: _MAX_NAME_BYTES - 30].decode("utf-8", "ignore")
        + f"-{digest}{PurePosixPath(name).suffix[-12:]}"
    )


def _pack(folder: Path, name: str, target: BinaryIO, notes: Notes) -> Reading:
    """Read a folder as any other, and write its images, labels, parts and columns."""
    whole, folder = folder, _unwrapped(folder)
    try:
        found = read_folder(folder)
        columns = read_folder_columns(folder).found
    except DataError as error:
        text = str(error).replace(shown(folder), shown(name)).replace(shown(whole), shown(name))
        raise DataError(text) from error
    found = replace(found, reading=notes.joined(found.reading))
    images = found.images.numpy()
    names = np.array(found.class_names, dtype=str)
    labels = None if found.labels is None else names[found.labels.numpy()]
    num, num_test, num_validation = len(images), found.num_test, found.num_validation
    if num_test or num_validation:
        ends = (0, num - num_test - num_validation, num - num_test, num)
        arrays: dict[str, NDArray[Any]] = {}
        for part, start, end in zip(("train", "validation", "test"), ends, ends[1:], strict=False):
            if end > start:
                arrays[f"x_{part}"] = images[start:end]
                if labels is not None:
                    arrays[f"y_{part}"] = labels[start:end]
    else:
        arrays = {"images": images, **({} if labels is None else {"labels": labels})}
        arrays |= _columns(columns, doubted := Notes())
        doubts = (*found.reading.doubts, *doubted.reading().doubts)
        found = replace(found, reading=found.reading.replace(doubts=doubts[:_MOST_DOUBTS]))
    save: Any = np.savez  # its types take names for further options
    save(target, allow_pickle=False, **arrays)
    return found.reading


def _unwrapped(folder: Path) -> Path:
    """The folder inside, where what was sent is one folder with everything in it: it is no class."""
    for _ in range(_MAX_DEPTH):
        inside = [path for path in folder.iterdir() if not path.name.startswith((".", "__MACOSX"))]
        if len(inside) != 1 or not inside[0].is_dir():
            break
        folder = inside[0]
    return folder


def _columns(columns: Sequence[Column], notes: Notes) -> dict[str, NDArray[Any]]:
    """Columns as arrays that are read again as the same columns."""
    kept: dict[str, NDArray[Any]] = {}
    for column in columns:
        values = column.values.numpy()
        has_gaps = bool(np.isnan(values).any() if column.is_number else (values < 0).any())
        if has_gaps or column.name.lower() in _TAKEN or not re.fullmatch(r"[\w .()%/-]+", column.name):
            why = "has gaps" if has_gaps else "has a name that a file of arrays cannot hold"
            notes.doubt(f"column {shown(column.name)[:80]} {why} and was left out; fill it in, or rename it")
            continue
        kept[column.name.replace("/", "_")] = values if column.is_number else np.array(column.classes)[values]
    return kept
