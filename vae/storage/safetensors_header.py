"""The header of a safetensors file, checked before its numbers are read.

Imports no torch: to look at a file needs none.
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

from vae.errors import UserError, clean, first_line
from vae.limits import HEADER_BYTES, HEADER_TENSORS
from vae.storage.atomic import disk_sentence, parse_json
from vae.storage.confined import names_in, open_plain

#: Version of the state that this code writes, and the newest that it reads.
FORMAT = 1

#: Bytes of one number of each type, by the name that the format has for it.
ITEM_BYTES = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1
}  # fmt: skip


class CheckpointError(UserError):
    """A checkpoint is missing, damaged, or of another model; the message says what to do."""


@dataclass(frozen=True)
class Entry:
    """Where the numbers of a tensor stand, counted from the end of the header."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def look_at(path: Path) -> tuple[list[Entry], dict[str, Any]]:
    """What a file's header says of its tensors, in the order in which they stand, and the state.

    Raises:
        CheckpointError: If it is missing, truncated, its header lies, or a newer version wrote it.
    """
    try:
        with open_file(path) as file:
            return read_header(path, file)
    except OSError as error:
        raise CheckpointError(disk_sentence(error)) from error


def inspect(path: Path) -> dict[str, Any]:
    """Check a file's header against its size, without reading the numbers.

    Returns:
        The state.
    Raises:
        CheckpointError: As `look_at` does.
    """
    return look_at(path)[1]


def header_bytes(path: Path) -> int:
    """How long a file says that its header is, bytes; 0 if it has none.

    Raises:
        CheckpointError: If it is missing, or cannot be read.
    """
    try:
        with open_file(path) as file:
            start = file.read(8)
    except OSError as error:
        raise CheckpointError(disk_sentence(error)) from error
    return min(int.from_bytes(start, "little"), HEADER_BYTES) if len(start) == 8 else 0


def open_file(path: Path) -> BinaryIO:
    """Open a file whose header is to be read.

    Raises:
        CheckpointError: If it is missing, or no plain file.
        OSError: If it cannot be read.
    """
    try:
        return open_plain(path)
    except FileNotFoundError:
        raise CheckpointError(f"there is no {_shown(path)}; {_remedy(path)}") from None
    except UserError as error:
        raise CheckpointError(str(error)) from None


def read_header(path: Path, file: BinaryIO) -> tuple[list[Entry], dict[str, Any]]:
    """As `look_at`, of an open file; it then stands where the numbers begin.

    All that the format asks for is checked, before room is made for anything: the tensors follow each other without a
    hole, each has the bytes of its shape and type, and together they end where the file does.

    Source:
        https://github.com/huggingface/safetensors, "Format"
    """
    size = os.fstat(file.fileno()).st_size
    if size < 8:
        raise damaged(path, f"it has {size} bytes and not even a header")
    (length,) = struct.unpack("<Q", file.read(8))
    if length > size - 8:
        raise damaged(path, f"it claims a header of {length:,} bytes and has {size:,} in all")
    if length > HEADER_BYTES:
        raise damaged(path, f"its header must have at most {HEADER_BYTES:,} bytes, and has {length:,}")
    try:
        header = parse_json(file.read(length).decode())
        metadata = header.pop("__metadata__", None) or {}
        version, kept = int(metadata.get("latent_lab", "1")), metadata.get("state", "{}")
        if len(header) > HEADER_TENSORS:
            raise ValueError(f"it must have at most {HEADER_TENSORS:,} tensors, and has {len(header):,}")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise damaged(path, f"its header cannot be read: {first_line(error)}") from None
    if version > FORMAT:
        raise CheckpointError(
            f"{_shown(path)} was written by a newer version (format {version}, this version reads up to "
            f"{FORMAT}); upgrade latent-lab"
        )
    try:
        entries = sorted(
            (_entry(*item) for item in header.items()), key=lambda entry: (entry.begin, entry.end)
        )
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(path, f"its header is wrong: {first_line(error)}") from None
    end = 0
    for entry in entries:
        if entry.begin != end:
            raise damaged(path, "its header is wrong: there is a hole between two tensors")
        end = entry.end
    if 8 + length + end != size:
        raise damaged(path, f"it must have {8 + length + end:,} bytes by its header, and has {size:,}")
    return entries, _state(path, kept)


def _state(path: Path, kept: str) -> dict[str, Any]:
    """The state, as the header keeps it."""
    try:
        state = parse_json(kept)
    except (ValueError, TypeError) as error:
        raise damaged(path, f"its state cannot be read: {first_line(error)}") from None
    if not isinstance(state, dict):
        raise damaged(path, "its state is not a JSON object")
    return state


def _entry(name: str, item: dict[str, Any]) -> Entry:
    """One tensor, as the header has it.

    Raises:
        ValueError, KeyError, TypeError: If it is none.
    """
    dtype, shape, (begin, end) = item["dtype"], item["shape"], item["data_offsets"]
    if type(dtype) is not str or dtype not in ITEM_BYTES:
        raise ValueError(f"numbers of type {clean(dtype, 40)} are not read here")
    numbers = [begin, end, *shape]
    if (
        type(shape) is not list
        or len(shape) > 8
        or any(type(number) is not int or not 0 <= number < 2**63 for number in numbers)
    ):
        raise ValueError("shapes and places must be a few whole numbers from 0")
    if end - begin != prod(shape) * ITEM_BYTES[dtype]:
        raise ValueError("a tensor must have the bytes of its shape and type, and has others")
    return Entry(name, dtype, tuple(shape), begin, end)


def damaged(path: Path, why: str) -> CheckpointError:
    """The error of a file that is not what it should be."""
    return CheckpointError(f"{_shown(path)} is damaged: {why}; {_remedy(path)}")


def _remedy(path: Path) -> str:
    """The other checkpoint of the folder, if there is one."""
    others: list[str] = []
    with suppress(OSError):
        there = names_in(path.parent)
        others = [name for name in ("best", "last") if f"{name}.safetensors" in there and name != path.stem]
    return (
        f"use the {others[0]} checkpoint, or train again"
        if others
        else "train the run again, or restore a copy"
    )


def _shown(path: Path) -> str:
    """The path from the run's folder on: long enough to find the file, short enough to read."""
    return "/".join(path.absolute().parts[-3:])
