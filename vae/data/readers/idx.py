"""LeCun's IDX files, in which MNIST and its relatives are kept: a header with the shape, then the bytes."""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from contextlib import closing
from dataclasses import dataclass
from math import prod
from pathlib import Path

from torch import Tensor

from vae.data.types import MAX_BYTES, MAX_DEFLATE_RATIO, MAX_IMAGES, MAX_SIDE, DataError, reason, shown


def find_idx(raw: Path, name: str) -> Path | None:
    """The file, or the packed one that torchvision leaves beside it."""
    return next((path for path in (raw / name, raw / f"{name}.gz") if path.is_file()), None)


@dataclass(frozen=True)
class Idx:
    """An open file in LeCun's IDX format, its header read and found possible."""

    file: io.BufferedReader | gzip.GzipFile
    path: Path
    shape: tuple[int, ...]

    def close(self) -> None:
        self.file.close()

    def fill(self, values: Tensor) -> None:
        """Read the bytes into a contiguous tensor of this shape, without a copy.

        Raises:
            DataError: If they are fewer or more, or packed in a way that does not unpack.
        """
        view, done = values.numpy().reshape(-1).data, 0
        try:
            while done < len(view) and (num_read := self.file.readinto(view[done:])):
                done += num_read
            if done < len(view) or self.file.read(1):
                raise broken(self.path, "its length is not what its header says")
        except (OSError, EOFError, zlib.error) as error:
            raise broken(self.path, reason(error)) from error


def open_idx(raw: Path, name: str, num_dims: int) -> closing[Idx]:
    """Open a file of bytes in so many dimensions, with its header checked; for a with statement.

    Raises:
        DataError: If it is not there, not such a file, or not as long as it says.
    Source:
        http://yann.lecun.com/exdb/mnist/, "File formats"
    """
    path = find_idx(raw, name)
    if path is None:
        raise broken(raw / name, "it is not there")
    try:
        file = gzip.GzipFile(path) if path.suffix == ".gz" else path.open("rb")
    except OSError as error:
        raise broken(path, reason(error)) from error
    try:
        return closing(Idx(file, path, _checked_shape(file, path, num_dims)))
    except BaseException:
        file.close()
        raise


def _checked_shape(file: io.BufferedReader | gzip.GzipFile, path: Path, num_dims: int) -> tuple[int, ...]:
    num_bytes = 4 + 4 * num_dims
    try:
        header, length = file.read(num_bytes), path.stat().st_size
    except (OSError, EOFError, zlib.error) as error:
        raise broken(path, reason(error)) from error
    if len(header) < num_bytes or header[:4] != bytes((0, 0, 8, num_dims)):
        raise broken(path, f"it does not begin as bytes in {num_dims} dimensions do")
    shape = struct.unpack(f">{num_dims}I", header[4:])
    if not 1 <= shape[0] <= MAX_IMAGES or not all(1 <= side <= MAX_SIDE for side in shape[1:]):
        raise broken(path, f"its header claims the impossible shape {shape}")
    claimed = prod(shape) + num_bytes
    possible = claimed <= length * MAX_DEFLATE_RATIO if path.suffix == ".gz" else claimed == length
    if claimed > MAX_BYTES or not possible:
        raise broken(path, "its length is not what its header says")
    return shape


def broken(path: Path, problem: str) -> DataError:
    """The error of a file that is not what it should be, or not there."""
    return DataError(f"{shown(path)} cannot be read: {problem}; delete it and download the data again")
